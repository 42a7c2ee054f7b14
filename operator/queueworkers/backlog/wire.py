"""
One connection to one Redis: commands go out together, replies come back in order.

Beside the replies a server may tell of keys that have changed, where it was
asked to; so what comes is read all the time, and its end is noticed at once.

Connecting, logging in and the protocol are redis-py's; its client, its pool
and its retries are left out, because they repair a connection behind the
caller's back, and here each failure has to be visible.  Its errors are
translated here, once, into those that are documented at each call.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import hiredis
from redis.asyncio.connection import Connection, DefaultParser
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    InvalidResponse,
    RedisError,
    ResponseError,
)

from queueworkers.errors import QueueWorkersError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from queueworkers.backlog.endpoint import ClientCertificate, RedisEndpoint, TlsTrust

Command = tuple[str | bytes | int, ...]

Reply = Any
"""`bytes`, `int`, ``None``, a list of replies, or a `Refusal` in the place of one."""

Hear = Callable[[Sequence[bytes] | None], None]
"""Called with keys that have changed; with ``None`` where any may have, as after `FLUSHALL`."""

_NUMBERS = itertools.count()
_CHUNK_BYTES = 256 * 1024
SHORT_ANSWER_BYTES = 64 * 1024

_IDLE_BYTES = 64 * 1024
"""How much may be read of a message that nobody asked for before it is understood: it names one key, or none."""

_FRAME_BYTES = 64
"""Of such a message, what is not the key."""

_INVALIDATE = b"invalidate"

TELL: Command = ("CLIENT", "CACHING", "YES")
"""Has the server tell, once, when a key changes that the next command names."""


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


class ClientCertificateError(QueueWorkersError):
    """The certificate that we are to show cannot be used; the words say why."""


class DemotedError(QueueWorkersError):
    """The server was taken for a master and is a replica, of which nobody knows how far behind it is."""


class PlaintextError(QueueWorkersError):
    """TLS was spoken to a server that does not understand it."""


class Wire:
    """
    An open, authenticated connection.

    After any error, cancellation included, replies may still be under way that
    belong to an earlier question: close it and open another.  `exchange` marks
    it as `broken`, so that this cannot be forgotten, nor redis-py's connection
    open itself anew.
    """

    def __init__(self, connection: _Socket) -> None:
        self._connection = connection
        self._awaited: _Awaited | None = None
        self._reading = asyncio.create_task(self._read())
        self._failure: BaseException | None = None
        self._ended: Callable[[], None] = lambda: None
        self.number = next(_NUMBERS)
        """Tells it from every other connection of this process."""
        self.database = 0
        """The selected database; kept up to date by whoever sends `SELECT`."""
        self.broken = False

    @classmethod
    async def open(cls, endpoint: RedisEndpoint) -> Self:
        """
        Connect and log in.

        Raises:
            OSError: no connection; TLS errors and a host that is not found are among its kinds.
            UnicodeError: the host's name is none.
            LoginRefusedError: the server did not take the password.
            NotRedisError: something else listens there.
            UntrustworthyCaError: the certificate authority is not PEM.
            ClientCertificateError: the client certificate is not PEM, or the key is another's.
        """
        connection = _Socket(endpoint)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException as error:
            connection.abort()
            match error:
                case ResponseError():
                    raise LoginRefusedError(Refusal(str(error))) from None
                case InvalidResponse() | AuthenticationError():
                    raise NotRedisError("it does not speak the Redis protocol") from error
                case RedisError():
                    raise _origin_of(error) from None
            raise
        return cls(connection)

    async def exchange(
        self, commands: Sequence[Command], *, at_most_bytes: int = SHORT_ANSWER_BYTES
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
        if self._failure:
            raise self._failure
        if self.broken:
            raise ConnectionResetError("an earlier question on this connection was never answered")
        self.broken = True
        self._connection.allow(at_most_bytes)
        self._awaited = _Awaited(len(commands))
        try:
            await self._connection.send_packed_command(_pack(commands))
            replies = await self._awaited.replies
        except RedisError as error:
            raise _origin_of(error) from None
        finally:
            self._awaited.give_up()
            self._awaited = None
        if self._connection.is_overdrawn:
            raise NotRedisError("it sends more than it was asked for")
        self._connection.allow(_IDLE_BYTES)
        # What came behind the last of them may have ended it already.
        self.broken = self._failure is not None
        return replies

    async def listen(self, hear: Hear, ended: Callable[[], None]) -> bool:
        """
        Have the server tell of changes, of those keys for which it is asked to.

        Nothing is told of a key before it was named in a command that follows
        `TELL`; and once it was told of, it has to be named again.  See
        https://redis.io/docs/latest/develop/reference/client-side-caching/

        Args:
            hear: Called with what has changed, in the midst of whatever else is going on: it must not block.
            ended: Called once, when nothing more will be told, except by `close`.

        Returns:
            False where the server, the user or something between does not have that; all else works as before.

        Raises:
            As `exchange`.
        """
        (greeting,) = await self.exchange([("HELLO", 3)])
        if not isinstance(greeting, dict):
            return False
        self._connection.speak_third_version(hear)
        (answer,) = await self.exchange([("CLIENT", "TRACKING", "ON", "OPTIN")])
        if isinstance(answer, Refusal):
            return False
        self._ended = ended
        return True

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
        self._ended = lambda: None
        self._connection.abort()
        self._reading.cancel()

    async def _read(self) -> None:
        """Take what comes, for ever: replies to who awaits them, and the connection's end to everybody."""
        try:
            while True:
                reply = await self._reply()
                if reply is _TOLD:
                    continue
                self._take(reply)
        except InvalidResponse as error:
            self._fail(NotRedisError("it does not speak the Redis protocol"), error)
        except RedisError as error:
            self._fail(_origin_of(error), None)
        except (OSError, NotRedisError) as error:
            self._fail(error, error.__cause__)

    async def _reply(self) -> Reply:
        try:
            return await self._connection.read_response(push_request=True)
        except ResponseError as error:
            return Refusal(str(error))

    def _take(self, reply: Reply) -> None:
        if self._awaited is None:
            raise NotRedisError("it answers what nobody asked")
        self._awaited.add(reply)

    def _fail(self, error: BaseException, cause: BaseException | None) -> None:
        error.__cause__ = cause
        self._failure, self.broken = error, True
        if self._awaited:
            self._awaited.fail(error)
        self._ended()


