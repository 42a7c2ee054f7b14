"""A pool leaves nothing behind that only a running operator could take away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cluster.shop import POOL
from harness.errors import CommandFailedError
from harness.operator_process import OperatorProcess

if TYPE_CHECKING:
    from cluster.shop import Shop
    from harness.cluster import Cluster
    from harness.pools import Namespace

TWO_WORKERS = {"minReplicas": 2}
KUBECTLS_OWN = {"kubectl.kubernetes.io/last-applied-configuration"}


@pytest.fixture
def abandoned(installed: Cluster, shop: Shop) -> Namespace:
    """A pool with two workers and a job in hand, whose operator was killed."""
    with OperatorProcess(installed) as operator:
        shop.namespace.apply_pool(POOL, shop.spec(scaling=TWO_WORKERS))
        shop.push(1, milliseconds=3000)
        shop.wait_for_jobs("start", 1)
        shop.namespace.wait_for_reason(POOL, "Active")
        operator.kill()
    return shop.namespace


def test_a_pool_carries_no_mark_of_the_operator(abandoned: Namespace) -> None:
    """There is no finalizer to wait for, and no annotation to get in the way of a diff."""
    metadata = abandoned.get("qwp", POOL)["metadata"]
    assert "finalizers" not in metadata
    assert set(metadata["annotations"]) == KUBECTLS_OWN
    assert "labels" not in metadata
    assert "finalizers" not in abandoned.deployment(POOL)["metadata"]


@pytest.mark.parametrize("cascade", ["background", "foreground"])
def test_deleting_a_pool_completes(abandoned: Namespace, shop: Shop, cascade: str) -> None:
    """The pool goes, its Deployment and pods follow, and the job in hand is finished first."""
    abandoned.kubectl("delete", "qwp", POOL, f"--cascade={cascade}", "--timeout=60s")
    assert abandoned.find("qwp", POOL) is None
    abandoned.wait("nothing is left", lambda: not abandoned.list_all("deployments,replicasets,pods"))
    shop.assert_each_done_once(["job-1"])


def test_deleting_a_namespace_completes(abandoned: Namespace, shop: Shop) -> None:
    """A namespace with pools in it is not held up."""
    abandoned.apply_pool("emails", shop.spec(scaling=TWO_WORKERS))
    abandoned.kubectl("delete", "namespace", abandoned.name, "--timeout=60s")
    with pytest.raises(CommandFailedError, match="not found"):
        abandoned.kubectl("get", "namespace", abandoned.name)
    shop.assert_each_done_once(["job-1"])
