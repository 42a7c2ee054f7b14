"""How long an event loop keeps others waiting, as a process beside it is told."""

from __future__ import annotations

import asyncio
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

BEAT_SECONDS = 0.02
_SAMPLE = struct.Struct("dd")


def start_meter(file: Path) -> None:
    """
    Write down, for ever, how much later than asked for the running loop comes back.

    Without a task: an operator that ends waits for the tasks of its process.
    """
    _beat(asyncio.get_running_loop(), file.open("wb"), due=0.0)


def _beat(loop: asyncio.AbstractEventLoop, samples: BinaryIO, *, due: float) -> None:
    now = loop.time()
    if due:
        samples.write(_SAMPLE.pack(time.monotonic(), now - due))
    loop.call_later(BEAT_SECONDS, lambda: _beat(loop, samples, due=now + BEAT_SECONDS))


def read_lags(file: Path, *, since: float, until: float) -> list[float]:
    """
    Read how much too late the loop was, in seconds, between two times of the monotonic clock.

    What was measured in the last seconds may not be written yet.
    """
    content = file.read_bytes()
    whole = content[: len(content) // _SAMPLE.size * _SAMPLE.size]
    return [max(lag, 0.0) for at, lag in _SAMPLE.iter_unpack(whole) if since <= at < until]
