"""`qwp explain`: why are there as many workers as there are?"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TextIO

import click
import yaml

from queueworkers.api.base import KIND
from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.cluster.client import KubernetesApi, load_users_configuration
from queueworkers.cluster.paths import pools
from queueworkers.errors import NotFoundError, QueueWorkersError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from queueworkers.api.status import DecisionStatus

USER_AGENT = "qwp"


class UnreadableError(QueueWorkersError):
    """What was given is not a pool; its message says what to give instead."""


@click.command()
@click.argument("name", required=False)
@click.option("-n", "--namespace", help="Where the pool is; the context's own when not given.")
@click.option("--context", help="Which context of the kubeconfig; the current one when not given.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="Which kubeconfig.")
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
    namespace: str | None,
    context: str | None,
    kubeconfig: str | None,
    file: TextIO | None,
    output: str,
) -> None:
    """
    Tell why the pool NAME has as many workers as it has.

    What the operator last decided, from what, and which limit made it what it is.
    """
    if (name is None) == (file is None):
        raise click.UsageError("Say which pool, once: its name, or -f with a file.")
    if file is not None:
        pool = parse_pool(file.read())
    else:
        pool = asyncio.run(
            observe_pool(name or "", namespace=namespace, context=context, kubeconfig=kubeconfig)
        )
    status = QueueWorkerPoolStatus.model_validate(pool.get("status") or {})
    if output == "json":
        click.echo(json.dumps(status.to_wire().get("decision"), indent=2))
    else:
        click.echo("\n".join(spell_decision(pool["metadata"], status)))


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


async def observe_pool(
    name: str, *, namespace: str | None, context: str | None, kubeconfig: str | None
) -> dict[str, Any]:
    """
    Read a pool from the cluster, as the user that the kubeconfig names.

    Raises:
        QueueWorkersError: there is no such pool, or it cannot be read.
    """
    configuration, own_namespace = await load_users_configuration(kubeconfig, context=context)
    api = KubernetesApi(configuration, user_agent=USER_AGENT, max_in_flight=1)
    where = namespace or own_namespace
    try:
        return await api.get(f"{pools(where)}/{name}")
    except NotFoundError as error:
        raise UnreadableError(f'there is no pool "{name}" in namespace "{where}"') from error
    finally:
        await api.close()


def spell_decision(metadata: dict[str, Any], status: QueueWorkerPoolStatus) -> Iterator[str]:
    """Write what was decided about a pool, line by line."""
    yield f"{metadata.get('namespace', 'default')}/{metadata['name']}"
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
