"""
Who leaves when there are to be fewer workers: those with the least to lose.

The ReplicaSet controller chooses, and it can be told: the annotation
``controller.kubernetes.io/pod-deletion-cost``, written just before.  Its order,
from ``ActivePodsWithRanks`` in ``pkg/controller/controller_utils.go`` of
kubernetes v1.36: without a node first, then pending, then not ready, then by
that cost, and only then by neighbours on the node, by the time of being ready
(to a power of two), restarts and age.  So a cost decides among ready pods, and
says nothing to the others.

Redis does not tell which pod holds a job, but ``CLIENT LIST`` tells when each
connection was last used, and for what.  A worker that waits asks again every
``sleep`` seconds, or blocks; one in the middle of a job does not ask.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from queueworkers.domain.workers import WorkerPod

BOOT = timedelta(seconds=60)
"""A worker that is younger and has no connection has not begun; an older one may have lost it during a long job."""

HEARD_WITHIN = timedelta(seconds=30)
"""An idle worker that was asked to leave is gone by then, the time for asking it included."""

SEEN_GONE_WITHIN = timedelta(seconds=10)
"""After a worker's last job, until its kubelet has said that it is not ready any more."""

KEPT = 1
"""The cost of a pod that stays, where it is less work to mark those; pods without a mark cost 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection to Redis, as the server tells it."""

    address: str
    """Where it comes from: a pod's address, unless something stands in between."""
    idle_seconds: int
    """Since its last command; whole seconds, as Redis counts them."""
    command: str
    """The last command, in lower case."""
    database: int
    blocked: bool
    """True while it waits for an answer, as `BLPOP` does."""


@dataclass(frozen=True, slots=True, order=True)
class Stake:
    """
    What is lost, or waited for, when a worker has to leave now; the smaller one leaves first.

    *working* before *seconds*: who asks for jobs may have one in hand for so
    long at most, who last did something else surely has one, of an age that
    is not known.
    """

    working: bool
    seconds: int


def estimate_stakes(
    connections: Iterable[Connection], *, asking: frozenset[str], database: int
) -> Mapping[str, Stake]:
    """
    Estimate by address what each worker has in hand.

    A job may use Redis itself, on connections of its own or on the worker's,
    so the time since *any* command would make a busy worker look idle.  What
    counts is when the worker last asked for a job.

    Args:
        connections: As the server told them, those of other clients included.
        asking: Commands that end a framework's question for a job, in lower case.
        database: Where the queues are; elsewhere the same command is about something else.
    """
    by_address = defaultdict(list)
    for connection in connections:
        by_address[connection.address].append(connection)
    return {address: _stake(used, asking, database) for address, used in by_address.items()}


def _stake(used: Sequence[Connection], asking: frozenset[str], database: int) -> Stake:
    asked = [
        0 if each.blocked else each.idle_seconds
        for each in used
        if each.database == database and each.command in asking
    ]
    if asked:
        return Stake(working=False, seconds=min(asked))
    return Stake(working=True, seconds=min(each.idle_seconds for each in used))


def count_holding(pods: Iterable[WorkerPod], *, now: datetime) -> int:
    """
    Count the workers that were asked to leave and have not: each has a job in hand.

    Such a pod stays ready as long as its worker runs, and was never ready where
    its worker does not hear that it should leave.
    """
    return sum(at <= now for at in _held_from(pods))


def next_holding_at(pods: Iterable[WorkerPod], *, now: datetime) -> datetime | None:
    """Tell when time alone may bring another one to `count_holding`."""
    return min((at for at in _held_from(pods) if at > now), default=None)


def _held_from(pods: Iterable[WorkerPod]) -> Iterable[datetime]:
    return [pod.leaving_since + HEARD_WITHIN for pod in pods if pod.ready and pod.leaving_since]


def has_choice(staying: Sequence[WorkerPod], leaving: int) -> bool:
    """Tell whether it can be chosen who leaves: some of the ready ones, and not all of them."""
    ready = sum(pod.ready for pod in staying)
    return 0 < leaving - (len(staying) - ready) < ready


def mark_leavers(
    staying: Sequence[WorkerPod], leaving: int, *, stakes: Mapping[str, Stake], now: datetime
) -> Mapping[str, int | None]:
    """
    Choose who leaves, and say what is to be written for it: the fewest marks that do.

    Either the leavers are marked, from the cheapest up to -1, or those that
    stay, whichever are fewer.  Marks of an earlier choice are changed where
    they would turn this one.  A cost that somebody else wrote stays, and is
    obeyed as the ReplicaSet controller will obey it.

    Args:
        staying: The pods that nobody has asked to leave yet.
        leaving: How many of them are to leave.
        stakes: What each has in hand, by address; empty where nothing is known, and then the newest leave.
        now: Timezone-aware.

    Returns:
        The new cost by the pod's name; ``None`` takes an old mark away.
    """
    if not has_choice(staying, leaving):
        return {}
    ready = [pod for pod in staying if pod.ready]
    count = leaving - (len(staying) - len(ready))
    known = _known_of(staying, stakes)
    order = sorted(ready, key=lambda pod: _preference(pod, known.get(pod.name), now))
    leavers, stayers = order[:count], order[count:]
    if max(pod.deletion_cost for pod in leavers) < min(pod.deletion_cost for pod in stayers):
        return {}  # it will be so as it is
    if len(leavers) <= len(stayers):
        wanted: dict[str, int | None] = {pod.name: rank - count for rank, pod in enumerate(leavers)}
        wanted |= {pod.name: None for pod in stayers if pod.deletion_cost < 0}
    else:
        wanted = {pod.name: KEPT for pod in stayers}
        wanted |= {pod.name: None for pod in leavers if pod.deletion_cost > 0}
    return {
        pod.name: wanted[pod.name]
        for pod in order
        if pod.name in wanted and not pod.priced_by_others and wanted[pod.name] != pod.deletion_cost
    }


def _known_of(pods: Sequence[WorkerPod], stakes: Mapping[str, Stake]) -> Mapping[str, Stake | None]:
    """Give each pod its stake, but none to pods that share an address, as in the network of their node."""
    owners: dict[str, set[str]] = defaultdict(set)
    for pod in pods:
        for address in pod.addresses:
            owners[address].add(pod.name)
    return {
        pod.name: min(
            (stakes[address] for address in pod.addresses if address in stakes and len(owners[address]) == 1),
            default=None,
        )
        for pod in pods
    }


def _preference(pod: WorkerPod, stake: Stake | None, now: datetime) -> tuple[int, bool, Stake, float, str]:
    """
    Sort pods by who leaves first.

    Where nothing is known of a pod it may have the most to lose; among equals
    the newest leaves.
    """
    booting = stake is None and now - pod.created_at < BOOT
    return (
        pod.deletion_cost if pod.priced_by_others else 0,
        stake is None and not booting,
        stake or Stake(working=False, seconds=-1),
        -pod.created_at.timestamp(),
        pod.name,
    )
