"""
Laravel's `queue:work` on a Redis connection.

Sources: ``src/Illuminate/Queue/RedisQueue.php`` and
``src/Illuminate/Queue/Console/WorkCommand.php`` of laravel/framework;
exit codes from ``src/Illuminate/Queue/Worker.php``.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.frameworks.base import (
    ALWAYS,
    ByVersion,
    ExitMeaning,
    Framework,
    Hold,
    JobHeader,
    Notice,
    list_with_sets,
    reaches,
)
from queueworkers.frameworks.payload import parse_count, parse_payload, parse_unix_time
from queueworkers.frameworks.php import EXIT_MEANINGS, before_leaving, startup_probe, supervise

if TYPE_CHECKING:
    from queueworkers.frameworks.base import QueueStore, Spelling, Version, WorkerOptions


BRACES_SINCE = (13, 5)
"""From 13.5.0 a connection to a cluster puts a queue's name in braces, unless it has some, so that its keys are in one slot."""


def queue_keys(queue: str, spelling: Spelling) -> tuple[QueueStore, ...]:
    """
    Name a queue's keys: the same in every version, but for the braces that newer ones add on a cluster.

    Braces in a cluster user's queue name are part of the name.
    """
    braces = spelling.clustered and reaches(spelling.version, BRACES_SINCE)
    name = f"{{{queue}}}" if braces and not re.search(r"\{[^}]+\}", queue) else queue
    ready = f"{spelling.prefix}queues:{name}"
    return list_with_sets(ready)


NOTICES = (
    Notice(name="illuminate:queue:restart"),
    Notice(name="illuminate:foundation:down", since=(9,), hold=Hold.MAINTENANCE),
    Notice(name="illuminate:queue:paused:{connection}:{queue}", since=(12, 40), hold=Hold.PAUSED),
    Notice(name="illuminate:queues:paused", since=(13, 25), hold=Hold.PAUSED),
)
"""
From ``Queue/Console/RestartCommand.php``, ``Foundation/MaintenanceModeManager.php`` and ``Queue/QueueManager.php``.

Maintenance mode is in the cache only where ``APP_MAINTENANCE_DRIVER`` says so, in the one that
``APP_MAINTENANCE_STORE`` names; else it is a file in each pod.
"""

_CACHE_PREFIXES = ("{name}_cache:", "{name}_cache_:", "{name}_cache_", "{name}-cache-", "{name}_cache")
"""
How ``config/cache.php`` spells its prefix, and what becomes of it.

Until 10 the framework itself puts a colon behind it.  New applications have
``shop_cache`` until 8, ``shop_cache_`` from 9.0.1 and ``shop-cache-`` from 12.1;
as an application keeps its configuration, each meets each framework.
"""

_DEFAULT_NAME = "laravel"
"""``APP_NAME`` of an application that was not given one."""


def cache_prefixes(*, prefix: str, cache_prefix: str | None) -> tuple[str, ...]:
    """
    List what may stand before the names of the cache.

    The prefixes of Redis and of the cache are both made from ``APP_NAME`` by
    default, so the one tells the other: ``shop_database_`` goes with ``shop_cache_``.
    """
    if cache_prefix is None:
        guesses = ("", *(each.format(name=name) for name in _names(prefix) for each in _CACHE_PREFIXES))
    else:
        # An empty one gets no colon in any version.
        guesses = (cache_prefix, f"{cache_prefix}:") if cache_prefix else ("",)
    return tuple(f"{prefix}{each}" for each in guesses)


def _names(prefix: str) -> tuple[str, ...]:
    """What ``APP_NAME`` may be, in the spellings that stand in keys."""
    derived = re.fullmatch(r"(.+)[_-]database[_-]", prefix)
    if derived:
        name = derived[1]
        return tuple(dict.fromkeys((name, name.replace("_", "-"), name.replace("-", "_"))))
    return tuple(dict.fromkeys(filter(None, (prefix.rstrip(":_-"), _DEFAULT_NAME))))


