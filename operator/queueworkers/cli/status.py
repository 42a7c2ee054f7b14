"""`qwp status`: where the pools stand, on one screen."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

import click

from queueworkers.api.base import GROUP, KIND
from queueworkers.api.conditions import ConditionStatus, ConditionType
from queueworkers.cli.access import connected, observe_pools
from queueworkers.cli.live import draw
from queueworkers.cli.options import cluster_options, selection_options
from queueworkers.cli.queues import HEADER as QUEUES_HEADER
from queueworkers.cli.queues import queue_row
from queueworkers.cli.screen import (
    UNKNOWN,
    colour_of,
    lay_out,
    paint,
    spell_number,
    spell_since,
    spell_wait,
    write_document,
)
from queueworkers.domain.wording import spell_count
from queueworkers.errors import ApiServerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from queueworkers.api.status import Condition, QueueWorkerPoolStatus, WorkersStatus
    from queueworkers.cli.access import Access, SeenPool, Selection
    from queueworkers.cluster.client import KubernetesApi

REDRAWN_EVERY_SECONDS = 1.0
"""Ages grow by the second, so the screen is drawn anew whether or not a pool has changed."""

NOT_LOOKED_AT = "The operator has not looked at this pool yet: is it running?"

HEADER = ("POOL", "WORKERS", "RANGE", "READY", "DUE", "DELAYED", "RESERVED", "EXPIRED", "OLDEST", "STATUS")

ALARMS = (ConditionType.BACKLOG_KNOWN, ConditionType.STOPS_GRACEFULLY)
"""Conditions that a person should read when they are False, whatever Ready says."""


@click.command()
@selection_options
@cluster_options
@click.option("-w", "--watch", is_flag=True, help="Stay, and draw it anew every second.")
@click.option("-o", "--output", type=click.Choice(["json", "yaml", "name"]), help="For a program.")
def status(*, selection: Selection, access: Access, watch: bool, output: str | None) -> None:
    """
    Tell where pools stand, and why.

    One pool with all that is known of it, or the pools of the namespace, two lines each.
    """
    if watch and output:
        raise click.UsageError("-w is for people, -o for programs: give one of them.")
    try:
        asyncio.run(_tell(access, selection, watch=watch, output=output))
    except KeyboardInterrupt:
        click.echo()  # the end that -w is given


async def _tell(access: Access, selection: Selection, *, watch: bool, output: str | None) -> None:
    async with connected(access) as (api, namespace):
        if watch:
            await _look_on(api, namespace, selection)
        pools = await observe_pools(api, namespace, selection)
        click.echo(_write(pools, output) if output else "\n".join(_spell(pools, selection)))


async def _look_on(api: KubernetesApi, namespace: str, selection: Selection) -> NoReturn:
    """Draw it again and again; while the API server is away, what was last seen."""
    picture: list[str] = []
    seen_at = datetime.now(UTC)
    while True:
        try:
            pools = await observe_pools(api, namespace, selection)
        except ApiServerError as error:
            if not (picture and error.goes_by):
                raise
            age = spell_since(seen_at, now=datetime.now(UTC))
            draw([paint(f"As it was {age} ago: {error}", "red"), *picture])
        else:
            seen_at = datetime.now(UTC)
            picture = list(_spell(pools, selection))
            draw(picture)
        await asyncio.sleep(REDRAWN_EVERY_SECONDS)


def _spell(pools: Sequence[SeenPool], selection: Selection) -> Iterator[str]:
    """Write all of the one pool that was named, or two lines of each."""
    now = datetime.now(UTC)
    if len(selection.names) == 1:
        return spell_pool(pools[0], now=now)
    return spell_pools(pools, selection, now=now)


def _write(pools: Sequence[SeenPool], output: str) -> str:
    if output == "name":
        return "\n".join(f"{KIND.lower()}.{GROUP}/{pool.key.name}" for pool in pools)
    return write_document(describe_pools(pools), output)


def describe_pools(pools: Sequence[SeenPool]) -> dict[str, Any]:
    """Tell a program where pools stand: each with its `status`, as its reference page has it."""
    return {
        "pools": [
            {"namespace": pool.key.namespace, "name": pool.key.name, "status": pool.status.to_wire()}
            for pool in pools
        ]
    }


def spell_pools(pools: Sequence[SeenPool], selection: Selection, *, now: datetime) -> Iterator[str]:
    """Write one line of figures for each pool, and below it why the pool is where it is."""
    if not pools:
        yield "There are no such pools."
        return
    named = [str(pool.key) if selection.everywhere else pool.key.name for pool in pools]
    rows = [(name, *_figures(pool.status, now=now)) for name, pool in zip(named, pools, strict=True)]
    head, *lines = lay_out([HEADER[:-1], *rows])
    # What stands last is coloured, and so must not be padded.
    width = max(map(len, (head, *lines)))
    yield f"{head.ljust(width)}   {HEADER[-1]}"
    for line, pool in zip(lines, pools, strict=True):
        ready = pool.status.condition(ConditionType.READY)
        yield f"{line.ljust(width)}   {paint(_word(pool.status), colour_of(ready))}"
        yield f"  {_why(pool.status)}"


def _figures(told: QueueWorkerPoolStatus, *, now: datetime) -> tuple[str, ...]:
    backlog, summary = told.backlog, told.summary
    counts = (
        (backlog.ready, backlog.due, backlog.delayed, backlog.reserved, backlog.expired)
        if backlog
        else (None,) * 5
    )
    return (
        (summary and summary.workers) or UNKNOWN,
        (summary and summary.range) or UNKNOWN,
        *map(spell_number, counts),
        spell_wait(told.oldest_job_time, told.oldest_job_waits, now=now),
    )


def _word(told: QueueWorkerPoolStatus) -> str:
    return (told.summary and told.summary.status) or UNKNOWN


def _why(told: QueueWorkerPoolStatus) -> str:
    ready = told.condition(ConditionType.READY)
    return (ready and ready.message) or told.explanation or NOT_LOOKED_AT


def spell_pool(pool: SeenPool, *, now: datetime) -> Iterator[str]:
    """Write all that is known of one pool."""
    told = pool.status
    ready = told.condition(ConditionType.READY)
    yield f"{pool.key}  {paint(_word(told), colour_of(ready))}"
    yield _why(told)
    if ready is None:
        return
    if told.explanation and told.explanation not in _why(told):
        yield told.explanation
    yield ""
    yield from _facts(told, now=now)
    if told.queues:
        yield ""
        yield from lay_out([QUEUES_HEADER, *(queue_row(queue, now=now) for queue in told.queues)])
    if told.exits:
        yield ""
        yield from lay_out([("EXIT", "COUNT", "LAST", "MEANING"), *_exits(told, now=now)])
    alarms = list(find_alarms(told))
    if alarms:
        yield ""
        yield from (f"{paint(each.reason, 'red')}  {each.message}" for each in alarms)


def find_alarms(told: QueueWorkerPoolStatus) -> Iterator[Condition]:
    """Find what a person should read beside Ready, which may have said it already."""
    ready = told.condition(ConditionType.READY)
    for kind in ALARMS:
        found = told.condition(kind)
        if found and found.status == ConditionStatus.FALSE and not _repeats(found, ready):
            yield found


def _repeats(found: Condition, ready: Condition | None) -> bool:
    return ready is not None and (found.reason == ready.reason or found.message in ready.message)


def _facts(told: QueueWorkerPoolStatus, *, now: datetime) -> Iterator[str]:
    bounds = (told.summary and told.summary.range) or UNKNOWN
    yield f"Workers   {_spell_workers(told.workers)}; bounds {bounds}"
    if told.rollout:
        yield f"Rollout   {_spell_rollout(told, now=now)}"
    if told.backlog:
        wait = spell_wait(told.oldest_job_time, told.oldest_job_waits, now=now)
        read = spell_since(told.backlog.observed_time, now=now)
        waiting = spell_number(told.backlog.waiting)
        yield f"Backlog   {waiting} waiting, oldest {wait}; last told {read} ago"
    else:
        yield "Backlog   not known"
    if told.source and told.source.address:
        followed = f", followed by {told.source.followed_by}" if told.source.followed_by else ""
        yield f"Source    {told.source.address}{followed}"


def _spell_workers(workers: WorkersStatus | None) -> str:
    if workers is None:
        return "none yet"
    counts = {
        "working": workers.working,
        "starting": workers.starting,
        "waiting for a place": workers.waiting,
        "draining": workers.draining,
    }
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return said or "none"


def _spell_rollout(told: QueueWorkerPoolStatus, *, now: datetime) -> str:
    rollout = told.rollout
    if rollout is None:
        return UNKNOWN
    far = f" {rollout.replaced}/{rollout.total}" if rollout.total is not None else ""
    return (
        f"{rollout.phase}{far}, began with {rollout.trigger} {spell_since(rollout.since_time, now=now)} ago"
    )


def _exits(told: QueueWorkerPoolStatus, *, now: datetime) -> Iterator[tuple[str, ...]]:
    for each in told.exits:
        design = "by design" if each.recycled else "a crash"
        meaning = f"{each.meaning} ({design})" if each.meaning else design
        yield (
            str(each.exit_code),
            spell_count(each.count, "time"),
            spell_since(each.last_time, now=now),
            meaning,
        )
