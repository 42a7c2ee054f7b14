"""What `CLIENT LIST` tells of a Redis: who is connected from where, since when it is silent, and after what."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from queueworkers.domain.leaving import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from queueworkers.backlog.wire import Wire

MOST_BYTES = 8 * 1024 * 1024
"""Some 25,000 connections; a server with more is not listened to."""

FRESH_FACTOR = 10
"""
An answer is good for so many times as long as it took, so that pools which shrink together share it: the server
writes a line per client, and spends a tenth of its time on that at most.  Not longer: a worker may become idle.
"""

REST_SECONDS = 60.0
"""When to ask again where it was refused, too long, or took too long."""

_LINE = re.compile(
    rb"^id=\d+ addr=(?P<address>\S+):\d+(?: laddr=\S+)? fd=\S+ name=\S* age=\d+ idle=(?P<idle>\d+)"
    rb" flags=(?P<flags>\w+) db=(?P<database>\d+) .* cmd=(?P<command>\S+)",
    re.MULTILINE,
)
"""
The fields that every Redis since 2.8 has, in their order; ``laddr`` came in 6.2, others later behind them.

An IPv6 address stands in brackets; a name that a client gives itself has no space.
"""


class ConnectionList:
    """
    The connections of one server, asked for when somebody wants to know, and not too often.

    Args:
        monotonic: A clock, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._asked_again_at = float("-inf")
        self._known: tuple[Connection, ...] | None = None
        self._outdated_at = float("-inf")

    def outdate(self) -> None:
        """
        Note that queues were read: what is decided from that is not to rest on an older answer.

        A worker that has just ended its job would look like the one that has been busy for longest.  Only a
        server that takes long to answer is left alone for as long as it took.
        """
        if self._known is not None:
            self._asked_again_at = min(self._asked_again_at, self._outdated_at)

    async def observe(self, wire: Wire) -> tuple[Connection, ...] | None:
        """
        List the connections of ordinary clients; ``None`` where the server does not tell.

        Args:
            wire: A connection to it; the user needs ``+client|list``, which ``+@read`` does not include.

        Raises:
            OSError: the connection ended.
            NotRedisError: the answer is no Redis protocol, or too long.
        """
        asked_at = self._monotonic()
        if asked_at < self._asked_again_at:
            return self._known
        # Before the question, so that one that fails is not asked again at once.
        self._known, self._asked_again_at = None, asked_at + REST_SECONDS
        (reply,) = await wire.exchange([("CLIENT", "LIST", "TYPE", "normal")], at_most_bytes=MOST_BYTES)
        if isinstance(reply, bytes):
            self._known, told_at = parse_connections(reply), self._monotonic()
            self._asked_again_at = told_at + FRESH_FACTOR * (told_at - asked_at)
            self._outdated_at = told_at + (told_at - asked_at)
        return self._known


def parse_connections(reply: bytes) -> tuple[Connection, ...]:
    """Read the lines that Redis wrote; one that reads otherwise is left out."""
    return tuple(
        Connection(
            address=line["address"].decode(errors="replace").strip("[]"),
            idle_seconds=int(line["idle"]),
            command=line["command"].decode(errors="replace").lower(),
            database=int(line["database"]),
            blocked=b"b" in line["flags"],
        )
        for line in _LINE.finditer(reply)
    )
