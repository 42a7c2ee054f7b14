"""
Replacing the workers of one revision by those of the next: a state machine.

The Deployment controller replaces the pods; what it is told, and whether it
may go on, is decided here.  Every state is read anew from what the cluster
shows (the Deployment with three annotations, its pods, and what was told of
the pool last), so the operator may end after any step and start again::

                 another template is wanted
    COMPLETE ----------------------------------> REPLACING <---+
       ^                                          |  ^  |      | another template, or
       |   the last successor works               |  |  |      | the new workers work
       +------------------------------------------+  |  v      |
       |                                            HELD  STOPPED
       |   (UNDONE, after an undo)                 by the user   new workers fail
       +--------------------------------------------------------------------------

While workers are replaced, the Deployment keeps ``maxUnavailable: 0``: an old
worker is asked to leave only when its successor works.  STOPPED and HELD mean
``paused`` on the Deployment: nobody is replaced, every old worker stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from queueworkers.api.restart import RolloutControl
from queueworkers.domain.triggers import RestartTrigger
from queueworkers.domain.workers import TroubleKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from queueworkers.domain.restarts import Restart
    from queueworkers.domain.workers import PodTrouble, WorkerPod, Workers

PROOF = timedelta(seconds=60)
"""A worker that has crashed must then work for so long before it is believed to."""

FAILURES = frozenset(
    {
        TroubleKind.CRASHING,
        TroubleKind.IMAGE_PULL_FAILED,
        TroubleKind.MISSING_REFERENCE,
        TroubleKind.START_REFUSED,
    }
)
"""What a new revision is to blame for.  A worker that no node has room for waits; that is no failure of it."""


class Phase(StrEnum):
    """Where the replacement of workers stands."""

    COMPLETE = "Complete"
    REPLACING = "Replacing"
    STOPPED = "Stopped"
    HELD = "Held"
    UNDONE = "Undone"


UNDER_WAY = frozenset({Phase.REPLACING, Phase.STOPPED, Phase.HELD})


class ChangeTrigger(StrEnum):
    """What began a replacement, where it was no restart."""

    IMAGE = "Image"
    """`spec.image`."""
    TEMPLATE = "Template"
    """Anything else of the pod: the worker's options, its environment, `spec.podTemplate`."""
    UNDO = "Undo"
    OUTSIDE = "Deployment"
    """Somebody restarted the Deployment itself, as `kubectl rollout restart` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A pod template, and what of it tells why it differs from another one."""

    template: Mapping[str, Any]
    """The ``PodTemplateSpec``, its revision among its annotations."""
    name: str
    """A digest of the template."""
    image: str
    references: Mapping[str, str]
    """Digests of the ConfigMaps and Secrets that it was made for, such as ``{"ConfigMap/shop": "3fa9…"}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the pool asks for."""

    revision: Revision
    """The template that its spec describes."""
    restart: Restart
    """The restart that *revision* carries."""
    control: RolloutControl
    """What the user says about replacing."""
    undo_to: Revision | None
    """The revision before, or the one that was gone back to already; ``None`` where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """What the Deployment is to be told, and where the replacement of its workers stands."""

    revision: Revision
    """The template that the Deployment is to have."""
    phase: Phase
    begins: bool = False
    """True when workers are to be replaced for a template that the Deployment does not have yet."""
    trigger: str | None = None
    since: datetime | None = None
    stopped_at: datetime | None = None
    """When new workers were first seen to fail; ``None`` as long as they work."""
    paused: bool = False
    """Whether the Deployment controller must leave everybody where they are."""
    replaced: int = 0
    """Workers of the newest revision that work."""
    total: int = 0
    failing: tuple[tuple[WorkerPod, PodTrouble], ...] = ()
    """Workers of the newest revision that cannot work."""
    from_outside: bool = False
    """True when it is held because somebody paused the Deployment itself."""
    revisit_at: datetime | None = None
    """When the passing of time alone may change the phase."""

    @property
    def is_restart(self) -> bool:
        """True where somebody or something asked for a restart; false where the pool itself changed."""
        return self.trigger in set(RestartTrigger)


def decide_rollout(
    wish: Wish,
    workers: Workers | None,
    *,
    told: str | None,
    recycles: Callable[[PodTrouble], bool],
    now: datetime,
) -> Rollout:
    """
    Decide which template the Deployment has and whether its workers may be replaced.

    Args:
        wish: What the pool asks for.
        workers: What there is; ``None`` before there is a Deployment.
        told: The phase that the pool's status has.
        recycles: Tells a worker that ended by design from one that crashes.
        now: Timezone-aware.
    """
    if workers is None:
        return Rollout(revision=wish.revision, phase=Phase.COMPLETE)
    if workers.restarted_outside_at and workers.restarted_outside_at > now:
        workers = replace(workers, restarted_outside_at=None)  # a pod template may say anything
    undo = wish.undo_to if wish.control is RolloutControl.UNDO else None
    rollout = replace(
        _begun(undo or wish.revision, workers, wish.restart, undone=undo is not None, now=now),
        replaced=min(sum(pod.ready for pod in _newcomers(workers)), workers.desired),
        total=workers.desired,
        failing=_failing(workers, recycles),
    )
    if not rollout.begins and not _is_rolling(workers, told):
        return replace(rollout, phase=Phase.UNDONE if undo else Phase.COMPLETE)
    if wish.control is not RolloutControl.RUN and not undo:
        return replace(rollout, phase=Phase.HELD, paused=True)
    return _go_on(rollout, workers, now)


def outdated(workers: Workers) -> tuple[WorkerPod, ...]:
    """Name the pods that are to be replaced; those that leave already do not count."""
    return tuple(pod for pod in workers.staying if _is_outdated(pod, workers))


def _newcomers(workers: Workers) -> tuple[WorkerPod, ...]:
    return tuple(pod for pod in workers.staying if not _is_outdated(pod, workers))


def _is_outdated(pod: WorkerPod, workers: Workers) -> bool:
    outside = workers.restarted_outside_at
    return pod.revision != workers.revision or bool(outside and pod.created_at < outside)


def _failing(
    workers: Workers, recycles: Callable[[PodTrouble], bool]
) -> tuple[tuple[WorkerPod, PodTrouble], ...]:
    return tuple(
        (pod, pod.trouble)
        for pod in _newcomers(workers)
        if pod.trouble and pod.trouble.kind in FAILURES and not recycles(pod.trouble)
    )


def _begun(revision: Revision, workers: Workers, restart: Restart, *, undone: bool, now: datetime) -> Rollout:
    """Say what the replacement began with and when: now, or as the Deployment's annotations remember."""
    if revision.name != workers.revision:
        trigger = ChangeTrigger.UNDO if undone else _name_trigger(revision, workers, restart)
        begins = workers.desired > 0
        return Rollout(revision=revision, phase=Phase.COMPLETE, trigger=trigger, since=now, begins=begins)
    outside, since = workers.restarted_outside_at, workers.rollout_since
    if outside and (since is None or outside > since):
        # One from outside leaves no note of ours.
        return Rollout(revision=revision, phase=Phase.COMPLETE, trigger=ChangeTrigger.OUTSIDE, since=outside)
    return Rollout(revision=revision, phase=Phase.COMPLETE, trigger=workers.rollout_trigger, since=since)


