"""Events, lists and answers come in any order; the newest always wins."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from queueworkers.cluster.inventory import ENDS_KEPT, Inventory, read_live
from queueworkers.domain.identity import PoolKey

KEY = PoolKey("shop", "default")


def a_raw_deployment(
    version: int, *, uid: str = "d-1", name: str = "default-workers", **spec: Any
) -> dict[str, Any]:
    """A Deployment of the pool as the API server tells it."""
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": uid,
            "resourceVersion": str(version),
            "labels": {"queueworkers.io/pool": "default"},
            "ownerReferences": [{"controller": True, "uid": "6f1c"}, {"uid": "other"}],
            "managedFields": [{"manager": "x", "fieldsV1": {"f:spec": {"f:replicas": {}}}}],
        },
        "spec": spec,
    }


def replicas(inventory: Inventory) -> int | None:
    """What is known of the Deployment."""
    live = inventory.deployment(KEY)
    return None if live is None else live.content["spec"]["replicas"]


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 10])))
def test_an_older_version_never_replaces_a_newer_one(order: tuple[int, ...]) -> None:
    """Versions are numbers: 10 is newer than 2."""
    inventory = Inventory()

    for version in order:
        inventory.deployments.hear(a_raw_deployment(version, replicas=version))

    assert replicas(inventory) == 10


def test_a_new_life_replaces_an_old_one() -> None:
    """The end of the first, seen late, does not end the second."""
    inventory = Inventory()
    first, second = a_raw_deployment(5, replicas=1), a_raw_deployment(7, uid="d-2", replicas=2)

    inventory.deployments.put(first)
    inventory.deployments.put(second)
    assert inventory.deployments.drop(first) == KEY

    assert replicas(inventory) == 2
    assert inventory.deployments.drop(second) == KEY
    assert replicas(inventory) is None


def test_a_list_shows_what_vanished() -> None:
    """But what came after the list was made is not missing."""
    inventory = Inventory()
    raw = a_raw_deployment(5, replicas=1)
    inventory.deployments.hear(raw)

    assert inventory.deployments.keep({inventory.deployments.address(raw)}, as_of=9) == frozenset()
    assert inventory.deployments.keep(set(), as_of=4) == frozenset()
    assert replicas(inventory) == 1
    assert inventory.deployments.keep(set(), as_of=5) == {KEY}
    assert replicas(inventory) is None


def test_an_old_list_does_not_undo_an_event() -> None:
    """A list takes time to arrive."""
    inventory = Inventory()
    inventory.deployments.hear(a_raw_deployment(9, replicas=9))

    assert inventory.deployments.hear(a_raw_deployment(5, replicas=5)) is None

    assert replicas(inventory) == 9


def test_what_was_told_is_no_news() -> None:
    """At a start a list and a watch tell the same of every object; one of them is a reason to look."""
    inventory = Inventory()

    assert inventory.deployments.hear(a_raw_deployment(5, replicas=1)) == KEY
    assert inventory.deployments.hear(a_raw_deployment(5, replicas=1)) is None
    assert inventory.deployments.hear(a_raw_deployment(6, replicas=1)) == KEY


def test_an_answer_to_a_write_is_told_once_more() -> None:
    """Whoever wrote has not looked at what came of it; the watch says when to."""
    inventory = Inventory()
    inventory.deployments.hear(a_raw_deployment(5, replicas=1))
    inventory.deployments.put(a_raw_deployment(6, replicas=2))

    assert replicas(inventory) == 2
    assert inventory.deployments.hear(a_raw_deployment(6, replicas=2)) == KEY
    assert inventory.deployments.hear(a_raw_deployment(6, replicas=2)) is None


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(a_raw_deployment(1, name="shop-frontend"), id="a-copied-label"),
        pytest.param({"metadata": {"namespace": "shop", "name": "default-workers"}}, id="no-label"),
    ],
)
def test_somebody_elses_deployment_is_left_out(raw: dict[str, Any]) -> None:
    """A label is easily copied."""
    inventory = Inventory()

    assert inventory.deployments.hear(raw) is None
    assert inventory.deployment(KEY) is None


def test_managed_fields_are_not_kept() -> None:
    """They are as large as the rest; who owns the number of workers is all that is needed of them."""
    live = read_live(a_raw_deployment(1, replicas=1))

    assert "managedFields" not in live.content["metadata"]
    assert live.replica_owners == {"x"}


@pytest.mark.parametrize(("uid", "expected"), [("6f1c", True), ("other", False), ("gone", False)])
def test_only_the_controlling_owner_owns(uid: str, expected: Any) -> None:
    """A pool that was deleted and created again is not the owner of what its first life left."""
    assert read_live(a_raw_deployment(1)).belongs_to(uid) is expected


def a_raw_pod(version: int, *, name: str = "w-1", **state: Any) -> dict[str, Any]:
    """A pod of the pool, whose worker's container is in this state."""
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": str(version),
            "labels": {"queueworkers.io/pool": "default"},
            "creationTimestamp": "2026-11-23T12:00:00Z",
        },
        "status": {"containerStatuses": [{"name": "worker", "state": state}]},
    }


def ended(container: str) -> dict[str, Any]:
    """The end of a container as the kubelet tells it."""
    return {"terminated": {"containerID": container, "exitCode": 1, "finishedAt": "2026-11-23T12:01:00Z"}}


def test_how_a_pod_ended_is_known_when_it_is_gone() -> None:
    """The last word about a pod may be the one that it is deleted; a container that is told of twice ended once."""
    inventory = Inventory()
    inventory.pods.put(a_raw_pod(1, running={}))
    inventory.pods.put(a_raw_pod(2, **ended("c1")))
    inventory.pods.put(a_raw_pod(3, running={}))
    inventory.pods.drop(a_raw_pod(4, **ended("c2")))

    assert inventory.pods.of(KEY) == ()
    assert [end.container for end in inventory.pods.ends_of(KEY)] == ["c1", "c2"]


def test_not_every_end_is_kept_for_ever() -> None:
    """A pool whose workers crash for a year takes no more memory than one whose workers do for a day."""
    inventory = Inventory()
    for number in range(ENDS_KEPT + 5):
        inventory.pods.drop(a_raw_pod(number + 1, name=f"w-{number}", **ended(f"c{number}")))
    kept = [end.container for end in inventory.pods.ends_of(KEY)]
    assert kept == [f"c{number}" for number in range(5, ENDS_KEPT + 5)]
    inventory.pods.forget_ends(KEY)
    assert inventory.pods.ends_of(KEY) == ()
