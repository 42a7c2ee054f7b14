"""How long an answer may take, without the time in which this process itself was busy."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BEATS = 8
"""A limit is waited for in so many parts; a stall, however long, costs the one that it falls into."""


@asynccontextmanager
async def patience(seconds: float) -> AsyncIterator[None]:
    """
    Wait at most *seconds* for what is asked inside.

    While the loop is busy with something else for seconds, answers arrive and
    nobody takes them.  `asyncio.timeout` would find the time over first, and a
    server would be called silent that had answered at once.

    Raises:
        TimeoutError: The time was over, and the loop was there to notice an answer.
    """
    loop = asyncio.get_running_loop()
    beats = 0
    timer: asyncio.TimerHandle

    async with asyncio.timeout(None) as limit:

        def beat() -> None:
            nonlocal beats, timer
            beats += 1
            if beats < BEATS:
                timer = loop.call_later(seconds / BEATS, beat)
            else:
                limit.reschedule(loop.time())

        timer = loop.call_later(seconds / BEATS, beat)
        try:
            yield
        finally:
            timer.cancel()
