"""
What the operator says about a pool: `status` of a QueueWorkerPool.

A field that is absent is not known.  A backlog that could not be read is
absent, never 0.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, ConfigDict, Field, PlainSerializer

from queueworkers.api.base import ApiModel
from queueworkers.api.conditions import ConditionStatus, ConditionType, FollowedBy
from queueworkers.frameworks.base import Hold

Count = Annotated[int, Field(ge=0)]

Word = Annotated[str, Field(max_length=128)]


def format_moment(moment: datetime) -> str:
    """Write a moment as Kubernetes does: UTC, whole seconds, so that one moment has one spelling."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Moment = Annotated[AwareDatetime, PlainSerializer(format_moment, when_used="json")]


class StatusModel(ApiModel):
    """A part of the status; what another version of the operator wrote there is left aside."""

    model_config = ConfigDict(extra="ignore")


class Condition(StatusModel):
    """One of the standard conditions of Kubernetes."""

    type: Annotated[str, Field(max_length=64)]
    """Which condition: Ready, BacklogKnown, ScalingActive, ScalingLimited, Progressing or StopsGracefully."""
    status: ConditionStatus
    """True, False or Unknown."""
    observed_generation: Count | None = None
    """The generation of the pool that this was said about."""
    last_transition_time: Moment
    """When the status last changed."""
    reason: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z][A-Za-z0-9_,:]*$")]
    """Why, in one word to search for and to alert on."""
    message: Annotated[str, Field(max_length=32_768)] = ""
    """Why, in a sentence that says what to do."""


class BacklogStatus(StatusModel):
    """The work of all queues together, as last read."""

    waiting: Count | None = None
    """Jobs that a worker could begin now: ready, due and expired."""
    ready: Count | None = None
    """Jobs in the list that workers take from."""
    delayed: Count | None = None
    """All jobs that wait for a time to come, those included whose time has come."""
    due: Count | None = None
    """Delayed jobs whose time has come."""
    reserved: Count | None = None
    """Jobs in the hands of workers, expired ones included."""
    expired: Count | None = None
    """Jobs whose worker was lost or too slow; the next worker that asks gets them."""
    observed_time: Moment | None = None
    """When the backlog was read."""


class HeadStatus(StatusModel):
    """The first job of a list that does not tell since when it waits."""

    digest: Word
    """Tells whether it is still the same job; nothing of the job can be read from it."""
    first_seen_time: Moment
    """When it was first seen there."""


class QueueStatus(StatusModel):
    """The work of one queue, as last read."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """The queue, as in `spec.queues`."""
    ready: Count | None = None
    """Jobs in the list that workers take from."""
    delayed: Count | None = None
    """All jobs that wait for a time to come, those included whose time has come."""
    due: Count | None = None
    """Delayed jobs whose time has come."""
    reserved: Count | None = None
    """Jobs in the hands of workers, expired ones included."""
    expired: Count | None = None
    """Jobs whose worker was lost or too slow; the next worker that asks gets them."""
    hold: Hold | None = None
    """
    Why its waiting jobs ask for no worker: Paused (`queue:pause`) or Maintenance (the whole
    application).  Absent where they do.
    """
    oldest_job_time: Moment | None = None
    """Since when the oldest job waits."""
    oldest_job_waits: Word | None = None
    """How its wait relates to that time, as in the pool's own `oldestJobWaits`."""
    head: HeadStatus | None = None
    """The first job of the list.  Absent where there is none, or the job tells since when it waits."""


class RestartStatus(StatusModel):
    """A replacement of all workers."""

    time: Moment | None = None
    """When it was asked for."""
    trigger: Word | None = None
    """What asked for it."""


class RolloutStatus(StatusModel):
    """The latest replacement of workers, by a restart or a change of the pool."""

    phase: Word | None = None
    """Where it stands: Complete, Replacing, Stopped, Held or Undone."""
    trigger: Annotated[str, Field(max_length=320)] | None = None
    """What it began with: a restart's trigger, Image, Template, Undo, Deployment, or the ConfigMap or Secret that changed."""
    since_time: Moment | None = None
    """When it began."""
    replaced: Count | None = None
    """Workers of the newest revision."""
    total: Count | None = None
    """Workers that there should be."""


class DecisionInput(StatusModel):
    """One thing that the number of workers was decided from."""

    name: Word
    """What it is, such as `waiting jobs`."""
    value: Word
    """How much of it, with its unit; `(guessed)` where nothing is known yet."""


class DecisionStep(StatusModel):
    """One step on the way from what the backlog asks for to the number of workers."""

    limit: Word
    """What made the number this one; None for what the backlog asks for."""
    replicas: Count
    """The number after it."""


class DecisionStatus(StatusModel):
    """How the number of workers was decided: what `qwp explain` shows."""

    target: Word | None = None
    """The target in use, such as `waitSeconds 30`."""
    inputs: Annotated[tuple[DecisionInput, ...], Field(max_length=128)] = ()
    """What it was decided from, in the order in which it counts."""
    steps: Annotated[tuple[DecisionStep, ...], Field(max_length=32)] = ()
    """What the backlog asks for, and what each limit made of that; the last is what counts."""


