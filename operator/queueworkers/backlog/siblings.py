"""
A queue whose keys never existed: empty, or looked for in the wrong place?

Looks for keys of the same queue under another prefix, in another database or
in another framework's or version's spelling.  The walk is bounded in steps;
what it does not find in time, it does not find.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from queueworkers.api.conditions import UnknownReason
from queueworkers.backlog.keys import printable
from queueworkers.domain.backlog import UnknownBacklog
from queueworkers.frameworks import FRAMEWORKS
from queueworkers.frameworks.base import StoreKind

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterator, Mapping, Sequence

    from queueworkers.backlog.endpoint import Endpoint, PoolRequest
    from queueworkers.backlog.wire import Wire
    from queueworkers.frameworks.base import Framework, QueueStore

MAX_DATABASES = 8
MAX_STEPS = 50
STEP_KEYS = 1000
"""Keys that the server looks at in one step, which takes it well below a millisecond."""

# One pattern for all queues of all pools whose framework is known, whichever it should have been.
_PATTERN = "*queues:*"
_ANY_QUEUE = "\0"
_GLOB_CHARACTERS = re.compile(r"[*?\[\]\\]")
_OLDEST_VERSION = (0,)
_LENGTHS = {StoreKind.LIST: "LLEN", StoreKind.SORTED_SET: "ZCARD", StoreKind.STREAM: "XLEN"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """A place where a queue of that name does exist."""

    database: int
    stores: tuple[QueueStore, ...]
    """Its keys; some of them, even the first, may be absent just now."""
    prefix: str
    advice: tuple[str, ...]
    """What to set in the pool for it to be found."""
    jobs: int = 0

    @property
    def ready(self) -> str:
        """The key that workers would take its jobs from."""
        return self.stores[0].key


def key_pattern(request: PoolRequest) -> str:
    """Spell as a pattern of `SCAN` what keys look like that may be the pool's queues."""
    if not request.spelling.declared:
        return _PATTERN
    stores = request.framework.keys(_ANY_QUEUE, replace(request.spelling, prefix=""))
    escaped = _GLOB_CHARACTERS.sub(r"\\\g<0>", stores[0].key)
    return f"*{escaped.replace(_ANY_QUEUE, '*')}"


async def observe_queue_keys(
    wires: Sequence[Wire], database: int, pattern: str
) -> Mapping[int, frozenset[str]]:
    """
    Walk over *database* and the other databases that hold anything, for keys that look like *pattern*.

    Every server of an endpoint is walked over, by the same bounds.  What one
    refuses is left out.  Never `KEYS`: it would block the server.
    """
    found: dict[int, frozenset[str]] = defaultdict(frozenset)
    for wire in wires:
        others = [number for number in await _observe_databases(wire) if number != database]
        for number in [database, *others][:MAX_DATABASES]:
            found[number] |= await _observe_keys(wire, number, pattern)
    return found


async def observe_jobs(wires: Sequence[Wire], database: int, stores: Sequence[QueueStore]) -> int:
    """Count the jobs of one queue in any state; what is no queue, or is at another server, counts as none."""
    commands = [(_LENGTHS[store.kind], _encode(store.key)) for store in stores]
    counts = [
        count for wire in wires if await wire.select(database) for count in await wire.exchange(commands)
    ]
    return sum(count for count in counts if isinstance(count, int))


async def _observe_databases(wire: Wire) -> list[int]:
    (listing,) = await wire.exchange([("INFO", "keyspace")])
    if not isinstance(listing, bytes):
        return []
    names = (line.partition(b":")[0] for line in listing.splitlines() if line.startswith(b"db"))
    return [int(name[2:]) for name in names if name[2:].isdigit()]