OPTIONS_SINCE = MappingProxyType(
    {
        "connection": ALWAYS,
        "queues": ALWAYS,
        "memory": ALWAYS,
        "sleep": ALWAYS,
        "tries": ALWAYS,
        "backoff": ALWAYS,
        "timeout": (5, 3),
        "max_jobs": (8,),
        "max_time": (8,),
        "rest": (8, 32),
    }
)
"""From ``WorkCommand.php`` of every version since 5.0."""

BACKOFF_SINCE = (8,)
"""Before it was `--delay`, with one value."""

DAEMON_UNTIL = (5, 3)
"""Before, a worker ends after one job unless it is told to go on; since then the flag says nothing."""


def command_line(options: WorkerOptions, version: Version | None) -> tuple[str, ...]:
    """Render `queue:work`; flags that would only restate a zero default are left out."""
    flags = {
        "memory": ("memory", options.memory),
        "timeout": ("timeout", options.timeout),
        "sleep": ("sleep", options.sleep),
        "tries": ("tries", options.tries),
        "backoff": (
            "backoff" if reaches(version, BACKOFF_SINCE) else "delay",
            ",".join(map(str, options.backoff)) or None,
        ),
        "rest": ("rest", options.rest or None),
        "max_jobs": ("max-jobs", options.max_jobs or None),
        "max_time": ("max-time", options.max_time or None),
    }
    return (
        "queue:work",
        options.connection,
        *(() if reaches(version, DAEMON_UNTIL) else ("--daemon",)),
        f"--queue={','.join(options.queues)}",
        *(
            f"--{flag}={value}"
            for option, (flag, value) in flags.items()
            if value is not None and LARAVEL.knows(option, version)
        ),
    )


def read_header(payload: bytes) -> JobHeader | None:
    """
    Read a job's identity and since when it could have been taken.

    Horizon writes ``pushedAt``, Laravel from 12.11.0 ``createdAt`` and
    ``delay``; older payloads carry no time.
    """
    job = parse_payload(payload)
    if job is None or "job" not in job:
        return None
    identity = job.get("id") or job.get("uuid")
    return JobHeader(
        identity=identity if isinstance(identity, str) else None,
        # The first attempt was 1 before 5.4, which knew no times.
        available_at=None if parse_count(job.get("attempts")) else _available_at(job),
    )


def _available_at(job: dict[str, object]) -> datetime | None:
    pushed = parse_unix_time(job.get("pushedAt")) or parse_unix_time(job.get("createdAt"))
    if pushed is None:
        return None
    try:
        return pushed + timedelta(seconds=parse_count(job.get("delay")))
    except OverflowError:
        return None


# One script takes a job and reserves it; with `block_for` an empty queue is waited for.
# Before 5.3 there was no script, and `LPOP` was followed by `ZADD` where it brought a job.  `ZREM` ends a job.
ASKING_COMMANDS = frozenset({"eval", "evalsha", "blpop", "lpop", "zrem"})

LARAVEL = Framework(
    name="Laravel",
    console=("php", "artisan"),
    package="laravel/framework",
    prefix_hint="options.prefix in config/database.php (REDIS_PREFIX), such as laravel_database_ or laravel-database-",
    options_since=OPTIONS_SINCE,
    several_backoffs_since=BACKOFF_SINCE,
    unlimited_memory_since=(13, 20),
    # Before 5.3 it was called `expire`.
    default_retry_after=ByVersion(first=60, changes=(((5, 3), 90),)),
    null_retry_after=60,
    endless_claims_until=(5, 5),
    default_tries=ByVersion(first=0, changes=(((6,), 1),)),
    listens_since=(5, 4),
    first_process=supervise,
    before_leaving=before_leaving,
    startup_probe=startup_probe,
    asking_commands=ASKING_COMMANDS,
    exit_meanings=MappingProxyType(
        {
            **EXIT_MEANINGS,
            0: ExitMeaning(words="finished by design: signal, restart, max jobs or max time", recycling=True),
            131: ExitMeaning(
                words="ended at once by SIGQUIT, its job unfinished: the image sets STOPSIGNAL",
                recycling=False,
            ),
        }
    ),
    keys=queue_keys,
    notices=NOTICES,
    cache_prefixes=cache_prefixes,
    cache_databases=(0, 1),
    command_line=command_line,
    read_header=read_header,
)
