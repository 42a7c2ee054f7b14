"""
Which node of a Redis Cluster has which key.  Pure.

A key is in one of 16384 slots, by the part of its name in braces where there
is one; each slot is at one master.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from redis.crc import key_slot

from queueworkers.backlog.keys import encode
from queueworkers.backlog.wire import NotRedisError, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from queueworkers.backlog.wire import Reply

Node = tuple[str, int]
"""Host and port, as the nodes call each other."""

_REDIRECTION = re.compile(r"(MOVED|ASK) \d+ (\S*):(\d+)")
_UNKNOWN_HOSTS = {"", "?"}
"""How a node says that it does not know its own address: it is the one under which it was asked."""


@lru_cache(maxsize=250_000)
def _slot(key: str) -> int:
    return key_slot(encode(key))


def slot_of(keys: Iterable[str]) -> int | None:
    """Name the slot that all *keys* are in, any slot where there are none; ``None`` when they are not in one."""
    slots = {_slot(key) for key in keys} or {0}
    return slots.pop() if len(slots) == 1 else None


@dataclass(frozen=True, slots=True)
class Redirection:
    """A node's word that another one has a key."""

    node: Node
    only_now: bool
    """True while the slot moves: this key is there already, the next one may not be."""


def parse_redirection(reply: Reply, *, host: str) -> Redirection | None:
    """Read a redirection; ``None`` for any other reply.  *host* is the node that gave it."""
    found = _REDIRECTION.fullmatch(reply.words) if isinstance(reply, Refusal) else None
    if found is None:
        return None
    kind, told, port = found.groups()
    return Redirection((host if told in _UNKNOWN_HOSTS else told, int(port)), only_now=kind == "ASK")


@dataclass(frozen=True, slots=True)
class SlotMap:
    """Which node has which slot."""

    starts: tuple[int, ...]
    ranges: tuple[tuple[int, int, Node], ...]
    """First and last slot, and the master that has them; in order, from `starts`."""

    @property
    def masters(self) -> frozenset[Node]:
        """Every node that has slots."""
        return frozenset(node for _, _, node in self.ranges)

    def owner(self, slot: int) -> Node | None:
        """Name the node that has *slot*; ``None`` when nobody has it."""
        index = bisect_right(self.starts, slot) - 1
        if index < 0:
            return None
        _, last, node = self.ranges[index]
        return node if slot <= last else None


def parse_slots(reply: Reply, *, host: str) -> SlotMap:
    """
    Read the reply to `CLUSTER SLOTS`.

    Args:
        reply: As it came.
        host: The node that gave it.

    Raises:
        NotRedisError: it is of another kind.
    """
    try:
        ranges = sorted((int(first), int(last), _node(master, host)) for first, last, master, *_ in reply)
    except (TypeError, ValueError) as error:
        raise NotRedisError("it answers something else where slots were asked for") from error
    return SlotMap(tuple(first for first, _, _ in ranges), tuple(ranges))


def _node(spelled: Reply, host: str) -> Node:
    told, port, *_ = spelled
    name = (told or b"").decode(errors="replace")
    return host if name in _UNKNOWN_HOSTS else name, int(port)
