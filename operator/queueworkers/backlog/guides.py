"""Servers of which any one can tell the way: Sentinels, and the nodes of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from queueworkers.backlog.troubles import FAILURES
from queueworkers.domain.backlog import UnknownBacklog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from queueworkers.backlog.server import Server
    from queueworkers.backlog.way import Pace
    from queueworkers.backlog.wire import Command, Reply

T = TypeVar("T")

MOST_BYTES = 4 * 1024 * 1024
"""A cluster whose slots are in very many pieces takes some 100 bytes for each."""


class Guides:
    """
    Asks servers in turn until one has an answer; that one is asked first the next time.

    Those that did not answer go to the end, so that each has its chance even
    where the time is over before all were asked.
    """

    def __init__(self, servers: Sequence[Server], pace: Pace) -> None:
        self._servers = list(servers)
        self._pace = pace

    async def consult(
        self, command: Command, understand: Callable[[Server, Reply], Awaitable[T | UnknownBacklog]]
    ) -> T | UnknownBacklog:
        """
        Ask until somebody's reply is understood as an answer.

        Returns:
            The answer; without one, what the first of those that did reply had
            to say, or why the first of those that did not could not be asked.
        """
        until = self._pace.monotonic() + 2 * self._pace.timeout_seconds
        silent: list[UnknownBacklog] = []
        unhelpful: list[UnknownBacklog] = []
        for server in tuple(self._servers):
            if self._pace.monotonic() >= until:
                break
            try:
                (reply,) = await server.ask_anew([command], at_most_bytes=MOST_BYTES)
                answer = await understand(server, reply)
            except FAILURES as error:
                silent.append(server.explain(error))
            else:
                if not isinstance(answer, UnknownBacklog):
                    self._servers.remove(server)
                    self._servers.insert(0, server)
                    return answer
                unhelpful.append(answer)
            self._servers.remove(server)
            self._servers.append(server)
        return [*unhelpful, *silent][0]

    def drop(self) -> None:
        """Hang up."""
        for server in self._servers:
            server.drop()
