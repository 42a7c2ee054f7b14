"""From the API server's JSON, as kubelets and controllers write it, to what a pool has to know."""

from __future__ import annotations

from typing import Any

import pytest

from queueworkers.cluster.reading import parse_pod, parse_workers, replica_owners
from queueworkers.domain.workers import PodTrouble, TroubleKind
from unit.domain.given import NOON, a_pod

WELL: dict[str, Any] = {
    "phase": "Running",
    "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
    "containerStatuses": [
        {"name": "worker", "ready": True, "restartCount": 0, "state": {"running": {"startedAt": "2026"}}}
    ],
}


def a_raw_pod(status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """A pod as the API server tells it."""
    usual = {"name": "default-workers-5d9-x7k2p", "creationTimestamp": "2026-11-23T12:00:00Z"}
    return {"metadata": {**usual, **metadata}, "status": status}


def waiting(reason: str, message: str | None = None, exit_code: int | None = None) -> dict[str, Any]:
    """The status of a pod whose worker waits for this reason, after a run that ended so."""
    said = {"reason": reason} if message is None else {"reason": reason, "message": message}
    last = {} if exit_code is None else {"terminated": {"exitCode": exit_code, "reason": "Error"}}
    container = {
        "name": "worker",
        "ready": False,
        "restartCount": 3,
        "state": {"waiting": said},
        "lastState": last,
    }
    return {**WELL, "conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": [container]}


BACK_OFF = "back-off 5m0s restarting failed container=worker pod=default-workers-5d9-x7k2p_shop(6f1c)"
NO_ROOM = "0/3 nodes are available: 3 Insufficient memory."


@pytest.mark.parametrize(
    ("status", "kind", "message", "exit_code"),
    [
        pytest.param(
            waiting("ImagePullBackOff", 'Back-off pulling image "shop:2"'),
            TroubleKind.IMAGE_PULL_FAILED,
            'Back-off pulling image "shop:2"',
            None,
            id="image-not-there",
        ),
        pytest.param(
            waiting("ErrImagePull"),
            TroubleKind.IMAGE_PULL_FAILED,
            "ErrImagePull",
            None,
            id="without-a-message",
        ),
        pytest.param(
            waiting("InvalidImageName", "couldn't parse"),
            TroubleKind.IMAGE_PULL_FAILED,
            "couldn't parse",
            None,
            id="image-misspelled",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", 'secret "app" not found'),
            TroubleKind.MISSING_REFERENCE,
            'secret "app" not found',
            None,
            id="secret-not-there",
        ),
        pytest.param(
            waiting("RunContainerError", "no such file"),
            TroubleKind.START_REFUSED,
            "no such file",
            None,
            id="no-php",
        ),
        *(
            pytest.param(
                waiting("CrashLoopBackOff", BACK_OFF, code),
                TroubleKind.CRASHING,
                BACK_OFF,
                code,
                id=f"exit-{code}",
            )
            for code in (12, 1, 137, 0)
        ),
        pytest.param(
            {
                "phase": "Pending",
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": NO_ROOM}
                ],
            },
            TroubleKind.UNSCHEDULABLE,
            NO_ROOM,
            None,
            id="no-room",
        ),
        pytest.param(
            {**WELL, "initContainerStatuses": waiting("CrashLoopBackOff", BACK_OFF, 3)["containerStatuses"]},
            TroubleKind.CRASHING,
            BACK_OFF,
            3,
            id="an-init-container",
        ),
        pytest.param(
            {
                **WELL,
                "containerStatuses": [
                    *WELL["containerStatuses"],
                    *waiting("ImagePullBackOff", "vector:9")["containerStatuses"],
                ],
            },
            TroubleKind.IMAGE_PULL_FAILED,
            "vector:9",
            None,
            id="a-sidecar",
        ),
    ],
)
def test_what_keeps_a_pod_from_working(
    status: dict[str, Any], kind: TroubleKind, message: str, exit_code: int | None
) -> None:
    """The kubelet's and the scheduler's own words, and how the last run ended."""
    assert parse_pod(a_raw_pod(status)).trouble == PodTrouble(kind=kind, message=message, exit_code=exit_code)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(WELL, id="running"),
        pytest.param({}, id="not-looked-at-yet"),
        pytest.param(
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]}, id="on-its-way"
        ),
        pytest.param(waiting("ContainerCreating"), id="being-created"),
        pytest.param(waiting("PodInitializing"), id="being-initialised"),
        pytest.param(
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]},
            id="gated",
        ),
    ],
)
def test_a_pod_on_its_way_is_no_trouble(status: dict[str, Any]) -> None:
    """Only what does not pass by itself is told."""
    assert parse_pod(a_raw_pod(status)).trouble is None


@pytest.mark.parametrize(
    ("status", "metadata", "facts"),
    [
        pytest.param(WELL, {}, {"ready": True}, id="at-work"),
        pytest.param(waiting("CrashLoopBackOff"), {}, {"ready": False}, id="not-ready"),
        pytest.param(
            WELL,
            {"deletionTimestamp": "2026-11-23T12:01:00Z"},
            {"ready": True, "terminating": True},
            id="leaving",
        ),
        pytest.param(
            {"phase": "Failed", "reason": "Evicted"}, {}, {"ready": False, "ended": True}, id="evicted"
        ),
        pytest.param({"phase": "Succeeded"}, {}, {"ready": False, "ended": True}, id="node-shut-down"),
    ],
)
def test_a_pod_is_read(status: dict[str, Any], metadata: dict[str, Any], facts: dict[str, bool]) -> None:
    """Its name, its age and whether it works, leaves or is over."""
    pod = parse_pod(a_raw_pod(status, **metadata))

    assert (pod.name, pod.created_at) == ("default-workers-5d9-x7k2p", NOON)
    usual = {"ready": False, "terminating": False, "ended": False}
    assert {name: getattr(pod, name) for name in usual} == {**usual, **facts}


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
    assert workers.draining == 1


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
