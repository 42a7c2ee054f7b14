"""
How many workers it takes that no job waits for longer than it may.

Jobs are taken in the order in which they came, a later queue's when the
earlier ones are empty.  So a job begins in time when there are workers enough
for all that is taken before it; and how many that are follows, for each moment
by which some job has to begin, from the work to be begun by then and from the
time that workers have for it: those that are ready from now on, those that
boot from then on, and new ones after a boot.

That is for what waits.  What keeps arriving needs workers as well: as many as it
keeps busy, and a few more, as jobs do not come evenly (Erlang's formula for
waiting, A. K. Erlang 1917, as in any book on queues).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp, sqrt
from typing import TYPE_CHECKING

from queueworkers.domain.learning import GUESSED_JOB_SECONDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from queueworkers.domain.backlog import Backlog, QueueBacklog
    from queueworkers.domain.crew import Crew
    from queueworkers.domain.learning import Learned, QueueFlow

LATE_SHARE = 0.05
"""Of the jobs that keep arriving, so many may wait for longer than they should."""

PATIENCE = 0.25
"""Jobs that are late, or nearly, have this part of their wait after a boot to begin: no crowd is called for them."""

NOTHING = 0.1
"""A load below this is none: the one worker that it would keep comes for the first job that waits."""

UNKNOWN_AGES = 4
"""Jobs of which only the oldest one's age is known are taken to have come in so many equal parts, evenly."""

