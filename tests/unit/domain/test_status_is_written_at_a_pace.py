"""How often a busy pool's status is written."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.api.status import (
    BacklogStatus,
    Condition,
    QueueWorkerPoolStatus,
    RestartStatus,
    RolloutStatus,
)
from queueworkers.domain.pacing import due_in
from unit.domain.given import NOON, a_backlog, ago, told

if TYPE_CHECKING:
    from collections.abc import Callable

PACE = timedelta(seconds=5)
TEN_MINUTES = 600


@pytest.mark.parametrize(
    "waiting",
    [
        pytest.param(lambda second: 20 + second % 7, id="numbers-alone"),
        pytest.param(lambda second: 50 + 10 * (second % 2), id="around-the-share-of-a-worker"),
        pytest.param(lambda second: 100 + second % 2, id="around-the-maximum"),
        pytest.param(lambda second: second % 2, id="around-nothing"),
        pytest.param(lambda second: int(60 + 60 * math.sin(second)), id="up-and-down"),
    ],
)
def test_a_restless_backlog_is_written_once_a_pace(waiting: Callable[[int], int]) -> None:
    """Ten minutes of a change every second are at most one write every five seconds, and one for each scaling."""
    stored, written_at, writes, scalings, workers = QueueWorkerPoolStatus(), None, 0, 0, 1
    for second in range(TEN_MINUTES):
        now = ago(-second)
        status = told(
            a_backlog(ready=waiting(second), read_at=now), workers=workers, previous=stored, now=now
        )
        if due_in(stored, status, written_at=written_at, now=now, pace=PACE) == timedelta(0):
            writes += 1
            scalings += stored.desired_replicas != status.desired_replicas
            stored, written_at = status, now
        assert status.desired_replicas is not None
        workers = status.desired_replicas

    assert writes <= TEN_MINUTES / PACE.total_seconds() + 1 + 4 * scalings
    assert writes >= TEN_MINUTES / PACE.total_seconds() / 2


def a_status(**fields: Any) -> QueueWorkerPoolStatus:
    """A status that says little."""
    ready = Condition(type="Ready", status="True", reason="Active", message="5", last_transition_time=NOON)
    return QueueWorkerPoolStatus(**{"desired_replicas": 5, "conditions": (ready,), **fields})


def ready(status: str = "True", reason: str = "Active", message: str = "5") -> tuple[Condition, ...]:
    """A condition that says this."""
    return (
        Condition(type="Ready", status=status, reason=reason, message=message, last_transition_time=NOON),
    )


BEFORE = a_status(backlog=BacklogStatus(waiting=5, observed_time=ago(9)))
KNOWN = {"backlog": BacklogStatus(waiting=5, observed_time=NOON)}


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        pytest.param(a_status(**KNOWN), None, id="only-the-time-of-the-reading"),
        pytest.param(a_status(backlog=BacklogStatus(waiting=6)), 3, id="a-count"),
        pytest.param(a_status(**KNOWN, ready_replicas=4), 3, id="a-worker-that-starts"),
        pytest.param(a_status(**KNOWN, conditions=ready(message="6")), 3, id="a-sentence"),
        pytest.param(a_status(**KNOWN, conditions=ready(reason="AtMaxReplicas")), 3, id="at-the-maximum"),
        pytest.param(a_status(**KNOWN, conditions=ready(reason="Pinned")), 0, id="another-standing"),
        pytest.param(a_status(**KNOWN, conditions=ready("False", "WorkersCrashing")), 0, id="a-trouble"),
        pytest.param(a_status(**KNOWN, desired_replicas=6), 0, id="a-scaling"),
        pytest.param(a_status(**KNOWN, observed_generation=2), 0, id="a-new-spec"),
        pytest.param(a_status(**KNOWN, last_restart=RestartStatus(trigger="Spec")), 0, id="a-restart"),
        pytest.param(a_status(**KNOWN, rollout=RolloutStatus(phase="Stopped")), 0, id="a-rollout-that-stops"),
        pytest.param(a_status(), 0, id="no-longer-known"),
    ],
)
def test_a_standing_is_told_at_once_and_numbers_wait(
    current: QueueWorkerPoolStatus, expected: int | None
) -> None:
    """Two seconds after the last write, with five between two."""
    wait = due_in(BEFORE, current, written_at=ago(2), now=NOON, pace=PACE)

    assert wait == (None if expected is None else timedelta(seconds=expected))


def test_how_far_a_rollout_is_waits_with_the_numbers() -> None:
    """A thousand workers are replaced in a hundred writes, not in a thousand."""
    before, current = (
        a_status(rollout=RolloutStatus(phase="Replacing", since_time=NOON, replaced=done)) for done in (3, 4)
    )

    assert due_in(before, current, written_at=ago(2), now=NOON, pace=PACE) == timedelta(seconds=3)


@pytest.mark.parametrize(
    "written_at", [pytest.param(None, id="never-by-this-process"), pytest.param(ago(5), id="a-pace-ago")]
)
def test_numbers_are_told_when_their_time_has_come(written_at: Any) -> None:
    """An operator that was just started owes the newest numbers."""
    current = a_status(backlog=BacklogStatus(waiting=6))

    assert due_in(BEFORE, current, written_at=written_at, now=NOON, pace=PACE) == timedelta(0)
