"""
From what went wrong to one sentence for a person: what, where, what to do.

The only place where a library's errors and a server's words are interpreted.
A server's words are quoted with care: it may repeat what it was sent.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from queueworkers.api.conditions import UnknownReason
from queueworkers.backlog.wire import (
    LoginRefusedError,
    NotRedisError,
    PlaintextError,
    Refusal,
    UntrustworthyCaError,
)
from queueworkers.domain.backlog import UnknownBacklog

if TYPE_CHECKING:
    from queueworkers.backlog.endpoint import RedisEndpoint

FAILURES = (OSError, UnicodeError, LoginRefusedError, NotRedisError, PlaintextError, UntrustworthyCaError)
"""What ends a connection; anything else is a bug of ours and is not caught."""

_QUOTED_LENGTH = 200

_NEEDED_COMMANDS = (
    "+select +llen +zcard +zcount +time +evalsha +eval +lindex +zrangebyscore +memory|usage +scan +info"
    " +client|list"
)

# The whole endpoint is concerned: every queue would be answered like that.
_COMMON_CODES = frozenset({"NOAUTH", "LOADING", "MASTERDOWN"})


_CLUSTER = "It is a node of a Redis Cluster, which is not supported: name a standalone Redis."
_SERVER_ADVICE = {
    "MASTERDOWN": "Name the master, or repair the replication.",
    "MOVED": _CLUSTER,
    "ASK": _CLUSTER,
    "CROSSSLOT": _CLUSTER,
}


def concerns_all(refusal: Refusal) -> bool:
    """Tell whether a refusal says something about the server rather than about one queue."""
    return refusal.code in _COMMON_CODES


def explain_failure(error: Exception, endpoint: RedisEndpoint, *, timeout_seconds: float) -> UnknownBacklog:
    """Say why an endpoint could not be asked at all."""
    where = f"Redis at {endpoint}"
    match error:
        case LoginRefusedError():
            return _explain_refused_login(error.refusal, endpoint)
        case NotRedisError():
            words = f"What listens at {endpoint} is no Redis, or speaks TLS only: {error}. Check spec.redis."
            return _unknown(UnknownReason.SERVER_ERROR, words)
        case UntrustworthyCaError() | PlaintextError() | ssl.SSLError():
            return _unknown(UnknownReason.TLS_FAILED, _explain_tls(error, endpoint))
        case TimeoutError():
            words = f"{where} did not answer within {timeout_seconds:g} s: it is overloaded, hangs, or a firewall is in the way."
            return _unknown(UnknownReason.TIMED_OUT, words)
        case socket.gaierror() | UnicodeError():
            words = f"The host name {endpoint.host} cannot be resolved: check spec.redis.host, and that its Service exists."
            return _unknown(UnknownReason.HOST_NOT_FOUND, words)
        case ConnectionRefusedError():
            words = f"{where} refuses the connection: nothing listens there. Check that it runs, and spec.redis.port."
        case ConnectionResetError() | BrokenPipeError():
            hint = "" if endpoint.tls else " If it expects TLS, set spec.redis.tls."
            words = f"{where} closed the connection: it may be restarting, or has too many clients.{hint}"
        case _:
            reason = getattr(error, "strerror", None) or type(error).__name__
            words = f"{where} cannot be reached: {reason}."
    return _unknown(UnknownReason.CONNECTION_FAILED, words)


def explain_refusal(
    refusal: Refusal,
    endpoint: RedisEndpoint,
    *,
    database: int,
    key: str | None,
    holds: str = "something else",
) -> UnknownBacklog:
    """
    Say why a server did not count a queue.

    Args:
        refusal: What it said.
        endpoint: Which server.
        database: Which of its databases.
        key: Which key, printable; ``None`` where it refused the whole database.
        holds: What that key holds, where its type is the trouble.
    """
    where = f"Redis at {endpoint}"
    match refusal.code:
        case "NOAUTH":
            reason = UnknownReason.AUTHENTICATION_REQUIRED
            words = f"{where} asks for a password, and there is none: set spec.redis.passwordSecretRef."
        case "LOADING":
            reason = UnknownReason.LOADING
            words = f"{where} is loading its data after a start: the backlog is read as soon as it is done."
        case "NOPERM":
            reason = UnknownReason.PERMISSION_DENIED
            words = _explain_permission(endpoint, database, key)
        case "WRONGTYPE":
            reason = UnknownReason.WRONG_KEY_TYPE
            words = (
                f"{key} in database {database} of {where} holds {holds}, so it is no such queue: another"
                " application uses that key. Check spec.redis.prefix and spec.queues."
            )
        case "ERR" if key is None:
            reason = UnknownReason.DATABASE_NOT_FOUND
            words = (
                f"{where} has no database {database} ({_quote(refusal, endpoint)}):"
                " correct spec.redis.database."
            )
        case code:
            reason = UnknownReason.SERVER_ERROR
            place = f"database {database}" if key is None else f"{key} in database {database}"
            advice = _SERVER_ADVICE.get(code, "Its log may say more.")
            words = f"{where} does not count {place}: {_quote(refusal, endpoint)}. {advice}"
    return UnknownBacklog(reason=reason, message=words)


def _explain_refused_login(refusal: Refusal, endpoint: RedisEndpoint) -> UnknownBacklog:
    user = f"user {endpoint.username}" if endpoint.username else "the default user"
    # The server's words are left out: one that has renamed AUTH repeats the password.
    match refusal.code:
        case "NOPERM":
            words = f"Redis at {endpoint} does not let {user} log in: check its ACL."
            return _unknown(UnknownReason.PERMISSION_DENIED, words)
        case "LOADING":
            return explain_refusal(refusal, endpoint, database=0, key=None)
    if "without any password" in refusal.words:
        words = f"Redis at {endpoint} has no password for {user}, but one was given: remove spec.redis.passwordSecretRef, or set the password there."
    else:
        words = f"Redis at {endpoint} does not accept the password of {user}: correct the Secret that spec.redis.passwordSecretRef names."
    return _unknown(UnknownReason.AUTHENTICATION_FAILED, words)


def _explain_tls(error: Exception, endpoint: RedisEndpoint) -> str:
    where = f"Redis at {endpoint}"
    if isinstance(error, UntrustworthyCaError):
        return f"The certificate authority for {where} is not in PEM form: correct the Secret that spec.redis.tls.caSecretRef names."
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {where} is not trusted: {error.verify_message.rstrip('.')}."
            " Check spec.redis.tls.caSecretRef and spec.redis.tls.serverName."
        )
    if (
        isinstance(error, PlaintextError)
        or "WRONG_VERSION_NUMBER" in str(error)
        or "RECORD_LAYER" in str(error)
    ):
        return f"{where} does not speak TLS on this port: remove spec.redis.tls, or name its TLS port."
    if "CERTIFICATE_REQUIRED" in str(error):
        return f"{where} asks for a client certificate, which is not supported: let it set tls-auth-clients to no."
    return f"TLS with {where} failed: {getattr(error, 'reason', None) or type(error).__name__}."


def _explain_permission(endpoint: RedisEndpoint, database: int, key: str | None) -> str:
    user = f"User {endpoint.username}" if endpoint.username else "The default user"
    what = f"database {database}" if key is None else f"{key} in database {database}"
    pattern = "" if key is None else f", and keys by ~{key}*"
    return f"{user} may not read {what} of Redis at {endpoint}: allow it {_NEEDED_COMMANDS}{pattern}."


def _quote(refusal: Refusal, endpoint: RedisEndpoint) -> str:
    """A server's words, printable, of sane length, and without the password should it know how to repeat it."""
    words = "".join(character if character.isprintable() else "?" for character in refusal.words)
    if endpoint.password:
        words = words.replace(endpoint.password, "(hidden)")
    return words.removeprefix("ERR ")[:_QUOTED_LENGTH].rstrip(". ")


def _unknown(reason: UnknownReason, message: str) -> UnknownBacklog:
    return UnknownBacklog(reason=reason, message=message)
