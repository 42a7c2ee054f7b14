"""`qwp workers`: the pods of a pool and what each of them does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from queueworkers.cli.access import connected, observe_pools
from queueworkers.cli.options import cluster_options, selection_options
from queueworkers.cli.screen import UNKNOWN, lay_out, spell_since, write_document
from queueworkers.cluster.paths import deployment, pods
from queueworkers.cluster.reading import TEMPLATE_HASH_LABEL, parse_pod, parse_workers
from queueworkers.domain.identity import POOL_LABEL, PoolKey
from queueworkers.domain.manifests import WORKER_CONTAINER
from queueworkers.domain.rollout import outdated
from queueworkers.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from queueworkers.cli.access import Access, Selection
    from queueworkers.cluster.client import KubernetesApi
    from queueworkers.domain.workers import WorkerPod

HEADER = ("POOL", "WORKER", "STATE", "AGE", "RESTARTS", "LAST-EXIT", "TEMPLATE")
WIDE = ("NODE", "REVISION", "MESSAGE")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenWorker:
    """One worker's pod, as the screen and programs are told of it."""

    pool: PoolKey
    name: str
    state: str
    """Working, Starting, Waiting, Leaving, Ended, or what keeps it from working."""
    created_at: datetime
    restarts: int
    """Of its container, by the kubelet; a worker that ends by design comes back within it and is not counted."""
    last_exit: int | None
    """The exit code of the container before."""
    newest: bool
    """Whether it was made from the template that the pool has now."""
    revision: str
    node: str
    message: str
    """Why it does not work; empty where it does."""


@click.command()
@selection_options
@cluster_options
@click.option(
    "-o", "--output", type=click.Choice(["wide", "json", "yaml", "name"]), help="More, or for a program."
)
def workers(*, selection: Selection, access: Access, output: str | None) -> None:
    """
    List the workers of pools: what each does, since when, and how the run before ended.

    TEMPLATE is old for a worker that is to be replaced.
    """
    seen = asyncio.run(_observe(access, selection))
    if output in {"json", "yaml"}:
        click.echo(write_document(describe_workers(seen), output))
    elif output == "name":
        click.echo("\n".join(f"pod/{each.name}" for each in seen))
    else:
        lines = spell_workers(
            seen, everywhere=selection.everywhere, wide=output == "wide", now=datetime.now(UTC)
        )
        click.echo("\n".join(lines))


async def _observe(access: Access, selection: Selection) -> Sequence[SeenWorker]:
    async with connected(access) as (api, namespace):
        selected = await observe_pools(api, namespace, selection)
        found = await asyncio.gather(*(observe_workers(api, pool.key) for pool in selected))
        return [worker for workers_of_one in found for worker in workers_of_one]


async def observe_workers(api: KubernetesApi, key: PoolKey) -> Sequence[SeenWorker]:
    """
    Read the pods of one pool, the oldest first.

    Raises:
        ApiServerError: the user may not read Deployments or pods there.
    """
    try:
        template = await api.get(deployment(key))
    except NotFoundError:
        return ()
    found, _ = await api.list(pods(key.namespace), labels=f"{POOL_LABEL}={key.name}")
    return see_workers(key, template, found)


def see_workers(
    key: PoolKey, deployment: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]
) -> Sequence[SeenWorker]:
    """Read a pool's pods as the API server tells them, the oldest first."""
    parsed = [(parse_pod(raw), raw) for raw in pods]
    old = {
        pod.name
        for pod in outdated(parse_workers(deployment, (pod for pod, _ in parsed), foreign_autoscaler=None))
    }
    current = parse_workers(deployment, (), foreign_autoscaler=None).revision
    seen = [
        _see(key, pod, raw, newest=pod.name not in old and pod.revision == current) for pod, raw in parsed
    ]
    return sorted(seen, key=lambda worker: (worker.created_at, worker.name))


def _see(key: PoolKey, pod: WorkerPod, raw: Mapping[str, Any], *, newest: bool) -> SeenWorker:
    statuses = raw.get("status", {}).get("containerStatuses", ())
    container: Mapping[str, Any] = next((each for each in statuses if each["name"] == WORKER_CONTAINER), {})
    return SeenWorker(
        pool=key,
        name=pod.name,
        state=name_state(pod),
        created_at=pod.created_at,
        restarts=container.get("restartCount", 0),
        last_exit=container.get("lastState", {}).get("terminated", {}).get("exitCode"),
        newest=newest,
        revision=raw["metadata"].get("labels", {}).get(TEMPLATE_HASH_LABEL, ""),
        node=raw.get("spec", {}).get("nodeName", ""),
        message=pod.trouble.message if pod.trouble else "",
    )


def name_state(pod: WorkerPod) -> str:
    """Say in a word what a worker does; one that is asked to leave does that, whatever else is with it."""
    if pod.ended:
        return "Ended"
    if pod.terminating:
        return "Leaving"
    if pod.trouble:
        return pod.trouble.kind
    if pod.gated:
        return "Waiting"
    return "Working" if pod.ready else "Starting"


def describe_workers(seen: Sequence[SeenWorker]) -> dict[str, Any]:
    """Tell a program of every worker; `lastExitCode` is absent where the container ran never before."""
    return {"workers": [_describe(worker) for worker in seen]}


def _describe(worker: SeenWorker) -> dict[str, Any]:
    known: dict[str, Any] = {
        "namespace": worker.pool.namespace,
        "pool": worker.pool.name,
        "name": worker.name,
        "state": worker.state,
        "createdTime": f"{worker.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "restarts": worker.restarts,
        "template": _template(worker),
    }
    further = {
        "lastExitCode": worker.last_exit,
        "revision": worker.revision or None,
        "node": worker.node or None,
        "message": worker.message or None,
    }
    return known | {name: value for name, value in further.items() if value is not None}


def spell_workers(
    seen: Sequence[SeenWorker], *, everywhere: bool, wide: bool, now: datetime
) -> Iterator[str]:
    """Write one line for each worker."""
    if not seen:
        yield "There are no workers."
        return
    header = (*HEADER, *WIDE) if wide else HEADER
    yield from lay_out([header, *(_row(each, now, everywhere=everywhere)[: len(header)] for each in seen)])


def _row(worker: SeenWorker, now: datetime, *, everywhere: bool) -> tuple[str, ...]:
    return (
        str(worker.pool) if everywhere else worker.pool.name,
        worker.name,
        worker.state,
        spell_since(worker.created_at, now=now),
        str(worker.restarts),
        UNKNOWN if worker.last_exit is None else str(worker.last_exit),
        _template(worker),
        worker.node or UNKNOWN,
        worker.revision or UNKNOWN,
        worker.message,
    )


def _template(worker: SeenWorker) -> str:
    return "new" if worker.newest else "old"
