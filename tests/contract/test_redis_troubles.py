"""Each way in which a Redis can fail has its reason and its sentence, is never zero, and heals."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest

from contract.asking import counts, endpoint_of, observe_one, pool, push, reading_at, trouble
from harness.redis import RedisServer, make_certificates
from queueworkers.api.conditions import FollowedBy, UnknownReason
from queueworkers.backlog.endpoint import RedisEndpoint, TlsTrust
from queueworkers.backlog.round_trip import QueueAddress, RoundTrip
from queueworkers.backlog.server import Server
from queueworkers.backlog.way import Pace, Seen
from queueworkers.domain.backlog import Backlog
from queueworkers.frameworks.base import Spelling
from queueworkers.frameworks.laravel import LARAVEL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.redis import Certificates
    from queueworkers.backlog.round_trip import Answer
    from queueworkers.backlog.wire import Reply

CANARY = "canary-3f9c-password"


async def test_down_then_up(redis_server: RedisServer) -> None:
    """A server that is down is not an empty one; after its return the same reader counts again."""
    push(redis_server)
    redis_server.cli("SAVE")
    async with reading_at(endpoint_of(redis_server)) as reader:
        assert counts(await observe_one(reader, pool()))["default"][0] == 3
        redis_server.kill()
        down = trouble(await observe_one(reader, pool()))
        redis_server.start()
        assert counts(await observe_one(reader, pool()))["default"][0] == 3
    assert down.reason is UnknownReason.CONNECTION_FAILED
    assert f"127.0.0.1:{redis_server.port} refuses the connection" in down.message


async def test_restart_between_two_readings_is_no_failure(redis_server: RedisServer) -> None:
    """A connection that was lost while nobody looked is opened again without a word."""
    push(redis_server)
    redis_server.cli("SAVE")
    async with reading_at(endpoint_of(redis_server)) as reader:
        await observe_one(reader, pool())
        redis_server.restart()
        assert counts(await observe_one(reader, pool()))["default"][0] == 3


async def test_a_connection_that_ends_between_two_questions_mixes_no_databases(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next question goes on in the database that was selected: over another connection it would be the first."""
    push(redis_server, "queues:q599", count=2)
    push(redis_server, "queues:q599", count=3, database=1)
    stores = [LARAVEL.keys(f"q{number}", Spelling()) for number in range(600)]
    addresses = [QueueAddress(1, each, LARAVEL.read_header) for each in stores]
    server = Server(endpoint_of(redis_server), Pace())
    parse = RoundTrip.parse

    def parse_and_end(trip: RoundTrip, replies: Sequence[Reply]) -> Answer:
        monkeypatch.setattr(RoundTrip, "parse", parse)
        server.drop()  # as a connection has it done that finds its end
        return parse(trip, replies)

    await server.observe_queues(addresses, {})
    monkeypatch.setattr(RoundTrip, "parse", parse_and_end)
    found = (await server.observe_queues(addresses, {}))[addresses[-1]]
    server.drop()
    assert isinstance(found, Seen)
    assert found.counted.ready == 3


@pytest.mark.parametrize("connected", [True, False])
async def test_hanging(redis_server: RedisServer, *, connected: bool) -> None:
    """A frozen server costs the time limit and no more, and its late answers are never taken for new ones."""
    push(redis_server)
    async with reading_at(endpoint_of(redis_server), timeout_seconds=0.3) as reader:
        if connected:
            await observe_one(reader, pool())
        redis_server.pause()
        started = time.monotonic()
        hanging = trouble(await observe_one(reader, pool()))
        took = time.monotonic() - started
        redis_server.resume()
        # The answers to the question above arrive now: 3 for `default`.  They must not be read as `other`'s.
        other = counts(await observe_one(reader, pool(queues=("other", "default"))))
    assert hanging.reason is UnknownReason.TIMED_OUT
    assert "did not answer within 0.3 s" in hanging.message
    assert took < 1
    assert other["other"][0] == 0
    assert other["default"][0] == 3


