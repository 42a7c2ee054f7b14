"""What the operator's decision is held against, scenario by scenario."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from queueworkers.simulation.tables import spell_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from queueworkers.simulation.optimum import Optimum
    from queueworkers.simulation.simulator import Outcome

LESS = 0.30
"""So much less than the peer that comes closest in its waits."""

ABOVE_OPTIMUM = 0.15
"""So much more than what nobody can do better, at most."""

OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One thing that should hold, whether it does, and the numbers."""

    holds: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How one scenario went."""

    waits: Goal
    """At or below every peer's 95th percentile."""
    hours: Goal
    """At least `LESS` fewer worker-hours than the peer with the shortest waits."""
    in_time: Goal
    """The same against the peers that keep the target at all: at 30 s, waiting for 3 is worth no more than for 29."""
    optimum: Goal
    """At most `ABOVE_OPTIMUM` above the clairvoyant's worker-hours."""

    @property
    def goals(self) -> tuple[Goal, ...]:
        """All of them, in the order of the tables."""
        return self.waits, self.hours, self.in_time, self.optimum


def judge(
    outcomes: Mapping[str, Outcome],
    optimum: Optimum | None,
    clairvoyant: Outcome | None,
    *,
    target_seconds: float,
) -> Verdict:
    """Hold a scenario's outcomes against the goals; *clairvoyant* is what somebody reached who knew every job before."""
    ours = outcomes[OPERATOR]
    peers = [each for name, each in outcomes.items() if name != OPERATOR]
    return Verdict(
        waits=_judge_waits(ours, peers),
        hours=_judge_hours(ours, peers),
        in_time=_judge_in_time(ours, peers, target_seconds),
        optimum=_judge_optimum(ours, optimum, clairvoyant),
    )


def _p95(outcome: Outcome) -> float:
    return outcome.wait_percentile(95)


def _judge_waits(ours: Outcome, peers: Sequence[Outcome]) -> Goal:
    faster = [each for each in peers if _p95(each) < _p95(ours)]
    said = ", ".join(
        f"{each.policy} ({spell_seconds(_p95(each))} for {each.worker_hours / ours.worker_hours:.1f} times the hours)"
        for each in faster
    )
    return Goal(
        holds=not faster,
        why=f"{spell_seconds(_p95(ours))}; faster are {said}" if said else "Nobody is faster",
    )


def _judge_hours(ours: Outcome, peers: Sequence[Outcome]) -> Goal:
    closest = min(peers, key=lambda each: (_p95(each), each.worker_hours))
    return _judge_saving(ours, closest)


def _judge_in_time(ours: Outcome, peers: Sequence[Outcome], target_seconds: float) -> Goal:
    keeping = [each for each in peers if _p95(each) <= target_seconds]
    if _p95(ours) > target_seconds:
        return Goal(holds=False, why=f"Ours is {spell_seconds(_p95(ours))}, beyond {target_seconds:.0f} s")
    if not keeping:
        return Goal(holds=True, why=f"No peer keeps {target_seconds:.0f} s")
    return _judge_saving(ours, min(keeping, key=lambda each: each.worker_hours))


def _judge_saving(ours: Outcome, peer: Outcome) -> Goal:
    saved = 1 - ours.worker_hours / peer.worker_hours if peer.worker_hours else 0.0
    less = f"{saved:.0%} less" if saved >= 0 else f"{-saved:.0%} more"
    return Goal(
        holds=saved >= LESS,
        why=f"{ours.worker_hours:.2f} h, {less} than {peer.policy} ({peer.worker_hours:.2f} h)",
    )


def _judge_optimum(ours: Outcome, optimum: Optimum | None, clairvoyant: Outcome | None) -> Goal:
    if optimum is None:
        return Goal(holds=True, why="Nobody can keep the target")
    above = ours.worker_hours / optimum.worker_hours - 1
    foreseen = ""
    if clairvoyant:
        foreseen = f", where a clairvoyant in whole workers is at {clairvoyant.worker_hours / optimum.worker_hours - 1:+.0%}"
    idle = ours.worker_seconds - ours.worked_seconds - ours.booted_seconds
    return Goal(
        holds=above <= ABOVE_OPTIMUM,
        why=f"{above:+.0%}{foreseen}: of {ours.worker_hours:.2f} h jobs take {ours.worked_seconds / 3600:.2f},"
        f" boots {ours.booted_seconds / 3600:.2f}, and {idle / 3600:.2f} is idle",
    )
