"""Pushing jobs, and waiting for the workers that are asked for because of them."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from measuring.pools import JOB

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import redis

    from reaction.sightings import ReplicasWatch, Target

JOBS_PER_WORKER = 10

GIVE_UP_SECONDS = 300.0
REST_SECONDS = 60.0
"""A pool whose jobs are gone is back at no workers within that time."""
AT_REST_SECONDS = 1.2
"""So long after its last change a pool is at rest for this operator, as for whoever looks once a second."""

ASIDE_SECONDS = 3.0
"""So long after many workers left, their pods are being cleared away, which takes all the processors there are."""
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One queue, and the Deployment of those who work on it."""

    key: str
    """Of Redis."""
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What followed one push."""

    first_seconds: float
    """Until a worker was asked for where there was none."""
    goal_seconds: float
    """Until as many were asked for as the jobs need."""
    changes: int
    """So often was the number changed until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The reactions to one kind of push, in one surrounding."""

    surrounding: str
    size: int
    """Pools, or objects of another autoscaler."""
    moving: bool
    """Whether other queues moved meanwhile."""
    load: Load
    reactions: Sequence[Reaction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is pushed, and what it asks for."""

    kind: str
    jobs: int
    workers: int
    push: Callable[[redis.Redis, str, int], None]


def push_at_once(client: redis.Redis, key: str, jobs: int) -> None:
    """Push with one command."""
    client.rpush(key, *(JOB % number for number in range(jobs)))


def push_one_by_one(client: redis.Redis, key: str, jobs: int) -> None:
    """Push with one command for each job, sent together, as an application that dispatches many does."""
    pipeline = client.pipeline(transaction=False)
    for number in range(jobs):
        pipeline.rpush(key, JOB % number)
    pipeline.execute()


FIRST_JOB = Load(kind="1 job", jobs=1, workers=1, push=push_at_once)
MANY_JOBS = Load(kind="500 jobs, one RPUSH", jobs=500, workers=500 // JOBS_PER_WORKER, push=push_at_once)
MANY_PUSHES = Load(kind="500 jobs, 500 RPUSH", jobs=500, workers=500 // JOBS_PER_WORKER, push=push_one_by_one)


async def react(
    client: redis.Redis,
    watch: ReplicasWatch,
    subject: Subject,
    load: Load,
) -> Reaction:
    """
    Push a load, and wait until as many workers are asked for as it needs.

    The clock starts just before the push is sent and stops when the watch has told of the
    Deployment, so the API server's own time is in it, and that of both networks.

    Raises:
        TimeoutError: they were not asked for.
    """
    with watch.following(subject.target) as sightings:
        begun = time.monotonic_ns()
        load.push(client, subject.key, load.jobs)
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                reached = await sightings.above(load.workers - 1)
        except TimeoutError:
            watch.check()
            raise TimeoutError(
                f"{subject.target.name}: {load.workers} workers were not asked for within {GIVE_UP_SECONDS:.0f} s"
                f" of {load.jobs} jobs, but {sightings.seen}"
            ) from None
        first = sightings.first_above(0) or reached
        return Reaction(
            first_seconds=(first - begun) / 1e9,
            goal_seconds=(reached - begun) / 1e9,
            changes=sum(at <= reached for at, _ in sightings.seen),
        )


async def repeat(
    client: redis.Redis,
    watch: ReplicasWatch,
    subjects: Sequence[Subject],
    load: Load,
    *,
    times: int,
    within_seconds: float,
    label: str,
) -> list[Reaction]:
    """
    Let one subject after the other react, each from rest, at moments that nobody can foresee.

    Args:
        client: The Redis.
        watch: Of all Deployments.
        subjects: To take turns.
        load: What is pushed.
        times: How often.
        within_seconds: Each push comes at a random moment of a span so long, which must be as long as
            the longest period of the one that reacts: else its phase would be in the figures.
        label: Told on the terminal meanwhile.
    """
    chance = random.Random(label)
    reactions = []
    for number in range(times):
        subject = subjects[number % len(subjects)]
        await rest(watch, [subject])
        await asyncio.sleep(AT_REST_SECONDS + chance.uniform(0.0, within_seconds))
        reactions.append(await react(client, watch, subject, load))
        client.delete(subject.key)
        if load.workers > 1:
            # The making of so many pods, and the end of them, is not part of the next figure.
            await rest(watch, [subject])
            await asyncio.sleep(ASIDE_SECONDS)
        if (number + 1) % 25 == 0:
            say(f"{label}: {number + 1} of {times}")
    return reactions


async def rest(watch: ReplicasWatch, subjects: Sequence[Subject], *, seconds: float = REST_SECONDS) -> None:
    """Wait until they have no workers and want none."""
    await wait_until(
        watch,
        lambda: all(watch.is_idle(each.target) for each in subjects),
        what=f"{subjects[0].target.name} rests",
        seconds=seconds,
    )


async def wait_until(
    watch: ReplicasWatch, satisfied: Callable[[], bool], *, what: str, seconds: float
) -> None:
    """
    Wait for what the watch will show.

    Raises:
        TimeoutError: it has not shown it.
    """
    deadline = time.monotonic() + seconds
    while not satisfied():
        watch.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not so within {seconds:.0f} s")
        await asyncio.sleep(_LOOK_SECONDS)


def say(message: str) -> None:
    """Tell whoever waits for the table."""
    print(f"bench-reaction: {message}", file=sys.stderr, flush=True)
