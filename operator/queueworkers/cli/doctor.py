"""`qwp doctor`: what is wrong with a pool, and the line to change."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import click

from queueworkers.api.conditions import ConditionReason, ConditionStatus, ConditionType
from queueworkers.api.quantities import MEGABYTE, parse_quantity
from queueworkers.api.rules import GRACE_MARGIN_SECONDS
from queueworkers.api.spec import InvalidSpec, parse_spec
from queueworkers.backlog.eviction import takes_jobs
from queueworkers.cli.access import observe_selected
from queueworkers.cli.exit_codes import NOT_SO
from queueworkers.cli.options import cluster_options, selection_options
from queueworkers.cli.screen import TAKES_TIME, paint, write_document
from queueworkers.domain.identity import PoolIdentity
from queueworkers.domain.manifests import (
    HEADROOM_MEGABYTES,
    memory_limit_megabytes,
    render_template,
    worker_container,
)
from queueworkers.domain.wording import spell_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.api.status import Condition, QueueWorkerPoolStatus
    from queueworkers.cli.access import Access, SeenPool, Selection

BY_HAND = (
    "Redis did not tell whether it drops keys when its memory is full, which loses jobs:"
    " `redis-cli CONFIG GET maxmemory-policy` has to say noeviction."
)
"""What is left to be looked for where the operator may not ask, or has not yet; said once, below the findings."""


class Weight(StrEnum):
    """How much a finding matters."""

    WRONG = "wrong"
    """Jobs are lost, run twice or are not done, now or on a bad day."""
    DOUBTFUL = "doubtful"
    """It may be as it is meant to be."""


LIMITS: Mapping[str, str] = {
    ConditionReason.TOO_MANY_REPLICAS: "spec.scaling.maxReplicas",
    ConditionReason.BUDGET_SPENT: "spec.scaling.budget",
}
"""What keeps a pool from the workers that its backlog asks for, by the line that sets it."""

COLOURS = {Weight.WRONG: "red", Weight.DOUBTFUL: "yellow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to look at."""

    weight: Weight
    field: str
    """The line to change, or the condition that tells of it."""
    sentence: str


@click.command()
@selection_options
@cluster_options
@click.option("-o", "--output", type=click.Choice(["json", "yaml"]), help="For a program.")
def doctor(*, selection: Selection, access: Access, output: str | None) -> None:
    """
    Look for what is wrong with pools, and tell the line to change.

    The status is 3 if something is wrong; what is doubtful does not count for it.
    """
    pools = asyncio.run(observe_selected(access, selection))
    if output:
        click.echo(write_document(describe_findings(pools), output))
    else:
        click.echo("\n".join(spell_findings(pools)))
    if any(each.weight is Weight.WRONG for pool in pools for each in examine(pool)):
        sys.exit(NOT_SO)


def examine(pool: SeenPool) -> Sequence[Finding]:
    """Find what is wrong or doubtful about a pool, by its spec and by what the operator says of it."""
    spec = parse_spec(pool.raw["spec"])
    if isinstance(spec, InvalidSpec):
        return [_wrong(problem.partition(":")[0], problem) for problem in spec.problems]
    return [
        *_examine_operator(pool),
        *_examine_times(spec),
        *_examine_memory(pool, spec),
        *_examine_conditions(pool.status),
        *_examine_redis(pool.status),
        *_examine_jobs(pool.status),
    ]


def _examine_operator(pool: SeenPool) -> Iterator[Finding]:
    generation = pool.raw["metadata"].get("generation", 0)
    if (pool.status.observed_generation or 0) < generation:
        yield _wrong(
            "status.observedGeneration",
            "The operator has not acted on the pool as it is now: see that it runs, and looks after this namespace.",
        )


def _examine_times(spec: QueueWorkerPoolSpec) -> Iterator[Finding]:
    """Hold the three times that must stand in order: a job's timeout, the grace of its worker, retry_after."""
    retry_after, grace = spec.effective_retry_after, spec.effective_grace_period_seconds
    if retry_after and spec.timeout >= retry_after:
        yield _wrong(
            "spec.timeout",
            f"A job may take {spec.timeout}s and is handed to another worker after {retry_after}s, so it may run twice:"
            f" set spec.timeout below {retry_after}, or retry_after in config/queue.php and spec.retryAfter"
            f" above {spec.timeout}.",
        )
    if retry_after and not spec.timeout:
        yield _doubtful(
            "spec.timeout",
            f"Nothing ends a job, and after {retry_after}s it is handed to another worker too:"
            f" set spec.timeout below {retry_after}.",
        )
    if spec.timeout and grace < spec.timeout + GRACE_MARGIN_SECONDS:
        yield _wrong(
            "spec.gracePeriodSeconds",
            f"A worker that leaves is killed after {grace}s, and its job may take {spec.timeout}s:"
            f" set it to {spec.timeout + GRACE_MARGIN_SECONDS} or more, or leave it out.",
        )


