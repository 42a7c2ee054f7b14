"""Just before there are to be fewer workers it is said who leaves, and whoever waits for a place gets one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from queueworkers.domain.leaving import Connection
from queueworkers.errors import ApiServerError
from unit.domain.given import a_backlog, a_pod
from unit.engine.test_reconciler_can_be_killed_anywhere import SPEC, look
from unit.engine.worlds import LittleWorld, an_operator

if TYPE_CHECKING:
    from queueworkers.domain.identity import PoolIdentity
    from queueworkers.domain.workers import WorkerPod, Workers

AT_ONCE = {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}


class WorldOfPods(LittleWorld):
    """A world with pods that a test has chosen."""

    pods: tuple[WorkerPod, ...] = ()

    async def observe_workers(self, pool: PoolIdentity) -> Workers | None:
        """Look at the Deployment, and at these pods."""
        workers = await super().observe_workers(pool)
        return workers and replace(
            workers, pods=tuple(replace(pod, revision=self.running) for pod in self.pods)
        )


def a_world(*pods: WorkerPod, **scaling: object) -> WorldOfPods:
    """Three workers, for thirty jobs."""
    world = WorldOfPods(spec={**SPEC, "scaling": {**AT_ONCE, **scaling}}, reading=a_backlog(ready=30))
    world.pods = pods
    operator = an_operator(world)
    for _ in range(3):
        look(operator, world)
    world.writes.clear()
    return world


def asked(number: int, seconds: int) -> Connection:
    """A worker that last asked for a job so many seconds ago."""
    return Connection(
        address=f"10.0.0.{number}", idle_seconds=seconds, command="eval", database=0, blocked=False
    )


THREE = [a_pod(f"w-{number}", addresses=(f"10.0.0.{number}",)) for number in range(3)]


def test_who_is_idle_is_marked_before_the_number_falls() -> None:
    """Once, and nobody is asked where the number does not fall."""
    world = a_world(*THREE)
    assert (world.replicas, world.marks) == (3, [])
    world.connections = [asked(0, 90), asked(1, 1), asked(2, 70)]
    world.reading = a_backlog(ready=2, reserved=2)

    look(an_operator(world), world)

    assert world.marks == [{"w-1": -1}]
    assert world.writes[0] == "replicas"
    assert world.replicas == 2


@pytest.mark.parametrize(
    ("minimum", "expected"), [pytest.param(0, [], id="all leave"), pytest.param(1, [{"w-0": 1}], id="one stays")]
)  # fmt: skip
def test_nothing_is_known(minimum: int, expected: list[dict[str, int]]) -> None:
    """The number falls all the same."""
    world = a_world(*THREE, minReplicas=minimum, cooldownSeconds=0)
    world.pods = (replace(THREE[0], created_at=THREE[0].created_at.replace(year=2025)), *THREE[1:])
    world.reading = a_backlog()

    look(an_operator(world), world)

    assert (world.replicas, world.marks) == (minimum, expected)


def test_whoever_waits_is_let_in_at_every_look() -> None:
    """As long as there are places; a world that refuses it says so, as it would of a Deployment."""
    waiting = [a_pod(f"w-{number}", ready=False, gated=True) for number in (3, 4)]
    world = a_world(*THREE, *waiting, maxReplicas=3, maxConcurrent=4)

    assert set(world.let_in) == {"w-3"}
    world.open_gates = refuse  # type: ignore[method-assign]
    look(an_operator(world), world)
    ready = next(each for each in world.status.conditions if each.type == "Ready")
    assert "a policy" in ready.message


async def refuse(pool: PoolIdentity, names: object) -> None:
    """Answer as an admission policy does."""
    del pool, names
    raise ApiServerError(verb="merge", path="/pods", status=403, message="denied by a policy")
