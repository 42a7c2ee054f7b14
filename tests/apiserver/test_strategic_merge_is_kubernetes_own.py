"""What the operator makes of a `podTemplate` is what `kubectl patch --type=strategic` makes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.domain.strategic_merge import MERGE_KEYS, merge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cluster import Cluster

LABELS = {"app": "merged"}

BASE: dict[str, Any] = {
    "metadata": {"labels": LABELS, "annotations": {"team": "shop", "tier": "back"}},
    "spec": {
        "terminationGracePeriodSeconds": 90,
        "automountServiceAccountToken": False,
        "nodeSelector": {"disk": "ssd"},
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "tolerations": [{"key": "spot", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "registry"}],
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
        "volumes": [{"name": "cache", "emptyDir": {}}, {"name": "conf", "configMap": {"name": "conf"}}],
        "initContainers": [{"name": "warm", "image": "busybox:1"}],
        "containers": [
            {
                "name": "worker",
                "image": "shop:1",
                "command": ["php", "artisan"],
                "args": ["queue:work", "redis"],
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "envFrom": [{"configMapRef": {"name": "one"}}],
                "ports": [{"containerPort": 9000, "name": "fpm"}],
                "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
                "resources": {"requests": {"memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"], "add": ["CHOWN"]},
                },
            },
            {"name": "log", "image": "busybox:1", "env": [{"name": "A", "value": "1"}]},
        ],
    },
}


def on_worker(**fields: Any) -> dict[str, Any]:
    """Make a patch of the worker's container."""
    return {"spec": {"containers": [{"name": "worker", **fields}]}}


def on_pod(**fields: Any) -> dict[str, Any]:
    """Make a patch of the pod's spec."""
    return {"spec": fields}


