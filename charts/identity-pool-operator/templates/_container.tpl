{{/*
The operator's arguments: one line for each flag. A test compares them with the flags that the
binary has, so a new flag cannot be forgotten.
*/}}
{{- define "identity-pool-operator.arguments" -}}
{{- $v := .Values }}
- run
{{- with (include "identity-pool-operator.watchNamespaces" . | fromJson).names }}
- --watch-namespaces={{ join "," . }}
{{- end }}
{{- with $v.watchSelector }}
- {{ printf "--watch-selector=%s" . | quote }}
{{- end }}
{{- with $v.installationId }}
- {{ printf "--installation-id=%s" . | quote }}
{{- end }}
- --settle-window-seconds={{ int $v.operator.settleWindowSeconds }}
- --resync-period-seconds={{ int $v.operator.resyncPeriodSeconds }}
- --max-concurrent-reconciles={{ int $v.operator.maxConcurrentReconciles }}
{{- with $v.aws.maxReadsPerSecond }}
- --max-aws-reads-per-second={{ . }}
{{- end }}
{{- with $v.aws.maxWritesPerSecond }}
- --max-aws-writes-per-second={{ . }}
{{- end }}
{{- if $v.operator.allowAdoption }}
- --allow-adoption
{{- end }}
{{- if $v.classes.enabled }}
- --classes
{{- if $v.classes.required }}
- --require-class
{{- end }}
{{- with $v.classes.selector }}
- {{ printf "--class-selector=%s" . | quote }}
{{- end }}
{{- end }}
{{- if $v.operator.waitForAws }}
- --wait-for-aws
{{- end }}
{{- with include "identity-pool-operator.keys" . }}
- --aws-keys-directory={{ . }}
{{- end }}
- --leader-elect={{ $v.leaderElection.enabled }}
{{- if $v.leaderElection.enabled }}
{{- with $v.leaderElection.namespace }}
- --leader-election-namespace={{ . }}
{{- end }}
- --leader-election-lease-duration-seconds={{ int $v.leaderElection.leaseDurationSeconds }}
- --leader-election-renew-deadline-seconds={{ int $v.leaderElection.renewDeadlineSeconds }}
- --leader-election-retry-period-seconds={{ int $v.leaderElection.retryPeriodSeconds }}
{{- end }}
- --metrics-bind-address={{ ternary (printf ":%d" (int $v.metrics.port)) "0" $v.metrics.enabled }}
- --health-probe-bind-address=:{{ int $v.healthProbePort }}
- {{ printf "--log-level=%s" $v.log.level | quote }}
- --log-format={{ $v.log.format }}
{{- with $v.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
Where the Secret with AWS keys is mounted; it has the Secret's name, so that messages do. A pod with
variables from it would not be started before it is there, and say nothing.
*/}}
{{- define "identity-pool-operator.keys" -}}
{{- with .Values.aws.credentials.existingSecret }}/var/run/secrets/aws/{{ . }}{{ end }}
{{- end }}

{{/* Which pod it is, for Events on it; the AWS SDK's own variables; those of the user. */}}
{{- define "identity-pool-operator.environment" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_UID
  valueFrom: {fieldRef: {fieldPath: metadata.uid}}
{{- with .Values.aws.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.aws.endpointUrl }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
