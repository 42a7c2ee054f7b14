"""Jobs and workers for simulations."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from queueworkers.api.spec import InvalidSpec, parse_spec
from queueworkers.simulation.policies.fixed import Fixed
from queueworkers.simulation.simulator import Outcome, Sample, simulate
from queueworkers.simulation.teams import Circumstances, Manners
from queueworkers.simulation.traces import BEGAN, Arrivals, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.simulation.lines import Line
    from queueworkers.simulation.teams import Team

AT_ONCE = Circumstances(boot_seconds=0.0, boot_spread=0.0, sleep_seconds=0.0)
"""Nothing takes time but the jobs."""


def a_trace(*queues: Arrivals, lasts: float) -> Trace:
    """A trace of these queues, the most urgent first."""
    return Trace(began=BEGAN, lasts_seconds=lasts, queues=queues)


def jobs(at: Sequence[float], seconds: Any, *, queue: str = "default", delay: Any = 0.0) -> Arrivals:
    """Jobs of one queue."""
    return Arrivals.of(queue, at, seconds, delay)


def a_spec(queues: Sequence[str] = ("default",), **scaling: Any) -> QueueWorkerPoolSpec:
    """A pool with a target of 30 s that may rest, and whatever else is said."""
    target = {} if "backlogPerWorker" in scaling else {"waitSeconds": 30}
    spec = parse_spec(
        {
            "framework": "Laravel",
            "image": "registry.example/shop:1",
            "queues": list(queues),
            "redis": {"host": "redis"},
            "scaling": {"minReplicas": 0, "maxReplicas": 200, **target, **scaling},
        }
    )
    assert not isinstance(spec, InvalidSpec), spec
    return spec


def with_fixed(workers: int, trace: Trace, circumstances: Circumstances = AT_ONCE) -> Outcome:
    """What a fixed number of workers makes of a trace."""
    return simulate(trace, Fixed(workers), circumstances)


def an_outcome(policy: str = "operator", *, most: int = 400) -> Outcome:
    """Half an hour in which a backlog comes and goes, with ten workers in the middle of it."""
    samples = tuple(
        Sample(
            at=number * 4.0,
            waiting=max(most - abs(number - 240) * 4, 0),
            workers=10 if 120 <= number < 360 else 0,
            desired=10,
            oldest_wait_seconds=5.0,
        )
        for number in range(1, 481)
    )
    return Outcome(
        policy=policy,
        began=BEGAN,
        lasted_seconds=1920.0,
        waits=np.array([0.0] * 90 + [4.0] * 5 + [20.0] * 4 + [1500.0]),
        not_started=1,
        worker_seconds=9000.0,
        booted_seconds=50.0,
        worked_seconds=5000.0,
        changes=((480.0, 10), (1440.0, 0)),
        jobs_cut=2,
        samples=samples,
    )


class Scripted:
    """A policy that does at each moment what it was told."""

    name = "scripted"

    def __init__(
        self, *steps: tuple[float, int], begin: int = 0, idle_first: bool = True, grace: float = inf
    ) -> None:
        self.manners = Manners(idle_first=idle_first, grace_seconds=grace)
        self._steps = list(steps)
        self._begin = begin
        self.seen: list[tuple[float, Team]] = []
        self.watch: Callable[[float, Team], None] | None = None

    def under(self, circumstances: Circumstances) -> Circumstances:
        """Meet with everything as it is."""
        return circumstances

    def divide(self, lines: Sequence[Line]) -> Sequence[Sequence[Line]]:
        """One team."""
        return (lines,)

    def begin(self, team: Team) -> int:
        """As told."""
        del team
        return self._begin

    def look(self, now: float, teams: Sequence[Team]) -> Sequence[int]:
        """As told."""
        if self.watch:
            self.watch(now, teams[0])
        if self._steps and self._steps[0][0] <= now:
            return (self._steps.pop(0)[1],)
        return (teams[0].desired,)

    def next_look(self, now: float) -> float:
        """At the next step, or each second where somebody watches."""
        if self.watch:
            return now + 1.0
        return self._steps[0][0] if self._steps else inf
