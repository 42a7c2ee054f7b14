"""
The number of workers: from what was read, through every limit, to what is asked for.

A pipeline, each of whose stages is a pure function that says what it changed:
recommend, stabilise, hold while new workers fail, limit the step, cool down, keep
to the bounds in force.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from queueworkers.domain.backlog import Backlog
from queueworkers.domain.bounds import bounds_in_force
from queueworkers.domain.patience import patience_of
from queueworkers.domain.scaling import (
    History,
    Limiter,
    Step,
    cool_down,
    hold,
    keep_awaited,
    keep_busy,
    limit,
    stabilise,
    tolerate,
)
from queueworkers.domain.step_limits import limit_step, longest_period
from queueworkers.domain.targets import ask

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from queueworkers.api.scaling import ScalingSpec
    from queueworkers.domain.backlog import Reading
    from queueworkers.domain.bounds import Bounds
    from queueworkers.domain.crew import Crew
    from queueworkers.domain.learning import Learned
    from queueworkers.domain.patience import Patience
    from queueworkers.domain.targets import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How many workers a pool should have by its backlog, and how it came to that."""

    recommended: int | None
    """Workers the backlog asks for, before any limit; ``None`` when it is not known."""
    steps: tuple[Step, ...]
    """What each limit made of it that had something to say; at least one, the last is what counts."""
    history: History
    """To be given to the next decision."""
    bounds: Bounds
    """Between which the number had to stay."""
    asked: Asked | None = None
    """What the recommendation follows from."""
    patience: Patience | None = None
    """How long a change had to be agreed with; ``None`` where nothing was read."""

    @property
    def step(self) -> Step:
        """The last step."""
        return self.steps[-1]

    @property
    def replicas(self) -> int:
        """Workers to ask for, after every limit."""
        return self.step.replicas

    @property
    def limiter(self) -> Limiter:
        """What kept the number from being what the backlog asks for."""
        return self.step.limiter

    @property
    def revisit_at(self) -> datetime | None:
        """When the passing of time alone may change it."""
        asked_at = self.asked.revisit_at if self.asked else None
        return min(filter(None, (self.step.revisit_at, asked_at, self.bounds.revisit_at)), default=None)


def decide_replicas(
    scaling: ScalingSpec,
    reading: Reading,
    crew: Crew,
    history: History,
    *,
    holds: Collection[str] = (),
    now: datetime,
) -> Sizing:
    """
    Decide how many workers the backlog and the user's bounds come to.

    Without a reading the number stays what it is; only the user's own bounds
    still move it.

    Args:
        scaling: What the user says.
        reading: The backlog, or why it is not known.
        crew: The workers as they are.
        history: What the decision before gave.
        holds: Queues whose waiting jobs ask for nobody.
        now: Timezone-aware.
    """
    bounds = bounds_in_force(scaling, now=now)
    if not isinstance(reading, Backlog):
        step = _limit(Step(replicas=crew.desired), bounds)
        history = _note(history, crew, step, scaling, now=now)
        return Sizing(recommended=None, steps=(step,), history=history, bounds=bounds)
    learned = learn(scaling, reading, crew, history.learned)
    patience = patience_of(scaling, learned, crew)
    asked = ask(scaling, reading, crew, learned, holds=holds, now=now)
    active, window = asked.replicas > 0, patience.longest_window
    history = history.remember(asked.needed, active=active, now=now, window=window)
    steps = _changes(_shape(scaling, bounds, asked, crew, history, patience=patience, now=now))
    history = _note(history, crew, steps[-1], scaling, now=now)
    return Sizing(
        recommended=asked.replicas,
        asked=asked,
        patience=patience,
        steps=steps,
        history=replace(history, learned=learned),
        bounds=bounds,
    )


def _changes(steps: Iterator[Step]) -> tuple[Step, ...]:
    """Leave out the limits that had nothing to say."""
    told = [next(steps)]
    for step in steps:
        if step != told[-1]:
            told.append(step)
    return tuple(told)


def learn(scaling: ScalingSpec, backlog: Backlog, crew: Crew, learned: Learned) -> Learned:
    """Learn what the decision needs: how long a boot takes, and for a target in seconds all the rest."""
    learned = learned.see_boots(crew.booted)
    if scaling.wait_seconds is None:
        return learned
    return learned.see_backlog(
        backlog, crew, slow_seconds=scaling.wait_seconds, every_seconds=scaling.polling_interval_seconds
    )


def _shape(
    scaling: ScalingSpec,
    bounds: Bounds,
    asked: Asked,
    crew: Crew,
    history: History,
    *,
    patience: Patience,
    now: datetime,
) -> Iterator[Step]:
    """Put a recommendation through every limit, the strongest last; tell what each made of it."""
    current = crew.desired
    step = Step(replicas=asked.replicas)
    yield step
    if asked.demand:
        step = tolerate(step, current=current)
        yield step
    within = _limit(step, bounds)
    if within.replicas == current:
        yield within  # the bounds keep the number: there is nothing for a window to hold
        return
    step = stabilise(
        asked.needed,
        current=current,
        history=history,
        now=now,
        down_window=patience.down_window,
        up_window=patience.up_window,
    )
    yield step
    step = keep_busy(step, busy=asked.busy)
    yield step
    step = keep_awaited(step, awaited=asked.awaited, current=current)
    yield step
    if crew.failing:
        step = hold(step, current=current, limiter=Limiter.FAILING)
        yield step
    step = limit_step(step, current=current, changes=history.changes, behavior=scaling.behavior, now=now)
    yield step
    if not bounds.minimum:
        step = cool_down(step, current=current, history=history, now=now, cooldown=patience.cooldown)
        yield step
    yield _limit(step, bounds)


def _limit(step: Step, bounds: Bounds) -> Step:
    return limit(step, minimum=bounds.minimum, maximum=bounds.maximum)


def _note(history: History, crew: Crew, step: Step, scaling: ScalingSpec, *, now: datetime) -> History:
    """Remember what is asked for from now on, as far as a step limit will want to know."""
    return history.note_change(
        before=crew.desired, after=step.replicas, now=now, kept=longest_period(scaling.behavior)
    )
