{{- define "muster.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "muster.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "muster.labels" -}}
{{ include "muster.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "muster.config" -}}
{{- $c := dict
  "data" "/data"
  "listen" "0.0.0.0:8080"
  "metrics" (printf "0.0.0.0:%v" .Values.metrics.port)
  "base_url" .Values.baseURL
  "insecure_http" true
  "drain_delay" (printf "%vs" .Values.drainSeconds)
}}
{{- $db := dict "url" .Values.database.url }}
{{- if .Values.database.passwordSecret.name }}{{ $_ := set $db "password_env" "DATABASE_PASSWORD" }}{{ end }}
{{- $_ := set $c "database" $db }}
{{- if .Values.tls.secretName }}
{{- $_ := set $c "tls" (dict "cert_files" (list "/tls/tls.crt") "key_files" (list "/tls/tls.key")) }}
{{- end }}
{{- toYaml (merge $c .Values.config) }}
{{- end }}
