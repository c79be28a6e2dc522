{{/* The installation's name in this cluster. */}}
{{- define "gateway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gateway.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "gateway.selector" . }}
{{- end -}}

{{/* Labels of one part of the installation: (list $ "emulator"). */}}
{{- define "gateway.partSelector" -}}
{{ include "gateway.selector" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "gateway.partLabels" -}}
{{ include "gateway.labels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* An image reference: (list $ .Values.image "image"). */}}
{{- define "gateway.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}{{- $where := index . 2 -}}
{{- $repository := required (printf "%s.repository is needed: where the image was pushed to" $where) $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default $root.Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "gateway.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gateway.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "gateway.tlsSecret" -}}
{{- default (printf "%s-tls" (include "gateway.fullname" .)) .Values.tls.secretName -}}
{{- end -}}

{{- define "gateway.policyConfigMap" -}}
{{- default (printf "%s-policy" (include "gateway.fullname" .)) .Values.policy.existingConfigMap -}}
{{- end -}}

{{/* The names by which callers reach it, as a JSON list. */}}
{{- define "gateway.dnsNames" -}}
{{- $names := list -}}
{{- range $service := list (include "gateway.fullname" .) (printf "%s-headless" (include "gateway.fullname" .)) -}}
{{- $inNamespace := printf "%s.%s" $service $.Release.Namespace -}}
{{- $names = concat $names (list $service $inNamespace (printf "%s.svc" $inNamespace) (printf "%s.svc.cluster.local" $inNamespace)) -}}
{{- end -}}
{{- concat $names .Values.tls.dnsNames | toJson -}}
{{- end -}}

{{/* Pod Security Standard "restricted", and a root file system that cannot be written. */}}
{{- define "gateway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "gateway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What stands in every pod of the installation. */}}
{{- define "gateway.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* The database as every gateway process is told of it: the proxy, variables, mounts and volumes. */}}
{{- define "gateway.databaseUrl" -}}
{{- if .Values.evaluation.enabled -}}
{{- printf "postgresql://gateway@%s-postgresql/gateway" (include "gateway.fullname" .) -}}
{{- else -}}
{{- required "database.url is needed: postgresql://USER@HOST/DATABASE" .Values.database.url -}}
{{- end -}}
{{- end -}}

{{- define "gateway.databaseSecret" -}}
{{- if .Values.evaluation.enabled -}}{{ printf "%s-postgresql" (include "gateway.fullname" .) }}
{{- else -}}{{ .Values.database.password.secretName }}
{{- end -}}
{{- end -}}

{{- define "gateway.databaseKey" -}}
{{- ternary "password" .Values.database.password.key .Values.evaluation.enabled -}}
{{- end -}}

{{- define "gateway.databaseEnv" -}}
- name: GATEWAY_DATABASE_URL
  value: {{ include "gateway.databaseUrl" . | quote }}
{{- if include "gateway.databaseSecret" . }}
- name: GATEWAY_DATABASE_PASSWORD_FILE
  value: /etc/gateway/database/password
{{- end }}
{{- end -}}

{{- define "gateway.databaseMounts" -}}
{{- if include "gateway.databaseSecret" . }}
- {name: database, mountPath: /etc/gateway/database, readOnly: true}
{{- end }}
{{- end -}}

{{- define "gateway.databaseVolumes" -}}
{{- with include "gateway.databaseSecret" . }}
- name: database
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items: [{key: {{ include "gateway.databaseKey" $ }}, path: password}]
{{- end }}
{{- end -}}

{{- define "gateway.databaseProxy" -}}
{{- with .Values.database.cloudSql }}
{{- if .enabled }}
initContainers:
  # A sidecar: it starts before the gateway and ends after it, so that a drain has its database to the end.
  - name: cloud-sql-proxy
    restartPolicy: Always
    image: {{ required "database.cloudSql.image is needed: Cloud SQL's proxy, with a tag" .image }}
    args:
      - --structured-logs
      - --port=5432
      - --health-check
      - --http-address=0.0.0.0
      - --http-port=9801
      {{- if .iamAuthentication }}
      - --auto-iam-authn
      {{- end }}
      - {{ required "database.cloudSql.instance is needed: PROJECT:REGION:INSTANCE" .instance }}
    startupProbe:
      httpGet: {path: /startup, port: 9801}
      periodSeconds: 1
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: /liveness, port: 9801}
      periodSeconds: 10
    readinessProbe:
      httpGet: {path: /readiness, port: 9801}
      periodSeconds: 10
    securityContext: {{- include "gateway.containerSecurity" $ | nindent 6 }}
    resources: {{- toYaml .resources | nindent 6 }}
{{- end }}
{{- end }}
{{- end -}}
