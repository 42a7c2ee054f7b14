"""
Somebody who knows every job before it comes, and has whole workers, boots that differ and jobs that cannot be split.

It follows the plan of the bound (`queueworkers.simulation.optimum`) in whole workers,
asks for them a boot earlier, and has as many more as it takes.  So the best that
can be done lies between the two: not below the bound, and not above this.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil, inf
from typing import TYPE_CHECKING

from queueworkers.simulation.simulator import simulate
from queueworkers.simulation.teams import Manners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.simulation.lines import Line
    from queueworkers.simulation.optimum import Optimum
    from queueworkers.simulation.simulator import Outcome
    from queueworkers.simulation.teams import Circumstances, Team
    from queueworkers.simulation.traces import Trace

EARLY = 1.3
"""Boots differ: by so many of them most are over."""

MARGINS = tuple(percent / 100 for percent in range(0, 55, 5))
"""How many more workers than planned are tried, as a part of the plan."""


class Clairvoyant:
    """Asks for what was planned, when it was planned."""

    manners = Manners(idle_first=True, grace_seconds=inf)

    def __init__(self, steps: Sequence[tuple[float, int]], *, name: str = "clairvoyant") -> None:
        self.name = name
        self._steps = list(steps)
        self._next = 0

    def under(self, circumstances: Circumstances) -> Circumstances:
        """Meet with everything as it is."""
        return circumstances

    def divide(self, lines: Sequence[Line]) -> Sequence[Sequence[Line]]:
        """Let everybody serve all queues."""
        return (lines,)

    def begin(self, team: Team) -> int:  # noqa: ARG002 - there is one team only
        """Begin with the first step."""
        return self._steps[0][1]

    def look(self, now: float, teams: Sequence[Team]) -> Sequence[int]:
        """Take the steps that are due."""
        (team,) = teams
        wanted = team.desired
        while self._next < len(self._steps) and self._steps[self._next][0] <= now:
            wanted = self._steps[self._next][1]
            self._next += 1
        return (wanted,)

    def next_look(self, now: float) -> float:  # noqa: ARG002 - the plan says when
        """Wait for the next step."""
        return self._steps[self._next][0] if self._next < len(self._steps) else inf


def run_clairvoyant(trace: Trace, circumstances: Circumstances, optimum: Optimum) -> Outcome | None:
    """Run the plan with the fewest workers that let 95 % of the jobs begin in time; ``None`` where none of `MARGINS` does."""
    for margin in MARGINS:
        steps = plan(optimum, boot_seconds=circumstances.boot_seconds, margin=margin)
        outcome = simulate(trace, Clairvoyant(steps), circumstances)
        if outcome.wait_percentile(95) <= optimum.wait_seconds:
            return outcome
    return None


def plan(optimum: Optimum, *, boot_seconds: float, margin: float) -> list[tuple[float, int]]:
    """Say from when on how many workers are to be there or on their way, *margin* more than the bound has."""
    ahead = ceil(EARLY * boot_seconds / optimum.slot_seconds)
    whole = [ceil(workers * (1 + margin) - 1e-6) for workers in optimum.workers.tolist()]
    asked = [max(whole[slot : slot + ahead + 1]) for slot in range(len(whole))]
    changes = [slot for slot, (before, now) in enumerate(pairwise(asked), start=1) if before != now]
    return [(slot * optimum.slot_seconds, asked[slot]) for slot in (0, *changes)]
