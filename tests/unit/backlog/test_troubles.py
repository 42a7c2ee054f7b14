"""Every failure has a reason, a place and an advice, and never a secret."""

from __future__ import annotations

import socket
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueworkers.api.conditions import UnknownReason
from queueworkers.backlog.endpoint import RedisEndpoint
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


def test_the_endpoint_itself_never_shows_its_password():
    """Neither in a log line nor in a traceback."""
    assert CANARY not in repr(ENDPOINT)
    assert CANARY not in str(ENDPOINT)
