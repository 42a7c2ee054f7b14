"""
All queues of an endpoint in one question, and what the answer means.

Pure: commands out, replies in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import groupby
from math import floor, isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.backlog.counting import (
    STREAM_COMMANDS,
    STREAM_SCRIPT,
    Count,
    count_commands,
    count_replies,
    parse_counts,
)
from queueworkers.backlog.edges import (
    EDGES_SCRIPT,
    SIGHT_SECONDS,
    SLOT_SECONDS,
    TYPE_NAMES,
    edges_command,
    parse_edges,
)
from queueworkers.backlog.flow import FLOW_SCRIPT, flow_command, parse_flow
from queueworkers.backlog.keys import encode, printable
from queueworkers.backlog.wire import TELL, NotRedisError, Refusal
from queueworkers.frameworks.base import JobState, StoreKind
from queueworkers.frameworks.payload import MAX_PAYLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from queueworkers.backlog.edges import Edge
    from queueworkers.backlog.flow import FlowQuestion, FlowSight
    from queueworkers.backlog.wire import Command, Reply
    from queueworkers.frameworks.base import HeaderReader, QueueStore

_JOURNEY = (JobState.DELAYED, JobState.READY, JobState.RESERVED)
"""
The order in which jobs move, and so in which they are counted.

Another client's command may come between two of ours: a job on its way is then
counted twice for a moment, and not missed.
"""

_MICROSECONDS = 1_000_000
_YEAR_3000 = 32_503_680_000
_REPLY_OVERHEAD_BYTES = 1024

NO_FLOWS: Mapping[QueueAddress, FlowQuestion] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class QueueAddress:
    """One queue as it is stored; pools that share it are one question."""

    database: int
    stores: tuple[QueueStore, ...]
    """The one that workers take from first."""
    read_header: HeaderReader

    def __hash__(self) -> int:
        """Go by the place alone: an address is looked up a dozen times at each reading, and has some thirty facts."""
        return hash((self.database, self.stores[0].key if self.stores else ""))

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that is asked about."""
        return tuple(store.key for store in self.stores)

    @property
    def place(self) -> tuple[int, str]:
        """Where workers take its jobs from, whoever reads it."""
        return self.database, next(iter(self.keys), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the server said about one queue."""

    ready: int
    delayed: int
    due: int
    reserved: int
    expired: int
    heads: tuple[bytes, ...] = ()
    """The first job of each list and set that has ready ones, where it could be looked at."""
    heads_unseen: bool = False
    """True where there are ready jobs of which nothing is known: the first is too large, or scripts are refused."""
    entries: tuple[bytes, ...] = ()
    """The id of the first job of each stream that has ready ones, where it could be looked at."""
    due_since: float | None = None
    """The earliest score whose time has come, in unix seconds."""
    expired_since: float | None = None
    taken_until: tuple[bytes, ...] = ()
    """Of streams whose first entry could not be seen, the last id that somebody has got: what waits came later."""
    upcoming: tuple[tuple[float, int], ...] = ()
    """When delayed jobs fall due soon, in unix seconds and never later than they do, and how many, the earliest first."""
    flow: FlowSight | None = None
    """What comes and goes, where that was asked and can be known."""
    turns_at: float | None = None
    """When time alone makes these counts others, in unix seconds: 0 where nobody knows, ``None`` where never."""

    @property
    def total(self) -> int:
        """All jobs, whatever their state; zero means that none of the keys exists."""
        return self.ready + self.delayed + self.reserved


@dataclass(frozen=True, slots=True)
class Refused:
    """The server's word against one queue."""

    refusal: Refusal
    store: QueueStore | None = None
    """Which of its keys it is about; ``None`` when the whole database was refused."""
    other_type: str | None = None
    """What the key holds instead, as `TYPE` spells it, where that is known."""

    @property
    def key(self) -> str | None:
        """Which key, printable."""
        return printable(self.store.key) if self.store else None

    @property
    def holds(self) -> str:
        """What that key holds, and what it should: ``a hash and not a list``."""
        found = _spell_type(self.other_type) if self.other_type else "something else"
        return f"{found} and not {_spell_type(TYPE_NAMES[self.store.kind])}" if self.store else found

    @property
    def needed_beside(self) -> str:
        """Commands that a user needs for such a key, beside those for every pool."""
        return STREAM_COMMANDS if self.store and self.store.kind is StoreKind.STREAM else ""


def _spell_type(name: str) -> str:
    return "a sorted set" if name == TYPE_NAMES[StoreKind.SORTED_SET] else f"a {name}"


Finding = Counted | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one round trip brought."""

    server_time: float | None
    """Unix seconds; ``None`` when `TIME` is refused."""
    findings: Mapping[QueueAddress, Finding]
    told: frozenset[QueueAddress]
    """Those of whose next change the server will tell."""
    database: int
    """The one that is selected now."""


class RoundTrip:
    """
    One question about some queues.

    Args:
        addresses: The queues, each once.
        now: Unix seconds by the server's clock; scores up to and including it are due, as the frameworks have it.
        database: The database that is selected before.
        flows: What else is asked about some of them.
        listening: Have the server tell of the next change of each.
    """

    def __init__(
        self,
        addresses: Collection[QueueAddress],
        *,
        now: int,
        database: int,
        flows: Mapping[QueueAddress, FlowQuestion] = NO_FLOWS,
        listening: bool = False,
    ) -> None:
        self._now = now
        self._listening = listening
        self._database = database
        self._flows = {address: flows[address] for address in addresses if address in flows}
        self._count = len(addresses)
        ordered = sorted(addresses, key=lambda address: address.database)
        self._groups = [
            (number, list(group)) for number, group in groupby(ordered, lambda each: each.database)
        ]
        self._scripts = [EDGES_SCRIPT]
        if any(store.kind is StoreKind.STREAM for address in addresses for store in address.stores):
            self._scripts.append(STREAM_SCRIPT)
        if self._flows:
            self._scripts.append(FLOW_SCRIPT)
        self.commands: list[Command] = [("TIME",), *(("EVAL", script, 0) for script in self._scripts)]
        for number, group in self._groups:
            # Not said without need: an ACL or a proxy may refuse it to one who never leaves database 0.
            if self._has_select(number):
                self.commands.append(("SELECT", number))
            for address in group:
                if listening:
                    # First, so that whatever happens after it was counted is told of.  Not by the commands that
                    # count: a script's keys are taken down again at every one of its commands.
                    self.commands += (TELL, ("EXISTS", *map(encode, address.keys)))
                for store in _by_journey(address):
                    self.commands += count_commands(store, now)
                self.commands.append(edges_command(address.stores, now))
                if address in self._flows:
                    self.commands.append(flow_command(self._flows[address], now))

    @property
    def at_most_bytes(self) -> int:
        """How long the answer can be."""
        flows = sum(question.at_most_bytes for question in self._flows.values())
        return len(self.commands) * _REPLY_OVERHEAD_BYTES + self._count * MAX_PAYLOAD_BYTES + flows

    def parse(self, replies: Sequence[Reply]) -> Answer:
        """
        Understand the replies to `commands`.

        Raises:
            NotRedisError: a reply is of a kind that Redis would not give.
        """
        pending = iter(replies)
        server_time = parse_time(next(pending))
        for _ in self._scripts:
            next(pending)
        findings: dict[QueueAddress, Finding] = {}
        told: set[QueueAddress] = set()
        database = self._database
        for number, group in self._groups:
            selected = next(pending) if self._has_select(number) else None
            if not isinstance(selected, Refusal):
                database = number
            for address in group:
                if self._listening and _will_be_told(next(pending), next(pending)):
                    told.add(address)
                found = _parse_finding(address, pending)
                if question := self._flows.get(address):
                    flow = parse_flow(question, next(pending), self._now)
                    found = replace(found, flow=flow) if isinstance(found, Counted) else found
                # After a refused SELECT the replies are about another database.
                findings[address] = Refused(selected) if isinstance(selected, Refusal) else found
        return Answer(server_time=server_time, findings=findings, told=frozenset(told), database=database)

    def _has_select(self, number: int) -> bool:
        """Every group but one that comes first and is selected already; a refusal before it changes nothing."""
        return number != self._database or number != self._groups[0][0]


def _by_journey(address: QueueAddress) -> list[QueueStore]:
    return sorted(address.stores, key=lambda store: _JOURNEY.index(store.jobs))


def _will_be_told(answer: Reply, named: Reply) -> bool:
    """A user may be refused the one or the other, or one of the keys."""
    return answer == b"OK" and isinstance(named, int)


_EMPTY = Counted(ready=0, delayed=0, due=0, reserved=0, expired=0)
"""What most queues are most of the time."""


def _parse_finding(address: QueueAddress, pending: Iterator[Reply]) -> Finding:
    replies = [
        (store, [next(pending) for _ in range(count_replies(store))]) for store in _by_journey(address)
    ]
    looked = next(pending)
    if not any(any(some) for _, some in replies) and isinstance(looked, list) and not any(looked):
        return _EMPTY
    counts = {store: parse_counts(store, some) for store, some in replies}
    edges = dict(zip(address.stores, parse_edges(looked, len(address.stores)), strict=True))
    known: dict[QueueStore, Count] = {}
    # The place that workers take from first: who may not read it is told of it.
    for store in address.stores:
        count = counts[store]
        if isinstance(count, Refusal):
            return Refused(count, store, edges[store].other_type)
        known[store] = count
    return _sum_up(known, edges)


def _sum_up(counts: Mapping[QueueStore, Count], edges: Mapping[QueueStore, Edge]) -> Counted:
    def jobs(state: JobState) -> int:
        return sum(count.jobs for store, count in counts.items() if store.jobs is state)

    def ripe(state: JobState) -> int:
        return sum(count.ripe for store, count in counts.items() if store.jobs is state)

    def earliest(state: JobState) -> float | None:
        times = (_parse_score(store, edges[store].first) for store in counts if store.jobs is state)
        return min((time for time in times if time is not None), default=None)

    ready = {store: count for store, count in counts.items() if store.jobs is JobState.READY and count.jobs}
    return Counted(
        ready=jobs(JobState.READY),
        delayed=jobs(JobState.DELAYED),
        due=ripe(JobState.DELAYED),
        reserved=jobs(JobState.RESERVED),
        expired=ripe(JobState.RESERVED),
        heads=tuple(first for store in ready if (first := edges[store].first) is not None),
        heads_unseen=any(
            edges[store].first is None and count.first_entry is None and count.last_delivered is None
            for store, count in ready.items()
        ),
        entries=tuple(count.first_entry for count in ready.values() if count.first_entry),
        due_since=earliest(JobState.DELAYED),
        expired_since=earliest(JobState.RESERVED),
        taken_until=tuple(
            count.last_delivered
            for count in ready.values()
            if count.last_delivered and count.first_entry is None
        ),
        upcoming=_parse_upcoming(edges),
        turns_at=_turning(counts, edges),
    )


def _turning(counts: Mapping[QueueStore, Count], edges: Mapping[QueueStore, Edge]) -> float | None:
    """Find the earliest moment at which jobs fall due, come into sight as soon due, or lose their worker's claim."""
    moments: list[float] = []
    for store, count in counts.items():
        if store.scores_per_second is None or count.jobs <= count.ripe:
            continue
        edge = edges[store]
        if edge.next_score is None:
            return 0.0
        score = _parse_score(store, edge.next_score)
        if score is not None:
            in_sight = store.jobs is JobState.RESERVED or edge.slots
            moments.append(max(score if in_sight else score - SIGHT_SECONDS, 0.0))
    return min(moments, default=None)


def _parse_upcoming(edges: Mapping[QueueStore, Edge]) -> tuple[tuple[float, int], ...]:
    """Sum up what falls due in each slot, over all stores; the first slot of each begins with its first job."""
    times: dict[int, float] = {}
    jobs: Counter[int] = Counter()
    for store, edge in edges.items():
        first = _parse_score(store, edge.next_score)
        if first is None:
            continue
        slot = floor(first / SLOT_SECONDS)
        for number, count in enumerate(edge.slots, start=slot):
            if count:
                at = first if number == slot else float(number * SLOT_SECONDS)
                times[number] = min(at, times.get(number, at))
                jobs[number] += count
    return tuple((times[number], jobs[number]) for number in sorted(jobs))


def parse_time(reply: Reply) -> float | None:
    """Read the reply to `TIME` as unix seconds; ``None`` when it was refused."""
    if isinstance(reply, Refusal):
        return None
    try:
        seconds, microseconds = map(int, reply)
    except (TypeError, ValueError) as error:
        raise NotRedisError("it answers something else where the time was asked for") from error
    if not 0 <= seconds < _YEAR_3000 or not 0 <= microseconds < _MICROSECONDS:
        raise NotRedisError("its clock shows no sensible time")
    return seconds + microseconds / _MICROSECONDS


def _parse_score(store: QueueStore, spelled: bytes | None) -> float | None:
    """Read a score that is a time, in unix seconds."""
    if store.scores_per_second is None or spelled is None:
        return None
    try:
        score = float(spelled)
    except ValueError:
        return None
    return score / store.scores_per_second + store.expires_after_seconds if isfinite(score) else None
