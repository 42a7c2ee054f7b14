"""How answers look: columns as kubectl's, documents for programs, colours where somebody looks."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click
import yaml

from queueworkers.api.conditions import ConditionReason, ConditionStatus, WaitBound
from queueworkers.domain.wording import spell_age

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from queueworkers.api.status import Condition

UNKNOWN = "-"
"""In the place of what is not known; never 0."""

APART = 3
"""Spaces between columns, as kubectl has them."""

TAKES_TIME = frozenset(
    {
        ConditionReason.STARTING,
        ConditionReason.ROLLING_RESTART,
        ConditionReason.ROLLING_UPDATE,
        ConditionReason.DRAINING,
        ConditionReason.ROLLOUT_HELD,
        ConditionReason.ROLLOUT_UNDONE,
    }
)
"""Reasons for which a pool is not ready, and which go by, or were asked for."""

_WAITS = {WaitBound.EXACTLY: "{}", WaitBound.AT_LEAST: ">={}", WaitBound.AT_MOST: "<={}"}


def wants_colour() -> bool | None:
    """Tell whether to colour: ``False`` where NO_COLOR is set, ``None`` for only on a terminal."""
    return False if os.environ.get("NO_COLOR") else None


def shows_colour() -> bool:
    """Tell whether what is written to standard output without `click.echo` may be coloured."""
    return wants_colour() is None and sys.stdout.isatty()


def lay_out(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write rows in columns; all rows are of one length, the first is the header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield (" " * APART).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def spell_number(count: int | None) -> str:
    """Write a count, or that it is not known."""
    return UNKNOWN if count is None else str(count)


def spell_since(moment: datetime | None, *, now: datetime) -> str:
    """Write how long ago something was, or that it is not known."""
    return UNKNOWN if moment is None else spell_age(now - moment)


def spell_wait(since: datetime | None, bound: str | None, *, now: datetime) -> str:
    """Write how long the oldest job waits: ``38s``, ``>=38s`` or ``<=38s``, as the queue can tell."""
    if since is None:
        return UNKNOWN
    known = WaitBound(bound) if bound in set(WaitBound) else WaitBound.EXACTLY
    return _WAITS[known].format(spell_age(now - since))


def colour_of(ready: Condition | None) -> str | None:
    """Choose green for a pool that is as it should be, yellow for one on its way, red for one that wants a person."""
    if ready is None:
        return None
    if ready.status == ConditionStatus.TRUE:
        return "green"
    return "yellow" if ready.reason in TAKES_TIME else "red"


def write_document(document: Any, output: str) -> str:
    """Write an answer for a program, as *output* says: ``json`` or ``yaml``."""
    if output == "json":
        return json.dumps(document, indent=2)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip()


def paint(words: str, colour: str | None) -> str:
    """Colour words; `click.echo` takes the colour away where nobody would see it."""
    return click.style(words, fg=colour) if colour else words
