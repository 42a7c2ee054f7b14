"""Who leaves when there are to be fewer workers, and how little is written for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.domain.leaving import Connection, Stake, estimate_stakes, has_choice, mark_leavers
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP
from unit.domain.given import NOON, a_pod, ago

if TYPE_CHECKING:
    from queueworkers.domain.workers import WorkerPod
    from queueworkers.frameworks.base import Framework

WAITS = Stake(working=False, seconds=0)


def a_connection(**facts: Any) -> Connection:
    """A Laravel worker's that has just asked for a job."""
    usual = {"address": "10.0.0.1", "idle_seconds": 0, "command": "eval", "database": 0, "blocked": False}
    return Connection(**{**usual, **facts})


@pytest.mark.parametrize(
    ("framework", "connections", "expected"),
    [
        pytest.param(LARAVEL, [{"idle_seconds": 2}], Stake(working=False, seconds=2), id="sleeps between two questions"),
        pytest.param(LARAVEL, [{"idle_seconds": 95}], Stake(working=False, seconds=95), id="silent since it took a job"),
        pytest.param(
            LARAVEL,
            [{"idle_seconds": 95}, {"command": "get", "database": 1}],
            Stake(working=False, seconds=95),
            id="its job uses the cache: the job is no younger for it",
        ),
        pytest.param(
            LARAVEL,
            [{"idle_seconds": 2}, {"command": "xadd", "idle_seconds": 3600}],
            Stake(working=False, seconds=2),
            id="an earlier job left a connection behind",
        ),
        pytest.param(LARAVEL, [{"command": "set", "idle_seconds": 1}], Stake(working=True, seconds=1), id="its job uses the worker's own connection"),
        pytest.param(
            LARAVEL,
            [{"command": "set", "idle_seconds": 7}, {"command": "eval", "database": 1}],
            Stake(working=True, seconds=0),
            id="a lock in the cache is no question for a job",
        ),
        pytest.param(LARAVEL, [{"command": "zrem"}], WAITS, id="has just ended a job"),
        pytest.param(LARAVEL, [{"command": "blpop", "idle_seconds": 30, "blocked": True}], WAITS, id="block_for: waits at this moment"),
        pytest.param(LARAVEL, [{"command": "blpop", "idle_seconds": 1}], Stake(working=False, seconds=1), id="block_for: waited in vain, and sleeps"),
        pytest.param(THINKPHP, [{"command": "lpop", "idle_seconds": 3}], Stake(working=False, seconds=3), id="think-queue asked in vain"),
        pytest.param(THINKPHP, [{"command": "zadd", "idle_seconds": 3}], Stake(working=True, seconds=3), id="think-queue has reserved a job"),
        pytest.param(THINKPHP, [{"command": "eval", "idle_seconds": 3}], Stake(working=True, seconds=3), id="think-queue has no scripts; its job has"),
    ],
)  # fmt: skip
def test_what_is_in_hand_is_seen_by_the_last_question(
    framework: Framework, connections: list[dict[str, Any]], expected: Stake
) -> None:
    """Of all that a pod does with Redis, only asking for a job tells of jobs."""
    seen = [a_connection(**each) for each in connections]

    stakes = estimate_stakes(seen, asking=framework.asking_commands, database=0)

    assert stakes == {"10.0.0.1": expected}


def four_pods(**changed: dict[str, Any]) -> list[WorkerPod]:
    """Ready pods a, b, c and d, from the oldest to the newest, with an address each."""
    return [
        a_pod(
            name,
            **{"created_at": ago(900 - 10 * number), "addresses": (f"10.0.0.{number}",), **changed.get(name, {})},
        )
        for number, name in enumerate("abcd")
    ]  # fmt: skip


BUSY = Stake(working=False, seconds=120)
IDLE = Stake(working=False, seconds=1)
NEWEST_ARE_BUSY = {"10.0.0.0": IDLE, "10.0.0.1": IDLE, "10.0.0.2": BUSY, "10.0.0.3": BUSY}


