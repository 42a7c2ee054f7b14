"""
``python -m scrape [POOLS]``: scrape the metrics of 10,000 pools, and print what it costs.

The pools are told as after a look at each, with three queues and some history; the server is the
operator's own, and whoever scrapes it is another process.  Meanwhile the event loop of this process notes each
millisecond how late it is.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import TYPE_CHECKING

from queueworkers.api.spec import QueueWorkerPoolSpec, parse_spec
from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.domain.backlog import Backlog, QueueBacklog, Wait
from queueworkers.domain.decision import decide
from queueworkers.domain.identity import PoolIdentity, PoolKey
from queueworkers.domain.observation import Observation
from queueworkers.domain.report import report
from queueworkers.domain.scaling import History
from queueworkers.domain.verdict import Situation
from queueworkers.telemetry.pools import PoolBook
from queueworkers.telemetry.process import Instruments
from queueworkers.telemetry.server import TelemetryServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRAPES = 5
QUEUES = ("high", "default", "low")


def a_situation(now: datetime) -> Situation:
    """A new pool with jobs in each queue."""
    spec = parse_spec(
        {
            "framework": "Laravel",
            "image": "registry.example/shop:1",
            "queues": list(QUEUES),
            "redis": {"host": "redis"},
            "scaling": {"minReplicas": 0, "maxReplicas": 20},
        }
    )
    if not isinstance(spec, QueueWorkerPoolSpec):
        raise TypeError(spec)
    queues = tuple(
        QueueBacklog(
            name=name,
            ready=12,
            delayed=7,
            due=2,
            reserved=4,
            expired=1,
            oldest=Wait(now - timedelta(seconds=9)),
        )
        for name in QUEUES
    )
    observation = Observation(
        reading=Backlog(queues=queues, read_at=now), workers=None, restart_annotation=None
    )
    pool = PoolIdentity(key=PoolKey("team", "pool"), uid="1")
    decision = decide(pool, spec, observation, History(watching_since=now), now=now)
    return Situation(
        spec=spec,
        observation=observation,
        decision=decision,
        rollout=decision.rollout,
        refusal=None,
        explanation="",
    )


def fill(book: PoolBook, pools: int) -> float:
    """Note a look at each of so many pools; return the microseconds that each took."""
    now, nothing = datetime.now(tz=UTC), QueueWorkerPoolStatus()
    situation = a_situation(now)
    identity = PoolIdentity(key=PoolKey("team", "pool"), uid="1")
    status = report(identity, situation, generation=1, previous=nothing, now=now)
    began = time.perf_counter()
    for number in range(pools):
        key = PoolKey(f"team-{number % 200}", f"pool-{number:05}")
        book.saw(replace(identity, key=key), status, situation, workers_before=0, told=nothing)
    return (time.perf_counter() - began) / pools * 1e6


async def lateness(until: asyncio.Future[tuple[bytes, bytes]]) -> list[float]:
    """Note how late the event loop is, in milliseconds, until something is done."""
    late = []
    while not until.done():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        late.append((time.perf_counter() - began - 0.001) * 1e3)
    return late


async def scrape(port: int) -> tuple[float, int, list[float]]:
    """Scrape as Prometheus does; return the seconds, the bytes sent, and how late the loop was."""
    began = time.perf_counter()
    asking = await asyncio.create_subprocess_exec(
        "curl",
        "--silent",
        "--header",
        "Accept-Encoding: gzip",
        f"http://127.0.0.1:{port}/metrics",
        stdout=subprocess.PIPE,
    )
    answer = asyncio.ensure_future(asking.communicate())
    late = await lateness(answer)
    content, _ = await answer
    return time.perf_counter() - began, len(content), late


def resident_mib() -> float:
    """Tell the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def measure(pools: int) -> None:
    """Fill a book, scrape it, and print the figures."""
    book, instruments = PoolBook(), Instruments()
    before = resident_mib()
    each = fill(book, pools)
    print(f"{pools:,} pools noted: {each:.0f} µs each, {resident_mib() - before:.0f} MiB")
    began = time.perf_counter()
    text = [page.encode() for page in book.pages(now=time.time())]
    longest = max(map(len, text))
    print(
        f"written down in {time.perf_counter() - began:.2f} s: {sum(map(len, text)) / 1e6:.1f} MB,"
        f" {sum(page.count(b'}') for page in text):,} series, {len(text)} slices of {longest:,} bytes at most"
    )

    def pages(now: float) -> Iterator[str]:
        yield from book.pages(now=now)
        yield instruments.page()

    with TelemetryServer(0, pages=pages, live=(), ready=()) as server:
        late = await lateness(asyncio.ensure_future(asyncio.sleep(2.0, result=(b"", b""))))
        print(f"loop at rest: {told(late)}")
        for _ in range(SCRAPES):
            seconds, size, late = await scrape(server.port)
            print(f"scraped in {seconds:.2f} s, {size / 1e6:.2f} MB compressed; loop meanwhile: {told(late)}")


def told(late: list[float]) -> str:
    """Say how late the loop was."""
    cuts = quantiles(late, n=100)
    return f"late by {cuts[49]:.2f} ms (median), {cuts[98]:.2f} ms (p99), {max(late):.1f} ms (worst)"


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if sys.argv[1:] else 10_000))
