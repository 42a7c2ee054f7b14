"""
Queues of other frameworks, written and consumed by their own clients, read by the keys of our examples.

Celery, RQ and BullMQ come from their registries, Symfony Messenger and Sidekiq
from Debian.  What an hour would do is done here by moving a score.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from contract.asking import counts, endpoint_of, observe_one, pool, reading_at
from harness.clients import (
    DEBIAN_CLIENTS,
    PYTHON_CLIENTS,
    bullmq_client,
    debian_client,
    missing_node,
    python_client,
    run_client,
    start_client,
)
from queueworkers.api.conditions import WaitBound
from queueworkers.api.spec import QueueWorkerPoolSpec, parse_spec
from queueworkers.domain.backlog import Backlog
from queueworkers.frameworks.base import Spelling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from contract.conftest import Checked
    from harness.redis import RedisServer
    from queueworkers.backlog.endpoint import PoolRequest
    from queueworkers.backlog.redis import RedisReader

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
PATIENCE_SECONDS = 30

needs_node = pytest.mark.skipif(missing_node() is not None, reason=missing_node() or "")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")

Counts = tuple[int, int, int, int, int]
"""(ready, delayed, due, reserved, expired)."""


def pool_of_example(name: str, *, prefix: str = "") -> PoolRequest:
    """The pool of an example, as it stands but for where its Redis is."""
    document = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))
    spec = parse_spec(document["spec"])
    assert isinstance(spec, QueueWorkerPoolSpec), spec
    assert spec.custom
    return pool(
        framework=spec.framework_declared,
        spelling=Spelling(prefix=prefix, declared=spec.custom.stores),
        queues=spec.queues,
    )


class Watch:
    """Reads one pool, and counts what was seen for the table."""

    def __init__(self, reader: RedisReader, request: PoolRequest) -> None:
        self._reader = reader
        self._request = request
        self.seen = 0

    async def backlog(self) -> Backlog:
        """The latest reading."""
        reading = await observe_one(self._reader, self._request)
        assert isinstance(reading, Backlog), reading
        return reading

    async def until(self, *wanted: Counts, what: Callable[[], object] = lambda: "") -> Backlog:
        """Read until each of the pool's queues has the counts that are *wanted* of it."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                # What is waited for happens in another process.
                while (found := tuple(counts(reading := await self.backlog()).values())) != wanted:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        except TimeoutError:
            pytest.fail(f"{found} instead of {wanted}\n{what()}")
        self.seen += 1
        return reading


@contextmanager
def running(command: Sequence[str], log: Path, **env: str) -> Iterator[Any]:
    """A worker that is killed at the end, with all that it has started."""
    worker = start_client(command, log=log, env=env)
    try:
        yield worker
    finally:
        with_all = os.getpgid(worker.pid) if worker.poll() is None else None
        if with_all:
            os.killpg(with_all, signal.SIGKILL)
        worker.wait()


async def test_celery(redis_server: RedisServer, checked: Checked, tmp_path: Path) -> None:
    """A list for each priority, under a prefix; what a worker has fetched; and what an hour later goes back."""
    env = {
        "CELERY_BROKER_URL": f"redis://{redis_server.address}:{redis_server.port}/0",
        "KEY_PREFIX": "shop:",
    }
    push = python_client(str(PYTHON_CLIENTS / "shop_celery.py"), "push")
    version = run_client(python_client("-c", "import celery; print(celery.__version__)")).strip()
    log = tmp_path / "celery.log"
    async with reading_at(endpoint_of(redis_server)) as reader:
        watch = Watch(reader, pool_of_example("custom-celery", prefix="shop:"))
        run_client([*push, "2"], env=env)
        reading = await watch.until((2, 0, 0, 0, 0))
        assert reading.oldest
        assert reading.oldest.bound is WaitBound.AT_LEAST
        run_client([*push, "1", "3"], env=env)
        run_client([*push, "1", "9"], env=env)
        await watch.until((4, 0, 0, 0, 0))
        options = ("worker", "--queues=celery", "--concurrency=1", "--prefetch-multiplier=1")
        with running(python_client("-m", "celery", "-A", "shop_celery", *options), log, **env):
            await watch.until((3, 0, 0, 1, 0), what=log.read_text)
        await watch.until((3, 0, 0, 1, 0))
        redis_server.cli("EVAL", SHIFT, "1", "shop:unacked_index", "-3601")
        await watch.until((3, 0, 0, 1, 1))
    checked("Celery", version, "standalone", watch.seen)


async def test_rq(redis_server: RedisServer, checked: Checked, tmp_path: Path) -> None:
    """Jobs by their ids, scheduled ones until they are due, one in hand; those that wait for others do not count."""
    url = f"redis://{redis_server.address}:{redis_server.port}/0"
    version = run_client(python_client("-c", "import rq; print(rq.VERSION)")).strip()
    log = tmp_path / "rq.log"
    async with reading_at(endpoint_of(redis_server)) as reader:
        watch = Watch(reader, pool_of_example("custom-rq"))
        run_client(python_client(str(PYTHON_CLIENTS / "shop_rq.py"), url, "default"))
        reading = await watch.until((0, 0, 0, 0, 0), (2, 2, 1, 0, 0))
        assert reading.oldest
        assert reading.oldest.bound is WaitBound.AT_LEAST
        worker = python_client("-m", "rq.cli", "worker", "--with-scheduler", "--url", url, "high", "default")
        with running(worker, log):
            # The scheduler has moved the job that was due.
            await watch.until((0, 0, 0, 0, 0), (2, 1, 0, 1, 0), what=log.read_text)
        redis_server.cli("EVAL", SHIFT, "1", "rq:wip:default", "-1000")
        await watch.until((0, 0, 0, 0, 0), (2, 1, 0, 1, 1))
    checked("RQ", version, "standalone", watch.seen)


