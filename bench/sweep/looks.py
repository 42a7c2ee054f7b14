"""What one look at very many queues costs both sides, with their flow and without, where changes are told and where not."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from harness.progress import say
from harness.redis import RedisServer
from measuring.table import format_table
from queueworkers.backlog.endpoint import PoolRequest, RedisEndpoint
from queueworkers.backlog.redis import RedisReader
from queueworkers.domain.backlog import Backlog
from queueworkers.domain.identity import PoolKey
from queueworkers.frameworks.base import Spelling
from queueworkers.frameworks.laravel import LARAVEL

if TYPE_CHECKING:
    from collections.abc import Sequence

DEAF = "user default on nopass ~* &* +@all -client|tracking"
"""A server that tells of no change."""
PAYLOAD_BYTES = 700
"""As a small job of an application has it."""
COMMANDS_AT_ONCE = 10_000
READINGS = 3
"""So many are averaged."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one reading of all queues."""

    wall_seconds: float
    operator_seconds: float
    server_seconds: float
    sent_megabytes: float
    """To the server."""
    received_megabytes: float

    @property
    def cells(self) -> list[str]:
        """The same, as part of a line of a table."""
        figures = (self.wall_seconds, self.operator_seconds, self.server_seconds)
        sizes = (self.sent_megabytes, self.received_megabytes)
        return [*(f"{each:.2f} s" for each in figures), *(f"{each:.1f} MB" for each in sizes)]


def measure_looks(queues: int) -> str:
    """Measure queues that are empty, that have jobs waiting, and that are at work; as a table."""
    rows = []
    for title, jobs, moving in (
        ("empty", 0, False),
        ("20 jobs each, at rest", 20, False),
        ("20 jobs each, one taken and one pushed", 20, True),
    ):
        for tells, counts_flow in ((False, False), (False, True), (True, False), (True, True)):
            with RedisServer(directives=[] if tells else [DEAF]) as server:
                cost = asyncio.run(measure(server, queues, jobs=jobs, moving=moving, counts_flow=counts_flow))
            way = "named for the next change" if tells else "only read"
            rows.append([f"{queues:,} {title}", way, "yes" if counts_flow else "no", *cost.cells])
            say(f"{queues:,} {title}, {way}: {cost.wall_seconds:.2f} s")
    header = [
        "queues",
        "keys are",
        "flow",
        "a look takes",
        "of the operator",
        "of the server",
        "sent",
        "received",
    ]
    return format_table(header, rows)


async def measure(server: RedisServer, queues: int, *, jobs: int, moving: bool, counts_flow: bool) -> Cost:
    """Read again and again, and average what each reading takes once the first is over."""
    client = redis.Redis(host=server.address, port=server.port)
    requests = [_request(number, counts_flow=counts_flow) for number in range(queues)]
    _push(client, queues, range(jobs))
    reader = RedisReader(RedisEndpoint(host=server.address, port=server.port), timeout_seconds=30.0)
    costs = []
    try:
        await reader.observe(requests)
        for turn in range(READINGS):
            if moving:
                _take(client, queues)
                _push(client, queues, [jobs + turn])
            costs.append(await _measure_one(client, reader, requests))
    finally:
        await reader.close()
        client.close()
    return Cost(*(sum(figures) / READINGS for figures in zip(*costs, strict=True)))


async def _measure_one(
    client: redis.Redis, reader: RedisReader, requests: Sequence[PoolRequest]
) -> tuple[float, ...]:
    before = _server_figures(client)
    wall, operator = time.perf_counter(), time.process_time()
    readings = await reader.observe(requests)
    wall, operator = time.perf_counter() - wall, time.process_time() - operator
    after = _server_figures(client)
    unknown = [each for each in readings.values() if not isinstance(each, Backlog)]
    if unknown:
        raise SystemExit(f"{len(unknown)} queues could not be read: {unknown[0]}")
    return (wall, operator, *(now - then for now, then in zip(after, before, strict=True)))


def _server_figures(client: redis.Redis) -> tuple[float, float, float]:
    """Processor seconds, and megabytes in and out."""
    cpu, stats = client.info("cpu"), client.info("stats")
    return (
        cpu["used_cpu_user"] + cpu["used_cpu_sys"],
        stats["total_net_input_bytes"] / 1e6,
        stats["total_net_output_bytes"] / 1e6,
    )


def _request(number: int, *, counts_flow: bool) -> PoolRequest:
    return PoolRequest(
        key=PoolKey("shop", f"pool-{number}"),
        framework=LARAVEL,
        spelling=Spelling(),
        queues=(f"q{number}",),
        database=0,
        ever_seen=True,
        counts_flow=counts_flow,
    )


def _push(client: redis.Redis, queues: int, jobs: Sequence[int]) -> None:
    pipeline = client.pipeline(transaction=False)
    for queue in range(queues):
        for number in jobs:
            job = {"job": "x", "id": f"{queue}-{number}", "data": ""}
            job["data"] = "x" * (PAYLOAD_BYTES - len(json.dumps(job)))
            pipeline.rpush(f"queues:q{queue}", json.dumps(job))
        if len(pipeline) > COMMANDS_AT_ONCE:
            pipeline.execute()
    pipeline.execute()


def _take(client: redis.Redis, queues: int) -> None:
    pipeline = client.pipeline(transaction=False)
    for queue in range(queues):
        pipeline.lpop(f"queues:q{queue}")
    pipeline.execute()
