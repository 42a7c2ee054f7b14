"""
What only the Events of a pod tell: why it does not start, and why its worker is deaf.

A volume whose Secret or ConfigMap is missing leaves the pod in
`ContainerCreating`, with no word in its status; what a probe said is
nowhere else.  Events are asked for only where there is a reason to.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from queueworkers.cluster import paths
from queueworkers.domain.listening import is_late, parse_deafness
from queueworkers.domain.workers import PodTrouble, TroubleKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from queueworkers.cluster.client import KubernetesApi
    from queueworkers.domain.identity import PoolKey
    from queueworkers.domain.workers import WorkerPod
    from queueworkers.frameworks.base import Deafness

PATIENCE = timedelta(seconds=15)
"""An image that is pulled takes time, and nobody needs to ask why."""

PROBE_PATIENCE = timedelta(seconds=40)
"""The startup probe has had its say by then, where it could be run at all."""

KEPT_SECONDS = 15.0
"""How long an answer is good: the kubelet repeats its Events no faster."""

TELLING = {
    "FailedMount": TroubleKind.MISSING_REFERENCE,
    "FailedAttachVolume": TroubleKind.START_REFUSED,
    "FailedCreatePodSandBox": TroubleKind.START_REFUSED,
}
"""The Events that say why a pod does not get as far as its containers."""

UNHEALTHY = "Unhealthy"
"""The reason of the Events in which the kubelet repeats what a probe said."""

NOT_RUN = "Startup probe errored"
"""How the kubelet begins when it could not run a probe: what it was to run is not in the image."""


class PodEvents:
    """Looks up the Events of pods that are not as pods usually are."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._troubles: dict[PoolKey, tuple[float, PodTrouble | None]] = {}
        self._deaf: dict[PoolKey, dict[tuple[str, datetime | None], Deafness | None]] = {}

    async def observe(self, key: PoolKey, pods: Sequence[WorkerPod]) -> tuple[WorkerPod, ...]:
        """Complete what the pods' own status tells."""
        return await self._find_deaf(key, await self._find_stuck(key, pods))

    def forget(self, key: PoolKey) -> None:
        """Drop what is remembered of a pool that is gone."""
        self._troubles.pop(key, None)
        self._deaf.pop(key, None)

    async def _find_stuck(self, key: PoolKey, pods: Sequence[WorkerPod]) -> tuple[WorkerPod, ...]:
        """
        Give the pods that are stuck their trouble; the others stay as they are.

        The pods of a pool are made from one template, so one is asked about
        and the answer is that of all.
        """
        now = datetime.now(tz=UTC)
        stuck = [pod.name for pod in pods if not pod.terminating and _is_stuck(pod, now)]
        if not stuck:
            self._troubles.pop(key, None)
            return tuple(pods)
        asked_at, trouble = self._troubles.get(key, (float("-inf"), None))
        if time.monotonic() - asked_at >= KEPT_SECONDS:
            trouble = _trouble(await self._events_of(key, min(stuck)))
            self._troubles[key] = (time.monotonic(), trouble)
        return tuple(
            replace(pod, trouble=pod.trouble or trouble) if pod.name in stuck else pod for pod in pods
        )

    async def _find_deaf(self, key: PoolKey, pods: Sequence[WorkerPod]) -> tuple[WorkerPod, ...]:
        """
        Give the pods whose probe has complained their deafness.

        Each run of a worker is asked about once.  One that is found deaf speaks for
        all late ones of its template.
        """
        late = [pod for pod in pods if is_late(pod) and not pod.terminating]
        answers = self._deaf.pop(key, {})
        known = {_run(pod): answers[_run(pod)] for pod in late if _run(pod) in answers}
        deaf = {pod.revision: known[_run(pod)] for pod in late if known.get(_run(pod))}
        for pod in late:
            if _run(pod) in known or pod.revision in deaf:
                continue
            deafness = _deafness(await self._events_of(key, pod.name))
            known[_run(pod)] = deafness
            if deafness:
                deaf[pod.revision] = deafness
        if known:
            self._deaf[key] = known
        return tuple(replace(pod, deafness=deaf.get(pod.revision)) if pod in late else pod for pod in pods)

    async def _events_of(self, key: PoolKey, pod: str) -> list[dict[str, Any]]:
        """Ask for the Events of one pod, the earliest first."""
        events, _ = await self._api.list(
            paths.pod_events(key.namespace), fields=f"involvedObject.kind=Pod,involvedObject.name={pod}"
        )
        return sorted(events, key=_last_seen)


def _is_stuck(pod: WorkerPod, now: datetime) -> bool:
    if pod.creating:
        return pod.created_at < now - PATIENCE
    return pod.probed_since is not None and not pod.ready and pod.probed_since < now - PROBE_PATIENCE


def _run(pod: WorkerPod) -> tuple[str, datetime | None]:
    return pod.name, pod.probed_since


def _last_seen(event: Mapping[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _trouble(events: Sequence[Mapping[str, Any]]) -> PodTrouble | None:
    """Read the latest Event that says why a pod is stuck."""
    found = None
    for event in events:
        reason, message = event.get("reason", ""), str(event.get("message", event.get("reason")))
        kind = TELLING.get(reason)
        if reason == UNHEALTHY and NOT_RUN in message:
            kind = TroubleKind.START_REFUSED
        if kind:
            found = PodTrouble(kind=kind, message=message)
    return found


def _deafness(events: Sequence[Mapping[str, Any]]) -> Deafness | None:
    """Read the latest complaint of the startup probe."""
    said = (
        parse_deafness(str(event.get("message", ""))) for event in events if event.get("reason") == UNHEALTHY
    )
    return next(filter(None, reversed(list(said))), None)