async def test_cancelled_reading_leaves_no_stale_answers(redis_server: RedisServer) -> None:
    """A reading that is given up half-way poisons nothing."""
    push(redis_server)
    async with reading_at(endpoint_of(redis_server), timeout_seconds=5) as reader:
        await observe_one(reader, pool())
        redis_server.pause()
        asked = asyncio.create_task(observe_one(reader, pool()))
        await asyncio.sleep(0.1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        redis_server.resume()
        assert counts(await observe_one(reader, pool(queues=("other",))))["other"][0] == 0


async def test_breaker_leaves_a_failing_endpoint_alone(redis_server: RedisServer) -> None:
    """After three failures in a row, one attempt goes through per rest; the reason is kept meanwhile."""
    clock = [0.0]
    push(redis_server)
    redis_server.pause()
    async with reading_at(
        endpoint_of(redis_server), timeout_seconds=0.2, rest_seconds=5, monotonic=lambda: clock[0]
    ) as reader:
        for _ in range(3):
            await observe_one(reader, pool())
        started = time.monotonic()
        answers = [trouble(await observe_one(reader, pool())).reason for _ in range(50)]
        took = time.monotonic() - started
        redis_server.resume()
        assert trouble(await observe_one(reader, pool())).reason is UnknownReason.TIMED_OUT
        clock[0] = 5.1
        assert counts(await observe_one(reader, pool()))["default"][0] == 3
    assert set(answers) == {UnknownReason.TIMED_OUT}
    assert took < 0.1


async def test_host_not_found() -> None:
    """A name that does not resolve is told apart from a server that is down."""
    with RedisServer() as server:
        async with reading_at(endpoint_of(server, host="no-such-host.invalid")) as reader:
            found = trouble(await observe_one(reader, pool()))
    assert found.reason is UnknownReason.HOST_NOT_FOUND
    assert "no-such-host.invalid" in found.message


async def test_loading(redis_server: RedisServer) -> None:
    """A server that loads its data says so, and is read as soon as it is done."""
    push(redis_server)
    redis_server.restart_loading(1.5)
    async with reading_at(endpoint_of(redis_server)) as reader:
        loading = trouble(await observe_one(reader, pool()))
        async with asyncio.timeout(20):
            while not isinstance(reading := await observe_one(reader, pool()), Backlog):
                assert reading.reason is UnknownReason.LOADING
                await asyncio.sleep(0.1)
    assert loading.reason is UnknownReason.LOADING
    assert counts(reading)["default"][0] == 3


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(None, UnknownReason.AUTHENTICATION_REQUIRED, id="none"),
        pytest.param("wrong-" + CANARY, UnknownReason.AUTHENTICATION_FAILED, id="wrong"),
    ],
)
async def test_password(given: str | None, reason: UnknownReason) -> None:
    """No password and a wrong one are two things; neither is repeated; correcting the server heals both."""
    with RedisServer(password=CANARY) as server:
        push(server)
        async with reading_at(endpoint_of(server, password=given)) as reader:
            refused = trouble(await observe_one(reader, pool()))
            server.cli("CONFIG", "SET", "requirepass", given or "")
            server.password = given
            assert counts(await observe_one(reader, pool()))["default"][0] == 3
    assert refused.reason is reason
    assert CANARY not in refused.message


async def test_password_where_none_is_needed(redis_server: RedisServer) -> None:
    """A password given to a server without one is refused, by the server, and explained."""
    async with reading_at(endpoint_of(redis_server, password=CANARY)) as reader:
        refused = trouble(await observe_one(reader, pool()))
    assert refused.reason is UnknownReason.AUTHENTICATION_FAILED
    assert "remove spec.redis.passwordSecretRef" in refused.message
    assert CANARY not in refused.message


async def test_renamed_auth_repeats_the_password_but_the_message_does_not() -> None:
    """Redis quotes the arguments of commands that it does not know, AUTH's included."""
    with RedisServer(directives=["rename-command AUTH hidden"]) as server:
        async with reading_at(endpoint_of(server, password=CANARY)) as reader:
            refused = trouble(await observe_one(reader, pool()))
    assert refused.reason is UnknownReason.AUTHENTICATION_FAILED
    assert CANARY not in refused.message


async def test_permission_of_one_key(redis_server: RedisServer) -> None:
    """A key that the user may not read concerns the pools that need it, and no others."""
    push(redis_server)
    redis_server.cli("ACL", "SETUSER", "reader", "on", f">{CANARY}", "~queues:default*", "+@all")
    endpoint = endpoint_of(redis_server, username="reader", password=CANARY)
    async with reading_at(endpoint) as reader:
        fine, barred = pool("fine"), pool("barred", queues=("default", "secret"))
        readings = await reader.observe([fine, barred])
        redis_server.cli("ACL", "SETUSER", "reader", "~queues:secret*")
        healed = await reader.observe([fine, barred])
    refused = trouble(readings[barred.key])
    assert counts(readings[fine.key])["default"][0] == 3
    assert refused.reason is UnknownReason.PERMISSION_DENIED
    assert "User reader may not read queues:secret in database 0" in refused.message
    assert CANARY not in refused.message
    assert counts(healed[barred.key])["default"][0] == 3


