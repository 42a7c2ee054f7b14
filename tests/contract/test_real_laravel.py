"""What Laravel's own queue and worker leave in Redis, counted by the operator as Laravel counts it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from contract.asking import counts, endpoint_of, observe_one, pool, reading_at
from harness.php import laravel_rootfs, run_artisan, start_artisan
from harness.redis import RedisServer
from queueworkers.api.conditions import WaitBound
from queueworkers.domain.backlog import Backlog, QueueBacklog, Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from contract.conftest import Checked
    from contract.topologies import Topology
    from harness.redis import Certificates
    from queueworkers.backlog.redis import RedisReader

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")

RETRY_AFTER_SECONDS = 2


@dataclass
class Application:
    """A Laravel application, and the pool that a developer would declare for it."""

    server: RedisServer
    prefix: str = "laravel_database_"
    database: int = 0
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.env = {
            "REDIS_HOST": self.server.address,
            "REDIS_PORT": str(self.server.port),
            "REDIS_PREFIX": self.prefix,
            "REDIS_DB": str(self.database),
            "REDIS_QUEUE_RETRY_AFTER": str(RETRY_AFTER_SECONDS),
            **({"REDIS_PASSWORD": self.server.password} if self.server.password else {}),
            **self.env,
        }

    def artisan(self, *arguments: str) -> str:
        """Run a console command to its end."""
        return run_artisan(arguments, env=self.env).stdout

    async def read(self, reader: RedisReader) -> tuple[int, int, int, int, int]:
        """The operator's counts, after making sure that Laravel's own total is the same."""
        reading = counts(await observe_one(reader, pool(prefix=self.prefix, database=self.database)))[
            "default"
        ]
        ready, delayed, _, reserved, _ = reading
        assert json.loads(self.artisan("demo:size", "default")) == {"default": ready + delayed + reserved}
        return reading


@pytest.fixture(
    params=[
        pytest.param({}, id="laravel-8-default"),
        pytest.param({"prefix": "laravel-database-", "database": 3}, id="laravel-13-prefix-database-3"),
        pytest.param({"prefix": ""}, id="no-prefix"),
        pytest.param({"prefix": "shop[1]*?\\_ü:"}, id="prefix-of-glob-characters"),
        pytest.param({"password": 's3cret "word" #\\'}, id="password"),
        pytest.param({"tls": True, "password": "s3cret"}, id="tls"),
    ]
)
def application(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[Application]:
    """An application on a Redis of its own."""
    facts = dict(request.param)
    password = facts.pop("password", None)
    tls = facts.pop("tls", False)
    env, authority = {}, None
    if tls:
        authority = laravel_rootfs() / "tmp" / f"authority-{os.getpid()}.crt"
        shutil.copyfile(certificates.authority, authority)
        env = {"REDIS_SCHEME": "tls", "REDIS_TLS_CA": f"/tmp/{authority.name}"}
    with RedisServer(password=password, certificates=certificates if tls else None) as server:
        yield Application(server, env=env, **facts)
    if authority:
        authority.unlink()


async def until(reader: RedisReader, application: Application, wanted: Callable[[Any], bool]) -> Any:
    """Read until *wanted* holds, for ten seconds at most, and return the counts."""
    request = pool(prefix=application.prefix, database=application.database)
    async with asyncio.timeout(10):
        # What is waited for happens in another process.
        while not wanted(found := counts(await observe_one(reader, request))["default"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


async def test_life_of_jobs(application: Application) -> None:
    """Pushed, delayed, taken, orphaned by a SIGKILL, expired, failed and done: counted right at every stage."""
    async with reading_at(endpoint_of(application.server)) as reader:
        application.artisan("demo:push", "3", "--milliseconds=60000", "--prefix-id=slow")
        assert await application.read(reader) == (3, 0, 0, 0, 0)

        application.artisan("demo:push", "2", "--delay=1")
        application.artisan("demo:push", "1", "--delay=1000")
        await until(reader, application, lambda found: found[2] == 2)
        assert await application.read(reader) == (3, 3, 2, 0, 0)

        worker = start_artisan(["queue:work", "--sleep=1"], env=application.env)
        await until(reader, application, lambda found: found[3] == 1)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        # The worker has moved what was due into the list before it took the first job.
        assert (await application.read(reader))[:4] == (4, 1, 0, 1)

        await until(reader, application, lambda found: found[4] == 1)
        assert await application.read(reader) == (4, 1, 0, 1, 1)

        application.artisan("queue:clear", "--force")
        assert await application.read(reader) == (0, 0, 0, 0, 0)

        application.artisan("demo:push", "2", "--fail-times=1")
        # Of 1 s, in whole ones, nothing may be left when the worker asks the next time.
        application.artisan("queue:work", "--stop-when-empty", "--tries=3", "--backoff=2", "--sleep=1")
        await until(reader, application, lambda found: found[2] == 2)
        assert await application.read(reader) == (0, 2, 2, 0, 0)

        application.artisan("queue:work", "--stop-when-empty", "--tries=3", "--sleep=1")
        assert await application.read(reader) == (0, 0, 0, 0, 0)
        ledger = [json.loads(line) for line in application.artisan("demo:ledger").splitlines()]
        assert [each["event"] for each in ledger].count("end") == 2


async def test_a_real_worker_on_every_kind_of_redis(topology: Topology, checked: Checked) -> None:
    """What Laravel itself pushes, delays, takes and ends is counted right on each, with braces where a cluster needs them."""
    queue = "{default}" if topology.clustered else "default"
    env = {**topology.environment, "REDIS_QUEUE": queue}
    request = pool(prefix="laravel_database_", version=(8, 83), clustered=topology.clustered, queues=(queue,))
    topology.flush()

    async def read(reader: RedisReader) -> tuple[int, int, int, int]:
        ready, delayed, due, reserved, _ = counts(await observe_one(reader, request))[queue]
        return ready, delayed, due, reserved

    async with reading_at(topology.endpoint) as reader:
        run_artisan(["demo:push", "2", f"--queue={queue}", "--milliseconds=1000"], env=env)
        run_artisan(["demo:push", "1", f"--queue={queue}", "--delay=1000"], env=env)
        assert await read(reader) == (2, 1, 0, 0)
        worker = start_artisan(["queue:work", "--sleep=1", "--max-jobs=2"], env=env)
        seen = []
        async with asyncio.timeout(20):
            while worker.poll() is None:
                seen.append(await read(reader))
                await asyncio.sleep(0.05)
        assert worker.returncode == 0
        assert await read(reader) == (0, 1, 0, 0)
    assert set(seen) >= {(1, 1, 0, 1), (0, 1, 0, 1)}
    topology.flush()
    checked("Laravel", "8.83 running", topology.name, 4, server=topology.server)


async def test_laravels_own_monitor_agrees(redis_server: RedisServer) -> None:
    """`queue:monitor` prints the same total as the operator's counts."""
    application = Application(redis_server)
    application.artisan("demo:push", "4")
    application.artisan("demo:push", "3", "--delay=100")
    table = application.artisan("queue:monitor", "redis:default")
    async with reading_at(endpoint_of(redis_server)) as reader:
        reading = await application.read(reader)
    assert re.search(r"\| default\s+\| 7\s", table)
    assert reading == (4, 3, 0, 0, 0)


