"""
When somebody last ran the framework's own restart command, as far as its cache is on the same Redis.

Nobody depends on it: what is refused, absent or garbage means that it is not
known, and a server that does not like the question is left alone with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from queueworkers.backlog.wire import Refusal
from queueworkers.frameworks.payload import parse_unix_time

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from queueworkers.backlog.wire import Command, Reply
    from queueworkers.domain.identity import PoolKey
    from queueworkers.frameworks.base import Framework

SKEW = timedelta(seconds=60)
"""How far the application's clock may be ahead of Redis's; a time beyond that is none."""

_VALUE = re.compile(rb"(?:i:)?([0-9]{1,12});?")
"""A unix time, or one in PHP's own serialisation where the client was told to use that: ``i:1795294615;``."""

_VALUE_BYTES = 256
_REPLY_OVERHEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class SignalPlace:
    """Keys of one database at which one pool's signal may be."""

    database: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignalRequest:
    """What one pool wants to know."""

    key: PoolKey
    """Names the pool in the answer."""
    places: tuple[SignalPlace, ...]


Signals = Mapping["PoolKey", datetime | None]
"""The latest signal of each pool, ``None`` where there was none; a pool of which nothing is known is not in it."""


def signal_places(
    framework: Framework, *, prefix: str, cache_prefix: str | None, database: int
) -> tuple[SignalPlace, ...]:
    """List where a pool's signal may be: in the queues' own database, and where the cache is by default."""
    keys = framework.signal_keys(prefix=prefix, cache_prefix=cache_prefix)
    return tuple(SignalPlace(each, keys) for each in dict.fromkeys((database, *framework.cache_databases)))


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
            self.commands += [("MGET", *map(_encode, place.keys)) for place in group]
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
                values = next(pending)
                if number in refused or not isinstance(values, list):
                    continue
                moments = (parse_signal(value, now=now) for value in values)
                found[place] = max(filter(None, moments), default=None)
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
    """Give each pool the latest of what was found at its places."""
    known = {request.key: [found[each] for each in request.places if each in found] for request in requests}
    return {key: max(filter(None, moments), default=None) for key, moments in known.items() if moments}


def _encode(key: str) -> bytes:
    return key.encode(errors="surrogatepass")
