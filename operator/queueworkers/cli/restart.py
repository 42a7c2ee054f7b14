"""`qwp restart`: replace the workers of a pool, and see it through."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import click

from queueworkers.api.conditions import ConditionStatus, ConditionType
from queueworkers.api.status import format_moment
from queueworkers.cli.access import USER_AGENT, Selection, connected, observe_pool, observe_pools
from queueworkers.cli.durations import Duration
from queueworkers.cli.exit_codes import INTERRUPTED, NOT_SO, TOO_LATE
from queueworkers.cli.offers import offer_pools
from queueworkers.cli.options import cluster_options
from queueworkers.cluster import paths
from queueworkers.cluster.gate import Lane
from queueworkers.domain.restarts import RESTART_ANNOTATION
from queueworkers.domain.rollout import Phase
from queueworkers.errors import ApiServerError

if TYPE_CHECKING:
    from queueworkers.api.status import QueueWorkerPoolStatus
    from queueworkers.cli.access import Access, SeenPool
    from queueworkers.cluster.client import KubernetesApi
    from queueworkers.domain.identity import PoolKey

LOOKED_AT_EVERY_SECONDS = 1.0

GOES_ON = "The restart goes on without this command: `qwp status` shows how far it is."


class End(StrEnum):
    """How a restart that was waited for ended."""

    DONE = "done"
    NOT_DONE = "not done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a restart is."""

    end: End | None
    """``None`` while it is under way."""
    words: str


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="POOL...", shell_complete=offer_pools)
@cluster_options
@click.option("--wait", is_flag=True, help="Stay until every worker is replaced.")
@click.option(
    "--timeout",
    type=Duration(),
    default="0",
    help="With --wait, for how long, as 10m; 0, the default, for ever.",
)
def restart(names: tuple[str, ...], *, access: Access, wait: bool, timeout: float) -> None:
    """
    Replace the workers of pools, a few at a time, each after its job.

    With --wait the status is 3 if the replacement stops or is held, 4 after --timeout.
    """
    try:
        sys.exit(asyncio.run(_restart(access, names, wait=wait, timeout_seconds=timeout)))
    except KeyboardInterrupt:
        click.echo(f"\n{GOES_ON}", err=True)
        sys.exit(INTERRUPTED)


async def _restart(access: Access, names: tuple[str, ...], *, wait: bool, timeout_seconds: float) -> int:
    async with connected(access) as (api, namespace):
        # All are read before one is restarted, so that a wrong name restarts none.
        found = await observe_pools(api, namespace, Selection(names=names))
        asked = [(pool.key, await _ask(api, pool)) for pool in found]
        if not wait:
            return 0
        deadline = time.monotonic() + timeout_seconds if timeout_seconds else None
        return max([await _follow(api, key, moment, deadline=deadline) for key, moment in asked])


async def _ask(api: KubernetesApi, pool: SeenPool) -> datetime:
    """Write the annotation that asks for a restart, and return its moment."""
    moment = choose_moment(pool.status, now=datetime.now(UTC))
    body = {"metadata": {"annotations": {RESTART_ANNOTATION: format_moment(moment)}}}
    await api.amend(paths.pool(pool.key), body, field_manager=USER_AGENT, lane=Lane.SHAPE)
    click.echo(f"{pool.key}: asked for a restart at {format_moment(moment)}")
    return moment


def choose_moment(told: QueueWorkerPoolStatus, *, now: datetime) -> datetime:
    """
    Choose the moment to ask for: the next whole second, and later than the last restart in any case.

    A request that is not later counts as carried out, as it would be by a machine whose clock is behind; and so does one
    of the second in which the workers were first started.
    """
    last = told.last_restart.time if told.last_restart else None
    moment = now.replace(microsecond=0) + timedelta(seconds=1)
    return max(moment, last + timedelta(seconds=1)) if last else moment


async def _follow(api: KubernetesApi, key: PoolKey, moment: datetime, *, deadline: float | None) -> int:
    """
    Write how far a restart is whenever that changes, and return the status to end with.

    It outlives an API server that is away for a while, as the restart does.
    """
    written = None
    while True:
        try:
            progress = judge_restart((await observe_pool(api, key)).status, asked_at=moment)
        except ApiServerError as error:
            if not error.goes_by:
                raise
            progress = Progress(end=None, words=f"not seen, as the {error}")
        if progress.words != written:
            click.echo(f"{key}: {progress.words}")
            written = progress.words
        if progress.end:
            return 0 if progress.end is End.DONE else NOT_SO
        if deadline is not None and time.monotonic() >= deadline:
            click.echo(f"{key}: not done in time. {GOES_ON}", err=True)
            return TOO_LATE
        await asyncio.sleep(LOOKED_AT_EVERY_SECONDS)


def judge_restart(told: QueueWorkerPoolStatus, *, asked_at: datetime) -> Progress:
    """
    Tell where the restart that was asked for at *asked_at* is, or a later one that includes it.

    Held and stopped are ends: both last until a person acts.
    """
    if told.last_restart is None or told.last_restart.time is None or told.last_restart.time < asked_at:
        return Progress(end=None, words="the operator has not taken it up yet")
    rollout = told.rollout
    phase = rollout.phase if rollout else Phase.COMPLETE
    if phase == Phase.COMPLETE:
        return Progress(end=End.DONE, words="done")
    if rollout and phase == Phase.REPLACING:
        return Progress(end=None, words=f"{rollout.replaced} of {rollout.total} replaced")
    return Progress(end=End.NOT_DONE, words=f"{phase}: {_why(told)}")


def _why(told: QueueWorkerPoolStatus) -> str:
    """Take the sentence of the condition that tells of the replacement."""
    for kind in (ConditionType.PROGRESSING, ConditionType.READY):
        found = told.condition(kind)
        if found and found.message and found.status != ConditionStatus.TRUE:
            return found.message
    return told.explanation or "see qwp status"
