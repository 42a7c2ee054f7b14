"""Queues that move, each a little every second, without ever asking for another worker."""

from __future__ import annotations

import threading
from itertools import cycle
from typing import TYPE_CHECKING, Self

from measuring.pools import JOB, QUEUES, key_of

if TYPE_CHECKING:
    from types import TracebackType

    import redis

JOBS = (1, 2, 3)
"""So many wait, one second after the other: one worker's work."""


class Traffic:
    """
    While it is entered, the numbers of jobs in some queues change each second.

    Args:
        client: The Redis.
        pools: How many there are.
        part: Of their queues that move; in as few pools as hold them.
    """

    def __init__(self, client: redis.Redis, *, pools: int, part: float) -> None:
        self._client = client
        moving = round(pools * len(QUEUES) * part)
        every = [(number, queue) for number in range(pools) for queue in QUEUES]
        self._keys = [key_of(number, queue) for number, queue in every[:moving]]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._move, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and leave the queues empty."""
        self._stop.set()
        self._thread.join()
        for start in range(0, len(self._keys), 1000):
            self._client.delete(*self._keys[start : start + 1000])

    def _move(self) -> None:
        before = 0
        for jobs in cycle(JOBS):
            pipeline = self._client.pipeline(transaction=False)
            for key in self._keys:
                if jobs > before:
                    pipeline.rpush(key, *(JOB % number for number in range(before, jobs)))
                else:
                    pipeline.lpop(key, before - jobs)
            pipeline.execute()
            before = jobs
            if self._stop.wait(1.0):
                return
