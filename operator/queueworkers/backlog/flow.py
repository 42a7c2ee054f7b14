"""
What is remembered of a queue, to see at the next look what came and what was taken.

Pure: a command out, a reply in.  Of each list one entry is remembered, the
mark, and how many jobs would be taken before it.  Where it is found again,
just so many fewer are before it as were taken; and whatever has come is behind
it.  A script asks, so that all that it sees of a queue is of one moment.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from queueworkers.backlog.counting import ROOM_BYTES, last_ripe_score
from queueworkers.backlog.keys import encode
from queueworkers.frameworks.base import JobState, ListEnd, StoreKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from queueworkers.backlog.wire import Command, Reply
    from queueworkers.frameworks.base import QueueStore

MARK_BYTES = 8 * 1024
"""Larger entries are not remembered: each is sent at every question."""

ENTRIES_SEARCHED = 10_000
"""So many entries of a list are compared with a mark: some 0.1 ms of the server."""

DEPTH = 1000
"""
How far from the head a mark is at most in a list that is too heavy for a look at its end.

`MEMORY USAGE` weighs a list from its head on.  No node of an ordinary list is above 8 KB, so that a huge
element among the first thousand shows in their average.
"""

# Returns for each key what is seen there, by its kind:
#   list      {length, jobs before the mark that was sent, or GONE, or UNSEEN, new mark or false, jobs before that or -1}
#   members   {count}
#   delayed   {count, those that are due}
#   reserved  {count, those that are expired, the latest score or false}
#   stream    {entries that the group has got, entries that it has not got}; false where Redis does not know
#
# A mark stays where it is while nothing came after it; then nothing new is sent.  One of which there are two would prove
# nothing.  LPOS is there since Redis 6.0.6; without it there are no marks.
#
# Nothing is copied that was not weighed, as in the script that looks at the edges.
FLOW_SCRIPT = """
if #KEYS == 0 then return 0 end
local GONE, UNSEEN = -1, -2
local limit, room = tonumber(ARGV[1]), tonumber(ARGV[2])
local scan, depth = tonumber(ARGV[3]), tonumber(ARGV[4])
local function weight(key, samples)
    local usage = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', samples)
    return type(usage) == 'number' and usage or nil
end
local function light(key)
    local typical = weight(key, 1)
    return typical and typical <= room and weight(key, 0) <= room
end
local look = {}
function look.list(key, taken_from, mark, before)
    local length = redis.call('LLEN', key)
    before = tonumber(before)
    if length == 0 then return {0, before and GONE or UNSEEN, false, -1} end
    local old, new = 1, -1
    if taken_from == 'tail' then old, new = -1, 1 end
    -- Returns how many jobs are before each such entry, or nil.
    local function places(entry, rank, most)
        local found = redis.pcall('LPOS', key, entry, 'RANK', rank, 'COUNT', 2, 'MAXLEN', most)
        if found.err then return nil end
        if taken_from == 'tail' then
            for n = 1, #found do found[n] = length - 1 - found[n] end
        end
        return found
    end
    -- A list is searched where the entry must be, unless that is too long.
    local function find(entry, last)
        if last < scan then return places(entry, old, last + 1), true end
        return places(entry, new, scan), length <= scan
    end
    local seen = UNSEEN
    if before then
        local at, certain = places(mark, new, 1), false
        if at and not at[1] then at, certain = find(mark, before) end
        if at and #at == 1 then seen = at[1]
        elseif at and #at == 0 and certain then seen = GONE end
    end
    local last, may = length - 1, true
    if taken_from == 'tail' then
        -- What came last is at the head, which can be weighed.
        local typical = weight(key, 1)
        may = typical and typical <= 2 * limit * length
    elseif not light(key) then
        last = math.min(last, depth - 1)
        local first, all = weight(key, 1), weight(key, depth)
        may = first and all and first <= 2 * limit * length and all <= 2 * first
        if seen >= depth / 2 then last = seen end
    end
    if seen == last then return {length, seen, false, seen} end
    local entry = may and redis.call('LINDEX', key, taken_from == 'tail' and -1 - last or last)
    if entry and #entry <= limit then
        local at = find(entry, last)
        if at and #at == 1 and at[1] == last then return {length, seen, entry, last} end
    end
    return {length, seen, false, seen >= 0 and seen or -1}
end
function look.members(key) return {redis.call('ZCARD', key)} end
function look.length(key) return {redis.call('LLEN', key), 0, false} end
function look.delayed(key, bound)
    return {redis.call('ZCARD', key), bound == '' and 0 or redis.call('ZCOUNT', key, '-inf', bound)}
end
function look.reserved(key, bound)
    local count, latest = redis.call('ZCARD', key), false
    local typical = count > 0 and count <= depth and weight(key, 1)
    if typical and typical <= 2 * limit * count then
        latest = redis.call('ZRANGEBYSCORE', key, '-inf', '+inf', 'WITHSCORES', 'LIMIT', count - 1, 1)[2]
    end
    return {count, bound == '' and 0 or redis.call('ZCOUNT', key, '-inf', bound), latest}
end
function look.stream(key, group)
    local groups = redis.pcall('XINFO', 'GROUPS', key)
    if groups.err then
        return string.find(groups.err, 'no such key', 1, true) and {0, 0} or false
    end
    for _, fields in ipairs(groups) do
        local found = {}
        for n = 1, #fields, 2 do found[fields[n]] = fields[n + 1] end
        if found['name'] == group then
            return found['entries-read'] and found['lag'] and {found['entries-read'], found['lag']}
        end
    end
    return false
end
local seen = {}
for i, key in ipairs(KEYS) do
    local kind = ARGV[4 * i + 1]
    seen[i] = look[kind](key, ARGV[4 * i + 2], ARGV[4 * i + 3], ARGV[4 * i + 4]) or false
