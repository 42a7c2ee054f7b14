"""Telling the person who waits what is being waited for."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def say(message: str) -> None:
    """Print one line on standard error, at once."""
    print(f"harness: {message}", file=sys.stderr, flush=True)


def wait_until(
    satisfied: Callable[[], bool],
    *,
    what: str,
    timeout_seconds: float,
    interval_seconds: float = 0.1,
    check: Callable[[], None] = lambda: None,
) -> None:
    """
    Return as soon as *satisfied* holds.

    *check* runs before each look and raises when waiting has become pointless,
    such as when the process that is waited for has died.

    Raises:
        TimeoutError: *timeout_seconds* have passed; *what* is in the message.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        check()
        if satisfied():
            return
        if time.monotonic() > deadline:
            message = f"{what}: not so within {timeout_seconds:.0f} s"
            raise TimeoutError(message)
        time.sleep(interval_seconds)
