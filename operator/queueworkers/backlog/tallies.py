"""
Counting what comes to the queues and what is taken from them, from one look to the next.

A count never claims what did not happen: where something cannot be seen, it
stays behind, and says so by a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from queueworkers.backlog.flow import FlowQuestion
from queueworkers.backlog.memory import BoundedMemory
from queueworkers.domain.backlog import Tally
from queueworkers.frameworks.base import JobState

if TYPE_CHECKING:
    from datetime import datetime

    from queueworkers.backlog.flow import FlowSight, StoreSight
    from queueworkers.backlog.round_trip import QueueAddress
    from queueworkers.frameworks.base import QueueStore


@dataclass(frozen=True, slots=True)
class Passage:
    """What happened between two looks, at least."""

    arrived: int
    taken: int
    exact: bool
    """True where no more can have happened."""


QUIET = Passage(0, 0, exact=True)


def compare(before: FlowSight, now: FlowSight) -> Passage:
    """
    Tell what happened between two looks at a queue, of which the second was asked for the marks of the first.

    Nothing, where nothing looks different: an empty queue may have had jobs
    that came and went, and an expired claim may be another one, but a queue at
    rest is not to be called doubtful for ever.

    What waits changes by what arrives and by what is taken, so one follows
    from the other.  What leaves otherwise, such as an expired claim whose
    worker ends its job after all, makes both counts fall short and never
    exceed.
    """
    if _looks_alike(before, now):
        return QUIET
    pairs = [_taken(then, here) for then, here in zip(before.ready, now.ready, strict=True)]
    taken, exact = sum(count for count, _ in pairs), all(exact for _, exact in pairs)
    if now.is_void and not exact:
        # Worked off or deleted, nobody can tell.
        return Passage(0, 0, exact=False)
    arrived = now.waiting - before.waiting + taken
    # A claim that has expired may end in the list, or with its worker.
    exact = exact and arrived >= 0 and not before.expired and not now.expired
    return Passage(max(arrived, 0), taken, exact=exact)


def _looks_alike(before: FlowSight, now: FlowSight) -> bool:
    same = (before.due, before.expired, before.beside) == (now.due, now.expired, now.beside)
    return same and all(
        then.jobs == here.jobs
        and then.read == here.read
        and (then.mark is None or then.mark.before == here.found)
        for then, here in zip(before.ready, now.ready, strict=True)
    )


def _taken(before: StoreSight, now: StoreSight) -> tuple[int, bool]:
    """Count what was taken from one store, at least, and tell whether that is all."""
    if before.read is not None and now.read is not None:
        # A group that was set back, or a stream that was made anew, counts from there on.
        taken = now.read - before.read
        return max(taken, 0), taken >= 0
    fewer = max(before.jobs - now.jobs, 0)
    if before.mark is None:
        return fewer, False
    if now.found is not None:
        taken = before.mark.before - now.found
        # More before it than there were: somebody put jobs in front.
        return max(taken, fewer), fewer <= taken
    # It went, and so did all that were before it.
    return (max(before.mark.before + 1, fewer) if now.gone else fewer), False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    stores: tuple[QueueStore, ...]
    sight: FlowSight
    tally: Tally
    wire: int
    """The connection over which it was seen."""


class Tallies:
    """
    Remembers the count of each queue, and what was seen last.

    Over another connection may be another server, which may have lost what was
    written last: what lies between is a gap, and nothing is claimed of it.
    """

    def __init__(self) -> None:
        self._counts: BoundedMemory[QueueAddress, _Count] = BoundedMemory()

    def question(self, address: QueueAddress, stores: tuple[QueueStore, ...]) -> FlowQuestion:
        """Ask for what was seen of these *stores* last; for nothing the first time."""
        known = self._recall(address, stores)
        if known is None:
            return FlowQuestion(stores, (None,) * len(stores), 0)
        marks = iter(each.mark for each in known.sight.ready)
        return FlowQuestion(
            stores,
            tuple(next(marks) if store.jobs is JobState.READY else None for store in stores),
            known.sight.at,
        )

    def count(
        self,
        address: QueueAddress,
        stores: tuple[QueueStore, ...],
        sight: FlowSight,
        *,
        at: datetime,
        wire: int,
    ) -> Tally:
        """Add what happened since the last look; the first one begins the count."""
        known = self._recall(address, stores)
        tally = Tally(since=at, arrived=0, taken=0, gaps=0) if known is None else known.tally
        if known:
            passage = compare(known.sight, sight)
            if known.wire != wire and passage != QUIET:
                passage = Passage(0, 0, exact=False)
            tally = replace(
                tally,
                arrived=tally.arrived + passage.arrived,
                taken=tally.taken + passage.taken,
                gaps=tally.gaps + (not passage.exact),
            )
        self._counts.write(address, _Count(stores=stores, sight=sight, tally=tally, wire=wire))
        return tally

    def _recall(self, address: QueueAddress, stores: tuple[QueueStore, ...]) -> _Count | None:
        known = self._counts.recall(address)
        return known if known and known.stores == stores else None
