"""Secrets that change are used as they are now, without a restart of anything, by the observer as it runs."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from contract.asking import counts
from harness.redis import RedisServer, make_certificates
from harness.redis_topologies import MASTER_NAME, RedisSentinels
from queueworkers.api.conditions import UnknownReason
from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.backlog.redis import RedisReader
from queueworkers.domain.backlog import Backlog, UnknownBacklog
from queueworkers.domain.identity import PoolIdentity, PoolKey
from queueworkers.domain.pool import Pool
from queueworkers.engine import observer
from queueworkers.engine.observer import BacklogObserver
from unit.domain.given import a_spec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from harness.redis import Certificates
    from queueworkers.backlog.endpoint import Endpoint
    from queueworkers.domain.backlog import Reading

OLD, NEW = "canary-old-4417", "canary-new-8a02"
PATIENCE_SECONDS = 10


@dataclass
class Secrets:
    """The Secrets of the only namespace."""

    values: dict[str, dict[str, bytes]] = field(default_factory=dict)

    async def observe_secret(self, _namespace: str, name: str) -> Mapping[str, bytes] | None:
        """Read one."""
        return self.values.get(name)


@dataclass
class Followed:
    """A pool that an observer follows, for as long as the test lasts."""

    observer: BacklogObserver
    pool: Pool
    redis: dict[str, Any]
    connected: list[Endpoint]
    """Every endpoint for which a reader was made."""

    async def reading(self, fits: Callable[[Reading], bool], what: str) -> Any:
        """Wait for a reading of a kind."""
        spec = a_spec(redis=self.redis, scaling={"pollingIntervalSeconds": 1})
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                reading = self.observer.follow(self.pool, spec)
                if reading is not None and fits(reading):
                    return reading
                await asyncio.sleep(0.05)
        raise AssertionError(what)

    async def known(self) -> Backlog:
        """Wait until the backlog is known."""
        return await self.reading(lambda each: isinstance(each, Backlog), "the backlog is known")

    async def unknown(self) -> UnknownBacklog:
        """Wait until the backlog is not known."""
        return await self.reading(lambda each: isinstance(each, UnknownBacklog), "the backlog is not known")


@asynccontextmanager
async def following(secrets: Secrets, redis: dict[str, Any]) -> AsyncIterator[Followed]:
    """Follow a pool with that source."""
    connected: list[Endpoint] = []

    def connect(endpoint: Endpoint) -> RedisReader:
        connected.append(endpoint)
        return RedisReader(endpoint, timeout_seconds=1, rest_seconds=0)

    key = PoolKey("shop", "orders")
    running = BacklogObserver(secrets, connect=connect, changed=lambda _: None)
    pool = Pool(
        identity=PoolIdentity(key=key, uid="orders"),
        generation=1,
        spec={},
        status=QueueWorkerPoolStatus(),
        restart_annotation=None,
        deleting=False,
    )
    task = asyncio.create_task(running.run())
    try:
        yield Followed(running, pool, redis, connected)
    finally:
        running.forget(key)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Half a second instead of five and of thirty; and every log line is kept."""
    monkeypatch.setattr(observer, "SECRETS_KEPT_SECONDS", 0.5)
    monkeypatch.setattr(observer, "RETRY_SECONDS", 0.5)
    caplog.set_level(logging.DEBUG)


async def test_a_rotated_password_is_picked_up(caplog: pytest.LogCaptureFixture) -> None:
    """Refused with the old one, read with the new one, and neither is told to anybody."""
    secrets = Secrets({"redis": {"password": OLD.encode()}})
    with RedisServer(password=OLD) as server:
        source = {"host": server.address, "port": server.port, "passwordSecretRef": {"name": "redis"}}
        async with following(secrets, source) as followed:
            await followed.known()
            server.cli("CONFIG", "SET", "requirepass", NEW)
            server.password = NEW
            server.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            refused = await followed.unknown()
            secrets.values["redis"] = {"password": NEW.encode()}
            await followed.known()
    assert refused.reason is UnknownReason.AUTHENTICATION_FAILED
    assert all(word not in caplog.text + refused.message for word in (OLD, NEW))


async def test_a_rotated_sentinel_password_is_picked_up(caplog: pytest.LogCaptureFixture) -> None:
    """While the master answers nobody notices; once it is asked for again, the new one is used."""
    secrets = Secrets({"watch": {"password": OLD.encode()}})
    with RedisSentinels(sentinel_password=OLD) as servers:
        servers.master.cli("RPUSH", "queues:default", "x")
        source = {
            "sentinel": {
                "masterName": MASTER_NAME,
                "nodes": [{"host": each.address, "port": each.port} for each in servers.sentinels],
                "passwordSecretRef": {"name": "watch"},
            }
        }
        async with following(secrets, source) as followed:
            assert counts(await followed.known())["default"][0] == 1
            for each in servers.sentinels:
                each.cli("ACL", "SETUSER", "default", "resetpass", f">{NEW}")
                each.password = NEW
            secrets.values["watch"] = {"password": NEW.encode()}
            await followed.reading(lambda _: len(followed.connected) > 1, "another connection was made")
            assert counts(await followed.known())["default"][0] == 1
    assert followed.connected[-1].sentinels[0].password == NEW  # type: ignore[union-attr]
    assert all(word not in caplog.text for word in (OLD, NEW))


async def test_a_rotated_client_certificate_is_picked_up(
    certificates: Certificates, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One that the server refuses is told; the one that comes after it reads."""

    def as_cert_manager_writes(made: Certificates) -> dict[str, bytes]:
        return {
            "ca.crt": certificates.authority.read_bytes(),
            "tls.crt": made.client.read_bytes(),
            "tls.key": made.client_key.read_bytes(),
        }

    foreign = make_certificates(tmp_path)
    secrets = Secrets({"client": as_cert_manager_writes(foreign)})
    with RedisServer(certificates=certificates, directives=["tls-auth-clients yes"]) as server:
        source = {
            "host": server.address,
            "port": server.port,
            "tls": {"caSecretRef": {"name": "client"}, "clientCertificateSecretRef": {"name": "client"}},
        }
        async with following(secrets, source) as followed:
            refused = await followed.unknown()
            secrets.values["client"] = as_cert_manager_writes(certificates)
            await followed.known()
            made = len(followed.connected)
            # Renewed before it expires, which nobody refuses: so it is the Secret that tells.
            secrets.values["client"]["tls.crt"] += b"\n# renewed\n"
            await followed.reading(lambda _: len(followed.connected) > made, "the renewed one is used")
            await followed.known()
    assert refused.reason is UnknownReason.TLS_FAILED
    key_lines = certificates.client_key.read_text().splitlines()
    assert not any(line in caplog.text + refused.message for line in key_lines)
