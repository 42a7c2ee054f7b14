"""The page about what was measured: tables, pictures, and the goals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from queueworkers.simulation.tables import HEADER, as_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from decisions.goals import Verdict
    from queueworkers.simulation.optimum import Optimum
    from queueworkers.simulation.scenarios import Scenario
    from queueworkers.simulation.simulator import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One scenario and what came of it."""

    scenario: Scenario
    jobs: int
    outcomes: Mapping[str, Outcome]
    optimum: Optimum | None
    clairvoyant: Outcome | None
    verdict: Verdict


HEAD = """\
# How the decision compares

Written by `make bench-decisions`; do not edit. Every row is a simulation ([what it is made of, and what it leaves
out](simulate.md)) with the same jobs, the same boots of about {boot:.0f} s and the same target: no job should wait for longer than
{target} s. The pool says `waitSeconds: {target}`, `minReplicas: 0`, `maxReplicas: {most}`, and nothing else.

| Row | Is |
|---|---|
| operator | this operator: its own decision, run by the simulation |
| keda-30s, keda-1s | KEDA with its HorizontalPodAutoscaler, polling each 30 s (its default) or 1 s, and the `listLength` that means the same target: as many jobs as a worker ends in {target} s |
| keda-default | the same with its own default, `listLength: 5` |
| horizon-time, horizon-size | Laravel Horizon, `balance: auto`, its default pace of one process each 3 s. Its processes count, the machine that has room for all of them does not |
| fixed-peak, fixed-mean | a fixed number of workers, enough for the busiest minute or for the average |
| clairvoyant | somebody who knows every job before it comes: the plan of the optimum in whole workers, a boot earlier, and as many more as let 95 % begin in time |
| optimum | the fewest worker-hours of anybody who knows every job before it comes and lets none wait for longer than {target} s: a lower bound that nobody need reach |

*Changes* are changes of the number asked for. *Jobs cut* were killed in the middle and ran again. A job that was
*not started* waited to the end, and counts so.
"""

ASKED = (
    "At or below every peer's p95",
    "At least 30 % fewer worker-hours than the fastest peer",
    "At least 30 % fewer than the cheapest peer that keeps the target",
    "Within 15 % of the optimum",
)

GOALS = f"""
## The goals

| Scenario | {" | ".join(ASKED)} |
|---|{"---|" * len(ASKED)}
"""


def write_page(chapters: Sequence[Chapter], *, target: int, most: int, boot: float, pictures: str) -> str:
    """Write the page, as Markdown; *pictures* is the folder of the pictures, seen from it."""
    parts = [HEAD.format(target=target, most=most, boot=boot).rstrip("\n"), GOALS.rstrip("\n")]
    for each in chapters:
        cells = " | ".join("yes" if goal.holds else "**no**" for goal in each.verdict.goals)
        parts.append(f"| [{each.scenario.name}](#{each.scenario.name}) | {cells} |")
    parts.append(_summary(chapters))
    parts += [_chapter(each, pictures) for each in chapters]
    return "\n".join(parts) + "\n"


def _summary(chapters: Sequence[Chapter]) -> str:
    held = [
        sum(goals)
        for goals in zip(*([goal.holds for goal in each.verdict.goals] for each in chapters), strict=True)
    ]
    return (
        f"\nOf {len(chapters)} scenarios they hold in {held[0]}, {held[1]}, {held[2]} and {held[3]}."
        " Below each table is why."
    )


def _chapter(chapter: Chapter, pictures: str) -> str:
    name = chapter.scenario.name
    header = (*HEADER, "above the optimum")
    lines = [
        f"\n## {name}",
        f"\n{chapter.scenario.tells} {chapter.jobs:,} jobs.",
        f"\n![Backlog, workers and waits over time, one row for each policy]({pictures}/{name}.svg)\n",
        "| " + " | ".join(header) + " |",
        "|---|" + "--:|" * (len(header) - 1),
    ]
    optimum = chapter.optimum
    foreseen = (chapter.clairvoyant,) if chapter.clairvoyant else ()
    for outcome in (*chapter.outcomes.values(), *foreseen):
        above = f"{outcome.worker_hours / optimum.worker_hours - 1:+.0%}" if optimum else ""
        lines.append("| " + " | ".join((*as_row(outcome), above)) + " |")
    hours = f"{optimum.worker_hours:,.2f}" if optimum else "cannot be kept"
    lines.append(f"| optimum | | | | | {hours} |" + " |" * (len(header) - 6))
    lines.append("")
    lines += [
        f"- {what}: {'yes' if goal.holds else '**no**'}. {goal.why}."
        for what, goal in zip(ASKED, chapter.verdict.goals, strict=True)
    ]
    return "\n".join(lines)