async def test_refused_scripts_cost_the_age_only(redis_server: RedisServer) -> None:
    """Counting needs plain commands only."""
    push(redis_server)
    redis_server.cli(
        "ACL", "SETUSER", "plain", "on", f">{CANARY}", "~*", "+@all", "-@scripting", "-time", "-select"
    )
    async with reading_at(endpoint_of(redis_server, username="plain", password=CANARY)) as reader:
        reading = await observe_one(reader, pool())
    assert counts(reading)["default"][0] == 3
    assert isinstance(reading, Backlog)
    assert reading.oldest is None


async def test_wrong_type_of_one_key(redis_server: RedisServer) -> None:
    """A key of another kind concerns its own pool only, and heals when it goes."""
    push(redis_server)
    redis_server.cli("SET", "queues:taken:delayed", "x")
    async with reading_at(endpoint_of(redis_server)) as reader:
        fine, taken = pool("fine"), pool("taken", queues=("taken",))
        readings = await reader.observe([fine, taken])
        redis_server.cli("DEL", "queues:taken:delayed")
        healed = await reader.observe([fine, taken])
    refused = trouble(readings[taken.key])
    assert counts(readings[fine.key])["default"][0] == 3
    assert refused.reason is UnknownReason.WRONG_KEY_TYPE
    assert "queues:taken:delayed in database 0" in refused.message
    assert counts(healed[taken.key])["taken"] == (0, 0, 0, 0, 0)


async def test_database_that_does_not_exist() -> None:
    """A number out of range concerns its own pool only; its commands must not be counted elsewhere."""
    with RedisServer(databases=2) as server:
        push(server)
        push(server, count=5, database=1)
        async with reading_at(endpoint_of(server)) as reader:
            pools = [pool(f"in-{number}", database=number) for number in (0, 1, 7)]
            for _ in range(2):
                readings = await reader.observe(pools)
                assert counts(readings[pools[0].key])["default"][0] == 3
                assert counts(readings[pools[1].key])["default"][0] == 5
                refused = trouble(readings[pools[2].key])
    assert refused.reason is UnknownReason.DATABASE_NOT_FOUND
    assert "has no database 7" in refused.message


