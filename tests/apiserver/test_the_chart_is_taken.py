"""What the chart renders is accepted by a real API server, and gives the rights that it says and no more."""

from __future__ import annotations

import json
import os
import runpy
import sys
from typing import TYPE_CHECKING, Any

import pytest

from chart.values import IMAGE, INSTALLATIONS
from harness.binaries import HELM_3
from harness.commands import run
from harness.errors import CommandFailedError
from harness.helm import CHART, Helm
from harness.operator_process import PROJECT
from harness.skipping import skipped_where_not_to_be_had

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cluster import Cluster
    from harness.pools import Namespace

Json = dict[str, Any]

UNKNOWN_HERE = ("ServiceMonitor", "PrometheusRule")
"""Kinds of the Prometheus operator, whose CustomResourceDefinitions are not in this cluster."""


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The Helm that most people have; asked for before the cluster, whose network has no way out."""
    with skipped_where_not_to_be_had():
        return Helm.build(HELM_3)


@pytest.fixture(scope="module")
def namespaces(helm: Helm, installed: Cluster) -> Iterator[tuple[str, ...]]:
    """The release's namespace, and those that `namespaced` names."""
    del helm
    names = ("queues", "shop", "blog")
    for name in names:
        installed.run_kubectl("create", "namespace", name)
    yield names
    installed.run_kubectl("delete", "namespace", *names, "--wait=false")


def apply(cluster: Cluster, objects: list[Json], *flags: str) -> str:
    """Apply them as one list."""
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    return cluster.run_kubectl("apply", "--filename=-", *flags, input=json.dumps(listed))


@pytest.mark.parametrize("values", INSTALLATIONS.values(), ids=INSTALLATIONS)
@pytest.mark.usefixtures("namespaces")
def test_every_object_is_accepted(helm: Helm, cluster: Cluster, values: Json) -> None:
    """With no field that the API server does not know."""
    objects = [each for each in helm.render(values) if each["kind"] not in UNKNOWN_HERE]
    # A pod is only let in, be it for a trial, when its service account is there.
    apply(cluster, [each for each in objects if each["kind"] == "ServiceAccount"])

    said = apply(
        cluster, objects, "--dry-run=server", "--validate=strict", "--server-side", "--force-conflicts"
    )
    assert len(said.splitlines()) == len(objects)


def test_the_pods_are_let_into_a_restricted_namespace(
    helm: Helm, cluster: Cluster, namespace: Namespace
) -> None:
    """The operator's and that of `helm test`."""
    cluster.run_kubectl("label", "namespace", namespace.name, "pod-security.kubernetes.io/enforce=restricted")
    objects = helm.render(INSTALLATIONS["cluster-wide"], namespace=namespace.name)
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": each["kind"].lower()}, "spec": spec}
        for each in objects
        if each["kind"] in {"Pod", "Deployment"}
        for spec in (each["spec"].get("template", each)["spec"],)
    ]

    for pod in pods:
        pod["spec"]["serviceAccountName"] = "default"
    namespace.kubectl("create", "--dry-run=server", "--filename=-", input=json.dumps(as_list(pods)))

    del pods[0]["spec"]["securityContext"]["runAsNonRoot"]
    with pytest.raises(CommandFailedError, match="violates PodSecurity"):
        namespace.kubectl("create", "--dry-run=server", "--filename=-", input=json.dumps(as_list(pods)))


def as_list(objects: list[Json]) -> Json:
    """Put them into one object that kubectl reads."""
    return {"apiVersion": "v1", "kind": "List", "items": objects}


def test_with_named_namespaces_others_are_closed(
    helm: Helm, cluster: Cluster, namespaces: tuple[str, ...]
) -> None:
    """Asked of the API server's own authoriser, for the service account that the chart makes."""
    release = namespaces[0]
    made = [
        each
        for each in helm.render(INSTALLATIONS["namespaced"])
        if each["apiVersion"].startswith("rbac.") and each["kind"] in {"Role", "RoleBinding"}
    ]
    apply(cluster, made)

    def may(verb: str, resource: str, namespace: str) -> bool:
        name, _, group = resource.partition(".")
        asked = {"verb": verb, "resource": name, "group": group, "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{release}:operator-queue-worker-operator",
                "resourceAttributes": asked,
            },
        }
        said = cluster.run_kubectl("create", "--filename=-", "--output=json", input=json.dumps(review))
        return bool(json.loads(said)["status"]["allowed"])

    assert may("watch", "queueworkerpools.queueworkers.io", "shop")
    assert may("get", "secrets", "shop")
    assert may("create", "leases.coordination.k8s.io", release)
    assert not may("watch", "queueworkerpools.queueworkers.io", "default")
    assert not may("get", "secrets", release)
    assert not may("list", "secrets", "shop")
    assert not may("delete", "deployments.apps", "shop")


@pytest.mark.usefixtures("operator")
def test_the_test_of_a_release_runs_with_its_own_rights(
    helm: Helm, cluster: Cluster, namespace: Namespace
) -> None:
    """The operator looks at the pool, and nothing stays behind; nor is what a killed test left in its way."""
    objects = helm.render({"image": IMAGE, "fullnameOverride": "tried"}, namespace=namespace.name)
    apply(
        cluster,
        [
            each
            for each in objects
            if "helm.sh/hook" in each["metadata"].get("annotations", {}) and each["kind"] != "Pod"
        ],
    )
    kubeconfig = cluster.kubeconfig_for("tried-test", namespace.name)
    (pod,) = (each for each in objects if each["kind"] == "Pod")
    _, *arguments = pod["spec"]["containers"][0]["command"]
    script, *names = pod["spec"]["containers"][0]["args"]
    left = runpy.run_path(str(CHART / "files/try_a_pool.py"))["pool"](names[1])
    namespace.kubectl("create", "--filename=-", input=json.dumps(left))

    said = run(
        cluster.command([sys.executable, *arguments, script, *names]),
        env={**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(PROJECT / "operator")},
        timeout_seconds=90,
    )

    assert names == [namespace.name, "tried-test"]
    assert script.strip() == (CHART / "files/try_a_pool.py").read_text(encoding="utf-8").strip()
    shown = said.replace(f"{namespace.name}/tried", "queue-worker-operator/queue-worker-operator").strip()
    assert shown.startswith("The operator says of queue-worker-operator/queue-worker-operator-test: ")
    assert f"```\n{shown}\n```" in (PROJECT / "docs" / "start.md").read_text(encoding="utf-8")
    assert namespace.kubectl("get", "qwp", "--output=name") == ""
