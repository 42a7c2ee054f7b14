"""
Laravel Horizon's balancing on a machine of a fixed size.

It follows, without its code, laravel/horizon 5.x, ``src/AutoScaler.php`` and
``src/Supervisor.php``: with ``balance: auto`` each queue has a pool of
processes; every `balanceCooldown` seconds a pool moves by at most
`balanceMaxShift` processes towards its share of `maxProcesses`, by the number of
jobs or by the time to clear them; `readyNow` is the list's length.  The mean run
time begins anew with each snapshot, which the documentation wants to be taken
every five minutes; a queue with jobs and no run time asks for everything.

Its master is always there, so a process needs no pod and starts sooner; the
machine, which is there all the time for `maxProcesses`, is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING

from queueworkers.simulation.teams import Circumstances, Manners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.simulation.lines import Line
    from queueworkers.simulation.teams import Team

BALANCE_COOLDOWN_SECONDS = 3.0
BALANCE_MAX_SHIFT = 1
MIN_PROCESSES = 1
"""Horizon's defaults."""

SNAPSHOT_SECONDS = 300.0

PROCESS_BOOT_SECONDS = 1.0
"""From starting a PHP process until its first job; never longer than a whole pod takes."""

STOP_SECONDS = 60.0
"""Horizon gives a process its `timeout` to end its job."""


class Strategy(StrEnum):
    """`autoScalingStrategy`."""

    TIME = "time"
    SIZE = "size"


@dataclass(slots=True)
class _Pool:
    """What Horizon has measured of one queue."""

    seconds_before: list[float]
    """Sums of run times, job by job."""
    jobs_at_snapshot: int = 0

    def mean_seconds(self, taken: int) -> float:
        jobs = taken - self.jobs_at_snapshot
        if not jobs:
            return 0.0
        return (self.seconds_before[taken] - self.seconds_before[self.jobs_at_snapshot]) / jobs


class Horizon:
    """One supervisor with as many pools as there are queues."""

    manners = Manners(idle_first=False, grace_seconds=STOP_SECONDS)

    def __init__(self, strategy: Strategy, *, max_processes: int, name: str | None = None) -> None:
        self.name = name or f"horizon {strategy}"
        self._strategy = strategy
        self._most = max_processes
        self._pools: list[_Pool] = []
        self._snapshot_at = SNAPSHOT_SECONDS

    def under(self, circumstances: Circumstances) -> Circumstances:
        """Start processes, not pods."""
        return replace(circumstances, boot_seconds=min(circumstances.boot_seconds, PROCESS_BOOT_SECONDS))

    def divide(self, lines: Sequence[Line]) -> Sequence[Sequence[Line]]:
        """Give each queue a pool of its own."""
        self._pools = [_Pool([0.0, *accumulate(line.seconds)]) for line in lines]
        return [(line,) for line in lines]

    def begin(self, team: Team) -> int:  # noqa: ARG002 - every pool is at its minimum
        """Begin at rest, which is not zero."""
        return MIN_PROCESSES

    def next_look(self, now: float) -> float:
        """Balance again after the cooldown."""
        return now + BALANCE_COOLDOWN_SECONDS

    def look(self, now: float, teams: Sequence[Team]) -> Sequence[int]:
        """Move each pool one step towards its share, the one that asks for the least first."""
        lines = [team.lines[0] for team in teams]
        if now >= self._snapshot_at:
            self._snapshot_at += SNAPSHOT_SECONDS
            for pool, line in zip(self._pools, lines, strict=True):
                pool.jobs_at_snapshot = line.head
        shares = self._shares([_ready_now(team, now) for team in teams], lines)
        counts = [team.count() for team in teams]
        targets = [team.desired for team in teams]
        for number in sorted(range(len(teams)), key=shares.__getitem__):
            before = counts[number]
            counts[number] = targets[number] = self._shift(before, ceil(shares[number]), counts)
        return targets

    def _shares(self, sizes: Sequence[int], lines: Sequence[Line]) -> list[float]:
        times = [
            size * pool.mean_seconds(line.head)
            for size, pool, line in zip(sizes, self._pools, lines, strict=True)
        ]
        if not sum(times):
            return [float(self._most if size else MIN_PROCESSES) for size in sizes]
        weights = sizes if self._strategy is Strategy.SIZE else times
        return [self._most * weight / sum(weights) for weight in weights]

    def _shift(self, count: int, wanted: int, counts: Sequence[int]) -> int:
        total = sum(counts)
        if wanted > count:
            up = min(max(0, self._most - total), BALANCE_MAX_SHIFT)
            alone = max(MIN_PROCESSES, self._most - (len(counts) - 1) * MIN_PROCESSES)
            return min(count + up, alone, wanted)
        if wanted < count:
            down = min(total - MIN_PROCESSES, BALANCE_MAX_SHIFT)
            return max(count - down, MIN_PROCESSES, wanted)
        return count


def _ready_now(team: Team, now: float) -> int:
    (line,) = team.lines
    asked_at = team.asked_at(now) if line.has_delayed else now
    return line.waiting(now) - line.due(now, asked_at=asked_at) - line.expired(now)
