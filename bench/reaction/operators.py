"""This operator's reactions, among more and more pools."""

from __future__ import annotations

import time
from contextlib import nullcontext
from math import ceil
from typing import TYPE_CHECKING

from harness.pools import on_fake_node
from measuring.pools import create_pools, key_of, name_of, namespace_of
from measuring.traffic import Traffic
from reaction.sightings import Target
from reaction.trials import (
    FIRST_JOB,
    JOBS_PER_WORKER,
    MANY_JOBS,
    MANY_PUSHES,
    Measured,
    Subject,
    repeat,
    say,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import redis

    from harness.cluster import Cluster
    from harness.redis import RedisServer
    from reaction.sightings import ReplicasWatch

CHURN = 0.01
"""So large a part of the queues moves each second."""

PERIOD_SECONDS = 1.0
"""What a pool's `pollingIntervalSeconds` is by default, and so the longest that the operator looks away."""

QUIET_SECONDS = 3.0
CREATION_SECONDS = 1800.0
PUSHES = {FIRST_JOB: 1.0, MANY_JOBS: 0.2, MANY_PUSHES: 0.2}
"""The share of the repeats that each load is pushed: fifty pods take ten seconds to come and go."""

MOVING_SHARE = 0.34
"""The same while queues move."""

SPEC = on_fake_node(
    {
        "scaling": {
            "minReplicas": 0,
            "maxReplicas": MANY_JOBS.workers,
            "backlogPerWorker": JOBS_PER_WORKER,
            # Only so that a pool soon rests again and can be measured again: neither delays workers that are added.
            "cooldownSeconds": 0,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        }
    }
)


async def measure_operator(
    cluster: Cluster,
    server: RedisServer,
    client: redis.Redis,
    watch: ReplicasWatch,
    *,
    pools: int,
    repeats: int,
) -> AsyncIterator[Measured]:
    """Bring the cluster to so many pools, wait for silence, and push: at rest, and while some queues move."""
    say(f"making {pools:,} pools")
    await create_pools(cluster.kubeconfig, range(pools), redis=(server.address, server.port), spec=SPEC)
    await wait_until(
        watch,
        lambda: watch.count() >= pools and time.monotonic() - watch.heard_at > QUIET_SECONDS,
        what=f"{pools:,} pools have Deployments, and nothing moves",
        seconds=CREATION_SECONDS,
    )
    # The last ones: those that move are the first.
    subjects = [subject_of(number) for number in reversed(range(pools))][: max(pools // 2, 1)]
    for moves in (False, True) if pools * CHURN >= 1 else (False,):
        surrounding = f"{pools:,} pool{'s' * (pools > 1)}, {'1 % of the queues move' if moves else 'at rest'}"
        with Traffic(client, pools=pools, part=CHURN) if moves else nullcontext():
            if moves:
                await wait_until(
                    watch,
                    lambda: not any(watch.is_idle(each.target) for each in busy(pools)),
                    what="the pools whose queues move have a worker",
                    seconds=CREATION_SECONDS,
                )
            for load, share in PUSHES.items():
                reactions = await repeat(
                    client,
                    watch,
                    subjects,
                    load,
                    times=ceil(repeats * share * (MOVING_SHARE if moves else 1.0)),
                    within_seconds=PERIOD_SECONDS,
                    label=f"{surrounding}, {load.kind}",
                )
                yield Measured(
                    surrounding=surrounding, size=pools, moving=moves, load=load, reactions=reactions
                )


def subject_of(number: int) -> Subject:
    """Name one pool's queue that jobs are pushed to."""
    return Subject(
        key=key_of(number, "default"), target=Target(namespace_of(number), f"{name_of(number)}-workers")
    )


def busy(pools: int) -> Iterator[Subject]:
    """Name the pools all of whose queues move."""
    return (subject_of(number) for number in range(int(pools * CHURN)))
