"""
Telling the story: as a picture that stays in place, or line by line.

The picture is for a person at a terminal, the lines are for everything else:
a pipe, a log, a terminal that cannot move its cursor.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TextIO

_TABLE_LINES = 7
_BAR_CELLS = 40
_FALLBACK_SIZE = (100, 30)
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


class Worker(StrEnum):
    """What a worker's pod is doing, and the sign for it."""

    BUSY = "●"
    IDLE = "○"
    STARTING = "◌"
    LEAVING = "◐"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What there is to see at one moment."""

    workers: tuple[Worker, ...]
    jobs: int
    done: int
    in_hand: int
    doing: str


class Screen(Protocol):
    """Where the story is told."""

    def chapter(self, title: str) -> None:
        """Begin a chapter."""

    def say(self, text: str) -> None:
        """Tell what happens now, and why."""

    def table(self, lines: Sequence[str]) -> None:
        """Show further lines of `kubectl get qwp --watch`."""

    def picture(self, picture: Picture) -> None:
        """Show how things are now."""

    def show(self, text: str) -> None:
        """Print a text as it is, to stay."""

    def close(self) -> None:
        """Leave the terminal as it was found; what is told later stays below the rest."""


def choose_screen(output: TextIO = sys.stdout, environment: Mapping[str, str] = os.environ) -> Screen:
    """Take the picture where it can be shown, and lines where it cannot."""
    can_move = output.isatty() and environment.get("TERM", "dumb") not in {"", "dumb", "unknown"}
    if not can_move:
        return PlainScreen(output)
    return LiveScreen(output, colours="NO_COLOR" not in environment)


class PlainScreen:
    """One line for each thing that happens, with the seconds since the beginning."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._begun = time.monotonic()
        self._last_row: list[str] = []
        self._told = (0, self._begun)

    def chapter(self, title: str) -> None:
        """Set it apart."""
        print(file=self._output)
        self._line(f"== {title}")

    def say(self, text: str) -> None:
        """One line."""
        self._line(text)

    def table(self, lines: Sequence[str]) -> None:
        """Only rows in which more than the age is new."""
        for line in lines:
            row = line.split()[:-1]
            if row != self._last_row:
                self._last_row = row
                self._line(f"  | {line}")

    def picture(self, picture: Picture) -> None:
        """Now and then how many jobs are done, where that is more than it was."""
        done, told_at = self._told
        if picture.done > done and time.monotonic() - told_at > _PROGRESS_SECONDS:
            self._told = (picture.done, time.monotonic())
            self._line(f"  {picture.done} of {picture.jobs} jobs done")

    def show(self, text: str) -> None:
        """As it is."""
        print(text, file=self._output, flush=True)

    def close(self) -> None:
        """Nothing was changed."""

    def _line(self, text: str) -> None:
        print(f"[{time.monotonic() - self._begun:6.1f}s] {text}", file=self._output, flush=True)


_PROGRESS_SECONDS = 10.0


def align_ages(table: Sequence[str]) -> list[str]:
    """Put the last column in line: kubectl prints each row of a watch without knowing those to come."""
    rows = [line.rstrip().rpartition(" ") for line in table]
    width = max((len(rest.rstrip()) for rest, _, _ in rows), default=0)
    return [f"{rest.rstrip():<{width}}   {age}" for rest, _, age in rows]


class LiveScreen:
    """Chapters scroll by; below them a picture is painted over and over in the same place."""

    def __init__(self, output: TextIO, *, colours: bool) -> None:
        self._output = output
        self._colours = colours
        self._painted = 0
        self._header = ""
        self._rows: list[str] = []
        self._picture: Picture | None = None
        output.write("\x1b[?25l")

    def chapter(self, title: str) -> None:
        """Above the picture, to stay."""
        self._print("", self._colour("1;36", f"━━ {title} " + "━" * max(0, self._width() - len(title) - 5)))

    def say(self, text: str) -> None:
        """Above the picture, to stay."""
        self._print(*textwrap.wrap(text, self._width(), initial_indent="   ", subsequent_indent="   "))

    def table(self, lines: Sequence[str]) -> None:
        """The latest few, below the header."""
        for line in lines:
            if line.startswith("NAME"):
                self._header = line
            else:
                self._rows = [*self._rows, line][-_TABLE_LINES:]
        if lines:
            self._repaint()

    def picture(self, picture: Picture) -> None:
        """In place of the last one."""
        if picture != self._picture:
            self._picture = picture
            self._repaint()

    def show(self, text: str) -> None:
        """Above the picture, to stay."""
        self._print(*text.splitlines())

    def close(self) -> None:
        """Take the last picture away, and give the cursor back."""
        self._picture = None
        self._erase()
        self._output.write("\x1b[?25h")
        self._output.flush()

    def _print(self, *lines: str) -> None:
        self._erase()
        self._output.write("".join(f"{line}\n" for line in lines))
        self._repaint()

    def _repaint(self) -> None:
        self._erase()
        lines = [self._fit(line) for line in self._lines()]
        self._output.write("".join(f"{line}\n" for line in lines))
        self._output.flush()
        self._painted = len(lines)

    def _erase(self) -> None:
        if self._painted:
            self._output.write(f"\x1b[{self._painted}F\x1b[J")
        self._painted = 0

    def _lines(self) -> list[str]:
        if self._picture is None:
            return []
        header, *rows = align_ages([self._header, *self._rows])
        codes = ["4", *("2" for _ in rows[:-1]), *("1" for _ in rows[-1:])]
        return [
            "",
            self._colour("2", "   $ kubectl get qwp --watch"),
            *(f"   {self._colour(code, row)}" for code, row in zip(codes, (header, *rows), strict=True)),
            "",
            *self._gauges(self._picture),
        ]

    def _gauges(self, picture: Picture) -> list[str]:
        signs = {
            Worker.BUSY: "32",
            Worker.IDLE: "0",
            Worker.STARTING: "33",
            Worker.LEAVING: "35",
        }
        workers = " ".join(self._colour(signs[worker], worker) for worker in picture.workers) or "none"
        key = "   ".join(f"{self._colour(signs[worker], worker)} {worker.name.lower()}" for worker in Worker)
        filled = _BAR_CELLS * picture.done // max(1, picture.jobs)
        bar = self._colour("32", "█" * filled) + "░" * (_BAR_CELLS - filled)
        return [
            f"   workers  {workers}      {self._colour('2', key)}",
            f"   jobs     {bar} {picture.done} of {picture.jobs} done, {picture.in_hand} in hand",
            f"   {self._colour('1;33', '▸')} {picture.doing}",
        ]

    def _colour(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours and text else text

    def _width(self) -> int:
        return shutil.get_terminal_size(_FALLBACK_SIZE).columns - 1

    def _fit(self, line: str) -> str:
        """Cut a line to the terminal's width: one that wraps would spoil the next erasing."""
        if len(_ESCAPE.sub("", line)) <= self._width():
            return line
        room, kept, position = self._width(), "", 0
        while room and position < len(line):
            escape = _ESCAPE.match(line, position)
            piece = escape.group() if escape else line[position]
            kept, position, room = kept + piece, position + len(piece), room - (0 if escape else 1)
        return f"{kept}\x1b[0m" if self._colours else kept
