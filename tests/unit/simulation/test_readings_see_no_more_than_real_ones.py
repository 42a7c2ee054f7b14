"""What the operator is told of a simulated queue: exact where a real reading is, and behind the truth elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from queueworkers.simulation.lines import Line
from queueworkers.simulation.readings import QueueReader
from queueworkers.simulation.traces import BEGAN
from unit.simulation.given import jobs

if TYPE_CHECKING:
    from queueworkers.domain.backlog import QueueBacklog


def read(reader: QueueReader, now: float, *, in_hand: int = 0, asked_at: float = 0.0) -> QueueBacklog:
    """One reading."""
    return reader.read(now, in_hand=in_hand, asked_at=asked_at)


def flow(queue: QueueBacklog) -> tuple[int, int, int]:
    """What came, what was taken, and how often that is a lower bound."""
    assert queue.tally
    return queue.tally.arrived, queue.tally.taken, queue.tally.gaps


def test_while_the_last_job_is_still_there_all_is_seen() -> None:
    """Five wait, three are taken and two come: exactly that."""
    line = Line(jobs([1.0] * 5 + [2.5] * 2, 1.0))
    reader = QueueReader(line, began=BEGAN)
    before = flow(read(reader, 2.0))
    line.head += 3
    after = flow(read(reader, 3.0, in_hand=3))
    assert (after[0] - before[0], after[1] - before[1], after[2] - before[2]) == (2, 3, 0)


def test_what_comes_and_goes_between_two_readings_is_not_seen() -> None:
    """Two wait, and both are taken with three more that came: of five only two are told, and a gap."""
    line = Line(jobs([1.0] * 2 + [2.5] * 4, 1.0))
    reader = QueueReader(line, began=BEGAN)
    before = flow(read(reader, 2.0))
    line.head += 5
    after = flow(read(reader, 3.0, in_hand=5))
    assert (after[0] - before[0], after[1] - before[1], after[2] - before[2]) == (1, 2, 1)


def test_an_empty_list_tells_of_no_flow() -> None:
    """Jobs that idle workers take at once are never in the list: nothing but a gap."""
    line = Line(jobs([1.5] * 3, 1.0))
    reader = QueueReader(line, began=BEGAN)
    before = flow(read(reader, 1.0))
    line.head += 3
    assert flow(read(reader, 2.0, in_hand=2)) == (before[0], before[1], before[2] + 1)


def test_at_rest_a_reading_equals_the_one_before() -> None:
    """Nothing but its moment may differ, or the operator would decide anew for nothing."""
    reader = QueueReader(Line(jobs([1.0, 600.0], 1.0, delay=[0.0, 10.0])), began=BEGAN)
    assert read(reader, 2.0) == read(reader, 3.0) == read(reader, 100.0)


def test_what_falls_due_is_told_by_slots() -> None:
    """The first at its own moment, later ones at the beginning of their five seconds, none beyond two minutes."""
    reader = QueueReader(Line(jobs([0.0] * 5, 1.0, delay=[33.0, 34.0, 41.0, 42.0, 200.0])), began=BEGAN)
    queue = read(reader, 10.0)
    told = [((each.at - BEGAN) / timedelta(seconds=1), each.jobs) for each in queue.upcoming]
    assert told == [(33.0, 2), (40.0, 2)]
    assert (queue.delayed, queue.due, queue.ready) == (5, 0, 0)


def test_due_jobs_wait_and_are_not_in_the_list() -> None:
    """A job that fell due after a worker last asked is due, delayed and waiting, but not ready."""
    reader = QueueReader(Line(jobs([0.0, 0.0], 1.0, delay=[20.0, 30.0])), began=BEGAN)
    queue = read(reader, 31.0, asked_at=25.0)
    assert (queue.ready, queue.due, queue.delayed, queue.waiting) == (1, 1, 1, 2)
    assert queue.oldest
    assert (queue.oldest.since - BEGAN).total_seconds() == pytest.approx(20.0)


def test_what_is_not_pushed_yet_does_not_fall_due() -> None:
    """Nobody sees the future: a job that is pushed in a minute is told of from then on."""
    reader = QueueReader(Line(jobs([0.0, 60.0], 1.0, delay=[90.0, 20.0])), began=BEGAN)
    assert [each.jobs for each in read(reader, 10.0).upcoming] == [1]
    assert [each.jobs for each in read(reader, 61.0).upcoming] == [1, 1]


def test_a_job_that_comes_back_has_arrived_again() -> None:
    """Its claim expires while others wait, so it counts among what came, and once it is taken among what was taken."""
    line = Line(jobs([1.0] * 4, 1.0))
    reader = QueueReader(line, began=BEGAN)
    line.head += 1
    line.put_back(0, at=10.0)
    first = read(reader, 5.0)
    back = read(reader, 11.0)
    assert (first.reserved, first.expired, back.reserved, back.expired, back.waiting) == (1, 0, 1, 1, 4)
    assert flow(back)[:2] == (flow(first)[0] + 1, flow(first)[1])
    line.pop_returned()
    gone = read(reader, 12.0, in_hand=1)
    assert flow(gone)[:2] == (flow(back)[0], flow(back)[1] + 1)
    assert (gone.reserved, gone.expired, gone.waiting) == (1, 0, 3)
