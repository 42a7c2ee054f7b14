"""Who decides the number of workers, and what it comes to, for every combination of wishes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from queueworkers.domain.decision import Basis, Decision
from queueworkers.domain.scaling import Limiter
from unit.domain.given import (
    NOON,
    UNKNOWN,
    a_backlog,
    a_spec,
    ago,
    an_observation,
    decided,
    some_workers,
    watched,
)

if TYPE_CHECKING:
    from queueworkers.domain.backlog import Backlog, UnknownBacklog

PINNED_AT = 15
BOUNDS = {"minReplicas": 2, "maxReplicas": 8, "backlogPerWorker": 1, "cooldownSeconds": 0}
AT_ONCE = {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}

READINGS = {"unknown": UNKNOWN, "empty": a_backlog(), "some": a_backlog(ready=5), "much": a_backlog(ready=50)}

MATRIX = [
    pytest.param(*row, id="-".join(str(part) for part in row))
    for row in itertools.product(
        (False, True),  # suspended
        (None, "HorizontalPodAutoscaler shop"),  # another autoscaler
        ("Auto", "Recommend", "Manual"),
        (None, PINNED_AT),
        READINGS,
        (None, 0, 4, 30),  # workers at present; None: no Deployment
    )
    if not (row[2] == "Manual" and row[3] is None)  # refused by the API server
]


@pytest.mark.parametrize(("suspended", "foreign", "mode", "pinned", "reading", "current"), MATRIX)
def test_the_first_wish_that_is_stated_decides(
    *, suspended: bool, foreign: str | None, mode: str, pinned: int | None, reading: str, current: int | None
) -> None:
    """Suspend, then another autoscaler, then mode Recommend, then a pin, then the backlog within its bounds."""
    scaling = {"mode": mode, **BOUNDS, **AT_ONCE, **({"replicas": pinned} if pinned else {})}
    workers = None if current is None else some_workers(current, foreign_autoscaler=foreign)

    decision = decided(
        a_spec(scaling=scaling, suspend=suspended),
        an_observation(READINGS[reading], workers=workers),
        watched(),
        now=NOON,
    )

    asked = {"empty": 0, "some": 5, "much": 50}.get(reading)
    if suspended:
        expected = (Basis.SUSPENDED, 0, False)
    elif foreign and workers:
        expected = (Basis.CONFLICT, current, True)
    elif mode == "Recommend":
        expected = (Basis.RECOMMEND_ONLY, 2 if current is None else current, True)
    elif pinned:
        expected = (Basis.PINNED, pinned, False)
    elif asked is None:
        expected = (Basis.UNKNOWN, min(max(current or 0, 2), 8), False)
    else:
        expected = (Basis.BACKLOG, min(max(asked, 2), 8), False)
    assert (decision.basis, decision.replicas, decision.hands_off) == expected
    assert decision.recommended == asked


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param({"ready": 1}, id="a-ready-job"),
        pytest.param({"delayed": 3, "due": 1}, id="a-delayed-job-that-fell-due"),
        pytest.param({"reserved": 1, "expired": 1}, id="a-job-whose-worker-was-lost"),
    ],
)
@pytest.mark.parametrize("workers", [pytest.param(0, id="at-zero"), pytest.param(None, id="new")])
def test_a_resting_pool_wakes_for_any_work(counts: dict[str, int], workers: int | None) -> None:
    """Only a worker moves due and expired jobs to the list, so the list's length must not decide alone."""
    decision = decide_for(a_backlog(**counts), workers=workers)

    assert decision.replicas == 1


@pytest.mark.parametrize(
    "counts",
    [pytest.param({}, id="empty"), pytest.param({"delayed": 9}, id="delayed-jobs-that-are-not-due")],
)
def test_a_resting_pool_sleeps_on_without_work(counts: dict[str, int]) -> None:
    """A job of tomorrow wakes nobody today."""
    assert decide_for(a_backlog(**counts), workers=0).replicas == 0


