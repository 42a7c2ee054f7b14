"""Values that people install the chart with."""

from __future__ import annotations

from typing import Any

IMAGE = {"repository": "registry.example/queue-worker-operator"}
DIGEST = "sha256:" + "0123456789abcdef" * 4

INSTALLATIONS: dict[str, dict[str, Any]] = {
    "cluster-wide": {"image": IMAGE},
    "namespaced": {"image": IMAGE, "watchNamespaces": ["shop", "blog"]},
    "everything": {
        "image": {**IMAGE, "digest": DIGEST, "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "fullnameOverride": "qwo",
        "replicas": 3,
        "shards": 8,
        "logLevel": "debug",
        "logFormat": "json",
        "settings": {
            "statusPaceSeconds": 10,
            "redisTimeoutSeconds": 0.5,
            "reconcilers": 4,
            "requestsInFlight": 32,
            "writesPerSecond": 1000,
            "resyncSeconds": 86400,
        },
        "crds": {"keep": False},
        "serviceAccount": {"name": "queues", "annotations": {"example.com/role": "queues"}},
        "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/component": "operator"}},
            }
        ],
        "podAnnotations": {"example.com/note": "looks after queues"},
        "podLabels": {"example.com/team": "platform"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "platform", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "Exists"}]}
                    ]
                }
            }
        },
        "priorityClassName": "system-cluster-critical",
        "metrics": {
            "port": 9090,
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "interval": "15s"},
            "prometheusRule": {
                "enabled": True,
                "labels": {"release": "prometheus"},
                "except": ["AtMaxReplicas"],
                "runbookUrl": "https://example.com/runbooks/",
            },
            "dashboard": {
                "enabled": True,
                "labels": {"release": "grafana"},
                "annotations": {"grafana_folder": "Queues"},
            },
        },
        "networkPolicy": {
            "metricsFrom": [
                {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
            ],
            "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 6379}]}, {}],
        },
    },
    "nothing": {
        "image": IMAGE,
        "replicas": 1,
        "crds": {"enabled": False},
        "rbac": {"create": False, "aggregate": False},
        "serviceAccount": {"create": False, "name": "made-by-somebody-else"},
        "podDisruptionBudget": {"enabled": False},
        "networkPolicy": {"enabled": False},
    },
}
"""By what they are for."""
