"""The figures as a table, and as a page."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from harness.audit import WRITING
from measuring.quantiles import median, quantile
from measuring.table import format_table
from scale.profile import format_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scale.cold_start import ColdStart, Stretch
    from scale.profile import Profile


def format_figures(measured: Mapping[int, Sequence[ColdStart]]) -> str:
    """Write what each size costs, the median of its starts, and what each further pool adds."""
    sizes = list(measured)
    header = ["", *(f"{size:,} pools" for size in sizes)]
    rows = [
        [name, *(_told(figure, measured[size], form) for size in sizes)] for name, form, figure in _FIGURES
    ]
    for part in measured[sizes[0]][-1].moving:
        moving = [measured[size][-1].moving[part] for size in sizes]
        rows += [
            [f"{part:.0%} of the queues move: {name}", *(form.format(figure(each)) for each in moving)]
            for name, form, figure in _STRETCHES
        ]
    return "\n\n".join((format_table(header, rows), _format_slopes(measured), _format_requests(measured)))


def _told(figure: Callable[[ColdStart], float], starts: Sequence[ColdStart], form: str) -> str:
    return form.format(median([figure(each) for each in starts]))


def _writes(start: ColdStart) -> int:
    return sum(count for (verb, _), count in start.requests.items() if verb in WRITING)


_FIGURES: tuple[tuple[str, str, Callable[[ColdStart], float]], ...] = (
    ("start: everything is listed", "{:.1f} s", lambda start: start.listed_seconds),
    ("start: every pool was looked at", "{:.1f} s", lambda start: start.ready_seconds),
    ("start: processor time", "{:.1f} s", lambda start: start.at_ready.cpu_seconds),
    ("start: everything is watched", "{:.1f} s", lambda start: start.watching_seconds),
    ("start: processor time until then", "{:.1f} s", lambda start: start.at_watching.cpu_seconds),
    ("start: event-loop lag p50", "{:.1f} ms", lambda start: 1e3 * quantile(start.lags, 0.5)),
    ("start: event-loop lag p99", "{:.1f} ms", lambda start: 1e3 * quantile(start.lags, 0.99)),
    ("start: event-loop lag, longest", "{:.0f} ms", lambda start: 1e3 * quantile(start.lags, 1.0)),
    ("memory when ready", "{:.0f} MiB", lambda start: start.at_ready.resident_mib),
    ("memory at rest", "{:.0f} MiB", lambda start: start.at_rest.resident_mib),
    ("memory at its peak", "{:.0f} MiB", lambda start: start.at_rest.peak_mib),
    ("rest: cores", "{:.3f}", lambda start: start.rest.cores),
    ("rest: event-loop lag p99", "{:.1f} ms", lambda start: 1e3 * quantile(start.rest.lags, 0.99)),
    ("rest: event-loop lag, longest", "{:.0f} ms", lambda start: 1e3 * quantile(start.rest.lags, 1.0)),
    ("rest: Redis commands a second", "{:,.0f}", lambda start: start.rest.redis_commands),
    ("rest: Redis connections", "{:.0f}", lambda start: start.rest.redis_connections),
    ("writes to the API server, start and rest", "{:.0f}", _writes),
)

_STRETCHES: tuple[tuple[str, str, Callable[[Stretch], float]], ...] = (
    ("cores", "{:.3f}", lambda stretch: stretch.cores),
    ("event-loop lag p99", "{:.1f} ms", lambda stretch: 1e3 * quantile(stretch.lags, 0.99)),
    ("writes to the API server a second", "{:.1f}", lambda stretch: stretch.writes / stretch.seconds),
)


def _format_slopes(measured: Mapping[int, Sequence[ColdStart]]) -> str:
    """Write what one more pool costs between each two sizes."""
    rows = [
        [
            f"from {fewer:,} to {more:,}",
            f"{1024 * _rise(measured, fewer, more, lambda start: start.at_rest.resident_mib):.1f} KiB",
            f"{1e3 * _rise(measured, fewer, more, lambda start: start.ready_seconds):.2f} ms",
            f"{1e3 * _rise(measured, fewer, more, lambda start: start.at_ready.cpu_seconds):.2f} ms",
            f"{1e6 * _rise(measured, fewer, more, lambda start: start.rest.cores):.1f} µs",
        ]
        for fewer, more in pairwise(measured)
    ]
    header = [
        "each further pool costs",
        "memory",
        "start",
        "processor time",
        "processor time a second at rest",
    ]
    return format_table(header, rows) if rows else ""


def _rise(
    measured: Mapping[int, Sequence[ColdStart]], fewer: int, more: int, figure: Callable[[ColdStart], float]
) -> float:
    least, most = (median([figure(each) for each in measured[size]]) for size in (fewer, more))
    return (most - least) / (more - fewer)


def _format_requests(measured: Mapping[int, Sequence[ColdStart]]) -> str:
    """Write what was asked of the API server, of the start that asked for the most."""
    most = {
        size: max((each.requests for each in starts), key=lambda asked: sum(asked.values()))
        for size, starts in measured.items()
    }
    kinds = sorted(set[tuple[str, str]]().union(*most.values()))
    rows = [
        [f"{verb} {resource}", *(f"{Counter(most[size])[verb, resource]:,}" for size in measured)]
        for verb, resource in kinds
    ]
    header = ["requests to the API server, start and rest", *(f"{size:,} pools" for size in measured)]
    return format_table(header, rows)


HEAD = """\
# What ten thousand pools cost

Written by `make bench-scale WRITE=1`; do not edit. {machine}

Pools have three queues each, are spread over ten namespaces and have no workers at rest. etcd, kube-apiserver,
kube-controller-manager, kube-scheduler and Redis share the machine with the operator. Every pool is as it should be before
an operator is started over them; each figure is the median of {starts} starts. The goals, with 10,000 pools on two cores: every pool looked at within
120 s, 512 MiB, less than 0.1 core at rest, at most two connections to a Redis, and no write at rest.
"""


def write_page(measured: Mapping[int, Sequence[ColdStart]], profile: Profile | None, *, machine: str) -> str:
    """Write the page, as Markdown."""
    starts = max(len(each) for each in measured.values())
    parts = [HEAD.format(machine=machine, starts=starts), format_figures(measured), *_format_curves(measured)]
    if profile:
        parts += ["## What it goes to", format_profile(profile)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _format_curves(measured: Mapping[int, Sequence[ColdStart]]) -> list[str]:
    """Draw how memory and start grow; nothing where there is one size only."""
    if len(measured) == 1:
        return []
    return [
        "## How it grows",
        _draw(measured, "MiB at rest", lambda start: start.at_rest.resident_mib),
        _draw(measured, "seconds until every pool was looked at", lambda start: start.ready_seconds),
    ]


def _draw(
    measured: Mapping[int, Sequence[ColdStart]], name: str, figure: Callable[[ColdStart], float]
) -> str:
    """Draw a chart that Markdown viewers know, one point for each size."""
    sizes = ", ".join(f'"{size:,}"' for size in measured)
    points = ", ".join(f"{median([figure(each) for each in starts]):.1f}" for starts in measured.values())
    return "\n".join(
        (
            "```mermaid",
            "xychart-beta",
            f'    title "{name}, by the number of pools"',
            f"    x-axis [{sizes}]",
            f'    y-axis "{name}"',
            f"    line [{points}]",
            "```",
        )
    )
