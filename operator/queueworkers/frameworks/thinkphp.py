"""
ThinkPHP's think-queue on a Redis connection: 1 for ThinkPHP 5.0, 2 for 5.1, 3 for 6 and 8.

Sources: ``src/queue/connector/Redis.php`` and
``src/queue/command/Work.php`` of top-think/think-queue, 1.1.6 to 3.0.9.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.frameworks.base import (
    ALWAYS,
    ByVersion,
    ExitMeaning,
    Framework,
    JobHeader,
    Notice,
    list_with_sets,
    reaches,
)
from queueworkers.frameworks.payload import parse_payload
from queueworkers.frameworks.php import EXIT_MEANINGS, before_leaving, startup_probe, supervise

if TYPE_CHECKING:
    from queueworkers.frameworks.base import QueueStore, Spelling, Version, WorkerOptions

REWRITTEN = (3,)
"""The worker of 3 was written anew, after Laravel's: connections, time limits, signals."""

BRACES_SINCE = (3, 0, 5)
"""From 3.0.5 the queue name stands in braces, so that a cluster keeps a queue's keys together."""


def queue_keys(queue: str, spelling: Spelling) -> tuple[QueueStore, ...]:
    """Name a queue's keys; think-queue has no prefix of its own, a proxy in front of Redis may have one."""
    braces = reaches(spelling.version, BRACES_SINCE)
    ready = f"{spelling.prefix}{{queues:{queue}}}" if braces else f"{spelling.prefix}queues:{queue}"
    return list_with_sets(ready)


NOTICES = (Notice(name="think:queue:restart"),)
"""From ``src/queue/command/Restart.php``; there is neither a pause nor a maintenance mode."""


def cache_prefixes(*, prefix: str, cache_prefix: str | None) -> tuple[str, ...]:
    """Tell what stands before the names of the cache, which has no prefix of its own by default."""
    return (f"{prefix}{cache_prefix or ''}",)


OPTIONS_SINCE = MappingProxyType(
    {
        "queues": ALWAYS,
        "memory": ALWAYS,
        "sleep": ALWAYS,
        "tries": ALWAYS,
        "backoff": ALWAYS,
        "connection": REWRITTEN,
        "timeout": REWRITTEN,
    }
)


def command_line(options: WorkerOptions, version: Version | None) -> tuple[str, ...]:
    """
    Render `queue:work`; `--delay` is what Laravel calls backoff, with one value.

    Before 3 a worker ends after one job unless it is a daemon, which newer ones are anyway.
    """
    start = (options.connection,) if reaches(version, REWRITTEN) else ("--daemon",)
    flags = {
        "--memory": options.memory,
        "--timeout": options.timeout if reaches(version, REWRITTEN) else None,
        "--sleep": options.sleep,
        "--tries": options.tries,
        "--delay": options.backoff[0] if options.backoff else None,
    }
    return (
        "queue:work",
        *start,
        f"--queue={','.join(options.queues)}",
        *(f"{flag}={value}" for flag, value in flags.items() if value is not None),
    )


def read_header(payload: bytes) -> JobHeader | None:
    """Read a job's identity; think-queue's payloads carry no time."""
    job = parse_payload(payload)
    if job is None or "job" not in job:
        return None
    identity = job.get("id")
    return JobHeader(
        identity=identity if isinstance(identity, str) else None,
        available_at=None,
    )


# Without a script: a job that was taken is reserved by `ZADD`, so these end a question in vain; `ZREM` ends a job.
ASKING_COMMANDS = frozenset({"lpop", "blpop", "zrem"})

THINKPHP = Framework(
    name="ThinkPHP",
    console=("php", "think"),
    package="topthink/think-queue",
    newest_major=3,
    version_hint="ThinkPHP 5.0 has 1.x, 5.1 has 2.x, 6 and 8 have 3.x",
    options_since=OPTIONS_SINCE,
    several_backoffs_since=None,
    unlimited_memory_since=None,
    # Before 3 it was called `expire`.
    default_retry_after=ByVersion(first=60),
    null_retry_after=60,
    endless_claims_until=REWRITTEN,
    default_tries=ByVersion(first=0),
    listens_since=REWRITTEN,
    first_process=supervise,
    before_leaving=before_leaving,
    startup_probe=startup_probe,
    asking_commands=ASKING_COMMANDS,
    exit_meanings=MappingProxyType(
        {
            **EXIT_MEANINGS,
            0: ExitMeaning(
                words="finished by design: signal or restart; before 3.0 memory too", recycling=True
            ),
        }
    ),
    keys=queue_keys,
    notices=NOTICES,
    cache_prefixes=cache_prefixes,
    cache_databases=(0,),
    command_line=command_line,
    read_header=read_header,
)
