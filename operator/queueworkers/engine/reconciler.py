"""
The loop's one step: read what is, decide what should be, make it so, say so.

It never asks what changed, and it can be stopped after any line and started
again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from queueworkers.api.restart import RolloutControl
from queueworkers.api.scaling import named_budget
from queueworkers.api.spec import InvalidSpec, parse_spec
from queueworkers.domain.announcements import (
    announce_changes,
    announce_rollout,
    announce_scaling,
    announce_unreadable_restart,
)
from queueworkers.domain.capacity import gates_to_open
from queueworkers.domain.decision import Basis, decide, follow_rollout
from queueworkers.domain.leaving import estimate_stakes, has_choice, mark_leavers
from queueworkers.domain.manifests import render_deployment, render_template
from queueworkers.domain.observation import Observation
from queueworkers.domain.pacing import due_in
from queueworkers.domain.references import find_dependences
from queueworkers.domain.report import report, report_invalid, told_exits
from queueworkers.domain.restarts import parse_moment
from queueworkers.domain.scaling import History
from queueworkers.domain.verdict import Refusal, Situation, refusal_of
from queueworkers.domain.wording import explain
from queueworkers.errors import ApiServerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.api.status import QueueWorkerPoolStatus
    from queueworkers.domain.announcements import Announcement
    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.decision import Decision
    from queueworkers.domain.exits import Exits
    from queueworkers.domain.identity import PoolIdentity, PoolKey
    from queueworkers.domain.leaving import Connection
    from queueworkers.domain.notices import Notices
    from queueworkers.domain.pool import Pool
    from queueworkers.domain.references import Dependence
    from queueworkers.domain.workers import Workers
    from queueworkers.engine.budgets import Budgets
    from queueworkers.engine.world import World


AGAIN_AFTER = timedelta(seconds=20)
"""What stood in the way may be gone unseen: a quota was raised, a name set free, an autoscaler deleted."""


class Backlogs(Protocol):
    """Where the latest reading of a pool's queues is to be had."""

    def follow(self, pool: Pool, spec: QueueWorkerPoolSpec) -> Reading | None:
        """Go on reading a pool's queues, and return the latest reading; ``None`` before the first."""

    def notices(self, key: PoolKey) -> Notices:
        """Return what the framework's own commands left for a pool's workers, where that is known."""

    async def observe_connections(self, key: PoolKey) -> Sequence[Connection] | None:
        """List who is connected to a pool's Redis; ``None`` where that is not known soon enough."""

    def forget(self, key: PoolKey) -> None:
        """Read no more for a pool."""


class References(Protocol):
    """Where it is known what workers are configured with."""

    def follow(
        self, key: PoolKey, dependences: tuple[Dependence, ...], carried: Mapping[str, str]
    ) -> Mapping[str, str] | None:
        """Go on reading what a pool depends on, and return its digests; ``None`` before the first reading."""

    def forget(self, key: PoolKey) -> None:
        """Read no more for a pool."""


class Witness(Protocol):
    """Who is told how each look at a pool ended."""

    def saw(
        self,
        pool: PoolIdentity,
        status: QueueWorkerPoolStatus,
        situation: Situation | None,
        *,
        workers_before: int,
        told: QueueWorkerPoolStatus,
    ) -> None:
        """Take note of what is said of a pool now, and was *told* before; no situation: its spec is no use."""

    def forget(self, key: PoolKey) -> None:
        """Take note that a pool is not looked after any more."""


@dataclass(slots=True, kw_only=True)
class Memory:
    """What one process remembers of a pool; losing it costs time, never a job."""

    uid: str
    history: History
    exits: Exits
    status_written_at: datetime | None = None


