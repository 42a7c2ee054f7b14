"""Reading the stream that the jobs write, and what still lies in the queues."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ledger.checker import Entry, What

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.redis import RedisServer

_STREAM = "ledger:events"
_AT_ONCE = 20_000
# event, job, queue, attempt, worker, pid, at: as tests/images/laravel/src/Ledger.php writes them.
_FIELDS = 7
_IDENTITY = re.compile(r's:8:"identity";s:\d+:"([^"]+)"')
# LLEN, ZCARD and ZCARD of each queue, in one step: a job that moves between them is counted once.
_COUNT = """
local sum = 0
for _, key in ipairs(KEYS) do
  sum = sum + redis.call('LLEN', key) + redis.call('ZCARD', key .. ':delayed') + redis.call('ZCARD', key .. ':reserved')
end
return sum
"""


class Ledger:
    """All that the jobs of one Redis have written; each look reads only what is new."""

    def __init__(self, redis: RedisServer) -> None:
        self._redis = redis
        self._latest = "-"
        self.entries: list[Entry] = []
        """In the order of writing, as of the last look."""

    def look(self) -> Sequence[Entry]:
        """Read what was written since the last look, and return it."""
        known = len(self.entries)
        while printed := self._redis.cli("XRANGE", _STREAM, self._latest, "+", "COUNT", str(_AT_ONCE)):
            for identity, entry in _parse(printed.splitlines()):
                self._latest = f"({identity}"
                self.entries.append(entry)
        return self.entries[known:]


def read_ledger(redis: RedisServer) -> list[Entry]:
    """Read all that the jobs have written so far."""
    ledger = Ledger(redis)
    ledger.look()
    return ledger.entries


def count_jobs(redis: RedisServer, keys: Sequence[str]) -> int:
    """Count the jobs that lie in queues, waiting, delayed or reserved; *keys* are those of the lists."""
    return int(redis.cli("EVAL", _COUNT, str(len(keys)), *keys))


def name_jobs(redis: RedisServer, keys: Sequence[str]) -> frozenset[str]:
    """Name the jobs that lie in queues, waiting, delayed or reserved; *keys* are those of the lists."""
    payloads = "\n".join(
        printed
        for key in keys
        for printed in (
            redis.cli("LRANGE", key, "0", "-1"),
            redis.cli("ZRANGE", f"{key}:delayed", "0", "-1"),
            redis.cli("ZRANGE", f"{key}:reserved", "0", "-1"),
        )
    )
    return frozenset(
        _identity(json.loads(payload)["data"]["command"]) for payload in payloads.splitlines() if payload
    )


def parse_stream(printed: str) -> list[Entry]:
    """
    Read what `redis-cli XRANGE` prints when nobody watches: one string a line.

    Each entry is its id, which no field's value looks like, and then fields and
    values by turns; a value is never empty.
    """
    return [entry for _, entry in _parse(printed.splitlines())]


def _parse(lines: Iterable[str]) -> Iterator[tuple[str, Entry]]:
    remaining = iter(lines)
    for identity in remaining:
        fields = {next(remaining): next(remaining) for _ in range(_FIELDS)}
        yield (
            identity,
            Entry(
                what=What(fields["event"]),
                job=fields["job"],
                attempt=int(fields["attempt"]),
                worker=fields["worker"],
                pid=int(fields["pid"]),
                at=float(fields["at"]),
            ),
        )


def _identity(command: str) -> str:
    """Find a job's identity in what PHP's serialize() made of it."""
    found = _IDENTITY.search(command)
    if found is None:
        raise ValueError(f"not a DemoJob: {command[:200]}")
    return found[1]
