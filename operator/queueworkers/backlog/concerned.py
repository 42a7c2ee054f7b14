"""Whom it concerns when a key changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queueworkers.backlog.keys import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from queueworkers.backlog.round_trip import QueueAddress
    from queueworkers.domain.identity import PoolKey


class Concerned:
    """
    The pools that read each key.

    By the key alone: a server does not tell in which database it changed.  A
    pool that is named in vain is read once for nothing.
    """

    def __init__(self) -> None:
        # Nearly every key is read by one pool, and there are very many keys: a set for each would be 200 bytes more.
        self._pools: dict[bytes, tuple[PoolKey, ...]] = {}

    def add(self, pool: PoolKey, addresses: Iterable[QueueAddress]) -> None:
        """Note the keys that a pool reads; again is the same as once."""
        for key in _keys(addresses):
            known = self._pools.get(key, ())
            if pool not in known:
                self._pools[key] = (*known, pool)

    def drop(self, pool: PoolKey, addresses: Iterable[QueueAddress]) -> None:
        """Forget that a pool reads these keys."""
        for key in _keys(addresses):
            others = tuple(each for each in self._pools.get(key, ()) if each != pool)
            if others:
                self._pools[key] = others
            else:
                self._pools.pop(key, None)

    def by(self, keys: Sequence[bytes]) -> frozenset[PoolKey]:
        """Name the pools that read one of *keys*."""
        return frozenset(pool for key in keys for pool in self._pools.get(key, ()))


def _keys(addresses: Iterable[QueueAddress]) -> Iterable[bytes]:
    return (encode(key) for address in addresses for key in address.keys)
