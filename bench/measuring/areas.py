"""What a profile says, by the package that the time or the memory went to."""

from __future__ import annotations

import pstats
from collections import defaultdict
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import cProfile
    import tracemalloc
    from collections.abc import Mapping

BUILT_IN = "built in"
IDLE = ("select.epoll", "time.sleep")
"""In these the process waits, and uses no processor."""


@cache
def area_of(file: str) -> str:
    """
    Name what a source file belongs to.

    A package of the operator, a library, or a module of Python itself.
    """
    parts = PurePath(file).with_suffix("").parts
    if "queueworkers" in parts:
        at = parts.index("queueworkers")
        return ".".join(parts[at : at + 2])
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1]
    if file.startswith("/"):
        library = next((at for at, part in enumerate(parts) if part.startswith("python3")), -2)
        return f"Python's {parts[library + 1]}"
    return BUILT_IN


def add_time_by_area(profile: cProfile.Profile) -> Mapping[str, float]:
    """Add up processor seconds; what is built into Python counts for who called it."""
    seconds: defaultdict[str, float] = defaultdict(float)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (file, _, name), (_, _, own, _, callers) in stats.items():
        if any(each in name for each in IDLE):
            continue
        if file != "~":
            seconds[area_of(file)] += own
            continue
        for (caller, _, _), (_, _, part, _) in callers.items():
            seconds[area_of(caller)] += part
    return dict(seconds)


def add_memory_by_area(snapshot: tracemalloc.Snapshot) -> Mapping[str, float]:
    """Add up MiB that are in use; what a library allocated counts for the operator's package or the library that asked for it."""
    mib: defaultdict[str, float] = defaultdict(float)
    for trace in snapshot.traces:
        areas = [area_of(frame.filename) for frame in reversed(trace.traceback)]
        ours = next((area for area in areas if area.startswith("queueworkers")), None)
        libraries = (area for area in areas if not area.startswith("Python's") and area != BUILT_IN)
        mib[ours or next(libraries, areas[0])] += trace.size / 2**20
    return dict(mib)
