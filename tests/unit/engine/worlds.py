"""A little world: one pool, its Deployment and the controller that runs it, all in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from queueworkers.api.scaling import named_budget
from queueworkers.api.status import QueueWorkerPoolStatus
from queueworkers.domain.manifests import (
    RESTARTED_AT_ANNOTATION,
    REVISION_ANNOTATION,
    ROLLOUT_SINCE_ANNOTATION,
    ROLLOUT_TRIGGER_ANNOTATION,
)
from queueworkers.domain.notices import Notices
from queueworkers.domain.pool import Pool
from queueworkers.domain.restarts import parse_moment
from queueworkers.engine.budgets import Budgets
from queueworkers.engine.reconciler import Reconciler
from queueworkers.telemetry.pools import PoolBook
from unit.domain.given import NOON, POOL, a_backlog, some_workers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from queueworkers.api.budget import QueueWorkerBudgetStatus
    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.domain.announcements import Announcement
    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.budgets import StoredBudget
    from queueworkers.domain.identity import BudgetKey, PoolIdentity, PoolKey
    from queueworkers.domain.leaving import Connection
    from queueworkers.domain.workers import Workers


class OperatorKilledError(BaseException):
    """Nothing of the operator's runs after this; no `except Exception` survives it either."""


@dataclass
class LittleWorld:
    """
    What an operator finds, and what it leaves behind.

    Each method that touches the world counts as a call.  *kill_after* ends the
    operator when so many have taken effect; *fail_at* lets one of them fail
    before it has any.
    """

    spec: dict[str, Any]
    reading: Reading = field(default_factory=a_backlog)
    annotation: str | None = None
    signal: datetime | None = None
    now: datetime = NOON

    connections: Sequence[Connection] | None = None
    status: QueueWorkerPoolStatus = field(default_factory=QueueWorkerPoolStatus)
    manifest: Mapping[str, Any] | None = None
    replicas: int = 0
    generation: int = 0
    observed_generation: int = 0
    updated: bool = True
    running: str | None = None
    """The revision of the pods that there are."""
    running_replicas: int = 0

    calls: int = 0
    kill_after: int | None = None
    fail_at: int | None = None
    failure: Exception | None = None
    refusal: Exception | None = None
    """What every write of the Deployment is answered with."""
    writes: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    wanted_again: list[timedelta] = field(default_factory=list)
    marks: list[Mapping[str, int | None]] = field(default_factory=list)
    let_in: list[str] = field(default_factory=list)
    rollouts: int = 0
    book: PoolBook = field(default_factory=PoolBook)
    """What metrics tell of the pool."""
    pool_exists: bool = True
    forgotten: list[str] = field(default_factory=list)
    budgets: dict[BudgetKey, StoredBudget] = field(default_factory=dict)
    beside: dict[BudgetKey, list[PoolKey]] = field(default_factory=dict)
    """Other pools that name a budget."""
    woken: list[PoolKey] = field(default_factory=list)
    """Other pools that a budget wants looked at."""
    told_of: list[BudgetKey] = field(default_factory=list)

    # --- as the operator sees it ---

    def pool(self, key: PoolKey) -> Pool | None:
        """Return the pool."""
        if key != POOL.key or not self.pool_exists:
            return None
        return Pool(
            identity=POOL,
            generation=1,
            spec=self.spec,
            status=self.status,
            restart_annotation=self.annotation,
            deleting=False,
        )

    async def observe_workers(self, pool: PoolIdentity) -> Workers | None:
        """Look at the Deployment."""
        assert pool == POOL
        self._begin()
        self._done()
        if self.manifest is None:
            return None
        annotations = self.manifest["spec"]["template"]["metadata"]["annotations"]
        notes = self.manifest["metadata"]["annotations"]
        workers = some_workers(self.running_replicas)
        return replace(
            workers,
            generation=self.generation,
            observed_generation=self.observed_generation,
            desired=self.replicas,
            restart_marker=parse_moment(annotations.get(RESTARTED_AT_ANNOTATION)),
            updated=workers.updated if self.updated else 0,
            revision=annotations[REVISION_ANNOTATION],
            image=self.manifest["spec"]["template"]["spec"]["containers"][0]["image"],
            rollout_trigger=notes.get(ROLLOUT_TRIGGER_ANNOTATION),
            rollout_since=parse_moment(notes.get(ROLLOUT_SINCE_ANNOTATION)),
            pods=tuple(replace(pod, revision=self.running) for pod in workers.pods),
        )

    async def apply(
        self, pool: PoolIdentity, deployment: Mapping[str, Any], *, replicas: int, hands_off: bool
    ) -> None:
        """Bring the Deployment to what is wanted, in up to two writes."""
        assert pool == POOL
        self._begin()
        if self.refusal:
            raise self.refusal
        if self.manifest is None:
            self.manifest, self.replicas = deployment, replicas
            self._wrote("create")
            return
        if self.replicas != replicas and not hands_off:
            self.replicas = replicas
            self._wrote("replicas")
        before = self.manifest["spec"]["template"]
        if self.manifest == deployment:
            return
        self.manifest = deployment
        self.rollouts += before != deployment["spec"]["template"]
        self._wrote("template")

    async def observe_revision_before(self, pool: PoolIdentity) -> None:
        """Nobody wants it here."""
        assert pool == POOL

    async def mark_leavers(self, pool: PoolIdentity, costs: Mapping[str, int | None]) -> None:
        """Note who is to leave first."""
        assert pool == POOL
        self._begin()
        self.marks.append(costs)
        self._done()

    async def open_gates(self, pool: PoolIdentity, names: Sequence[str]) -> None:
        """Let workers start."""
        assert pool == POOL
        self._begin()
        self.let_in += names
        self._done()

    async def write_status(self, pool: PoolIdentity, status: QueueWorkerPoolStatus) -> None:
        """Store the status as the API server would."""
        assert pool == POOL
        self._begin()
        self.status = QueueWorkerPoolStatus.model_validate(status.to_wire())
        self.writes.append("status")
        self._done()

    async def announce(self, pool: PoolIdentity, announcements: Sequence[Announcement]) -> None:
        """Write Events."""
        assert pool == POOL
        for announcement in announcements:
            self._begin()
            self.events.append(announcement.reason)
            self._done()

    async def observe_secret(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """There are none."""
        del namespace, name

    def forget(self, key: PoolKey) -> None:
        """Note it; also as the place where readings are had."""
        self.forgotten.append(key.name)

    def follow(self, pool: Pool, spec: QueueWorkerPoolSpec) -> Reading | None:
        """Give the reading."""
        del pool, spec
        return self.reading

    def notices(self, key: PoolKey) -> Notices:
        """Tell what was left for the workers."""
        assert key == POOL.key
        return Notices(restart_at=self.signal)

    async def observe_connections(self, key: PoolKey) -> Sequence[Connection] | None:
        """Tell of whoever is connected."""
        assert key == POOL.key
        return self.connections

    # --- as it goes on by itself ---

    def deployment_controller_works(self) -> None:
        """Start, stop and replace all workers that there are to be."""
        self.observed_generation = self.generation
        self.running_replicas = self.replicas
        if self.manifest:
            self.running = self.manifest["spec"]["template"]["metadata"]["annotations"][REVISION_ANNOTATION]

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on."""
        self.now += timedelta(seconds=seconds)

    def budget(self, key: BudgetKey) -> StoredBudget | None:
        """Return a budget."""
        return self.budgets.get(key)

    def members(self, key: BudgetKey) -> list[PoolKey]:
        """List the pools that name a budget, this one last."""
        own = [POOL.key] if named_budget(self.spec) == key.name else []
        return [*self.beside.get(key, ()), *own]

    async def write_budget_status(self, budget: StoredBudget, status: QueueWorkerBudgetStatus) -> None:
        """Nobody does here."""

    def count_pods(self, key: PoolKey) -> int:
        """Count the workers."""
        return self.running_replicas if key == POOL.key else 0

    # --- as it is disturbed ---

    def _begin(self) -> None:
        self.calls += 1
        if self.calls == self.fail_at and self.failure:
            raise self.failure

    def _wrote(self, what: str) -> None:
        self.generation += 1
        self.writes.append(what)
        self._done()

    def _done(self) -> None:
        if self.kill_after is not None and self.calls >= self.kill_after:
            self.kill_after = None
            raise OperatorKilledError


class NoReferences:
    """Workers that are configured with nothing but their spec."""

    def follow(self, *_: object) -> dict[str, str]:
        """There is nothing to follow."""
        return {}

    def forget(self, key: PoolKey) -> None:
        """Nothing was remembered."""


def an_operator(world: LittleWorld) -> Reconciler:
    """Start an operator that remembers nothing."""
    return Reconciler(
        world,
        world,
        NoReferences(),
        Budgets(world, look_at=world.woken.append, changed=world.told_of.append),
        world.book,
        clock=lambda: world.now,
        look_again=lambda key, wait: world.wanted_again.append(wait) if key == POOL.key else None,
        status_pace=timedelta(seconds=5),
    )