def _examine_memory(pool: SeenPool, spec: QueueWorkerPoolSpec) -> Iterator[Finding]:
    """Hold what a worker may use against what the kernel kills it at, which a pod template may set too."""
    identity = PoolIdentity(key=pool.key, uid=pool.raw["metadata"].get("uid", ""))
    resources = worker_container(render_template(identity, spec)).get("resources") or {}
    said = (resources.get("limits") or {}).get("memory")
    limit = parse_quantity(str(said))
    if not spec.memory or limit is None:
        return
    enough = memory_limit_megabytes(spec.memory)
    if limit <= spec.memory * MEGABYTE:
        yield _wrong(
            "resources.limits.memory",
            f"A worker ends itself above {spec.memory} MB, after its job, and is killed in the middle of one at {said}:"
            f" set the limit to {enough}Mi, or leave it out.",
        )
    elif limit < (spec.memory + HEADROOM_MEGABYTES) * MEGABYTE:
        yield _doubtful(
            "resources.limits.memory",
            f"Above the {spec.memory} MB at which a worker ends itself after its job, {said} leave little to PHP and to"
            f" the job in hand, which is killed there: set the limit to {enough}Mi, or leave it out.",
        )


def _examine_conditions(told: QueueWorkerPoolStatus) -> Iterator[Finding]:
    """Pass on what the operator has found: its sentences name the field."""
    backlog = told.condition(ConditionType.BACKLOG_KNOWN)
    ready = told.condition(ConditionType.READY)
    if backlog and backlog.status != ConditionStatus.TRUE:
        missing = backlog.reason == ConditionReason.QUEUE_NOT_FOUND
        field = "spec.redis.prefix" if missing else "spec.redis"
        # An application that has not used the queue yet looks the same as a wrong prefix.
        yield (_doubtful if missing else _wrong)(field, _said(backlog))
    limited = told.condition(ConditionType.SCALING_LIMITED)
    if limited and limited.reason in LIMITS:
        yield _doubtful(LIMITS[limited.reason], _said(limited))
    stops = told.condition(ConditionType.STOPS_GRACEFULLY)
    if stops and stops.status == ConditionStatus.FALSE:
        yield _wrong("StopsGracefully", _said(stops))
    if (
        ready
        and ready.status == ConditionStatus.FALSE
        and ready.reason not in {*TAKES_TIME, ConditionReason.BACKLOG_UNKNOWN}
    ):
        yield _wrong("Ready", _said(ready))


def _said(condition: Condition) -> str:
    return f"{condition.reason}: {condition.message}".rstrip(": ")


def _examine_redis(told: QueueWorkerPoolStatus) -> Iterator[Finding]:
    policy = _eviction_policy(told)
    if policy and takes_jobs(policy):
        yield _wrong(
            "maxmemory-policy",
            f"When its memory is full, Redis drops any key, and jobs with it ({policy}): set it to noeviction there,"
            " or to volatile-lru where a cache is beside the queues.",
        )


def _eviction_policy(told: QueueWorkerPoolStatus) -> str | None:
    return told.source.eviction_policy if told.source else None


def _examine_jobs(told: QueueWorkerPoolStatus) -> Iterator[Finding]:
    expired = told.backlog.expired if told.backlog else None
    if expired:
        yield _doubtful(
            "spec.retryAfter",
            f"{spell_count(expired, 'job')} went back to the queue, as retry_after was over: a worker was lost, or a job"
            " takes longer than that and will run twice.",
        )
    crashes = sum(each.count for each in told.exits if not each.recycled)
    if crashes:
        codes = ", ".join(str(each.exit_code) for each in told.exits if not each.recycled)
        yield _doubtful(
            "status.exits",
            f"Workers have crashed {spell_count(crashes, 'time')}, with exit code {codes}: their log says why.",
        )


def _wrong(field: str, sentence: str) -> Finding:
    return Finding(weight=Weight.WRONG, field=field, sentence=sentence)


def _doubtful(field: str, sentence: str) -> Finding:
    return Finding(weight=Weight.DOUBTFUL, field=field, sentence=sentence)


def describe_findings(pools: Sequence[SeenPool]) -> dict[str, Any]:
    """Tell a program what was found, pool by pool."""
    return {
        "findings": [
            {
                "namespace": pool.key.namespace,
                "pool": pool.key.name,
                "weight": str(each.weight),
                "field": each.field,
                "sentence": each.sentence,
            }
            for pool in pools
            for each in examine(pool)
        ]
    }


def spell_findings(pools: Sequence[SeenPool]) -> Iterator[str]:
    """Write what was found, pool by pool, and what is to be looked for by hand."""
    for pool in pools:
        found = examine(pool)
        yield f"{pool.key}: {spell_count(len(found), 'finding') if found else 'nothing found'}"
        for each in found:
            yield f"  {paint(each.weight, COLOURS[each.weight])}  {each.field}"
            yield f"    {each.sentence}"
    if not all(_eviction_policy(pool.status) for pool in pools):
        yield BY_HAND
