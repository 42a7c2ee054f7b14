"""
One connection to one Redis: commands go out together, replies come back in order.

This is the protocol and nothing else: no pool, no retry, no reconnection.  It
is written on hiredis itself rather than on a client, because a client retries,
renames errors and repairs its connection behind the caller's back, and here
each of these has to be visible.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import hiredis

from queueworkers.errors import QueueWorkersError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.backlog.endpoint import RedisEndpoint, TlsTrust

Command = tuple[str | bytes | int, ...]

Reply = Any
"""`bytes`, `int`, ``None``, a list of replies, or a `Refusal` in the place of one."""

_CHUNK_BYTES = 256 * 1024
_SHORT_ANSWER_BYTES = 64 * 1024

_NOTHING_YET = object()


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server answered to one command instead of a value; the other commands are not concerned."""

    words: str
    """In the server's own words."""

    @property
    def code(self) -> str:
        """The first word, such as ``WRONGTYPE``; ``ERR`` where the server has no better one."""
        return self.words.partition(" ")[0]


class LoginRefusedError(QueueWorkersError):
    """The server did not take the user and the password."""

    def __init__(self, refusal: Refusal) -> None:
        """Keep the refusal; its words may repeat what was sent and are for nobody's eyes."""
        super().__init__(refusal.code)
        self.refusal = refusal


class NotRedisError(QueueWorkersError):
    """The other side does not answer as a Redis would."""


class UntrustworthyCaError(QueueWorkersError):
    """The given certificate authority cannot be read."""


class PlaintextError(QueueWorkersError):
    """TLS was spoken to a server that does not understand it."""


class Wire:
    """
    An open, authenticated connection.

    After any error, cancellation included, replies may still be under way that
    belong to an earlier question: close it and open another.  `exchange` marks
    it as `broken`, so that this cannot be forgotten.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        # Its type hints want an exception; any value does, and a reply is one.
        self._parser = hiredis.Reader(replyError=Refusal, notEnoughData=_NOTHING_YET)  # type: ignore[arg-type]
        self.database = 0
        """The selected database; kept up to date by whoever sends `SELECT`."""
        self.broken = False

    @classmethod
    async def open(cls, endpoint: RedisEndpoint) -> Self:
        """
        Connect and log in.

        Raises:
            OSError: no connection; TLS errors and a host that is not found are among its kinds.
            LoginRefusedError: the server did not take the password.
            NotRedisError: something else listens there.
            UntrustworthyCaError: the certificate authority is not PEM.
        """
        tls = _tls_context(endpoint.tls) if endpoint.tls else None
        name = (endpoint.tls.server_name or endpoint.host) if endpoint.tls else None
        reader, writer = await asyncio.open_connection(
            endpoint.host, endpoint.port, ssl=tls, server_hostname=name, limit=_CHUNK_BYTES
        )
        wire = cls(reader, writer)
        try:
            await wire._log_in(endpoint)
        except BaseException:
            wire.close()
            raise
        return wire

    async def exchange(
        self, commands: Sequence[Command], *, at_most_bytes: int = _SHORT_ANSWER_BYTES
    ) -> list[Reply]:
        """
        Send *commands* in one go and return as many replies, each in its place.

        Args:
            commands: What to ask.
            at_most_bytes: A server that sends more than the questions can bring is not listened to.

        Raises:
            OSError: the connection ended.
            NotRedisError: the answer is no Redis protocol, or too long.
        """
        if self.broken:
            raise ConnectionResetError("an earlier question on this connection was never answered")
        self.broken = True
        self._writer.write(b"".join([_pack(command) for command in commands]))
        await self._writer.drain()
        replies = await self._read(len(commands), at_most_bytes)
        self.broken = False
        return replies

    async def select(self, database: int) -> bool:
        """Go to *database*, if that is not where we are; False when the server refuses."""
        if database != self.database:
            (reply,) = await self.exchange([("SELECT", database)])
            if isinstance(reply, Refusal):
                return False
            self.database = database
        return True

    def close(self) -> None:
        """End the connection at once; what is under way is lost."""
        self.broken = True
        self._writer.transport.abort()

    async def _read(self, count: int, budget: int) -> list[Reply]:
        replies: list[Reply] = []
        try:
            while len(replies) < count:
                reply = self._parser.gets()
                if reply is not _NOTHING_YET:
                    replies.append(reply)
                    continue
                chunk = await self._reader.read(_CHUNK_BYTES)
                budget -= len(chunk)
                if not chunk:
                    raise ConnectionResetError("the server closed the connection")
                if budget < 0:
                    raise NotRedisError("it sends more than it was asked for")
                self._parser.feed(chunk)
        except hiredis.ProtocolError as error:
            raise NotRedisError("it does not speak the Redis protocol") from error
        return replies

    async def _log_in(self, endpoint: RedisEndpoint) -> None:
        if endpoint.password is None:
            return
        user = () if endpoint.username is None else (endpoint.username,)
        (reply,) = await self.exchange([("AUTH", *user, endpoint.password)])
        if isinstance(reply, Refusal):
            raise LoginRefusedError(reply)


async def observe_plaintext(endpoint: RedisEndpoint) -> bool:
    """
    Tell whether a Redis without TLS listens; sends nothing secret.

    To such a server the first message of TLS looks like a line that has not
    ended yet, so it waits, and from outside that looks like a server that hangs.
    """
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    try:
        writer.write(b"PING\r\n")
        return await reader.read(1) in {b"+", b"-"}
    finally:
        writer.transport.abort()


def _pack(command: Command) -> bytes:
    # Its type hints say a tuple of exactly one, which is not meant.
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]
    return packed


def _tls_context(trust: TlsTrust) -> ssl.SSLContext:
    if trust.ca_pem is not None and not trust.ca_pem.strip():
        # Python would take an empty text for none, and trust the system's authorities instead.
        raise UntrustworthyCaError("the certificate authority is empty")
    try:
        # TypeError: PEM is ASCII.
        context = ssl.create_default_context(cadata=trust.ca_pem)
    except (ssl.SSLError, TypeError) as error:
        raise UntrustworthyCaError("the certificate authority is not in PEM form") from error
    context.check_hostname = trust.verify_certificate and trust.verify_name
    context.verify_mode = ssl.CERT_REQUIRED if trust.verify_certificate else ssl.CERT_NONE
    return context
