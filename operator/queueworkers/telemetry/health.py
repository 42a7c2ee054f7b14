"""
Whether the operator is alive, which a restart may change, and whether it is ready, which takes only time.

Neither asks the API server or a Redis: that they are away is no reason to end a process that waits for them.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BEAT_SECONDS = 0.5

STUCK_SECONDS = 30.0
"""The longest that the loop was seen to be busy with one thing is far below a second, with ten thousand pools."""

FRAMES_SHOWN = 6

logger = logging.getLogger(__name__)


class Pulse:
    """
    The event loop's heartbeat, heard by another thread.

    Args:
        late: Called after each beat with how much later it came than it should, in seconds.
        monotonic: A clock, in seconds.
    """

    def __init__(
        self, late: Callable[[float], object], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._late = late
        self._monotonic = monotonic
        self._thread = threading.get_ident()
        self._at = monotonic()
        self._next: asyncio.TimerHandle | None = None
        self._told = False

    def __enter__(self) -> Self:
        """Begin to beat, in the loop that runs."""
        self._at = self._monotonic()
        self._next = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beat)
        return self

    def __exit__(self, *_: object) -> None:
        """Beat no more."""
        if self._next:
            self._next.cancel()

    def _beat(self) -> None:
        before, self._at = self._at, self._monotonic()
        self._late(max(self._at - before - BEAT_SECONDS, 0.0))
        self._next = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beat)

    def trouble(self) -> str | None:
        """Say that the loop is stuck, and for the first time also where, in the log."""
        silent = self._monotonic() - self._at
        if silent < STUCK_SECONDS:
            self._told = False
            return None
        if not self._told:
            self._told = True
            logger.error("The event loop is stuck since %.0f s, in:\n%s", silent, self._where())
        return f"the event loop is stuck since {silent:.0f} s"

    def _where(self) -> str:
        """Show the innermost lines that the loop's thread is at; lines of code, never a value."""
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001 -- its documented name
        return "".join(traceback.format_stack(frame, FRAMES_SHOWN)) if frame else "a thread that is gone"


def stale_watches(stale: Callable[[], Sequence[str]]) -> Callable[[], str | None]:
    """Make the check that watches still tell what happens."""

    def trouble() -> str | None:
        named = stale()
        return f"complete lists show what the watches of {', '.join(named)} do not tell" if named else None

    return trouble


class Preparation:
    """
    How far this process is with knowing all that it is to look after.

    Args:
        changing: Names the shards that are its own and not worked on: not listed yet, or about to be given up.
        not_looked_at: Counts the pools that no look was at yet.
        is_member: Tells whether the other operators believe that it is there.
    """

    def __init__(
        self,
        *,
        changing: Callable[[], Sequence[int]],
        not_looked_at: Callable[[], int],
        is_member: Callable[[], bool],
    ) -> None:
        self._changing = changing
        self._not_looked_at = not_looked_at
        self._is_member = is_member
        self.started = False
        """True once the cluster was found usable, and listed where that does not wait for a Lease."""

    def trouble(self) -> str | None:
        """Say what is missing yet; one that stands by is ready, with nothing to look after."""
        if not self.started:
            return "the pools are being listed"
        if not self._is_member():
            return "its Lease as one of the operators could not be renewed"
        if shards := self._changing():
            return f"shards {', '.join(map(str, shards))} are being taken over or given up"
        if count := self._not_looked_at():
            return f"{count} pools were not looked at yet"
        return None
