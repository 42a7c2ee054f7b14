"""`spec.scaling`: how many workers."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from queueworkers.api.base import DAY, ApiModel, Text
from queueworkers.api.restart import Schedule, TimeZone

MAX_WORKERS = 10_000

BACKLOG_PER_WORKER = 10
"""The target where none is given."""

Window = Annotated[int, Field(ge=0, le=3600)]


class ScalingMode(StrEnum):
    """Who decides how many workers there are."""

    AUTO = "Auto"
    """The backlog decides."""
    RECOMMEND = "Recommend"
    """The status says what the backlog asks for; the number of workers stays."""
    MANUAL = "Manual"
    """`replicas` decides."""


class OnPause(StrEnum):
    """What it means that workers are to leave queues alone."""

    HOLD = "Hold"
    """Jobs that wait in them ask for nobody."""
    IGNORE = "Ignore"
    """Nothing: their jobs count as ever."""


class PolicyType(StrEnum):
    """In what a step is measured."""

    PODS = "Pods"
    """In workers."""
    PERCENT = "Percent"
    """In hundredths of the workers that there were when the period began."""


class SelectPolicy(StrEnum):
    """Which of several policies counts."""

    MAX = "Max"
    """The one that allows the most."""
    MIN = "Min"
    """The one that allows the least."""
    DISABLED = "Disabled"
    """None: the number does not change in this direction."""


class ScalingPolicy(ApiModel):
    """How far the number of workers may change within a period."""

    type: PolicyType
    """Pods counts workers.  Percent is a share of the workers that there were when the period began."""
    value: Annotated[int, Field(ge=1, le=MAX_WORKERS)]
    """How many workers, or how many hundredths."""
    period_seconds: Annotated[int, Field(ge=1, le=1800)]
    """Seconds that the period lasts, which always ends now."""


Policies = Annotated[tuple[ScalingPolicy, ...], Field(max_length=8)]


class ScaleUpBehavior(ApiModel):
    """How workers are added."""

    stabilization_window_seconds: Window = 0
    """
    Seconds for which a higher need must have lasted before workers are added.  0: at once.
    The same as in a HorizontalPodAutoscaler.
    """
    policies: Policies = ()
    """
    How many workers may be added in how much time, as in a HorizontalPodAutoscaler.  No limit when
    not given.  A Percent of nothing counts as one worker, so that an empty pool can wake.
    """
    select_policy: SelectPolicy = SelectPolicy.MAX
    """
    Which of several policies counts: Max the one that allows the most, Min the one that allows the
    least.  Disabled: no worker is added, but up to `minReplicas`.
    """


class ScaleDownBehavior(ApiModel):
    """How workers are taken away."""

    stabilization_window_seconds: Window | None = None
    """
    Seconds for which a lower need must have lasted before workers are taken away: of all
    recommendations within the window the highest counts.  0: at once.  The same as in a
    HorizontalPodAutoscaler.  When not given, as long as a worker of this pool takes to boot, at
    least 5 and at most 60 seconds; 60 before any was seen.
    """
    policies: Policies = ()
    """
    How many workers may be taken away in how much time, as in a HorizontalPodAutoscaler.  No limit
    when not given.
    """
    select_policy: SelectPolicy = SelectPolicy.MAX
    """
    Which of several policies counts: Max the one that allows the most, Min the one that allows the
    least.  Disabled: no worker is taken away, but down to `maxReplicas`.
    """


class ScalingBehavior(ApiModel):
    """How fast the number of workers follows the backlog, in the words of a HorizontalPodAutoscaler."""

    scale_up: ScaleUpBehavior = ScaleUpBehavior()
    """How workers are added."""
    scale_down: ScaleDownBehavior = ScaleDownBehavior()
    """How workers are taken away."""


class QueueWait(ApiModel):
    """How long the jobs of one queue may wait."""

    queue: Annotated[str, Field(min_length=1, max_length=200)]
    """The queue, as in `spec.queues`."""
    wait_seconds: Annotated[int, Field(ge=1, le=DAY)]
    """No job of it should wait longer than this for a worker."""


class ScalingSchedule(ApiModel):
    """Other bounds at certain times."""

    name: Annotated[
        str,
        Text(
            pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
            says="the name of a schedule has lower-case letters, digits and - only, such as office-hours",
            max_length=32,
        ),
    ]
    """What the status calls it."""
    start: Schedule
    """
    When it begins, as cron writes it: minute, hour, day of the month, month, day of the week.
    0 8 * * 1-5 is every working day at eight.
    """
    end: Schedule
    """When it ends, written likewise.  It is in force from a start until the next end."""
    time_zone: TimeZone = "UTC"
    """
    The time zone of `start` and `end`, such as Europe/Berlin.  A moment that the summer time skips
    comes when the clocks have been changed, and one that they show twice is the first of the two.
    """
    min_replicas: Annotated[int, Field(ge=0, le=1000)] | None = None
    """The fewest workers meanwhile.  The pool's own `minReplicas` when not given."""
    max_replicas: Annotated[int, Field(ge=0, le=MAX_WORKERS)] | None = None
    """
    The most workers meanwhile.  The pool's own `maxReplicas` when not given.  0: nobody works, and
    jobs wait.
    """


