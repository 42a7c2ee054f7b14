"""
What the rest of the operator may know about a queue framework.

A framework is one file beside this one that fills in a `Framework`: the keys
it stores jobs under, the command line of its worker, its exit codes, its
defaults.  Nothing outside this package contains a framework's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

T = TypeVar("T")

Version = tuple[int, ...]
"""The numbers of a queue package's version, such as ``(8, 32)``; as a first version without zeros at the end."""

ALWAYS: Version = ()
"""The first version of what every version has."""


def reaches(version: Version | None, since: Version) -> bool:
    """
    Tell whether a declared *version* has what came with *since*.

    ``None`` means the newest, which has everything; a part that was not
    declared counts as 0, so that 8 has what came with 8.0 and not what came with 8.32.
    """
    return version is None or version >= since


def spell_version(version: Version) -> str:
    """Write a version as people do: ``8.32``, ``3.0``."""
    return ".".join(map(str, version if len(version) > 1 else (*version, 0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ByVersion(Generic[T]):
    """A fact that is not the same in every version."""

    first: T
    """In the oldest version."""
    changes: tuple[tuple[Version, T], ...] = ()
    """What it is since which version, in their order."""

    def at(self, version: Version | None) -> T:
        """Tell the fact in a declared version; ``None`` means the newest."""
        fact = self.first
        for since, changed in self.changes:
            if reaches(version, since):
                fact = changed
        return fact


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """
    What a pool asks of each worker, in the words of `queue:work`.

    All times in seconds and *memory* in MB, as on the command line.  ``None``
    or an empty tuple leaves the flag out, so that the framework's own default
    holds.
    """

    connection: str
    queues: tuple[str, ...]
    memory: int
    tries: int | None
    timeout: int
    backoff: tuple[int, ...]
    sleep: int
    rest: int
    max_jobs: int
    max_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """What the names of keys depend on, beside the queue."""

    prefix: str = ""
    """What the Redis client puts in front of every key; may be empty."""
    version: Version | None = None
    """The declared version of the queue package; ``None`` means the newest."""
    clustered: bool = False
    """True on a Redis Cluster, where the keys of one queue have to be in one slot."""
    declared: tuple[QueueStore, ...] = ()
    """What the pool says itself where no framework knows: stores without prefix and queue, ready ones first."""


class StoreKind(StrEnum):
    """What a key holds."""

    LIST = "List"
    SORTED_SET = "SortedSet"
    STREAM = "Stream"
    """With a group of consumers."""


class JobState(StrEnum):
    """What the jobs under a key wait for."""

    READY = "Ready"
    """A worker may take them now."""
    DELAYED = "Delayed"
    """They are held back, where scores are times until then."""
    RESERVED = "Reserved"
    """A worker has taken them, where scores are times until then."""


class ListEnd(StrEnum):
    """The end of a list that workers take from."""

    HEAD = "Head"
    """As after `RPUSH`."""
    TAIL = "Tail"
    """As after `LPUSH`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStore:
    """One Redis key under which jobs of a queue are, all in the same state."""

    key: str
    """Complete, prefix included."""
    kind: StoreKind
    jobs: JobState
    scores_per_second: int | None = None
    """Of a sorted set, how far scores run in a second since 1970; ``None`` where they are no times."""
    expires_after_seconds: int = 0
    """Of reserved jobs, how long after its score a worker's claim ends."""
    taken_from: ListEnd = ListEnd.HEAD
    """Of a list: where its oldest job is."""
    group: str | None = None
    """Of a stream, the group of consumers that the workers are."""

    def __hash__(self) -> int:
        """Go by the key alone: stores are looked up often, and few have the same."""
        return hash(self.key)


def list_with_sets(key: str) -> tuple[QueueStore, ...]:
    """
    Name the stores of a queue that keeps ready jobs in the list *key*.

    Beside it are sorted sets: when a delayed job falls due, and when the claim
    on a reserved one ends, both in unix seconds.
    """
    return (
        QueueStore(key=key, kind=StoreKind.LIST, jobs=JobState.READY),
        *(
            QueueStore(key=f"{key}:{name}", kind=StoreKind.SORTED_SET, jobs=state, scores_per_second=1)
            for name, state in (("delayed", JobState.DELAYED), ("reserved", JobState.RESERVED))
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHeader:
    """What a job says about itself, as far as it could be read."""

    identity: str | None
    """The framework's own id; stable while the job waits."""
    available_at: datetime | None
    """
    When a worker could first have taken it.

    ``None`` where the payload carries no time, and where the job was tried
    before: the time is then that of its first push, and what lies between is
    no wait but a backoff and another worker's work.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitMeaning:
    """What a worker's exit code means, in words for people."""

    words: str
    recycling: bool
    """True where the exit happens by design, many times a day."""


class Hold(StrEnum):
    """Why workers take no jobs of a queue, although they are there and it has some; of two the later one is told."""

    PAUSED = "Paused"
    """Somebody paused the queue, or all of them."""
    MAINTENANCE = "Maintenance"
    """The whole application is in maintenance mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Word that a framework's command leaves for its workers in the application's cache."""

    name: str
    """The cache's name for it, in which ``{connection}`` and ``{queue}`` stand for those that it is about."""
    since: Version = ALWAYS
    """The first version with that command."""
    hold: Hold | None = None
    """What it does to the queues that it is about, as long as it is there; ``None``: it is the unix time of a restart."""

    @property
    def is_about_one_queue(self) -> bool:
        """Tell whether it names a queue, and does not concern them all."""
        return "{queue}" in self.name


DEAF_WORDS = "The worker does not hear a stop"
"""What a framework's startup probe says when it fails, followed by a colon and a `Deafness`."""


class AfterCrash(StrEnum):
    """What becomes of a worker that crashed."""

    BACK_OFF = "BackOff"
    """Its container ends, and the kubelet starts it again, each time later, up to five minutes."""
    AT_ONCE = "AtOnce"
    """It is started again within its container, a second later, however often."""


RESTARTED_WORDS = "started again"
"""
What a framework's first process leaves for the kubelet when it has started workers again in its container.

Followed by a colon and a count for each exit code: ``started again: 41 x 0, 3 x 12``.
"""

PROBE_PATIENCE_SECONDS = 25
"""For so long after its container's start a worker may be silent, until the probe complains."""


class Deafness(StrEnum):
    """Why a worker that is asked to leave would not know, as seen in its container."""

    PCNTL_MISSING = "PcntlMissing"
    """Its PHP has no pcntl extension."""
    NOT_LISTENING = "NotListening"
    """No process has a worker's handlers, long after the container's start."""
    OUT_OF_REACH = "OutOfReach"
    """The worker runs as a user to whose processes the container's first one may send no signal."""


class KeyLayout(Protocol):
    """Where a framework keeps the jobs of a queue."""

    def __call__(self, queue: str, spelling: Spelling) -> tuple[QueueStore, ...]:
        """Name the stores of *queue*, which is written as in ``--queue``; the one that workers take from first."""


class CommandLine(Protocol):
    """How a worker is started."""

    def __call__(self, options: WorkerOptions, version: Version | None) -> tuple[str, ...]:
        """
        Render the arguments after the framework's console command.

        What the worker of that *version* does not know is left out: an unknown
        option would make it exit 1 for ever.
        """


class FirstProcess(Protocol):
    """What runs the worker in its container."""

    def __call__(
        self, console: tuple[str, ...], *, meanings: Mapping[int, ExitMeaning], after_crash: AfterCrash
    ) -> tuple[str, ...]:
        """
        Make the container's command, to which the worker's arguments are added.

        Args:
            console: What the worker's command line is an argument of.
            meanings: What its exit codes mean.
            after_crash: What becomes of a worker that did not end by design.
        """


class HookCommand(Protocol):
    """What is to be done in the container before its first process is asked to leave."""

    def __call__(self, console: tuple[str, ...]) -> tuple[str, ...] | None:
        """
        Make the command for the worker that *console* runs; when it is over, the first process hears a stop.

        ``None`` where nobody knows what the first process is.
        """


class ProbeCommand(Protocol):
    """How it is found out, within the container, whether its worker hears a stop."""

    def __call__(self, console: tuple[str, ...]) -> tuple[str, ...]:
        """Make the command for the worker that *console* runs."""


class HeaderReader(Protocol):
    """How a stored job is read."""

    def __call__(self, payload: bytes) -> JobHeader | None:
        """Read the head of a queue; ``None`` when it is not a job of this framework."""


class CachePrefixes(Protocol):
    """What stands before the names of a framework's cache."""

    def __call__(self, *, prefix: str, cache_prefix: str | None) -> tuple[str, ...]:
        """
        List what it may be, complete, in no order.

        Args:
            prefix: What the Redis client puts in front of every key; may be empty.
            cache_prefix: What the cache puts between that and its own keys; ``None``
                where nobody said, so that it has to be guessed.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """One queue framework, declared."""

    name: str
    """As in ``spec.framework``."""
    console: tuple[str, ...]
    """The console command, run in the image's working directory; empty where only the pool knows."""
    package: str
    """The queue package, by the name that it is installed under."""
    newest_major: int | None = None
    """Beyond it a declared version must be one of something else; ``None`` where nothing else can be meant."""
    version_hint: str = ""
    """What to declare instead."""
    prefix_hint: str = ""
    """Where the application says what stands in front of every key, and what it often is; empty where nothing does."""
    options_since: Mapping[str, Version]
    """
    By their names in `WorkerOptions`, since which version its worker knows the options.

    One that is not in it no version knows; `ALWAYS` for those that all do.
    Empty where nothing is known of the worker: then the pool's command is its
    whole command line.
    """
    several_backoffs_since: Version | None
    """Since when each attempt may have a wait of its own; ``None``: in no version."""
    unlimited_memory_since: Version | None
    """Since when ``--memory=0`` turns the check off; before, the worker ends after every look; ``None``: in no version."""
    default_retry_after: ByVersion[int] | None
    """Seconds after which a reserved job is handed out again, where the application says nothing; ``None``: not known."""
    null_retry_after: int
    """What the code takes a `retry_after` of null for."""
    endless_claims_until: Version
    """The first version in which that is so; before, null means that a job in hand is never handed out again."""
    default_tries: ByVersion[int] | None
    """Attempts where ``--tries`` is not given; 0 means without limit, ``None``: not known."""
    listens_since: Version
    """The first version of the queue package whose worker hears a stop."""
    first_process: FirstProcess
    """Runs the worker, and sees to it that it comes back when it ended by design, and that a stop reaches it."""
    before_leaving: HookCommand
    """Run in the container before its first process gets the image's STOPSIGNAL."""
    startup_probe: ProbeCommand | None
    """Run in the container from its start until it succeeds; what it says when it fails: `DEAF_WORDS`."""
    asking_commands: frozenset[str]
    """
    The Redis commands of which one is the last of a worker's question for a job, or of its job, as `CLIENT LIST`
    spells them.
    """
    exit_meanings: Mapping[int, ExitMeaning]
    keys: KeyLayout
    notices: tuple[Notice, ...]
    """What its commands tell the workers by way of the cache."""
    cache_prefixes: CachePrefixes
    cache_databases: tuple[int, ...]
    """Where the cache is by default, which holds the notices; it may be where the queues are as well."""
    command_line: CommandLine
    read_header: HeaderReader

    def knows(self, option: str, version: Version | None) -> bool:
        """Tell whether the worker of that *version* knows an option, named as in `WorkerOptions`."""
        return option in self.options_since and reaches(version, self.options_since[option])

    def recycles(self, exit_code: int | None) -> bool:
        """Tell an end by design from a crash; ``None`` is the code of a worker that never ran."""
        meaning = None if exit_code is None else self.exit_meanings.get(exit_code)
        return meaning is not None and meaning.recycling