class Reconciler:
    """Brings pool after pool to what it should be."""

    def __init__(  # noqa: PLR0913 -- the one place where all sides of the step meet
        self,
        world: World,
        backlogs: Backlogs,
        references: References,
        budgets: Budgets,
        witness: Witness,
        *,
        clock: Callable[[], datetime],
        look_again: Callable[[PoolKey, timedelta], None],
        status_pace: timedelta,
    ) -> None:
        self._world = world
        self._backlogs = backlogs
        self._references = references
        self._budgets = budgets
        self._witness = witness
        self._clock = clock
        self._look_again = look_again
        self._status_pace = status_pace
        self._memories: dict[PoolKey, Memory] = {}

    async def reconcile(self, key: PoolKey) -> bool:
        """
        Look at one pool, whatever the reason, and do what is to be done.

        Returns:
            False while a first reading is under way without which nothing can be decided.
        """
        pool = self._world.pool(key)
        if pool is None or pool.deleting:
            self._forget(key)
            return True
        spec = parse_spec(pool.spec)
        if isinstance(spec, InvalidSpec):
            await self._refuse(pool, spec)
            return True
        reading = self._backlogs.follow(pool, spec)
        if reading is None:
            return False  # the first reading, or the word that there is none
        now = self._clock()
        memory = self._remember(pool, now)
        before = await self._observe(pool, spec, reading, memory)
        if before is None:
            return False  # the first reading of what the workers are configured with
        # From the look at the budget to the note nothing is awaited: no two pools take the same place.
        before = replace(before, budget=self._budgets.view(key, spec.scaling.budget))
        decision = decide(pool.identity, spec, before, memory.history, now=now)
        self._budgets.note(key, decision.claim)
        memory.history = decision.history
        await self._point_out_leavers(pool, spec, before.workers, decision, now=now)
        refusal = await self._apply(pool, spec, decision)
        workers, not_let_in = await self._let_in(pool, spec)
        refusal = not_let_in or refusal
        after = replace(before, workers=workers)
        situation = Situation(
            spec=spec,
            observation=after,
            decision=decision,
            rollout=follow_rollout(spec, decision.wish, after, now=now),
            refusal=refusal,
            explanation=explain(spec, reading, decision),
        )
        await self._tell(pool, situation, workers_before=before.current, now=now)
        if refusal or decision.basis is Basis.CONFLICT or _somebody_is_starting(situation.observation):
            self._look_again(key, AGAIN_AFTER)
        if decision.revisit_at:
            self._look_again(key, decision.revisit_at - now)
        return True

    async def _observe(
        self, pool: Pool, spec: QueueWorkerPoolSpec, reading: Reading, memory: Memory
    ) -> Observation | None:
        workers = await self._world.observe_workers(pool.identity)
        if workers:
            memory.exits = memory.exits.follow(workers.ends)
        references = self._references.follow(
            pool.identity.key,
            find_dependences(render_template(pool.identity, spec), spec.restart),
            workers.references if workers else {},
        )
        if references is None:
            return None
        notices = self._backlogs.notices(pool.identity.key)
        undoing = spec.restart.rollout is RolloutControl.UNDO
        return Observation(
            reading=reading,
            workers=workers,
            references=references,
            restart_annotation=parse_moment(pool.restart_annotation),
            signalled_at=notices.restart_at,
            holds=notices.holds,
            undo_to=await self._world.observe_revision_before(pool.identity) if undoing else None,
            exits=memory.exits,
            told_phase=pool.status.rollout.phase if pool.status.rollout else None,
        )

    async def _point_out_leavers(
        self,
        pool: Pool,
        spec: QueueWorkerPoolSpec,
        workers: Workers | None,
        decision: Decision,
        *,
        now: datetime,
    ) -> None:
        """Just before there are to be fewer workers, say who has the least to lose."""
        if workers is None or decision.hands_off or decision.replicas >= workers.desired:
            return
        staying = workers.staying
        leaving = len(staying) - decision.replicas
        if not has_choice(staying, leaving):
            return
        stakes = estimate_stakes(
            await self._backlogs.observe_connections(pool.identity.key) or (),
            asking=spec.framework_declared.asking_commands,
            database=spec.redis.database,
        )
        await self._world.mark_leavers(pool.identity, mark_leavers(staying, leaving, stakes=stakes, now=now))

    async def _apply(self, pool: Pool, spec: QueueWorkerPoolSpec, decision: Decision) -> Refusal | None:
        deployment = render_deployment(
            pool.identity, spec, decision.rollout, scheduled_at=decision.scheduled_at
        )
        return await _refusal_to(
            self._world.apply(
                pool.identity, deployment, replicas=decision.replicas, hands_off=decision.hands_off
            )
        )

    async def _let_in(self, pool: Pool, spec: QueueWorkerPoolSpec) -> tuple[Workers | None, Refusal | None]:
        """Let workers start that wait, as long as there are places for them; return who is there then."""
        workers = await self._world.observe_workers(pool.identity)
        names = gates_to_open(workers, spec.scaling.max_concurrent) if workers else ()
        if not names:
            return workers, None
        refusal = await _refusal_to(self._world.open_gates(pool.identity, names))
        return await self._world.observe_workers(pool.identity), refusal

    async def _tell(self, pool: Pool, situation: Situation, *, workers_before: int, now: datetime) -> None:
        status = report(pool.identity, situation, generation=pool.generation, previous=pool.status, now=now)
        self._witness.saw(pool.identity, status, situation, workers_before=workers_before, told=pool.status)
        await self._world.announce(pool.identity, _done(pool, situation, workers_before, now))
        await self._write_status(pool, status, now=now)
        await self._world.announce(pool.identity, announce_changes(pool.status, status))

    async def _refuse(self, pool: Pool, invalid: InvalidSpec) -> None:
        key = pool.identity.key
        self._budgets.refuse(key, named_budget(pool.spec), pods=self._world.count_pods(key))
        now = self._clock()
        status = report_invalid(
            pool.identity, invalid, generation=pool.generation, previous=pool.status, now=now
        )
        self._witness.saw(pool.identity, status, None, workers_before=0, told=pool.status)
        await self._write_status(pool, status, now=now)
        await self._world.announce(pool.identity, announce_changes(pool.status, status))

    async def _write_status(self, pool: Pool, status: QueueWorkerPoolStatus, *, now: datetime) -> None:
        memory = self._remember(pool, now)
        wait = due_in(
            pool.status, status, written_at=memory.status_written_at, now=now, pace=self._status_pace
        )
        if wait is None:
            return
        if wait:
            self._look_again(pool.identity.key, wait)
            return
        await self._world.write_status(pool.identity, status)
        memory.status_written_at = now

    def _remember(self, pool: Pool, now: datetime) -> Memory:
        """Recall a pool; one that was deleted and created again is another one."""
        memory = self._memories.get(pool.identity.key)
        if memory is None or memory.uid != pool.identity.uid:
            memory = Memory(
                uid=pool.identity.uid, history=History(watching_since=now), exits=told_exits(pool.status)
            )
            self._memories[pool.identity.key] = memory
        return memory

    def _forget(self, key: PoolKey) -> None:
        self._memories.pop(key, None)
        self._budgets.keep(key, pods=self._world.count_pods(key))
        self._backlogs.forget(key)
        self._references.forget(key)
        self._witness.forget(key)
        self._world.forget(key)


async def _refusal_to(write: Awaitable[None]) -> Refusal | None:
    """Write; what the same request would meet again is for people to see."""
    try:
        await write
    except ApiServerError as error:
        if not error.rejects_content:
            raise
        return refusal_of(status=error.status, message=error.message)
    return None


def _somebody_is_starting(observation: Observation) -> bool:
    """A worker that is stuck on its way changes nothing that a watch would report."""
    workers = observation.workers
    return workers is not None and any(
        pod.creating or (pod.probed_since and not pod.ready) for pod in workers.pods
    )


def _done(pool: Pool, situation: Situation, workers_before: int, now: datetime) -> tuple[Announcement, ...]:
    """Tell what was done, told before the status is written: a status that fails must not swallow it."""
    if situation.refusal:
        return ()
    unreadable = pool.restart_annotation and situation.observation.restart_annotation is None
    return (
        *announce_scaling(situation, before=workers_before, now=now),
        *announce_rollout(situation, pool.status),
        *((announce_unreadable_restart(pool.restart_annotation),) if unreadable else ()),
    )