class BudgetReference(ApiModel):
    """The budget that the pool shares with others."""

    name: Annotated[
        str,
        Text(
            pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
            says="the name of a budget has lower-case letters, digits, - and . only; it is looked for in the pool's own "
            "namespace, so give no namespace",
            max_length=253,
        ),
    ]
    """A QueueWorkerBudget of the pool's own namespace.  Without it there no worker is added."""
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """
    Who comes first when there is not enough for all: the pool with the higher number.  Pools of
    one priority share evenly, and every `minReplicas` comes before anybody's further wishes.
    """


class ScalingSpec(ApiModel):
    """How many workers the pool has."""

    mode: ScalingMode = ScalingMode.AUTO
    """
    Who decides how many workers there are.  Auto: the backlog.  Recommend: nobody; the status
    says what the backlog asks for, so that a new pool can be watched first.  Manual:
    `replicas`, as Supervisor's numprocs.
    """
    replicas: Annotated[int, Field(ge=0, le=MAX_WORKERS)] | None = None
    """
    Exactly this many workers, whatever the backlog and the bounds say: what `kubectl scale`
    writes, as Supervisor's numprocs.  Remove it to let the backlog decide again.  Required in
    mode Manual.
    """
    min_replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    """
    The fewest workers.  0 lets an idle pool rest without any; it wakes for the first job, also
    for a delayed one that falls due.  Horizon's minProcesses.
    """
    max_replicas: Annotated[int, Field(ge=1, le=MAX_WORKERS)] = 10
    """The most workers.  Horizon's maxProcesses."""
    max_concurrent: Annotated[int, Field(ge=2, le=2 * MAX_WORKERS)] | None = None
    """
    The most worker pods at any moment, those included that start ahead of the ones they replace
    and those that finish their last job: never more, however long a job takes, so that a
    database's connection limit holds.  New workers wait until there is a place.  Must be above
    `maxReplicas`, as a worker only leaves when its successor works.  No limit when not given.
    """
    backlog_per_worker: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """
    The simple target, exact and without memory: jobs waiting per worker that are fine.  With 10, a
    backlog of 95 asks for 10 workers.  Lower it where jobs are long, raise it where they are
    short.  10 when neither this nor `waitSeconds` is given.
    """
    wait_seconds: Annotated[int, Field(ge=1, le=DAY)] | None = None
    """
    The target in time, instead of `backlogPerWorker`: no job should wait longer than this for a
    worker.  How many workers that takes follows from how fast jobs arrive, how long they take and
    how long a worker takes to boot, all of which is measured.  Horizon's `waits` warn of the same.
    """
    queue_waits: Annotated[
        tuple[QueueWait, ...],
        Field(
            max_length=64,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["queue"]},
        ),
    ] = ()
    """Queues whose jobs should wait for less than `waitSeconds`, or may wait for longer."""
    cooldown_seconds: Annotated[int, Field(ge=0, le=DAY)] | None = None
    """
    Seconds without any work, waiting or in hand, before the last workers leave.  Only matters
    with `minReplicas: 0`.  KEDA's cooldownPeriod.  When not given, ten times as long as a worker of this
    pool takes to boot, at least 60 and at most 300 seconds, 300 before any was seen; and as long as
    `behavior.scaleDown` keeps any worker where `waitSeconds` leaves time for two boots.
    """
    polling_interval_seconds: Annotated[int, Field(ge=1, le=300)] = 1
    """
    Where Redis does not tell of changes (`status.source.followedBy: Poll`), at most this many seconds pass between
    two readings of the backlog; with `waitSeconds`, also while jobs come.  KEDA's pollingInterval.
    """
    on_pause: OnPause = OnPause.HOLD
    """
    What happens when somebody pauses queues (`queue:pause`, since Laravel 12.40) or puts the
    application into maintenance mode (`down`, since 9.0, with APP_MAINTENANCE_DRIVER=cache), and
    that cache is on the pool's Redis.  Hold: jobs that wait in those queues ask for no worker until that is
    over, and workers leave as if there were none.  Ignore: they count as ever.
    """
    behavior: ScalingBehavior = ScalingBehavior()
    """How fast the number of workers follows the backlog, in the words of a HorizontalPodAutoscaler."""
    schedules: Annotated[tuple[ScalingSchedule, ...], Field(max_length=16)] = ()
    """
    Other bounds at certain times, such as more workers before a sale and fewer at night.  Where
    several are in force, a later one in this list wins.
    """
    budget: BudgetReference | None = None
    """
    A ceiling that this pool shares with others of its namespace, such as the connections of one
    database: it holds for all of them together, whatever each of them says itself.
    """

    @property
    def effective_backlog_per_worker(self) -> int:
        """Jobs waiting per worker that are fine, where that is the target."""
        return BACKLOG_PER_WORKER if self.backlog_per_worker is None else self.backlog_per_worker

    def wait_seconds_of(self, queue: str) -> int | None:
        """Tell how long jobs of a *queue* may wait; ``None`` where that is not the target."""
        return next(
            (each.wait_seconds for each in self.queue_waits if each.queue == queue), self.wait_seconds
        )


def named_budget(raw: Mapping[str, Any]) -> str | None:
    """
    Tell which budget the `spec` of a pool names, even where the rest of it cannot be understood.

    Args:
        raw: The object's ``spec``, not the whole object.
    """
    scaling = raw.get("scaling")
    budget = scaling.get("budget") if isinstance(scaling, dict) else None
    name = budget.get("name") if isinstance(budget, dict) else None
    return name if isinstance(name, str) else None
