"""From a Deployment's JSON, as its controllers write it, to what a pool has to know."""

from __future__ import annotations

from typing import Any

import pytest

from queueworkers.cluster.reading import parse_workers, replica_owners
from unit.domain.given import NOON, a_pod


def a_deployment(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A Deployment as the API server tells it."""
    return {
        "metadata": {"name": "default-workers", "generation": 4},
        "spec": {"template": {"metadata": {"labels": {}}, "spec": {}}, **spec},
        **({} if status is None else {"status": status}),
    }


def test_a_deployment_is_read() -> None:
    """Counts that are missing are zero: the API server leaves zeros out."""
    full = {
        "observedGeneration": 3,
        "replicas": 5,
        "readyReplicas": 4,
        "updatedReplicas": 2,
        "availableReplicas": 3,
    }

    workers = parse_workers(a_deployment(full, replicas=6), [a_pod()], foreign_autoscaler=None)
    new = parse_workers(a_deployment(replicas=0), [], foreign_autoscaler=None)

    found = (workers.current, workers.ready, workers.updated, workers.available)
    assert found == (5, 4, 2, 3)
    assert (workers.generation, workers.observed_generation, workers.desired) == (4, 3, 6)
    assert (new.desired, new.current, new.ready, new.observed_generation) == (0, 0, 0, 0)


def test_the_remains_of_an_evicted_pod_are_no_worker() -> None:
    """They stay for days, and would look like workers that drain for ever."""
    pods = [a_pod("w-1"), a_pod("w-2", ended=True), a_pod("w-3", terminating=True)]

    workers = parse_workers(a_deployment(), pods, foreign_autoscaler=None)

    assert [pod.name for pod in workers.pods] == ["w-1", "w-3"]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param({"queueworkers.io/restarted-at": "2026-11-23T12:00:00+00:00"}, NOON, id="ours"),
        pytest.param({"kubectl.kubernetes.io/restartedAt": "2026-11-23T12:00:00Z"}, None, id="kubectls-own"),
        pytest.param({"queueworkers.io/restarted-at": "yesterday"}, None, id="not-a-time"),
        pytest.param({}, None, id="never"),
    ],
)
def test_the_restart_marker_is_our_own_annotation(annotations: dict[str, str], expected: Any) -> None:
    """`kubectl rollout restart` on the Deployment is somebody else's restart."""
    template = {"metadata": {"annotations": annotations}, "spec": {}}

    workers = parse_workers(a_deployment(template=template), [], foreign_autoscaler=None)

    assert workers.restart_marker == expected


QUOTA = 'pods "default-workers-5d9-" is forbidden: exceeded quota: shop, requested: pods=1, used: pods=4'


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        pytest.param(
            [
                {"type": "Progressing", "status": "True", "message": "it has"},
                {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": QUOTA},
            ],
            QUOTA,
            id="quota",
        ),
        pytest.param([{"type": "ReplicaFailure", "status": "False", "message": QUOTA}], None, id="over"),
        pytest.param([{"type": "Available", "status": "True"}], None, id="none"),
    ],
)
def test_a_refusal_of_new_pods_is_read(conditions: list[dict[str, str]], expected: str | None) -> None:
    """The Deployment controller tells it in a condition."""
    workers = parse_workers(a_deployment({"conditions": conditions}), [], foreign_autoscaler=None)

    assert workers.refusal == expected


def managed(manager: str, fields: dict[str, Any], **also: str) -> dict[str, Any]:
    """One entry of the managed fields."""
    return {"manager": manager, "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": fields, **also}


SCALED = {"f:spec": {"f:replicas": {}}}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param(
            [managed("kube-controller-manager", SCALED, subresource="scale")],
            {"kube-controller-manager"},
            id="hpa",
        ),
        pytest.param(
            [
                managed("queue-worker-operator-scale", SCALED),
                managed("queue-worker-operator", {"f:spec": {"f:template": {}}}),
            ],
            {"queue-worker-operator-scale"},
            id="ours",
        ),
        pytest.param(
            [managed("kube-controller-manager", {"f:status": {"f:replicas": {}}}, subresource="status")],
            set(),
            id="the-deployment-controllers-status",
        ),
        pytest.param(
            [managed("kubectl", SCALED, subresource="scale"), managed("keda", SCALED)],
            {"kubectl", "keda"},
            id="several",
        ),
        pytest.param([], set(), id="none"),
    ],
)
def test_who_sets_the_number_is_in_the_managed_fields(entries: list[Any], expected: set[str]) -> None:
    """Not who counts it: the status has a field of the same name."""
    assert replica_owners({"metadata": {"managedFields": entries}}) == expected
