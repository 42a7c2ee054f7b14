"""What holds for every decision, whatever the pool, the backlog and the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import assume, given
from hypothesis import strategies as st

from properties.given import backlogs, histories, observations, scalings, specs
from queueworkers.domain.backlog import Backlog, UnknownBacklog
from queueworkers.domain.decision import Basis, Decision
from queueworkers.domain.scaling import Limiter
from queueworkers.frameworks.base import Hold
from unit.domain.given import NOON, UNKNOWN, a_spec, an_observation, decided, some_workers

if TYPE_CHECKING:
    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.domain.observation import Observation
    from queueworkers.domain.scaling import History


def applied(observation: Observation, decision: Decision) -> Observation:
    """What is seen when a decision has been carried out."""
    workers = observation.workers or some_workers(0, created_at=NOON)
    desired = workers.desired if decision.hands_off and observation.workers else decision.replicas
    return replace(
        observation,
        workers=replace(workers, desired=desired, restart_marker=decision.wish.restart.marker),
    )


@given(specs(), observations(), histories())
def test_the_number_is_within_bounds_or_somebody_else_s(
    spec: QueueWorkerPoolSpec, observation: Observation, history: History
) -> None:
    """Outside of them only where the user said so, or where it is not written at all."""
    decision = decided(spec, observation, history, now=NOON)

    if decision.basis in {Basis.BACKLOG, Basis.UNKNOWN}:
        assert spec.scaling.min_replicas <= decision.replicas <= spec.scaling.max_replicas
        assert not decision.hands_off
    elif decision.basis is Basis.SUSPENDED:
        assert (decision.replicas, decision.hands_off) == (0, False)
    elif decision.basis is Basis.PINNED:
        assert (decision.replicas, decision.hands_off) == (spec.scaling.replicas, False)
    else:
        assert decision.hands_off


@given(scalings(), backlogs(), st.integers(0, 200), st.integers(0, 50), histories())
def test_more_work_never_asks_for_fewer_workers(
    scaling: dict[str, Any], backlog: Backlog, more: int, current: int, history: History
) -> None:
    """Neither recommended nor decided."""
    first, *others = backlog.queues
    larger = replace(backlog, queues=(replace(first, ready=first.ready + more), *others))
    spec = a_spec(scaling=scaling)

    less, much = (
        decided(spec, an_observation(reading, workers=current), history, now=NOON)
        for reading in (backlog, larger)
    )

    assert less.replicas <= much.replicas
    assert less.recommended is not None
    assert much.recommended is not None
    assert less.recommended <= much.recommended


@given(specs(), observations(), histories())
def test_the_same_question_has_the_same_answer(
    spec: QueueWorkerPoolSpec, observation: Observation, history: History
) -> None:
    """A decision depends on nothing but what it is given, and asking again at the same instant adds nothing."""
    first = decided(spec, observation, history, now=NOON)

    assert decided(spec, observation, history, now=NOON) == first
    assert decided(spec, observation, first.history, now=NOON) == first


@given(specs(), observations(), histories())
def test_what_was_carried_out_is_decided_again(
    spec: QueueWorkerPoolSpec, observation: Observation, history: History
) -> None:
    """
    Deciding about the result of a decision changes no worker and restarts nothing.

    What is in hand beyond the workers there are counts for nothing until there
    are more of them, so only jobs in the pool's own hands are looked at here.
    """
    current = observation.workers.desired if observation.workers else 0
    reading = observation.reading
    assume(not isinstance(reading, Backlog) or reading.in_hand <= current)
    first = decided(spec, observation, history, now=NOON)

    second = decided(spec, applied(observation, first), first.history, now=NOON)

    assert second.replicas == first.replicas
    assert (second.wish.restart.marker, second.wish.restart.due) == (first.wish.restart.marker, False)


@given(scalings(), st.integers(0, 60), histories())
def test_not_knowing_moves_no_worker(scaling: dict[str, Any], current: int, history: History) -> None:
    """But the user's own bounds do."""
    spec = a_spec(scaling=scaling)

    decision = decided(spec, an_observation(UNKNOWN, workers=current), history, now=NOON)

    bounded = min(max(current, spec.scaling.min_replicas), spec.scaling.max_replicas)
    assert (decision.replicas, decision.recommended) == (bounded, None)
    assert replace(decision.history, changes=()) == history


