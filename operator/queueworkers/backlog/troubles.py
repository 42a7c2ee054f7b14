"""
From what went wrong to one sentence for a person: what, where, what to do.

The only place where a library's errors and a server's words are interpreted.
A server's words are quoted with care: it may repeat what it was sent.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

from queueworkers.api.conditions import UnknownReason
from queueworkers.backlog.keys import printable
from queueworkers.backlog.wire import (
    ClientCertificateError,
    DemotedError,
    LoginRefusedError,
    NotRedisError,
    PlaintextError,
    Refusal,
    UntrustworthyCaError,
)
from queueworkers.domain.backlog import UnknownBacklog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.backlog.endpoint import ClusterEndpoint, Endpoint, PoolRequest, RedisEndpoint

FAILURES = (
    OSError,
    UnicodeError,
    LoginRefusedError,
    NotRedisError,
    DemotedError,
    PlaintextError,
    UntrustworthyCaError,
    ClientCertificateError,
)
"""What ends a connection; anything else is a bug of ours and is not caught."""

_QUOTED_LENGTH = 200
_NAMED_MASTERS = 5

NEEDED_COMMANDS = (
    "+select +time +llen +zcard +zcount +eval +evalsha +type +lindex +lpos +zrangebyscore +memory|usage +mget +exists"
    " +info +scan +client|list"
)
"""What a user needs at every server; what some need beside is in docs/redis.md."""

# The whole endpoint is concerned: every queue would be answered like that.
_COMMON_CODES = frozenset({"NOAUTH", "LOADING", "MASTERDOWN"})

_CLUSTER = "It is a node of a Redis Cluster: name it in spec.redis.cluster.nodes instead of spec.redis.host."
_MOVING = "Its queues are just moving to another node: they are read as soon as that is done."
_SERVER_ADVICE = {
    "MASTERDOWN": "Name the master, or repair the replication.",
    "CLUSTERDOWN": "See `CLUSTER INFO` and `CLUSTER NODES` there.",
    "TRYAGAIN": _MOVING,
}
_REDIRECTIONS = {"MOVED", "ASK", "CROSSSLOT"}

_ANNOUNCE = "If that address cannot be reached from the operator, let the servers announce one that can: {}announce-ip."
_CLIENT_CERTIFICATE = "spec.redis.tls.clientCertificateSecretRef"
# How a server's TLS says that it does not like what it was shown, from RFC 8446.
_CERTIFICATE_ALERTS = {
    "UNKNOWN_CA": "was signed by an authority that it does not know",
    "CERTIFICATE_EXPIRED": "has expired",
    "CERTIFICATE_REVOKED": "was revoked",
    "BAD_CERTIFICATE": "is not accepted",
    "UNSUPPORTED_CERTIFICATE": "is not one for clients",
    "CERTIFICATE_UNKNOWN": "is not accepted",
}


def concerns_all(refusal: Refusal) -> bool:
    """Tell whether a refusal says something about the server rather than about one queue."""
    return refusal.code in _COMMON_CODES


def explain_failure(error: Exception, endpoint: RedisEndpoint, *, timeout_seconds: float) -> UnknownBacklog:
    """Say why a server could not be asked at all."""
    where, naming = endpoint.title, endpoint.naming
    match error:
        case LoginRefusedError():
            return _explain_refused_login(error.refusal, endpoint)
        case DemotedError():
            words = f"{where} is a replica by now: it is read again as soon as the Sentinels have agreed on a master."
            return _unknown(UnknownReason.MASTER_NOT_FOUND, words)
        case NotRedisError():
            words = f"What listens at {endpoint} is no {naming.kind}, or speaks TLS only: {error}. Check spec.redis."
            return _unknown(UnknownReason.SERVER_ERROR, words)
        case ClientCertificateError() | UntrustworthyCaError() | PlaintextError() | ssl.SSLError():
            return _unknown(UnknownReason.TLS_FAILED, _explain_tls(error, endpoint))
        case TimeoutError():
            reason = UnknownReason.TIMED_OUT
            words = f"{where} did not answer within {timeout_seconds:g} s: it is overloaded, hangs, or a firewall is in the way."
        case socket.gaierror() | UnicodeError():
            words = (
                f"The host name {endpoint.host}, which {naming.told}, cannot be resolved: let that announce a name or an"
                " address that means the same to the operator."
                if naming.told
                else f"The host name {endpoint.host} cannot be resolved: check {naming.host_field}, and that its Service"
                " exists."
            )
            return _unknown(UnknownReason.HOST_NOT_FOUND, words)
        case ConnectionRefusedError():
            reason = UnknownReason.CONNECTION_FAILED
            check = "" if naming.told else f", and {naming.port_field}"
            words = f"{where} refuses the connection: nothing listens there. Check that it runs{check}."
        case ConnectionResetError() | BrokenPipeError():
            reason = UnknownReason.CONNECTION_FAILED
            hint = "" if endpoint.tls else " If it expects TLS, set spec.redis.tls."
            words = f"{where} closed the connection: it may be restarting, or has too many clients.{hint}"
        case _:
            reason = UnknownReason.CONNECTION_FAILED
            detail = getattr(error, "strerror", None) or type(error).__name__
            words = f"{where} cannot be reached: {detail}."
    if naming.told:
        words = f"{words} {_ANNOUNCE.format('cluster-' if 'node' in naming.kind else 'replica-')}"
    return _unknown(reason, words)


def explain_refusal(
    refusal: Refusal,
    endpoint: RedisEndpoint,
    *,
    database: int,
    key: str | None,
    holds: str = "something else",
    needed_beside: str = "",
) -> UnknownBacklog:
    """
    Say why a server did not count a queue.

    Args:
        refusal: What it said.
        endpoint: Which server.
        database: Which of its databases.
        key: Which key, printable; ``None`` where it refused the whole database.
        holds: What that key holds, where its type is the trouble.
        needed_beside: Commands that such a key takes beside `NEEDED_COMMANDS`.
    """
    where = endpoint.title
    match refusal.code:
        case "NOAUTH":
            return _explain_missing_password(endpoint)
        case "LOADING":
            reason = UnknownReason.LOADING
            words = f"{where} is loading its data after a start: the backlog is read as soon as it is done."
        case "NOPERM":
            reason = UnknownReason.PERMISSION_DENIED
            words = _explain_permission(endpoint, database, key, f"{NEEDED_COMMANDS}{needed_beside}")
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
            if code in _REDIRECTIONS:
                # One who was told of a node knows that there is a cluster.
                advice = _MOVING if endpoint.naming.told else _CLUSTER
            words = f"{where} does not count {place}: {_quote(refusal, endpoint)}. {advice}"
    return _unknown(reason, words)


def explain_sentinel(refusal: Refusal, endpoint: RedisEndpoint) -> UnknownBacklog:
    """Say why a Sentinel did not tell who the master is."""
    match refusal.code:
        case "NOAUTH":
            return _explain_missing_password(endpoint)
        case "NOPERM":
            user = f"User {endpoint.username}" if endpoint.username else "The default user"
            words = f"{user} may not ask {endpoint.title}: allow it +sentinel|get-master-addr-by-name."
            return _unknown(UnknownReason.PERMISSION_DENIED, words)
        case _:
            words = (
                f"What listens at {endpoint} is no Sentinel ({_quote(refusal, endpoint)}):"
                " check spec.redis.sentinel.nodes, and name a Redis without Sentinels in spec.redis.host."
            )
            return _unknown(UnknownReason.SERVER_ERROR, words)


def explain_unknown_master(endpoint: RedisEndpoint, name: str, *, known: Sequence[str]) -> UnknownBacklog:
    """Say that a Sentinel watches no master of that *name*, and which it does watch."""
    others = ", ".join(printable(each) for each in known[:_NAMED_MASTERS])
    words = (
        f"{endpoint.title} knows no master {name}; it knows {others}: correct spec.redis.sentinel.masterName."
        if others
        else f"{endpoint.title} knows no master {name}: correct spec.redis.sentinel.masterName."
    )
    return _unknown(UnknownReason.MASTER_NOT_FOUND, words)


def explain_no_cluster(refusal: Refusal, endpoint: RedisEndpoint) -> UnknownBacklog:
    """Say why a node did not tell which nodes there are."""
    match refusal.code:
        case "NOAUTH":
            return _explain_missing_password(endpoint)
        case "NOPERM":
            user = f"User {endpoint.username}" if endpoint.username else "The default user"
            words = f"{user} may not ask {endpoint.title} for its slots: allow it +cluster|slots."
            return _unknown(UnknownReason.PERMISSION_DENIED, words)
        case "LOADING":
            return explain_refusal(refusal, endpoint, database=0, key=None)
        case _:
            words = (
                f"Redis at {endpoint} is no node of a cluster ({_quote(refusal, endpoint)}): name it in"
                " spec.redis.host instead of spec.redis.cluster."
            )
            return _unknown(UnknownReason.SERVER_ERROR, words)


def explain_unserved_slot(cluster: ClusterEndpoint, slot: int | None, *, key: str | None) -> UnknownBacklog:
    """Say that nobody has a slot; ``None`` where nobody has any."""
    what = "any slot" if key is None else f"slot {slot}, in which {printable(key)} is"
    words = f"No node of {cluster.title} has {what}: see `CLUSTER NODES` there, and give every slot a node."
    return _unknown(UnknownReason.SERVER_ERROR, words)


def explain_scattered(request: PoolRequest, queue: str, cluster: Endpoint) -> UnknownBacklog:
    """Say that the keys of a queue are not in one slot, and how they would be."""
    keys = request.framework.keys(queue, request.spelling)
    some = " and ".join(printable(store.key) for store in keys[:2])
    version = request.spelling.version
    newest = request.framework.keys(queue, replace(request.spelling, version=None))
    declared = ".".join(map(str, version)) if version else ""
    upgrade = (
        f", or correct spec.version where it is no longer {declared}: newer ones do it by themselves"
        if newest != keys
        else ""
    )
    return _unknown(
        UnknownReason.KEYS_IN_DIFFERENT_SLOTS,
        f"{some} are in different slots of {cluster.title}, where no worker can take jobs of queue {queue}: name it {{{queue}}}, in braces, in the application and in spec.queues{upgrade}.",
    )


def _explain_missing_password(endpoint: RedisEndpoint) -> UnknownBacklog:
    words = (
        f"{endpoint.title} asks for a password, and there is none:"
        f" set {endpoint.naming.login_field}.passwordSecretRef."
    )
    return _unknown(UnknownReason.AUTHENTICATION_REQUIRED, words)


def _explain_refused_login(refusal: Refusal, endpoint: RedisEndpoint) -> UnknownBacklog:
    user = f"user {endpoint.username}" if endpoint.username else "the default user"
    where, reference = endpoint.title, f"{endpoint.naming.login_field}.passwordSecretRef"
    # The server's words are left out: one that has renamed AUTH repeats the password.
    match refusal.code:
        case "NOPERM":
            words = f"{where} does not let {user} log in: check its ACL."
            return _unknown(UnknownReason.PERMISSION_DENIED, words)
        case "LOADING":
            return explain_refusal(refusal, endpoint, database=0, key=None)
    if "without any password" in refusal.words:
        words = f"{where} has no password for {user}, but one was given: remove {reference}, or set the password there."
    else:
        words = f"{where} does not accept the password of {user}: correct the Secret that {reference} names."
    return _unknown(UnknownReason.AUTHENTICATION_FAILED, words)


def _explain_tls(error: Exception, endpoint: RedisEndpoint) -> str:
    where = endpoint.title
    if isinstance(error, ClientCertificateError):
        return f"The client certificate for {where} cannot be used: {error}. Correct the Secret that {_CLIENT_CERTIFICATE} names."
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
        port = "" if endpoint.naming.told else ", or name its TLS port"
        return f"{where} does not speak TLS on this port: remove spec.redis.tls{port}."
    refused = _explain_refused_certificate(str(error), endpoint)
    return refused or f"TLS with {where} failed: {getattr(error, 'reason', None) or type(error).__name__}."


def _explain_refused_certificate(words: str, endpoint: RedisEndpoint) -> str | None:
    """Say that the server does not like what we show; ``None`` where it is about something else."""
    shown = endpoint.tls and endpoint.tls.client
    # Before TLS 1.3 there was no word of its own for a certificate that is missing.
    if "CERTIFICATE_REQUIRED" in words or ("HANDSHAKE_FAILURE" in words and not shown):
        return (
            f"{endpoint.title} asks for a client certificate:"
            f" name the Secret that holds it in {_CLIENT_CERTIFICATE}."
        )
    for alert, why in _CERTIFICATE_ALERTS.items():
        if f"ALERT_{alert}" in words:
            return (
                f"{endpoint.title} refuses the client certificate, which {why}:"
                f" renew the Secret that {_CLIENT_CERTIFICATE} names."
            )
    return None


def _explain_permission(endpoint: RedisEndpoint, database: int, key: str | None, needed: str) -> str:
    user = f"User {endpoint.username}" if endpoint.username else "The default user"
    what = f"database {database}" if key is None else f"{key} in database {database}"
    pattern = "" if key is None else f", and keys by ~{key}*"
    return f"{user} may not read {what} of {endpoint.title}: allow it {needed}{pattern}."


def _quote(refusal: Refusal, endpoint: RedisEndpoint) -> str:
    """A server's words, printable, of sane length, and without the password should it know how to repeat it."""
    words = printable(refusal.words)
    if endpoint.password:
        words = words.replace(endpoint.password, "(hidden)")
    return words.removeprefix("ERR ")[:_QUOTED_LENGTH].rstrip(". ")


def _unknown(reason: UnknownReason, message: str) -> UnknownBacklog:
    return UnknownBacklog(reason=reason, message=message)
