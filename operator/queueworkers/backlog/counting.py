"""
How the jobs under one key are counted, and what the answer means.

Pure: commands out, replies in.  Lists and sorted sets are counted by plain
commands.  What a group of consumers has not read yet is told by no plain
command with an answer of bounded length, so a small script asks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from queueworkers.backlog.keys import encode
from queueworkers.backlog.wire import NotRedisError, Refusal
from queueworkers.frameworks.base import JobState, StoreKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.backlog.wire import Command, Reply
    from queueworkers.frameworks.base import QueueStore

ROOM_BYTES = 8 * 1024 * 1024
"""
What a server may copy to show us one job of a place where that job cannot be weighed beforehand.

To learn the size of an element a script has to copy it: 100 MB took 0.5 to 1 s,
in which the server serves nobody.  `MEMORY USAGE` copies nothing, but tells of
the whole key only, or of its beginning.  What weighs more than this as a whole
is not looked into.
"""

ENTRIES_COUNTED = 1000
"""So many entries of a stream are counted one by one, where the server does not know their number."""

# Returns {entries that the group has not got, entries that its consumers have, id of the first of those, last id that
# the group has got}; the ids are false where they are not known.
#
# `lag` is there since Redis 7, and null where entries were deleted behind what the group has got, as happens when two
# consumers end their entries out of order.  Then the entries are counted; where they are too many or too heavy, those
# that no consumer has are at most all but the pending ones.  A group that is not there yet will get everything.
STREAM_SCRIPT = """
if #KEYS == 0 then return 0 end
local key, group, room, most = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local groups = redis.pcall('XINFO', 'GROUPS', key)
if groups.err then
    if string.find(groups.err, 'no such key', 1, true) then return {0, 0, false, false} end
    return groups
end
local lag, pending, last = false, 0, '0-0'
for _, fields in ipairs(groups) do
    local found = {}
    for n = 1, #fields, 2 do found[fields[n]] = fields[n + 1] end
    if found['name'] == group then
        lag, pending, last = found['lag'], found['pending'], found['last-delivered-id']
    end
end
local function weight(samples)
    local usage = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', samples)
    return type(usage) == 'number' and usage or 0
end
local light = weight(1) <= room and weight(0) <= room
local function unread(count)
    local streams = redis.call('XREAD', 'COUNT', count, 'STREAMS', key, last)
    return streams and streams[1][2] or {}
end
if not lag then
    lag = math.max(redis.call('XLEN', key) - pending, 0)
    if light then
        local count = #unread(most)
        lag = count < most and count or math.max(lag, count)
    end
end
local first = lag > 0 and light and unread(1)[1]
return {lag, pending, first and first[1] or false, last}
"""
# How Redis names scripts; nothing depends on its strength.
STREAM_SHA1 = hashlib.sha1(STREAM_SCRIPT.encode(), usedforsecurity=False).hexdigest()

STREAM_COMMANDS = " +xinfo|groups +xlen +xread"
"""What the script takes that nothing else does."""

_NOT_ALLOWED = ("user executing the script can't", "ACL failure in script")
"""Until Redis 7.0, and since."""

_STREAM_FACTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What is under one key."""

    jobs: int
    ripe: int = 0
    """Those among them whose score, a time, has come."""
    first_entry: bytes | None = None
    """Of a stream, the id of the first entry that nobody has got, where it could be seen."""
    last_delivered: bytes | None = None
    """Of a stream, the last id that somebody has got."""


def count_commands(store: QueueStore, now: int) -> tuple[Command, ...]:
    """Ask for the jobs of *store*, and where its scores are times, for those whose time has come by *now*."""
    key = encode(store.key)
    match store.kind:
        case StoreKind.LIST:
            return (("LLEN", key),)
        case StoreKind.SORTED_SET if store.scores_per_second is None:
            return (("ZCARD", key),)
        case StoreKind.SORTED_SET:
            return (("ZCARD", key), ("ZCOUNT", key, "-inf", last_ripe_score(store, now)))
        case StoreKind.STREAM:
            return (("EVALSHA", STREAM_SHA1, 1, key, encode(store.group or ""), ROOM_BYTES, ENTRIES_COUNTED),)


def count_replies(store: QueueStore) -> int:
    """Tell how many replies `count_commands` bring."""
    return 2 if store.kind is StoreKind.SORTED_SET and store.scores_per_second is not None else 1


def last_ripe_score(store: QueueStore, now: int) -> int:
    """Tell the highest score whose time has come; it is due itself, as the frameworks have it."""
    return (now - store.expires_after_seconds) * (store.scores_per_second or 1)


def parse_counts(store: QueueStore, replies: Sequence[Reply]) -> Count | Refusal:
    """
    Understand the replies to `count_commands`.

    Raises:
        NotRedisError: a reply is of a kind that Redis would not give.
    """
    refusal = next((reply for reply in replies if isinstance(reply, Refusal)), None)
    if refusal:
        # What a user may not do in a script has no code of its own.
        in_script = any(words in refusal.words for words in _NOT_ALLOWED)
        return Refusal(f"NOPERM {refusal.words}") if in_script else refusal
    if store.kind is StoreKind.STREAM:
        return _parse_stream(store, replies[0])
    jobs, ripe = _number(replies[0]), _number(replies[-1]) if len(replies) > 1 else 0
    # A part is never more than the whole, whatever happened between the two commands.
    return Count(jobs=jobs, ripe=min(ripe, jobs))


def _parse_stream(store: QueueStore, reply: Reply) -> Count:
    if not isinstance(reply, list) or len(reply) != _STREAM_FACTS:
        raise NotRedisError(f"it answers {type(reply).__name__} where a stream was asked for")
    lag, pending, first, last = reply
    if store.jobs is JobState.RESERVED:
        return Count(jobs=_number(pending))
    return Count(
        jobs=_number(lag),
        first_entry=first if isinstance(first, bytes) else None,
        last_delivered=last if isinstance(last, bytes) else None,
    )


def _number(reply: Reply) -> int:
    if not isinstance(reply, int) or reply < 0:
        raise NotRedisError(f"it answers {type(reply).__name__} where a count was asked for")
    return reply
