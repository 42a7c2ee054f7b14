"""Who decides how many workers there are: what it sees, and what it may say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.simulation.lines import Line
    from queueworkers.simulation.teams import Circumstances, Manners, Team


class Policy(Protocol):
    """
    One way of deciding, with its memory; a new one for each simulation.

    What it takes from a team and its lines is up to it: a model of another
    system takes no more than its original can see.
    """

    @property
    def name(self) -> str:
        """What the tables call it."""

    @property
    def manners(self) -> Manners:
        """How its workers are asked to leave."""

    def under(self, circumstances: Circumstances) -> Circumstances:
        """Say what is different for its workers."""

    def divide(self, lines: Sequence[Line]) -> Sequence[Sequence[Line]]:
        """Say which lines have a team of their own; most give all of them to one."""

    def begin(self, team: Team) -> int:
        """Say how many workers *team* has when the simulation begins, all ready."""

    def look(self, now: float, teams: Sequence[Team]) -> Sequence[int]:
        """Decide how many workers each team is to have."""

    def next_look(self, now: float) -> float:
        """Say when it looks again, later than *now*."""