@given(scalings(), backlogs(), st.integers(0, 50), histories())
def test_nobody_with_a_job_in_hand_is_sent_away(
    scaling: dict[str, Any], backlog: Backlog, current: int, history: History
) -> None:
    """Which worker would have to leave is not known, so all stay that may be busy; only a bound outranks that."""
    spec = a_spec(scaling=scaling)

    decision = decided(spec, an_observation(backlog, workers=current), history, now=NOON)

    assert decision.replicas >= min(backlog.in_hand, current, spec.scaling.max_replicas)


@given(scalings(), backlogs(), st.integers(0, 50), histories())
def test_work_is_never_met_by_zero(
    scaling: dict[str, Any], backlog: Backlog, current: int, history: History
) -> None:
    """Waiting jobs wake a pool, at once where no window of the user's asks to wait."""
    scaling["behavior"]["scaleUp"]["stabilizationWindowSeconds"] = 0

    decision = decided(a_spec(scaling=scaling), an_observation(backlog, workers=current), history, now=NOON)

    assert decision.replicas > 0 or backlog.waiting == 0


@given(scalings(), backlogs(), st.integers(0, 50), histories())
def test_a_held_number_says_when_it_may_change(
    scaling: dict[str, Any], backlog: Backlog, current: int, history: History
) -> None:
    """Nothing else might happen until then, and the pool would be held for ever."""
    spec = a_spec(scaling=scaling)
    decision = decided(spec, an_observation(backlog, workers=current), history, now=NOON)

    if decision.limiter in {Limiter.STABILISATION, Limiter.COOLDOWN, Limiter.STEP_UP, Limiter.STEP_DOWN}:
        assert decision.revisit_at is not None
    if decision.revisit_at is not None:
        assert NOON < decision.revisit_at <= NOON + timedelta(seconds=300)


@given(scalings(), backlogs(), st.integers(0, 50), histories())
def test_left_alone_it_settles(
    scaling: dict[str, Any], backlog: Backlog, current: int, history: History
) -> None:
    """With a backlog that stays, each look at the moment that was named leads to an end, and there it is as asked."""
    spec = a_spec(scaling=scaling)
    observation, now = an_observation(backlog, workers=current), NOON
    for _ in range(40):
        decision = decided(spec, observation, history, now=now)
        observation, history = applied(observation, decision), decision.history
        if decision.revisit_at is None:
            break
        now = decision.revisit_at

    assert decision.revisit_at is None
    assert decision.limiter in {Limiter.NONE, Limiter.MINIMUM, Limiter.MAXIMUM}
    assert decision.recommended is not None
    expected = min(max(decision.recommended, spec.scaling.min_replicas), spec.scaling.max_replicas)
    assert decision.replicas == expected


@given(specs(), observations(), histories())
def test_history_is_only_made_of_readings(
    spec: QueueWorkerPoolSpec, observation: Observation, history: History
) -> None:
    """And its window bounds it."""
    decision = decided(spec, observation, history, now=NOON)

    if isinstance(observation.reading, UnknownBacklog):
        assert replace(decision.history, changes=()) == history
    else:
        assert decision.history.recommendations[-1].replicas == decision.recommended
        assert decision.history.recommendations[-1].until == NOON


@given(scalings(), backlogs(), st.sets(st.sampled_from(["q0", "q1", "q2"])), st.integers(0, 50), histories())
def test_a_held_queue_counts_as_one_in_which_nothing_waits(
    scaling: dict[str, Any], backlog: Backlog, held: set[str], current: int, history: History
) -> None:
    """Whatever waits in it; what is in hand counts, and so does every other queue."""
    emptied = tuple(
        replace(queue, ready=0, due=0, delayed=0, reserved=queue.in_hand, expired=0)
        if queue.name in held
        else queue
        for queue in backlog.queues
    )
    spec, holds = a_spec(scaling=scaling), dict.fromkeys(held, Hold.PAUSED)

    paused, without = (
        decided(spec, an_observation(reading, workers=current, holds=holds), history, now=NOON)
        for reading in (backlog, replace(backlog, queues=emptied))
    )

    assert (paused.recommended, paused.replicas) == (without.recommended, without.replicas)
