"""
What the framework's own commands left for its workers, as far as its cache is on the same Redis.

When somebody last asked them to restart, and which queues they are to leave
alone.  Nobody depends on it: what is refused, absent or garbage means that it
is not known, and a server that does not like the question is left alone with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from queueworkers.backlog.keys import encode
from queueworkers.backlog.wire import Refusal
from queueworkers.domain.notices import Notices
from queueworkers.frameworks.base import Hold
from queueworkers.frameworks.payload import parse_unix_time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from queueworkers.backlog.wire import Command, Reply
    from queueworkers.domain.identity import PoolKey
    from queueworkers.frameworks.base import Framework, Notice

SKEW = timedelta(seconds=60)
"""How far the application's clock may be ahead of Redis's; a time beyond that is none."""

_VALUE = re.compile(rb"(?:i:)?([0-9]{1,12});?")
"""A unix time, or one in PHP's own serialisation where the client was told to use that: ``i:1795294615;``."""

_VALUE_BYTES = 256
_REPLY_OVERHEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class SignalPlace:
    """Keys of one database at which one notice may be."""

    database: int
    keys: tuple[str, ...]
    hold: Hold | None = None
    """What the notice does; ``None`` where it is a restart."""
    queue: str | None = None
    """Which queue it is about; ``None`` where it is about all."""

    @property
    def command(self) -> Command:
        """
        Ask for it.

        A restart is a value, and a hold that something is there: in maintenance
        mode a whole page may be.
        """
        return ("EXISTS" if self.hold else "MGET", *map(encode, self.keys))

    def understands(self, reply: Reply) -> bool:
        """Tell whether a reply to *command* is one that says something."""
        return isinstance(reply, int if self.hold else list)

    def parse(self, reply: Reply, *, now: datetime) -> datetime | None:
        """Read a reply that is understood: the moment of the notice, which for a hold is *now*; ``None``: none is there."""
        if self.hold:
            return now if reply else None
        return max(filter(None, (parse_signal(value, now=now) for value in reply)), default=None)


@dataclass(frozen=True, slots=True)
class SignalRequest:
    """What one pool wants to know."""

    key: PoolKey
    """Names the pool in the answer."""
    places: tuple[SignalPlace, ...]
    queues: tuple[str, ...] = ()
    """Those that a notice about all queues is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSearch:
    """What there is to know of a pool to make its request; the request itself names a hundred keys and more."""

    key: PoolKey
    framework: Framework
    notices: tuple[Notice, ...]
    """Those that the pool heeds."""
    prefix: str
    cache_prefix: str | None
    database: int
    connection: str
    queues: tuple[str, ...]

    @property
    def request(self) -> SignalRequest:
        """Name all places."""
        places = signal_places(
            self.framework,
            self.notices,
            prefix=self.prefix,
            cache_prefix=self.cache_prefix,
            database=self.database,
            connection=self.connection,
            queues=self.queues,
        )
        return SignalRequest(self.key, places, self.queues)

    @property
    def key_count(self) -> int:
        """Count the keys of all places, without naming them."""
        prefixes = self.framework.cache_prefixes(prefix=self.prefix, cache_prefix=self.cache_prefix)
        databases = {self.database, *self.framework.cache_databases}
        names = sum(len(self.queues) if notice.is_about_one_queue else 1 for notice in self.notices)
        return len(prefixes) * len(databases) * names


Signals = Mapping["PoolKey", "Notices"]
"""What was left for the workers of each pool; a pool of which nothing is known is not in it."""


def signal_places(
    framework: Framework,
    notices: Iterable[Notice],
    *,
    prefix: str,
    cache_prefix: str | None,
    database: int,
    connection: str = "",
    queues: Sequence[str] = (),
) -> tuple[SignalPlace, ...]:
    """List where *notices* for a pool may be: in the queues' own database, and where the cache is by default."""
    prefixes = framework.cache_prefixes(prefix=prefix, cache_prefix=cache_prefix)
    return tuple(
        SignalPlace(
            number,
            tuple(f"{each}{notice.name.format(connection=connection, queue=queue)}" for each in prefixes),
            notice.hold,
            queue,
        )
        for number in dict.fromkeys((database, *framework.cache_databases))
        for notice in notices
        for queue in (queues if notice.is_about_one_queue else (None,))
    )


def parse_signal(value: Reply, *, now: datetime) -> datetime | None:
    """Read what is at a signal's key; ``None`` for anything that is not the time of a past signal."""
    match = _VALUE.fullmatch(value) if isinstance(value, bytes) else None
    moment = parse_unix_time(match[1].decode()) if match else None
    return moment if moment and moment <= now + SKEW else None


class SignalTrip:
    """
    One question about some places.  Pure, as `RoundTrip`.

    Args:
        places: Where to look, each once.
        database: The database that is selected before.
    """

    def __init__(self, places: Collection[SignalPlace], *, database: int) -> None:
        self._database = database
        ordered = sorted(places, key=lambda place: (place.database != database, place.database))
        self._groups = [
            (number, list(group)) for number, group in groupby(ordered, lambda place: place.database)
        ]
        self.commands: list[Command] = []
        for number, group in self._groups:
            if number != database:
                self.commands.append(("SELECT", number))
            self.commands += [place.command for place in group]
        self.at_most_bytes = len(self.commands) * _REPLY_OVERHEAD_BYTES + _VALUE_BYTES * sum(
            len(place.keys) for place in places
        )

    def parse(self, replies: Sequence[Reply], *, now: datetime) -> SignalAnswer:
        """Understand the replies to `commands`."""
        pending = iter(replies)
        found: dict[SignalPlace, datetime | None] = {}
        refused: set[int] = set()
        selected = self._database
        for number, group in self._groups:
            if number != self._database:
                if isinstance(next(pending), Refusal):
                    refused.add(number)
                else:
                    selected = number
            for place in group:
                reply = next(pending)
                if number not in refused and place.understands(reply):
                    found[place] = place.parse(reply, now=now)
        return SignalAnswer(found=found, refused=frozenset(refused), database=selected)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalAnswer:
    """What one question brought."""

    found: Mapping[SignalPlace, datetime | None]
    """Without what was refused."""
    refused: frozenset[int]
    """Databases that cannot be selected."""
    database: int
    """The one that is selected now."""


def latest_signals(
    requests: Collection[SignalRequest], found: Mapping[SignalPlace, datetime | None]
) -> Signals:
    """Give each pool what was found at its places: the latest restart, and each queue's hold."""
    known = {request: [place for place in request.places if place in found] for request in requests}
    return {request.key: _notices(request, places, found) for request, places in known.items() if places}


def _notices(
    request: SignalRequest, places: Sequence[SignalPlace], found: Mapping[SignalPlace, datetime | None]
) -> Notices:
    restarts = (found[place] for place in places if place.hold is None)
    holds: dict[str, Hold] = {}
    for hold in Hold:  # the later outranks the earlier
        for place in places:
            if place.hold is hold and found[place]:
                holds |= dict.fromkeys(request.queues if place.queue is None else (place.queue,), hold)
    return Notices(restart_at=max(filter(None, restarts), default=None), holds=holds)
