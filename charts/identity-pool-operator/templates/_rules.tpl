{{/*
What the operator does in a namespace, as RBAC rules: the same in a ClusterRole and in a Role. A
test takes each away in turn, and sees in the apiserver's audit log that nothing else is asked for.
list is used where a watch cannot begin with the list: on Kubernetes 1.31 and 1.33.
*/}}
{{- define "identity-pool-operator.rules" -}}
- apiGroups: [cognito-identity.dev]
  resources: [identitypools]
  verbs: [get, list, watch, patch]
- apiGroups: [cognito-identity.dev]
  resources: [identitypools/status]
  verbs: [patch]
{{ include "identity-pool-operator.eventRules" . }}
{{- with .Values.rbac.references }}
{{- if .configMaps }}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
{{- end }}
{{- if .secrets }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
{{- end }}
{{- range .objects }}
- apiGroups: [{{ .apiGroup | quote }}]
  resources: {{ toJson .resources }}
  verbs: [get, list, watch]
{{- end }}
{{- end }}
{{- if and .Values.rbac.exports.enabled (not .Values.rbac.exports.namespaces) }}
{{ include "identity-pool-operator.exportRules" . }}
{{- end }}
{{- end }}

{{/* For classes, which are the cluster's; labels of namespaces say who may use them. */}}
{{- define "identity-pool-operator.classRules" -}}
- apiGroups: [cognito-identity.dev]
  resources: [identitypoolclasses]
  verbs: [list, watch, patch]
- apiGroups: [cognito-identity.dev]
  resources: [identitypoolclasses/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end }}

{{/* For externalIdFrom. */}}
{{- define "identity-pool-operator.externalIdRules" -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson .Values.classes.externalIdSecrets }}
  verbs: [get]
{{- end }}

{{- define "identity-pool-operator.eventRules" -}}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{/* For spec.export; list and watch only to notice at once what others do to a ConfigMap. */}}
{{- define "identity-pool-operator.exportRules" -}}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, create, patch, delete, list, watch]
{{- end }}

{{/* The rules of the Lease; what does not exist yet has no name to grant by. */}}
{{- define "identity-pool-operator.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [identity-pool-operator]
  verbs: [get, update, list, watch]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
{{- end }}

{{/* Role and RoleBinding for the operator: (list $ namespace suffix rules). */}}
{{- define "identity-pool-operator.grant" -}}
{{- $root := index . 0 }}
{{- $namespace := index . 1 }}
{{- $name := printf "%s%s" (include "identity-pool-operator.fullname" $root) (index . 2) -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}
  namespace: {{ $namespace }}
  {{- include "identity-pool-operator.marks" (list $root dict dict) | nindent 2 }}
rules:
  {{- index . 3 | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $name }}
  namespace: {{ $namespace }}
  {{- include "identity-pool-operator.marks" (list $root dict dict) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "identity-pool-operator.serviceAccountName" $root }}
    namespace: {{ $root.Release.Namespace }}
{{ end }}
