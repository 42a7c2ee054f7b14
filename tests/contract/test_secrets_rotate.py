"""Secrets that change are used as they are now, without a restart of anything, by the observer as it runs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from contract.asking import counts
from contract.following import Secrets, following
from harness.redis import RedisServer, make_certificates
from harness.redis_topologies import MASTER_NAME, RedisSentinels
from queueworkers.api.conditions import UnknownReason
from queueworkers.engine import observer

if TYPE_CHECKING:
    from pathlib import Path

    from harness.redis import Certificates

OLD, NEW = "canary-old-4417", "canary-new-8a02"


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
        async with following(source, secrets) as followed:
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
        async with following(source, secrets) as followed:
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
        async with following(source, secrets) as followed:
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
