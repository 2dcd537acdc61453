{{- define "flow-manager.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for the longest suffix. */}}
{{- define "flow-manager.fullname" -}}
{{- $name := include "flow-manager.name" . -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $full .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- end -}}

{{/* Of the list (root, component). What selects pods can never change. */}}
{{- define "flow-manager.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "flow-manager.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Of the list (root, component). */}}
{{- define "flow-manager.labels" -}}
{{- $root := index . 0 -}}
{{- $labels := include "flow-manager.selectorLabels" . | fromYaml -}}
{{- $_ := set $labels "app.kubernetes.io/version" $root.Chart.AppVersion -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") -}}
{{- toYaml (merge $labels $root.Values.commonLabels) -}}
{{- end -}}

{{/* Of the list (root, component, values of the component). */}}
{{- define "flow-manager.podLabels" -}}
{{- $labels := include "flow-manager.selectorLabels" . | fromYaml -}}
{{- toYaml (merge $labels (index . 2).podLabels (index . 0).Values.commonLabels) -}}
{{- end -}}

{{/* Of the list (root, values of the component, port of the metrics). */}}
{{- define "flow-manager.podAnnotations" -}}
{{- $root := index . 0 -}}
{{- $annotations := dict -}}
{{- if and $root.Values.metrics.podAnnotations (not $root.Values.serviceMonitor.enabled) -}}
{{- $annotations = dict "prometheus.io/scrape" "true" "prometheus.io/port" (index . 2) -}}
{{- if and $root.Values.metrics.tls.secretName (ne (index . 2) "9102") }}{{ $_ := set $annotations "prometheus.io/scheme" "https" }}{{ end -}}
{{- end -}}
{{- with merge (deepCopy (index . 1).podAnnotations) $annotations }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{/* The ConfigMap with more Prometheus sources. */}}
{{- define "flow-manager.sourcesName" -}}
{{- printf "%s-sources" (include "flow-manager.fullname" .) -}}
{{- end -}}

{{/* Where the credentials of a source of that name are mounted. */}}
{{- define "flow-manager.sourceCredentials" -}}
/etc/flow-manager/source-credentials/{{ . }}
{{- end -}}

{{- define "flow-manager.serviceAccountName" -}}
{{- default (include "flow-manager.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "flow-manager.shaperServiceAccountName" -}}
{{- default (printf "%s-shaper" (include "flow-manager.fullname" .)) .Values.shaper.serviceAccount.name -}}
{{- end -}}

{{- define "flow-manager.metricsServiceName" -}}
{{- default (printf "%s-metrics" (include "flow-manager.fullname" .)) .Values.metrics.service.name -}}
{{- end -}}

{{/* Who makes limits take effect. */}}
{{- define "flow-manager.backend" -}}
{{- default (ternary "shaper" "cilium" .Values.shaper.enabled) .Values.backend -}}
{{- end -}}

{{/* Empty where our shapers are not what makes limits take effect. */}}
{{- define "flow-manager.runsShaper" -}}
{{- if and .Values.shaper.enabled (has (include "flow-manager.backend" .) (list "shaper" "auto")) }}true{{ end -}}
{{- end -}}

{{/* The annotations by which it limits pods, as a list in CEL. */}}
{{- define "flow-manager.limitingAnnotations" -}}
{{- $kubernetes := list "kubernetes.io/egress-bandwidth" -}}
{{- $calico := list "qos.projectcalico.org/egressBandwidth" "qos.projectcalico.org/egressBurst" -}}
{{- $kubeOvn := list "ovn.kubernetes.io/egress_rate" -}}
{{- $all := concat $kubernetes $calico $kubeOvn -}}
{{- $known := dict "shaper" $kubernetes "cilium" $kubernetes "calico" $calico "kube-ovn" $kubeOvn "at-creation" list "auto" $all "all" $all -}}
{{- $quoted := list -}}
{{- range get $known . }}{{ $quoted = append $quoted (squote .) }}{{ end -}}
[{{ join ", " $quoted }}]
{{- end -}}

{{- define "flow-manager.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "flow-manager.logEnv" -}}
- name: FLOW_MANAGER_LOG
  value: {{ .Values.log.level | quote }}
- name: FLOW_MANAGER_LOG_FORMAT
  value: {{ .Values.log.format | quote }}
{{- end -}}

{{/* Of the list (root, values of the component): where its pods run, and with what image secrets. */}}
{{- define "flow-manager.placement" -}}
{{- $fields := pick (index . 1) "priorityClassName" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" -}}
{{- $_ := set $fields "imagePullSecrets" (index . 0).Values.imagePullSecrets -}}
{{- range $name, $value := $fields }}{{ if not $value }}{{ $_ := unset $fields $name }}{{ end }}{{ end -}}
{{- with $fields }}{{ toYaml . }}{{ end }}
{{- end -}}

{{/* Of the list (root, component, values of the component): several avoid each other's nodes, unless told otherwise. */}}
{{- define "flow-manager.antiAffinity" -}}
{{- if and (not (index . 2).affinity) (gt (int (index . 2).replicaCount) 1) -}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "flow-manager.selectorLabels" . | nindent 12 }}
{{- end -}}
{{- end -}}

{{/* That our accounts write only where they may, as a validation of an admission policy. */}}
{{- define "flow-manager.inNamespaces" -}}
{{- with .Values.admissionPolicy.namespaces -}}
- expression: >-
    {{ toJson . }}.exists(name, name == object.metadata.namespace ||
    (name.endsWith('*') && object.metadata.namespace.startsWith(name.replace('*', ''))))
  message: flow-manager may not write to this namespace (admissionPolicy.namespaces)
{{- end -}}
{{- end -}}

{{/* The key that probes and reflectors share. */}}
{{- define "flow-manager.probeKeyMount" -}}
- {name: probe-key, mountPath: /etc/flow-manager/probe, readOnly: true}
{{- end -}}

{{- define "flow-manager.probeKeyVolume" -}}
- name: probe-key
  secret:
    secretName: {{ .Values.probe.keySecret }}
    items:
    - {key: key, path: key}
{{- end -}}

{{/* All that Pod Security `restricted` asks of a pod. */}}
{{- define "flow-manager.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* And of a container. */}}
{{- define "flow-manager.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "flow-manager.pingSysctl" -}}
# Lets probes of the protocol ICMP use unprivileged sockets.
sysctls:
- name: net.ipv4.ping_group_range
  value: 1000 1000
{{- end -}}

{{/* Of the list (root, whether its metrics are guarded as the values say). */}}
{{- define "flow-manager.healthProbes" -}}
{{- $scheme := and (index . 1) (index . 0).Values.metrics.tls.secretName | empty | ternary "" ", scheme: HTTPS" -}}
livenessProbe:
  httpGet: {path: /livez, port: metrics{{ $scheme }}}
readinessProbe:
  httpGet: {path: /readyz, port: metrics{{ $scheme }}}
  periodSeconds: 2
{{- end -}}

{{/* How the metrics of controller and probes are guarded: arguments, mounts, volumes. */}}
{{- define "flow-manager.guardArgs" -}}
{{- if .Values.metrics.tls.secretName }}
- --metrics-tls=/etc/flow-manager/metrics-tls
{{- end }}
{{- if .Values.metrics.bearerTokenSecret }}
- --metrics-bearer-token-file=/etc/flow-manager/metrics-token/token
{{- end }}
{{- end -}}

{{- define "flow-manager.guardMounts" -}}
{{- if .Values.metrics.tls.secretName }}
- {name: metrics-tls, mountPath: /etc/flow-manager/metrics-tls, readOnly: true}
{{- end }}
{{- if .Values.metrics.bearerTokenSecret }}
- {name: metrics-token, mountPath: /etc/flow-manager/metrics-token, readOnly: true}
{{- end }}
{{- end -}}

{{- define "flow-manager.guardVolumes" -}}
{{- with .Values.metrics.tls }}
{{- if .secretName }}
- name: metrics-tls
  secret:
    secretName: {{ .secretName }}
    items:
    - {key: tls.crt, path: tls.crt}
    - {key: tls.key, path: tls.key}
    {{- if .requireClientCertificate }}
    - {key: ca.crt, path: ca.crt}
    {{- end }}
{{- end }}
{{- end }}
{{- with .Values.metrics.bearerTokenSecret }}
- name: metrics-token
  secret:
    secretName: {{ . }}
    items:
    - {key: token, path: token}
{{- end }}
{{- end -}}
