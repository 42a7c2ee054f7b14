"""The physical floor: round trips, and the least client that there can be."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from reaction.bare_client import READY
from reaction.peers import render_workers
from reaction.sightings import Target
from reaction.trials import FIRST_JOB, Measured, Subject, react, say, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import redis

    from harness.cluster import Cluster
    from harness.redis import RedisServer
    from reaction.sightings import ApiServer, ReplicasWatch

NAMESPACE = "floor"
_SUBJECT = Subject(key="floor:queues:default", target=Target(NAMESPACE, "bare-workers"))
_SOON_SECONDS = 10.0


async def measure_floor(
    cluster: Cluster,
    server: RedisServer,
    client: redis.Redis,
    api: ApiServer,
    watch: ReplicasWatch,
    *,
    repeats: int,
) -> tuple[Measured, Sequence[float], Sequence[float]]:
    """
    Measure the bare client, and what it is made of.

    Returns:
        Its reactions; seconds of a round trip to Redis; seconds of a PATCH of a Deployment.
    """
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
    pings = [_time(client.ping) for _ in range(repeats)]
    patches = []
    for number in range(repeats):
        begun = time.monotonic()
        await api.scale(_SUBJECT.target, number % 2)
        patches.append(time.monotonic() - begun)
    measured = Measured(surrounding="1 Deployment", size=1, moving=False, load=FIRST_JOB, reactions=reactions)
    return measured, pings, patches


async def _rest(watch: ReplicasWatch) -> None:
    await wait_until(
        watch,
        lambda: watch.is_idle(_SUBJECT.target),
        what="the bare client's Deployment rests",
        seconds=_SOON_SECONDS,
    )


def _time(call: Callable[[], object]) -> float:
    begun = time.monotonic()
    call()
    return time.monotonic() - begun
