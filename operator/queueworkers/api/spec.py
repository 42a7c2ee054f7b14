"""
What a person asks of a pool: `spec` of a QueueWorkerPool.

The models hold every field's type, bounds and default; the CRD is made from
them (`queueworkers.api.crd`), so what the API server accepts and what is
parsed here cannot drift apart.  Rules between fields are the API server's to
check (`queueworkers.api.rules`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, WithJsonSchema, model_validator

from queueworkers.api.base import DAY, ApiModel, Text
from queueworkers.api.custom import CustomKey, CustomQueues
from queueworkers.api.redis import CaSecretRef, RedisSource, RedisTls, SecretKeyRef, TlsVerify
from queueworkers.api.restart import RestartSpec
from queueworkers.api.scaling import (
    OnPause,
    ScaleDownBehavior,
    ScaleUpBehavior,
    ScalingBehavior,
    ScalingMode,
    ScalingSpec,
)
from queueworkers.api.shapes import Env, EnvFrom, PodTemplate, Resources
from queueworkers.frameworks import FRAMEWORKS
from queueworkers.frameworks.base import Framework, WorkerOptions

__all__ = [
    "CaSecretRef",
    "CustomKey",
    "CustomQueues",
    "InvalidSpec",
    "OnPause",
    "QueueWorkerPoolSpec",
    "RedisSource",
    "RedisTls",
    "RestartSpec",
    "ScaleDownBehavior",
    "ScaleUpBehavior",
    "ScalingBehavior",
    "ScalingMode",
    "ScalingSpec",
    "SecretKeyRef",
    "SecurityProfile",
    "TlsVerify",
    "parse_spec",
]

GRACE_MARGIN_SECONDS = 30
"""Added to the longest job when nothing is said: time to finish it, to boot late and to log off."""

UNLIMITED_GRACE_SECONDS = 3600
"""Where jobs have no time limit, there is no right answer; an hour is what a node drain commonly bears."""


class SecurityProfile(StrEnum):
    """How tightly the worker's container is locked up."""

    COMPATIBLE = "Compatible"
    """Runs as the image says; privileges cannot grow."""
    RESTRICTED = "Restricted"
    """What the Pod Security Standard `restricted` demands."""


def known_framework(name: str) -> str:
    """Accept the *name* of a declared framework."""
    if name in FRAMEWORKS:
        return name
    raise ValueError(f"must be one of {', '.join(FRAMEWORKS)}")


FrameworkName = Annotated[
    str,
    AfterValidator(known_framework),
    WithJsonSchema({"type": "string", "enum": list(FRAMEWORKS)}),
]

VERSION_PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,6}){0,3}$"

Version = Annotated[
    str,
    Text(
        pattern=VERSION_PATTERN,
        says="version is the installed version in numbers and dots, such as 3.0.4: no v, ^ or *",
        max_length=32,
    ),
]

Image = Annotated[
    str, Text(pattern=r"^[^\x00-\x20\x7f]+$", says="an image has a name without spaces", max_length=1024)
]

ConnectionName = Annotated[
    str,
    Text(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]*$",
        says="connection is the name of a queue connection in config/queue.php: letters, digits, _ . : and -, "
        "not - first, as it would be taken for a flag",
        max_length=100,
    ),
]

QueueName = Annotated[
    str,
    Text(
        pattern=r"""^[^\x00-\x20\x7f,"'`]+$""",
        says="a queue has a name without spaces, commas or quotes: give each queue as an item of its own",
        max_length=200,
    ),
]

Argument = Annotated[str, Field(max_length=1024)]

Seconds = Annotated[int, Field(ge=0, le=DAY)]


