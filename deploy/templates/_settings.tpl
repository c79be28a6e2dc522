{{/* The environment of `gateway serve`. What the chart decides goes before `gateway.settings`. */}}
{{- define "gateway.env" -}}
{{- $decided := fromYaml (include "gateway.decided" .) -}}
{{ include "gateway.databaseEnv" . }}
{{- range $setting, $value := $decided }}
- name: GATEWAY_{{ $setting | upper }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- range $setting, $value := .Values.gateway.settings }}
{{- if hasKey $decided $setting }}
{{- fail (printf "gateway.settings.%s is set by the chart: see values.yaml for what decides it" $setting) }}
{{- end }}
- name: GATEWAY_{{ $setting | upper }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{- define "gateway.decided" -}}
name: {{ required "gateway.name is needed: the installation's name, a label on every Vertex job" .Values.gateway.name }}
policy: /etc/gateway/policy/policy.yaml
health_listen: 0.0.0.0:8471
metrics_listen: 0.0.0.0:9470
tls_certificate: /etc/gateway/tls/tls.crt
tls_key: /etc/gateway/tls/tls.key
drain_delay: {{ .Values.drain.delay }}
drain_grace: {{ .Values.drain.grace }}
{{- if not (or .Values.identity.tokens.enabled .Values.identity.mtls.enabled) }}
{{- fail "identity.tokens.enabled or identity.mtls.enabled is needed: callers prove who they are" }}
{{- end }}
{{- if .Values.identity.tokens.enabled }}
api_listen: 0.0.0.0:8470
issuers: /etc/gateway/issuers/issuers.yaml
{{- else }}
api_listen: ""
{{- end }}
{{- if .Values.identity.mtls.enabled }}
mtls_listen: 0.0.0.0:8472
tls_client_ca: /etc/gateway/client-ca/ca.crt
{{- end }}
{{- if .Values.evaluation.enabled }}
{{- $emulator := printf "%s-emulator" (include "gateway.fullname" .) }}
evaluation: "true"
vertex_emulator: {{ $emulator }}:9001
storage_endpoint: http://{{ $emulator }}:9002
storage_project: evaluation
bigquery_endpoint: http://{{ $emulator }}:9002
bigquery_project: evaluation
{{- end }}
{{- end -}}

{{/* The issuers file, as JSON, which is YAML too. */}}
{{- define "gateway.issuers" -}}
{{- $tokens := .Values.identity.tokens -}}
{{- $issuers := deepCopy $tokens.issuers -}}
{{- if $tokens.cluster.enabled -}}
{{- $cluster := dict "issuer" $tokens.cluster.issuer "audiences" $tokens.cluster.audiences -}}
{{- $_ := set $cluster "jwks_url" "https://kubernetes.default.svc/openid/v1/jwks" -}}
{{- $_ := set $cluster "ca_file" "/etc/gateway/cluster/ca.crt" -}}
{{- $_ := set $cluster "bearer_file" "/etc/gateway/cluster/token" -}}
{{- $_ := set $issuers "cluster" $cluster -}}
{{- end -}}
{{- if and $tokens.enabled (not $issuers) -}}
{{- fail "identity.tokens.issuers is needed, or identity.tokens.cluster.enabled: whose tokens count" -}}
{{- end -}}
{{- dict "issuers" $issuers | toPrettyJson -}}
{{- end -}}
