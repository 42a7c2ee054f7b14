"""Whatever is known of the pods, the ReplicaSet controller takes those that were chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from queueworkers.domain.leaving import Stake, mark_leavers
from unit.domain.given import NOON, a_pod, ago

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from queueworkers.domain.workers import WorkerPod

STAKES = st.builds(Stake, st.booleans(), st.integers(0, 3))


@st.composite
def pods(draw: st.DrawFn) -> list[WorkerPod]:
    """Up to eight pods, with marks of an earlier choice and costs of somebody else's."""
    made = []
    for number in range(draw(st.integers(1, 8))):
        others = draw(st.booleans())
        made.append(
            a_pod(
                f"p{number}",
                ready=draw(st.booleans()),
                created_at=ago(draw(st.integers(0, 200))),
                addresses=(f"10.0.0.{number}",),
                deletion_cost=draw(st.integers(-3, 3).filter(bool)) if others else draw(st.integers(-3, 3)),
                priced_by_others=others,
            )
        )
    return made


def stakes_of(draw: st.DataObject, made: Sequence[WorkerPod]) -> Mapping[str, Stake]:
    """Of some of them it is known what they have in hand."""
    drawn = {pod.addresses[0]: draw.draw(st.none() | STAKES) for pod in made}
    return {address: stake for address, stake in drawn.items() if stake}


def marked(made: Sequence[WorkerPod], costs: Mapping[str, int | None]) -> list[WorkerPod]:
    """The pods as they are when that is written."""
    return [replace(pod, deletion_cost=costs.get(pod.name, pod.deletion_cost) or 0) for pod in made]


def taken(made: Sequence[WorkerPod], leaving: int, draw: st.DataObject) -> list[WorkerPod]:
    """Choose as the ReplicaSet controller does, and whatever it falls on where the cost does not tell."""
    shuffled = draw.draw(st.permutations(made))
    return sorted(shuffled, key=lambda pod: (pod.ready, pod.deletion_cost))[:leaving]


@given(pods(), st.integers(-1, 9), st.data())
def test_who_leaves_has_less_to_lose_than_who_stays(
    made: list[WorkerPod], leaving: int, data: st.DataObject
) -> None:
    """Among the ready ones of which it is known, and whose cost nobody else has set."""
    stakes = stakes_of(data, made)
    after = marked(made, mark_leavers(made, leaving, stakes=stakes, now=NOON))

    gone = {pod.name for pod in taken(after, max(leaving, 0), data)}

    free = [pod for pod in after if pod.ready and not pod.priced_by_others]
    for leaver in (pod for pod in free if pod.name in gone):
        for stayer in (pod for pod in free if pod.name not in gone):
            lost, kept = (stakes.get(pod.addresses[0]) for pod in (leaver, stayer))
            assert lost is None or kept is None or lost <= kept


@given(pods(), st.integers(1, 8), st.data())
def test_nothing_is_left_to_chance(made: list[WorkerPod], leaving: int, data: st.DataObject) -> None:
    """Where the choice is the operator's, the same pods are taken whatever else the controller looks at."""
    priced = any(pod.priced_by_others for pod in made)
    after = marked(made, mark_leavers(made, leaving, stakes=stakes_of(data, made), now=NOON))

    first, second = ({pod.name for pod in taken(after, leaving, data) if pod.ready} for _ in range(2))

    assert first == second or priced or leaving <= sum(not pod.ready for pod in made)


@given(pods(), st.integers(-1, 9), st.data())
def test_a_choice_is_written_once_and_cheaply(
    made: list[WorkerPod], leaving: int, data: st.DataObject
) -> None:
    """Repeating it writes nothing; and never more is written than the smaller side, and what would mislead."""
    stakes = stakes_of(data, made)
    costs = mark_leavers(made, leaving, stakes=stakes, now=NOON)

    assert mark_leavers(marked(made, costs), leaving, stakes=stakes, now=NOON) == {}
    assert not any(pod.priced_by_others for pod in made if pod.name in costs)
    smaller = min(leaving, len(made) - leaving)
    misleading = sum(pod.deletion_cost != 0 and not pod.priced_by_others for pod in made)
    assert len(costs) <= max(smaller, 0) + misleading
