"""From a Deployment's JSON, as its controllers write it, to what a pool has to know."""

from __future__ import annotations

from typing import Any

import pytest

from queueworkers.cluster.reading import newest_revision, parse_revision, parse_workers, replica_owners
from queueworkers.domain.manifests import render_deployment
from queueworkers.domain.rollout import Phase, Rollout
from unit.domain.given import NOON, POOL, a_pod, a_spec, deployment_of


def a_deployment(
    status: dict[str, Any] | None = None, *, notes: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """A Deployment as the API server tells it."""
    return {
        "metadata": {
            "name": "default-workers",
            "generation": 4,
            "creationTimestamp": "2026-11-22T12:00:00Z",
            "annotations": notes or {},
        },
        "spec": {"template": {"metadata": {"labels": {}}, "spec": {"containers": []}}, **spec},
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
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": []}}

    workers = parse_workers(a_deployment(template=template), [], foreign_autoscaler=None)

    assert workers.restart_marker == expected


def test_what_is_noted_of_a_rollout_is_read_back() -> None:
    """It is all that a new operator knows of it."""
    spec = a_spec(image="shop:2", restart={"schedule": "30 4 * * *"})
    revision = parse_revision(
        deployment_of(spec, restarted_at=NOON, references={"Secret/shop": "3fa9"})["spec"]["template"]
    )
    assert revision
    noted = render_deployment(
        POOL,
        spec,
        Rollout(
            revision=revision, phase=Phase.STOPPED, trigger="Image", since=NOON, stopped_at=NOON, paused=True
        ),
        scheduled_at=NOON,
    )

    workers = parse_workers(
        a_deployment(notes=noted["metadata"]["annotations"], **noted["spec"]), [], foreign_autoscaler=None
    )

    assert (workers.revision, workers.image) == (revision.name, "shop:2")
    assert (workers.restart_marker, workers.references) == (NOON, {"Secret/shop": "3fa9"})
    assert (workers.rollout_trigger, workers.rollout_since, workers.rollout_stopped_at) == (
        "Image",
        NOON,
        NOON,
    )
    assert workers.paused
    assert (workers.schedule, workers.schedule_since) == ("30 4 * * * UTC", NOON)


def a_replica_set(number: int, image: str) -> dict[str, Any]:
    """One of the Deployment's ReplicaSets, as its controller makes them."""
    template = deployment_of(a_spec(image=image))["spec"]["template"]
    template["metadata"]["labels"]["pod-template-hash"] = "5d9f"
    return {
        "metadata": {"annotations": {"deployment.kubernetes.io/revision": str(number)}},
        "spec": {"template": template},
    }


def test_the_revision_before_is_the_newest_other_one() -> None:
    """By number, not by text, and without what its ReplicaSet added; a stranger's is none."""
    own = parse_revision(a_replica_set(11, "shop:11")["spec"]["template"])
    stranger = {
        "metadata": {"annotations": {"deployment.kubernetes.io/revision": "12"}},
        "spec": {"template": {"spec": {"containers": []}}},
    }
    replica_sets = [a_replica_set(9, "shop:9"), a_replica_set(10, "shop:10"), a_replica_set(11, "shop:11")]

    found = newest_revision([*replica_sets, stranger], but=own)

    assert found
    assert found.template == deployment_of(a_spec(image="shop:10"))["spec"]["template"]
    assert newest_revision(replica_sets[2:], but=own) is None


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
