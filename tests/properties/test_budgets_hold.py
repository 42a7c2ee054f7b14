"""Pools that share a ceiling keep to it, in whatever order they are looked at and however slowly others leave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from queueworkers.domain.budgets import (
    Budget,
    Claim,
    claim_of,
    count_held,
    limit_to_budget,
    settle_claim,
    share_out,
)
from queueworkers.domain.scaling import Step
from unit.domain.given import a_pod, some_workers

if TYPE_CHECKING:
    from queueworkers.domain.workers import Workers

CEILINGS = st.integers(0, 30)
WISHES = st.integers(0, 20)


@st.composite
def claims(draw: st.DrawFn) -> tuple[Claim, ...]:
    """Any claims of up to five members."""
    return tuple(
        Claim(
            member=f"m{number}",
            priority=draw(st.integers(0, 2)),
            minimum=draw(st.integers(0, 5)),
            wanted=draw(WISHES),
            asked=(asked := draw(WISHES)),
            held=asked + draw(st.integers(0, 5)),
            movable=draw(st.sampled_from([True, True, True, False])),
        )
        for number in range(draw(st.integers(1, 5)))
    )


@given(CEILINGS, claims())
def test_a_division_is_whole_and_fair(ceiling: int, asking: tuple[Claim, ...]) -> None:
    """Nothing is left while somebody wants; who comes first is content before others have more than their minimum."""
    shares = share_out(ceiling, asking)

    movable = [claim for claim in asking if claim.movable]
    left = max(ceiling - sum(claim.held for claim in asking if not claim.movable), 0)
    assert sum(shares[claim.member] for claim in movable) == min(left, sum(each.wanted for each in movable))
    for one in movable:
        share, least = shares[one.member], min(one.minimum, one.wanted)
        assert 0 <= share <= one.wanted
        if share == one.wanted:
            continue
        for other in movable:
            theirs, their_least = shares[other.member], min(other.minimum, other.wanted)
            if other.priority < one.priority:
                assert theirs <= their_least, "a lower one has more than its minimum"
                assert share >= least or theirs == 0, "a lower minimum came first"
            elif other.priority == one.priority:
                assert theirs <= max(share + 1, their_least), "an equal one has more"


@given(CEILINGS, claims())
def test_the_order_of_members_does_not_matter(ceiling: int, asking: tuple[Claim, ...]) -> None:
    """Everybody comes to the same division."""
    assert share_out(ceiling, asking) == share_out(ceiling, reversed(asking))


@given(CEILINGS, claims())
def test_a_division_does_not_move_with_the_workers(ceiling: int, asking: tuple[Claim, ...]) -> None:
    """It follows from what is wanted, not from what there is: so nobody is sent to and fro."""
    moved = tuple(replace(claim, asked=0, held=0) if claim.movable else claim for claim in asking)
    assert share_out(ceiling, moved) == share_out(ceiling, asking)


@dataclass(kw_only=True)
class Member:
    """One pool in a world without time: what it asks for, and the pods that there are."""

    name: str
    priority: int
    minimum: int
    wanted: int
    asked: int = 0
    staying: int = 0
    draining: int = 0
    generation: int = 0
    """Of the Deployment: how often another number was asked for."""
    observed_generation: int = 0
    """The one that the Deployment controller has acted upon."""
    seen: tuple[int, int, int] = (0, 0, 0)
    """Staying and leaving pods, and the generation acted upon, as the watches have told them."""
    claim: Claim | None = None

    @property
    def exists(self) -> int:
        """Pods, those that leave included."""
        return self.staying + self.draining

    def act(self) -> None:
        """Let the Deployment controller do what was asked for, all at once."""
        self.draining += max(self.staying - self.asked, 0)
        self.staying = self.asked
        self.observed_generation = self.generation

    def see(self) -> None:
        """Let the watches tell how it is."""
        self.seen = (self.staying, self.draining, self.observed_generation)

    def workers(self) -> Workers:
        """Show what a look at the cluster would."""
        staying, draining, observed_generation = self.seen
        pods = [a_pod(f"{self.name}-{number}") for number in range(staying)]
        leavers = [a_pod(f"{self.name}-l{number}", terminating=True) for number in range(draining)]
        return some_workers(
            self.asked,
            pods=(*pods, *leavers),
            generation=self.generation,
            observed_generation=observed_generation,
        )


def look(member: Member, everybody: list[Member], ceiling: int) -> None:
    """Decide about one, with what is known of the others."""
    unseen = tuple(each.name for each in everybody if each.claim is None and each is not member)
    budget = Budget(
        name="mysql",
        ceiling=ceiling,
        priority=member.priority,
        others=tuple(each.claim for each in everybody if each.claim and each is not member),
        unseen=unseen,
        held_before=member.claim.held if member.claim else 0,
    )
    workers = member.workers()
    claim = claim_of(member.name, budget, workers, minimum=member.minimum, wanted=member.wanted, movable=True)
    step = limit_to_budget(Step(replicas=member.wanted), claim, budget)
    member.claim = settle_claim(claim, workers, asked=step.replicas)
    if step.replicas != member.asked:
        member.asked, member.generation = step.replicas, member.generation + 1


def members(draw: st.DrawFn) -> list[Member]:
    """Make two to four pools without workers."""
    return [
        Member(
            name=f"m{number}",
            priority=draw(st.integers(0, 1)),
            minimum=draw(st.integers(0, 3)),
            wanted=draw(WISHES),
        )
        for number in range(draw(st.integers(2, 4)))
    ]


def test_what_is_held_may_come_to_exist() -> None:
    """Three leave, two are there and four are asked for: seven, and as many while four are there and two are asked for."""
    leavers = [a_pod(f"l{number}", terminating=True) for number in range(3)]
    pods = [a_pod(f"w{number}") for number in range(4)]
    gone = [a_pod("evicted", ready=False, ended=True)]

    assert count_held(some_workers(4, pods=(*leavers, *pods[:2], *gone)), 4) == 7
    assert count_held(some_workers(2, pods=(*leavers, *pods)), 2) == 7
    assert count_held(None, 0) == 0


def test_a_number_that_was_lowered_is_held_until_that_was_acted_upon() -> None:
    """The Deployment controller may have made the workers of the number before, and nobody has seen them yet."""
    one, other = (
        Member(name="one", priority=0, minimum=0, wanted=5),
        Member(name="other", priority=0, minimum=0, wanted=0),
    )
    everybody = [one, other]
    for each in (other, one):
        look(each, everybody, 5)
    one.act()

    one.wanted, other.wanted = 0, 5
    for each in (one, one, other):
        look(each, everybody, 5)
    assert (one.asked, one.exists, other.asked) == (0, 5, 0)

    one.act()
    one.draining = 0
    one.see()
    for each in (one, other):
        look(each, everybody, 5)
    assert other.asked == 5


HAPPENINGS = ["look", "look", "look", "act", "act", "see", "see", "wish", "leave", "restart"]


@settings(max_examples=300)
@given(st.data(), st.integers(1, 8))
def test_there_are_never_more_than_the_ceiling(data: st.DataObject, ceiling: int) -> None:
    """
    Pools look, wish for another number, start workers and lose them in any order, and the operator starts anew.

    What happens is seen later, whenever that is.

    What may exist without another decision is within the ceiling too.
    """
    everybody = members(data.draw)
    for _ in range(data.draw(st.integers(1, 60))):
        member = data.draw(st.sampled_from(everybody))
        match data.draw(st.sampled_from(HAPPENINGS)):
            case "look":
                look(member, everybody, ceiling)
            case "act":
                member.act()
            case "see":
                member.see()
            case "wish":
                member.wanted = data.draw(st.sampled_from([0, 2, 20]))
            case "leave":
                member.draining = max(member.draining - 1, 0)
            case "restart":
                for each in everybody:  # it begins with complete lists
                    each.claim = None
                    each.see()
        assert sum(each.exists for each in everybody) <= ceiling
        assert sum(each.draining + max(each.asked, each.staying) for each in everybody) <= ceiling


@given(st.data(), CEILINGS, CEILINGS)
def test_it_settles_as_divided(data: st.DataObject, before: int, ceiling: int) -> None:
    """
    After any past, under another ceiling, four rounds of looks bring everybody what the division says.

    One in which the wishes become known, one in which some give back, one in which it is seen that those are gone.
    """
    everybody = members(data.draw)
    for limit in (before, ceiling):
        for each in everybody:
            each.wanted = data.draw(WISHES)
        for _ in range(4):
            for each in data.draw(st.permutations(everybody)):
                look(each, everybody, limit)
            for each in everybody:
                each.act()
                each.draining = 0
                each.see()

    shares = share_out(ceiling, [each.claim for each in everybody if each.claim])
    assert {each.name: each.staying for each in everybody} == shares


@given(st.data(), CEILINGS)
def test_nobody_waits_for_one_who_stays(data: st.DataObject, ceiling: int) -> None:
    """
    Once all wishes are known and each was looked at, nobody asks for more than is due to it.

    So a higher priority waits only for workers that are on their way out.
    """
    everybody = members(data.draw)
    for _ in range(2):
        for each in everybody:
            each.wanted = data.draw(WISHES)
        for _ in range(2):
            for each in data.draw(st.permutations(everybody)):
                look(each, everybody, ceiling)

    known = [each.claim for each in everybody if each.claim]
    shares = share_out(ceiling, known)
    for each in everybody:
        assert each.asked <= shares[each.name]
        assert each.asked == shares[each.name] or sum(claim.held for claim in known) >= ceiling