async def test_replica_without_a_master(redis_server: RedisServer) -> None:
    """A stale replica that refuses to answer is a server's trouble, not an empty queue."""
    redis_server.cli("CONFIG", "SET", "replica-serve-stale-data", "no")
    redis_server.cli("REPLICAOF", "127.0.0.1", "1")
    async with reading_at(endpoint_of(redis_server)) as reader:
        refused = trouble(await observe_one(reader, pool()))
        redis_server.cli("REPLICAOF", "NO", "ONE")
        assert counts(await observe_one(reader, pool()))["default"][0] == 0
    assert refused.reason is UnknownReason.SERVER_ERROR
    assert "MASTERDOWN" in refused.message


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="http"),
        pytest.param(b"+OK\r\n" * 20, id="other-kinds"),
        pytest.param(b"$900000000\r\n" + b"x" * 10_000_000, id="endless"),
        pytest.param(b">2\r\n+a\r\n+b\r\n" * 4000, id="pushes"),
        pytest.param(b"", id="closes"),
    ],
)
async def test_something_else_listens(answer: bytes) -> None:
    """What is no Redis is neither believed nor listened to for long."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(reply, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with RedisServer() as real:
            async with reading_at(endpoint_of(real, port=port)) as reader:
                found = trouble(await observe_one(reader, pool()))
    assert found.reason in {UnknownReason.SERVER_ERROR, UnknownReason.CONNECTION_FAILED}


async def test_no_more_is_read_than_was_asked_for() -> None:
    """An answer without end is given up at its length, not at the time limit: memory is everybody's."""

    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"$900000000\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"x" * 1_000_000)
                await writer.drain()

    async with await asyncio.start_server(pour, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        async with reading_at(RedisEndpoint(host=host, port=port), timeout_seconds=60) as reader:
            found = trouble(await observe_one(reader, pool()))
    assert "it sends more than it was asked for" in found.message


async def test_connecting_asks_for_nothing_but_the_login_and_to_be_told(redis_server: RedisServer) -> None:
    """A user who may log in and count needs no other permission, and nobody is told what asks."""
    redis_server.cli("CONFIG", "RESETSTAT")
    redis_server.cli("ACL", "SETUSER", "reader", "on", f">{CANARY}", "~*", "+zcard", "+zcount", "+llen")
    async with reading_at(endpoint_of(redis_server, username="reader", password=CANARY)) as reader:
        found = await observe_one(reader, pool())
    assert counts(found)["default"][0] == 0
    assert isinstance(found, Backlog)
    assert found.followed_by is FollowedBy.POLL
    stats = redis_server.cli("INFO", "commandstats")
    names = {line.partition(":")[0].removeprefix("cmdstat_") for line in stats.splitlines()[1:]}
    assert names <= {"config|resetstat", "acl|setuser", "auth", "hello", "client|tracking", "time", "eval", "evalsha", "zcard", "zcount", "llen", "info"}  # fmt: skip


async def test_tls(certificates: Certificates) -> None:
    """With the right authority, a server that speaks TLS is read like any other."""
    with RedisServer(certificates=certificates, password=CANARY) as server:
        push(server)
        async with reading_at(endpoint_of(server)) as reader:
            assert counts(await observe_one(reader, pool()))["default"][0] == 3


async def test_tls_is_not_believed_without_reason(certificates: Certificates, tmp_path: Path) -> None:
    """A foreign authority, a wrong name and a text that is no certificate each have their word."""
    foreign = make_certificates(tmp_path).authority.read_text()
    own = certificates.authority.read_text()
    cases = {
        "not trusted": TlsTrust(ca_pem=foreign, verify_certificate=True, verify_name=True, server_name=None),
        "redis.example": TlsTrust(
            ca_pem=own, verify_certificate=True, verify_name=True, server_name="redis.example"
        ),
        "not in PEM form": TlsTrust(ca_pem="ü", verify_certificate=True, verify_name=True, server_name=None),
    }
    cases["not in PEM form "] = TlsTrust(
        ca_pem="\n", verify_certificate=True, verify_name=True, server_name=None
    )
    with RedisServer(certificates=certificates) as server:
        for words, trust in cases.items():
            async with reading_at(endpoint_of(server, tls=trust)) as reader:
                found = trouble(await observe_one(reader, pool()))
            assert found.reason is UnknownReason.TLS_FAILED
            assert words.strip() in found.message


@pytest.mark.parametrize("given", [True, False])
async def test_a_given_authority_replaces_the_systems(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, given: bool
) -> None:
    """Who names an authority believes nobody else; who names none believes the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    foreign = make_certificates(tmp_path).authority.read_text()
    trust = TlsTrust(
        ca_pem=foreign if given else None, verify_certificate=True, verify_name=True, server_name=None
    )
    with RedisServer(certificates=certificates) as server:
        async with reading_at(endpoint_of(server, tls=trust)) as reader:
            reading = await observe_one(reader, pool())
    assert isinstance(reading, Backlog) is not given


async def test_tls_takes_authorities_that_php_takes(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.13 by itself refuses one that lacks some extensions of RFC 5280; earlier ones are made to here."""
    ordinary = ssl.create_default_context

    def strict(*arguments: Any, **options: Any) -> ssl.SSLContext:
        context = ordinary(*arguments, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    with RedisServer(certificates=certificates) as server:
        push(server)
        async with reading_at(endpoint_of(server)) as reader:
            assert counts(await observe_one(reader, pool()))["default"][0] == 3


@pytest.mark.parametrize(
    ("verify_certificate", "verify_name"),
    [pytest.param(True, False, id="any-name"), pytest.param(False, False, id="insecure")],
)
async def test_tls_checks_can_be_relaxed(
    certificates: Certificates, *, verify_certificate: bool, verify_name: bool
) -> None:
    """`CertificateOnly` and `Insecure` take a certificate for another name."""
    trust = TlsTrust(
        ca_pem=certificates.authority.read_text() if verify_certificate else None,
        verify_certificate=verify_certificate,
        verify_name=verify_name,
        server_name="redis.example",
    )
    with RedisServer(certificates=certificates) as server:
        async with reading_at(endpoint_of(server, tls=trust)) as reader:
            assert counts(await observe_one(reader, pool()))["default"][0] == 0


async def test_tls_to_a_plaintext_server(redis_server: RedisServer) -> None:
    """A server without TLS is told from one with a bad certificate."""
    trust = TlsTrust(ca_pem=None, verify_certificate=True, verify_name=True, server_name=None)
    async with reading_at(endpoint_of(redis_server, tls=trust)) as reader:
        found = trouble(await observe_one(reader, pool()))
    assert found.reason is UnknownReason.TLS_FAILED
    assert "does not speak TLS" in found.message


async def test_plaintext_to_a_tls_server(certificates: Certificates) -> None:
    """The other way round there is only a closed connection, and a hint."""
    with RedisServer(certificates=certificates) as server:
        async with reading_at(endpoint_of(server, tls=None)) as reader:
            found = trouble(await observe_one(reader, pool()))
    assert found.reason in {UnknownReason.CONNECTION_FAILED, UnknownReason.SERVER_ERROR}
    assert "TLS" in found.message
