"""The flow that a simulated reading tells is what the real counting would tell of the same list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from queueworkers.backlog.flow import FlowSight, Mark, StoreSight
from queueworkers.backlog.tallies import compare
from queueworkers.domain.backlog import Tally
from queueworkers.simulation.lines import Line
from queueworkers.simulation.readings import QueueReader
from queueworkers.simulation.traces import BEGAN
from unit.simulation.given import jobs

INTERVALS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8), st.booleans()), min_size=1, max_size=12)
"""Jobs that come, jobs that are taken as far as there are any, and whether those are still in hand at the reading."""


def look(waiting: list[int], before: FlowSight | None, *, popped: int, in_hand: int) -> FlowSight:
    """What a script sees of a list of such jobs, that was asked for the mark of the look before."""
    mark = before.ready[0].mark if before else None
    found = waiting.index(int(mark.entry)) if mark and int(mark.entry) in waiting else None
    return FlowSight(
        ready=(
            StoreSight(
                jobs=len(waiting),
                found=found,
                gone=mark is not None and found is None,
                mark=Mark(b"%d" % waiting[-1], len(waiting) - 1) if waiting else None,
            ),
        ),
        due=0,
        expired=0,
        beside=((in_hand, b"%d" % popped),),  # each claim ends at a moment of its own
        at=0,
    )


@given(INTERVALS)
def test_both_count_the_same(intervals: list[tuple[int, int, bool]]) -> None:
    """Interval by interval: the same arrivals, the same jobs taken, the same doubt."""
    pushes = [float(number) + 0.5 for number, (came, _, _) in enumerate(intervals) for _ in range(came)]
    line = Line(jobs(pushes, 1.0))
    reader = QueueReader(line, began=BEGAN)
    waiting: list[int] = []
    sight = look(waiting, None, popped=0, in_hand=0)
    tally = Tally(since=BEGAN, arrived=0, taken=0, gaps=0)
    pushed = popped = 0
    for number, (came, taken, kept) in enumerate(intervals):
        waiting += range(pushed, pushed + came)
        pushed += came
        taken = min(taken, len(waiting))  # noqa: PLW2901
        del waiting[:taken]
        popped += taken
        line.head += taken
        in_hand = taken if kept else 0
        now = look(waiting, sight, popped=popped, in_hand=in_hand)
        passage = compare(sight, now)
        queue = reader.read(float(number + 1), in_hand=in_hand, asked_at=0.0)
        assert queue.tally
        told = queue.tally
        assert (told.arrived - tally.arrived, told.taken - tally.taken) == (passage.arrived, passage.taken)
        if came or taken:
            assert (told.gaps == tally.gaps) is passage.exact
        sight, tally = now, told
    assert tally.arrived <= pushed
    assert tally.taken <= popped
