"""Since when the oldest job of a queue waits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from queueworkers.backlog.memory import BoundedMemory
from queueworkers.domain.backlog import SeenHead
from queueworkers.frameworks.payload import parse_unix_time

if TYPE_CHECKING:
    from datetime import datetime

    from queueworkers.backlog.round_trip import Counted, QueueAddress
    from queueworkers.frameworks.base import JobHeader

_DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long work waits in one queue."""

    oldest_since: datetime | None
    """Since when the oldest job could have been taken; ``None`` when nothing waits, or nothing says since when."""
    head: SeenHead | None
    """The head of the list, where only our own sight of it says since when it is there."""


class HeadSights:
    """
    Remembers the head of each list, for payloads that carry no time.

    The age is then a lower bound, but for the part of a second that is lost in
    rounding: the job may have waited before it became the head, or before
    anybody looked.
    """

    def __init__(self) -> None:
        # None: looked at, and nothing there to remember.
        self._sights: BoundedMemory[QueueAddress, SeenHead | None] = BoundedMemory()

    def take_over(self, address: QueueAddress, known: SeenHead | None) -> None:
        """Go on from what another reader saw, unless this one has looked at the queue itself."""
        if known and address not in self._sights:
            self._sights.write(address, known)

    def look(self, address: QueueAddress, counted: Counted, *, now: datetime) -> Waiting:
        """
        Tell since when the oldest job that could be taken now could have been taken.

        The earliest of three: the head of the list, the delayed job that is due
        longest, the reserved job whose claim expired longest ago (since the
        expiry, not since the push: until then a worker had it).  Never later
        than *now*.
        """
        header = address.read_header(counted.head) if counted.head is not None else None
        told = header.available_at if header else None
        seen = None if told else self._see(address, header, counted.head, now)
        known = (
            told or (seen and seen.since),
            parse_unix_time(counted.due_since) if counted.due else None,
            parse_unix_time(counted.expired_since) if counted.expired else None,
        )
        oldest = min((min(since, now) for since in known if since), default=None)
        return Waiting(oldest, seen)

    def _see(
        self, address: QueueAddress, header: JobHeader | None, head: bytes | None, now: datetime
    ) -> SeenHead | None:
        if head is None:
            if self._sights.recall(address) or address not in self._sights:
                self._sights.write(address, None)
            return None
        identity = header.identity.encode(errors="surrogatepass") if header and header.identity else head
        digest = hashlib.sha256(identity).hexdigest()[:_DIGEST_LENGTH]
        seen = self._sights.recall(address)
        if seen is None or seen.digest != digest:
            seen = SeenHead(digest=digest, since=now.replace(microsecond=0))
            self._sights.write(address, seen)
        return seen
