"""
Reading the JSON that the PHP frameworks store, without trusting it.

A queue holds what applications put there: broken JSON, binary, deep nesting,
a hundred megabytes.  None of it may cost or break anything here.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

MAX_PAYLOAD_BYTES = 256 * 1024
"""Larger heads are counted but not parsed; Laravel's own documentation calls 256 KB (SQS's limit) large."""


def parse_payload(payload: bytes) -> dict[str, Any] | None:
    """Parse a job's JSON object; ``None`` for anything else, however malformed."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return None
    try:
        parsed = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def parse_unix_time(value: object) -> datetime | None:
    """
    Read a unix time that PHP wrote: seconds as an integer, a float or a numeric string.

    Returns ``None`` for anything that is not a moment between 1970 and 9999.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return datetime.fromtimestamp(float(value), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None


MILLISECONDS_FROM = 10**11
"""From here on a unix time is one in milliseconds: as seconds, it would be in the year 5138."""


def parse_moment(value: object) -> datetime | None:
    """Read a unix time in seconds or in whole milliseconds; otherwise as `parse_unix_time`."""
    if isinstance(value, int) and value >= MILLISECONDS_FROM:
        return parse_unix_time(value // 1000)
    return parse_unix_time(value)


def parse_count(value: object) -> int:
    """Read a small non-negative integer; anything else counts as 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