async def test_age_without_a_time_in_the_payload(redis_server: RedisServer) -> None:
    """Laravel 8 writes no time: the age counts from the operator's first sight of the head, and starts anew with it."""
    application = Application(redis_server)
    application.artisan("demo:push", "2")
    request = pool(prefix=application.prefix)
    async with reading_at(endpoint_of(redis_server)) as reader:
        first = await observe_one(reader, request)
        await asyncio.sleep(0.2)
        second = await observe_one(reader, request)
        application.artisan("queue:work", "--once")
        third = await observe_one(reader, request)
    assert isinstance(first, Backlog)
    assert isinstance(second, Backlog)
    assert isinstance(third, Backlog)
    seen = Wait(first.read_at.replace(microsecond=0), WaitBound.AT_LEAST)
    assert first.oldest == second.oldest == seen
    assert third.oldest == Wait(third.read_at.replace(microsecond=0), WaitBound.AT_LEAST)


async def test_worker_as_an_ordinary_user(redis_server: RedisServer, tmp_path: Path) -> None:
    """The application runs as www-data too, and a worker that waits ends with 0 on SIGTERM."""
    application = Application(redis_server)
    worker = start_artisan(
        ["queue:work", "--sleep=1"], env=application.env, user=33, log=tmp_path / "worker.log"
    )
    application.artisan("demo:push", "1")
    async with reading_at(endpoint_of(redis_server)) as reader:
        await until(reader, application, lambda found: found == (0, 0, 0, 0, 0))
    await asyncio.sleep(0.5)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=5) == 0
    assert "Processed" in (tmp_path / "worker.log").read_text()


async def test_what_a_real_worker_takes_is_counted(redis_server: RedisServer) -> None:
    """While a backlog lasts, what came and what the worker took is known exactly, retries and their delays included."""
    application = Application(redis_server)
    request = pool(prefix=application.prefix, counts_flow=True)

    async def look(reader: RedisReader) -> QueueBacklog:
        reading = await observe_one(reader, request)
        assert isinstance(reading, Backlog)
        return reading.queues[0]

    application.artisan("demo:push", "100", "--prefix-id=lasting")
    async with reading_at(endpoint_of(redis_server)) as reader:
        first = (await look(reader)).tally
        application.artisan("demo:push", "150", "--milliseconds=15", "--fail-times=1", "--prefix-id=failing")
        worker = start_artisan(["queue:work", "--tries=3", "--backoff=1", "--sleep=1"], env=application.env)
        async with asyncio.timeout(60):
            # Beyond those that were pushed meanwhile are those that are tried again.
            while (tally := (await look(reader)).tally) and tally.arrived <= 150 + 10:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        worker.terminate()
        worker.wait()
        last = await look(reader)
    assert first
    assert last.tally
    begun = sum(
        json.loads(line)["event"] == "start" for line in application.artisan("demo:ledger").splitlines()
    )
    print(f"{begun} jobs begun, {last.waiting} wait: {last.tally}")
    assert last.waiting
    assert (last.tally.taken, last.tally.gaps) == (begun, 0)
    # Those that were waiting at first are no arrivals; those that are tried again are.
    assert last.tally.arrived == begun + last.waiting - 100
