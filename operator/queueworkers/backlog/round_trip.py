"""
All queues of an endpoint in one question, and what the answer means.

Pure: commands out, replies in.  Counting uses plain commands only.  The head
of a list and the earliest scores are asked for by a small script, because
Redis has no plain command for "the first element, unless it is huge" nor for a
score without its member, and a queue holds whatever applications put there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from queueworkers.backlog.wire import NotRedisError, Refusal
from queueworkers.frameworks.payload import MAX_PAYLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from queueworkers.backlog.wire import Command, Reply
    from queueworkers.frameworks.base import HeaderReader, QueueKeys

# Returns {head, earliest due score, earliest expired score}.
#
# To learn the size of an element, a script has to copy it: 400 MB took 1.8 s,
# in which the server serves nobody, and would exceed the time limit and so hide
# every other pool's queues.  MEMORY USAGE copies nothing and took 0.3 ms.  With one sample it takes the first
# node of the list (or the first member of the set) for typical, so a first
# element that is huge shows in the average, however long the queue is; the factor leaves
# room for what an allocator rounds up.
#
# The call without keys makes the script known for the EVALSHA after it, and
# has nothing that an ACL on keys could refuse.
EDGES_SCRIPT = """
if #KEYS == 0 then return 0 end
local limit, now = tonumber(ARGV[1]), ARGV[2]
local function light(key, length)
    local usage = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', 1)
    return type(usage) ~= 'number' or usage <= 2 * limit * length
end
local function earliest(key)
    if not light(key, redis.call('ZCARD', key)) then return false end
    return redis.call('ZRANGEBYSCORE', key, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 1)[2] or false
end
local head = false
if light(KEYS[1], redis.call('LLEN', KEYS[1])) then
    head = redis.call('LINDEX', KEYS[1], 0)
    if head and #head > limit then head = false end
end
return {head, earliest(KEYS[2]), earliest(KEYS[3])}
"""
# How Redis names scripts; nothing depends on its strength.
_EDGES_SHA1 = hashlib.sha1(EDGES_SCRIPT.encode(), usedforsecurity=False).hexdigest()

_COUNTS = 5
_MICROSECONDS = 1_000_000
_YEAR_3000 = 32_503_680_000
_REPLY_OVERHEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class QueueAddress:
    """One queue as it is stored; pools that share it are one question."""

    database: int
    keys: QueueKeys
    read_header: HeaderReader

    @property
    def place(self) -> tuple[int, str]:
        """Where its list is, whoever reads it."""
        return self.database, self.keys.ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the server said about one queue."""

    ready: int
    delayed: int
    due: int
    reserved: int
    expired: int
    head: bytes | None
    """The first job of the list; ``None`` when there is none, it is too large, or scripts are refused."""
    due_since: float | None
    expired_since: float | None

    @property
    def total(self) -> int:
        """All jobs, whatever their state; zero means that none of the keys exists."""
        return self.ready + self.delayed + self.reserved


@dataclass(frozen=True, slots=True)
class Refused:
    """The server's word against one queue."""

    refusal: Refusal
    key: str | None
    """``None`` when the whole database was refused."""


