"""
What waits in a pool's queues, or why that is not known.

Not knowing is a value of its own: an error never reads as zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from queueworkers.api.conditions import FollowedBy, WaitBound

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from queueworkers.api.conditions import UnknownReason


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a job has been waiting for a worker."""

    since: datetime
    bound: WaitBound = WaitBound.EXACTLY
    """Whether it waits since then, or for longer, or for less."""


def longest(waits: Collection[Wait], *, all_known: bool = True) -> Wait | None:
    """
    Tell how long the job waits that waits longest of all.

    What one of them waits at least, the longest waits at least too.  It is
    known exactly where each of them is, and at most where nothing else is
    known of any.

    Args:
        waits: In any order; ``None`` is returned where there are none.
        all_known: False where there is another job of which nothing is known.
    """
    lower = [wait for wait in waits if wait.bound is not WaitBound.AT_MOST]
    since = min((wait.since for wait in lower or waits), default=None)
    if since is None:
        return None
    if not lower:
        return Wait(since, WaitBound.AT_MOST) if all_known else None
    exact = all_known and all(wait.bound is WaitBound.EXACTLY for wait in waits)
    return Wait(since, WaitBound.EXACTLY if exact else WaitBound.AT_LEAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenHead:
    """The first job of a queue, where the queue itself does not tell since when it waits."""

    digest: str
    """Tells whether it is still the same job; nothing of the job can be read from it."""
    since: datetime
    """When it was first seen there, in whole seconds, as the status can repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """
    What has come to a queue and been taken from it since somebody began to count.

    The counts only grow, so that a reading that nobody looked at loses nothing:
    two tallies of the same count can be subtracted, whatever lies between them.
    They never claim what did not happen.  Where `gaps` did not grow either, the
    difference is exact.
    """

    since: datetime
    """When counting began; it names the count, and tallies of another one say nothing about this one."""
    arrived: int
    """Jobs that a worker could take from then on, at least: pushed, or fallen due, or their claim expired."""
    taken: int
    """Jobs that left what waits, at least: workers took them, or somebody removed them."""
    gaps: int
    """Intervals between two readings in which more may have come and gone than was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """Delayed jobs that will fall due soon."""

    at: datetime
    """The earliest moment at which one of them may fall due."""
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueBacklog:
    """
    The jobs of one queue, as the framework stores them.

    Only a running worker moves due and expired jobs back into the list, so a
    pool at zero must be woken for them although its list is empty.
    """

    name: str
    ready: int
    """Jobs that a worker may take now, such as those in a list."""
    delayed: int
    """Jobs that are held back until a time, due ones included."""
    due: int
    """Delayed jobs whose time has come: ``score <= now``."""
    reserved: int
    """Jobs in the hands of a worker, expired ones included."""
    expired: int
    """Reserved jobs whose worker lost its claim: ``score <= now``."""
    oldest: Wait | None
    """Since when the oldest waiting job could have been taken; ``None`` when nothing waits or no time is known."""
    head: SeenHead | None = None
    """What has to be remembered to tell the same age again; ``None`` where the queue tells it."""
    tally: Tally | None = None
    """What came and what was taken; ``None`` where nobody asked for it, or nothing can be counted."""
    upcoming: tuple[Upcoming, ...] = ()
    """The delayed jobs that fall due within the next two minutes, the earliest first, as far as that is known."""

    @property
    def waiting(self) -> int:
        """Work to do now: what the next idle worker would find."""
        return self.ready + self.due + self.expired

    @property
    def in_hand(self) -> int:
        """Jobs that a live worker is working on."""
        return self.reserved - self.expired


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """A successful reading of all queues of a pool, by Redis's own clock."""

    queues: tuple[QueueBacklog, ...]
    read_at: datetime
    turns_at: datetime | None = None
    """When time alone makes these counts others, at the earliest; ``None`` where it never does."""
    followed_by: FollowedBy = FollowedBy.POLL
    """Whether a change will be told, or has to be looked for."""
    eviction_policy: str | None = None
    """What the servers drop when their memory is full, in their own word; ``None`` where that is not known."""
    age: timedelta = timedelta()
    """How long ago it was read, when somebody was given it to decide upon."""

    @property
    def redis_time(self) -> datetime:
        """What Redis's own clock shows now, by which jobs fall due."""
        return self.read_at + self.age

    @property
    def waiting(self) -> int:
        """Work to do now, over all queues."""
        return sum(queue.waiting for queue in self.queues)

    @property
    def in_hand(self) -> int:
        """Jobs that live workers are working on, over all queues."""
        return sum(queue.in_hand for queue in self.queues)

    @property
    def is_soon_due(self) -> bool:
        """True while it is known how many delayed jobs fall due soon: workers may have to boot for them."""
        return any(queue.upcoming for queue in self.queues)

    @property
    def seen_any_job(self) -> bool:
        """True when any queue holds a job in whatever state: it is looked for in the right place."""
        return any(queue.ready or queue.delayed or queue.reserved for queue in self.queues)

    @property
    def oldest(self) -> Wait | None:
        """Since when the oldest waiting job of any queue could have been taken."""
        return longest(
            [queue.oldest for queue in self.queues if queue.oldest],
            all_known=all(queue.oldest or not queue.waiting for queue in self.queues),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownBacklog:
    """
    No reading, and why.

    *message* is one sentence for a person: what is wrong, where, what to do;
    it never contains a secret.
    """

    reason: UnknownReason
    message: str


Reading = Backlog | UnknownBacklog