@needs_node
@pytest.mark.parametrize(
    ("module", "paused"),
    [
        # A paused queue's jobs are put aside, and so wait for no worker.
        pytest.param("bullmq5", (1, 3, 0, 1, 0), id="5"),
        pytest.param("bullmq", (3, 1, 0, 1, 0), id="6"),
    ],
)
async def test_bullmq(
    redis_server: RedisServer, checked: Checked, tmp_path: Path, *, module: str, paused: Counts
) -> None:
    """Plain jobs, one with a priority, delayed ones by a score of its own kind, one in hand, and a pause."""
    client, env = bullmq_client(str(redis_server.port)), {"MODULE": module}
    log = tmp_path / "bullmq.log"
    async with reading_at(endpoint_of(redis_server)) as reader:
        watch = Watch(reader, pool_of_example("custom-bullmq"))
        run_client([*client, "push", "mails"], env=env)
        reading = await watch.until((3, 2, 1, 0, 0))
        assert reading.oldest
        assert reading.oldest.bound is WaitBound.AT_LEAST
        due = float(redis_server.cli("ZRANGE", "bull:mails:delayed", "0", "0", "WITHSCORES").split()[1])
        # The due time is the exact one among those that could be older.
        assert abs(reading.oldest.since.timestamp() - due / 4_096_000) < 2
        with running([*client, "work", "mails"], log, **env):
            # The worker has moved the job that was due.
            await watch.until((3, 1, 0, 1, 0), what=log.read_text)
        run_client([*client, "pause", "mails"], env=env)
        await watch.until(paused)
    version = redis_server.cli("HGET", "bull:mails:meta", "version").rpartition(":")[2]
    checked("BullMQ", version, "standalone", watch.seen)


@needs_root
async def test_symfony_messenger(redis_server: RedisServer, checked: Checked) -> None:
    """What the group has not got, what it has not acknowledged, in whatever order it does, and what is delayed."""
    client = debian_client("messenger.php", str(redis_server.port))
    async with reading_at(endpoint_of(redis_server)) as reader:
        watch = Watch(reader, pool_of_example("custom-symfony-messenger"))
        sent_at = time.time()
        run_client([*client, "send"])
        reading = await watch.until((4, 2, 1, 0, 0))
        assert reading.oldest
        assert reading.oldest.bound is WaitBound.EXACTLY
        assert -1 < reading.oldest.since.timestamp() - sent_at < PATIENCE_SECONDS
        # Two are got, and the second is acknowledged first: from then on Redis does not know the lag.
        assert run_client([*client, "get", "01"]) == "2"
        await watch.until((3, 1, 0, 1, 0))
        assert lag(redis_server) == "nil"
        assert run_client([*client, "get", "111"]) == "3"
        await watch.until((0, 1, 0, 1, 0))
    checked("Messenger", "5.4", "standalone", watch.seen)


@needs_root
async def test_sidekiq(redis_server: RedisServer, checked: Checked, tmp_path: Path) -> None:
    """Jobs tell since when they wait; what is scheduled or failed is of all queues; what is in hand is not seen."""
    env = {"REDIS_URL": f"redis://{redis_server.address}:{redis_server.port}/0"}
    client, log = debian_client("shop_sidekiq.rb"), tmp_path / "sidekiq.log"
    version = run_client(debian_client("sidekiq", "--version")).split()[-1]
    async with reading_at(endpoint_of(redis_server)) as reader:
        watch = Watch(reader, pool_of_example("custom-sidekiq"))
        pushed_at = time.time()
        run_client([*client, "push", "default"], env=env)
        # `schedule` is counted once, with the first of the queues.
        reading = await watch.until((0, 2, 1, 0, 0), (2, 0, 0, 0, 0))
        assert reading.oldest
        assert reading.oldest.bound is WaitBound.EXACTLY
        assert -1 < reading.oldest.since.timestamp() - pushed_at < PATIENCE_SECONDS
        redis_server.cli("DEL", "schedule")
        run_client([*client, "fail", "critical"], env=env)
        await watch.until((1, 0, 0, 0, 0), (2, 0, 0, 0, 0))
        options = (
            "-r",
            f"{DEBIAN_CLIENTS}/shop_sidekiq.rb",
            "-c",
            "1",
            "-q",
            "critical",
            "-q",
            "default",
            "-t",
            "1",
        )
        with running(debian_client("sidekiq", *options), log, **env) as worker:
            # One has failed and will be tried again, one is in hand.
            await watch.until((0, 1, 0, 0, 0), (1, 0, 0, 0, 0), what=log.read_text)
            worker.send_signal(signal.SIGTERM)
            # It could not end its job in time, and has put it back.
            await watch.until((0, 1, 0, 0, 0), (2, 0, 0, 0, 0), what=log.read_text)
            assert worker.wait(timeout=PATIENCE_SECONDS) == 0
    checked("Sidekiq", version, "standalone", watch.seen)


SHIFT = """
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZINCRBY', KEYS[1], ARGV[1], member) end
"""
"""Makes as if so much time had passed."""


def lag(server: RedisServer) -> str:
    """What Redis says of the group's lag; ``nil`` where it does not know it."""
    return server.cli(
        "EVAL", "return tostring(redis.call('XINFO', 'GROUPS', KEYS[1])[1][12] or 'nil')", "1", "messages"
    )
