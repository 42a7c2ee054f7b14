"""Events, to the letter: people read them, and greps look for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queueworkers.api.status import Condition, QueueWorkerPoolStatus, RolloutStatus
from queueworkers.domain.announcements import (
    announce_changes,
    announce_rollout,
    announce_scaling,
    announce_unreadable_restart,
)
from queueworkers.domain.backlog import Wait
from unit.domain.given import NOON, NOTHING, UNKNOWN, a_backlog, a_situation, ago, some_workers

if TYPE_CHECKING:
    from queueworkers.domain.verdict import Situation


@pytest.mark.parametrize(
    ("situation", "before", "expected"),
    [
        pytest.param(
            a_situation(a_backlog(ready=412, oldest=Wait(ago(38))), 2, scaling={"maxReplicas": 20}),
            2,
            ("ScaledUp", "2→20: 412 ready, oldest 38s, at 10 per worker, ask for 42, max 20"),
            id="up",
        ),
        pytest.param(
            a_situation(a_backlog(reserved=1), 6),
            6,
            ("ScaledDown", "6→1: 0 ready, 1 in hand, at 10 per worker, ask for 1, min 1"),
            id="down",
        ),
        pytest.param(
            a_situation(a_backlog(ready=3), 6, suspend=True),
            6,
            ("ScaledDown", "6→0: 3 ready, spec.suspend"),
            id="suspended",
        ),
        pytest.param(
            a_situation(a_backlog(ready=3), 6, scaling={"replicas": 15}),
            6,
            ("ScaledUp", "6→15: 3 ready, spec.scaling.replicas 15"),
            id="pinned",
        ),
        pytest.param(
            a_situation(UNKNOWN, 30),
            30,
            ("ScaledDown", "30→10: backlog not known (TimedOut), max 10"),
            id="the-maximum-was-lowered",
        ),
        pytest.param(
            a_situation(UNKNOWN, 1, scaling={"minReplicas": 4}),
            1,
            ("ScaledUp", "1→4: backlog not known (TimedOut), min 4"),
            id="the-minimum-was-raised",
        ),
        pytest.param(a_situation(a_backlog(ready=60), 6), 6, None, id="no-change"),
        pytest.param(
            a_situation(a_backlog(ready=60), 2, scaling={"mode": "Recommend"}),
            2,
            None,
            id="not-ours-to-change",
        ),
    ],
)
def test_scaling_is_told_with_its_numbers(
    situation: Situation, before: int, expected: tuple[str, str] | None
) -> None:
    """From, to, what was seen, and what set the number."""
    announced = announce_scaling(situation, before=before, now=NOON)

    told = [(each.warning, each.reason, each.note) for each in announced]
    assert told == ([(False, *expected)] if expected else [])


def test_the_numbers_have_names_for_programs() -> None:
    """All that the note says in numbers; what is not known is not there, as a 0 would be believed."""
    (known,) = announce_scaling(
        a_situation(a_backlog(ready=412), 2, scaling={"maxReplicas": 20}), before=2, now=NOON
    )
    (unknown,) = announce_scaling(a_situation(UNKNOWN, 30), before=30, now=NOON)

    assert dict(known.numbers) == {
        "workers_before": 2,
        "workers": 20,
        "recommended": 42,
        "min_replicas": 1,
        "max_replicas": 20,
        "waiting": 412,
    }
    assert dict(unknown.numbers) == {
        "workers_before": 30,
        "workers": 10,
        "min_replicas": 1,
        "max_replicas": 10,
    }


def test_a_restart_is_told_with_who_asked() -> None:
    """And how many workers it concerns."""
    situation = a_situation(a_backlog(ready=25), 3, restart={"at": "2026-11-23T11:59:00Z"})

    (announced,) = announce_rollout(situation, NOTHING)

    assert announced.reason == "RestartRequested"
    assert announced.note == "3 workers to replace, each after its job: Spec of 2026-11-23T11:59:00+00:00"


def test_a_change_of_the_pool_is_told_with_what_changed() -> None:
    """It replaces workers just as a restart does."""
    situation = a_situation(a_backlog(ready=25), some_workers(3, image="shop:1", revision="1"))

    (announced,) = announce_rollout(situation, NOTHING)

    assert (announced.reason, announced.note) == (
        "RolloutStarted",
        "3 workers to replace, each after its job: Image",
    )


def test_a_replacement_is_told_once() -> None:
    """Its beginning names it."""
    situation = a_situation(a_backlog(ready=25), 3, restart={"at": "2026-11-23T11:59:00Z"})
    told = QueueWorkerPoolStatus(rollout=RolloutStatus(since_time=situation.rollout.since))

    assert announce_rollout(situation, told) == ()


def test_a_restart_that_cannot_be_read_is_told() -> None:
    """With an example, and no more of what was written than fits."""
    announced = announce_unreadable_restart("now" * 100)

    assert (announced.warning, announced.reason) == (True, "RestartIgnored")
    assert announced.note == (
        f"{('now' * 100)[:100]!r} in kubectl.kubernetes.io/restartedAt is not a time with its zone,"
        " such as 2026-11-21T10:00:00Z"
    )


def a_status(**conditions: tuple[str, str]) -> QueueWorkerPoolStatus:
    """A status whose conditions say so."""
    return QueueWorkerPoolStatus(
        conditions=tuple(
            Condition(
                type=kind, status=status, reason=reason, message=f"{reason}!", last_transition_time=NOON
            )
            for kind, (status, reason) in conditions.items()
        )
    )


WELL = {
    "Ready": ("True", "Active"),
    "BacklogKnown": ("True", "BacklogRead"),
    "Progressing": ("False", "Complete"),
}
CRASHING, PULLING = ("False", "WorkersCrashing"), ("False", "ImagePullFailed")
TIMED_OUT = ("False", "TimedOut")


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param({}, WELL, [], id="a-new-pool-that-is-well"),
        pytest.param(WELL, WELL, [], id="nothing-new"),
        pytest.param(
            WELL, {**WELL, "Ready": CRASHING}, [(True, "WorkersCrashing", "WorkersCrashing!")], id="began"
        ),
        pytest.param(
            {**WELL, "Ready": CRASHING},
            {**WELL, "Ready": PULLING},
            [(True, "ImagePullFailed", "ImagePullFailed!")],
            id="another",
        ),
        pytest.param(
            {**WELL, "Ready": CRASHING},
            WELL,
            [(False, "Recovered", "WorkersCrashing is over: Active!")],
            id="over",
        ),
        pytest.param(WELL, {**WELL, "Ready": ("True", "AtMaxReplicas")}, [], id="daily-life"),
        pytest.param({**WELL, "Progressing": ("True", "Starting")}, WELL, [], id="growth-is-no-rollout"),
        pytest.param(
            WELL,
            {**WELL, "BacklogKnown": TIMED_OUT},
            [(True, "BacklogUnknown", "TimedOut: TimedOut!")],
            id="outage",
        ),
        pytest.param(
            {**WELL, "BacklogKnown": TIMED_OUT},
            WELL,
            [(False, "BacklogKnown", "TimedOut is over.")],
            id="outage-over",
        ),
        pytest.param(
            {"BacklogKnown": ("Unknown", "QueueNotFound")},
            {"BacklogKnown": ("True", "BacklogRead")},
            [],
            id="first-job",
        ),
    ],
)
def test_what_changed_is_told_once(
    before: dict[str, tuple[str, str]],
    now: dict[str, tuple[str, str]],
    expected: list[tuple[bool, str, str]],
) -> None:
    """What a person must act on, its end, and the end of a rollout; what is daily life is not."""
    announced = announce_changes(a_status(**before), a_status(**now))

    assert [(each.warning, each.reason, each.note) for each in announced] == expected


@pytest.mark.parametrize(
    ("before", "now", "reasons"),
    [
        pytest.param("Replacing", "Complete", ["RolloutFinished"], id="done"),
        pytest.param("Stopped", "Complete", ["RolloutFinished"], id="done-after-it-stopped"),
        pytest.param("Replacing", "Undone", ["RolloutUndone"], id="undone"),
        pytest.param("Replacing", "Stopped", [], id="stopped"),
        pytest.param("Stopped", "Replacing", [], id="goes-on"),
        pytest.param("Complete", "Complete", [], id="at-rest"),
        pytest.param(None, "Complete", [], id="new"),
    ],
)
def test_the_end_of_a_replacement_is_told(before: str | None, now: str, reasons: list[str]) -> None:
    """That it stopped is told as what the pool suffers from."""
    announced = announce_changes(
        QueueWorkerPoolStatus(rollout=RolloutStatus(phase=before) if before else None),
        QueueWorkerPoolStatus(rollout=RolloutStatus(phase=now, trigger="Image")),
    )

    assert [each.reason for each in announced] == reasons
    assert all(each.note == "All workers are replaced: Image." for each in announced)