def _name_trigger(revision: Revision, workers: Workers, restart: Restart) -> str:
    if restart.due and restart.trigger:
        return restart.trigger
    for reference, digest in revision.references.items():
        if workers.references.get(reference, digest) != digest:
            return reference.replace("/", " ", 1)
    return ChangeTrigger.IMAGE if revision.image != workers.image else ChangeTrigger.TEMPLATE


def _is_rolling(workers: Workers, told: str | None) -> bool:
    """
    Tell whether workers of an older template are being replaced.

    The Deployment's counts and the pods are seen at different moments, so a
    replacement begins when either shows it and ends only when both show
    nothing, with the last successor at work.  Mere growth is none.
    """
    if not workers.desired:
        return False  # nobody is to be replaced where nobody is to be
    if outdated(workers) or workers.replacing:
        return True
    lagging = workers.observed_generation < workers.generation
    return told in UNDER_WAY and (lagging or workers.available < min(workers.updated, workers.desired))


def _go_on(rollout: Rollout, workers: Workers, now: datetime) -> Rollout:
    """Go on replacing, unless the new workers fail while old ones are left to do the work."""
    if rollout.begins:
        return replace(rollout, phase=Phase.REPLACING)
    if workers.paused and not workers.rollout_stopped_at:
        return replace(rollout, phase=Phase.HELD, from_outside=True)
    stopped = replace(rollout, phase=Phase.STOPPED, paused=True, stopped_at=workers.rollout_stopped_at or now)
    if rollout.failing and outdated(workers):
        return stopped
    if workers.rollout_stopped_at:
        if len(workers.staying) < workers.current:
            return stopped  # not every pod was seen yet, as just after a start
        proven_at = max((_proven_at(pod, now) for pod in _newcomers(workers)), default=now)
        if proven_at > now and outdated(workers):
            return replace(stopped, revisit_at=proven_at)
    return replace(rollout, phase=Phase.REPLACING)


def _proven_at(pod: WorkerPod, now: datetime) -> datetime:
    """Tell when a worker may be believed to work: at once, unless it has crashed or does not work yet."""
    if not pod.ready or pod.ready_since is None:
        return now + PROOF
    return pod.ready_since + PROOF if pod.crashed else now
