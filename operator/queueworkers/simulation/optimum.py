"""
What nobody can do better: the fewest worker-hours with which every job can begin in time.

A clairvoyant knows every job before it comes.  It has workers that it starts and
ends as it likes, and pays for each from its creation, boot included, to its end;
every job must begin within its queue's time, and then takes as long as it takes.

The answer is a lower bound: whoever keeps the target for every job pays at least
as much.  It is the solution of a linear program over slots of time, which is
easier than the truth in what follows, and harder in nothing:

- Workers are fractions, and their number is an average over each slot.  To go up
  from one slot to the next takes at least that many boots.
- Jobs are seconds of work.  By the end of each slot, at least as much is done as
  if every job had begun as late as it may, and at most as much as if every job had
  begun the moment it came.  In between, work may be split at will.
- A worker that leaves is gone at once, an idle one finds a job at once, a boot
  takes the median.

So it says nothing about how jobs are ordered, and for a handful of jobs, whose
workers are no fractions, it is far too low.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import bmat, csr_array, diags_array, eye_array

from queueworkers.simulation.simulator import AFTERWARDS_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from queueworkers.simulation.teams import Circumstances
    from queueworkers.simulation.traces import Trace

MOST_SLOTS = 2_880
"""A day in slots of half a minute; short traces have slots of a second or more."""

SHORTEST_SLOT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optimum:
    """The bound, and the numbers of workers that it is made of."""

    worker_seconds: float
    wait_seconds: float
    """How long no job waits for, of any queue."""
    slot_seconds: float
    workers: NDArray[np.float64]
    """In each slot, on average, boots not included."""

    @property
    def worker_hours(self) -> float:
        """The same as *worker_seconds*, in hours."""
        return self.worker_seconds / 3600


def find_optimum(
    trace: Trace,
    circumstances: Circumstances,
    *,
    waits: Sequence[float],
    minimum: int,
    maximum: int,
) -> Optimum | None:
    """
    Find the bound for a trace; ``None`` where *maximum* workers cannot keep the target at all.

    Args:
        trace: What comes.
        circumstances: How long a boot takes, and when none succeeds.
        waits: How many seconds the jobs of each queue may wait, in the order of the queues.
        minimum: Workers that are there from the start and always.
        maximum: The most there may be at a time.
    """
    end = trace.lasts_seconds + AFTERWARDS_SECONDS
    slots = int(min(MOST_SLOTS, max(end // SHORTEST_SLOT_SECONDS, 1)))
    times = np.linspace(0.0, end, slots + 1)[1:]
    width = end / slots
    soonest, latest = np.zeros(slots), np.zeros(slots)
    for arrivals, wait in zip(trace.queues, waits, strict=True):
        soonest += _done(times, arrivals.available_at, arrivals.seconds)
        latest += _done(times, arrivals.available_at + wait, arrivals.seconds)
    # The unknowns, slot by slot: workers, workers that became ready, work that is done by the end.
    one, before = eye_array(slots), diags_array(np.ones(slots - 1), offsets=-1)
    none = csr_array((slots, slots))
    rows = bmat(
        [
            [-width * one, none, one - before],  # no more is done in a slot than there are workers for
            [one - before, -one, none],  # who is there and was not before has become ready
            [none, none, before - one],  # nothing is undone
        ],
        format="csr",
    )
    limits = np.zeros(3 * slots)
    limits[slots] = minimum
    ready_most = np.where(_fails(times, width, circumstances), 0.0, np.inf)
    solution = linprog(
        c=np.concatenate(
            [np.full(slots, width), np.full(slots, circumstances.boot_seconds), np.zeros(slots)]
        ),
        A_ub=rows,
        b_ub=limits,
        bounds=np.column_stack(
            [
                np.concatenate([np.full(slots, float(minimum)), np.zeros(slots), latest]),
                np.concatenate([np.full(slots, float(maximum)), ready_most, soonest]),
            ]
        ),
        method="highs",
    )
    if not solution.success:
        return None
    return Optimum(
        worker_seconds=float(solution.fun),
        wait_seconds=max(waits),
        slot_seconds=width,
        workers=np.asarray(solution.x[:slots]),
    )


def _done(
    times: NDArray[np.float64], begun_at: NDArray[np.float64], seconds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Add up the work that is done by each of *times* when every job begins at its moment and goes on to its end."""
    return _since(times, begun_at) - _since(times, begun_at + seconds)


def _since(times: NDArray[np.float64], moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up how long ago, at each of *times*, the moments were that are over."""
    ascending = np.sort(moments)
    sums = np.concatenate([[0.0], np.cumsum(ascending)])
    over = np.searchsorted(ascending, times, side="right")
    ago: NDArray[np.float64] = over * times - sums[over]
    return ago


def _fails(times: NDArray[np.float64], width: float, circumstances: Circumstances) -> NDArray[np.bool_]:
    """Tell in which slots nobody becomes ready, from their first moment to their last."""
    fails = np.zeros(len(times), dtype=bool)
    for begins, ends in circumstances.failing:
        # The average of a slot may still rise in the one after which it fails, and in the one before it ends.
        fails |= (times - 2 * width >= begins) & (times <= ends)
    return fails
