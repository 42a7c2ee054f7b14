"""Never more pods than `maxConcurrent`, and no rollout that waits for ever, whatever the Deployment controller does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from properties.simulated_deployment import SimulatedDeployment
from queueworkers.domain.capacity import count_workers, gates_to_open
from unit.domain.given import a_pod, ago, some_workers

if TYPE_CHECKING:
    from queueworkers.domain.workers import WorkerPod

CEILINGS = st.integers(2, 8)


@st.composite
def pods(draw: st.DrawFn) -> list[WorkerPod]:
    """Any pods: waiting, starting, at work and leaving, of two templates."""
    return [
        a_pod(
            f"p{number}",
            gated=(gated := draw(st.booleans())),
            ready=not gated and draw(st.booleans()),
            terminating=draw(st.booleans()),
            revision=draw(st.sampled_from(["old", "new"])),
            created_at=ago(draw(st.integers(0, 50))),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


@given(pods(), CEILINGS)
def test_every_place_is_given_and_none_twice(some: list[WorkerPod], ceiling: int) -> None:
    """As many start as there are places, and nobody where there are too many already."""
    workers = some_workers(3, revision="new", pods=tuple(some))

    names = gates_to_open(workers, ceiling)

    holding = sum(not pod.gated for pod in workers.pods)
    waiting = {pod.name: pod for pod in workers.pods if pod.gated and not pod.terminating}
    assert len(names) == len(set(names)) == min(len(waiting), max(ceiling - holding, 0))
    assert set(names) <= set(waiting)
    chosen = [waiting.pop(name) for name in names]
    assert not any(pod.revision == "old" for pod in chosen) or all(
        pod.revision == "old" for pod in waiting.values()
    )
    assert set(gates_to_open(workers, None)) == {pod.name for pod in (*chosen, *waiting.values())}


@given(pods(), st.integers(0, 12))
def test_each_pod_is_counted_once(some: list[WorkerPod], desired: int) -> None:
    """The sum is what exists."""
    counts = count_workers(some, desired=desired)

    each = (counts.working, counts.starting, counts.waiting, counts.draining)
    assert sum(count or 0 for count in each) == len(some)
    assert counts.surge == max(len(some) - (counts.draining or 0) - desired, 0)


EVENTS = st.one_of(
    st.tuples(st.just("template"), st.just(0)),
    st.tuples(st.just("desired"), st.integers(0, 7)),
    st.tuples(st.just("away"), st.integers(1, 20)),
    st.tuples(st.just("time"), st.integers(1, 30)),
)


@settings(max_examples=200)
@given(
    CEILINGS,
    st.integers(1, 7),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 60),
    st.lists(EVENTS, max_size=12),
)
def test_rollouts_complete_below_the_ceiling(
    ceiling: int,
    desired: int,
    max_surge: int,
    boot_seconds: int,
    drain_seconds: int,
    events: list[tuple[str, int]],
) -> None:
    """New templates on top of each other, growth and shrinking, workers that drain for long, an operator that is away."""
    pool = SimulatedDeployment(
        desired=min(desired, ceiling - 1),
        ceiling=ceiling,
        max_surge=max_surge,
        boot_seconds=boot_seconds,
        drain_seconds=drain_seconds,
    )

    def pass_time(seconds: int, *, operator_looks: bool = True) -> None:
        for _ in range(seconds):
            pool.step(operator_looks=operator_looks)
            assert pool.holding() <= ceiling

    pass_time(5)
    for kind, value in events:
        match kind:
            case "template":
                pool.revision += 1
            case "desired":
                pool.desired = min(value, ceiling - 1)
            case "away":
                pass_time(value, operator_looks=False)
            case _:
                pass_time(value)
    # One after the other in the worst case, those included that were on their way to be replaced before.
    pass_time((ceiling + 2) * (drain_seconds + boot_seconds + 5))
    assert pool.is_done()
