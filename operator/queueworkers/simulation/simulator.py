"""Let time pass: arrivals from a trace, workers from a policy, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from queueworkers.simulation.lines import NOT_STARTED, Line
from queueworkers.simulation.teams import Team

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from queueworkers.simulation.policy import Policy
    from queueworkers.simulation.teams import Circumstances
    from queueworkers.simulation.traces import Trace

SAMPLES = 480
"""How often the picture of a run is taken, at even distances."""

AFTERWARDS_SECONDS = 900.0
"""How long a simulation goes on after its trace has ended, so that the way back to rest is paid for too."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How it was at one moment, over all queues."""

    at: float
    waiting: int
    workers: int
    """Those that exist: booting, working, idle or leaving."""
    desired: int
    oldest_wait_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What a policy made of a trace."""

    policy: str
    began: datetime
    lasted_seconds: float
    waits: NDArray[np.float64]
    """Seconds from when each job could be taken until it was; for one that never was, until the end."""
    not_started: int
    """Jobs that nobody took before the end."""
    worker_seconds: float
    """For how long workers existed, all together: boots, jobs, idleness and leaving."""
    booted_seconds: float
    """The part of it in which they booted, or failed to."""
    worked_seconds: float
    """What of it the jobs took that began, each counted once."""
    changes: tuple[tuple[float, int], ...]
    """When the number asked for changed, and to what."""
    jobs_cut: int
    """Jobs that did not end in the worker that took them, and ran again."""
    samples: tuple[Sample, ...]

    @property
    def worker_hours(self) -> float:
        """The same as *worker_seconds*, in hours."""
        return self.worker_seconds / 3600

    def wait_percentile(self, percent: float) -> float:
        """Tell how long *percent* of the jobs waited at most; 0 where there was no job."""
        if not len(self.waits):
            return 0.0
        return float(np.percentile(self.waits, percent, method="inverted_cdf"))


def simulate(trace: Trace, policy: Policy, circumstances: Circumstances) -> Outcome:
    """
    Run *trace* through the queues with *policy* in charge.

    It takes as long as the trace and a quarter of an hour.  The same arguments
    give the same outcome; give a new policy each time, as it has a memory.
    """
    lines = [Line(arrivals) for arrivals in trace.queues]
    teams = [
        Team(group, policy.manners, policy.under(circumstances), salt=number)
        for number, group in enumerate(policy.divide(lines))
    ]
    for team in teams:
        team.begin_with(policy.begin(team))
    end = trace.lasts_seconds + AFTERWARDS_SECONDS
    moments = [end * number / SAMPLES for number in range(1, SAMPLES + 1)]
    changes: list[tuple[float, int]] = []
    samples: list[Sample] = []
    look_at, desired = 0.0, sum(team.desired for team in teams)
    for moment in moments:
        while look_at < moment:
            _pass_time(teams, look_at)
            for team, target in zip(teams, policy.look(look_at, teams), strict=True):
                if target != team.desired:
                    team.aim(target, look_at)
            asked = sum(team.desired for team in teams)
            if asked != desired:
                desired = asked
                changes.append((look_at, desired))
            look_at = policy.next_look(look_at)
        _pass_time(teams, moment)
        samples.append(_sample(lines, teams, moment))
    return Outcome(
        policy=policy.name,
        began=trace.began,
        lasted_seconds=end,
        waits=_waits(trace, lines, end),
        not_started=sum(line.started.count(NOT_STARTED) for line in lines),
        worker_seconds=sum(team.paid_seconds(end) for team in teams),
        booted_seconds=sum(team.booted_seconds(end) for team in teams),
        worked_seconds=sum(
            min(seconds, end - started)
            for line in lines
            for seconds, started in zip(line.seconds, line.started, strict=True)
            if started != NOT_STARTED
        ),
        changes=tuple(changes),
        jobs_cut=sum(team.cut for team in teams),
        samples=tuple(samples),
    )


def _pass_time(teams: Sequence[Team], until: float) -> None:
    for team in teams:
        team.work(until=until)
        team.settle(until)


def _sample(lines: Sequence[Line], teams: Sequence[Team], now: float) -> Sample:
    oldest = [since for since in (line.oldest(now) for line in lines) if since is not None]
    return Sample(
        at=now,
        waiting=sum(line.waiting(now) for line in lines),
        workers=sum(team.count() for team in teams),
        desired=sum(team.desired for team in teams),
        oldest_wait_seconds=now - min(oldest) if oldest else 0.0,
    )


def _waits(trace: Trace, lines: Sequence[Line], end: float) -> NDArray[np.float64]:
    waits = []
    for arrivals, line in zip(trace.queues, lines, strict=True):
        started = np.array(line.started)
        started[started == NOT_STARTED] = end
        waits.append(started - arrivals.available_at)
    return np.concatenate(waits)
