"""
Laravel's `queue:work` on a Redis connection.

Sources: ``src/Illuminate/Queue/RedisQueue.php`` and
``src/Illuminate/Queue/Console/WorkCommand.php`` of laravel/framework;
exit codes from ``src/Illuminate/Queue/Worker.php``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.frameworks.base import ExitMeaning, Framework, JobHeader, QueueKeys
from queueworkers.frameworks.payload import parse_count, parse_payload, parse_unix_time
from queueworkers.frameworks.php import EXIT_MEANINGS, before_leaving, startup_probe

if TYPE_CHECKING:
    from queueworkers.frameworks.base import WorkerOptions


def queue_keys(queue: str, *, prefix: str, version: tuple[int, ...] | None) -> QueueKeys:
    """
    Name a queue's keys: the same in every version on a standalone Redis.

    Braces in a cluster user's queue name are part of the name.
    """
    del version
    ready = f"{prefix}queues:{queue}"
    return QueueKeys(ready=ready, delayed=f"{ready}:delayed", reserved=f"{ready}:reserved")


def command_line(options: WorkerOptions) -> tuple[str, ...]:
    """Render `queue:work`; flags that would only restate a zero default are left out."""
    optional = {
        "--tries": options.tries,
        "--backoff": ",".join(map(str, options.backoff)) or None,
        "--rest": options.rest or None,
        "--max-jobs": options.max_jobs or None,
        "--max-time": options.max_time or None,
    }
    return (
        "queue:work",
        options.connection,
        f"--queue={','.join(options.queues)}",
        f"--memory={options.memory}",
        f"--timeout={options.timeout}",
        f"--sleep={options.sleep}",
        *(f"{flag}={value}" for flag, value in optional.items() if value is not None),
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
        available_at=_available_at(job),
        attempts=parse_count(job.get("attempts")),
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
# Before 5.3 there was no script, and `LPOP` was followed by `ZADD` where it brought a job.
ASKING_COMMANDS = frozenset({"eval", "evalsha", "blpop", "lpop"})

LARAVEL = Framework(
    name="Laravel",
    console=("php", "artisan"),
    unsupported_options=frozenset(),
    default_retry_after=90,
    default_tries=1,
    listens_since=(5, 4),
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
    command_line=command_line,
    read_header=read_header,
)
