"""
What waits in a pool's queues, or why that is not known.

Not knowing is a value of its own: an error never reads as zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from queueworkers.api.conditions import UnknownReason


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenHead:
    """The first job of a list, where the queue itself does not tell since when it waits."""

    digest: str
    """Tells whether it is still the same job; nothing of the job can be read from it."""
    since: datetime
    """When it was first seen there, in whole seconds, as the status can repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueBacklog:
    """
    The jobs of one queue, as the framework stores them.

    Only a running worker moves due and expired jobs back into the list, so a
    pool at zero must be woken for them although its list is empty.
    """

    name: str
    ready: int
    """Jobs in the list."""
    delayed: int
    """Jobs that are held back until a time, due ones included."""
    due: int
    """Delayed jobs whose time has come: ``score <= now``."""
    reserved: int
    """Jobs in the hands of a worker, expired ones included."""
    expired: int
    """Reserved jobs whose worker lost its claim: ``score <= now``."""
    oldest_since: datetime | None
    """Since when the oldest waiting job could have been taken; ``None`` when nothing waits or no time is known."""
    head: SeenHead | None = None
    """What has to be remembered to tell the same age again; ``None`` where the queue tells it."""

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

    @property
    def waiting(self) -> int:
        """Work to do now, over all queues."""
        return sum(queue.waiting for queue in self.queues)

    @property
    def in_hand(self) -> int:
        """Jobs that live workers are working on, over all queues."""
        return sum(queue.in_hand for queue in self.queues)

    @property
    def seen_any_job(self) -> bool:
        """True when any queue holds a job in whatever state: it is looked for in the right place."""
        return any(queue.ready or queue.delayed or queue.reserved for queue in self.queues)

    @property
    def oldest_since(self) -> datetime | None:
        """Since when the oldest waiting job of any queue could have been taken."""
        return min((queue.oldest_since for queue in self.queues if queue.oldest_since), default=None)


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
