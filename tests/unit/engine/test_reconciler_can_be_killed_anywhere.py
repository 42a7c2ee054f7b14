"""Stopped after any call and started again, the operator brings a pool to the same state."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.errors import ApiServerError
from unit.domain.given import NOON, POOL, UNKNOWN, a_backlog, ago
from unit.engine.worlds import LittleWorld, OperatorKilledError, an_operator

if TYPE_CHECKING:
    from queueworkers.engine.reconciler import Reconciler

SPEC: dict[str, Any] = {
    "framework": "Laravel",
    "image": "registry.example/shop:2.4.1",
    "queues": ["default"],
    "redis": {"host": "redis"},
}

LOOKS = 15
SECONDS_BETWEEN = 10
"""Between two looks; together longer than every window."""


@dataclass(frozen=True)
class Story:
    """Something that happens to a pool that was at rest, or to one that is new."""

    name: str
    new: bool = False
    ready: int | None = 25
    spec: dict[str, Any] | None = None
    annotation: str | None = None
    rollouts: int = 0
    expected: int | None = 3

    def begin(self) -> LittleWorld:
        """Make the world in which it has just happened."""
        world = LittleWorld(spec=dict(SPEC), reading=a_backlog(ready=25))
        if not self.new:
            operator = an_operator(world)
            for _ in range(3):
                look(operator, world)
            world.writes.clear()
            world.events.clear()
            world.calls = 0
        world.spec = {**SPEC, **(self.spec or {})}
        world.reading = UNKNOWN if self.ready is None else a_backlog(ready=self.ready)
        world.annotation = self.annotation
        return world


STORIES = (
    Story("a-new-pool", new=True),
    Story("a-burst", ready=80, expected=8),
    Story("work-is-done", ready=0, expected=1),
    Story("a-restart-by-annotation", annotation=ago(1).isoformat(), rollouts=1),
    Story("a-restart-in-advance", spec={"restart": {"at": ago(-35).isoformat()}}, rollouts=1),
    Story("a-new-image", spec={"image": "registry.example/shop:2.4.2"}, rollouts=1),
    Story(
        "a-new-image-and-a-restart",
        spec={"image": "registry.example/shop:2.4.2"},
        annotation=ago(1).isoformat(),
        rollouts=1,
    ),
    Story("suspended", spec={"suspend": True}, expected=0),
    Story("an-outage", ready=None, expected=3),
    Story("a-new-pool-without-a-backlog", new=True, ready=None, expected=1),
    Story("an-invalid-spec", spec={"framework": "Symfony"}, expected=3),
)


def look(operator: Reconciler, world: LittleWorld) -> None:
    """Reconcile once, and let the world go on."""
    step = operator.reconcile(POOL.key)
    try:
        step.send(None)
    except StopIteration:
        pass
    else:
        raise AssertionError("a world in memory has nothing to wait for")
    finally:
        step.close()
        world.deployment_controller_works()
        world.pass_time(SECONDS_BETWEEN)


def live_on(world: LittleWorld, *, looks: int = LOOKS) -> None:
    """Look again and again, with a new operator whenever one is killed or has failed."""
    operator = an_operator(world)
    for _ in range(looks):
        try:
            look(operator, world)
        except OperatorKilledError:
            operator = an_operator(world)
        except ApiServerError:
            continue  # the queue brings the key again


def state(world: LittleWorld) -> dict[str, Any]:
    """Tell what is left behind, without the times at which it happened to be done."""
    status = copy.deepcopy(world.status.to_wire())
    for condition in status.get("conditions", ()):
        del condition["lastTransitionTime"]
    for when in ("lastScaleTime", "backlog"):
        status.pop(when, None)
    status.get("rollout", {}).pop("sinceTime", None)
    return {
        "template": world.manifest and world.manifest["spec"],
        "replicas": world.replicas,
        "rollouts": world.rollouts,
        "status": status,
    }


@pytest.mark.parametrize("story", [pytest.param(story, id=story.name) for story in STORIES])
def test_it_comes_to_what_is_wanted_and_rests(story: Story) -> None:
    """Then nothing is written and nothing is told, however often it looks."""
    world = story.begin()
    live_on(world)
    assert (world.replicas, world.rollouts) == (story.expected, story.rollouts)

    world.writes.clear()
    world.events.clear()
    live_on(world)

    assert (world.writes, world.events) == ([], [])


@pytest.mark.parametrize("story", [pytest.param(story, id=story.name) for story in STORIES])
def test_killed_after_any_call_it_comes_to_the_same(story: Story) -> None:
    """What was told, what was done and how often: the death of an operator leaves no trace."""
    undisturbed = story.begin()
    live_on(undisturbed)
    assert undisturbed.calls > 0 or story.name == "an-invalid-spec"

    for call in range(1, 16):
        world = story.begin()
        world.kill_after = call
        live_on(world)
        assert state(world) == state(undisturbed), f"killed after call {call}"


@pytest.mark.parametrize("story", [pytest.param(story, id=story.name) for story in STORIES])
def test_an_operator_that_dies_at_every_look_gets_there_too(story: Story) -> None:
    """One call further each time; only what needs a watched window waits for a calmer life."""
    undisturbed, world = story.begin(), story.begin()
    live_on(undisturbed)

    for call in range(1, 16):
        world.kill_after = world.calls + call
        live_on(world, looks=1)
    world.kill_after = None
    live_on(world)

    assert state(world) == state(undisturbed)


@pytest.mark.parametrize("story", [pytest.param(story, id=story.name) for story in STORIES])
def test_one_failure_of_the_api_server_changes_nothing(story: Story) -> None:
    """Whichever call it meets."""
    undisturbed = story.begin()
    live_on(undisturbed)

    for call in range(1, 16):
        world = story.begin()
        world.fail_at = call
        world.failure = ApiServerError(verb="apply", path="/x", status=500, message="etcd is away")
        live_on(world)
        assert state(world) == state(undisturbed), f"failed at call {call}"


def test_a_new_operator_takes_no_worker_away_before_it_has_watched() -> None:
    """One killed every half minute never does: what nobody watched cannot agree to a scale-down."""
    world = Story("done", ready=0).begin()
    for _ in range(10):
        live_on(world, looks=3)

    assert world.replicas == 3


def test_it_asks_to_be_woken_when_time_alone_brings_something() -> None:
    """A restart that was asked for in advance comes with no event."""
    world = Story("in-advance", spec={"restart": {"at": ago(-3600).isoformat()}}).begin()

    live_on(world, looks=1)

    assert world.wanted_again[-1] == ago(-3600) - (world.now - timedelta(seconds=SECONDS_BETWEEN))


def test_what_happened_is_told_once() -> None:
    """In the order in which it happened."""
    world = Story("both", ready=80, annotation=ago(1).isoformat()).begin()

    live_on(world)

    assert world.events == ["ScaledUp", "RestartRequested", "RolloutFinished"]


def test_a_new_pool_is_told_of_as_scaled_and_no_more() -> None:
    """Nothing was wrong before, so nothing recovered."""
    world = Story("new", new=True).begin()

    live_on(world)

    assert world.events == ["ScaledUp"]


REFUSED = ApiServerError(verb="apply", path="/x", status=422, message="spec.template is invalid")


def test_a_refused_deployment_is_a_condition_and_tried_again() -> None:
    """The queue is not to knock twice a second; a little later it may be allowed."""
    world = Story("new", new=True).begin()
    world.refusal = REFUSED
    live_on(world, looks=3)
    (ready, *_) = world.status.conditions
    assert (ready.status, ready.reason, ready.message) == (
        "False",
        "InvalidPodTemplate",
        "spec.template is invalid",
    )
    assert 10 <= max(world.wanted_again).total_seconds() <= 60

    world.refusal = None
    live_on(world)

    assert world.replicas == 3
    assert world.events == ["InvalidPodTemplate", "ScaledUp", "Recovered"]


def test_a_pool_without_a_reading_is_left_alone() -> None:
    """Neither a Deployment nor a status before it is known what waits, or that it cannot be known."""
    world = LittleWorld(spec=dict(SPEC))
    world.reading = None  # type: ignore[assignment]  # as before the first reading

    live_on(world, looks=3)

    assert (world.calls, world.writes) == (0, [])


def test_a_pool_that_is_gone_is_forgotten() -> None:
    """By everything that remembers it."""
    world = Story("new", new=True).begin()
    world.pool_exists = False

    live_on(world, looks=1)

    assert (world.calls, world.forgotten) == (0, ["default", "default"])
    assert world.now > NOON
