"""Run the operator with a meter of its event loop's lag: ``python metered_operator.py FILE FLAGS``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measuring.lag import start_meter
from queueworkers.__main__ import operate
from queueworkers.settings import parse_settings


async def main(lags: Path, flags: list[str]) -> None:
    """Look after pools until told to stop, as the operator does."""
    start_meter(lags)
    await operate(parse_settings(flags))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
