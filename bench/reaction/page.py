"""The figures as tables, and as a page."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from measuring.quantiles import median, quantile
from measuring.table import format_table
from reaction.trials import FIRST_JOB, MANY_JOBS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reaction.floor import Floor
    from reaction.trials import Load, Measured

_ROUGH = 10
"""From such a ratio on its tenths tell nothing."""

PEERS = "KEDA 2.21.0 and HPA"

GOAL_MEDIAN_SECONDS, GOAL_P99_SECONDS, GOAL_MANY_SECONDS = 0.050, 0.250, 0.500


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All that was measured in one run."""

    floor: Floor
    operator: list[Measured] = field(default_factory=list)
    peers: list[Measured] = field(default_factory=list)
    """Empty where KEDA was left out, or could not be had."""


def format_figures(figures: Figures) -> str:
    """Write what is known so far."""
    return "\n\n".join(
        filter(None, (_format_floor(figures), _format_operator(figures), _format_peers(figures)))
    )


def format_reactions(measured: Measured) -> str:
    """Write one line for whoever waits for the table."""
    first = [each.first_seconds for each in measured.reactions]
    goal = [each.goal_seconds for each in measured.reactions]
    figures = f"first worker {', '.join(_spread(first)[1:])}; all {', '.join(_spread(goal)[1:])}"
    return f"{measured.surrounding}: {measured.load.kind}: {figures} (p50, p99, max)"


def _format_floor(figures: Figures) -> str:
    first = [each.first_seconds for each in figures.floor.reactions]
    rows = [
        ["a round trip to Redis", *_spread(figures.floor.pings)],
        ["a PATCH of a Deployment, merged", *_spread(figures.floor.merges)],
        ["a PATCH of a Deployment, applied", *_spread(figures.floor.applies)],
        ["a bare client, from the push to the watch", *_spread(first)],
    ]
    return format_table(["the floor", "times", "p50", "p99", "max"], rows)


def _format_operator(figures: Figures) -> str:
    if not figures.operator:
        return ""
    least = [each.first_seconds for each in figures.floor.reactions]
    rows = []
    for each in figures.operator:
        seconds = [reaction.goal_seconds for reaction in each.reactions]
        rows.append(
            [
                f"{each.surrounding}: {each.load.kind}",
                *_spread(seconds),
                _ratio(seconds, least),
                _changes(each),
                _verdict(each, seconds),
            ]
        )
    header = ["this operator", "pushes", "p50", "p99", "max", "times the floor", "patches", "goal"]
    return format_table(header, rows)


def _format_peers(figures: Figures) -> str:
    if not figures.peers:
        return ""
    rows = []
    for each in figures.peers:
        first = [reaction.first_seconds for reaction in each.reactions]
        goal = [reaction.goal_seconds for reaction in each.reactions]
        one, many = (_find_ours(figures, each.size, load=load) for load in (FIRST_JOB, MANY_JOBS))
        rows += [
            [f"{each.surrounding}: a first worker", *_spread(first), "", _ratio(first, one)],
            [
                f"{each.surrounding}: {MANY_JOBS.workers} workers",
                *_spread(goal),
                _changes(each),
                _ratio(goal, many),
            ],
        ]
    return format_table([PEERS, "pushes", "p50", "p99", "max", "patches", "times this operator"], rows)


def _find_ours(figures: Figures, size: int, *, load: Load) -> list[float]:
    """What this operator took at rest, with about as many pools."""
    fitting = [each for each in figures.operator if each.load is load and not each.moving]
    nearest = min(fitting, key=lambda each: abs(math.log(each.size / size)), default=None)
    return [reaction.goal_seconds for reaction in nearest.reactions] if nearest else []


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> str:
    if not ours:
        return "?"
    ratio = median(theirs) / median(ours)
    return f"{ratio:,.{0 if ratio >= _ROUGH else 1}f}"


def _spread(seconds: Sequence[float]) -> list[str]:
    return [str(len(seconds)), *(_told(quantile(seconds, part)) for part in (0.5, 0.99, 1.0))]


def _told(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1e3 * seconds:.1f} ms"


def _changes(measured: Measured) -> str:
    counts = sorted({reaction.changes for reaction in measured.reactions})
    return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _verdict(measured: Measured, seconds: Sequence[float]) -> str:
    if measured.load is FIRST_JOB:
        reached = median(seconds) <= GOAL_MEDIAN_SECONDS and quantile(seconds, 0.99) <= GOAL_P99_SECONDS
    else:
        reached = quantile(seconds, 0.99) <= GOAL_MANY_SECONDS and all(
            reaction.changes == 1 for reaction in measured.reactions
        )
    return "reached" if reached else "missed"


HEAD = """\
# From a push to more workers

Written by `make bench-reaction WRITE=1`; do not edit. {machine}

The clock starts just before jobs are pushed to Redis and stops when a watch of the Deployments tells that the workers are asked
for. etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok, which plays the node, Redis and the bench itself
share the machine with what is measured. How each figure is taken, and why so, is in
[decision 0032](../decisions/0032-reaction-from-push-to-watch.md).

Each push comes to a pool that has rested for more than a second: one that was busy just before is read up to a second later. Where there were
fewer than a hundred pushes, p99 is the longest of them.

- **the floor**: a client that knows nothing and asks for one worker whenever Redis pushes a message.
- **this operator**: pools of three queues each, spread over ten namespaces; `patches` is how often the number of
  workers was changed on its way to the goal. The goals: for one job a median of {median:.0f} ms and a p99 of {p99:.0f} ms with 1,000 pools; for 500
  jobs, 10 for each worker, a p99 of {many:.0f} ms and one patch. More pools are held to the same: where they miss it, it takes
  [several operators](../operators.md) with fewer pools each, as each has one event loop and a core at the most.
- **KEDA and HPA**: 500 jobs in one push, 10 for each worker, in ten of the objects at random moments.
"""


def write_page(figures: Figures, *, machine: str) -> str:
    """Write the page, as Markdown."""
    head = HEAD.format(
        machine=machine,
        median=1e3 * GOAL_MEDIAN_SECONDS,
        p99=1e3 * GOAL_P99_SECONDS,
        many=1e3 * GOAL_MANY_SECONDS,
    )
    return f"{head}\n{format_figures(figures)}\n"
