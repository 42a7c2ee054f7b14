"""A pool in a second-by-second world: jobs come and take time, workers drain, the operator and Redis fail."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from queueworkers.domain.backlog import Backlog, Reading
from queueworkers.domain.decision import Basis, Decision
from queueworkers.domain.observation import Observation
from queueworkers.domain.scaling import History
from unit.domain.given import NOON, UNKNOWN, a_pod, a_queue, decided, some_workers

if TYPE_CHECKING:
    from datetime import datetime

    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.domain.workers import WorkerPod

POD_LAG_SECONDS = 3
"""After which a pod whose worker has ended is seen to be gone."""

CLAIM_SECONDS = 90
"""After which a job whose worker was lost is given to another."""


@dataclass(kw_only=True)
class Job:
    """One job: from when on it can be taken, and how long it takes."""

    from_second: int
    seconds: int
    begun: int | None = None
    worker_leaves_since: int | None = None
    """When the worker that has it in hand was asked to leave."""


@dataclass(kw_only=True)
class Weather:
    """All that will happen to a pool from outside, by second."""

    jobs: list[Job]
    outages: set[int] = field(default_factory=set)
    """Redis cannot be read."""
    absences: set[int] = field(default_factory=set)
    """The operator does not run."""
    kills: dict[int, int] = field(default_factory=dict)
    """The operator is killed after so many of its writes, and has forgotten everything when it comes back."""
    crashes: set[int] = field(default_factory=set)
    """A worker is lost in the middle of its job."""
    restarts: dict[int, int] = field(default_factory=dict)
    """Somebody asks for a restart, now or so many seconds ahead."""


@dataclass(kw_only=True)
class SimulatedPool:
    """A pool, its workers and its jobs."""

    spec: QueueWorkerPoolSpec
    weather: Weather
    second: int = 0
    waiting: list[Job] = field(default_factory=list)
    in_hand: list[Job] = field(default_factory=list)
    """Jobs of workers that work, those that leave after it included."""
    lost: list[Job] = field(default_factory=list)
    """Jobs whose worker is gone and whose claim lasts."""
    done: int = 0
    desired: int = 0
    exists: bool = False
    ghosts: list[tuple[int, int]] = field(default_factory=list)
    """Workers that are gone and do not seem so yet: when they were asked to leave, and until when that lasts."""
    staying_in_hand: int = 0
    """Jobs in the hands of workers that stay, when the operator last looked."""
    history: History | None = None
    annotation: datetime | None = None
    requested: set[datetime] = field(default_factory=set)
    marker: datetime | None = None
    rollouts: list[datetime] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The moment of this second."""
        return self.moment(self.second)

    @staticmethod
    def moment(second: int) -> datetime:
        """The moment of a second."""
        return NOON + timedelta(seconds=second)

    def step(self) -> Decision | None:
        """Let a second pass; return what was decided in it, where the operator looked."""
        self.second += 1
        self._things_happen()
        self._work()
        if self.second in self.weather.absences:
            self.history = None
            return None
        return self._look()

    def _things_happen(self) -> None:
        self.waiting += [job for job in self.weather.jobs if job.from_second == self.second]
        if self.second in self.weather.crashes and self.in_hand:
            self.lost.append(self.in_hand.pop())
        if self.second in self.weather.restarts:
            self.annotation = self.moment(self.second + self.weather.restarts[self.second])
            self.requested.add(self.annotation)

    def _work(self) -> None:
        finished = [
            job for job in self.in_hand if job.begun is not None and self.second >= job.begun + job.seconds
        ]
        self.in_hand = [job for job in self.in_hand if job not in finished]
        self.done += len(finished)
        self.ghosts += [
            (job.worker_leaves_since, self.second + POD_LAG_SECONDS)
            for job in finished
            if job.worker_leaves_since is not None
        ]
        free = self.desired - len(self._in_staying_hands())
        for _ in range(max(free, 0)):
            expired = [job for job in self.lost if self._claim_is_over(job)]
            source = self.lost if expired else self.waiting
            if not source:
                break
            job = expired[0] if expired else self.waiting[0]
            source.remove(job)
            job.begun, job.worker_leaves_since = self.second, None
            self.in_hand.append(job)

    def _in_staying_hands(self) -> list[Job]:
        return [job for job in self.in_hand if job.worker_leaves_since is None]

    def _leavers(self) -> list[WorkerPod]:
        """Show the pods that leave; those without a job are gone at once."""
        asked_at = [job.worker_leaves_since for job in self.in_hand if job.worker_leaves_since is not None]
        asked_at += [asked for asked, seen_until in self.ghosts if self.second < seen_until]
        return [
            a_pod(f"leaver-{number}", terminating=True, leaving_since=self.moment(asked))
            for number, asked in enumerate(asked_at)
        ]

    def _claim_is_over(self, job: Job) -> bool:
        return job.begun is not None and self.second >= job.begun + CLAIM_SECONDS

    def reading(self) -> Reading:
        """Tell what Redis would."""
        if self.second in self.weather.outages:
            return UNKNOWN
        ahead = sum(job.from_second > self.second for job in self.weather.jobs)
        return Backlog(
            queues=(
                a_queue(
                    ready=len(self.waiting),
                    delayed=ahead,
                    reserved=len(self.in_hand) + len(self.lost),
                    expired=sum(map(self._claim_is_over, self.lost)),
                ),
            ),
            read_at=self.now,
        )

    def _look(self) -> Decision:
        if self.history is None:
            self.history = History(watching_since=self.now)
        workers = some_workers(self.desired, restart_marker=self.marker)
        workers = replace(workers, pods=(*workers.pods, *self._leavers()))
        self.staying_in_hand = len(self._in_staying_hands())
        observation = Observation(
            reading=self.reading(),
            workers=workers if self.exists else None,
            restart_annotation=self.annotation,
        )
        decision = decided(self.spec, observation, self.history, now=self.now)
        self.history = decision.history
        self._carry_out(decision)
        return decision

    def _carry_out(self, decision: Decision) -> None:
        writes_left = self.weather.kills.get(self.second, 2)
        if writes_left > 0 and not decision.hands_off:
            fewer = max(self.desired - decision.replicas, 0)
            # The busy ones first, which is the worst case.
            for job in self._in_staying_hands()[:fewer]:
                job.worker_leaves_since = self.second
            self.desired, self.exists = decision.replicas, True
        if writes_left > 1 and decision.wish.restart.marker not in {self.marker, None}:
            self.marker = decision.wish.restart.marker
            assert self.marker is not None
            self.rollouts.append(self.marker)
        if self.second in self.weather.kills:
            self.history = None

    def work_left(self) -> int:
        """Count the jobs that are not done and could be, now or when a claim is over."""
        return len(self.waiting) + len(self.in_hand) + len(self.lost)

    def promises(self, before: int, decision: Decision) -> None:
        """Check what must hold after every second."""
        reading = self.reading()
        if decision.basis is Basis.UNKNOWN:
            bounded = min(max(before, self.spec.scaling.min_replicas), self.spec.scaling.max_replicas)
            assert decision.replicas == bounded, "an outage moved a worker"
        if decision.basis is Basis.BACKLOG and isinstance(reading, Backlog):
            assert decision.replicas >= min(self.staying_in_hand, before), "a busy worker was sent away"
            assert decision.replicas > 0 or not reading.waiting, "jobs wait and nobody is there"
