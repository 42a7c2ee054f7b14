"""
Any other worker: the pool itself declares its command line, and the keys of its queues.

Nothing is known here but what the pool says, so there is no probe and no
restart signal.  A worker that PHP runs, such as Symfony's, has the supervisor
that all PHP workers have; any other is the container's first process, as its
image has it.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.frameworks import php
from queueworkers.frameworks.base import ALWAYS, ExitMeaning, Framework, JobHeader
from queueworkers.frameworks.payload import parse_moment, parse_payload
from queueworkers.frameworks.php import find_interpreter, supervise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from queueworkers.frameworks.base import AfterCrash, QueueStore, Spelling, Version, WorkerOptions

QUEUE = "$(queue)"
"""Stands for a queue's name in a declared key.  Not braces, which mean a slot on a cluster."""


def queue_keys(queue: str, spelling: Spelling) -> tuple[QueueStore, ...]:
    """Fill in the declared keys; one that does not name the queue is the same for all queues."""
    return tuple(
        replace(store, key=f"{spelling.prefix}{store.key.replace(QUEUE, queue)}")
        for store in spelling.declared
    )


def cache_prefixes(*, prefix: str, cache_prefix: str | None) -> tuple[str, ...]:
    """Know of none, as there are no notices."""
    del prefix, cache_prefix
    return ()


def first_process(
    console: tuple[str, ...], *, meanings: Mapping[int, ExitMeaning], after_crash: AfterCrash
) -> tuple[str, ...]:
    """Have a worker that PHP runs supervised; run any other as it is."""
    if find_interpreter(console) is None:
        return console
    return supervise(console, meanings=meanings, after_crash=after_crash, recognisable=False)


def before_leaving(console: tuple[str, ...]) -> tuple[str, ...] | None:
    """Wait for the supervisor, where there is one."""
    return None if find_interpreter(console) is None else php.before_leaving(console)


def command_line(options: WorkerOptions, version: Version | None) -> tuple[str, ...]:
    """Add nothing: the pool's command is the whole command line."""
    del options, version
    return ()


ENQUEUED_AT = "enqueued_at"
"""The field in which Sidekiq, and what was made after it, notes when a job was put into its queue, anew each time."""


def read_header(payload: bytes) -> JobHeader | None:
    """Read since when a job waits, where it says so; what lies in the list may as well be an id, or anything."""
    job = parse_payload(payload)
    if job is None:
        return None
    return JobHeader(identity=None, available_at=parse_moment(job.get(ENQUEUED_AT)))


# Those that wait for a job.  An idle worker of Celery, RQ, BullMQ or Sidekiq was seen to block in one of them; in the
# middle of a job it was the last command of that connection, or the connection was gone.
ASKING_COMMANDS = frozenset({"blmove", "blmpop", "blpop", "brpop", "brpoplpush", "bzpopmin", "xreadgroup"})

CUSTOM = Framework(
    name="Custom",
    console=(),
    package="",
    options_since=MappingProxyType({}),
    several_backoffs_since=None,
    unlimited_memory_since=None,
    default_retry_after=None,
    null_retry_after=0,
    endless_claims_until=ALWAYS,
    default_tries=None,
    listens_since=ALWAYS,
    first_process=first_process,
    before_leaving=before_leaving,
    startup_probe=None,
    asking_commands=ASKING_COMMANDS,
    exit_meanings=MappingProxyType(
        {
            0: ExitMeaning(words="ended by itself", recycling=True),
            137: ExitMeaning(
                words="killed: out of memory, or still at work when its grace period was over",
                recycling=False,
            ),
            143: ExitMeaning(words="ended at once by SIGTERM, its job unfinished", recycling=False),
        }
    ),
    keys=queue_keys,
    notices=(),
    cache_prefixes=cache_prefixes,
    cache_databases=(),
    command_line=command_line,
    read_header=read_header,
)
