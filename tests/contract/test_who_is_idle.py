"""What a real Redis tells of real workers that wait, block and work, and what becomes of a server that does not tell."""

from __future__ import annotations

import os
import re
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import redis

from contract.asking import endpoint_of, observe_one, pool, push, reading_at
from harness.php import run_artisan, start_artisan
from harness.progress import wait_until
from harness.redis import RedisServer
from queueworkers.backlog.wire import Wire
from queueworkers.domain.backlog import Backlog
from queueworkers.domain.leaving import Stake, estimate_stakes
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queueworkers.backlog.redis import RedisReader
    from queueworkers.frameworks.base import Framework

SLEEP_SECONDS = 1
JOB_SECONDS = 6


async def stake(reader: RedisReader, framework: Framework = LARAVEL) -> Stake:
    """What is in the hands of the only worker, which shares its address with whoever looks."""
    connections = await reader.observe_connections()
    assert connections is not None
    return estimate_stakes(connections, asking=framework.asking_commands, database=0)["127.0.0.1"]


@contextmanager
def a_worker(server: RedisServer, **env: str) -> Iterator[dict[str, str]]:
    """One `queue:work` of Laravel's own; yields the application's environment."""
    env = {"REDIS_HOST": server.address, "REDIS_PORT": str(server.port), **env}
    worker = start_artisan(["queue:work", f"--sleep={SLEEP_SECONDS}"], env=env)
    try:
        yield env
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")
@pytest.mark.parametrize(
    "block_for", [pytest.param(None, id="asks every second"), pytest.param("5", id="block_for")]
)
async def test_a_job_in_hand_shows_as_silence(redis_server: RedisServer, block_for: str | None) -> None:
    """A worker that waits has asked within its pause; one that works has not since it took the job."""
    env = {} if block_for is None else {"REDIS_QUEUE_BLOCK_FOR": block_for}
    with a_worker(redis_server, **env) as env:
        async with reading_at(endpoint_of(redis_server)) as reader:
            wait_until(
                lambda: any(
                    f"cmd={word}" in redis_server.cli("CLIENT", "LIST") for word in ("eval", "blpop")
                ),
                what="the worker asks for jobs",
                timeout_seconds=30,
            )
            waiting = await stake(reader)
            run_artisan(["demo:push", "1", f"--milliseconds={JOB_SECONDS * 1000}"], env=env)
            wait_until(
                lambda: "event\nstart" in redis_server.cli("XRANGE", "ledger:events", "-", "+"),
                what="the job has begun",
                timeout_seconds=30,
            )
            wait_until(
                lambda: bool(re.search("idle=3 .*cmd=(eval|blpop)", redis_server.cli("CLIENT", "LIST"))),
                what="the worker has been silent for three seconds",
                timeout_seconds=JOB_SECONDS,
            )
            working = await stake(reader)
    assert waiting <= Stake(working=False, seconds=SLEEP_SECONDS + 1)
    assert Stake(working=False, seconds=2) <= working < Stake(working=False, seconds=JOB_SECONDS)


async def test_think_queue_s_last_words_tell_more(redis_server: RedisServer) -> None:
    """It reserves a job by a command of its own, as recorded in tests/vectors, so no silence is needed."""
    now = 0.0
    with redis.Redis(host=redis_server.address, port=redis_server.port) as worker:
        async with reading_at(endpoint_of(redis_server), monotonic=lambda: now) as reader:
            worker.lpop("{queues:default}")
            asked_in_vain = await stake(reader, THINKPHP)
            worker.zadd("{queues:default}:reserved", {"a job": 1})
            reserved = await stake(reader, THINKPHP)
            worker.zrem("{queues:default}:reserved", "a job")
            done = await stake(reader, THINKPHP)
    assert asked_in_vain == done == Stake(working=False, seconds=0)
    assert reserved.working


async def test_pools_that_shrink_together_ask_once(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server writes a line for each of its clients: an answer is shared for ten times as long as that took."""
    now = 0.0
    exchange = Wire.exchange

    async def slow(wire: Wire, commands: list[tuple[str, ...]], **options: int) -> object:
        nonlocal now
        now += 0.03
        return await exchange(wire, commands, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Wire, "exchange", slow)
    async with reading_at(endpoint_of(redis_server), monotonic=lambda: now) as reader:
        first = await reader.observe_connections()
        now += 0.29
        second = await reader.observe_connections()
        now += 0.02
        third = await reader.observe_connections()
    assert first is second is not third
    assert "cmdstat_client|list:calls=2" in redis_server.cli("INFO", "commandstats")


async def test_an_answer_is_not_older_than_the_reading_that_it_is_for(redis_server: RedisServer) -> None:
    """A worker that ended its job since then would look like one that is busy."""
    now = 0.0
    async with reading_at(endpoint_of(redis_server), monotonic=lambda: now) as reader:
        await observe_one(reader, pool())
        for now in (0.0, 0.25):  # noqa: B007 -- it is the reader's clock
            await reader.observe_connections()
            await observe_one(reader, pool())
        await reader.observe_connections()
    assert "cmdstat_client|list:calls=3" in redis_server.cli("INFO", "commandstats")


@pytest.mark.parametrize(
    ("directive", "bytes_allowed"),
    [
        pytest.param("user default on nopass ~* &* +@all -client|list", None, id="refused by an ACL"),
        pytest.param(
            "user default on nopass ~* &* +@read +@scripting +time", None, id="a user who only reads"
        ),
        pytest.param("", 10, id="longer than is listened to"),
    ],
)
async def test_a_server_that_does_not_tell_is_left_alone(
    directive: str, bytes_allowed: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is unknown who is idle, the backlog is read as before, and for a minute nobody asks again."""
    now = 0.0
    asked = 0
    exchange = Wire.exchange

    async def counted(wire: Wire, commands: list[tuple[str, ...]], **options: int) -> object:
        nonlocal asked
        asked += commands[0][:2] == ("CLIENT", "LIST")
        return await exchange(wire, commands, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Wire, "exchange", counted)
    if bytes_allowed is not None:
        monkeypatch.setattr("queueworkers.backlog.connections.MOST_BYTES", bytes_allowed)
    with RedisServer(directives=[directive] if directive else []) as server:
        push(server, count=2)
        async with reading_at(endpoint_of(server), monotonic=lambda: now) as reader:
            for now in (0.0, 2.0, 59.0, 61.0):  # noqa: B007 -- it is the reader's clock
                assert await reader.observe_connections() is None
                assert isinstance(await observe_one(reader, pool()), Backlog)
    assert asked == 2


async def test_a_frozen_server_does_not_hold_up_a_scale_down(redis_server: RedisServer) -> None:
    """The reader's time limit ends the question, and the next reading opens another connection."""
    async with reading_at(endpoint_of(redis_server), timeout_seconds=0.3) as reader:
        assert isinstance(await observe_one(reader, pool()), Backlog)
        redis_server.pause()
        assert await reader.observe_connections() is None
        redis_server.resume()
        assert isinstance(await observe_one(reader, pool()), Backlog)
