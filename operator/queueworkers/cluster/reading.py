"""
From the API server's JSON to the facts that decisions need.

Reads what is there; a field that is missing means what the API's own default means.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from queueworkers.domain.manifests import RESTARTED_AT_ANNOTATION
from queueworkers.domain.rollout import parse_moment
from queueworkers.domain.workers import PodTrouble, TroubleKind, WorkerPod, Workers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WAITING_TROUBLES = {
    "ImagePullBackOff": TroubleKind.IMAGE_PULL_FAILED,
    "ErrImagePull": TroubleKind.IMAGE_PULL_FAILED,
    "ErrImageNeverPull": TroubleKind.IMAGE_PULL_FAILED,
    "InvalidImageName": TroubleKind.IMAGE_PULL_FAILED,
    "ImageInspectError": TroubleKind.IMAGE_PULL_FAILED,
    "RegistryUnavailable": TroubleKind.IMAGE_PULL_FAILED,
    "CreateContainerConfigError": TroubleKind.MISSING_REFERENCE,
    "CreateContainerError": TroubleKind.START_REFUSED,
    "RunContainerError": TroubleKind.START_REFUSED,
    "CrashLoopBackOff": TroubleKind.CRASHING,
}
"""The kubelet's reasons for a container that waits, and what they mean for a pool."""

MISSING = ("not found", "couldn't find key", "non-existent")
"""
In the kubelet's sentence when a Secret, a ConfigMap or a key of one is not there.

It gives `CreateContainerConfigError` for everything that it cannot make of a
container's settings, such as an image that runs as root where that is ruled out.
"""

NEVER_STARTED = frozenset({"StartError", "ContainerCannotRun"})
"""
The runtime's reasons for a run that never began.

The kubelet tries it again like one that crashed, and then gives the sentence
that tells why only as that of the last run.
"""

SOON = timedelta(seconds=10)
"""A worker that ends within this time after its start has not come to work."""

AUTOSCALER_MANAGER = "kube-controller-manager"
"""Writes ``spec.replicas`` through the scale subresource only on behalf of a HorizontalPodAutoscaler."""


def parse_workers(
    deployment: Mapping[str, Any], pods: Iterable[WorkerPod], *, foreign_autoscaler: str | None
) -> Workers:
    """
    Read a pool's Deployment.

    Args:
        deployment: As the API server tells it.
        pods: Its pods.
        foreign_autoscaler: The autoscaler that targets it, where one was found.
    """
    spec, status = deployment["spec"], deployment.get("status", {})
    template = spec["template"].get("metadata", {})
    return Workers(
        generation=deployment["metadata"].get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        desired=spec.get("replicas", 1),
        current=status.get("replicas", 0),
        ready=status.get("readyReplicas", 0),
        updated=status.get("updatedReplicas", 0),
        available=status.get("availableReplicas", 0),
        restart_marker=parse_moment(template.get("annotations", {}).get(RESTARTED_AT_ANNOTATION)),
        foreign_autoscaler=foreign_autoscaler,
        refusal=_refusal(status),
        pods=tuple(pod for pod in pods if not pod.ended),
    )


def replica_owners(deployment: Mapping[str, Any]) -> frozenset[str]:
    """Name the field managers of ``spec.replicas``."""
    return frozenset(
        entry.get("manager", "")
        for entry in deployment["metadata"].get("managedFields", ())
        if "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
    )


def _refusal(status: Mapping[str, Any]) -> str | None:
    for condition in status.get("conditions", ()):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return str(condition.get("message", "the API server refuses new pods"))
    return None


def parse_pod(pod: Mapping[str, Any]) -> WorkerPod:
    """Read one worker's pod."""
    metadata, status = pod["metadata"], pod.get("status", {})
    created = parse_moment(metadata["creationTimestamp"])
    assert created is not None, "the API server always sets creationTimestamp"  # noqa: S101
    return WorkerPod(
        name=metadata["name"],
        created_at=created,
        ready=_condition(status, "Ready") == "True",
        terminating="deletionTimestamp" in metadata,
        trouble=_container_trouble(status) or _scheduling_trouble(status),
        creating=any(_is_created(container) for container in status.get("containerStatuses", ())),
        ended=status.get("phase") in {"Succeeded", "Failed"},
        crashed=any(_ended_badly(container) for container in status.get("containerStatuses", ())),
    )


def _is_created(container: Mapping[str, Any]) -> bool:
    return bool(container.get("state", {}).get("waiting", {}).get("reason") == "ContainerCreating")


def _ended_badly(container: Mapping[str, Any]) -> bool:
    ends = (container.get(state, {}).get("terminated", {}) for state in ("state", "lastState"))
    return any(end.get("exitCode", 0) != 0 for end in ends)


def _condition(status: Mapping[str, Any], kind: str) -> str | None:
    for condition in status.get("conditions", ()):
        if condition.get("type") == kind:
            return str(condition.get("status"))
    return None


def _scheduling_trouble(status: Mapping[str, Any]) -> PodTrouble | None:
    for condition in status.get("conditions", ()):
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return PodTrouble(kind=TroubleKind.UNSCHEDULABLE, message=condition.get("message", ""))
    return None


def _container_trouble(status: Mapping[str, Any]) -> PodTrouble | None:
    containers = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    for container in containers:
        waiting = container.get("state", {}).get("waiting", {})
        kind = WAITING_TROUBLES.get(waiting.get("reason", ""))
        if kind:
            last = container.get("lastState", {}).get("terminated", {})
            return _waiting_trouble(kind, waiting, last)
        if _crashed_again(container):
            # The kubelet says CrashLoopBackOff only when it is to start the container anew, many seconds later.
            code = container["state"]["terminated"]["exitCode"]
            message = "it ended soon after its start, again."
            return PodTrouble(kind=TroubleKind.CRASHING, message=message, exit_code=code)
    return None


def _crashed_again(container: Mapping[str, Any]) -> bool:
    """Twice in a row, and soon: a single end, by a job's timeout for one, is daily life."""
    ends = [container.get(state, {}).get("terminated", {}) for state in ("state", "lastState")]
    started, ended = (parse_moment(ends[0].get(key)) for key in ("startedAt", "finishedAt"))
    soon = started is not None and ended is not None and ended - started < SOON
    return soon and all(end.get("exitCode", 0) != 0 for end in ends)


def _waiting_trouble(kind: TroubleKind, waiting: Mapping[str, Any], last: Mapping[str, Any]) -> PodTrouble:
    message = waiting.get("message", waiting["reason"])
    if kind is not TroubleKind.IMAGE_PULL_FAILED and last.get("reason") in NEVER_STARTED:
        # Its exit code is the runtime's: the worker had none.
        return PodTrouble(kind=TroubleKind.START_REFUSED, message=last.get("message", message))
    if kind is TroubleKind.MISSING_REFERENCE and not any(words in message for words in MISSING):
        kind = TroubleKind.START_REFUSED
    return PodTrouble(kind=kind, message=message, exit_code=last.get("exitCode"))
