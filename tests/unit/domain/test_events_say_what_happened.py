"""Events, to the letter: people read them, and greps look for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queueworkers.api.status import Condition, QueueWorkerPoolStatus
from queueworkers.domain.announcements import (
    Announcement,
    announce_changes,
    announce_restart,
    announce_scaling,
    announce_unreadable_restart,
)
from unit.domain.given import NOON, UNKNOWN, a_backlog, a_situation, ago

if TYPE_CHECKING:
    from queueworkers.domain.verdict import Situation


@pytest.mark.parametrize(
    ("situation", "before", "expected"),
    [
        pytest.param(
            a_situation(a_backlog(ready=412, oldest_since=ago(38)), 2, scaling={"maxReplicas": 20}),
            2,
            ("ScaledUp", "2→20: 412 ready, oldest 38s, max 20"),
            id="up",
        ),
        pytest.param(
            a_situation(a_backlog(reserved=1), 6),
            6,
            ("ScaledDown", "6→1: 0 ready, 1 in hand, min 1"),
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

    assert announced == (
        (Announcement(warning=False, reason=expected[0], note=expected[1]),) if expected else ()
    )


def test_a_restart_is_told_with_who_asked() -> None:
    """And how many workers it concerns."""
    situation = a_situation(a_backlog(ready=25), 3, restart={"at": "2026-11-23T11:59:00Z"})

    (announced,) = announce_restart(situation)

    assert announced.reason == "RestartRequested"
    assert announced.note == "3 workers to replace, each after its job: Spec of 2026-11-23T11:59:00+00:00"


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
ROLLING, TIMED_OUT = ("True", "RollingRestart"), ("False", "TimedOut")


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
        pytest.param(
            {**WELL, "Progressing": ROLLING},
            WELL,
            [(False, "RolloutFinished", "RollingRestart is done.")],
            id="done",
        ),
        pytest.param(
            {**WELL, "Progressing": ROLLING},
            {**WELL, "Progressing": ("True", "RollingUpdate")},
            [],
            id="one-rollout-became-another",
        ),
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
