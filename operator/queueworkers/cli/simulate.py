"""`qwp simulate`: what would these settings have done?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from queueworkers.errors import QueueWorkersError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queueworkers.simulation.optimum import Optimum
    from queueworkers.simulation.pools import SimulatedPool
    from queueworkers.simulation.simulator import Outcome
    from queueworkers.simulation.teams import Circumstances
    from queueworkers.simulation.traces import Trace

EXTRA = ("numpy", "scipy", "PIL")
"""What the extra `simulate` brings, without which there is no simulation."""

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("pool", type=FILE)
@click.option(
    "--arrivals",
    type=FILE,
    metavar="TRACE.csv",
    help="Jobs as they came: time,queue,seconds[,delay][,count].",
)
@click.option("--scenario", metavar="NAME", help="Jobs as they might come, instead; 'list' names them.")
@click.option("--pool-name", metavar="NAME", help="Which pool, where the file has several.")
@click.option(
    "--boot-seconds",
    type=click.FloatRange(min=0.0, max=3600.0),
    default=5.0,
    show_default=True,
    help="From asking for a worker to its first job.",
)
@click.option("--policies", metavar="A,B", help="Whom to compare; all when not given.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of what is random.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.svg|png",
    help="Draw backlog, workers and waits over time.",
)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def simulate(  # noqa: PLR0913 - one for each option, as click wants it
    pool: Path,
    *,
    arrivals: Path | None,
    scenario: str | None,
    pool_name: str | None,
    boot_seconds: float,
    policies: str | None,
    seed: int,
    picture: Path | None,
    output: str,
) -> None:
    """
    Tell what the settings of POOL would have done with given jobs.

    POOL is a file with a QueueWorkerPool.  Its own decision is run, not a model
    of it, beside what KEDA, Horizon and fixed numbers of workers would have done.
    """
    _require_extra()
    from queueworkers.simulation.pictures import draw_picture, parse_kind  # noqa: PLC0415 - needs the extra
    from queueworkers.simulation.pools import parse_pool  # noqa: PLC0415 - needs the extra

    kind = parse_kind(picture) if picture else ""
    simulated = parse_pool(_read(pool), name=pool_name)
    trace, circumstances = _load(simulated, arrivals, scenario, boot_seconds=boot_seconds, seed=seed)
    outcomes, optimum = _run(simulated, trace, circumstances, policies)
    if picture and outcomes:
        drawn = draw_picture(outcomes, title=f"{simulated.name}: {trace.jobs:,} jobs", kind=kind)
        try:
            picture.write_bytes(drawn)
        except OSError as error:
            raise QueueWorkersError(f"{picture}: {error.strerror}") from error
    write = _as_json if output == "json" else _as_text
    click.echo(write(outcomes, optimum, trace))


def _require_extra() -> None:
    try:
        for module in EXTRA:
            __import__(module)
    except ImportError as missing:
        raise QueueWorkersError(
            f"a simulation needs {missing.name}, which is not installed:"
            " in a checkout, pip install '.[simulate]'"
        ) from missing


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise QueueWorkersError(f"{path}: this is not text in UTF-8") from error


def _load(
    pool: SimulatedPool, arrivals: Path | None, scenario: str | None, *, boot_seconds: float, seed: int
) -> tuple[Trace, Circumstances]:
    from queueworkers.simulation.scenarios import SCENARIOS  # noqa: PLC0415 - needs the extra
    from queueworkers.simulation.traces import parse_trace  # noqa: PLC0415 - needs the extra

    if (arrivals is None) == (scenario is None):
        raise click.UsageError("Say what comes, once: --arrivals TRACE.csv, or --scenario NAME.")
    if arrivals is not None:
        trace = parse_trace(_read(arrivals).splitlines()).ordered(pool.spec.queues)
        return trace, pool.circumstances(boot_seconds=boot_seconds, seed=seed)
    if scenario not in SCENARIOS:
        known = "\n".join(f"  {each.name:16} {each.tells}" for each in SCENARIOS.values())
        raise click.UsageError(f"The scenarios are\n{known}")
    chosen = SCENARIOS[scenario]
    trace = chosen.trace(pool.spec.queues[0], seed=seed).ordered(pool.spec.queues)
    return trace, pool.circumstances(boot_seconds=boot_seconds, seed=seed, failing=chosen.failing)


def _run(
    pool: SimulatedPool, trace: Trace, circumstances: Circumstances, policies: str | None
) -> tuple[list[Outcome], Optimum | None]:
    from queueworkers.simulation.lineup import (  # noqa: PLC0415 - needs the extra
        OPTIMUM,
        find_pools_optimum,
        line_up,
    )
    from queueworkers.simulation.simulator import simulate as run  # noqa: PLC0415 - needs the extra

    known = line_up(pool.spec, trace)
    chosen = [name.strip() for name in policies.split(",")] if policies else [*known, OPTIMUM]
    strangers = [name for name in chosen if name not in (*known, OPTIMUM)]
    if strangers:
        raise click.UsageError(f"{', '.join(strangers)}: the policies are {', '.join(known)}, {OPTIMUM}.")
    outcomes = [run(trace, known[name](), circumstances) for name in chosen if name != OPTIMUM]
    optimum = find_pools_optimum(pool.spec, trace, circumstances) if OPTIMUM in chosen else None
    return outcomes, optimum


def _as_json(outcomes: Sequence[Outcome], optimum: Optimum | None, trace: Trace) -> str:
    from queueworkers.simulation.tables import as_bound_json, as_json  # noqa: PLC0415 - needs the extra

    rows = [as_json(each) for each in outcomes]
    if optimum:
        rows.append(as_bound_json(optimum))
    return json.dumps({"jobs": trace.jobs, "policies": rows}, indent=2)


def _as_text(outcomes: Sequence[Outcome], optimum: Optimum | None, trace: Trace) -> str:
    from queueworkers.simulation.charts import draw_chart  # noqa: PLC0415 - needs the extra
    from queueworkers.simulation.tables import (  # noqa: PLC0415 - needs the extra
        HEADER,
        as_bound_row,
        as_row,
        as_table,
    )

    head = f"{trace.jobs:,} jobs of {trace.mean_seconds:.1f} s on average, from {trace.began:%Y-%m-%d %H:%M}"
    rows = [HEADER, *map(as_row, outcomes), *([as_bound_row(optimum)] if optimum else ())]
    return f"{head}\n\n{as_table(rows)}\n\n{draw_chart(outcomes)}".rstrip()