class QueueWorkerPoolSpec(ApiModel):
    """
    What the workers of the pool run, and how many of them.

    The worker's options carry the names of the flags of `queue:work`.
    """

    framework: FrameworkName
    """
    The queue framework of the application in the image: it decides the worker's command line
    and how the jobs are stored.  Custom for any other: then `command` and `custom` say both.
    """
    version: Version | None = None
    """
    Version of the queue package the image contains (laravel/framework or
    topthink/think-queue), such as 3.0.4.  It decides how the jobs are stored and which flags
    `queue:work` has, where that changed between versions; a part that is left out counts as 0.
    The newest when not given.
    """
    image: Image
    """The image of the application.  Another tag or digest replaces the workers one by one."""
    command: Annotated[tuple[Argument, ...], Field(min_length=1, max_length=32)] | None = None
    """
    The console command, run in the image's working directory; `queue:work` and its flags
    follow.  The framework's own when not given, such as [php, artisan].  The part of
    Supervisor's command before queue:work.  For Custom, where it is required, the whole command
    line of the worker.  A small supervisor in PHP is the container's first
    process and runs it; where the command hides how PHP is called, as a script of the image's own does,
    `php` has to be on the container's PATH.
    """
    connection: ConnectionName = "redis"
    """
    Name of the queue connection in the application's config/queue.php: the argument of
    `queue:work`.  Horizon's connection.
    """
    queues: Annotated[tuple[QueueName, ...], Field(min_length=1, max_length=64)]
    """
    Queues that the workers serve, the most urgent first: a later one is served while the
    earlier are empty.  `--queue`.  Horizon's queue.
    """
    memory: Annotated[int, Field(ge=0, le=1_048_576)] = 128
    """
    Megabytes that a worker may use before it ends itself after a job and is started afresh.
    `--memory`.  Horizon's memory.  0 turns the check off, in Laravel 13.20 and newer only.
    """
    tries: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """
    How often a job is tried before it counts as failed; 0: without end.  `--tries`.  Horizon's
    tries.  The framework's default when not given: once in Laravel, without end before 6.0 and
    in ThinkPHP.  A job's own setting wins.
    """
    timeout: Seconds = 60
    """
    Seconds that one job may take before its worker kills itself; 0: no limit.  `--timeout`.
    Horizon's timeout.  Must be shorter than `retryAfter`.  A job's own setting wins: when one
    is longer than this, give `gracePeriodSeconds` too.  Workers before Laravel 5.3 and
    think-queue 3.0 have none, and a job of theirs takes as long as it takes.
    """
    backoff: Annotated[tuple[Seconds, ...], Field(max_length=10)] = ()
    """
    Seconds to wait before a failed job is tried again: one value for every time, or one for
    each attempt, the last for all that follow.  `--backoff` (`--delay` in ThinkPHP and before
    Laravel 8.0, which take one value).  Horizon's backoff.  At once when not given.
    """
    sleep: Annotated[int, Field(ge=0, le=3600)] = 3
    """
    Seconds that a worker waits when it finds no job.  `--sleep`.  Horizon's sleep.  Must be
    shorter than `timeout`, or an idle worker kills itself.
    """
    rest: Annotated[int, Field(ge=0, le=3600)] = 0
    """Seconds that a worker rests after each job.  `--rest`, since Laravel 8.32.  Horizon's rest."""
    max_jobs: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    """
    Jobs after which a worker ends itself and is started afresh; 0: never.  `--max-jobs`, since
    Laravel 8.0.  Horizon's maxJobs.
    """
    max_time: Annotated[int, Field(ge=0, le=30 * DAY)] = 0
    """
    Seconds after which a worker ends itself after a job and is started afresh; 0: never.
    `--max-time`, since Laravel 8.0.  Horizon's maxTime.
    """
    retry_after: Annotated[int, Field(ge=0, le=7 * DAY)] | None = None
    """
    Seconds after which a job is taken from a worker that has not finished it and handed to
    another: `retry_after` of the connection in config/queue.php, repeated here so that it can
    be compared with `timeout`.  The framework's default when not given: 90 in Laravel, 60
    before 5.3 and in think-queue, where it may be called `expire`.  0 stands for null, which is
    never, before Laravel 5.5 and think-queue 3.0; since then they take null for 60.
    """
    grace_period_seconds: Annotated[int, Field(ge=1, le=7 * DAY)] | None = None
    """
    Seconds that a worker has to finish its job when it is asked to leave.  Supervisor's
    stopwaitsecs.  `timeout` and half a minute when not given, an hour where there is no
    timeout.
    """
    env: Env = ()
    """Environment variables of the worker, as in a container.  Supervisor's environment."""
    env_from: EnvFrom = ()
    """ConfigMaps and Secrets whose values become environment variables, as in a container."""
    resources: Resources | None = None
    """
    CPU and memory of a worker, as in a container.  The memory limit must exceed `memory`, and is
    half as much again and 64 MB when not given; what is requested is `memory` itself.
    """
    security: SecurityProfile = SecurityProfile.COMPATIBLE
    """
    How tightly the worker's container is locked up.  Compatible: it runs as the image says,
    and privileges cannot grow.  Restricted: what the Pod Security Standard of that name
    demands, for images that run as a user other than root.
    """
    pod_template: PodTemplate | None = None
    """
    Everything else a pod can have, merged into the worker pods as `kubectl patch` would:
    metadata, volumes, service account, affinity, sidecars.  The worker's container is named
    `worker`.
    """
    custom: CustomQueues | None = None
    """How the queues are stored; required for the framework Custom, and only there."""
    redis: RedisSource
    """
    The Redis that holds the queues: the source of the pool's backlog.  A pool has exactly one
    source.
    """
    scaling: ScalingSpec = ScalingSpec()
    """How many workers the pool has.  Supervisor's numprocs, Horizon's balancing."""
    restart: RestartSpec = RestartSpec()
    """When and how running workers are replaced by new ones."""
    suspend: bool = False
    """
    True lets every worker finish its job and leave, and keeps the pool empty until it is false
    again; jobs wait.  `supervisorctl stop`.
    """

    @model_validator(mode="after")
    def _says_what_nobody_knows(self) -> Self:
        """Hold what the API server holds, as a pool may have been stored under another version of the CRD."""
        if not self.framework_declared.console and (self.command is None or self.custom is None):
            raise ValueError(f"give command and custom for the framework {self.framework}")
        return self

    @property
    def framework_declared(self) -> Framework:
        """Everything that is known about the pool's framework."""
        return FRAMEWORKS[self.framework]

    @property
    def version_tuple(self) -> tuple[int, ...] | None:
        """*version* for comparisons; ``None`` means the newest."""
        return None if self.version is None else tuple(map(int, self.version.split(".")))

    @property
    def console(self) -> tuple[str, ...]:
        """The console command that `queue:work` is an argument of."""
        return self.command or self.framework_declared.console

    @property
    def effective_retry_after(self) -> int | None:
        """Seconds after which a job in hand is given to another worker; 0: never, ``None``: not known here."""
        if self.retry_after is not None:
            return self.retry_after
        default = self.framework_declared.default_retry_after
        return default.at(self.version_tuple) if default else None

    @property
    def effective_tries(self) -> int | None:
        """How often a job is tried that says nothing itself; 0: without end, ``None``: not known here."""
        if self.tries is not None:
            return self.tries
        default = self.framework_declared.default_tries
        return default.at(self.version_tuple) if default else None

    @property
    def effective_grace_period_seconds(self) -> int:
        """
        Seconds that a leaving worker has for its job.

        What the pool says, else what its pod template says, else enough for
        the longest job and a margin.
        """
        if self.grace_period_seconds is not None:
            return self.grace_period_seconds
        pod = (self.pod_template or {}).get("spec") or {}
        said: int | None = pod.get("terminationGracePeriodSeconds")
        if said is not None:
            return said
        return self.timeout + GRACE_MARGIN_SECONDS if self.timeout else UNLIMITED_GRACE_SECONDS

    def worker_options(self) -> WorkerOptions:
        """What the framework's command line is made from."""
        return WorkerOptions(
            connection=self.connection,
            queues=self.queues,
            memory=self.memory,
            tries=self.tries,
            timeout=self.timeout,
            backoff=self.backoff,
            sleep=self.sleep,
            rest=self.rest,
            max_jobs=self.max_jobs,
            max_time=self.max_time,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidSpec:
    """Why a spec cannot be acted upon: text for a condition."""

    problems: tuple[str, ...]
    """One sentence each, which begins with the field's path; never what the field holds."""

    def __str__(self) -> str:
        """All sentences, on one line."""
        return " ".join(self.problems)


def parse_spec(raw: Mapping[str, Any]) -> QueueWorkerPoolSpec | InvalidSpec:
    """
    Read the `spec` of a pool as the API server delivers it.

    What the API server accepted is accepted here, defaults filled in or
    not.  What is left to refuse are pools that were stored under another
    version of the CRD, or without one; schedules that never come; and time zones
    that the API server's machine knows and this one does not.

    Args:
        raw: The object's ``spec``, not the whole object.
    """
    try:
        return QueueWorkerPoolSpec.model_validate(raw)
    except ValidationError as refused:
        problems = refused.errors(include_url=False, include_context=False, include_input=False)
        return InvalidSpec(
            problems=tuple(f"{_path(each['loc'])}: {_sentence(each['msg'])}" for each in problems)
        )


def _path(location: tuple[int | str, ...]) -> str:
    return "spec" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def _sentence(message: str) -> str:
    words = message.removeprefix("Value error, ").rstrip(".")
    return words[0].lower() + words[1:] + "."
