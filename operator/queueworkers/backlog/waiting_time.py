"""Since when the oldest job of a queue waits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from queueworkers.backlog.memory import BoundedMemory
from queueworkers.frameworks.payload import parse_unix_time

if TYPE_CHECKING:
    from datetime import datetime

    from queueworkers.backlog.round_trip import Counted, QueueAddress


@dataclass(frozen=True, slots=True)
class Sight:
    """A job at the head of a list, and when it was first found there."""

    identity: str
    since: datetime


class HeadSights:
    """
    Remembers the head of each list, for payloads that carry no time.

    The age is then a lower bound: the job may have waited before it became the
    head, or before the operator started.
    """

    def __init__(self) -> None:
        self._sights: BoundedMemory[QueueAddress, Sight] = BoundedMemory()

    def oldest_since(self, address: QueueAddress, counted: Counted, *, now: datetime) -> datetime | None:
        """
        Since when the oldest job that could be taken now could have been taken.

        The earliest of three: the head of the list, the delayed job that is due
        longest, the reserved job whose claim expired longest ago (since the
        expiry, not since the push: until then a worker had it).  Never later
        than *now*; ``None`` when nothing waits, or nothing says since when.
        """
        known = (
            self._head_since(address, counted, now),
            parse_unix_time(counted.due_since) if counted.due else None,
            parse_unix_time(counted.expired_since) if counted.expired else None,
        )
        return min((min(since, now) for since in known if since), default=None)

    def _head_since(self, address: QueueAddress, counted: Counted, now: datetime) -> datetime | None:
        if counted.head is None:
            self._sights.forget(address)
            return None
        header = address.read_header(counted.head)
        # A job that was tried before still carries the time of its first push.
        # Counting from there would buy workers for a wait that was a backoff,
        # so only what is seen here counts.
        if header and header.available_at and header.attempts == 0:
            return header.available_at
        identity = (header and header.identity) or hashlib.sha256(counted.head).hexdigest()
        seen = self._sights.recall(address)
        if seen is None or seen.identity != identity:
            seen = Sight(identity, now)
            self._sights.write(address, seen)
        return seen.since
