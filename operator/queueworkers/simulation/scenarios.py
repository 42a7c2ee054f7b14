"""Days that every queue has: made, not recorded, and the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from queueworkers.simulation.traces import BEGAN, Arrivals, Trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

MINUTE = 60.0
HOUR = 60 * MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One kind of load."""

    name: str
    tells: str
    """What comes, in one sentence."""
    lasts_seconds: float
    make: Callable[[str, Generator], Arrivals]
    failing: tuple[tuple[float, float], ...] = ()
    """Times during which no new worker comes up."""

    def trace(self, queue: str, *, seed: int) -> Trace:
        """Make the jobs of one *queue*."""
        arrivals = self.make(queue, np.random.default_rng(seed))
        return Trace(began=BEGAN, lasts_seconds=self.lasts_seconds, queues=(arrivals,))


def _poisson(
    random: Generator,
    per_second: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    lasts: float,
    most: float,
) -> NDArray[np.float64]:
    """Draw moments at a rate that changes, *most* at its highest, by thinning a steady stream."""
    moments = np.sort(random.uniform(0.0, lasts, random.poisson(most * lasts)))
    kept: NDArray[np.float64] = moments[random.uniform(0.0, most, len(moments)) < per_second(moments)]
    return kept


def _lognormal(random: Generator, count: int, *, mean: float, sigma: float) -> NDArray[np.float64]:
    """Draw job times of a given *mean*: the larger *sigma*, the heavier the tail."""
    return random.lognormal(np.log(mean) - sigma**2 / 2, sigma, count)


def _steady(queue: str, random: Generator) -> Arrivals:
    at = _poisson(random, lambda t: np.full_like(t, 5.0), 2 * HOUR, 5.0)
    return Arrivals.of(queue, at, _lognormal(random, len(at), mean=2.0, sigma=0.5))


def _daily_wave(queue: str, random: Generator) -> Arrivals:
    at = _poisson(random, lambda t: 4.0 - 3.8 * np.cos(2 * np.pi * t / (24 * HOUR)), 24 * HOUR, 7.8)
    return Arrivals.of(queue, at, _lognormal(random, len(at), mean=1.5, sigma=0.5))


def _bursts(queue: str, random: Generator) -> Arrivals:
    at = np.repeat([10.0 * MINUTE, 30.0 * MINUTE, 50.0 * MINUTE], [500, 2000, 50])
    return Arrivals.of(queue, at, _lognormal(random, len(at), mean=2.0, sigma=0.5))


def _ramps(queue: str, random: Generator) -> Arrivals:
    corners = np.array([0, 10, 40, 55, 75, 80, 100, 120]) * MINUTE
    heights = np.array([0.2, 0.2, 20.0, 20.0, 0.5, 15.0, 15.0, 0.2])
    at = _poisson(random, lambda t: np.interp(t, corners, heights), 2 * HOUR, 20.0)
    return Arrivals.of(queue, at, _lognormal(random, len(at), mean=2.0, sigma=0.5))


def _heavy_tail(queue: str, random: Generator) -> Arrivals:
    at = _poisson(random, lambda t: np.full_like(t, 3.0), 2 * HOUR, 3.0)
    seconds = np.minimum(_lognormal(random, len(at), mean=3.0, sigma=1.6), 55.0)
    return Arrivals.of(queue, at, seconds)


def _delayed_batches(queue: str, random: Generator) -> Arrivals:
    batch, pushed = 600, np.arange(4) * 15 * MINUTE + 2 * MINUTE
    at = np.repeat(pushed, batch) + random.uniform(0.0, 20.0, 4 * batch)
    delay = np.repeat(pushed, batch) + 8 * MINUTE - at  # they fall due together
    return Arrivals.of(queue, at, _lognormal(random, len(at), mean=2.0, sigma=0.5), delay)


def _flapping(queue: str, random: Generator) -> Arrivals:
    at = _poisson(random, lambda t: np.where(t % (2 * MINUTE) < MINUTE, 10.0, 0.0), 1 * HOUR, 10.0)
    return Arrivals.of(queue, at, _lognormal(random, len(at), mean=2.0, sigma=0.5))


def _failing(queue: str, random: Generator) -> Arrivals:
    at = _poisson(random, lambda t: np.where(t < 20 * MINUTE, 3.0, 6.0), 1.5 * HOUR, 6.0)
    return Arrivals.of(queue, at, _lognormal(random, len(at), mean=2.0, sigma=0.5))


SCENARIOS = {
    each.name: each
    for each in (
        Scenario(
            name="steady",
            tells="5 jobs a second of 2 s each, by chance as people click, for two hours.",
            lasts_seconds=2 * HOUR,
            make=_steady,
        ),
        Scenario(
            name="daily-wave",
            tells="A day from 0.2 jobs a second at night to 7.8 at noon, 1.5 s each.",
            lasts_seconds=24 * HOUR,
            make=_daily_wave,
        ),
        Scenario(
            name="burst-from-zero",
            tells="Nothing, then 500 jobs at once, 20 minutes later 2,000 and at last 50, 2 s each.",
            lasts_seconds=1 * HOUR,
            make=_bursts,
        ),
        Scenario(
            name="ramps",
            tells="Up within half an hour to 20 jobs a second, down within 20 minutes, up again within 5 and down; 2 s each.",
            lasts_seconds=2 * HOUR,
            make=_ramps,
        ),
        Scenario(
            name="heavy-tail",
            tells="3 jobs a second of 3 s on average: most take less than one, some take 55.",
            lasts_seconds=2 * HOUR,
            make=_heavy_tail,
        ),
        Scenario(
            name="delayed-batches",
            tells="Four times an hour 600 jobs are pushed that fall due together minutes later, 2 s each; nothing else.",
            lasts_seconds=1 * HOUR,
            make=_delayed_batches,
        ),
        Scenario(
            name="flapping",
            tells="A minute with 10 jobs a second, a minute without, for an hour; 2 s each.",
            lasts_seconds=1 * HOUR,
            make=_flapping,
        ),
        Scenario(
            name="failing-workers",
            tells="3 jobs a second of 2 s each; after 20 minutes twice as many, and for 20 minutes no new worker comes up.",
            lasts_seconds=1.5 * HOUR,
            make=_failing,
            failing=((20 * MINUTE, 40 * MINUTE),),
        ),
    )
}
"""By name, in the order of the tables."""
