"""
What the pools of each budget have and want, as they were last looked at.

Kept in memory and made anew by looking: after a start nobody grows before every
pool of its budget was looked at once.  Between the look at a budget and the note
of what was decided nothing is awaited, so that no two pools take the same place.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from queueworkers.domain.budgets import Budget, Claim, allotments, report_budget
from queueworkers.domain.identity import BudgetKey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from queueworkers.api.budget import QueueWorkerBudgetStatus
    from queueworkers.api.scaling import BudgetReference
    from queueworkers.domain.budgets import StoredBudget
    from queueworkers.domain.identity import PoolKey


WAKE_SECONDS = 0.25
"""How soon a pool is looked at because another one of its budget moved: several such moves are one look."""


class BudgetWorld(Protocol):
    """Where budgets are, and the pools that name them."""

    def budget(self, key: BudgetKey) -> StoredBudget | None:
        """Return a budget as it is known; ``None`` when there is none."""

    def members(self, key: BudgetKey) -> Collection[PoolKey]:
        """List the pools that name a budget, whatever else is wrong with them."""

    async def write_budget_status(self, budget: StoredBudget, status: QueueWorkerBudgetStatus) -> None:
        """Say who has how much; nothing happens when that very budget is gone."""


class Budgets:
    """
    The claims of all pools that share something.

    Args:
        world: Where budgets are.
        look_at: Called for a pool that would be decided differently now.
        changed: Called for a budget of which there is something new to say.
    """

    def __init__(
        self,
        world: BudgetWorld,
        *,
        look_at: Callable[[PoolKey], None],
        changed: Callable[[BudgetKey], None],
    ) -> None:
        self._world = world
        self._look_at = look_at
        self._changed = changed
        self._claims: dict[BudgetKey, dict[PoolKey, Claim]] = {}
        self._joined: dict[PoolKey, BudgetKey] = {}
        self._complete: set[BudgetKey] = set()
        self._woken: dict[PoolKey, int] = {}

    def view(self, pool: PoolKey, reference: BudgetReference | None) -> Budget | None:
        """
        Look at a pool's budget as it is at this moment; ``None`` where the pool names none.

        What is decided with it is to be noted before anything else happens.
        """
        key = BudgetKey(pool.namespace, reference.name) if reference else None
        if self._joined.get(pool) not in {None, key}:
            self._leave(pool)
        if key is None or reference is None:
            return None
        self._joined[pool] = key
        claims = self._claims.get(key, {})
        before = claims.get(pool)
        stored = self._world.budget(key)
        return Budget(
            name=key.name,
            ceiling=stored.ceiling if stored else None,
            priority=reference.priority,
            others=tuple(claim for other, claim in claims.items() if other != pool),
            unseen=self._unseen(key, but=pool),
            held_before=before.held if before else 0,
        )

    def note(self, pool: PoolKey, claim: Claim | None) -> None:
        """Keep what was decided about a pool, and have those looked at for whom it changes something."""
        key = self._joined.get(pool)
        self._woken.pop(pool, None)
        if key is None or claim is None:
            return
        claims = self._claims.setdefault(key, {})
        if claims.get(pool) == claim:
            return
        claims[pool] = claim
        self._wake(key, but=pool)
        self._changed(key)

    def keep(self, pool: PoolKey, *, pods: int) -> None:
        """
        Count what is left of a pool that is gone, or about which nothing can be decided.

        Args:
            pool: Which one.
            pods: Workers of its that still exist; with none it is forgotten.
        """
        if not pods:
            self._leave(pool)
            return
        if pool in self._joined:
            claim = Claim(
                member=pool.name, priority=0, minimum=0, wanted=0, asked=0, held=pods, movable=False
            )
            self.note(pool, claim)

    def refuse(self, pool: PoolKey, name: str | None, *, pods: int) -> None:
        """Count the workers of a pool that is not understood, and may name a budget: as many as there are stay."""
        if name is None:
            self._leave(pool)
            return
        self._joined[pool] = BudgetKey(pool.namespace, name)
        claim = Claim(
            member=pool.name, priority=0, minimum=0, wanted=pods, asked=pods, held=pods, movable=False
        )
        self.note(pool, claim)

    def touch(self, key: BudgetKey) -> None:
        """Have all looked at that name a budget, as it came, went or changed."""
        for pool in self._world.members(key):
            self._look_at(pool)
        self._changed(key)

    def claims(self, key: BudgetKey) -> tuple[Claim, ...]:
        """Return what is known of the members of a budget."""
        return tuple(self._claims.get(key, {}).values())

    def _leave(self, pool: PoolKey) -> None:
        self._woken.pop(pool, None)
        key = self._joined.pop(pool, None)
        if key is None:
            return
        claims = self._claims.get(key, {})
        if claims.pop(pool, None):
            self._wake(key, but=pool)
            self._changed(key)
        if not claims:
            self._claims.pop(key, None)
            self._complete.discard(key)  # whoever comes back to it, such as with its shard, may bring others

    def _unseen(self, key: BudgetKey, *, but: PoolKey) -> tuple[str, ...]:
        """
        Name the members at which nobody has looked yet.

        Only until all were: one that is created later has no workers, and one
        that joins with some is looked at because it was edited.
        """
        if key in self._complete:
            return ()
        known = self._claims.get(key, {})
        return tuple(
            sorted(pool.name for pool in self._world.members(key) if pool not in known and pool != but)
        )

    def _wake(self, key: BudgetKey, *, but: PoolKey) -> None:
        """
        Have those looked at that would ask for another number now.

        Each once for each number: one that cannot have it, as the cluster
        refuses, would be woken by every move of the others.  And all of them when
        the last one was looked at, as until then nobody was told more than to wait.
        """
        if self._unseen(key, but=but):
            return
        completes = key not in self._complete
        self._complete.add(key)
        stored, claims = self._world.budget(key), self._claims.get(key, {})
        if stored is None or stored.ceiling is None:
            return
        possible = allotments(stored.ceiling, tuple(claims.values()))
        for pool, claim in claims.items():
            if pool == but or not claim.movable:
                continue
            number = min(claim.wanted, possible[claim.member])
            if completes or number not in {claim.asked, self._woken.get(pool)}:
                self._woken[pool] = number
                self._look_at(pool)


class BudgetReporter:
    """
    Says of each budget who has how much, at a pace.

    Args:
        world: Where budgets are.
        budgets: What is known of their members.
        clock: Tells the time, timezone-aware.
        look_again: Called to have a budget looked at after a while.
        pace: At least so long between two writes about one budget.
    """

    def __init__(
        self,
        world: BudgetWorld,
        budgets: Budgets,
        *,
        clock: Callable[[], datetime],
        look_again: Callable[[BudgetKey, timedelta], None],
        pace: timedelta,
    ) -> None:
        self._world = world
        self._budgets = budgets
        self._clock = clock
        self._look_again = look_again
        self._pace = pace
        self._written_at: dict[BudgetKey, datetime] = {}

    async def reconcile(self, key: BudgetKey) -> None:
        """Say where one budget stands, if that is news and the last news is old enough."""
        stored = self._world.budget(key)
        if stored is None:
            self._written_at.pop(key, None)
            return
        status = report_budget(stored, self._budgets.claims(key))
        if status == stored.status:
            return
        now = self._clock()
        wait = self._written_at.get(key, now - self._pace) + self._pace - now
        if wait > timedelta(0):
            self._look_again(key, wait)
            return
        await self._world.write_budget_status(stored, status)
        self._written_at[key] = now