end
return seen
"""
# How Redis names scripts; nothing depends on its strength.
_SHA1 = hashlib.sha1(FLOW_SCRIPT.encode(), usedforsecurity=False).hexdigest()

_GONE = -1
_REPLY_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Mark:
    """An entry of a list that is looked for again."""

    entry: bytes
    before: int
    """Jobs that would be taken before it."""


@dataclass(frozen=True, slots=True)
class FlowQuestion:
    """What is asked about the flow of one queue."""

    stores: tuple[QueueStore, ...]
    marks: tuple[Mark | None, ...]
    """What is remembered of each of them."""
    not_before: int
    """Unix seconds; what has fallen due by then stays due, whatever the clock says."""

    @property
    def at_most_bytes(self) -> int:
        """How long the answer can be."""
        return len(self.stores) * (MARK_BYTES + _REPLY_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSight:
    """What was seen of the jobs under one key that a worker may take."""

    jobs: int
    found: int | None = None
    """Jobs before the mark of the question; ``None`` where it was not found, or not for certain."""
    gone: bool = False
    """True where the mark of the question is certainly not there any more."""
    mark: Mark | None = None
    """What to look for the next time."""
    read: int | None = None
    """Of a stream, how many entries its group ever got."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSight:
    """What was seen of one queue, all of it at one moment."""

    ready: tuple[StoreSight, ...]
    """Of each of its stores with jobs that a worker may take."""
    due: int
    expired: int
    beside: tuple[tuple[int, bytes | None], ...]
    """Of each store with delayed or reserved jobs, their number, and the latest score of reserved ones."""
    at: int
    """By when jobs were due, in unix seconds."""

    @property
    def waiting(self) -> int:
        """Jobs that a worker could take."""
        return sum(each.jobs for each in self.ready) + self.due + self.expired

    @property
    def is_void(self) -> bool:
        """Tell whether there is no job at all, in whatever state: as at rest, and as after a deletion."""
        return not self.waiting and not any(jobs for jobs, _ in self.beside)


def flow_stores(stores: Sequence[QueueStore]) -> tuple[QueueStore, ...]:
    """Choose those that are looked at; of streams the ready ones tell everything."""
    return tuple(
        store for store in stores if store.jobs is JobState.READY or store.kind is not StoreKind.STREAM
    )


def flow_command(question: FlowQuestion, now: int) -> Command:
    """Ask; *now* in unix seconds by the server's clock."""
    now = max(now, question.not_before)
    keys = [encode(store.key) for store in question.stores]
    facts = (
        word
        for store, mark in zip(question.stores, question.marks, strict=True)
        for word in _facts(store, mark, now)
    )
    return (
        "EVALSHA",
        _SHA1,
        len(keys),
        *keys,
        *(MARK_BYTES, ROOM_BYTES, ENTRIES_SEARCHED, DEPTH),
        *facts,
    )


def _facts(store: QueueStore, mark: Mark | None, now: int) -> tuple[str | bytes | int, ...]:
    """Name the kind, and what else the script wants to know of such a key."""
    bound: str | int = "" if store.scores_per_second is None else last_ripe_score(store, now)
    match store.kind, store.jobs:
        case StoreKind.LIST, JobState.READY:
            end = "head" if store.taken_from is ListEnd.HEAD else "tail"
            return ("list", end, *((mark.entry, mark.before) if mark else ("", "")))
        case StoreKind.LIST, _:
            return "length", "", "", ""
        case StoreKind.STREAM, _:
            return "stream", encode(store.group or ""), "", ""
        case StoreKind.SORTED_SET, JobState.READY:
            return "members", "", "", ""
        case StoreKind.SORTED_SET, JobState.DELAYED:
            return "delayed", bound, "", ""
        case _:
            return "reserved", bound, "", ""


def parse_flow(question: FlowQuestion, reply: Reply, now: int) -> FlowSight | None:
    """Understand the reply; ``None`` where there is none, or of one of the keys nothing can be known."""
    if not isinstance(reply, list) or len(reply) != len(question.stores):
        return None
    ready, beside, due, expired = [], [], 0, 0
    try:
        for store, mark, seen in zip(question.stores, question.marks, reply, strict=True):
            facts = iter(seen)
            if store.jobs is JobState.READY:
                ready.append(_parse_ready(store, mark, facts))
                continue
            jobs, ripe = _count(next(facts)), _count(next(facts, 0))
            latest = next(facts, None)
            beside.append((jobs, latest if isinstance(latest, bytes) else None))
            if store.jobs is JobState.DELAYED:
                due += ripe
            else:
                expired += ripe
    except (TypeError, ValueError, StopIteration):
        return None
    at = max(now, question.not_before)
    return FlowSight(ready=tuple(ready), due=due, expired=expired, beside=tuple(beside), at=at)


def _parse_ready(store: QueueStore, mark: Mark | None, facts: Iterator[Reply]) -> StoreSight:
    match store.kind:
        case StoreKind.LIST:
            length, seen, entry, before = facts
            kept = entry if isinstance(entry, bytes) else mark.entry if mark else None
            return StoreSight(
                jobs=_count(length),
                found=seen if isinstance(seen, int) and seen >= 0 else None,
                gone=seen == _GONE,
                mark=Mark(kept, before) if kept is not None and before >= 0 else None,
            )
        case StoreKind.STREAM:
            read, lag = facts
            return StoreSight(jobs=_count(lag), read=_count(read))
        case _:
            return StoreSight(jobs=_count(next(facts)))


def _count(reply: Reply) -> int:
    if not isinstance(reply, int) or reply < 0:
        raise ValueError("no count")
    return reply