PATCHES = {
    "nothing": {},
    "a-scalar": on_pod(terminationGracePeriodSeconds=600),
    "a-scalar-removed": on_pod(nodeSelector=None),
    "a-map-grows": on_pod(nodeSelector={"zone": "a"}),
    "a-key-of-a-map-removed": on_pod(nodeSelector={"disk": None, "zone": "a"}),
    "a-map-replaced": on_pod(nodeSelector={"$patch": "replace", "zone": "a"}),
    "a-map-deleted": on_pod(nodeSelector={"$patch": "delete"}),
    "annotations": {"metadata": {"annotations": {"tier": None, "new": "x"}}},
    "an-object-within": on_pod(securityContext={"runAsNonRoot": None, "fsGroup": 33}),
    "a-list-of-things-without-names-replaced": on_pod(tolerations=[{"key": "gpu", "operator": "Exists"}]),
    "a-list-of-words-replaced": on_worker(args=["queue:listen"]),
    "capabilities-replaced": on_worker(securityContext={"capabilities": {"drop": ["KILL"]}}),
    "a-variable-added": on_worker(env=[{"name": "C", "value": "3"}]),
    "a-variable-changed": on_worker(env=[{"name": "B", "value": "two"}]),
    "a-variable-removed": on_worker(env=[{"name": "A", "$patch": "delete"}]),
    "a-variable-that-was-not-there-removed": on_worker(env=[{"name": "Z", "$patch": "delete"}]),
    "a-variable-replaced": on_worker(
        env=[
            {"name": "A", "$patch": "delete"},
            {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ]
    ),
    "a-variable-from-a-secret-instead": on_worker(
        env=[{"name": "A", "value": None, "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    ),
    "removed-although-added-before": on_worker(
        env=[{"name": "A", "value": "x"}, {"name": "A", "$patch": "delete"}]
    ),
    "one-of-many-says-replace": on_worker(
        env=[{"name": "A", "value": "x", "$patch": "replace"}, {"name": "Z", "value": "9"}]
    ),
    "the-same-variable-twice": on_worker(env=[{"name": "C", "value": "1"}, {"name": "C", "value": "2"}]),
    "a-new-object-that-says-delete": on_pod(affinity={"$patch": "delete"}),
    "a-new-list-that-says-replace": on_pod(
        topologySpreadConstraints=[
            {"$patch": "replace"},
            {
                "topologyKey": "zone",
                "maxSkew": 1,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": LABELS},
            },
        ]
    ),
    "a-new-list-from-which-something-is-removed": on_pod(
        schedulingGates=[{"name": "gate", "$patch": "delete"}]
    ),
    "variables-replaced": on_worker(env=[{"$patch": "replace"}, {"name": "Z", "value": "9"}]),
    "sources-of-variables-replaced": on_worker(envFrom=[{"secretRef": {"name": "two"}}]),
    "ports-by-number": on_worker(ports=[{"containerPort": 9000, "name": "php"}, {"containerPort": 80}]),
    "mounts-by-path": on_worker(volumeMounts=[{"name": "conf", "mountPath": "/cache", "readOnly": True}]),
    "resources": on_worker(resources={"limits": {"cpu": 1, "memory": None}}),
    "a-list-removed": on_worker(env=None),
    "a-sidecar": on_pod(
        containers=[{"name": "vector", "image": "vector:1", "env": [{"name": "A", "value": "x"}]}]
    ),
    "a-sidecar-with-tcp-and-udp": on_pod(
        containers=[
            {
                "name": "dns",
                "image": "dns:1",
                "ports": [{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}],
            }
        ]
    ),
    "a-sidecar-with-nulls": on_pod(
        containers=[{"name": "v", "image": "v:1", "env": None, "resources": {"limits": None}}]
    ),
    "a-container-removed": on_pod(containers=[{"name": "log", "$patch": "delete"}]),
    "a-container-replaced": on_pod(
        containers=[{"name": "log", "$patch": "delete"}, {"name": "log", "image": "vector:1"}]
    ),
    "an-init-container": on_pod(
        initContainers=[{"name": "migrate", "image": "shop:1"}, {"name": "warm", "image": "w:2"}]
    ),
    "a-volume-added": on_pod(volumes=[{"name": "tmp", "emptyDir": {"medium": "Memory"}}]),
    "a-volume-of-another-kind": on_pod(
        volumes=[{"name": "cache", "emptyDir": None, "secret": {"secretName": "s"}}]
    ),
    "pull-secrets": on_pod(imagePullSecrets=[{"name": "second"}]),
    "host-aliases-by-address": on_pod(
        hostAliases=[{"ip": "10.0.0.1", "hostnames": ["b"]}, {"ip": "10.0.0.2", "hostnames": ["c"]}]
    ),
    "two-constraints-on-one-key": on_pod(
        topologySpreadConstraints=[
            {
                "topologyKey": "zone",
                "maxSkew": 1,
                "whenUnsatisfiable": action,
                "labelSelector": {"matchLabels": LABELS},
            }
            for action in ("DoNotSchedule", "ScheduleAnyway")
        ]
    ),
    "affinity": on_pod(
        affinity={
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "Exists"}]}]
                }
            }
        }
    ),
    "a-projected-volume": on_pod(
        volumes=[
            {
                "name": "all",
                "projected": {"sources": [{"configMap": {"name": "a"}}, {"secret": {"name": "b"}}]},
            }
        ]
    ),
}


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of this module's own, with the Deployment that is patched."""
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "merged-"}}
    name: str = cluster.kubectl_json("create", "-f", "-", input=json.dumps(made))["metadata"]["name"]
    cluster.run_kubectl("create", "-f", "-", f"--namespace={name}", input=json.dumps(deployment(BASE)))
    yield name
    cluster.run_kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("patch", [pytest.param(patch, id=name) for name, patch in PATCHES.items()])
def test_merging_is_what_the_api_server_does(cluster: Cluster, namespace: str, patch: dict[str, Any]) -> None:
    """The same base and the same patch come to the same pod template."""
    patched = cluster.kubectl_json(
        "patch",
        "deployment/merged",
        f"--namespace={namespace}",
        "--type=strategic",
        "--dry-run=server",
        "--patch",
        json.dumps({"spec": {"template": patch}}),
    )
    ours = cluster.kubectl_json(
        "create",
        "-f",
        "-",
        f"--namespace={namespace}",
        "--dry-run=server",
        input=json.dumps(deployment(merge(BASE, patch), name="ours")),
    )

    assert template_of(ours) == template_of(patched)


def deployment(template: dict[str, Any], *, name: str = "merged") -> dict[str, Any]:
    """Put a template into a Deployment that runs nothing."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": template},
    }


def template_of(found: dict[str, Any]) -> Any:
    """Take the template with the API server's defaults, merged items in one order."""
    return in_one_order("template", found["spec"]["template"])


def in_one_order(key: str, value: Any) -> Any:
    """Sort the lists whose items have names: where new ones are put is no part of the promise."""
    if isinstance(value, dict):
        return {name: in_one_order(name, each) for name, each in value.items()}
    if isinstance(value, list):
        items = [in_one_order("", item) for item in value]
        return sorted(items, key=json.dumps) if key in MERGE_KEYS else items
    return value