@pytest.mark.parametrize("current", [0, 1, 3, 10])
def test_not_knowing_never_reads_as_zero(current: int) -> None:
    """Whatever was watched before, a backlog that cannot be read moves no worker."""
    history = watched(active_at=ago(80_000)).remember(0, active=False, now=ago(70_000), window=NOON - ago(60))

    decision = decide_for(UNKNOWN, workers=current, history=history)

    assert (decision.replicas, decision.recommended, decision.limiter) == (current, None, Limiter.NONE)
    assert decision.history == history


def test_an_outage_is_no_agreement_to_a_scale_down() -> None:
    """What was asked for before the outage was in force until its end, so the window begins there."""
    before = decide_for(a_backlog(ready=80), workers=8, at=600).history

    after = decide_for(a_backlog(), workers=8, history=before)

    assert (after.replicas, after.limiter, after.revisit_at) == (8, Limiter.STABILISATION, ago(-60))


@pytest.mark.parametrize(
    ("ready", "expected"),
    [pytest.param(1, 1, id="one"), pytest.param(95, 10, id="many"), pytest.param(10_000, 10, id="too-many")],
)
def test_it_steps_straight_to_the_target(ready: int, expected: int) -> None:
    """No doubling and no waiting on the way up: a burst is met by all the workers it needs at once."""
    assert decide_for(a_backlog(ready=ready), workers=0).replicas == expected


@pytest.mark.parametrize(
    ("scaling", "workers", "expected"),
    [
        pytest.param({"minReplicas": 0}, 1, (1, Limiter.COOLDOWN), id="to-zero-it-waits"),
        pytest.param({"minReplicas": 1}, 1, (1, Limiter.MINIMUM), id="a-minimum-has-no-cooldown"),
        pytest.param({"minReplicas": 1}, 5, (1, Limiter.MINIMUM), id="nor-a-larger-pool"),
        pytest.param({"minReplicas": 0, "cooldownSeconds": 0}, 5, (0, Limiter.NONE), id="none-asked-for"),
    ],
)
def test_the_cooldown_is_for_pools_that_may_rest(
    scaling: dict[str, Any], workers: int, expected: tuple[int, Limiter]
) -> None:
    """A worker that the minimum keeps is not kept by the cooldown."""
    history = watched(active_at=ago(100))

    decision = decided(
        a_spec(scaling={**scaling, **AT_ONCE}), an_observation(workers=workers), history, now=NOON
    )

    assert (decision.replicas, decision.limiter) == expected


def test_a_number_that_the_bounds_keep_is_not_held_by_a_window() -> None:
    """Or each start of the operator would change what is said of every idle pool, and back a minute later."""
    idle = decided(a_spec(), an_observation(workers=1), watched(0), now=NOON)
    full = decided(
        a_spec(scaling={"behavior": {"scaleUp": {"stabilizationWindowSeconds": 60}}}),
        an_observation(a_backlog(ready=500), workers=10),
        watched(0),
        now=NOON,
    )

    assert (idle.limiter, idle.revisit_at) == (Limiter.MINIMUM, None)
    assert (full.limiter, full.revisit_at) == (Limiter.MAXIMUM, None)


def test_it_comes_back_for_whatever_happens_first() -> None:
    """A restart in the future and the end of a window: the earlier moment counts."""
    window_ends = watched(30)

    for restart_at, expected in ((ago(-10), ago(-10)), (ago(-40), ago(-30))):
        decision = decided(
            a_spec(restart={"at": restart_at.isoformat()}),
            an_observation(workers=5),
            window_ends,
            now=NOON,
        )
        assert decision.revisit_at == expected


def decide_for(
    reading: Backlog | UnknownBacklog, *, workers: int | None, history: Any = None, at: float = 0
) -> Decision:
    """Decide about a pool of 0 to 10 workers, long watched, so many seconds before noon."""
    return decided(
        a_spec(scaling={"minReplicas": 0}),
        an_observation(reading, workers=workers),
        history or watched(),
        now=ago(at),
    )
