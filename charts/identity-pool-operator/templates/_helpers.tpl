{{/* The chart's name, or what replaces it. */}}
{{- define "identity-pool-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
The name of the release's objects: at most 52 characters, so that the longest suffix fits into the
63 of a label, and without the dots that a release may have and a Service may not.
*/}}
{{- define "identity-pool-operator.fullname" -}}
{{- $name := include "identity-pool-operator.name" . }}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) }}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "identity-pool-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "identity-pool-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "identity-pool-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "identity-pool-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: identity-pool-operator
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
Labels and annotations of an object: (list $ labels annotations). What the object brings itself is
stronger than what is common.
*/}}
{{- define "identity-pool-operator.marks" -}}
{{- $root := index . 0 }}
{{- $labels := include "identity-pool-operator.labels" $root | fromYaml -}}
labels:
  {{- toYaml (merge dict (index . 1) $labels) | nindent 2 }}
{{- with merge dict (index . 2) $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "identity-pool-operator.serviceAccountName" -}}
{{- $made := include "identity-pool-operator.fullname" . }}
{{- default (ternary $made "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "identity-pool-operator.image" -}}
{{- $image := printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- with .Values.image.digest }}{{ $image = printf "%s@%s" $image . }}{{ end }}
{{- $image }}
{{- end }}

{{/* The namespaces that are looked after, as JSON in an object; none is all. */}}
{{- define "identity-pool-operator.watchNamespaces" -}}
{{- $own := ternary (list .Release.Namespace) list (eq .Values.installScope "namespace") }}
{{- dict "names" (default $own .Values.watchNamespaces | uniq) | toJson }}
{{- end }}

{{- define "identity-pool-operator.leaseNamespace" -}}
{{- default .Release.Namespace .Values.leaderElection.namespace }}
{{- end }}

{{/* Gives a term that selects pods and says not which the labels of ours: (list $ term). */}}
{{- define "identity-pool-operator.selecting" -}}
{{- $labels := include "identity-pool-operator.selectorLabels" (index . 0) | fromYaml }}
{{- toJson (merge dict (index . 1) (dict "labelSelector" (dict "matchLabels" $labels))) }}
{{- end }}

{{/* Affinity, whose terms for pods get the labels of ours where they have none. */}}
{{- define "identity-pool-operator.affinity" -}}
{{- $affinity := deepCopy .Values.affinity }}
{{- range $kind := list "podAffinity" "podAntiAffinity" }}
  {{- with get $affinity $kind }}
    {{- $required := list }}
    {{- range .requiredDuringSchedulingIgnoredDuringExecution }}
      {{- $term := . }}
      {{- if not (hasKey . "labelSelector") }}
        {{- $term = include "identity-pool-operator.selecting" (list $ .) | fromJson }}
      {{- end }}
      {{- $required = append $required $term }}
    {{- end }}
    {{- $preferred := list }}
    {{- range .preferredDuringSchedulingIgnoredDuringExecution }}
      {{- $term := .podAffinityTerm }}
      {{- if not (hasKey $term "labelSelector") }}
        {{- $term = include "identity-pool-operator.selecting" (list $ $term) | fromJson }}
      {{- end }}
      {{- $preferred = append $preferred (merge (dict "podAffinityTerm" $term) .) }}
    {{- end }}
    {{- $terms := dict }}
    {{- with $required }}{{ $_ := set $terms "requiredDuringSchedulingIgnoredDuringExecution" . }}{{ end }}
    {{- with $preferred }}{{ $_ := set $terms "preferredDuringSchedulingIgnoredDuringExecution" . }}{{ end }}
    {{- $_ := set $affinity $kind $terms }}
  {{- end }}
{{- end }}
{{- toYaml $affinity }}
{{- end }}