async def _observe_keys(wire: Wire, database: int, pattern: str) -> frozenset[str]:
    found: set[str] = set()
    cursor: bytes | int = 0
    if not await wire.select(database):
        return frozenset()
    for _ in range(MAX_STEPS):
        (step,) = await wire.exchange(
            [("SCAN", cursor, "MATCH", pattern, "COUNT", STEP_KEYS)], at_most_bytes=4 * 1024 * 1024
        )
        match step:
            case [bytes(cursor), [*keys]]:
                found.update(key.decode(errors="surrogateescape") for key in keys if isinstance(key, bytes))
            case _:
                break
        if cursor == b"0":
            break
    return frozenset(found)


def find_siblings(
    request: PoolRequest,
    found: Mapping[int, Collection[str]],
    *,
    claimed: Container[tuple[int, str]],
) -> list[Sibling]:
    """
    Find places where queues of *request* do exist, the likeliest first.

    Args:
        request: A pool none of whose keys exists.
        found: Keys by database.
        claimed: Places of queues that belong to other pools: no evidence of a mistake.
    """
    siblings = {
        (sibling.database, sibling.ready): sibling
        for database, keys in found.items()
        for key in sorted(keys)
        for sibling in _recognise(request, database, key)
        if (sibling.database, sibling.ready) not in claimed
    }
    return sorted(siblings.values(), key=lambda each: (len(each.advice), each.database, each.ready))


def _recognise(request: PoolRequest, database: int, key: str) -> Iterator[Sibling]:
    for queue in request.queues:
        for stores, spelling in _spellings(request, queue).items():
            tail = next((store.key for store in stores if key.endswith(store.key)), None)
            if tail is None:
                continue
            prefix = key.removesuffix(tail)
            advice = [*spelling]
            if database != request.database:
                advice.append(f"set spec.redis.database: {database}")
            if prefix != request.spelling.prefix:
                advice.append(
                    f"set spec.redis.prefix: {printable(prefix)}" if prefix else "remove spec.redis.prefix"
                )
            if advice:
                there = tuple(replace(store, key=f"{prefix}{store.key}") for store in stores)
                yield Sibling(database=database, stores=there, prefix=prefix, advice=tuple(advice))
            break


def _spellings(request: PoolRequest, queue: str) -> dict[tuple[QueueStore, ...], tuple[str, ...]]:
    """Every way to write a queue's keys without a prefix, with what to change for it; the pool's own way first."""
    spellings: dict[tuple[QueueStore, ...], tuple[str, ...]] = {}

    def add(framework: Framework, version: tuple[int, ...] | None, *advice: str) -> None:
        spelling = replace(request.spelling, prefix="", version=version)
        spellings.setdefault(framework.keys(queue, spelling), advice)

    add(request.framework, request.spelling.version)
    for name in (queue.replace("{", "").replace("}", ""), f"{{{queue}}}"):
        spelled = request.framework.keys(name, replace(request.spelling, prefix=""))
        spellings.setdefault(spelled, (f"name the queue {name} in spec.queues, as the application does",))
    for version in (None, _OLDEST_VERSION):
        add(request.framework, version, "set spec.version to the installed version, which spells its keys so")
    for framework in FRAMEWORKS.values():
        for version in (None, _OLDEST_VERSION):
            add(framework, version, f"set spec.framework: {framework.name}")
    return spellings


def explain_missing(request: PoolRequest, sibling: Sibling, endpoint: Endpoint) -> UnknownBacklog:
    """Say that a pool looks in the wrong place, and which one may be right."""
    own = printable(request.framework.keys(request.queues[0], request.spelling)[0].key)
    jobs = "1 job" if sibling.jobs == 1 else f"{sibling.jobs} jobs"
    there = "it" if sibling.database == request.database else f"database {sibling.database}"
    return UnknownBacklog(
        reason=UnknownReason.QUEUE_NOT_FOUND,
        message=(
            f"No key {own} has ever existed in database {request.database} of {endpoint.title};"
            f" {there} has {printable(sibling.ready)} ({jobs}): {' and '.join(sibling.advice)}."
        ),
    )


def _encode(key: str) -> bytes:
    return key.encode(errors="surrogateescape")
