"""The machine and the programs that figures were taken with, in words."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import redis


def describe_machine(server: redis.Redis) -> str:
    """Say what figures were taken with."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    version = server.info("server")["redis_version"]
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, Redis {version}."
