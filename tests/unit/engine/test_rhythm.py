"""A pool is read when there is a reason, and no more often than it may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING

import pytest

from queueworkers.api.conditions import FollowedBy, UnknownReason
from queueworkers.domain.backlog import UnknownBacklog, Upcoming
from queueworkers.engine.rhythm import BUSY_SECONDS, GATHER_SECONDS, LEARNING_SECONDS, QUICK_SECONDS, Rhythm
from unit.domain.given import NOON, a_backlog

if TYPE_CHECKING:
    from queueworkers.domain.backlog import Backlog, Reading

NET = 60.0
EVERY = 2
REST = replace(a_backlog(), read_at=NOON, followed_by=FollowedBy.PUSH)
BUSY = replace(a_backlog(ready=3), read_at=NOON, followed_by=FollowedBy.PUSH)


def turning(seconds: float) -> Backlog:
    """Make a reading that time alone changes after so many seconds."""
    return replace(REST, turns_at=NOON + timedelta(seconds=seconds))


def soon_due() -> Backlog:
    """Make a reading with a job that falls due within sight."""
    (queue,) = REST.queues
    upcoming = (Upcoming(at=NOON + timedelta(seconds=50), jobs=1),)
    return replace(turning(50), queues=(replace(queue, delayed=1, upcoming=upcoming),))


@pytest.mark.parametrize(
    ("reading", "after"),
    [
        pytest.param(REST, NET, id="told-and-at-rest"),
        pytest.param(BUSY, NET, id="told-and-jobs-wait-that-nobody-takes"),
        pytest.param(replace(REST, followed_by=FollowedBy.POLL), EVERY, id="not-told"),
        pytest.param(UnknownBacklog(reason=UnknownReason.TIMED_OUT, message=""), EVERY, id="not-known"),
        pytest.param(turning(30), 30.02, id="a-claim-ends"),
        pytest.param(turning(0.5), EVERY, id="a-claim-ends-at-once"),
        pytest.param(turning(-1e9), EVERY, id="nobody-knows-when"),
        pytest.param(turning(1e6), NET, id="a-job-falls-due-next-week"),
        pytest.param(soon_due(), EVERY, id="workers-may-have-to-boot-for-what-falls-due"),
    ],
)
def test_when_a_pool_is_read_again(reading: Reading, after: float) -> None:
    """At its interval where changes have to be looked for; else when time brings one, or for the net."""
    rhythm = Rhythm(every_seconds=EVERY)
    rhythm.begin(1000.0)
    assert rhythm.next_at(reading, net_seconds=NET) == pytest.approx(1000.0 + after)


def test_rates_are_learned_while_jobs_come_and_for_a_while_after() -> None:
    """That nothing comes any more is to be learned too; then there is rest."""
    rhythm = Rhythm(every_seconds=1, counts_flow=True)
    for at, reading, after in (
        (0.0, REST, NET),
        (100.0, BUSY, 1),
        (101.0, REST, 1),
        (100.0 + LEARNING_SECONDS - 1, REST, 1),
        (100.0 + LEARNING_SECONDS, REST, NET),
    ):
        rhythm.begin(at)
        rhythm.note(reading)
        assert rhythm.next_at(reading, net_seconds=NET) == pytest.approx(at + after)
        assert rhythm.is_polled(reading) is (after == 1)


def test_what_is_pushed_after_a_rest_is_read_at_once_and_what_goes_on_is_not() -> None:
    """The first change at once, the second soon, and then once a second, however many there are."""
    rhythm = Rhythm(every_seconds=1)
    rhythm.begin(0.0)
    now, read = 100.0, []
    while now < 110.0:
        now = rhythm.wake(now)
        rhythm.begin(now)
        read.append(now)
    assert read[0] == 100.0 + GATHER_SECONDS
    assert read[1] == pytest.approx(read[0] + QUICK_SECONDS)
    steps = [later - earlier for earlier, later in zip(read, read[2:], strict=False)]
    assert min(steps) == pytest.approx(BUSY_SECONDS)


def test_the_first_change_of_all_is_read_at_once() -> None:
    """Nothing was read before."""
    assert Rhythm(every_seconds=1).wake(5.0) == 5.0 + GATHER_SECONDS
    assert Rhythm(every_seconds=1).read_at == -inf


def test_a_reading_that_nobody_asked_for_delays_no_change() -> None:
    """It is no sign that the pool goes on changing."""
    rhythm = Rhythm(every_seconds=1)
    for second in range(100):
        rhythm.begin(float(second))
    assert not rhythm.is_restless(99.0)
    assert rhythm.wake(99.0) == 99.0 + GATHER_SECONDS
