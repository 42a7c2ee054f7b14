"""Every failure has a reason, a place and an advice, and never a secret."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.api.conditions import UnknownReason
from queueworkers.backlog.endpoint import ClientCertificate, Naming, RedisEndpoint, TlsTrust
from queueworkers.backlog.troubles import FAILURES, explain_failure, explain_refusal
from queueworkers.backlog.wire import (
    LoginRefusedError,
    NotRedisError,
    PlaintextError,
    Refusal,
    UntrustworthyCaError,
)

CANARY = "canary-77c1"
ENDPOINT = RedisEndpoint(host="redis.shop.svc", port=6380, username="reader", password=CANARY)
SHOWN = ClientCertificate(chain_pem="chain", key_pem=CANARY)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError(111, "Connection refused"), UnknownReason.CONNECTION_FAILED),
        (ConnectionResetError(104, "Connection reset by peer"), UnknownReason.CONNECTION_FAILED),
        (OSError(113, "No route to host"), UnknownReason.CONNECTION_FAILED),
        (OSError(), UnknownReason.CONNECTION_FAILED),
        (TimeoutError(), UnknownReason.TIMED_OUT),
        (socket.gaierror(-2, "Name or service not known"), UnknownReason.HOST_NOT_FOUND),
        (UnicodeError("label too long"), UnknownReason.HOST_NOT_FOUND),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), UnknownReason.TLS_FAILED),
        (PlaintextError(), UnknownReason.TLS_FAILED),
        (UntrustworthyCaError(), UnknownReason.TLS_FAILED),
        (NotRedisError("it does not speak the Redis protocol"), UnknownReason.SERVER_ERROR),
        (LoginRefusedError(Refusal(f"WRONGPASS {CANARY}")), UnknownReason.AUTHENTICATION_FAILED),
        (
            LoginRefusedError(Refusal(f"ERR unknown command 'AUTH' '{CANARY}'")),
            UnknownReason.AUTHENTICATION_FAILED,
        ),
        (LoginRefusedError(Refusal("LOADING")), UnknownReason.LOADING),
        (LoginRefusedError(Refusal("NOPERM")), UnknownReason.PERMISSION_DENIED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_failure(error, reason):
    """The endpoint is named, the password is not."""
    found = explain_failure(error, ENDPOINT, timeout_seconds=2)
    assert isinstance(error, FAILURES)
    assert found.reason is reason
    assert "redis.shop.svc" in found.message
    assert CANARY not in found.message


@pytest.mark.parametrize(
    ("words", "key", "reason"),
    [
        ("NOAUTH Authentication required.", "k", UnknownReason.AUTHENTICATION_REQUIRED),
        ("LOADING Redis is loading the dataset in memory", "k", UnknownReason.LOADING),
        ("NOPERM this user has no permissions", "k", UnknownReason.PERMISSION_DENIED),
        ("NOPERM this user has no permissions", None, UnknownReason.PERMISSION_DENIED),
        ("WRONGTYPE Operation against a key", "k", UnknownReason.WRONG_KEY_TYPE),
        ("ERR DB index is out of range", None, UnknownReason.DATABASE_NOT_FOUND),
        ("ERR unknown command", "k", UnknownReason.SERVER_ERROR),
        ("MASTERDOWN Link with MASTER is down", "k", UnknownReason.SERVER_ERROR),
        ("MOVED 1234 10.0.0.1:6379", "k", UnknownReason.SERVER_ERROR),
        ("", None, UnknownReason.SERVER_ERROR),
    ],
)
def test_refusal(words, key, reason):
    """A server's word against one queue becomes that pool's reason."""
    found = explain_refusal(Refusal(words), ENDPOINT, database=3, key=key)
    assert found.reason is reason
    assert "redis.shop.svc:6380" in found.message


@given(
    words=st.text() | st.text().map(lambda text: f"ERR {text}{CANARY}{text}"),
    key=st.sampled_from(["k", None]),
)
def test_no_server_makes_us_tell_the_password(words, key):
    """A server may repeat what it was sent; the sentence is printable, of sane length and without it."""
    message = explain_refusal(Refusal(words), ENDPOINT, database=0, key=key).message
    assert CANARY not in message
    assert message.isprintable()
    assert len(message) < 500


TOLD = ENDPOINT.at("redis-0", 6379, naming=Naming(told="Sentinel s-0:26379 calls the master mymaster"))


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (ConnectionRefusedError(), "replica-announce-ip"),
        (TimeoutError(), "replica-announce-ip"),
        (OSError(113, "No route to host"), "replica-announce-ip"),
        (socket.gaierror(-2, "Name or service not known"), "let that announce a name"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_who_named_a_server_is_told_and_what_to_let_it_name(error, advice):
    """No field of the pool holds an address that a Sentinel told, so none is named."""
    message = explain_failure(error, TOLD, timeout_seconds=2).message
    assert "which Sentinel s-0:26379 calls the master mymaster" in message
    assert advice in message
    assert "spec.redis" not in message


@pytest.mark.parametrize(
    ("words", "told", "advice"),
    [
        ("MOVED 1 10.0.0.1:6379", None, "name it in spec.redis.cluster.nodes instead of spec.redis.host"),
        ("MOVED 1 10.0.0.1:6379", "the cluster names", "just moving to another node"),
        ("ASK 1 10.0.0.1:6379", "the cluster names", "just moving to another node"),
        ("CLUSTERDOWN Hash slot not served", "the cluster names", "CLUSTER NODES"),
    ],
)
def test_a_cluster_s_words_mean_something_else_to_who_knows_of_it(words, told, advice):
    """To others they say that there is a cluster."""
    endpoint = ENDPOINT.at("redis-0", 6379, naming=Naming(told=told))
    assert advice in explain_refusal(Refusal(words), endpoint, database=0, key="k").message


@pytest.mark.parametrize(
    ("alert", "shown", "words"),
    [
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]", None, "asks for a client certificate"),
        ("[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE]", None, "asks for a client certificate"),
        ("[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE]", SHOWN, "TLS with Redis at redis.shop.svc:6380 failed"),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA]", SHOWN, "signed by an authority that it does not know"),
        ("[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED]", SHOWN, "which has expired"),
        ("[SSL: SSLV3_ALERT_BAD_CERTIFICATE]", SHOWN, "is not accepted"),
    ],
)
def test_a_server_s_word_against_a_certificate(alert, shown, words):
    """One that is missing and one that is refused are two things."""
    tls = TlsTrust(ca_pem=None, verify_certificate=True, verify_name=True, server_name=None, client=shown)
    found = explain_failure(ssl.SSLError(1, alert), replace(ENDPOINT, tls=tls), timeout_seconds=2)
    assert found.reason is UnknownReason.TLS_FAILED
    assert words in found.message
    assert CANARY not in found.message


def test_the_endpoint_itself_never_shows_its_password():
    """Neither in a log line nor in a traceback."""
    assert CANARY not in repr(ENDPOINT)
    assert CANARY not in str(ENDPOINT)
