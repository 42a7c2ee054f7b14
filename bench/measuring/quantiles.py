"""What stands in the middle of measured values, and what only few exceed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def quantile(values: Sequence[float], part: float) -> float:
    """
    Return the least of *values* that so large a *part* of them does not exceed.

    Always one that was measured, never one between two; nan where none was.
    """
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(math.ceil(part * len(ordered)) - 1, 0)]


def median(values: Sequence[float]) -> float:
    """Return the value in the middle, the lower of two; nan where none was measured."""
    return quantile(values, 0.5)
