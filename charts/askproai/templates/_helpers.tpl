{{- define "askproai.labels" -}}
app.kubernetes.io/name: askproai
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "askproai.selector" -}}
app.kubernetes.io/name: askproai
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "askproai.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{ .Values.image.repository }}{{ if hasPrefix "sha256:" $tag }}@{{ else }}:{{ end }}{{ $tag }}
{{- end }}

{{/* Where the URLs of PostgreSQL and Redis are: those of an evaluation come with the release. */}}
{{- define "askproai.stores" -}}
{{- if .Values.evaluation.enabled -}}
databaseSecret: askproai-evaluation
databaseKey: DATABASE_ADMIN_URL
redisSecret: askproai-evaluation
redisKey: REDIS_ADMIN_URL
{{- else -}}
databaseSecret: {{ .Values.database.existingSecret }}
databaseKey: {{ .Values.database.adminUrlKey }}
redisSecret: {{ .Values.redis.existingSecret | quote }}
redisKey: {{ .Values.redis.adminUrlKey }}
{{- end }}
{{- end }}

{{/* The settings, with those that an evaluation's simulators complete. */}}
{{- define "askproai.settings" -}}
{{- $settings := deepCopy .Values.settings -}}
{{- if and .Values.evaluation.enabled .Values.evaluation.simulators -}}
{{- $host := printf "askproai-simulators.%s" .Release.Namespace -}}
{{- range $key, $port := dict "sharedBaseUrl" 9000 "retellBaseUrl" 9001 "calcomBaseUrl" 9002 -}}
{{- if not (get $settings $key) }}{{ $_ := set $settings $key (printf "http://%s:%d" $host $port) }}{{ end -}}
{{- end -}}
{{- $_ := set $settings "providerHosts" (append $settings.providerHosts (printf "%s:*" $host)) -}}
{{- end -}}
{{ toYaml $settings }}
{{- end }}

{{/* The variables of operator and coordinator for traces; the operator hands them on to the tenants' pods. */}}
{{- define "askproai.tracing" -}}
{{- with .Values.tracing.endpoint }}
ASKPROAI_TRACING_ENDPOINT: {{ . | quote }}
ASKPROAI_TRACING_SAMPLE_RATIO: {{ $.Values.tracing.sampleRatio | quote }}
{{- end }}
{{- end }}

{{/* A store of an evaluation: a StatefulSet of one pod, its Service, and who reaches it. `.passwords`: the keys of the Secret that it is started with. */}}
{{- define "askproai.store" -}}
{{- $context := dict "root" .root "component" .name -}}
{{- $evaluation := .root.Values.evaluation -}}
---
apiVersion: v1
kind: Service
metadata:
  name: askproai-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "askproai.labels" $context | nindent 4 }}
spec:
  selector: {{- include "askproai.selector" $context | nindent 4 }}
  ports: [{name: {{ .name }}, port: {{ .port }}, targetPort: {{ .port }}, protocol: TCP}]
---
# Tenants may be in any namespace, so their pods are known by their label.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: askproai-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "askproai.labels" $context | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "askproai.selector" $context | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - ports: [{port: {{ .port }}, protocol: TCP}]
      from:
        - podSelector: {}
        - namespaceSelector: {}
          podSelector: {matchLabels: {app.kubernetes.io/name: askproai, app.kubernetes.io/managed-by: askproai-operator}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: askproai-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "askproai.labels" $context | nindent 4 }}
