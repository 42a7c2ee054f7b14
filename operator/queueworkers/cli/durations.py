"""How long something may take or go back, as kubectl's flags take it."""

from __future__ import annotations

import re
from typing import Any

import click

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


class Duration(click.ParamType[float]):
    """Seconds as kubectl takes them: ``90``, ``90s``, ``10m``, ``1h``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a duration; *value* is a number where it is the default."""
        found = re.fullmatch(r"(\d{1,6})([smh]?)", str(value))
        if not found:
            self.fail(f"{value} is no duration: give one such as 90s, 10m or 1h", param, ctx)
        return float(found[1]) * _SECONDS[found[2]]
