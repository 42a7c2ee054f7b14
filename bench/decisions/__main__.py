"""Run all scenarios under all policies, on all processors, and write the page and its pictures."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from decisions.goals import judge
from decisions.page import Chapter, write_page
from queueworkers.simulation.lineup import find_pools_optimum, line_up
from queueworkers.simulation.pictures import draw_picture
from queueworkers.simulation.policies.clairvoyant import run_clairvoyant
from queueworkers.simulation.pools import SimulatedPool, parse_pool
from queueworkers.simulation.scenarios import SCENARIOS
from queueworkers.simulation.simulator import Outcome, simulate

if TYPE_CHECKING:
    from queueworkers.simulation.optimum import Optimum

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "comparison.md"
PICTURES = DOCS / "comparison"

TARGET_SECONDS = 30
MOST_WORKERS = 200
BOOT_SECONDS = 5.0
SEED = 1

POOL = f"""
apiVersion: queueworkers.io/v1alpha1
kind: QueueWorkerPool
metadata: {{name: default}}
spec:
  framework: Laravel
  image: registry.example/shop:1
  queues: [default]
  redis: {{host: redis}}
  scaling: {{minReplicas: 0, maxReplicas: {MOST_WORKERS}, waitSeconds: {TARGET_SECONDS}}}
"""


def main() -> None:
    """Run what is named on the command line, or everything; only everything is written down."""
    names = sys.argv[1:] or list(SCENARIOS)
    pool = parse_pool(POOL)
    policies = list(line_up(pool.spec, SCENARIOS["steady"].trace("default", seed=SEED)))
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        runs = {
            (name, policy): processes.submit(run, name, policy)
            for name in sorted(names, key=lambda name: -SCENARIOS[name].lasts_seconds)
            for policy in policies
        }
        bounds = {name: processes.submit(foresee, name) for name in names}
        chapters = [
            conclude(
                name,
                {policy: runs[name, policy].result() for policy in policies},
                *bounds[name].result(),
                pool=pool,
            )
            for name in names
        ]
    page = write_page(
        chapters,
        target=TARGET_SECONDS,
        most=MOST_WORKERS,
        boot=BOOT_SECONDS,
        pictures=PICTURES.relative_to(DOCS).as_posix(),
    )
    if sys.argv[1:]:
        print(page)
        return
    PICTURES.mkdir(exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    for chapter in chapters:
        picture = draw_picture(list(chapter.outcomes.values()), title=chapter.scenario.tells, kind="svg")
        (PICTURES / f"{chapter.scenario.name}.svg").write_bytes(picture)


def run(name: str, policy: str) -> Outcome:
    """Run one scenario under one policy."""
    began = monotonic()
    pool, scenario = parse_pool(POOL), SCENARIOS[name]
    trace = scenario.trace("default", seed=SEED)
    circumstances = pool.circumstances(boot_seconds=BOOT_SECONDS, seed=SEED, failing=scenario.failing)
    outcome = simulate(trace, line_up(pool.spec, trace)[policy](), circumstances)
    print(f"{name:16} {policy:14} {monotonic() - began:6.1f} s", file=sys.stderr)
    return outcome


def foresee(name: str) -> tuple[Optimum | None, Outcome | None]:
    """Find what nobody can do better, and what somebody reaches who knows every job before it comes."""
    pool, scenario = parse_pool(POOL), SCENARIOS[name]
    trace = scenario.trace("default", seed=SEED)
    circumstances = pool.circumstances(boot_seconds=BOOT_SECONDS, seed=SEED, failing=scenario.failing)
    optimum = find_pools_optimum(pool.spec, trace, circumstances)
    return optimum, run_clairvoyant(trace, circumstances, optimum) if optimum else None


def conclude(
    name: str,
    outcomes: dict[str, Outcome],
    optimum: Optimum | None,
    clairvoyant: Outcome | None,
    *,
    pool: SimulatedPool,
) -> Chapter:
    """Put together what belongs to one scenario."""
    trace = SCENARIOS[name].trace(pool.spec.queues[0], seed=SEED)
    return Chapter(
        scenario=SCENARIOS[name],
        jobs=trace.jobs,
        outcomes=outcomes,
        optimum=optimum,
        clairvoyant=clairvoyant,
        verdict=judge(outcomes, optimum, clairvoyant, target_seconds=TARGET_SECONDS),
    )


if __name__ == "__main__":
    main()
