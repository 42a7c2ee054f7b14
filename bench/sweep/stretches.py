"""What it costs to follow very many pools for a while, and how soon a change is known, told and polled."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from harness.progress import say
from harness.redis import RedisServer
from measuring.pools import QUEUES, key_of, name_of, prefix_of
from measuring.quantiles import median, quantile
from measuring.table import format_table
from measuring.traffic import Traffic
from queueworkers.api.spec import InvalidSpec, parse_spec
from queueworkers.api.status import QueueWorkerPoolStatus, SourceStatus
from queueworkers.backlog.redis import RedisReader
from queueworkers.domain.backlog import Backlog
from queueworkers.domain.identity import PoolIdentity, PoolKey
from queueworkers.domain.pool import Pool
from queueworkers.domain.report import describe_source
from queueworkers.engine.observer import BacklogObserver
from sweep.looks import DEAF

if TYPE_CHECKING:
    from collections.abc import Callable

    from queueworkers.api.spec import QueueWorkerPoolSpec

MOVING = (0.0, 0.01, 0.1)
"""Parts of the queues that change each second."""

STRETCH_SECONDS = 20.0
SETTLING_SECONDS = 5.0
PUSHES = 40
SECONDS_BETWEEN_PUSHES = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One while."""

    operator_cores: float
    server_cores: float
    commands: float
    """A second."""
    delays: list[float]
    """From a push into an empty queue until the pool's reading has it, in seconds."""

    @property
    def cells(self) -> list[str]:
        """The same, as part of a line of a table."""
        return [
            f"{self.operator_cores:.3f}",
            f"{self.server_cores:.3f}",
            f"{self.commands:,.0f}",
            f"{1e3 * median(self.delays):.0f} ms",
            f"{1e3 * quantile(self.delays, 0.99):.0f} ms",
        ]


def measure_stretches(pools: int) -> str:
    """Follow *pools*, three queues each, at rest and while some move; as a table."""
    rows = []
    for tells in (True, False):
        with RedisServer(directives=[] if tells else [DEAF]) as server:
            stretches = asyncio.run(_follow(server, pools, told=tells))
        for part, stretch in stretches.items():
            title = f"{part:.0%} of the queues change each second" if part else "at rest"
            rows.append([title, "Push" if tells else "Poll", *stretch.cells])
    header = [
        f"{pools:,} pools, {pools * len(QUEUES):,} queues",
        "way",
        "cores of the operator",
        "of the server",
        "commands a second",
        "seen after, p50",
        "p99",
    ]
    return format_table(header, rows)


class _Sightings:
    """When each pool was last seen to be another."""

    def __init__(self) -> None:
        self.times: dict[PoolKey, float] = {}
        self._something = asyncio.Event()

    def note(self, key: PoolKey) -> None:
        """Note that one is, now."""
        self.times[key] = time.perf_counter()
        self._something.set()

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until what was noted satisfies *condition*."""
        while not condition():
            self._something.clear()
            await self._something.wait()


async def _follow(server: RedisServer, pools: int, *, told: bool) -> dict[float, Stretch]:
    seen = _Sightings()
    observer = BacklogObserver(
        _NoSecrets(),
        connect=lambda endpoint, changed: RedisReader(endpoint, changed=changed, timeout_seconds=30.0),
        changed=seen.note,
        jobs_came=seen.note,
    )
    client = redis.Redis(host=server.address, port=server.port)
    running = asyncio.create_task(observer.run())
    try:
        followed = [_pool(number, server) for number in range(pools)]
        for pool, spec in followed:
            observer.follow(pool, spec)
        await seen.wait_for(lambda: len(seen.times) == pools)
        reading = observer.follow(*followed[0])
        way = reading.followed_by if isinstance(reading, Backlog) else reading
        say(f"{pools:,} pools are followed: {way}")
        if not isinstance(reading, Backlog) or (reading.followed_by == "Push") is not told:
            raise SystemExit(f"they should be {'told' if told else 'polled'}")
        return {part: await _measure(client, pools, seen, part) for part in MOVING}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        client.close()


async def _measure(client: redis.Redis, pools: int, seen: _Sightings, part: float) -> Stretch:
    with Traffic(client, pools=pools, part=part):
        await asyncio.sleep(SETTLING_SECONDS)
        wall, cpu, server = time.perf_counter(), time.process_time(), _server_figures(client)
        await asyncio.sleep(STRETCH_SECONDS)
        passed = time.perf_counter() - wall
        cores = (time.process_time() - cpu) / passed
        after = _server_figures(client)
        delays = [await _push(client, pools - 1 - number, seen) for number in range(PUSHES)]
    await asyncio.sleep(SETTLING_SECONDS)
    return Stretch(
        operator_cores=cores,
        server_cores=(after[0] - server[0]) / passed,
        commands=(after[1] - server[1]) / passed,
        delays=delays,
    )


async def _push(client: redis.Redis, number: int, seen: _Sightings) -> float:
    key = _key(number)
    began = time.perf_counter()
    client.rpush(key_of(number, QUEUES[0]), "x")
    await seen.wait_for(lambda: seen.times[key] >= began)
    client.delete(key_of(number, QUEUES[0]))
    await asyncio.sleep(SECONDS_BETWEEN_PUSHES)
    return seen.times[key] - began


def _server_figures(client: redis.Redis) -> tuple[float, int]:
    """Processor seconds, and commands."""
    cpu, stats = client.info("cpu"), client.info("stats")
    return cpu["used_cpu_user"] + cpu["used_cpu_sys"], stats["total_commands_processed"]


def _key(number: int) -> PoolKey:
    return PoolKey("shop", name_of(number))


def _pool(number: int, server: RedisServer) -> tuple[Pool, QueueWorkerPoolSpec]:
    spec = parse_spec(
        {
            "framework": "Laravel",
            "image": "registry.example/shop:1",
            "queues": list(QUEUES),
            "redis": {"host": server.address, "port": server.port, "prefix": prefix_of(number)},
        }
    )
    if isinstance(spec, InvalidSpec):
        raise SystemExit(str(spec))
    identity = PoolIdentity(key=_key(number), uid=name_of(number))
    # Jobs were seen there once: otherwise each would be looked for elsewhere first.
    source = SourceStatus(address=describe_source(identity, spec), first_job_time="2026-01-01T00:00:00Z")
    pool = Pool(
        identity=identity,
        generation=1,
        spec={},
        status=QueueWorkerPoolStatus(source=source),
        restart_annotation=None,
        deleting=False,
    )
    return pool, spec


class _NoSecrets:
    async def observe_secret(self, _namespace: str, _name: str) -> None:
        """There is none."""
