"""`qwp status -w`: what it draws where a terminal has room for it, and where not."""

from __future__ import annotations

import click
import pytest

from queueworkers.cli.live import fit

LINES = [f"pool-{number}" for number in range(10)]


@pytest.mark.parametrize("rows", [11, 40])
def test_what_has_room_is_drawn_whole(rows: int) -> None:
    """The last row stays free, as the cursor stands there."""
    assert fit(LINES, columns=80, rows=rows) == LINES


def test_what_has_no_room_is_counted() -> None:
    """At the bottom, so that nobody takes the first pools for all."""
    shown = fit(LINES, columns=80, rows=10)

    assert shown[:-1] == LINES[:8]
    assert shown[-1] == "2 more lines: name a pool, or make the window higher"


def test_a_line_that_is_longer_than_the_window_takes_more_rows() -> None:
    """Colours take none."""
    long = click.style("x" * 20, fg="red")

    assert fit([long, *LINES[:2]], columns=20, rows=4) == [long, *LINES[:2]]
    assert len(fit([long, *LINES[:2]], columns=19, rows=4)) == 2


@pytest.mark.parametrize("rows", [1, 2])
def test_a_window_without_room_is_no_error(rows: int) -> None:
    """It says how much there would be."""
    assert fit(LINES, columns=20, rows=rows) == ["10 more lines: name a"[:20]]
