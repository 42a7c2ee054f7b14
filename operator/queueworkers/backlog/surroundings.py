"""Which pools look for their queues in the wrong place; asked rarely, and only while nothing was ever found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from queueworkers.backlog.memory import BoundedMemory
from queueworkers.backlog.siblings import (
    explain_missing,
    find_siblings,
    key_pattern,
    observe_jobs,
    observe_queue_keys,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from queueworkers.backlog.endpoint import Endpoint, PoolRequest
    from queueworkers.backlog.round_trip import QueueAddress
    from queueworkers.backlog.siblings import Sibling
    from queueworkers.backlog.wire import Wire
    from queueworkers.domain.backlog import UnknownBacklog
    from queueworkers.domain.identity import PoolKey

_COUNTED_SIBLINGS = 5


@dataclass(frozen=True, slots=True)
class Suspect:
    """A pool none of whose keys exists just now."""

    request: PoolRequest
    addresses: tuple[QueueAddress, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about one pool."""

    until: float
    """On a monotonic clock: until then nobody looks again."""
    trouble: UnknownBacklog | None
    """``None``: the queue is merely empty."""


WALKING_SHARE = 0.05
"""Of the time, what may be spent on walks over a server's keys."""

MOST_PREFIXES = 10
"""
Where queues are looked for in vain under more prefixes than that, a queue under yet another one is no evidence: it
cannot be the right one for all of them, and would have all of them doubted whenever it has jobs.
"""


def _walk_of(suspect: Suspect) -> tuple[int, str]:
    """Name the database, and the keys that look like those of the suspect's queues."""
    return suspect.request.database, key_pattern(suspect.request)


class Surroundings:
    """
    Tells a queue that is empty from one that is looked for in the wrong place.

    All suspects of a database that look alike share one walk over it, at most once per
    *every_seconds* for each pool.  There is one walk at a time, and time between them: where thousands
    of pools look different, each has to wait for its turn.
    """

    def __init__(self, *, every_seconds: float, monotonic: Callable[[], float]) -> None:
        self._every_seconds = every_seconds
        self._monotonic = monotonic
        self._walk_from = float("-inf")
        self._looking: dict[PoolKey, str] = {}
        # How many look under each: asked at each of a walk's suspects, who may be thousands.
        self._prefixes: Counter[str] = Counter()
        self._seen: BoundedMemory[tuple[int, str], QueueAddress] = BoundedMemory()
        self._verdicts: BoundedMemory[tuple[QueueAddress, ...], Verdict] = BoundedMemory()

    def note_seen(self, addresses: Iterable[QueueAddress]) -> None:
        """Remember queues that hold jobs: they are no suspects any more, and no evidence against other pools."""
        for address in addresses:
            self._seen.write(address.place, address)

    def note_looking(self, pool: PoolKey, prefix: str) -> None:
        """Remember that a pool looks in vain for queues under a prefix."""
        self.forget(pool)
        self._looking[pool] = prefix
        self._prefixes[prefix] += 1

    def forget(self, pool: PoolKey) -> None:
        """Remember of a pool no more that it looks for queues: it has found them, or is gone."""
        prefix = self._looking.pop(pool, None)
        if prefix is None:
            return
        self._prefixes[prefix] -= 1
        if not self._prefixes[prefix]:
            del self._prefixes[prefix]

    async def observe(
        self,
        open_wires: Callable[[], Awaitable[Sequence[Wire]]],
        suspects: Sequence[Suspect],
        *,
        endpoint: Endpoint,
    ) -> Mapping[PoolKey, UnknownBacklog]:
        """Return the pools of *suspects* that look in the wrong place; over *open_wires* where it is time to look again."""
        unseen = [each for each in suspects if not any(one.place in self._seen for one in each.addresses)]
        now = self._monotonic()
        stale = [suspect for suspect in unseen if not self._is_fresh(suspect, now)]
        if stale and now >= self._walk_from:
            walk = _walk_of(stale[0])
            await self._look_around(open_wires, [each for each in stale if _walk_of(each) == walk], endpoint)
            self._walk_from = self._monotonic() + (self._monotonic() - now) / WALKING_SHARE
        troubles = {suspect.request.key: self._trouble(suspect) for suspect in unseen}
        return {key: trouble for key, trouble in troubles.items() if trouble}

    async def _look_around(
        self,
        open_wires: Callable[[], Awaitable[Sequence[Wire]]],
        alike: Sequence[Suspect],
        endpoint: Endpoint,
    ) -> None:
        now = self._monotonic()
        # Before the walk, so that one that fails is not tried again at once.
        for suspect in alike:
            self._write(suspect, self._trouble(suspect), now)
        wires = await open_wires()
        found = await observe_queue_keys(wires, *_walk_of(alike[0]))
        for suspect in alike:
            self._write(suspect, await self._judge(wires, suspect.request, found, endpoint), now)

    async def _judge(
        self,
        wires: Sequence[Wire],
        request: PoolRequest,
        found: Mapping[int, frozenset[str]],
        endpoint: Endpoint,
    ) -> UnknownBacklog | None:
        siblings = find_siblings(request, found, claimed=self._seen)
        if len(self._prefixes) > MOST_PREFIXES:
            siblings = [each for each in siblings if each.prefix == request.spelling.prefix]
        counted: list[Sibling] = [
            replace(sibling, jobs=await observe_jobs(wires, sibling.database, sibling.stores))
            for sibling in siblings[:_COUNTED_SIBLINGS]
        ]
        held = [sibling for sibling in counted if sibling.jobs]
        # Python's sort is stable: among equally near ones the order stays.
        nearest = min(held, key=lambda each: (len(each.advice), -each.jobs), default=None)
        return explain_missing(request, nearest, endpoint) if nearest else None

    def _write(self, suspect: Suspect, trouble: UnknownBacklog | None, now: float) -> None:
        self._verdicts.write(suspect.addresses, Verdict(now + self._every_seconds, trouble))

    def _is_fresh(self, suspect: Suspect, now: float) -> bool:
        verdict = self._verdicts.recall(suspect.addresses)
        return verdict is not None and now < verdict.until

    def _trouble(self, suspect: Suspect) -> UnknownBacklog | None:
        verdict = self._verdicts.recall(suspect.addresses)
        return verdict.trouble if verdict else None
