"""
Run the operator and write down, when it is sent SIGUSR1, what its time or its memory went to.

``python profiled_operator.py time|memory FILE FLAGS``
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import signal
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measuring.areas import add_memory_by_area, add_time_by_area
from queueworkers.__main__ import operate
from queueworkers.settings import parse_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FRAMES = 12
"""Enough to see from the line that allocates up to who asked for it."""


async def main(kind: str, file: Path, flags: list[str]) -> None:
    """Look after pools until told to stop, as the operator does."""
    start = {"time": _start_time, "memory": _start_memory}[kind]
    take = start()

    def write() -> None:
        unfinished = file.with_suffix(".part")
        unfinished.write_text(json.dumps(take()), encoding="utf-8")
        unfinished.rename(file)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, write)
    await operate(parse_settings(flags))


def _start_time() -> Callable[[], Mapping[str, float]]:
    profile = cProfile.Profile()
    profile.enable()

    def take() -> Mapping[str, float]:
        profile.disable()
        return add_time_by_area(profile)

    return take


def _start_memory() -> Callable[[], Mapping[str, float]]:
    tracemalloc.start(FRAMES)
    return lambda: add_memory_by_area(tracemalloc.take_snapshot())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
