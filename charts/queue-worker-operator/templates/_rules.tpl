{{/* What the operator may do, in the cluster or in each watched namespace: the rules of deploy/operator.yaml. */}}
{{- define "operator.rules" -}}
- apiGroups: [queueworkers.io]
  resources: [queueworkerpools]
  verbs: [get, list, watch]
- apiGroups: [queueworkers.io]
  resources: [queueworkerbudgets]
  verbs: [list, watch]
- apiGroups: [queueworkers.io]
  resources: [queueworkerpools/status, queueworkerbudgets/status]
  verbs: [patch]
# To be named as the owner that a Deployment's deletion waits for.
- apiGroups: [queueworkers.io]
  resources: [queueworkerpools/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch]
# Only asked where somebody wants the revision of workers before.
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# Which worker may leave first (an annotation for the ReplicaSet controller), and which may start (a
# scheduling gate is taken away).
- apiGroups: [""]
  resources: [pods]
  verbs: [patch]
# One at a time, by the name that a pool of the same namespace gives; never a list.
- apiGroups: [""]
  resources: [configmaps, secrets]
  verbs: [get]
# Only asked where something else has written a worker Deployment's replicas.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list]
# Only asked about a pod that is being created for too long: its status does not say why.
- apiGroups: [""]
  resources: [events]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}
