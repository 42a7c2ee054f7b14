"""One word and one sentence for a pool: what a person must act on comes first."""

from __future__ import annotations

from typing import Any

import pytest

from queueworkers.api.conditions import ConditionReason as Reason
from queueworkers.api.conditions import ConditionStatus, UnknownReason
from queueworkers.api.status import Condition
from queueworkers.domain.backlog import UnknownBacklog
from queueworkers.domain.verdict import Refusal, Situation, judge, judge_progress, refusal_of
from queueworkers.domain.workers import TroubleKind, Workers
from unit.domain.given import (
    NOON,
    UNKNOWN,
    a_backlog,
    a_pod,
    a_spec,
    a_troubled_pod,
    an_observation,
    situation_of,
    some_workers,
)

NEVER_SEEN = UnknownBacklog(reason=UnknownReason.QUEUE_NOT_FOUND, message="No key of queue default exists.")
AT_ONCE = {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}, "cooldownSeconds": 0}

REFUSED = {"refusal": Refusal(reason=Reason.NAME_TAKEN, message="taken")}
TROUBLED = {"pods": (a_troubled_pod(TroubleKind.CRASHING),)}
ROLLING = {"updated": 1, "current": 4}


def a_situation(
    reading: Any = None,
    workers: Workers | int | None = 3,
    *,
    scaling: dict[str, Any] | None = None,
    suspend: bool = False,
    restart: dict[str, Any] | None = None,
    **also: Any,
) -> Situation:
    """A pool of 3 workers that have 30 jobs, decided upon and applied, unless said otherwise."""
    spec = a_spec(scaling={**AT_ONCE, **(scaling or {})}, suspend=suspend, restart=restart or {})
    observation = an_observation(a_backlog(ready=30) if reading is None else reading, workers=workers)
    return situation_of(spec, observation, **also)


@pytest.mark.parametrize(
    ("situation", "status", "reason"),
    [
        pytest.param(a_situation(), "True", Reason.ACTIVE, id="well"),
        pytest.param(
            a_situation(a_backlog(), 0, scaling={"minReplicas": 0}), "True", Reason.IDLE, id="resting"
        ),
        pytest.param(
            a_situation(scaling={"maxReplicas": 3}, reading=a_backlog(ready=31)),
            "True",
            Reason.AT_MAX_REPLICAS,
            id="at-its-bound",
        ),
        pytest.param(a_situation(scaling={"replicas": 3}), "True", Reason.PINNED, id="pinned"),
        pytest.param(
            a_situation(scaling={"mode": "Recommend"}), "True", Reason.RECOMMENDING, id="only-recommending"
        ),
        pytest.param(a_situation(workers=0, suspend=True), "True", Reason.SUSPENDED, id="suspended"),
        pytest.param(a_situation(suspend=True), "False", Reason.DRAINING, id="suspended-not-empty-yet"),
        pytest.param(
            a_situation(UNKNOWN, 0, suspend=True), "True", Reason.SUSPENDED, id="suspended-asks-no-backlog"
        ),
        pytest.param(a_situation(workers=None), "False", Reason.STARTING, id="new"),
        pytest.param(
            a_situation(workers=some_workers(3, ready=0)), "False", Reason.STARTING, id="none-at-work"
        ),
        pytest.param(
            a_situation(workers=some_workers(3, ready=1)), "True", Reason.ACTIVE, id="growth-is-daily-life"
        ),
        pytest.param(
            a_situation(workers=some_workers(3, ready=1), scaling={"minReplicas": 2}),
            "False",
            Reason.STARTING,
            id="fewer-than-the-minimum",
        ),
        pytest.param(
            a_situation(workers=some_workers(3, current=5, updated=5)),
            "True",
            Reason.ACTIVE,
            id="shrinking-too",
        ),
        pytest.param(
            a_situation(workers=some_workers(3, **ROLLING)), "False", Reason.ROLLING_UPDATE, id="rolling"
        ),
        pytest.param(a_situation(UNKNOWN), "False", Reason.BACKLOG_UNKNOWN, id="not-known"),
        pytest.param(a_situation(NEVER_SEEN), "True", Reason.QUEUE_NOT_FOUND, id="perhaps-not-used-yet"),
        pytest.param(
            a_situation(UNKNOWN, scaling={"replicas": 3}), "True", Reason.PINNED, id="a-pin-asks-no-backlog"
        ),
        pytest.param(
            a_situation(workers=some_workers(3, foreign_autoscaler="HorizontalPodAutoscaler shop")),
            "False",
            Reason.SCALING_CONFLICT,
            id="somebody-else-scales",
        ),
        pytest.param(
            a_situation(UNKNOWN, some_workers(3, **ROLLING)),
            "False",
            Reason.BACKLOG_UNKNOWN,
            id="not-known-before-rolling",
        ),
        pytest.param(
            a_situation(UNKNOWN, some_workers(3, foreign_autoscaler="HorizontalPodAutoscaler shop")),
            "False",
            Reason.SCALING_CONFLICT,
            id="conflict-before-not-known",
        ),
        pytest.param(
            a_situation(
                UNKNOWN, some_workers(3, **TROUBLED, foreign_autoscaler="HorizontalPodAutoscaler shop")
            ),
            "False",
            Reason.WORKERS_CRASHING,
            id="crashes-before-conflict",
        ),
        pytest.param(
            a_situation(UNKNOWN, some_workers(3, **TROUBLED), **REFUSED),
            "False",
            Reason.NAME_TAKEN,
            id="a-refusal-before-all",
        ),
        pytest.param(
            a_situation(a_backlog(), some_workers(0, **TROUBLED), scaling={"minReplicas": 0}),
            "True",
            Reason.IDLE,
            id="a-resting-pool-has-no-trouble",
        ),
        pytest.param(
            a_situation(workers=some_workers(3, refusal="pods is forbidden: exceeded quota: shop")),
            "False",
            Reason.QUOTA_EXCEEDED,
            id="no-quota-left",
        ),
        pytest.param(
            a_situation(workers=some_workers(3, refusal="violates PodSecurity restricted")),
            "False",
            Reason.PODS_REFUSED,
            id="pods-refused",
        ),
    ],
)
def test_the_headline_is_the_most_pressing(situation: Situation, status: str, reason: Reason) -> None:
    """Ready is False exactly while something stands in the way or is on its way, as kstatus reads it."""
    verdict = judge(situation)

    assert (verdict.status, verdict.reason) == (status, reason)


