"""`qwp explain`: why are there as many workers as there are?"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TextIO

import click
import yaml

from queueworkers.api.base import KIND
from queueworkers.cli.access import Selection, UnreadableError, observe_selected, see
from queueworkers.cli.offers import offer_pools
from queueworkers.cli.options import cluster_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from queueworkers.api.status import DecisionStatus
    from queueworkers.cli.access import Access, SeenPool


@click.command()
@click.argument("name", required=False, shell_complete=offer_pools)
@cluster_options
@click.option(
    "-f",
    "--filename",
    "file",
    type=click.File(encoding="utf-8"),
    help="A pool as `kubectl get qwp NAME -o yaml` wrote it, instead; - for standard input.",
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def explain(
    name: str | None,
    *,
    access: Access,
    file: TextIO | None,
    output: str,
) -> None:
    """
    Tell why the pool NAME has as many workers as it has.

    What the operator last decided, from what, and which limit made it what it is.
    """
    if name is not None and file is None:
        (pool,) = asyncio.run(observe_selected(access, Selection(names=(name,))))
    elif file is not None and name is None:
        pool = see(parse_pool(file.read()))
    else:
        raise click.UsageError("Say which pool, once: its name, or -f with a file.")
    if output == "json":
        click.echo(json.dumps(pool.status.to_wire().get("decision"), indent=2))
    else:
        click.echo("\n".join(spell_decision(pool)))


def parse_pool(text: str) -> dict[str, Any]:
    """
    Read a pool from YAML or JSON.

    Raises:
        UnreadableError: it is something else.
    """
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UnreadableError(f"the file is no YAML: {error}") from error
    if not isinstance(found, dict) or found.get("kind") != KIND or "metadata" not in found:
        raise UnreadableError(f"the file holds no {KIND}: give what `kubectl get qwp NAME -o yaml` writes")
    return found


def spell_decision(pool: SeenPool) -> Iterator[str]:
    """Write what was decided about a pool, line by line."""
    status = pool.status
    yield str(pool.key)
    if status.decision is None:
        yield "The operator has not decided about this pool yet: is it running?"
        return
    yield status.explanation or ""
    yield ""
    yield from _columns([("target", status.decision.target or ""), *_inputs(status.decision)])
    yield ""
    yield from _columns(_steps(status.decision))


def _inputs(decision: DecisionStatus) -> Iterator[tuple[str, str]]:
    for each in decision.inputs:
        yield each.name, each.value


def _steps(decision: DecisionStatus) -> Iterator[tuple[str, str]]:
    for number, step in enumerate(decision.steps):
        yield (f"after {step.limit}" if number else "the backlog asks for"), f"{step.replicas}"
    if decision.steps:
        yield "so", f"{decision.steps[-1].replicas}"


def _columns(rows: Sequence[tuple[str, str]] | Iterator[tuple[str, str]]) -> Iterator[str]:
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        yield f"  {name:{width}}  {value}".rstrip()