Finding = Counted | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one round trip brought."""

    server_time: float | None
    """Unix seconds; ``None`` when `TIME` is refused."""
    findings: Mapping[QueueAddress, Finding]
    database: int
    """The one that is selected now."""


class RoundTrip:
    """
    One question about some queues.

    Args:
        addresses: The queues, each once.
        now: Unix seconds by the server's clock; scores up to and including it are due, as the frameworks have it.
        database: The database that is selected before.
    """

    def __init__(
        self,
        addresses: Collection[QueueAddress],
        *,
        now: int,
        database: int,
    ) -> None:
        self._database = database
        self._count = len(addresses)
        ordered = sorted(addresses, key=lambda address: address.database)
        self._groups = [
            (number, list(group)) for number, group in groupby(ordered, lambda each: each.database)
        ]
        self.commands: list[Command] = [("TIME",), ("EVAL", EDGES_SCRIPT, 0)]
        for number, group in self._groups:
            # Not said without need: an ACL or a proxy may refuse it to one who never leaves database 0.
            if self._has_select(number):
                self.commands.append(("SELECT", number))
            for address in group:
                self.commands += _counting_commands(address.keys, now)
                self.commands.append(_edges_command(address.keys, now))

    @property
    def at_most_bytes(self) -> int:
        """How long the answer can be."""
        return len(self.commands) * _REPLY_OVERHEAD_BYTES + self._count * MAX_PAYLOAD_BYTES

    def parse(self, replies: Sequence[Reply]) -> Answer:
        """
        Understand the replies to `commands`.

        Raises:
            NotRedisError: a reply is of a kind that Redis would not give.
        """
        pending = iter(replies)
        server_time = parse_time(next(pending))
        next(pending)
        findings: dict[QueueAddress, Finding] = {}
        database = self._database
        for number, group in self._groups:
            selected = next(pending) if self._has_select(number) else None
            if not isinstance(selected, Refusal):
                database = number
            for address in group:
                counts = [next(pending) for _ in range(_COUNTS)]
                edges = next(pending)
                # After a refused SELECT the replies are about another database.
                findings[address] = (
                    Refused(selected, None)
                    if isinstance(selected, Refusal)
                    else _parse_finding(address.keys, counts, edges)
                )
        return Answer(server_time=server_time, findings=findings, database=database)

    def _has_select(self, number: int) -> bool:
        """Every group but one that comes first and is selected already; a refusal before it changes nothing."""
        return number != self._database or number != self._groups[0][0]


def _counting_commands(keys: QueueKeys, now: int) -> tuple[Command, ...]:
    # In the order in which jobs move, since another client's command may come
    # between two of these: a job on its way is then counted twice for a moment,
    # and not missed.
    return (
        ("ZCARD", _encode(keys.delayed)),
        ("ZCOUNT", _encode(keys.delayed), "-inf", now),
        ("LLEN", _encode(keys.ready)),
        ("ZCARD", _encode(keys.reserved)),
        ("ZCOUNT", _encode(keys.reserved), "-inf", now),
    )


def _edges_command(keys: QueueKeys, now: int) -> Command:
    names = (_encode(keys.ready), _encode(keys.delayed), _encode(keys.reserved))
    return ("EVALSHA", _EDGES_SHA1, len(names), *names, MAX_PAYLOAD_BYTES, now)


def _encode(key: str) -> bytes:
    # One pool with an odd name must not cost the others their reading.
    return key.encode(errors="surrogatepass")


def _parse_finding(keys: QueueKeys, counts: Sequence[Reply], edges: Reply) -> Finding:
    delayed, due, ready, reserved, expired = counts
    # The list first: who may not read the list is told of the list.
    asked = ((keys.ready, ready), (keys.delayed, delayed), (keys.delayed, due))
    for key, count in (*asked, (keys.reserved, reserved), (keys.reserved, expired)):
        if isinstance(count, Refusal):
            return Refused(count, key)
        if not isinstance(count, int) or count < 0:
            raise NotRedisError(f"it answers {type(count).__name__} where a count was asked for")
    # A refused script costs the ages and nothing else.
    head, due_since, expired_since = (
        edges if isinstance(edges, list) and len(edges) == 3 else (None,) * 3  # noqa: PLR2004 -- as in the script
    )
    return Counted(
        ready=ready,
        delayed=delayed,
        # A part is never more than the whole, whatever happened between the two commands.
        due=min(due, delayed),
        reserved=reserved,
        expired=min(expired, reserved),
        head=head if isinstance(head, bytes) else None,
        due_since=_parse_score(due_since),
        expired_since=_parse_score(expired_since),
    )


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


def _parse_score(reply: Reply) -> float | None:
    try:
        return float(reply)
    except (TypeError, ValueError):
        return None