@pytest.mark.parametrize(
    ("kinds", "reason"),
    [
        pytest.param(tuple(TroubleKind), Reason.MISSING_REFERENCE, id="of-all"),
        pytest.param(
            (TroubleKind.CRASHING, TroubleKind.IMAGE_PULL_FAILED), Reason.IMAGE_PULL_FAILED, id="image-first"
        ),
        pytest.param(
            (TroubleKind.UNSCHEDULABLE, TroubleKind.CRASHING), Reason.WORKERS_CRASHING, id="crash-first"
        ),
        pytest.param((TroubleKind.UNSCHEDULABLE,), Reason.UNSCHEDULABLE, id="alone"),
    ],
)
def test_of_several_troubles_the_one_that_stops_most(kinds: tuple[TroubleKind, ...], reason: Reason) -> None:
    """A wrong reference stops every worker, a full node only the next."""
    pods = tuple(a_troubled_pod(kind, name=f"w-{kind}") for kind in kinds)

    assert judge(a_situation(workers=some_workers(3, pods=pods))).reason == reason


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param(1, "last exit code 1 (an uncaught exception, often at boot); back-off", id="exception"),
        pytest.param(
            137,
            "last exit code 137 (killed: a job ran longer than --timeout, or out of memory); back-off",
            id="killed",
        ),
        pytest.param(42, "last exit code 42; back-off", id="its-own"),
        pytest.param(None, "back-off", id="never-ran"),
    ],
)
def test_a_crash_names_the_framework_s_meaning(code: int | None, words: str) -> None:
    """An exit code is a riddle to whoever did not write the worker."""
    trouble = a_troubled_pod(TroubleKind.CRASHING, "back-off", name="w-2", exit_code=code)
    situation = a_situation(workers=some_workers(3, pods=(a_pod("w-1"), trouble)))

    assert judge(situation).message == f"1 of 2 pods, such as w-2: {words}"


@pytest.mark.parametrize(
    ("ready", "reason"),
    [
        pytest.param(1, Reason.ACTIVE, id="others-work"),
        pytest.param(0, Reason.RECYCLING_DELAYED, id="nobody-is-left"),
    ],
)
@pytest.mark.parametrize("code", [0, 12])
def test_recycling_is_not_crashing(code: int, ready: int, reason: Reason) -> None:
    """A worker that the kubelet starts late after an end by design matters while nobody else works."""
    trouble = a_troubled_pod(TroubleKind.CRASHING, "back-off", name="w-2", exit_code=code)
    workers = some_workers(2, ready=ready, available=ready, pods=(a_pod("w-1"), trouble))

    assert judge(a_situation(workers=workers)).reason is reason


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        pytest.param(409, "it belongs to another", Reason.NAME_TAKEN, id="409"),
        pytest.param(422, "is invalid", Reason.INVALID_POD_TEMPLATE, id="422"),
        pytest.param(400, "cannot be parsed", Reason.INVALID_POD_TEMPLATE, id="400"),
        pytest.param(403, "exceeded quota: counts", Reason.QUOTA_EXCEEDED, id="quota"),
        pytest.param(403, "denied by a policy", Reason.APPLY_FAILED, id="403"),
    ],
)
def test_a_refused_deployment_says_why(status: int, message: str, reason: Reason) -> None:
    """In a pool's words, with the API server's sentence."""
    assert refusal_of(status=status, message=message) == Refusal(reason=reason, message=message)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param({}, Reason.COMPLETE, id="at-rest"),
        pytest.param({"generation": 2}, Reason.COMPLETE, id="a-number-was-written"),
        pytest.param({"available": 2}, Reason.COMPLETE, id="a-recycled-worker-is-no-rollout"),
        pytest.param({"ready": 2}, Reason.STARTING, id="one-starts"),
        pytest.param({"current": 4, "updated": 4}, Reason.DRAINING, id="one-leaves"),
        pytest.param({"updated": 0}, Reason.ROLLING_UPDATE, id="old-workers"),
        pytest.param({"updated": 0, "rollout_trigger": "Signal"}, Reason.ROLLING_RESTART, id="a-restart"),
    ],
)
def test_what_is_on_its_way_is_told(*, facts: dict[str, Any], reason: Reason) -> None:
    """Neither a number that was written nor a worker that recycles itself is a rollout."""
    progress = judge_progress(a_situation(workers=some_workers(3, **facts)))

    assert progress.reason == reason
    assert (progress.status is ConditionStatus.FALSE) == (reason == Reason.COMPLETE)


