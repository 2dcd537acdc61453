{{/* Of the list (root, port): who may scrape. */}}
{{- define "flow-manager.metricsIngress" -}}
- ports:
  - {protocol: TCP, port: {{ index . 1 }}}
  {{- with (index . 0).Values.networkPolicy.metricsFrom }}
  from:
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "flow-manager.dnsEgress" -}}
# Names.
- ports:
  - {protocol: UDP, port: 53}
  - {protocol: TCP, port: 53}
{{- end -}}

{{- define "flow-manager.apiServerEgress" -}}
# The API server, whose address no selector knows.
- ports:
  {{- range .Values.networkPolicy.apiServerPorts }}
  - {protocol: TCP, port: {{ . }}}
  {{- end }}
{{- end -}}

{{- define "flow-manager.probeEgress" -}}
{{- with .Values.networkPolicy.probePorts -}}
# What policies probe.
- ports:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
