"""
ThinkPHP's think-queue 3 on a Redis connection.

Sources: ``src/queue/connector/Redis.php`` and
``src/queue/command/Work.php`` of top-think/think-queue.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.frameworks.base import ExitMeaning, Framework, JobHeader, QueueKeys
from queueworkers.frameworks.payload import parse_count, parse_payload
from queueworkers.frameworks.php import EXIT_MEANINGS, before_leaving, startup_probe

if TYPE_CHECKING:
    from queueworkers.frameworks.base import Spelling, WorkerOptions

BRACES_SINCE = (3, 0, 5)
"""From 3.0.5 the queue name stands in braces, so that a cluster keeps a queue's keys together."""


def queue_keys(queue: str, spelling: Spelling) -> QueueKeys:
    """Name a queue's keys; think-queue has no prefix of its own, a proxy in front of Redis may have one."""
    braces = spelling.version is None or spelling.version >= BRACES_SINCE
    ready = f"{spelling.prefix}{{queues:{queue}}}" if braces else f"{spelling.prefix}queues:{queue}"
    return QueueKeys(ready=ready, delayed=f"{ready}:delayed", reserved=f"{ready}:reserved")


SIGNAL = "think:queue:restart"
"""The cache's key, from ``src/queue/command/Restart.php``; the value is a unix time."""


def signal_keys(*, prefix: str, cache_prefix: str | None) -> tuple[str, ...]:
    """Name the key at which `queue:restart` leaves its time; the cache has no prefix by default."""
    return (f"{prefix}{cache_prefix or ''}{SIGNAL}",)


def command_line(options: WorkerOptions) -> tuple[str, ...]:
    """Render `queue:work`; `--delay` is what Laravel calls backoff, with one value."""
    arguments = [
        "queue:work",
        options.connection,
        f"--queue={','.join(options.queues)}",
        f"--memory={options.memory}",
        f"--timeout={options.timeout}",
        f"--sleep={options.sleep}",
    ]
    if options.tries is not None:
        arguments.append(f"--tries={options.tries}")
    if options.backoff:
        arguments.append(f"--delay={options.backoff[0]}")
    return tuple(arguments)


def read_header(payload: bytes) -> JobHeader | None:
    """Read a job's identity; think-queue's payloads carry no time."""
    job = parse_payload(payload)
    if job is None or "job" not in job:
        return None
    identity = job.get("id")
    return JobHeader(
        identity=identity if isinstance(identity, str) else None,
        available_at=None,
        attempts=parse_count(job.get("attempts")),
    )


# Without a script: a job that was taken is reserved by `ZADD`, so these end a question in vain; `ZREM` ends a job.
ASKING_COMMANDS = frozenset({"lpop", "blpop", "zrem"})

THINKPHP = Framework(
    name="ThinkPHP",
    console=("php", "think"),
    unsupported_options=frozenset({"rest", "max_jobs", "max_time"}),
    default_retry_after=60,
    default_tries=0,
    listens_since=(3,),
    before_leaving=before_leaving,
    startup_probe=startup_probe,
    asking_commands=ASKING_COMMANDS,
    exit_meanings=MappingProxyType(
        {
            **EXIT_MEANINGS,
            0: ExitMeaning(words="finished by design: signal or restart", recycling=True),
        }
    ),
    keys=queue_keys,
    signal_keys=signal_keys,
    cache_databases=(0,),
    command_line=command_line,
    read_header=read_header,
)
