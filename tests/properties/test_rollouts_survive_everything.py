"""Replacing workers: whatever is asked for, whatever breaks, and wherever the operator ends."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from properties.simulated_rollout import WORKERS, Interruption, SimulatedRollout
from queueworkers.api.restart import RolloutControl
from queueworkers.domain.rollout import Phase

LONG_ENOUGH = 85
"""Seconds after which a pool that nobody disturbs is at rest; a minute of it is the proof of a worker that crashed."""

Deed = Callable[[SimulatedRollout], None]


def live(pool: SimulatedRollout, seconds: int = LONG_ENOUGH) -> None:
    """Look every second, undisturbed, and see that no look takes a working worker away."""
    for _ in range(seconds):
        step(pool)


def step(pool: SimulatedRollout, interruption: Interruption = Interruption.NONE) -> None:
    """Look once and let a second pass; what must hold at every moment is checked here."""
    pool.look(interruption)
    pool.pass_second()
    assert pool.at_work() >= WORKERS, "fewer workers than there should be"


def want(revision: str, *, broken: bool = False) -> Deed:
    """Edit the pool."""

    def deed(pool: SimulatedRollout) -> None:
        pool.wish = revision
        if broken:
            pool.broken.add(revision)

    return deed


def say(control: RolloutControl) -> Deed:
    """Steer the rollout."""

    def deed(pool: SimulatedRollout) -> None:
        pool.control = control

    return deed


def heal(pool: SimulatedRollout) -> None:
    """What the new workers missed is there now."""
    pool.broken.clear()


HOLD, RUN, UNDO = (say(control) for control in (RolloutControl.HOLD, RolloutControl.RUN, RolloutControl.UNDO))


@dataclass(frozen=True)
class Story:
    """What people do to a pool, so many seconds apart, and what comes of it."""

    name: str
    deeds: tuple[tuple[int, Deed], ...]
    phase: Phase
    revisions: frozenset[str]
    began: tuple[str, ...]

    def begin(self) -> SimulatedRollout:
        """Make the pool, at rest and looked at."""
        pool = SimulatedRollout()
        live(pool, 3)
        return pool


ONE, TWO, BOTH, THREE = (frozenset(names) for names in (("v1",), ("v2",), ("v1", "v2"), ("v3",)))

STORIES = (
    Story("an-update", ((0, want("v2")),), Phase.COMPLETE, TWO, ("v2",)),
    Story("another-one-half-way", ((0, want("v2")), (4, want("v3"))), Phase.COMPLETE, THREE, ("v2", "v3")),
    Story("back-half-way", ((0, want("v2")), (4, want("v1"))), Phase.COMPLETE, ONE, ("v2", "v1")),
    Story("a-broken-update", ((0, want("v2", broken=True)),), Phase.STOPPED, BOTH, ("v2",)),
    Story("it-heals", ((0, want("v2", broken=True)), (30, heal)), Phase.COMPLETE, TWO, ("v2",)),
    Story(
        "it-is-corrected",
        ((0, want("v2", broken=True)), (30, want("v3"))),
        Phase.COMPLETE,
        THREE,
        ("v2", "v3"),
    ),
    Story("it-is-undone", ((0, want("v2", broken=True)), (30, UNDO)), Phase.UNDONE, ONE, ("v2", "v1")),
    Story(
        "undone-corrected-and-run",
        ((0, want("v2", broken=True)), (30, UNDO), (30, want("v3")), (5, RUN)),
        Phase.COMPLETE,
        THREE,
        ("v2", "v1", "v3"),
    ),
    Story(
        "undone-and-the-pool-put-back",
        ((0, want("v2", broken=True)), (30, UNDO), (30, want("v1")), (30, RUN)),
        Phase.COMPLETE,
        ONE,
        ("v2", "v1"),
    ),
    Story("a-finished-update-is-undone", ((0, want("v2")), (60, UNDO)), Phase.UNDONE, ONE, ("v2", "v1")),
    Story("held-before", ((0, HOLD), (1, want("v2"))), Phase.HELD, ONE, ("v2",)),
    Story("held-half-way", ((0, want("v2")), (4, HOLD)), Phase.HELD, BOTH, ("v2",)),
    Story("held-and-let-go", ((0, want("v2")), (4, HOLD), (30, RUN)), Phase.COMPLETE, TWO, ("v2",)),
    Story("nothing-to-hold", ((0, HOLD),), Phase.COMPLETE, ONE, ()),
    Story("nothing-to-undo", ((0, UNDO),), Phase.COMPLETE, ONE, ()),
)

each_story = pytest.mark.parametrize("story", [pytest.param(story, id=story.name) for story in STORIES])


def tell(story: Story, interruptions: dict[int, Interruption]) -> SimulatedRollout:
    """Live through a story, with the operator interrupted at some of its looks."""
    pool, looks = story.begin(), itertools.count()
    for pause, deed in story.deeds:
        for _ in range(pause):
            step(pool, interruptions.get(next(looks), Interruption.NONE))
        deed(pool)
    for _ in range(LONG_ENOUGH):
        step(pool, interruptions.get(next(looks), Interruption.NONE))
    return pool


def outcome(pool: SimulatedRollout) -> tuple[Phase, frozenset[str | None], tuple[str, ...]]:
    """Tell where the pool stands, who works there, and which revisions were ever begun."""
    return pool.look().phase, frozenset(pool.revisions_there()), tuple(pool.began)


@each_story
def test_a_story_comes_to_its_end(story: Story) -> None:
    """And then nothing moves any more."""
    pool = tell(story, {})

    assert outcome(pool) == (story.phase, story.revisions, story.began)
    made = pool.made
    live(pool, 30)
    assert (outcome(pool), pool.made) == ((story.phase, story.revisions, story.began), made)


@each_story
@pytest.mark.parametrize("interruption", [Interruption.BEFORE_ANY_WRITE, Interruption.BETWEEN_THE_WRITES])
def test_an_interruption_after_any_step_changes_nothing(story: Story, interruption: Interruption) -> None:
    """From every state that the story goes through: one trigger stays one rollout, and it comes to the same end."""
    undisturbed = outcome(tell(story, {}))

    for look in range(20 + sum(pause for pause, _ in story.deeds)):
        assert outcome(tell(story, {look: interruption})) == undisturbed, f"interrupted at look {look}"


@each_story
def test_an_operator_that_never_ends_a_look_gets_there_too(story: Story) -> None:
    """Killed between the two writes of each look: the Deployment is all that it knows of the looks before."""
    always = dict.fromkeys(range(1000), Interruption.BETWEEN_THE_WRITES)

    assert outcome(tell(story, always)) == (story.phase, story.revisions, story.began)


DEEDS = st.one_of(
    st.sampled_from(["v1", "v2", "v3"]).map(want),
    st.sampled_from(["bad1", "bad2"]).map(lambda name: want(name, broken=True)),
    st.sampled_from([HOLD, RUN, UNDO]),
)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 25), DEEDS), max_size=8),
    st.lists(st.sampled_from(list(Interruption)), max_size=60),
    st.sampled_from(["v1", "v9"]),
)
def test_whatever_people_do_the_work_goes_on(
    deeds: list[tuple[int, Deed]], interruptions: list[Interruption], last: str
) -> None:
    """Never fewer workers at work than there should be; and a good pool that is let run comes to rest as it says."""
    pool = SimulatedRollout()
    later = itertools.chain(interruptions, itertools.repeat(Interruption.NONE))
    for pause, deed in deeds:
        for _ in range(pause):
            step(pool, next(later))
        deed(pool)

    want(last)(pool)
    RUN(pool)
    live(pool, LONG_ENOUGH)

    assert pool.look().phase is Phase.COMPLETE
    assert pool.revisions_there() == {last}


@settings(max_examples=30)
@given(st.integers(0, 40), st.integers(0, 3))
def test_a_broken_revision_stops_before_it_has_cost_a_worker(healing_at: int, look_every: int) -> None:
    """However seldom the operator looks: the controller alone adds no more than the surge."""
    pool = SimulatedRollout()
    want("v2", broken=True)(pool)
    for second in range(60):
        if second % (look_every + 1) == 0:
            pool.look()
        pool.pass_second()
        assert pool.at_work() >= WORKERS
        if second == healing_at:
            heal(pool)
        if pool.broken:
            assert sum(pod.revision == "v1" for pod in pool.pods) == WORKERS
            assert pool.told != Phase.COMPLETE
