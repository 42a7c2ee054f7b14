"""What one pool has of a budget concerns the others, and they are looked at when it changes for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from queueworkers.api.budget import QueueWorkerBudgetStatus
from queueworkers.api.scaling import BudgetReference
from queueworkers.domain.budgets import StoredBudget, claim_of, limit_to_budget, settle_claim
from queueworkers.domain.identity import BudgetKey, PoolKey
from queueworkers.domain.scaling import Step
from queueworkers.engine.budgets import BudgetReporter, Budgets
from unit.domain.given import NOON, POOL, a_backlog, some_workers
from unit.engine.worlds import LittleWorld, an_operator

if TYPE_CHECKING:
    from datetime import datetime

MYSQL, OTHER = BudgetKey("shop", "mysql"), BudgetKey("shop", "other")
MAILS, ORDERS, REPORTS = (PoolKey("shop", name) for name in ("mails", "orders", "reports"))


def stored(
    ceiling: int | None, *, key: BudgetKey = MYSQL, status: QueueWorkerBudgetStatus | None = None
) -> StoredBudget:
    """A budget as the API server has it."""
    return StoredBudget(
        key=key, uid="b-1", generation=1, ceiling=ceiling, status=status or QueueWorkerBudgetStatus()
    )


@dataclass
class Shop:
    """Budgets, the pools that name one, and an operator's memory of them."""

    naming: dict[PoolKey, BudgetKey]
    stored: dict[BudgetKey, StoredBudget] = field(default_factory=lambda: {MYSQL: stored(12)})
    has: dict[PoolKey, int] = field(default_factory=dict)
    woken: list[PoolKey] = field(default_factory=list)
    changed: list[BudgetKey] = field(default_factory=list)
    written: list[QueueWorkerBudgetStatus] = field(default_factory=list)
    again: list[timedelta] = field(default_factory=list)
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.budgets = Budgets(self, look_at=self.woken.append, changed=self.changed.append)
        self.reporter = BudgetReporter(
            self,
            self.budgets,
            clock=lambda: self.now,
            look_again=lambda _, wait: self.again.append(wait),
            pace=timedelta(seconds=5),
        )

    def budget(self, key: BudgetKey) -> StoredBudget | None:
        """Return a budget."""
        return self.stored.get(key)

    def members(self, key: BudgetKey) -> list[PoolKey]:
        """List those that name it."""
        return [pool for pool, named in self.naming.items() if named == key]

    async def write_budget_status(self, budget: StoredBudget, status: QueueWorkerBudgetStatus) -> None:
        """Keep what was written."""
        self.written.append(status)
        self.stored[budget.key] = stored(budget.ceiling, key=budget.key, status=status)

    def look(self, pool: PoolKey, wanted: int, *, priority: int = 0) -> int:
        """Decide about a pool as the reconciler does, and have the cluster follow at once."""
        reference = BudgetReference(name=self.naming[pool].name, priority=priority)
        budget = self.budgets.view(pool, reference)
        assert budget is not None
        workers = some_workers(self.has.get(pool, 0))
        claim = claim_of(pool.name, budget, workers, minimum=0, wanted=wanted, movable=True)
        self.has[pool] = limit_to_budget(Step(replicas=wanted), claim, budget).replicas
        self.budgets.note(pool, settle_claim(claim, workers, asked=self.has[pool]))
        return self.has[pool]

    def woken_since(self) -> list[PoolKey]:
        """Tell who was woken since this was asked last."""
        woken, self.woken[:] = list(self.woken), []
        return woken


@pytest.fixture
def shop() -> Shop:
    """Two pools that share twelve workers."""
    return Shop(naming={ORDERS: MYSQL, REPORTS: MYSQL})


def test_nobody_grows_before_all_were_looked_at(shop: Shop) -> None:
    """What the others hold is not known until then; the last one may, and wakes those that had to wait."""
    shop.has[REPORTS] = 10

    assert shop.look(ORDERS, 5) == 0
    assert shop.look(ORDERS, 5) == 0
    assert shop.woken_since() == []
    assert shop.look(REPORTS, 10) == 7
    assert shop.woken_since() == [ORDERS]


def test_who_had_to_wait_is_told_why_it_waits_on(shop: Shop) -> None:
    """All have been looked at, so what was said of that is no longer so, although no place is free."""
    shop.has[REPORTS] = 12
    shop.look(ORDERS, 5)

    shop.look(REPORTS, 12, priority=1)

    assert shop.woken_since() == [ORDERS]


def test_a_wish_wakes_who_has_to_give_back(shop: Shop) -> None:
    """And what is given back wakes who waits for it; nobody is woken for what changes nothing for them."""
    shop.look(ORDERS, 0, priority=1)
    shop.look(REPORTS, 20)
    shop.woken_since()

    assert shop.look(ORDERS, 8, priority=1) == 0
    assert shop.woken_since() == [REPORTS]
    assert shop.look(REPORTS, 20) == 4
    assert shop.woken_since() == [], "its eight are still there"
    assert shop.look(REPORTS, 20) == 4
    assert shop.woken_since() == [ORDERS]
    assert shop.look(ORDERS, 8, priority=1) == 8
    assert shop.woken_since() == []


def test_each_is_woken_once_for_each_number(shop: Shop) -> None:
    """One that is not looked at, or cannot act, is not woken by every move of the others."""
    shop.naming[MAILS] = MYSQL
    for pool in (MAILS, ORDERS):
        shop.look(pool, 0, priority=1)
    shop.look(REPORTS, 20)
    shop.woken_since()

    for wanted, priority in ((3, 1), (3, 2), (3, 3), (4, 3)):
        shop.look(ORDERS, wanted, priority=priority)
    assert shop.woken_since() == [REPORTS, REPORTS], "once for nine and once for eight"


