"""From a pod's JSON, as kubelets and the scheduler write it, to what a pool has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.cluster.reading import parse_pod
from queueworkers.domain.workers import PodTrouble, TroubleKind
from queueworkers.frameworks.base import DEAF_WORDS
from unit.domain.given import NOON

if TYPE_CHECKING:
    from datetime import datetime

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


COST = "controller.kubernetes.io/pod-deletion-cost"


def written_by(manager: str, *annotations: str) -> dict[str, Any]:
    """An entry of the managed fields."""
    return {
        "manager": manager,
        "fieldsV1": {"f:metadata": {"f:annotations": {f"f:{each}": {} for each in annotations}}},
    }


OURS = written_by("queue-worker-operator-pods", COST)
CONTROLLER_S = written_by("kube-controller-manager", "queueworkers.io/revision")


@pytest.mark.parametrize(
    ("text", "managed", "expected"),
    [
        pytest.param(None, [CONTROLLER_S], (0, False), id="none"),
        pytest.param("-2", [CONTROLLER_S, OURS], (-2, False), id="a mark of the operator's"),
        pytest.param("50", [written_by("kube-controller-manager", COST)], (50, True), id="of the pod template"),
        pytest.param("50", [written_by("kubectl-annotate", COST)], (50, True), id="of a person"),
        pytest.param("-2", [OURS, written_by("kubectl-annotate", COST)], (-2, True), id="of a person who wants the same"),
        pytest.param("many", [written_by("kubectl-annotate", COST)], (0, True), id="no number"),
    ],
)  # fmt: skip
def test_whose_deletion_cost_it_is(text: str | None, managed: list[Any], expected: tuple[int, bool]) -> None:
    """The managed fields tell; only the operator's own marks are its to change."""
    annotations = {} if text is None else {COST: text}

    pod = parse_pod(a_raw_pod(WELL, annotations=annotations, managedFields=managed))

    assert (pod.deletion_cost, pod.priced_by_others) == expected


def test_a_pod_that_waits_for_a_place() -> None:
    """It is no trouble of the cluster's, and nobody creates it yet; a gate of somebody else's is theirs to open."""
    gated = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked",
    }
    raw = a_raw_pod({"phase": "Pending", "conditions": [gated]})

    ours, theirs = (
        parse_pod({**raw, "spec": {"schedulingGates": [{"name": name}]}})
        for name in ("queueworkers.io/max-concurrent", "example.com/quota")
    )

    assert (ours.gated, ours.trouble, ours.creating, ours.ready) == (True, None, False, False)
    assert not theirs.gated


def test_when_a_pod_was_asked_to_leave() -> None:
    """The API server tells when its grace will be over, and how long that is."""
    pod = parse_pod(a_raw_pod(WELL, deletionTimestamp="2026-11-23T12:01:30Z", deletionGracePeriodSeconds=90))

    assert pod.leaving_since == NOON


def test_the_addresses_of_both_kinds() -> None:
    """A pod of a dual-stack cluster may reach Redis by either."""
    pod = parse_pod(
        a_raw_pod({**WELL, "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]})
    )

    assert pod.addresses == ("10.0.0.1", "fd00::1")


def ran(exit_code: int, *, seconds: int) -> dict[str, Any]:
    """One run of a container, from noon on."""
    return {
        "terminated": {
            "exitCode": exit_code,
            "startedAt": "2026-11-23T12:00:00Z",
            "finishedAt": f"2026-11-23T12:{seconds // 60:02}:{seconds % 60:02}Z",
        }
    }


RUNNING = {"running": {"startedAt": "2026-11-23T12:00:00Z"}}


@pytest.mark.parametrize(
    ("last", "state", "exit_code", "crashed"),
    [
        pytest.param(ran(1, seconds=2), ran(255, seconds=1), 255, True, id="twice-and-soon"),
        pytest.param({}, ran(1, seconds=1), None, True, id="once"),
        pytest.param(ran(1, seconds=2), ran(137, seconds=70), None, True, id="a-job-that-took-too-long"),
        pytest.param(ran(0, seconds=2), ran(0, seconds=2), None, False, id="ended-by-design"),
        pytest.param(ran(1, seconds=2), RUNNING, None, True, id="runs-again"),
        pytest.param(ran(0, seconds=700), RUNNING, None, False, id="recycled"),
    ],
)
def test_a_crash_loop_is_seen_at_its_second_crash(
    *, last: dict[str, Any], state: dict[str, Any], exit_code: int | None, crashed: bool
) -> None:
    """The kubelet speaks of it late; a single end, by a job's timeout for one, is daily life."""
    container = {"name": "worker", "restartCount": 2, "state": state, "lastState": last}

    pod = parse_pod(a_raw_pod({"phase": "Running", "containerStatuses": [container]}))

    assert (pod.trouble and (pod.trouble.kind, pod.trouble.exit_code)) == (
        (TroubleKind.CRASHING, exit_code) if exit_code else None
    )
    assert pod.crashed is crashed


COMPLAINING = {"exec": {"command": ["php", "-r", f"... echo '{DEAF_WORDS}: ' . $deafness; exit(1);"]}}
OTHER = {"exec": {"command": ["php", "artisan", "inspire"]}}
STARTED_AT_NOON = {"name": "worker", "state": RUNNING}


@pytest.mark.parametrize(
    ("probe", "statuses", "since"),
    [
        pytest.param(COMPLAINING, [STARTED_AT_NOON], NOON, id="ours"),
        pytest.param(COMPLAINING, [{"name": "log", "state": {}}, STARTED_AT_NOON], NOON, id="beside-others"),
        pytest.param(COMPLAINING, [], None, id="nothing-runs-yet"),
        pytest.param(COMPLAINING, [{"name": "worker", "state": {"terminated": {}}}], None, id="over"),
        pytest.param(OTHER, [STARTED_AT_NOON], None, id="the-users"),
        pytest.param({"httpGet": {"port": 80}}, [STARTED_AT_NOON], None, id="another-kind"),
        pytest.param({}, [STARTED_AT_NOON], None, id="none"),
    ],
)
def test_only_a_probe_that_can_complain_counts(
    probe: dict[str, Any], statuses: list[dict[str, Any]], since: datetime | None
) -> None:
    """Being ready shows that a worker listens only where the probe looked for that."""
    containers = [{"name": "log"}, {"name": "worker", "startupProbe": probe}]
    pod = {**a_raw_pod({**WELL, "containerStatuses": statuses}), "spec": {"containers": containers}}
    assert parse_pod(pod).probed_since == since
