"""A number that somebody once chose, as Supervisor's `numprocs`."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from queueworkers.simulation.teams import Circumstances, Manners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.simulation.lines import Line
    from queueworkers.simulation.teams import Team


class Fixed:
    """Always the same workers, whatever waits; they start again by themselves."""

    manners = Manners(idle_first=False, grace_seconds=inf)

    def __init__(self, workers: int, *, name: str = "fixed") -> None:
        self.name = name
        self._workers = workers

    def under(self, circumstances: Circumstances) -> Circumstances:
        """Meet with everything as it is."""
        return circumstances

    def divide(self, lines: Sequence[Line]) -> Sequence[Sequence[Line]]:
        """Let everybody serve all queues."""
        return (lines,)

    def begin(self, team: Team) -> int:  # noqa: ARG002 - every team is the same
        """Have all workers there from the start."""
        return self._workers

    def look(self, now: float, teams: Sequence[Team]) -> Sequence[int]:  # noqa: ARG002 - it does not look
        """Leave it at that."""
        return (self._workers,)

    def next_look(self, now: float) -> float:  # noqa: ARG002 - never
        """Never look again."""
        return inf
