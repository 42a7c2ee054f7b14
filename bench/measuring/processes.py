"""What a process has cost so far, as the kernel counts it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_USER_TIME_FIELD = 14 - 3  # proc(5) numbers from 1, and two precede the ")".


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one process, at one moment."""

    cpu_seconds: float
    """Since its start."""
    resident_mib: float
    peak_mib: float
    """The most that was ever resident."""


def read_cost(pid: int) -> Cost:
    """Read what a running process has cost."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = sum(map(int, fields[_USER_TIME_FIELD : _USER_TIME_FIELD + 2]))
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    )
    return Cost(
        cpu_seconds=ticks / _TICKS_PER_SECOND,
        resident_mib=_mib(status["VmRSS"]),
        peak_mib=_mib(status["VmHWM"]),
    )


def _mib(text: str) -> float:
    """Read such as ``  123456 kB``."""
    return int(text.split(maxsplit=1)[0]) / 1024