class _Awaited:
    """The replies to a question that is under way."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._come: list[Reply] = []
        self.replies: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()
        if not count:
            self.replies.set_result(self._come)

    def add(self, reply: Reply) -> None:
        """Take the next one."""
        if len(self._come) == self._count:
            raise NotRedisError("it answers what nobody asked")
        self._come.append(reply)
        if len(self._come) == self._count and not self.replies.done():
            self.replies.set_result(self._come)

    def fail(self, error: BaseException) -> None:
        """Tell that no more will come."""
        if not self.replies.done():
            self.replies.set_exception(error)

    def give_up(self) -> None:
        """Await nothing any more; a failure that nobody saw is no news then."""
        if not self.replies.cancel() and not self.replies.cancelled():
            self.replies.exception()


_TOLD = object()
"""In the place of a reply, where a message came that answers nothing."""


class _Plain(DefaultParser):  # type: ignore[misc,valid-type] # it is one of several classes
    """Leaves every error reply what it is: redis-py would take some for the end of the connection."""

    EXCEPTION_CLASSES: Mapping[str, type[Exception]] = MappingProxyType({})
    hear: Hear | None = None

    async def handle_push_response(self, message: Sequence[Reply]) -> object:
        """Hand on which keys have changed; other messages that answer nothing are not for us."""
        if self.hear is None:
            raise NotRedisError("it sends messages that answer nothing")
        match message:
            case [kind, list() | None as keys] if kind == _INVALIDATE:
                self.hear(keys)
        return _TOLD


class _Rationed:
    """A stream of which no more is read than was agreed."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self.left = SHORT_ANSWER_BYTES

    async def read(self, size: int) -> bytes:
        """Read at most *size* bytes; what was too much is known by the next time, as some of it may have been told."""
        if self.left < 0:
            raise NotRedisError("it sends more than it was asked for")
        chunk = await self._stream.read(size)
        self.left -= len(chunk)
        return chunk


