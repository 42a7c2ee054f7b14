"""
Whatever goes wrong, no password, no key and no token is in what the operator writes.

Its log at its most talkative, Events, statuses, Deployments, metrics and health are searched for all of them.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import socketserver
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.asked_operator import Told
from apiserver.pools_in_use import PREFIX, push, quick_pool
from harness.operator_process import NAMESPACE, SERVICE_ACCOUNT
from harness.redis import RedisServer, make_certificates

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from harness.cluster import Cluster
    from harness.pools import Namespace
    from harness.redis import Certificates

Json = dict[str, Any]

MARK = "canary"
"""At the beginning of every password; Base64, as a Secret has it, spells these six letters in one way only."""

KEY_BEGINS = "-----BEGIN PRIVATE"
"""At the beginning of every private key; eighteen letters, of which the same is true."""


class _Repeating(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while said := self.request.recv(4096):
                self.request.sendall(said)


class _RepeatingServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def repeater(cluster: Cluster) -> Iterator[tuple[str, int]]:
    """Something that is no Redis, and says back whatever it is told; its address and port."""
    with _RepeatingServer((cluster.host_address, 0), _Repeating) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield cluster.host_address, server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def certificates(cluster: Cluster, tmp_path: Path) -> Certificates:
    """An authority, and what it has signed for this machine."""
    return make_certificates(tmp_path / "own", names=[cluster.host_address])


@pytest.fixture
def guarded(cluster: Cluster) -> Iterator[RedisServer]:
    """A Redis with a password."""
    with RedisServer(address=cluster.host_address, password=a_password()) as server:
        yield server


@pytest.fixture
def encrypted(cluster: Cluster, certificates: Certificates) -> Iterator[RedisServer]:
    """A Redis that speaks nothing but TLS, and wants to see a client certificate."""
    with RedisServer(
        address=cluster.host_address, certificates=certificates, directives=["tls-auth-clients yes"]
    ) as server:
        yield server


@pytest.fixture
def quoting(cluster: Cluster) -> Iterator[RedisServer]:
    """A Redis that does not know AUTH, and quotes what it was given with it."""
    with RedisServer(address=cluster.host_address, directives=["rename-command AUTH hidden"]) as server:
        yield server


@pytest.fixture
def silent(cluster: Cluster) -> Iterator[RedisServer]:
    """A Redis that answers nothing."""
    with RedisServer(address=cluster.host_address) as server:
        server.pause()
        yield server


@dataclass(frozen=True, slots=True)
class Servers:
    """All that pools are pointed at."""

    guarded: RedisServer
    encrypted: RedisServer
    quoting: RedisServer
    silent: RedisServer
    repeater: tuple[str, int]


@pytest.fixture
def servers(
    guarded: RedisServer,
    encrypted: RedisServer,
    quoting: RedisServer,
    silent: RedisServer,
    repeater: tuple[str, int],
) -> Servers:
    """All of them at once."""
    return Servers(guarded, encrypted, quoting, silent, repeater)


@pytest.fixture(params=["console", "json"])
def operator(installed: Cluster, request: pytest.FixtureRequest) -> Iterator[Told]:
    """The only operator, which tells all that it can, in each format."""
    told = Told(installed, "--log-level=debug", f"--log-format={request.param}")
    with told.process:
        told.wait_until_ready()
        yield told


def a_password() -> str:
    """Make one that nobody has, with the mark."""
    return f"{MARK}-{secrets.token_hex(8)}"


def secret(name: str, **values: str | bytes) -> Json:
    """Make a Secret."""
    content = {
        key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        for key, value in values.items()
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": content}


def at(server: RedisServer | tuple[str, int], secret_name: str | None = None, **more: Any) -> Json:
    """Write where a pool's queues are, with a password of that Secret."""
    host, port = server if isinstance(server, tuple) else (server.address, server.port)
    guard = {"passwordSecretRef": {"name": secret_name}} if secret_name else {}
    return {"host": host, "port": port, "prefix": PREFIX, **guard, **more}


def with_client(secret_name: str) -> Json:
    """Write what encrypted connections need, with a client certificate of that Secret."""
    return {"caSecretRef": {"name": "client"}, "clientCertificateSecretRef": {"name": secret_name}}


def all_secrets(guarded: RedisServer, certificates: Certificates, foreign: Certificates) -> Collection[Json]:
    """Make what pools name: right, wrong, cut off, of another, or none at all."""
    assert guarded.password is not None
    reader = a_password()
    guarded.cli("ACL", "SETUSER", "reader", "on", f">{reader}", "~nothing:*", "+@all")
    return (
        secret("right", password=guarded.password),
        secret("wrong", password=a_password()),
        secret("no-text", password=f"{MARK}-".encode() + b"\xff\xfe"),
        secret("reader", password=reader),
        secret("no-such-key", pass_=a_password()),
        secret("foreign", **{"ca.crt": foreign.authority.read_bytes()}),
        secret("no-certificate", **{"ca.crt": a_password()}),
        secret(
            "client",
            **{
                "ca.crt": certificates.authority.read_bytes(),
                "tls.crt": certificates.client.read_bytes(),
                "tls.key": certificates.client_key.read_bytes(),
            },
        ),
        secret(
            "key-of-another",
            **{"tls.crt": certificates.client.read_bytes(), "tls.key": foreign.client_key.read_bytes()},
        ),
        secret("no-key", **{"tls.crt": certificates.client.read_bytes(), "tls.key": a_password()}),
    )


