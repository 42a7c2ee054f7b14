"""Since when the oldest job of a queue waits."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from queueworkers.api.conditions import WaitBound
from queueworkers.backlog.memory import BoundedMemory
from queueworkers.domain.backlog import SeenHead, Wait, longest
from queueworkers.frameworks.payload import parse_unix_time

if TYPE_CHECKING:
    from datetime import datetime

    from queueworkers.backlog.round_trip import Counted, QueueAddress
    from queueworkers.frameworks.base import JobHeader

_DIGEST_LENGTH = 16

_ENTRY_ID = re.compile(rb"([0-9]{13,14})-[0-9]{1,20}")
"""The id of a stream's entry: milliseconds since 1970, unless somebody has made up ids of their own."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long work waits in one queue."""

    oldest: Wait | None
    """``None`` when nothing waits, or nothing says since when."""
    head: SeenHead | None
    """The job of the list that is there for longest, where only our own sight of it says since when."""


class HeadSights:
    """
    Remembers what is first in each queue, for jobs that carry no time.

    The age is then a lower bound, but for the part of a second that is lost in
    rounding: the job may have waited before it became the first, or before
    anybody looked.
    """

    def __init__(self) -> None:
        # Empty: looked at, and nothing there to remember.
        self._sights: BoundedMemory[QueueAddress, tuple[SeenHead, ...]] = BoundedMemory()

    def take_over(self, address: QueueAddress, known: SeenHead | None) -> None:
        """Go on from what another reader saw, unless this one has looked at the queue itself."""
        if known and address not in self._sights:
            self._sights.write(address, (known,))

    def look(self, address: QueueAddress, counted: Counted, *, now: datetime) -> Waiting:
        """
        Tell since when the oldest job that could be taken now could have been taken.

        The earliest of those in front, of the delayed jobs that are due, and of
        the reserved jobs whose claim has expired (since the expiry, not since
        the push: until then a worker had it).  Never later than *now*.
        """
        headers = [(head, address.read_header(head)) for head in counted.heads]
        added = [(entry, _parse_entry_time(entry)) for entry in counted.entries]
        before = [_parse_entry_time(last) for last in counted.taken_until]
        seen = self._see(
            address,
            [_identity(head, header) for head, header in headers if not (header and header.available_at)]
            + [entry for entry, at in added if not at],
            now,
        )
        told = (
            *(header.available_at for _, header in headers if header),
            *(at for _, at in added),
            parse_unix_time(counted.due_since) if counted.due else None,
            parse_unix_time(counted.expired_since) if counted.expired else None,
        )
        waits = [
            *(Wait(min(since, now)) for since in told if since),
            *(Wait(min(each.since, now), WaitBound.AT_LEAST) for each in seen),
            *(Wait(min(since, now), WaitBound.AT_MOST) for since in before if since),
        ]
        oldest = longest(waits, all_known=not counted.heads_unseen and None not in before)
        return Waiting(oldest, min(seen, key=lambda each: each.since, default=None))

    def _see(self, address: QueueAddress, jobs: list[bytes], now: datetime) -> tuple[SeenHead, ...]:
        before = self._sights.recall(address)
        known = {each.digest: each for each in before or ()}
        digests = [hashlib.sha256(job).hexdigest()[:_DIGEST_LENGTH] for job in jobs]
        first_sight = now.replace(microsecond=0)
        seen = tuple(
            known.get(digest) or SeenHead(digest=digest, since=first_sight)
            for digest in dict.fromkeys(digests)
        )
        if seen != before:
            self._sights.write(address, seen)
        return seen


def _identity(head: bytes, header: JobHeader | None) -> bytes:
    return header.identity.encode(errors="surrogatepass") if header and header.identity else head


def _parse_entry_time(entry: bytes) -> datetime | None:
    """Tell when an entry of a stream was added; ``None`` for what is no such id."""
    match = _ENTRY_ID.fullmatch(entry)
    return parse_unix_time(int(match[1]) / 1000) if match else None
