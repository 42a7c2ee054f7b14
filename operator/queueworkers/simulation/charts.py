"""A simulation on a terminal: one line for each policy's backlog and one for its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.simulation.simulator import Outcome

BLOCKS = " ▁▂▃▄▅▆▇█"
WIDTH = 72


def spell_line(values: Sequence[float], *, highest: float, width: int = WIDTH) -> str:
    """Draw *values* as blocks, the greatest of each column; what is not zero is never drawn as nothing."""
    if not values or not highest:
        return BLOCKS[0] * width
    columns = [
        max(
            values[
                column * len(values) // width : max(
                    (column + 1) * len(values) // width, column * len(values) // width + 1
                )
            ]
        )
        for column in range(width)
    ]
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[min(max(round(value / highest * top), int(value > 0)), top)] for value in columns)


def draw_chart(outcomes: Sequence[Outcome], *, width: int = WIDTH) -> str:
    """Draw backlog and workers over time, each on one scale for all policies."""
    backlog = max((sample.waiting for each in outcomes for sample in each.samples), default=0)
    workers = max((sample.workers for each in outcomes for sample in each.samples), default=0)
    names = max((len(each.policy) for each in outcomes), default=0)
    lines = [f"{'':{names}}  one column is {outcomes[0].lasted_seconds / width:,.0f} s"] if outcomes else []
    for each in outcomes:
        waiting = spell_line([sample.waiting for sample in each.samples], highest=backlog, width=width)
        there = spell_line([sample.workers for sample in each.samples], highest=workers, width=width)
        most_waiting = max(sample.waiting for sample in each.samples)
        most_workers = max(sample.workers for sample in each.samples)
        lines.append(f"{each.policy:{names}}  {waiting}  backlog, {most_waiting:,} at most")
        lines.append(f"{'':{names}}  {there}  workers, {most_workers:,} at most")
    return "\n".join(lines)