NEW = a_troubled_pod(TroubleKind.CRASHING, "back-off", name="new-1", exit_code=255)
OLD = (a_pod("old-1", revision="before"), a_pod("old-2", revision="before"))
HALF_WAY = {"updated": 1, "current": 3, "rollout_trigger": "Image", "rollout_since": NOON}


@pytest.mark.parametrize(
    ("facts", "control", "ready", "progress", "message"),
    [
        pytest.param(
            {"pods": (*OLD, NEW)},
            "Run",
            ("False", Reason.ROLLOUT_STOPPED),
            "False",
            "0/2 replaced, then it stopped, as new workers fail: 1 of 3 pods, such as new-1: last exit code 255"
            " (a PHP fatal error, such as memory_limit); back-off. 2 old workers still at work, none is added."
            " It goes on when the new ones work, or begins anew with a corrected pool;"
            " spec.restart.rollout: Undo goes back. Began with Image at 2026-11-23T12:00:00Z.",
            id="stopped",
        ),
        pytest.param(
            {"pods": (*OLD, a_pod("new-1"))},
            "Hold",
            ("False", Reason.ROLLOUT_HELD),
            "Unknown",
            "1/2 replaced; spec.restart.rollout is Hold, so no more are replaced until it is Run."
            " Began with Image at 2026-11-23T12:00:00Z.",
            id="held",
        ),
        pytest.param(
            {"pods": (*OLD, a_pod("new-1")), "paused": True},
            "Run",
            ("False", Reason.ROLLOUT_HELD),
            "Unknown",
            "1/2 replaced; somebody paused the Deployment: kubectl rollout resume lets it go on."
            " Began with Image at 2026-11-23T12:00:00Z.",
            id="held-from-outside",
        ),
        pytest.param(
            {"pods": (*OLD, a_pod("new-1"))},
            "Undo",
            ("False", Reason.ROLLOUT_HELD),
            "Unknown",
            "1/2 replaced; there is no revision before to go back to: set spec.restart.rollout to Run."
            " Began with Image at 2026-11-23T12:00:00Z.",
            id="nothing-to-go-back-to",
        ),
        pytest.param(
            {"pods": (*OLD, a_pod("new-1"))},
            "Run",
            ("False", Reason.ROLLING_UPDATE),
            "True",
            "1/2 replaced; each worker finishes its job first. Began with Image at 2026-11-23T12:00:00Z.",
            id="under-way",
        ),
    ],
)
def test_a_replacement_is_told_with_how_far_it_is(
    facts: dict[str, Any], control: str, ready: tuple[str, Reason], progress: str, message: str
) -> None:
    """And who or what keeps it from going on, and what to do."""
    situation = a_situation(workers=some_workers(2, **{**HALF_WAY, **facts}), restart={"rollout": control})

    assert (judge(situation).status, judge(situation).reason, judge(situation).message) == (*ready, message)
    assert judge_progress(situation).status == progress


@pytest.mark.parametrize(
    ("crashed", "available", "before", "reason"),
    [
        pytest.param(True, 2, "WorkersCrashing", Reason.WORKERS_CRASHING, id="between-two-crashes"),
        pytest.param(True, 3, "WorkersCrashing", Reason.ACTIVE, id="it-stayed"),
        pytest.param(False, 2, "WorkersCrashing", Reason.ACTIVE, id="another-pod-took-its-place"),
        pytest.param(True, 2, "Active", Reason.ACTIVE, id="it-had-crashed-once"),
        pytest.param(True, 2, None, Reason.ACTIVE, id="nothing-was-said-yet"),
    ],
)
def test_a_crash_loop_is_not_over_between_two_crashes(
    *, crashed: bool, available: int, before: str | None, reason: Reason
) -> None:
    """For a second each time the worker looks well, and a recovery would be announced each time."""
    said = before and Condition(type="Ready", status="False", reason=before, last_transition_time=NOON)
    pods = (a_pod("w-1", crashed=crashed), a_pod("w-2"), a_pod("w-3"))

    situation = a_situation(
        workers=some_workers(3, pods=pods, available=available), previous_ready=said or None
    )

    assert judge(situation).reason == reason
