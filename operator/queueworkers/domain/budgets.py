"""
How pools share a ceiling, such as the connections that a database allows.

The operator looks at one pool at a time, and each decides for itself, with what
is known of the others.  Two things make that safe.  What a pool is entitled to
follows from all claims alone, so everybody comes to the same division.  And a
pool grows only into what is free at that moment, where whatever exists counts,
workers that finish their last job included: so the sum stays within the ceiling,
in whatever order pools are looked at, and however long others take to leave.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from queueworkers.api.budget import MAX_MEMBERS_TOLD, MemberStatus, QueueWorkerBudgetStatus
from queueworkers.domain.scaling import Limiter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from queueworkers.domain.identity import BudgetKey
    from queueworkers.domain.scaling import Step
    from queueworkers.domain.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one pool has of a budget, and what it would like to have."""

    member: str
    """The pool's name."""
    priority: int
    """Higher ones come first."""
    minimum: int
    """Its own minimum at this moment, which is served before anybody's further wishes."""
    wanted: int
    """Workers that it would ask for if there were no budget."""
    asked: int
    """Workers that it asks for at present."""
    held: int
    """Workers that exist or may come to exist without another decision, those that leave included."""
    movable: bool = True
    """False where somebody else sets the number: what it holds is not there to be shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A budget as one of its members sees it."""

    name: str
    ceiling: int | None
    """Workers of all members together; ``None`` where there is no budget of that name."""
    priority: int = 0
    """The member's own."""
    others: tuple[Claim, ...] = ()
    unseen: tuple[str, ...] = ()
    """Members at which nobody has looked since the operator started: what they hold is not known."""
    held_before: int = 0
    """What the member itself held when it was last looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBudget:
    """A QueueWorkerBudget as its author and the operator wrote it."""

    key: BudgetKey
    uid: str
    generation: int
    ceiling: int | None
    """``None`` where it was stored under another version of the CRD and cannot be understood."""
    status: QueueWorkerBudgetStatus
    """What the operator said last; empty for a new one."""


def count_held(workers: Workers | None, asked: int) -> int:
    """
    Count what a pool holds once it asks for so many workers.

    That is those that leave and those that stay; where the cluster has not come
    round to creating some, they are counted already.  Pods that wait at a gate
    are, too: it may be opened at any time.
    """
    pods = [pod for pod in workers.pods if not pod.ended] if workers else []
    staying = sum(not pod.terminating for pod in pods)
    return len(pods) - staying + max(asked, staying)


def claim_of(
    member: str,
    budget: Budget,
    workers: Workers | None,
    *,
    minimum: int,
    wanted: int,
    movable: bool,
) -> Claim:
    """
    Make a pool's claim on its budget.

    Until the Deployment controller has acted upon the latest number, as many
    workers as before may exist or be about to, although nobody asks for them any more.
    """
    asked = workers.desired if workers else 0
    held = count_held(workers, asked)
    if workers and workers.observed_generation < workers.generation:
        held = max(held, budget.held_before)
    return Claim(
        member=member,
        priority=budget.priority,
        minimum=minimum,
        wanted=wanted,
        asked=asked,
        held=held,
        movable=movable,
    )


def settle_claim(claim: Claim, workers: Workers | None, *, asked: int) -> Claim:
    """Tell what a claim becomes by a decision: growth is held from now on, and what leaves until it is gone."""
    return replace(claim, asked=asked, held=max(claim.held, count_held(workers, asked)))


def limit_to_budget(step: Step, claim: Claim, budget: Budget) -> Step:
    """Ask for no more than a pool's allotment; whoever has more gives it back, each worker after its job."""
    allotment = allot(claim, budget)
    return replace(step, replicas=allotment, limiter=Limiter.BUDGET) if step.replicas > allotment else step


def allot(claim: Claim, budget: Budget) -> int:
    """
    Tell how many workers a pool may ask for now.

    What it has where that is not known: the budget does not exist, or
    another's workers were not counted yet.
    """
    if budget.ceiling is None or budget.unseen:
        return claim.asked
    return allotments(budget.ceiling, (claim, *budget.others))[claim.member]


def allotments(ceiling: int, claims: Sequence[Claim]) -> Mapping[str, int]:
    """
    Tell how many workers each pool may ask for if it is the one that decides now.

    Up to its share, and as far as there is a place: what any of them takes is
    held from then on, so these numbers are not for two of them at a time.
    """
    shares = share_out(ceiling, claims)
    free = max(ceiling - sum(claim.held for claim in claims), 0)
    return {claim.member: min(shares[claim.member], claim.asked + free) for claim in claims}


def share_out(ceiling: int, claims: Iterable[Claim]) -> Mapping[str, int]:
    """
    Divide a ceiling: minima first and then wishes, each by priority.

    Among equals nobody gets more than another who still wants, and what cannot
    be divided goes by name.  Depends on nothing but the claims' own wishes, so
    that the division stays the same while workers come and go.

    Args:
        ceiling: To be divided; what immovable members hold comes off it first.
        claims: One for each member, in any order.

    Returns:
        A number for each member, none above what it wants.  Their sum is at most
        *ceiling*, unless immovable members alone hold more.
    """
    claims = tuple(claims)
    shares = {claim.member: 0 if claim.movable else claim.held for claim in claims}
    left = max(ceiling - sum(shares.values()), 0)
    movable = [claim for claim in claims if claim.movable]
    for upto in (
        {claim.member: min(claim.minimum, claim.wanted) for claim in movable},
        {claim.member: claim.wanted for claim in movable},
    ):
        by_priority = defaultdict(list)
        for claim in movable:
            by_priority[claim.priority].append(claim.member)
        for priority in sorted(by_priority, reverse=True):
            members = by_priority[priority]
            given = _level(left, {each: shares[each] for each in members}, upto)
            left -= sum(given[each] - shares[each] for each in members)
            shares |= given
    return shares


def _level(left: int, have: Mapping[str, int], upto: Mapping[str, int]) -> dict[str, int]:
    """
    Raise equals to one level, as water finds it: who has the least comes first, up to what it wants.

    Args:
        left: How much there is to be given.
        have: What each has already.
        upto: What each wants in all.
    """
    have, wanting = dict(have), sorted(name for name in have if have[name] < upto[name])
    while left and wanting:
        low = min(have[name] for name in wanting)
        lowest = [name for name in wanting if have[name] == low]
        # As far as the first of them is content or meets the next, where all of them can go.
        goals = [upto[name] for name in lowest] + [have[name] for name in wanting if have[name] > low]
        rise = min(min(goals) - low, left // len(lowest))
        for name in lowest if rise else lowest[:left]:
            have[name] += rise or 1
        left -= rise * len(lowest) or min(left, len(lowest))
        wanting = [name for name in wanting if have[name] < upto[name]]
    return have


def report_budget(stored: StoredBudget, claims: Sequence[Claim]) -> QueueWorkerBudgetStatus:
    """Say who has how much of a budget, by the *claims* that are known, in any order."""
    shares = share_out(stored.ceiling or 0, claims)
    used = sum(claim.held for claim in claims)
    order = sorted(claims, key=lambda claim: (-claim.priority, claim.member))
    return QueueWorkerBudgetStatus(
        observed_generation=stored.generation,
        used=used,
        wanted=sum(claim.wanted for claim in claims),
        members=len(claims),
        summary=f"{used}/{stored.ceiling}",
        pools=tuple(
            MemberStatus(
                name=claim.member,
                priority=claim.priority,
                used=claim.held,
                wanted=claim.wanted,
                share=shares[claim.member],
            )
            for claim in order[:MAX_MEMBERS_TOLD]
        ),
    )