@pytest.mark.parametrize(
    ("changed", "stakes", "expected"),
    [
        pytest.param({}, NEWEST_ARE_BUSY, {"a", "b"}, id="idle ones before busy ones, however old"),
        pytest.param({}, {}, {"c", "d"}, id="nothing is known: the newest"),
        pytest.param({}, {"10.0.0.9": IDLE}, {"c", "d"}, id="only strangers are seen: the newest"),
        pytest.param(
            {}, {"10.0.0.0": BUSY, "10.0.0.1": IDLE, "10.0.0.2": IDLE}, {"b", "c"}, id="one of which nothing is known may have most to lose"
        ),
        pytest.param(
            {"b": {"created_at": ago(20)}}, {"10.0.0.0": IDLE, "10.0.0.2": BUSY, "10.0.0.3": BUSY}, {"a", "b"}, id="one that boots has nothing in hand"
        ),
        pytest.param(
            {"c": {"addresses": ("10.0.0.1",)}}, {"10.0.0.0": IDLE, "10.0.0.1": IDLE, "10.0.0.3": BUSY}, {"a", "d"}, id="a shared address tells of nobody"
        ),
        pytest.param(
            {"a": {"addresses": ("10.0.0.0", "fd00::1")}}, {"fd00::1": IDLE, "10.0.0.1": BUSY, "10.0.0.2": BUSY, "10.0.0.3": IDLE}, {"a", "d"}, id="an address of either kind"
        ),
        pytest.param(
            {"a": {"deletion_cost": 50, "priced_by_others": True}, "d": {"deletion_cost": -50, "priced_by_others": True}},
            NEWEST_ARE_BUSY,
            {"b", "d"},
            id="somebody else has set costs",
        ),
    ],
)  # fmt: skip
def test_two_of_four_leave(changed: dict[str, Any], stakes: dict[str, Stake], expected: set[str]) -> None:
    """Those with the least to lose, as far as it is known."""
    pods = four_pods(**changed)

    costs = mark_leavers(pods, 2, stakes=stakes, now=NOON)

    cost = {pod.name: pod.deletion_cost for pod in pods} | costs
    assert set(sorted(cost, key=lambda name: cost[name] or 0)[:2]) == expected
    assert not any(pod.priced_by_others for pod in pods if pod.name in costs)


def test_the_smaller_side_is_marked() -> None:
    """One that leaves, or one that stays: one write."""
    pods = four_pods()

    assert mark_leavers(pods, 1, stakes=NEWEST_ARE_BUSY, now=NOON) == {"b": -1}
    assert mark_leavers(pods, 3, stakes=NEWEST_ARE_BUSY, now=NOON) == {"c": 1}


def test_old_marks_are_changed_only_where_they_mislead() -> None:
    """A pod that was to leave once, and did not, is not what the next choice falls on."""
    spared = four_pods(d={"deletion_cost": -1}, c={"deletion_cost": 1})

    assert mark_leavers(spared, 2, stakes=NEWEST_ARE_BUSY, now=NOON) == {"b": -2, "a": -1, "d": None}
    assert mark_leavers(spared, 1, stakes={}, now=NOON) == {}


@pytest.mark.parametrize(
    ("unready", "leaving"),
    [
        pytest.param("", 0, id="nobody leaves"),
        pytest.param("", 4, id="everybody leaves"),
        pytest.param("bc", 2, id="those that are not ready leave anyway"),
        pytest.param("bc", 1, id="and one of them is chosen without a cost"),
        pytest.param("", -1, id="there are fewer already"),
    ],
)
def test_nothing_is_asked_or_written_where_there_is_no_choice(unready: str, leaving: int) -> None:
    """The ReplicaSet controller takes those that are not ready before it looks at any cost."""
    pods = four_pods(**{name: {"ready": False} for name in unready})

    assert not has_choice(pods, leaving)
    assert mark_leavers(pods, leaving, stakes=NEWEST_ARE_BUSY, now=NOON) == {}


def test_unready_ones_are_the_first_of_those_that_leave() -> None:
    """So only the rest is chosen among the ready ones."""
    pods = four_pods(d={"ready": False})

    assert mark_leavers(pods, 2, stakes=NEWEST_ARE_BUSY, now=NOON) == {"b": -1}
