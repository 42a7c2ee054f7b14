"""`qwp queues`: the jobs of each queue, as `queue:monitor` counts them and further."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from queueworkers.cli.access import observe_selected
from queueworkers.cli.options import cluster_options, selection_options
from queueworkers.cli.screen import lay_out, spell_number, spell_wait, write_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from queueworkers.api.status import QueueStatus
    from queueworkers.cli.access import Access, SeenPool, Selection

HEADER = ("QUEUE", "READY", "DELAYED", "DUE", "RESERVED", "EXPIRED", "OLDEST", "HOLD")


@click.command()
@selection_options
@cluster_options
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="For a program.")
def queues(*, selection: Selection, access: Access, output: str | None) -> None:
    """
    Count the jobs of each queue, as the operator last read them.

    OLDEST is how long the oldest job has waited: >= and <= where the queue does not tell exactly.
    """
    pools = asyncio.run(observe_selected(access, selection))
    if output:
        click.echo(write_document(describe_queues(pools), output))
    else:
        click.echo("\n".join(spell_queues(pools, everywhere=selection.everywhere, now=datetime.now(UTC))))


def describe_queues(pools: Sequence[SeenPool]) -> dict[str, Any]:
    """Tell a program of every queue, with the pool that serves it; what is not known is left out."""
    return {
        "queues": [
            {"namespace": pool.key.namespace, "pool": pool.key.name, **queue}
            for pool in pools
            for queue in pool.status.to_wire().get("queues", ())
        ]
    }


def spell_queues(pools: Sequence[SeenPool], *, everywhere: bool, now: datetime) -> Iterator[str]:
    """Write one line for each queue of each pool."""
    rows = [
        (str(pool.key) if everywhere else pool.key.name, *queue_row(queue, now=now))
        for pool in pools
        for queue in pool.status.queues
    ]
    if not rows:
        yield "No queue was read yet: `qwp status` says why."
        return
    yield from lay_out([("POOL", *HEADER), *rows])


def queue_row(queue: QueueStatus, *, now: datetime) -> tuple[str, ...]:
    """Write what is known of one queue, in the order of `HEADER`."""
    counts = (queue.ready, queue.delayed, queue.due, queue.reserved, queue.expired)
    oldest = spell_wait(queue.oldest_job_time, queue.oldest_job_waits, now=now)
    return queue.name, *map(spell_number, counts), oldest, queue.hold or ""
