"""A picture that is drawn again and again in the same place of a terminal."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from queueworkers.cli.screen import shows_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

TO_THE_TOP = "\033[H"
CLEAR_THE_LINE = "\033[K"
CLEAR_BELOW = "\033[J"
"""Control sequences of ECMA-48, which every terminal knows; its names for them are CUP, EL and ED."""


def draw(lines: Sequence[str]) -> None:
    """Draw over the last picture, as much as the terminal has room for; what is no terminal gets all of it below."""
    if not sys.stdout.isatty():
        click.echo("\n".join(lines))
        return
    columns, rows = shutil.get_terminal_size()
    shown = fit(lines, columns=columns, rows=rows)
    if not shows_colour():
        shown = [click.unstyle(line) for line in shown]
    # Over what stands there: an empty screen in between would be seen, each time.
    drawn = "".join(f"{line}{CLEAR_THE_LINE}\n" for line in shown)
    sys.stdout.write(f"{TO_THE_TOP}{drawn}{CLEAR_BELOW}")
    sys.stdout.flush()


def fit(lines: Sequence[str], *, columns: int, rows: int) -> list[str]:
    """Leave out at the bottom what has no room, and say there how many lines that is."""
    heights = [-(-max(len(click.unstyle(line)), 1) // columns) for line in lines]
    # The last row is the cursor's.
    left = rows - 1
    if sum(heights) <= left:
        return list(lines)
    shown: list[str] = []
    left -= 1
    for line, height in zip(lines, heights, strict=True):
        left -= height
        if left < 0:
            break
        shown.append(line)
    return [*shown, f"{len(lines) - len(shown)} more lines: name a pool, or make the window higher"[:columns]]
