"""
Why a pod that should long have started has not: only an Event tells.

A volume whose Secret or ConfigMap is missing leaves the pod in
`ContainerCreating`, with no word in its status.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from queueworkers.cluster import paths
from queueworkers.domain.workers import PodTrouble, TroubleKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from queueworkers.cluster.client import KubernetesApi
    from queueworkers.domain.identity import PoolKey
    from queueworkers.domain.workers import WorkerPod

PATIENCE = timedelta(seconds=15)
"""An image that is pulled takes time, and nobody needs to ask why."""

KEPT_SECONDS = 15.0
"""How long an answer is good: the kubelet repeats its Events no faster."""

TELLING = {
    "FailedMount": TroubleKind.MISSING_REFERENCE,
    "FailedAttachVolume": TroubleKind.START_REFUSED,
    "FailedCreatePodSandBox": TroubleKind.START_REFUSED,
}
"""The Events that say why a pod does not get as far as its containers."""


class StuckPods:
    """Looks the Events of pods up that are being created for too long."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._answers: dict[PoolKey, tuple[float, PodTrouble | None]] = {}

    async def observe(self, key: PoolKey, pods: Sequence[WorkerPod]) -> tuple[WorkerPod, ...]:
        """
        Give the pods that are stuck their trouble; the others stay as they are.

        The pods of a pool are made from one template, so one is asked about
        and the answer is that of all.
        """
        since = datetime.now(tz=UTC) - PATIENCE
        stuck = [pod.name for pod in pods if pod.creating and not pod.terminating and pod.created_at < since]
        if not stuck:
            self._answers.pop(key, None)
            return tuple(pods)
        trouble = await self._ask(key, min(stuck))
        return tuple(
            replace(pod, trouble=pod.trouble or trouble) if pod.name in stuck else pod for pod in pods
        )

    def forget(self, key: PoolKey) -> None:
        """Drop what is remembered of a pool that is gone."""
        self._answers.pop(key, None)

    async def _ask(self, key: PoolKey, pod: str) -> PodTrouble | None:
        asked_at, trouble = self._answers.get(key, (float("-inf"), None))
        if time.monotonic() - asked_at < KEPT_SECONDS:
            return trouble
        events, _ = await self._api.list(
            paths.pod_events(key.namespace), fields=f"involvedObject.kind=Pod,involvedObject.name={pod}"
        )
        telling = [event for event in events if event.get("reason") in TELLING]
        trouble = _trouble(max(telling, key=_last_seen)) if telling else None
        self._answers[key] = (time.monotonic(), trouble)
        return trouble


def _last_seen(event: Mapping[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _trouble(event: Mapping[str, Any]) -> PodTrouble:
    return PodTrouble(kind=TELLING[event["reason"]], message=str(event.get("message", event["reason"])))