class _Socket(Connection):
    """
    redis-py's connection, with what it has no option for.

    A name of its own for the certificate to carry; authorities that are
    believed instead of the system's, and not beside them; a bound to what is
    read; and an end that does not wait for a hanging server to read the rest.
    """

    def __init__(self, endpoint: RedisEndpoint) -> None:
        self._tls: Mapping[str, object] = {}
        if endpoint.tls:
            name = endpoint.tls.server_name or endpoint.host
            self._tls = {"ssl": _tls_context(endpoint.tls), "server_hostname": name}
        self._rationed: _Rationed | None = None
        self._transport: asyncio.WriteTransport | None = None
        super().__init__(
            host=endpoint.host,
            port=endpoint.port,
            # A user without a password would be logged in with an empty one.
            username=None if endpoint.password is None else endpoint.username,
            password=endpoint.password,
            protocol=2,
            # The time limits are the caller's.
            socket_timeout=None,
            socket_connect_timeout=None,
            socket_read_size=_CHUNK_BYTES,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            driver_info=None,
            parser_class=_Plain,
        )

    def allow(self, size: int) -> None:
        """Let so many bytes be read from now on, beside what is told unasked."""
        if self._rationed:
            self._rationed.left = size

    @property
    def is_overdrawn(self) -> bool:
        """Tell whether more was read than was allowed."""
        return self._rationed is not None and self._rationed.left < 0

    def speak_third_version(self, hear: Hear) -> None:
        """Be ready for messages that answer nothing, now that the server was asked for them."""
        self.protocol = 3

        def hear_and_allow(keys: Sequence[bytes] | None) -> None:
            if self._rationed:
                self._rationed.left += sum(map(len, keys or ())) + _FRAME_BYTES
            hear(keys)

        self._parser.hear = hear_and_allow  # type: ignore[attr-defined] # it is a `_Plain`

    def abort(self) -> None:
        """End the connection, whatever is still to be sent."""
        if self._transport:
            self._transport.abort()
        self._close()  # type: ignore[no-untyped-call]

    def _connection_arguments(self) -> Mapping[str, object]:
        return {**super()._connection_arguments(), **self._tls}

    async def _connect(self) -> None:
        await super()._connect()  # type: ignore[no-untyped-call]
        if self._reader and self._writer:
            self._transport = self._writer.transport
            self._rationed = _Rationed(self._reader)
            # Of the reader, redis-py's parser uses `read` alone.
            self._reader = self._rationed  # type: ignore[assignment]


def _pack(commands: Sequence[Command]) -> bytes:
    # As redis-py does on its blocking side.  The asynchronous one packs in
    # Python: 1.2 s instead of 0.3 s for the commands of 30,000 queues.
    # The type hints say a tuple of exactly one, which is not meant.
    return b"".join([hiredis.pack_command(command) for command in commands])  # type: ignore[arg-type]


def _origin_of(error: RedisError) -> BaseException:
    """What redis-py wrapped, as the operating system or the TLS library told it; else a closed connection."""
    context = None if error.__suppress_context__ else error.__context__
    return error.__cause__ or context or ConnectionResetError("the server closed the connection")


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


async def observe_refused_certificate(endpoint: RedisEndpoint) -> None:
    """
    Wait for a server's word about what it was shown; sends nothing.

    Since TLS 1.3 a server looks at a client's certificate when the client takes
    the connection for open already, and may have sent a question: whose
    arrival ends the connection so that the server's last word is lost.

    Raises:
        ssl.SSLError: the server does not like what it was shown, or that it was shown nothing.
        OSError: the connection ended otherwise.
    """
    if endpoint.tls is None:
        return
    reader, writer = await asyncio.open_connection(
        endpoint.host,
        endpoint.port,
        ssl=_tls_context(endpoint.tls),
        server_hostname=endpoint.tls.server_name or endpoint.host,
    )
    try:
        await reader.read(1)
    finally:
        writer.transport.abort()


def _tls_context(trust: TlsTrust) -> ssl.SSLContext:
    if trust.ca_pem is not None and not trust.ca_pem.strip():
        # Python would take an empty text for none, and trust the system's authorities instead.
        raise UntrustworthyCaError("the certificate authority is empty")
    try:
        # TypeError: PEM is ASCII.
        context = ssl.create_default_context(cadata=trust.ca_pem)
    except (ssl.SSLError, TypeError) as error:
        raise UntrustworthyCaError("the certificate authority is not in PEM form") from error
    # As PHP: from Python 3.13 on an authority without some extensions of RFC 5280 is refused, such as one that is
    # made by Redis's own script for trying TLS out.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = trust.verify_certificate and trust.verify_name
    context.verify_mode = ssl.CERT_REQUIRED if trust.verify_certificate else ssl.CERT_NONE
    if trust.client:
        _show(context, trust.client)
    return context


def _show(context: ssl.SSLContext, client: ClientCertificate) -> None:
    """
    Let *context* show a client certificate.

    Python reads it from files only.  This one is in memory, ours alone, and
    gone at once: the key touches no disk, and a container without a writable
    directory will do.
    """
    descriptor = os.memfd_create("client-certificate")
    with open(descriptor, "wb") as file:  # noqa: PTH123 -- it has no path of its own
        file.write(f"{client.key_pem}\n{client.chain_pem}\n".encode())
        file.flush()
        try:
            # Without a passphrase here, OpenSSL would ask for one on the terminal.
            context.load_cert_chain(f"/proc/self/fd/{descriptor}", password="")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise ClientCertificateError("its key belongs to another certificate") from None
            raise ClientCertificateError(
                "it is no certificate and key in PEM form without a passphrase"
            ) from None
