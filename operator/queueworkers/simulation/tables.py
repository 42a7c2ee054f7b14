"""What came of a simulation, in rows for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.simulation.optimum import Optimum
    from queueworkers.simulation.simulator import Outcome

HEADER = ("policy", "wait p50", "p95", "p99", "max", "worker-hours", "changes", "jobs cut", "not started")

SMALL = 10
"""Seconds below this are told with a decimal."""


def spell_seconds(seconds: float) -> str:
    """Write seconds for a table: ``0.4 s``, ``38 s``, ``1,204 s``."""
    return f"{seconds:.1f} s" if seconds < SMALL else f"{seconds:,.0f} s"


def as_row(outcome: Outcome) -> tuple[str, ...]:
    """Write one outcome in the columns of `HEADER`."""
    return (
        outcome.policy,
        *(spell_seconds(outcome.wait_percentile(percent)) for percent in (50, 95, 99, 100)),
        f"{outcome.worker_hours:,.2f}",
        f"{len(outcome.changes):,}",
        f"{outcome.jobs_cut:,}",
        f"{outcome.not_started:,}",
    )


def as_bound_row(optimum: Optimum) -> tuple[str, ...]:
    """Write the bound in the columns of `HEADER`: of its waits only the longest is known."""
    return "optimum", "", "", "", f"{optimum.wait_seconds:,.0f} s", f"{optimum.worker_hours:,.2f}", "", "", ""


def as_table(rows: Sequence[Sequence[str]]) -> str:
    """Align *rows*, the first of which is the header: names to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Write one outcome for a program: seconds, hours and counts, with the units in the names."""
    return {
        "policy": outcome.policy,
        "waitSeconds": {
            f"p{percent}" if percent < 100 else "max": round(outcome.wait_percentile(percent), 3)  # noqa: PLR2004
            for percent in (50, 95, 99, 100)
        },
        "workerHours": round(outcome.worker_hours, 4),
        "changes": len(outcome.changes),
        "jobsCut": outcome.jobs_cut,
        "jobsNotStarted": outcome.not_started,
    }


def as_bound_json(optimum: Optimum) -> dict[str, Any]:
    """Write the bound for a program."""
    return {
        "policy": "optimum",
        "waitSeconds": {"max": optimum.wait_seconds},
        "workerHours": round(optimum.worker_hours, 4),
    }