PLENTY = 10_000
"""More workers than any pool may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Jobs of one queue that may begin at the same time, and have to by the same time."""

    work: float
    """Seconds that one worker would take for all of them."""
    jobs: int
    release: float
    """Seconds from now until they may begin."""
    deadline: float
    """Seconds from now until they should have begun; negative where they are late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDemand:
    """What the jobs of one queue need."""

    queue: str
    wait_seconds: float
    job_seconds: float
    load: float
    batches: tuple[Batch, ...]
    """In the order in which they begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Workers that are needed for one reason."""

    replicas: int
    queue: str | None = None
    """Whose jobs need them; ``None`` for what arrives in all queues together."""
    jobs: int = 0
    """How many of them have to begin in time, those that come before included."""
    within_seconds: float = 0.0
    """The time that is left for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """How many workers the backlog asks for, and what they are for."""

    replicas: int
    for_load: Need
    """What keeps arriving."""
    for_backlog: Need
    """What waits, and what falls due before a new worker could be ready."""
    load: float
    """Workers that what arrives keeps busy."""
    settles_at: int
    """Workers for what arrives, if from now on nothing changed."""
    job_seconds: Mapping[str, float]
    """How long a job of each queue takes."""
    boot_seconds: float

    def job_seconds_of(self, queue: str | None) -> float:
        """Tell how long a job of a queue takes; the longest where none is meant."""
        longest = max(self.job_seconds.values(), default=GUESSED_JOB_SECONDS)
        return self.job_seconds.get(queue, longest) if queue else longest


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What workers can begin, of which there are as many ready and starting as there are."""

    idle: int
    busy: int
    starting: tuple[float, ...]
    """Seconds until each of those is ready that are on their way; the earliest first."""
    boot_seconds: float

    def needed(self, work: float, *, release: float, deadline: float, job_seconds: float) -> int:
        """
        Tell how many workers begin *work* seconds' worth of jobs from *release* to *deadline*.

        A job that has begun is in time, however long it takes: so the last job
        of each worker does not count; a worker that is busy ends one first that
        does not count either.
        """
        if work <= 0:
            return 0
        ready = self.idle + self.busy
        left = work
        if ready:
            each = deadline - release + job_seconds * self.idle / ready
            if left <= each * ready:
                return _round_up(left / each)
            left -= each * ready
        count = ready
        for after in self.starting:
            if deadline < after:
                break
            count += 1
            left -= deadline - max(release, after) + job_seconds
            if left <= 0:
                return count
        count = ready + len(self.starting)
        return count + _round_up(left / (deadline - max(release, self.boot_seconds) + job_seconds))


def _round_up(workers: float) -> int:
    """A sum of fractions that misses a whole number by nearly nothing is that number; some work needs somebody."""
    return max(ceil(workers - 1e-9), 1)


def demand_of(
    backlog: Backlog,
    crew: Crew,
    learned: Learned,
    *,
    waits: Sequence[float],
    holds: Collection[str],
    ahead: timedelta,
    now: datetime,
) -> Demand:
    """
    Tell how many workers it takes that no job waits for longer than it may.

    Args:
        backlog: What waits, and what falls due.
        crew: Who is there.
        learned: How fast jobs arrive, how long they and a boot take; guessed where nothing is known.
        waits: How many seconds the jobs of each queue may wait, in the order of the queues.
        holds: Queues whose waiting jobs ask for nobody.
        ahead: Delayed jobs count that fall due within that time.
        now: By the cluster's clock, which says for how long workers have been starting; jobs go by Redis's own.
    """
    boot = learned.expected_boot_seconds
    demands = [
        _queue_demand(
            queue,
            learned.flow(queue.name),
            wait_seconds=wait,
            ahead_seconds=ahead.total_seconds(),
            now=backlog.redis_time,
        )
        for queue, wait in zip(backlog.queues, waits, strict=True)
        if queue.name not in holds
    ]
    load = sum(demand.load for demand in demands)
    load = load if load >= NOTHING else 0.0
    busy = min(max(backlog.in_hand - crew.holding, 0), crew.ready)
    capacity = Capacity(
        idle=crew.ready - busy,
        busy=busy,
        starting=tuple(sorted(max(boot - (now - created).total_seconds(), 0.0) for created in crew.starting)),
        boot_seconds=boot,
    )
    job_seconds = _typical_job_seconds(demands)
    shortest = min(waits, default=1.0)
    for_load = Need(
        replicas=keep_up(load, current=crew.desired, job_seconds=job_seconds, wait_seconds=shortest)
    )
    still = sum(queue.in_hand for queue in backlog.queues if not queue.waiting and queue.name not in holds)
    for_backlog = max(_needs(demands, capacity), key=lambda need: need.replicas, default=Need(replicas=0))
    return Demand(
        replicas=max(for_load.replicas, for_backlog.replicas),
        for_load=for_load,
        for_backlog=for_backlog,
        load=load,
        settles_at=keep_up(still, current=crew.desired, job_seconds=job_seconds, wait_seconds=shortest),
        job_seconds={demand.queue: demand.job_seconds for demand in demands},
        boot_seconds=boot,
    )


def _typical_job_seconds(demands: Sequence[QueueDemand]) -> float:
    """Average over the queues by what arrives in each."""
    jobs_per_second = sum(demand.load / demand.job_seconds for demand in demands)
    if jobs_per_second:
        return sum(demand.load for demand in demands) / jobs_per_second
    return max((demand.job_seconds for demand in demands), default=GUESSED_JOB_SECONDS)


def _queue_demand(
    queue: QueueBacklog, flow: QueueFlow | None, *, wait_seconds: float, ahead_seconds: float, now: datetime
) -> QueueDemand:
    job_seconds = flow.job_seconds if flow else GUESSED_JOB_SECONDS
    ages = _ages(queue, flow, now=now)
    return QueueDemand(
        queue=queue.name,
        wait_seconds=wait_seconds,
        job_seconds=job_seconds,
        load=flow.load if flow else 0.0,
        batches=(
            *(
                Batch(work=jobs * job_seconds, jobs=jobs, release=0.0, deadline=wait_seconds - age)
                for age, jobs in ages
            ),
            *(
                Batch(
                    work=each.jobs * job_seconds, jobs=each.jobs, release=ahead, deadline=ahead + wait_seconds
                )
                for each in queue.upcoming
                if (ahead := max((each.at - now).total_seconds(), 0.0)) <= ahead_seconds
            ),
        ),
    )


def _ages(queue: QueueBacklog, flow: QueueFlow | None, *, now: datetime) -> Iterator[tuple[float, int]]:
    """Tell how long how many jobs have been waiting, the oldest first."""
    oldest = (now - queue.oldest.since).total_seconds() if queue.oldest else 0.0
    left = queue.waiting
    known: list[tuple[float, int]] = []
    for arrivals in reversed(flow.arrivals if flow else ()):
        if left <= 0:
            break
        jobs = min(arrivals.jobs, left)
        left -= jobs
        known.append((max((now - arrivals.at).total_seconds(), 0.0), jobs))
    youngest = known[-1][0] if known else 0.0
    oldest = max(oldest, youngest)
    if left > 0:
        parts = min(UNKNOWN_AGES, left)
        for part in range(parts):
            jobs = left // parts + (part < left % parts)
            yield oldest - (oldest - youngest) * part / parts, jobs
    yield from reversed(known)


def _needs(demands: Sequence[QueueDemand], capacity: Capacity) -> Iterator[Need]:
    """
    Tell what it takes that each batch begins in time.

    Before a batch of one queue come all jobs of the queues before it, those
    that arrive meanwhile included.
    """
    before_work, before_jobs, before_load = 0.0, 0, 0.0
    for demand in demands:
        work, jobs = before_work, before_jobs
        for batch in demand.batches:
            work, jobs = work + batch.work, jobs + batch.jobs
            deadline = max(batch.deadline, capacity.boot_seconds + demand.wait_seconds * PATIENCE)
            yield Need(
                replicas=capacity.needed(
                    work + before_load * deadline,
                    release=0.0,
                    deadline=deadline,
                    job_seconds=demand.job_seconds,
                ),
                queue=demand.queue,
                jobs=jobs,
                within_seconds=deadline,
            )
            if batch.release:
                yield Need(
                    replicas=capacity.needed(
                        batch.work,
                        release=batch.release,
                        deadline=deadline,
                        job_seconds=demand.job_seconds,
                    ),
                    queue=demand.queue,
                    jobs=batch.jobs,
                    within_seconds=demand.wait_seconds,
                )
        before_work, before_jobs, before_load = work, jobs, before_load + demand.load


def keep_up(load: float, *, current: int, job_seconds: float, wait_seconds: float) -> int:
    """
    Tell how many workers keep up with what arrives: as many as there are, if that may be right.

    What was busy over the last *wait_seconds* is known as well as so many
    seconds allow: jobs that come by chance and take about *job_seconds* are off
    by the square root of load times job over twice that time.  Within that,
    one worker more or less is no better founded than the present number.
    """
    error = sqrt(load * job_seconds / (2 * wait_seconds))
    most = staff(load, job_seconds=job_seconds, wait_seconds=wait_seconds)
    if current >= most:
        return most
    fewest = staff(max(load - error, 0.0), job_seconds=job_seconds, wait_seconds=wait_seconds)
    return max(current, fewest, 1)


def staff(load: float, *, job_seconds: float, wait_seconds: float) -> int:
    """
    Tell how many workers it takes that few of the jobs that keep arriving wait for too long.

    Args:
        load: Workers that the jobs keep busy.
        job_seconds: How long one takes.
        wait_seconds: For how long all but `LATE_SHARE` of them may wait.
    """
    if load <= 0:
        return 0
    fewest = int(load) + 1
    blocked = _blocked(load, fewest)
    for count in range(fewest, PLENTY):
        waiting = blocked / (1 - load / count * (1 - blocked))
        if waiting * exp(-(count - load) * wait_seconds / job_seconds) <= LATE_SHARE:
            return count
        blocked = load * blocked / (count + 1 + load * blocked)
    return PLENTY


def _blocked(load: float, count: int) -> float:
    """Erlang's first formula, by its recursion: how likely it is that all of *count* are busy, if nobody waits."""
    blocked = 1.0
    for number in range(1, count + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked
