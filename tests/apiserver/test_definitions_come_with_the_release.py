"""The CustomResourceDefinitions come with the first installation, and go only where that was asked for."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from apiserver.pools import WORKING_SPEC
from chart.values import IMAGE
from harness.binaries import HELM_3, HELM_4
from harness.cluster import start_own_cluster
from harness.errors import CommandFailedError
from harness.helm import Helm
from harness.helm_release import TAKING_OVER, Release
from harness.operator_process import PROJECT
from harness.pools import Namespace
from harness.progress import wait_until
from harness.skipping import skipped_where_not_to_be_had
from queueworkers.api.base import GROUP, PLURAL
from queueworkers.api.budget import BUDGET_PLURAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cluster import Cluster

Json = dict[str, Any]

POOLS = f"{PLURAL}.{GROUP}"
NAMES = {POOLS, f"{BUDGET_PLURAL}.{GROUP}"}
VALUES = {"image": IMAGE, "replicas": 0}
"""No node is there to take a pod."""


@pytest.fixture(scope="module", params=[HELM_3, HELM_4], ids=lambda module: module.name)
def helm(request: pytest.FixtureRequest) -> Helm:
    """Each release of Helm in turn."""
    with skipped_where_not_to_be_had():
        return Helm.build(request.param)


@pytest.fixture(scope="module")
def bare() -> Iterator[Cluster]:
    """A cluster that knows no pools: a control plane of this module's own, as others need theirs to know them."""
    if os.environ.get("QWP_KUBECONFIG"):
        pytest.skip("the definitions of an existing cluster are not ours to delete")
    with start_own_cluster("bare", nodes=()) as started:
        yield started


@pytest.fixture
def release(helm: Helm, bare: Cluster) -> Iterator[Release]:
    """The release that docs/install.md tells to make; nothing was installed before, and nothing is afterwards."""
    name = "queue-worker-operator"
    made = Release(helm=helm, cluster=bare, name=name, namespace=name)
    assert definitions(bare) == {}
    yield made
    made.uninstall()
    bare.run_kubectl("delete", "customresourcedefinitions", "--ignore-not-found", *NAMES)


def definitions(cluster: Cluster) -> dict[str, Json]:
    """Read what the cluster knows of ours, by name."""
    found = cluster.kubectl_json("get", "customresourcedefinitions")["items"]
    return {each["metadata"]["name"]: each for each in found if each["spec"]["group"] == GROUP}


def established(cluster: Cluster) -> set[str]:
    """Name those of which there can be objects."""
    return {
        name
        for name, definition in definitions(cluster).items()
        for condition in definition["status"]["conditions"]
        if (condition["type"], condition["status"]) == ("Established", "True")
    }


def columns(definition: Json) -> list[str]:
    """Name the columns of `kubectl get`."""
    (version,) = definition["spec"]["versions"]
    return [column["name"] for column in version["additionalPrinterColumns"]]


def shipped() -> dict[str, Json]:
    """Read those of this version, by name."""
    parsed = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PROJECT / "crds").iterdir())
    return {each["metadata"]["name"]: each for each in parsed}


def apply_older(cluster: Cluster) -> None:
    """Apply, by hand, those of a version whose pools had a column less."""
    older = shipped()
    older[POOLS]["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    listed = {"apiVersion": "v1", "kind": "List", "items": list(older.values())}
    cluster.run_kubectl("apply", "--server-side", "--filename=-", input=json.dumps(listed))


def make_pool(cluster: Cluster) -> Namespace:
    """Apply a pool in a namespace of its own, as soon as it is taken."""
    namespace = Namespace.create(cluster)

    def applied() -> bool:
        try:
            namespace.apply_pool("orders", WORKING_SPEC)
        except CommandFailedError:
            return False
        return True

    wait_until(applied, what="the API server takes a pool", timeout_seconds=60)
    return namespace


def test_from_nothing_and_back_to_nothing(release: Release, bare: Cluster) -> None:
    """One command, and pools can be made; they outlive the release, unless it is told not to keep them."""
    release.install(VALUES, "--create-namespace")
    assert established(bare) == NAMES
    namespace = make_pool(bare)
    made = namespace.get("qwp", "orders")["metadata"]["uid"]

    release.uninstall()
    assert established(bare) == NAMES
    assert namespace.get("qwp", "orders")["metadata"]["uid"] == made

    with pytest.raises(CommandFailedError, match="cannot be imported into the current release"):
        replace(release, name="another").install(VALUES)
    assert columns(definitions(bare)[POOLS]) == columns(shipped()[POOLS])

    # The release of the same name finds its own.
    release.install({**VALUES, "crds": {"keep": False}})
    assert namespace.get("qwp", "orders")["metadata"]["uid"] == made
    release.uninstall()
    # The API server takes its time: the objects go first, and then whoever watches them.
    wait_until(lambda: definitions(bare) == {}, what="no definition is left", timeout_seconds=120)


@pytest.mark.parametrize(
    ("helm", "flags"),
    [pytest.param(module, flags, id=module.name) for module, flags in TAKING_OVER.items()],
    indirect=["helm"],
)
def test_those_applied_by_hand_are_taken_over(
    release: Release, bare: Cluster, flags: tuple[str, ...]
) -> None:
    """Only when somebody says so; then they become those of the chart, and pools stay."""
    apply_older(bare)
    namespace = make_pool(bare)
    made = namespace.get("qwp", "orders")["metadata"]["uid"]

    with pytest.raises(CommandFailedError, match="cannot be imported into the current release"):
        release.install(VALUES, "--create-namespace")
    assert columns(definitions(bare)[POOLS]) != columns(shipped()[POOLS])

    release.install(VALUES, "--create-namespace", *flags)
    assert columns(definitions(bare)[POOLS]) == columns(shipped()[POOLS])
    assert namespace.get("qwp", "orders")["metadata"]["uid"] == made


@pytest.mark.parametrize("helm", [pytest.param(HELM_4, id="helm4")], indirect=True)
def test_helm_4_does_not_overrule_kubectl_by_itself(release: Release, bare: Cluster) -> None:
    """Its applies respect who owns a field: the sentence says whom it would overrule."""
    apply_older(bare)
    with pytest.raises(CommandFailedError, match=r'conflicts? with "kubectl"'):
        release.install(VALUES, "--create-namespace", "--take-ownership")
    assert columns(definitions(bare)[POOLS]) != columns(shipped()[POOLS])
