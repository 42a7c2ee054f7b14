"""How long workers need for what waits is told from measured jobs, or not at all."""

from __future__ import annotations

import pytest

from queueworkers.domain.backlog import Backlog
from queueworkers.domain.clearing import seconds_to_clear
from queueworkers.domain.learning import GUESSED_JOB_SECONDS, Learned, QueueFlow
from unit.domain.given import NOON, a_queue


def learned(**seconds: float) -> Learned:
    """Jobs of each queue were seen to take so long, ten thousand of each."""
    many = 10_000.0
    return Learned(
        flows=tuple(
            QueueFlow(
                last=a_queue(name),
                worked_seconds=each * (many + 1) - GUESSED_JOB_SECONDS,
                ended=many,
            )
            for name, each in seconds.items()
        )
    )


def a_reading(**waiting: int) -> Backlog:
    """So many jobs wait in each queue."""
    return Backlog(queues=tuple(a_queue(name, ready=count) for name, count in waiting.items()), read_at=NOON)


SEEN = Learned(flows=(QueueFlow(last=a_queue("high", reserved=2), worked_seconds=40.0),))
"""Two jobs are in hand, and none was seen to end."""


@pytest.mark.parametrize(
    ("backlog", "known", "ready", "expected"),
    [
        pytest.param(a_reading(high=0), Learned(), 0, 0.0, id="nothing-waits"),
        pytest.param(a_reading(high=30), learned(high=2), 3, 20.0, id="work-over-workers"),
        pytest.param(a_reading(high=30, low=4), learned(high=2, low=5), 4, 20.0, id="each-queue-its-own"),
        pytest.param(a_reading(high=30, low=0), learned(high=2), 3, 20.0, id="an-empty-queue-needs-none"),
        pytest.param(a_reading(high=30), learned(high=2), 0, None, id="nobody-works"),
        pytest.param(a_reading(high=30), Learned(), 3, None, id="nothing-measured"),
        pytest.param(a_reading(high=30, low=4), learned(high=2), 3, None, id="one-not-measured"),
        pytest.param(a_reading(high=30), SEEN, 3, None, id="none-has-ended"),
    ],
)
def test_time_to_clear(backlog: Backlog, known: Learned, ready: int, expected: float | None) -> None:
    """Seconds of work by workers, and no guess."""
    found = seconds_to_clear(backlog, known, ready=ready)
    assert found == (expected if expected is None else pytest.approx(expected))