class WorkersStatus(StatusModel):
    """
    The workers' pods, each counted once, so that what they hold (such as connections to a
    database) can be reasoned about: the sum is what exists at this moment.
    """

    working: Count | None = None
    """Ready, and not asked to leave."""
    starting: Count | None = None
    """Created and on their way to be ready."""
    waiting: Count | None = None
    """Held back by `maxConcurrent`, or by a cluster without room for them: not running."""
    draining: Count | None = None
    """Asked to leave; they finish the job in hand."""
    surge: Count | None = None
    """How many of those working, starting or waiting are more than wanted, because they replace others."""


class ExitStatus(StatusModel):
    """Workers that ended and were started again."""

    exit_code: Annotated[int, Field(ge=0, le=255)]
    """With which they ended."""
    count: Count
    """How many, since the pool is there; of containers that have ended."""
    meaning: Annotated[str, Field(max_length=256)] | None = None
    """What the exit code means."""
    recycled: bool = False
    """True where workers end so by design, and come back at once; false for crashes."""
    last_time: Moment
    """When a container with such an end has last ended."""


class SourceStatus(StatusModel):
    """Where the queues are looked for."""

    address: Annotated[str, Field(max_length=2048)] | None = None
    """Host and port, or those of the Sentinels or of the cluster's nodes, database and prefix."""
    first_job_time: Moment | None = None
    """
    When a job was first seen there.  While it is absent, a queue without keys may as well be
    looked for in the wrong place.
    """
    followed_by: FollowedBy | None = None
    """
    How changes of the queues become known.  Push: Redis tells of them at once.  Poll: they are looked for
    every pollingIntervalSeconds, as the server, the user's rights or something between has no tracking.
    """
    eviction_policy: Annotated[str, Field(max_length=64)] | None = None
    """
    What Redis drops when its memory is full, in its own word; noeviction too while its memory has no limit.
    With allkeys-lru and its kin jobs are lost.  Absent where Redis does not tell.
    """


class SummaryStatus(StatusModel):
    """The pool in a few words, for the columns of `kubectl get`."""

    queues: Annotated[str, Field(max_length=16_384)] | None = None
    """The queues, in order: high,default."""
    workers: Word | None = None
    """Ready and wanted workers: 2/6."""
    status: Word | None = None
    """
    Where the pool stands: the reason of Ready, and how far a replacement of workers is, as RollingRestart
    3/8, or how many of the queues are held, as Paused 1/2.
    """
    range: Word | None = None
    """Bounds of the number of workers, those of a schedule while it is in force: 1-20."""


class QueueWorkerPoolStatus(StatusModel):
    """What the operator last saw of the pool, and what it made of it.  A field that is absent is not known."""

    observed_generation: Count | None = None
    """The generation of the pool that was acted on."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    """Where the pool stands."""
    replicas: Count | None = None
    """Workers that exist, ready or not."""
    ready_replicas: Count | None = None
    """Workers that are ready."""
    desired_replicas: Count | None = None
    """Workers that there should be, after every window and bound."""
    recommended_replicas: Count | None = None
    """Workers that the backlog asks for, before any window or bound."""
    selector: Annotated[str, Field(max_length=1024)] | None = None
    """The label selector of the worker pods, for the scale subresource."""
    backlog: BacklogStatus | None = None
    """The work of all queues together, as last read.  Absent when it could not be read."""
    queues: Annotated[
        tuple[QueueStatus, ...],
        Field(
            max_length=64,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """The work of each queue, as last read."""
    oldest_job_time: Moment | None = None
    """Since when the oldest job waits."""
    oldest_job_waits: Word | None = None
    """
    How its wait relates to that time: Exactly, AtLeast (the queue does not tell; counted from
    when the job was first seen in front of the others) or AtMost (counted from when the job
    before it was added).
    """
    explanation: Annotated[str, Field(max_length=2048)] | None = None
    """Why there are as many workers as there are, in one sentence."""
    decision: DecisionStatus | None = None
    """What that was decided from, and which limits made it what it is."""
    tries: Count | None = None
    """
    How often a job is tried that says nothing of its own: `spec.tries`, else the default of the declared
    version; 0: without end.
    """
    last_scale_time: Moment | None = None
    """When the number of workers was last changed."""
    last_restart: RestartStatus | None = None
    """The last restart that was asked for."""
    rollout: RolloutStatus | None = None
    """The latest replacement of workers, by a restart or a change of the pool."""
    workers: WorkersStatus | None = None
    """The workers' pods by what they do."""
    exits: Annotated[
        tuple[ExitStatus, ...],
        Field(
            max_length=256,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["exitCode"]},
        ),
    ] = ()
    """
    How often workers ended and came back, by exit code.  Those that end by design do so within their
    container, whose log tells each of them; they are counted here when the container ends.
    """
    source: SourceStatus | None = None
    """Where the queues are looked for."""
    summary: SummaryStatus | None = None
    """The pool in a few words, for the columns of `kubectl get`."""

    def condition(self, kind: ConditionType) -> Condition | None:
        """Return what was last said in one condition; ``None`` when nothing was."""
        return next((each for each in self.conditions if each.type == kind), None)

    def to_wire(self) -> dict[str, Any]:
        """Spell the status as JSON, without what is not known."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
