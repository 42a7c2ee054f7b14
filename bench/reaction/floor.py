"""The physical floor: round trips, and the least client that there can be."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reaction.bare_client import READY
from reaction.peers import render_workers
from reaction.sightings import Target
from reaction.trials import FIRST_JOB, Subject, react, say, wait_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    import redis

    from harness.cluster import Cluster
    from harness.redis import RedisServer
    from reaction.sightings import ApiServer, ReplicasWatch
    from reaction.trials import Reaction

NAMESPACE = "floor"
_SUBJECT = Subject(key="floor:queues:default", target=Target(NAMESPACE, "bare-workers"))
_SOON_SECONDS = 10.0
_PAUSE_SECONDS = 0.1
"""After a PATCH the controllers have work, and those that watch; the next one is not to wait for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What nobody can do without, in seconds."""

    reactions: Sequence[Reaction]
    """The bare client's."""
    pings: list[float] = field(default_factory=list)
    """Of a round trip to Redis."""
    merges: list[float] = field(default_factory=list)
    """Of the least PATCH of a Deployment, a merge."""
    applies: list[float] = field(default_factory=list)
    """Of the same PATCH in the way of this operator, applied on the server's side."""


async def measure_floor(
    cluster: Cluster,
    server: RedisServer,
    client: redis.Redis,
    api: ApiServer,
    watch: ReplicasWatch,
    *,
    repeats: int,
) -> Floor:
    """Measure the bare client, and what it is made of."""
    say("measuring the floor")
    await api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    await api.create(
        f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", render_workers("bare-workers", paused=True)
    )
    await _rest(watch)
    arguments = (
        str(cluster.kubeconfig),
        *_SUBJECT.target,
        "1",
        server.address,
        str(server.port),
        _SUBJECT.key,
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "reaction.bare_client", *arguments), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        if (await process.stdout.readline()).decode().strip() != READY:
            raise RuntimeError("the bare client does not follow Redis")
        reactions = []
        for _ in range(repeats):
            reactions.append(await react(client, watch, _SUBJECT, FIRST_JOB))
            await api.scale(_SUBJECT.target, 0)
            await _rest(watch)
    finally:
        process.terminate()
        await process.wait()
        # A queue of nobody's would be there for whoever is measured next.
        client.delete(_SUBJECT.key)
    floor = Floor(reactions=reactions)
    for _ in range(repeats):
        floor.pings.append(_time_ping(client))
        await asyncio.sleep(_PAUSE_SECONDS)
        # Each another number, as what changes nothing is not written.
        floor.merges.append(await _time(api.scale(_SUBJECT.target, 1)))
        await asyncio.sleep(_PAUSE_SECONDS)
        floor.applies.append(await _time(api.apply_scale(_SUBJECT.target, 0)))
    return floor


async def _rest(watch: ReplicasWatch) -> None:
    await wait_until(
        watch,
        lambda: watch.is_idle(_SUBJECT.target),
        what="the bare client's Deployment rests",
        seconds=_SOON_SECONDS,
    )


async def _time(work: Awaitable[object]) -> float:
    begun = time.monotonic()
    await work
    return time.monotonic() - begun


def _time_ping(client: redis.Redis) -> float:
    begun = time.monotonic()
    client.ping()
    return time.monotonic() - begun