spec:
  replicas: 1
  serviceName: askproai-{{ .name }}
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain} # `helm uninstall` leaves nothing
  selector:
    matchLabels: {{- include "askproai.selector" $context | nindent 6 }}
  template:
    metadata:
      labels: {{- include "askproai.labels" $context | nindent 8 }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 60
      securityContext: {runAsNonRoot: true, runAsUser: {{ .user }}, runAsGroup: {{ .user }}, fsGroup: {{ .user }}, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: {{ .name }}
          image: {{ .image }}
          command: [sh, /scripts/{{ .name }}.sh]
          env:
            {{- range .passwords }}
            - {name: {{ . }}, valueFrom: {secretKeyRef: {name: askproai-evaluation, key: {{ . }}}}}
            {{- end }}
          ports: [{name: {{ .name }}, containerPort: {{ .port }}, protocol: TCP}]
          readinessProbe: {tcpSocket: {port: {{ .port }}}, periodSeconds: 2}
          livenessProbe: {tcpSocket: {port: {{ .port }}}, periodSeconds: 10, initialDelaySeconds: 120}
          resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: {{ .memory }}}}
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
          volumeMounts:
            - {name: data, mountPath: /data}
            - {name: scripts, mountPath: /scripts, readOnly: true}
            - {name: temporary, mountPath: /tmp}
      volumes:
        - {name: scripts, configMap: {name: askproai-evaluation}}
        - {name: temporary, emptyDir: {}}
        {{- if not $evaluation.storageSize }}
        - {name: data, emptyDir: {}}
        {{- end }}
  {{- if $evaluation.storageSize }}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $evaluation.storageClassName }}
        storageClassName: {{ . }}
        {{- end }}
        resources: {requests: {storage: {{ $evaluation.storageSize }}}}
  {{- end }}
{{- end }}

{{/* The names of the Deployments, separated by spaces: an operator for each shard, the first one without a number, and the coordinator. */}}
{{- define "askproai.components" -}}
operator{{ range untilStep 1 (int .Values.operator.shards) 1 }} operator-{{ . }}{{ end }} coordinator
{{- end }}

{{/* The values of a component: all shards have those of the operator, which are also its account, its container's name and its pods' label. */}}
{{- define "askproai.workload" -}}
{{ hasPrefix "operator" . | ternary "operator" "coordinator" }}
{{- end }}

