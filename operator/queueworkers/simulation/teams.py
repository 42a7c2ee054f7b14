"""Workers that serve the same queues: they boot, take jobs, idle, leave and fail."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappush, heapreplace
from math import ceil, exp, floor, inf, log2
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.simulation.lines import Line

BACK_OFF_SECONDS = 10.0
LONGEST_BACK_OFF_SECONDS = 300.0
"""What the kubelet waits before it starts a container again: twice as long each time, up to the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What workers meet with, whoever decides how many they are."""

    boot_seconds: float = 5.0
    """From asking for a worker until it takes its first job: the median of many."""
    boot_spread: float = 0.25
    """How much boots differ: the standard deviation of the logarithm of their time.  0: not at all."""
    boots: tuple[float, ...] = ()
    """How long the first boots of each team take, in their order, where that was measured; the others are drawn."""
    sleep_seconds: float = 3.0
    """How long a worker that finds no job waits before it asks again.  0: a job finds it at once."""
    retry_after_seconds: float = 90.0
    """When a job that was cut off is given to another worker, counted from when it was taken."""
    failing: tuple[tuple[float, float], ...] = ()
    """Times during which no worker comes up: it ends with an error and is started again."""
    crash_share: float = 0.0
    """Which part of the jobs ends its worker in the middle; such a job is run again."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How workers are asked to leave."""

    idle_first: bool
    """Whether those leave first that have the least to lose, or whoever the ReplicaSet controller picks."""
    grace_seconds: float
    """How long one that has a job in hand may go on with it before it is killed."""


@dataclass(slots=True)
class Worker:
    """One worker, from its creation to its end."""

    created_at: float
    ready_at: float
    failed_at: float
    """When it first failed to come up; infinite where it never did."""
    line: Line | None = None
    """Where its latest job is from."""
    job: int = -1
    taken_at: float = -inf
    ends_at: float = -inf
    """When it is through with its latest job; it is idle from then on."""


@dataclass(frozen=True, slots=True)
class Leaver:
    """A worker that was asked to leave in the middle of a job."""

    line: Line | None
    """Where its job is from; ``None`` where it will be killed before the job ends."""
    asked_at: float
    gone_at: float