def all_troubles(servers: Servers) -> dict[str, tuple[Json, set[str]]]:
    """Point pools at servers so that each fails in a way of its own, and name what may be said of it."""
    guarded, encrypted = servers.guarded, servers.encrypted
    return {
        "wrong": (at(guarded, "wrong"), {"AuthenticationFailed"}),
        "no-text": (at(guarded, "no-text"), {"AuthenticationFailed"}),
        "may-not-read": (at(guarded, "reader", username="reader"), {"PermissionDenied"}),
        "no-such-key": (at(guarded, "no-such-key"), {"SecretKeyNotFound"}),
        "no-such-secret": (at(guarded, "nobody-made-it"), {"SecretNotFound"}),
        "refused": (at((guarded.address, 1), "right"), {"ConnectionFailed"}),
        "silent": (at(servers.silent, "right"), {"TimedOut"}),
        "quoted": (at(servers.quoting, "right"), {"AuthenticationFailed"}),
        "repeated": (at(servers.repeater, "right"), {"ServerError"}),
        "tls-to-plain": (at(guarded, "right", tls={}), {"TLSFailed"}),
        "plain-to-tls": (at(encrypted, "right"), {"ConnectionFailed", "ServerError"}),
        "foreign-authority": (
            at(encrypted, "right", tls={"caSecretRef": {"name": "foreign"}}),
            {"TLSFailed"},
        ),
        "no-certificate": (
            at(encrypted, "right", tls={"caSecretRef": {"name": "no-certificate"}}),
            {"TLSFailed"},
        ),
        "key-of-another": (at(encrypted, tls=with_client("key-of-another")), {"TLSFailed"}),
        "no-key": (at(encrypted, tls=with_client("no-key")), {"TLSFailed"}),
    }


def all_that_is_kept(cluster: Cluster, *keys: Path) -> Collection[str]:
    """
    List the texts that nobody may find: the marks, the lines of private keys, and the operator's own token.

    The first of them also as Secrets have them, in Base64: an object that is printed whole has them so.
    """
    file = cluster.folder / f"{NAMESPACE}.{SERVICE_ACCOUNT}.kubeconfig"
    token = json.loads(file.read_text(encoding="utf-8"))["users"][0]["user"]["token"]
    lines = [line for key in keys for line in key.read_text(encoding="utf-8").splitlines()[1:-1]]
    marks = (MARK, KEY_BEGINS)
    return {*marks, *(base64.b64encode(mark.encode()).decode() for mark in marks), *lines, token}


def found_in(text: str, kept: Collection[str]) -> set[str]:
    """Search a text for all of them."""
    return {each for each in kept if each in text}


def test_no_secret_is_told(
    operator: Told,
    namespace: Namespace,
    cluster: Cluster,
    certificates: Certificates,
    servers: Servers,
    tmp_path: Path,
) -> None:
    """Passwords that are right, wrong, changed, cut off, quoted or in the wrong place; certificates likewise."""
    foreign = make_certificates(tmp_path / "foreign")
    guarded = servers.guarded
    push(guarded, 10)
    namespace.apply(*all_secrets(guarded, certificates, foreign))
    troubles = all_troubles(servers)
    encrypted = servers.encrypted
    fine = {"changed": at(guarded, "right"), "encrypted": at(encrypted, tls=with_client("client"))}
    for name, source in {**fine, **{name: source for name, (source, _) in troubles.items()}}.items():
        namespace.apply_pool(name, {**quick_pool(guarded), "redis": source})
    namespace.wait_for_reason("encrypted", "Idle")
    namespace.wait_for_reason("changed", "Active")
    for name, (_, reasons) in troubles.items():
        namespace.wait(
            f"pool {name} tells one of {reasons}",
            lambda name=name, reasons=reasons: namespace.condition(name, "BacklogKnown")["reason"] in reasons,
        )
    changed = a_password()
    guarded.cli("CONFIG", "SET", "requirepass", changed)
    guarded.password = changed
    guarded.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    namespace.wait_for_reason("changed", "AuthenticationFailed", kind="BacklogKnown")
    for name in ("changed", *troubles):
        namespace.wait(
            f"the log tells of pool {name}",
            lambda name=name: f"{namespace.name}/{name}: BacklogUnknown" in read_log(operator),
        )
        namespace.wait(
            f"an Event tells of pool {name}",
            lambda name=name: "BacklogUnknown" in dict(namespace.events(name)),
        )

    kept = all_that_is_kept(cluster, certificates.client_key, foreign.client_key)
    told = {
        "log": read_log(operator),
        "pools": namespace.kubectl("get", "qwp", "--output=json", "--show-managed-fields"),
        "Events": namespace.kubectl("get", "events.events.k8s.io", "--output=json"),
        "Deployments": namespace.kubectl("get", "deployments", "--output=json", "--show-managed-fields"),
        **{path: operator.get(path)[1] for path in ("/metrics", "/healthz", "/readyz")},
    }
    assert {place: found for place, text in told.items() if (found := found_in(text, kept))} == {}
    where_they_are = namespace.kubectl("get", "secrets", "--output=json")
    assert len(found_in(where_they_are, kept)) == 2, "the search finds passwords and keys where they are"


def read_log(operator: Told) -> str:
    """Read all that the operator has printed."""
    return operator.process.log.read_text(encoding="utf-8", errors="replace")
