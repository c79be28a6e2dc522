{{/* REST beside the gateway: what writes Envoy's configuration, and Envoy, which starts before the gateway and ends after it. */}}
{{- define "gateway.restContainers" -}}
{{- if .Values.rest.enabled }}
{{- if not .Values.identity.tokens.enabled }}
{{- fail "rest.enabled needs identity.tokens.enabled: callers over REST prove by a token who they are" }}
{{- end }}
- name: rest-config
  image: {{ include "gateway.image" (list . .Values.image "image") }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  # The gateway of this pod, on loopback: the same version, with the same messages.
  args:
    - rest-config
    - --out=/rest
    - --listen=0.0.0.0:8473
    - --certificate=/etc/gateway/tls/tls.crt
    - --key=/etc/gateway/tls/tls.key
    - --gateway=127.0.0.1:8470
    - --access-log
    {{- if ne (toString .Values.gateway.settings.vertex_api) "true" }}
    - --no-vertex-api
    {{- end }}
  terminationMessagePolicy: FallbackToLogsOnError
  securityContext: {{- include "gateway.containerSecurity" . | nindent 4 }}
  resources: {{- toYaml .Values.resources | nindent 4 }}
  volumeMounts:
    - {name: rest, mountPath: /rest}
- name: rest
  restartPolicy: Always
  image: {{ required "rest.image is needed: Envoy, with a tag" .Values.rest.image }}
  command: [envoy]
  args: [-c, /rest/envoy.yaml, --concurrency, "1", --disable-hot-restart, --log-level, warning]
  ports:
    - {name: rest, containerPort: 8473}
  # Envoy alone: whether the gateway is ready is the gateway's to say.
  startupProbe:
    httpGet: {path: /readyz, port: 8473, scheme: HTTPS}
    periodSeconds: 1
    failureThreshold: 60
  livenessProbe:
    httpGet: {path: /readyz, port: 8473, scheme: HTTPS}
    periodSeconds: 10
    timeoutSeconds: 5
  readinessProbe:
    httpGet: {path: /readyz, port: 8473, scheme: HTTPS}
    periodSeconds: 5
    timeoutSeconds: 2
  terminationMessagePolicy: FallbackToLogsOnError
  securityContext: {{- include "gateway.containerSecurity" . | nindent 4 }}
  resources: {{- toYaml .Values.rest.resources | nindent 4 }}
  volumeMounts:
    - {name: rest, mountPath: /rest, readOnly: true}
    - {name: tls, mountPath: /etc/gateway/tls, readOnly: true}
{{- end }}
{{- end -}}