class Team:
    """
    The workers of one kind, and the lines that they serve, the most urgent first.

    Between two calls nobody decides anything, so `work` can run through what
    happens in one go: the worker that asks first takes the first job that
    there is, and asks again when it is done.
    """

    def __init__(
        self, lines: Sequence[Line], manners: Manners, circumstances: Circumstances, *, salt: int
    ) -> None:
        self.lines = tuple(lines)
        self.desired = 0
        """How many workers were asked for last."""
        self.cut = 0
        """Jobs that did not end in the worker that took them."""
        self.version = 0
        """Changes whenever a worker is created, becomes ready, fails or leaves."""
        self.starting: list[Worker] = []
        self.ready: list[Worker] = []
        self.leaving: list[Leaver] = []
        self._asking: list[tuple[float, int, Worker]] = []
        """Who asks for a job when; a heap.  The time of an idle worker is some time at which it asked."""
        self._manners = manners
        self._circumstances = circumstances
        self._measured_boots = iter(circumstances.boots)
        self._boots = Random(f"{circumstances.seed} boots {salt}")
        self._crashes = Random(f"{circumstances.seed} crashes {salt}")
        self._choice = Random(f"{circumstances.seed} choice {salt}")
        self._created = 0
        self._paid_seconds = 0.0
        self._booted_seconds = 0.0

    # --- time passes ---

    def work(self, *, until: float) -> None:
        """Let every worker take what it finds, up to the moment *until*, which is not included."""
        asking, lines = self._asking, self.lines
        sleep, crash_share = self._circumstances.sleep_seconds, self._circumstances.crash_share
        while asking:
            asks_at, number, worker = asking[0]
            if asks_at >= until:
                return
            earliest = inf
            for line in lines:
                at = line.available[line.head]
                if line.returned and line.returned[0][0] < at:
                    at = line.returned[0][0]
                if at <= asks_at:
                    break
                earliest = min(earliest, at)
            else:
                if earliest >= until:
                    return  # nobody finds anything before
                naps = ceil((earliest - asks_at) / sleep) * sleep if sleep else earliest - asks_at
                heapreplace(asking, (max(asks_at + naps, earliest), number, worker))
                continue
            if line.available[line.head] == at:
                job = line.head
                line.head += 1
            else:
                job = line.pop_returned()
            if line.started[job] < 0:
                line.started[job] = asks_at
            ends_at = asks_at + line.seconds[job]
            if crash_share and self._crashes.random() < crash_share:
                ends_at = self._crash(worker, line, job, at=asks_at)
            else:
                worker.ends_at = ends_at
            worker.line, worker.job, worker.taken_at = line, job, asks_at
            heapreplace(asking, (ends_at, number, worker))

    def _crash(self, worker: Worker, line: Line, job: int, *, at: float) -> float:
        """End *worker* in the middle of *job*, and tell when it asks again."""
        worker.ends_at = at + line.seconds[job] / 2
        line.put_back(job, at=max(at + self._circumstances.retry_after_seconds, worker.ends_at))
        self.cut += 1
        return worker.ends_at + BACK_OFF_SECONDS + self._boot_seconds()

    def settle(self, now: float) -> None:
        """Take note of who has become ready, failed or left by *now*."""
        if self.starting:
            came = [worker for worker in self.starting if worker.ready_at <= now]
            if came:
                self.ready += sorted(came, key=lambda worker: worker.ready_at)
                self._booted_seconds += sum(worker.ready_at - worker.created_at for worker in came)
                self.starting = [worker for worker in self.starting if worker.ready_at > now]
                self.version += 1
        if self.leaving:
            staying = [leaver for leaver in self.leaving if leaver.gone_at > now]
            self.version += len(staying) < len(self.leaving)
            self.leaving = staying

    # --- the number changes ---

    def aim(self, target: int, now: float) -> None:
        """Ask for *target* workers: create those that lack, or let those leave that are too many."""
        self.desired = target
        staying = len(self.starting) + len(self.ready)
        for _ in range(target - staying):
            self._create(now)
        if target < staying:
            self._dismiss(staying - target, now)

    def begin_with(self, count: int) -> None:
        """Have *count* workers that are ready when the simulation begins."""
        self.desired = count
        for _ in range(count):
            worker = Worker(created_at=0.0, ready_at=0.0, failed_at=inf)
            self.ready.append(worker)
            self._enter(worker)

    def _create(self, now: float) -> None:
        self.version += 1
        ready_at = now + self._boot_seconds()
        failed_at, back_off = inf, BACK_OFF_SECONDS
        while any(begins <= ready_at < ends for begins, ends in self._circumstances.failing):
            failed_at = min(failed_at, ready_at)
            ready_at += back_off + self._boot_seconds()
            back_off = min(2 * back_off, LONGEST_BACK_OFF_SECONDS)
        worker = Worker(created_at=now, ready_at=ready_at, failed_at=failed_at)
        self.starting.append(worker)
        self._enter(worker)

    def _enter(self, worker: Worker) -> None:
        self._created += 1
        heappush(self._asking, (worker.ready_at, self._created, worker))

    def _boot_seconds(self) -> float:
        measured = next(self._measured_boots, None)
        if measured is not None:
            return measured
        spread = self._circumstances.boot_spread
        return self._circumstances.boot_seconds * (exp(self._boots.gauss(0.0, spread)) if spread else 1.0)

    def _dismiss(self, count: int, now: float) -> None:
        """
        Choose who leaves, as the ReplicaSet controller does.

        Those that are not ready go first.  Among the others it follows the
        deletion cost, which is how idle ones go first; without one, who has
        been ready for the shorter time, to a power of two, and then anybody
        (``ActivePodsWithRanks`` in ``pkg/controller/controller_utils.go`` of
        kubernetes v1.36).
        """
        self.version += 1
        young = sorted(self.starting, key=lambda worker: worker.created_at, reverse=True)[:count]
        rank = self._stake if self._manners.idle_first else self._age
        old = sorted(self.ready, key=lambda worker: rank(worker, now))[: count - len(young)]
        leavers = {id(worker) for worker in (*young, *old)}
        self.starting = [worker for worker in self.starting if id(worker) not in leavers]
        self.ready = [worker for worker in self.ready if id(worker) not in leavers]
        self._asking = [entry for entry in self._asking if id(entry[2]) not in leavers]
        heapify(self._asking)
        self._booted_seconds += sum(now - worker.created_at for worker in young)
        for worker in (*young, *old):
            self._leave(worker, now)

    @staticmethod
    def _stake(worker: Worker, now: float) -> tuple[bool, float]:
        return worker.ends_at > now, now - worker.taken_at

    def _age(self, worker: Worker, now: float) -> tuple[int, float]:
        ready_for = now - worker.ready_at
        return (floor(log2(ready_for)) if ready_for >= 1 else 0), self._choice.random()

    def _leave(self, worker: Worker, now: float) -> None:
        gone_at, line = max(worker.ends_at, now), worker.line
        if gone_at > now + self._manners.grace_seconds and line:
            gone_at = now + self._manners.grace_seconds
            expires_at = worker.taken_at + self._circumstances.retry_after_seconds
            line.put_back(worker.job, at=max(expires_at, gone_at))
            line = None  # its claim is counted among those that will expire
            self.cut += 1
        if gone_at > now:
            self.leaving.append(Leaver(line, now, gone_at))
        self._paid_seconds += gone_at - worker.created_at

    # --- what can be seen ---

    @property
    def staying(self) -> tuple[Worker, ...]:
        """Workers that nobody has asked to leave."""
        return (*self.ready, *self.starting)

    def count(self) -> int:
        """Count the workers that exist, those that leave included."""
        return len(self.ready) + len(self.starting) + len(self.leaving)

    def busy(self, now: float) -> int:
        """Count the jobs that workers have in hand, those that leave included."""
        return sum([worker.ends_at > now for worker in self.ready]) + len(self.leaving)

    def in_hand(self, now: float) -> list[Line]:
        """Name for each job that a worker has in hand where it is from."""
        lines = [worker.line for worker in self.ready if worker.ends_at > now and worker.line]
        return lines + [leaver.line for leaver in self.leaving if leaver.line]

    def failing(self, now: float) -> int:
        """Count the workers that fail to come up, as far as no younger one works."""
        if not self.starting:
            return 0
        works = max((worker.created_at for worker in self.ready), default=-inf)
        return sum(worker.failed_at <= now and worker.created_at > works for worker in self.starting)

    def asked_at(self, now: float) -> float:
        """Tell when a worker last asked for a job; minus infinity where none is ready."""
        return max((self._last_asked(*entry[::2], now) for entry in self._asking), default=-inf)

    def _last_asked(self, asks_at: float, worker: Worker, now: float) -> float:
        if worker.ends_at > now:
            return worker.taken_at
        if asks_at > now and worker.ready_at > now:
            return -inf
        sleep = self._circumstances.sleep_seconds
        return now - (now - asks_at) % sleep if sleep else now

    def paid_seconds(self, now: float) -> float:
        """Add up the seconds for which workers existed until *now*: boots, jobs, idleness and leaving."""
        overrun = sum(leaver.gone_at - now for leaver in self.leaving)
        return self._paid_seconds - overrun + sum(now - worker.created_at for worker in self.staying)

    def booted_seconds(self, now: float) -> float:
        """Add up the part of that in which they were not ready for the first time."""
        return self._booted_seconds + sum(now - worker.created_at for worker in self.starting)
