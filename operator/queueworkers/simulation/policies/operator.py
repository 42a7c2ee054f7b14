"""
The operator: its own decision, called with what its own reading would say.

Nothing is modelled here but what lies around the decision: Redis is read every
`pollingIntervalSeconds`, and as in a cluster the decision is made when something
has changed, or when it asked to be made again.
"""

from __future__ import annotations

from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING

from queueworkers.domain.backlog import Backlog
from queueworkers.domain.crew import Boot, Crew
from queueworkers.domain.leaving import HEARD_WITHIN
from queueworkers.domain.replicas import decide_replicas
from queueworkers.domain.scaling import History
from queueworkers.simulation.readings import QueueReader
from queueworkers.simulation.teams import Manners

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.domain.backlog import QueueBacklog
    from queueworkers.simulation.lines import Line
    from queueworkers.simulation.teams import Circumstances, Team


class Operator:
    """
    One pool under the operator.

    Args:
        spec: The pool, as it was parsed.
        began: What the trace calls 0 seconds.
        name: What the tables call it.
    """

    def __init__(self, spec: QueueWorkerPoolSpec, *, began: datetime, name: str = "operator") -> None:
        self.name = name
        self.manners = Manners(idle_first=True, grace_seconds=spec.effective_grace_period_seconds)
        self._scaling = spec.scaling
        self._began = began
        self._history = History(watching_since=began)
        self._readers: list[QueueReader] = []
        self._seen: object = None
        self._revisit_at = inf
        self._crew = Crew(desired=0, ready=0)
        self._crew_seen: object = None

    def under(self, circumstances: Circumstances) -> Circumstances:
        """Meet with everything as it is."""
        return circumstances

    def divide(self, lines: Sequence[Line]) -> Sequence[Sequence[Line]]:
        """Let everybody serve all queues."""
        self._readers = [QueueReader(line, began=self._began) for line in lines]
        return (lines,)

    def begin(self, team: Team) -> int:  # noqa: ARG002 - there is one team only
        """Begin at rest."""
        return self._scaling.min_replicas

    def next_look(self, now: float) -> float:
        """Read again after the interval, or decide again when the decision asked for it."""
        reading = now + self._scaling.polling_interval_seconds
        return min(reading, max(self._revisit_at, now + 0.001))

    def look(self, now: float, teams: Sequence[Team]) -> Sequence[int]:
        """Decide, where there is anything new to decide upon."""
        (team,) = teams
        queues = self._queues(team, now)
        crew = self._look_at_crew(team, now)
        if (queues, crew) == self._seen and now < self._revisit_at:
            return (team.desired,)
        self._seen = (queues, crew)
        moment = self._moment(now)
        sizing = decide_replicas(
            self._scaling,
            Backlog(queues=queues, read_at=moment),
            crew,
            self._history,
            now=moment,
        )
        self._history = sizing.history
        self._revisit_at = (
            (sizing.revisit_at - self._began).total_seconds() if sizing.revisit_at is not None else inf
        )
        return (sizing.replicas,)

    def _moment(self, seconds: float) -> datetime:
        return self._began + timedelta(seconds=seconds)

    def _queues(self, team: Team, now: float) -> tuple[QueueBacklog, ...]:
        asked_at = team.asked_at(now) if any(line.has_delayed for line in team.lines) else now
        in_hand = team.in_hand(now)
        return tuple(
            reader.read(now, in_hand=in_hand.count(line), asked_at=asked_at)
            for reader, line in zip(self._readers, team.lines, strict=True)
        )

    def _look_at_crew(self, team: Team, now: float) -> Crew:
        """See the workers as the cluster shows them; the same object while nothing has changed."""
        heard = now - HEARD_WITHIN.total_seconds()
        holding = sum(leaver.asked_at <= heard for leaver in team.leaving)
        failing = team.failing(now)
        seen = (team.version, team.desired, holding, failing)
        if seen != self._crew_seen:
            self._crew_seen = seen
            self._crew = Crew(
                desired=team.desired,
                ready=len(team.ready),
                starting=tuple(
                    self._moment(worker.created_at) for worker in team.starting if worker.failed_at > now
                ),
                booted=tuple(
                    Boot(created_at=self._moment(worker.created_at), ready_at=self._moment(worker.ready_at))
                    for worker in team.ready
                    if worker.failed_at == inf
                ),
                holding=holding,
                failing=f"{failing} of {len(team.starting)} new workers end with an error"
                if failing
                else None,
            )
        return self._crew