def test_workers_of_a_pool_that_is_gone_count_until_they_are(shop: Shop) -> None:
    """They finish their jobs, and hold their connections meanwhile."""
    shop.look(ORDERS, 8)
    shop.look(REPORTS, 4)
    shop.look(ORDERS, 8)
    shop.look(REPORTS, 20)
    shop.woken_since()

    del shop.naming[ORDERS]
    shop.budgets.keep(ORDERS, pods=3)
    assert shop.look(REPORTS, 20) == 9
    shop.woken_since()
    shop.budgets.keep(ORDERS, pods=0)
    assert shop.woken_since() == [REPORTS]
    assert shop.look(REPORTS, 20) == 12


def test_a_pool_that_is_not_understood_keeps_what_it_has(shop: Shop) -> None:
    """Nothing can be decided about it, so it is nobody else's; and it does not keep the others waiting."""
    shop.budgets.refuse(ORDERS, "mysql", pods=5)
    assert shop.look(REPORTS, 20) == 7

    shop.budgets.refuse(ORDERS, None, pods=5)
    assert shop.woken_since()[-1] == REPORTS
    assert shop.look(REPORTS, 20) == 12


def test_a_pool_that_changes_its_budget_leaves_the_other(shop: Shop) -> None:
    """What it has counts where it is now."""
    shop.look(ORDERS, 6)
    shop.look(REPORTS, 6)
    shop.look(ORDERS, 6)
    shop.look(REPORTS, 20)
    shop.woken_since()

    shop.stored[OTHER], shop.naming[ORDERS] = stored(3, key=OTHER), OTHER
    assert shop.look(ORDERS, 6) == 3
    assert shop.woken_since() == [REPORTS]
    assert [claim.member for claim in shop.budgets.claims(MYSQL)] == ["reports"]
    assert shop.budgets.view(ORDERS, None) is None
    assert shop.budgets.claims(OTHER) == ()


def test_a_budget_that_changes_concerns_all(shop: Shop) -> None:
    """They are looked at, whatever is known of them."""
    shop.budgets.touch(MYSQL)

    assert shop.woken_since() == [ORDERS, REPORTS]
    assert shop.changed == [MYSQL]


def test_without_a_budget_what_there_is_stays(shop: Shop) -> None:
    """Nothing is added, nothing taken away, and nobody is woken."""
    shop.stored.clear()
    shop.has[ORDERS] = 4
    shop.look(REPORTS, 0)
    shop.woken_since()

    assert shop.look(ORDERS, 9) == 4
    assert shop.look(ORDERS, 2) == 2
    assert shop.woken_since() == []


async def test_a_budget_says_who_has_how_much(shop: Shop) -> None:
    """The higher priority first; at a pace, and not twice the same."""
    shop.look(ORDERS, 3, priority=1)
    shop.look(REPORTS, 20)
    shop.look(ORDERS, 3, priority=1)
    await shop.reporter.reconcile(MYSQL)
    await shop.reporter.reconcile(MYSQL)

    (told,) = shop.written
    assert (told.used, told.wanted, told.members, told.summary) == (12, 23, 2, "12/12")
    assert [(each.name, each.priority, each.used, each.wanted, each.share) for each in told.pools] == [
        ("orders", 1, 3, 3, 3),
        ("reports", 0, 9, 20, 9),
    ]
    shop.look(REPORTS, 19)
    shop.now += timedelta(seconds=2)
    await shop.reporter.reconcile(MYSQL)
    assert (len(shop.written), shop.again) == (1, [timedelta(seconds=3)])
    shop.now += timedelta(seconds=3)
    await shop.reporter.reconcile(MYSQL)
    assert shop.written[-1].wanted == 22


SHARING = {
    "framework": "Laravel",
    "image": "registry.example/shop:2.4.1",
    "queues": ["default"],
    "redis": {"host": "redis"},
    "scaling": {"minReplicas": 0, "budget": {"name": "mysql"}},
}


async def test_the_reconciler_keeps_to_the_budget() -> None:
    """A pool that is not known yet keeps it from growing; afterwards it grows up to the ceiling."""
    world = LittleWorld(spec=SHARING, reading=a_backlog(ready=90), budgets={MYSQL: stored(4)})
    world.beside[MYSQL] = [REPORTS]
    operator = an_operator(world)

    await operator.reconcile(POOL.key)
    assert world.replicas == 0
    assert world.status.explanation == (
        "0 workers: 90 waiting and 0 in hand, at 10 per worker, ask for 9;"
        " none is added before all pools of budget mysql were looked at."
    )
    world.beside.clear()
    await operator.reconcile(POOL.key)
    assert world.replicas == 4
    assert world.status.summary is not None
    assert world.status.summary.status == "Starting"


async def test_a_pool_says_that_its_budget_is_missing() -> None:
    """A person has to act: the pool keeps its workers meanwhile, and a pin does not get round it."""
    spec = {**SHARING, "scaling": {**SHARING["scaling"], "replicas": 3}}
    world = LittleWorld(spec=spec, reading=a_backlog(ready=90))

    await an_operator(world).reconcile(POOL.key)

    assert world.replicas == 0
    ready = world.status.conditions[0]
    assert (ready.status, ready.reason) == ("False", "BudgetNotFound")
    assert "create it, or correct spec.scaling.budget.name" in ready.message


async def test_an_invalid_pool_counts_with_the_workers_it_has() -> None:
    """Although nothing else of its spec is understood."""
    world = LittleWorld(spec={**SHARING, "image": 5}, budgets={MYSQL: stored(4)}, running_replicas=3)
    operator = an_operator(world)

    await operator.reconcile(POOL.key)

    assert world.told_of == [MYSQL]
