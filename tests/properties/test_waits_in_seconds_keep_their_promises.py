"""What holds for every pool whose target is a wait in seconds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from properties.given import JOBS
from queueworkers.domain.backlog import Backlog, Tally, Upcoming, Wait
from queueworkers.domain.crew import Crew
from queueworkers.domain.learning import Arrivals, Learned, QueueFlow
from queueworkers.domain.replicas import Sizing, decide_replicas
from queueworkers.domain.scaling import History, Limiter
from unit.domain.given import NOON, UNKNOWN, a_queue, a_spec, ago, watched

if TYPE_CHECKING:
    from queueworkers.api.scaling import ScalingSpec
    from queueworkers.domain.backlog import QueueBacklog

NAMES = ("q0", "q1", "q2")
MOST_STEPS = 40
"""From nobody to two hundred workers or back; about thirty were seen."""

TIMES = st.floats(0.01, 300.0)


@st.composite
def waits(draw: st.DrawFn) -> ScalingSpec:
    """Any bounds, windows and waits that the API server accepts."""
    minimum = draw(st.integers(0, 20))
    windows = st.none() | st.sampled_from([0, 30, 300])
    scaling: dict[str, Any] = {
        "minReplicas": minimum,
        "maxReplicas": draw(st.integers(max(minimum, 1), 200)),
        "waitSeconds": draw(st.integers(1, 600)),
        "queueWaits": [{"queue": "q0", "waitSeconds": draw(st.integers(1, 600))}]
        if draw(st.booleans())
        else [],
        "cooldownSeconds": draw(windows),
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": draw(windows)}},
    }
    return a_spec(queues=list(NAMES), scaling=scaling).scaling


@st.composite
def queues(draw: st.DrawFn, name: str) -> QueueBacklog:
    """Any queue, of any age, with anything to come."""
    ready, reserved = draw(JOBS), draw(st.integers(0, 100))
    return a_queue(
        name,
        ready=ready,
        reserved=reserved,
        oldest=Wait(ago(draw(st.floats(0, 5000)))) if ready and draw(st.booleans()) else None,
        upcoming=tuple(
            Upcoming(at=NOON + timedelta(seconds=5 * slot), jobs=draw(st.integers(1, 500)))
            for slot in draw(st.sets(st.integers(0, 23), max_size=3))
        ),
        tally=draw(st.none() | st.just(Tally(since=ago(900), arrived=ready + 70, taken=70, gaps=0))),
    )


@st.composite
def backlogs(draw: st.DrawFn) -> Backlog:
    """Any reading of three queues."""
    return Backlog(queues=tuple(draw(queues(name)) for name in NAMES), read_at=NOON)


@st.composite
def lessons(draw: st.DrawFn) -> Learned:
    """Anything that a past may have taught, up to a second before noon."""
    if draw(st.booleans()):
        return Learned()
    load = st.floats(0, 100)
    return Learned(
        read_at=ago(1),
        flows=tuple(
            QueueFlow(
                last=a_queue(name, ready=draw(JOBS), reserved=draw(st.integers(0, 50))),
                arrivals=(Arrivals(ago(draw(st.integers(1, 600))), draw(st.integers(1, 1000))),),
                worked_seconds=draw(TIMES) * 100,
                ended=100.0,
                quick_load=draw(load),
                slow_load=draw(load),
            )
            for name in NAMES
        ),
        boots=tuple(draw(st.lists(st.floats(0.5, 300), max_size=3))),
    )


@st.composite
def crews(draw: st.DrawFn) -> Crew:
    """Any workers: ready, on their way, leaving, failing."""
    ready, starting = draw(st.integers(0, 60)), draw(st.integers(0, 20))
    return Crew(
        desired=max(ready + starting + draw(st.integers(-3, 3)), 0),
        ready=ready,
        starting=tuple(ago(draw(st.integers(0, 100))) for _ in range(starting)),
        holding=draw(st.integers(0, 5)),
        failing=draw(st.sampled_from([None, None, "w-1 is Crashing: so it says"])),
    )


def sized(scaling: ScalingSpec, backlog: Any, crew: Crew, learned: Learned, **also: Any) -> Sizing:
    """Decide at noon about a pool that was watched for long."""
    return decide_replicas(scaling, backlog, crew, watched(learned=learned), now=NOON, **also)


@given(waits(), backlogs(), crews(), lessons())
def test_the_number_is_within_its_bounds(
    scaling: ScalingSpec, backlog: Backlog, crew: Crew, learned: Learned
) -> None:
    """Whatever was measured."""
    sizing = sized(scaling, backlog, crew, learned)
    assert scaling.min_replicas <= sizing.replicas <= scaling.max_replicas
    assert sizing.recommended is not None
    assert sizing.recommended >= 0


@given(waits(), backlogs(), st.integers(1, 500), st.integers(0, 2), crews(), lessons())
def test_more_waiting_jobs_never_ask_for_fewer(
    scaling: ScalingSpec, backlog: Backlog, more: int, which: int, crew: Crew, learned: Learned
) -> None:
    """In whichever queue; the tally tells that they have arrived."""
    queue = backlog.queues[which]
    tally = queue.tally and replace(queue.tally, arrived=queue.tally.arrived + more)
    longer = replace(queue, ready=queue.ready + more, tally=tally)
    larger = replace(
        backlog,
        queues=tuple(longer if each is queue else each for each in backlog.queues),
    )
    less, much = (sized(scaling, reading, crew, learned).asked for reading in (backlog, larger))
    assert less is not None
    assert much is not None
    assert less.demand is not None
    assert much.demand is not None
    assert less.demand.for_backlog.replicas <= much.demand.for_backlog.replicas


@given(waits(), crews(), lessons())
def test_not_knowing_holds(scaling: ScalingSpec, crew: Crew, learned: Learned) -> None:
    """And what was learned stays as it was."""
    sizing = sized(scaling, UNKNOWN, crew, learned)
    assert sizing.replicas == min(max(crew.desired, scaling.min_replicas), scaling.max_replicas)
    assert sizing.history.learned == learned


@given(waits(), backlogs(), crews(), lessons())
def test_waiting_jobs_are_never_met_by_nobody(
    scaling: ScalingSpec, backlog: Backlog, crew: Crew, learned: Learned
) -> None:
    """Unless workers fail, and then the present number stays."""
    sizing = sized(scaling, backlog, crew, learned)
    assert sizing.replicas > 0 or not backlog.waiting or sizing.limiter is Limiter.FAILING


@given(waits(), backlogs(), crews(), lessons())
def test_nobody_is_added_while_the_newest_fail(
    scaling: ScalingSpec, backlog: Backlog, crew: Crew, learned: Learned
) -> None:
    """Only the user's own minimum outranks that."""
    failing = replace(crew, failing="w-1 is Crashing: so it says")
    sizing = sized(scaling, backlog, failing, learned)
    assert sizing.replicas <= max(crew.desired, scaling.min_replicas)