{{/* The Deployment of operator and coordinator; they differ in command, environment, ports and sources of Secrets. `.work`: the values of the workload. */}}
{{- define "askproai.deployment" -}}
{{- $context := dict "root" .root "component" .component -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: askproai-{{ .component }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "askproai.labels" $context | nindent 4 }}
spec:
  replicas: {{ .work.replicas }}
  revisionHistoryLimit: 3
  {{- if eq (int .work.replicas) 1 }}
  # `helm upgrade --wait` waits for all pods but those that may be unavailable: with one, for none.
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  {{- else }}
  # A standby takes over in seconds, so an update needs no capacity for an additional pod.
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}
  {{- end }}
  selector:
    matchLabels: {{- include "askproai.selector" $context | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "askproai.labels" $context | nindent 8 }}
        askproai.de/workload: {{ include "askproai.workload" .component }}
        {{- with .work.podLabels }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- with .work.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: askproai-{{ include "askproai.workload" .component }}
      automountServiceAccountToken: true
      enableServiceLinks: false
      terminationGracePeriodSeconds: 30
      {{- with .root.Values.image.pullSecrets }}
      imagePullSecrets: {{- range . }}
        - name: {{ . }}
      {{- end }}
      {{- end }}
      {{- with .work.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with .work.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .work.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .work.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "askproai.selector" $context | nindent 14 }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: {{ include "askproai.workload" .component }}
          image: {{ include "askproai.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: {{ toJson .command }}
          env:
            - {name: ASKPROAI_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
            - {name: ASKPROAI_POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            {{- range $name, $value := merge (dict) .work.env .env }}
            - {name: {{ $name }}, value: {{ $value | quote }}}
            {{- end }}
          ports:
            {{- with .health }}
            - {name: health, containerPort: {{ . }}, protocol: TCP}
            {{- end }}
            - {name: metrics, containerPort: {{ .metrics }}, protocol: TCP}
            {{- with .page }}
            - {name: page, containerPort: {{ . }}, protocol: TCP}
            {{- end }}
          {{- $probed := ternary "health" "metrics" (hasKey . "health") }}
          startupProbe: {httpGet: {path: /livez, port: {{ $probed }}}, periodSeconds: 1, failureThreshold: 60, timeoutSeconds: 3}
          readinessProbe: {httpGet: {path: /readyz, port: {{ $probed }}}, periodSeconds: 5, failureThreshold: 3, timeoutSeconds: 3}
          livenessProbe: {httpGet: {path: /livez, port: {{ $probed }}}, periodSeconds: 10, failureThreshold: 3, timeoutSeconds: 3}
          resources: {{- toYaml .work.resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          volumeMounts:
            - {name: secrets, mountPath: /etc/askproai/secrets, readOnly: true}
      volumes:
        - name: secrets
          projected:
            defaultMode: 0440
            sources: {{- .sources | nindent 14 }}
{{- end }}

{{/*
How fast all tenants together use up an error budget of 30 days: the recording rules, and the page. `.percent` is the SLO of the fleet.
A page needs ten failures and several tenants: what one tenant has is a ticket of its own rules. A short window in which nobody came
ends no alert. `.at`: the share of failures at that speed, at most half way between the allowed share and all.
*/}}
{{- define "askproai.fleetRules" -}}
{{- $name := printf "fleet:askproai_%s" .what }}
{{- $bad := printf "askproai_%s_total{outcome=~%q}" .metric .bad }}
{{- $decided := printf "askproai_%s_total{outcome=~%q}" .metric .decided }}
{{- $allowed := divf (subf 100 (float64 .percent)) 100 }}
{{- range $window := list "5m" "30m" "1h" "6h" }}
- record: {{ $name }}_failed:increase{{ $window }}
  expr: sum(increase({{ $bad }}[{{ $window }}]))
- record: {{ $name }}_decided:increase{{ $window }}
  expr: sum(increase({{ $decided }}[{{ $window }}]))
{{- end }}
{{- range $window := list "1h" "6h" }}
- record: {{ $name }}_failed:tenants{{ $window }}
  expr: count(sum by (tenant) (increase({{ $bad }}[{{ $window }}])) >= 0.5)
{{- end }}
- alert: AskproaiFleet{{ .what | title }}Fail
  expr: |
    {{- range $index, $each := list (list 14.4 "1h" "5m") (list 6.0 "6h" "30m") }}
    {{- $at := printf "%.6g" (minf (mulf $allowed (index $each 0)) (divf (addf $allowed 1) 2)) }}
    {{- $long := index $each 1 }}
    {{- $short := index $each 2 }}
    {{ if $index }}or {{ end }}{{ $name }}_failed:increase{{ $long }} / {{ $name }}_decided:increase{{ $long }} > {{ $at }}
    and {{ $name }}_failed:increase{{ $long }} >= 10
    and {{ $name }}_failed:tenants{{ $long }} >= {{ $.root.Values.prometheusRule.fleetTenants }}
    unless {{ $name }}_failed:increase{{ $short }} / {{ $name }}_decided:increase{{ $short }} <= {{ $at }}
    {{- end }}
  for: 2m
  labels: {severity: critical}
  annotations:
    summary: "{{ `{{ $value | humanizePercentage }}` }} of the {{ .what }} of all tenants fail; {{ printf "%g" (mulf $allowed 100) }} % are allowed."
    runbook_url: {{ include "askproai.runbookUrl" (dict "root" .root "name" (printf "fleet-%s" .what)) }}
{{- end }}

{{/*
Where a runbook can be read, of `root` and `name`; as the operator's setting of the same meaning.
*/}}
{{- define "askproai.runbookUrl" -}}
{{- $base := .root.Values.settings.runbookBaseUrl | default "https://askproai.de/docs/runbooks" }}
{{- contains "{name}" $base | ternary (replace "{name}" .name $base) (printf "%s/%s.md" $base .name) }}
{{- end }}
