"""
Whether a pool's workers hear that they are asked to leave: its `StopsGracefully` condition.

A startup probe of the framework looks in the container.  That a pod is ready
early says that its worker listens, for the probe has no other reason to
succeed; that it is late, and why, is in an Event of the pod.  Events are
kept for an hour, so what was said of a template holds until its pods say otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.api.conditions import ConditionReason, ConditionStatus
from queueworkers.frameworks.base import (
    DEAF_WORDS,
    PROBE_PATIENCE_SECONDS,
    Deafness,
    reaches,
    spell_version,
)

if TYPE_CHECKING:
    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.api.status import Condition
    from queueworkers.domain.workers import WorkerPod, Workers

PATIENCE = timedelta(seconds=PROBE_PATIENCE_SECONDS)

Said = tuple[ConditionStatus, str, str]
"""A condition's status, reason and message."""

_COMPLAINT = re.compile(rf"{DEAF_WORDS}: ({'|'.join(Deafness)})")

_HEARD = "Workers hear that they are asked to leave, and end the job in hand first."
_UNSEEN = "No worker of this template has shown yet whether it hears that it is asked to leave."
_UNPROBED = "Nobody looks whether workers hear that they are asked to leave: the pod template has a startupProbe of its own."
_UNKNOWABLE = (
    "Nobody looks whether workers hear that they are asked to leave, as only the pool knows what runs in the container:"
    " see that it ends after the job in hand when it gets the image's STOPSIGNAL, which is SIGTERM unless it says otherwise."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What is wrong with workers that do not hear a stop."""

    reason: ConditionReason
    cause: str
    advice: str

    def __str__(self) -> str:
        """Say it in sentences: why, what comes of it, what to change."""
        return (
            f"{self.cause}, so workers do not hear that they are asked to leave: they go on taking jobs, and are killed"
            f" in the middle of one when their grace period is over. {self.advice}"
        )


COMPLAINTS = MappingProxyType(
    {
        Deafness.PCNTL_MISSING: Complaint(
            reason=ConditionReason.PCNTL_MISSING,
            cause="PHP has no pcntl extension",
            advice="Install it in the image, as with `docker-php-ext-install pcntl`, and keep pcntl_signal out of"
            " disable_functions.",
        ),
        Deafness.NOT_LISTENING: Complaint(
            reason=ConditionReason.NOT_LISTENING,
            cause=f"Nothing in the container listened for SIGTERM as a worker does {PROBE_PATIENCE_SECONDS} s after its start",
            advice="See that spec.command runs queue:work, and that nothing before it takes so long.",
        ),
        Deafness.OUT_OF_REACH: Complaint(
            reason=ConditionReason.OUT_OF_REACH,
            cause="The worker runs as a user to whose processes the container's first one may send no signal",
            advice="Run the whole container as the worker's user, or leave it the capability KILL.",
        ),
    }
)


def can_listen(spec: QueueWorkerPoolSpec) -> bool:
    """Tell whether the worker of this version of the framework hears a stop at all; the newest does."""
    return reaches(spec.version_tuple, spec.framework_declared.listens_since)


def is_prompt(pod: WorkerPod) -> bool:
    """Tell whether the probe succeeded before it had any other reason to than a worker that listens."""
    boot = _boot(pod)
    return boot is not None and timedelta() <= boot <= PATIENCE


def is_late(pod: WorkerPod) -> bool:
    """Tell whether a pod became ready so late that its probe may have complained."""
    boot = _boot(pod)
    return boot is not None and boot > PATIENCE


def _boot(pod: WorkerPod) -> timedelta | None:
    """From the start of the worker's container until the pod was ready, in whole seconds."""
    if pod.probed_since is None or pod.ready_since is None or not pod.ready:
        return None
    return pod.ready_since - pod.probed_since


def parse_deafness(message: str) -> Deafness | None:
    """Find a startup probe's complaint in the kubelet's sentence about it."""
    found = _COMPLAINT.search(message)
    return Deafness(found[1]) if found else None


def judge_listening(
    spec: QueueWorkerPoolSpec, workers: Workers | None, *, previous: Condition | None
) -> Said:
    """
    Say whether workers of the present template hear a stop.

    Args:
        spec: What the user asked for.
        workers: What is there; ``None`` without a Deployment.
        previous: What was said before; holds while no pod says otherwise and the template is the same.
    """
    if not can_listen(spec):
        return _complain(_unsupported(spec))
    if spec.framework_declared.startup_probe is None:
        return ConditionStatus.UNKNOWN, ConditionReason.NOT_PROBED, _UNKNOWABLE
    return _judge_pods(workers, previous)


def _judge_pods(workers: Workers | None, previous: Condition | None) -> Said:
    pods = [pod for pod in workers.staying if pod.revision == workers.revision] if workers else []
    deafness = min((pod.deafness for pod in pods if pod.deafness), default=None)
    if deafness:
        return _complain(COMPLAINTS[deafness])
    if any(is_prompt(pod) for pod in pods):
        return ConditionStatus.TRUE, ConditionReason.LISTENING, _HEARD
    if any(pod.ready and pod.probed_since is None for pod in pods):
        return ConditionStatus.UNKNOWN, ConditionReason.NOT_PROBED, _UNPROBED
    if workers and previous and _said_since(previous, workers):
        return previous.status, previous.reason, previous.message
    return ConditionStatus.UNKNOWN, ConditionReason.NO_WORKER_SEEN, _UNSEEN


def _complain(complaint: Complaint) -> Said:
    return ConditionStatus.FALSE, complaint.reason, str(complaint)


def _unsupported(spec: QueueWorkerPoolSpec) -> Complaint:
    since = spell_version(spec.framework_declared.listens_since)
    return Complaint(
        reason=ConditionReason.SIGNALS_UNSUPPORTED,
        cause=f"{spec.framework} {spec.version} knows no signals",
        advice=f"Its workers do from {since} on.",
    )


def _said_since(previous: Condition, workers: Workers) -> bool:
    """Tell whether a condition was said after the latest template came."""
    return workers.rollout_since is None or previous.last_transition_time >= workers.rollout_since