@given(waits(), backlogs(), crews(), lessons())
def test_asking_again_at_the_same_moment_changes_nothing(
    scaling: ScalingSpec, backlog: Backlog, crew: Crew, learned: Learned
) -> None:
    """One reading teaches once, however often it is decided upon."""
    first = sized(scaling, backlog, crew, learned)
    again = decide_replicas(scaling, backlog, crew, first.history, now=NOON)
    assert (again.replicas, again.recommended) == (first.replicas, first.recommended)
    assert again.history.learned == first.history.learned


@given(waits(), backlogs(), st.sets(st.sampled_from(NAMES)), crews())
def test_a_held_queue_asks_for_nobody(
    scaling: ScalingSpec, backlog: Backlog, held: set[str], crew: Crew
) -> None:
    """As if nothing waited in it and nothing were to come."""
    emptied = replace(
        backlog,
        queues=tuple(
            replace(queue, ready=0, oldest=None, upcoming=(), tally=None) if queue.name in held else queue
            for queue in backlog.queues
        ),
    )
    paused = sized(scaling, backlog, crew, Learned(), holds=held)
    without = sized(scaling, emptied, crew, Learned(), holds=held)
    assert paused.replicas == without.replicas


@settings(deadline=None)
@given(
    st.integers(5, 60), st.integers(60, 240), st.integers(1, 40), st.floats(0.2, 5.0), st.floats(1.0, 20.0)
)
def test_a_square_wave_costs_few_writes(
    wait: int, half_period: int, jobs_per_second: int, job_seconds: float, boot: float
) -> None:
    """
    Jobs come for a while, then none for a while, and so on.

    However long a half is, the number follows it in a bounded number of steps
    and then stays: none of the steps is below a twentieth of what there is.
    """
    scaling = a_spec(scaling={"minReplicas": 0, "maxReplicas": 200, "waitSeconds": wait}).scaling
    history = History(watching_since=NOON, learned=Learned(boots=(boot,)))
    waiting, desired, ready_at, changes = 0.0, 0, [], 0
    arrived = taken = 0.0
    periods = 4
    for second in range(periods * 2 * half_period):
        now = NOON + timedelta(seconds=second)
        coming = jobs_per_second if second // half_period % 2 == 0 else 0
        ready = sum(at <= second for at in ready_at)
        done = min(waiting + coming, ready / job_seconds)
        waiting += coming - done
        arrived, taken = arrived + coming, taken + done
        queue = a_queue(
            ready=int(waiting),
            reserved=min(round(done * job_seconds), ready),
            tally=Tally(since=NOON, arrived=int(arrived), taken=int(taken), gaps=0),
        )
        crew = Crew(
            desired=desired,
            ready=ready,
            starting=tuple(NOON + timedelta(seconds=at - boot) for at in ready_at if at > second),
        )
        sizing = decide_replicas(scaling, Backlog(queues=(queue,), read_at=now), crew, history, now=now)
        history = sizing.history
        if sizing.replicas != desired:
            changes += 1
            added = sizing.replicas - desired
            ready_at = sorted([*ready_at, *[second + boot] * added])[: sizing.replicas]
            desired = sizing.replicas
    assert changes <= periods * 2 * MOST_STEPS
