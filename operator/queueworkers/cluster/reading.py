"""
From the API server's JSON to the facts that decisions need.

Reads what is there; a field that is missing means what the API's own default means.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from queueworkers.domain.exits import ContainerEnd
from queueworkers.domain.manifests import (
    CEILING_GATE,
    REFERENCES_ANNOTATION,
    RESTARTED_AT_ANNOTATION,
    REVISION_ANNOTATION,
    ROLLOUT_SINCE_ANNOTATION,
    ROLLOUT_STOPPED_ANNOTATION,
    ROLLOUT_TRIGGER_ANNOTATION,
    SCHEDULE_ANNOTATION,
    SCHEDULE_SINCE_ANNOTATION,
    WORKER_CONTAINER,
)
from queueworkers.domain.restarts import RESTART_ANNOTATION, parse_moment
from queueworkers.domain.rollout import Revision
from queueworkers.domain.workers import PodTrouble, TroubleKind, WorkerPod, Workers
from queueworkers.frameworks.base import DEAF_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

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

OUT_OF_MEMORY = "OOMKilled"
"""The kubelet's reason for a run that the kernel ended at its container's limit."""

NEVER_STARTED = frozenset({"StartError", "ContainerCannotRun"})
"""
The runtime's reasons for a run that never began.

The kubelet tries it again like one that crashed, and then gives the sentence
that tells why only as that of the last run.
"""

SOON = timedelta(seconds=10)
"""A worker that ends within this time after its start has not come to work."""

REVISION_NUMBER_ANNOTATION = "deployment.kubernetes.io/revision"
"""On a ReplicaSet: grows with each template that the Deployment was given."""

TEMPLATE_HASH_LABEL = "pod-template-hash"
"""The Deployment controller's own, on the templates of its ReplicaSets."""

DELETION_COST_ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"

PODS_MANAGER = "queue-worker-operator-pods"
"""The operator's field manager on the pods of its workers."""

AUTOSCALER_MANAGER = "kube-controller-manager"
"""Writes ``spec.replicas`` through the scale subresource only on behalf of a HorizontalPodAutoscaler."""


def parse_workers(
    deployment: Mapping[str, Any],
    pods: Iterable[WorkerPod],
    *,
    ends: tuple[ContainerEnd, ...] = (),
    foreign_autoscaler: str | None,
) -> Workers:
    """
    Read a pool's Deployment.

    Args:
        deployment: As the API server tells it.
        pods: Its pods.
        ends: Of its pods' containers.
        foreign_autoscaler: The autoscaler that targets it, where one was found.
    """
    spec, status = deployment["spec"], deployment.get("status", {})
    notes = deployment["metadata"].get("annotations", {})
    template = spec["template"].get("metadata", {}).get("annotations", {})
    return Workers(
        created_at=_moment(deployment["metadata"]["creationTimestamp"]),
        generation=deployment["metadata"].get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        desired=spec.get("replicas", 1),
        current=status.get("replicas", 0),
        ready=status.get("readyReplicas", 0),
        updated=status.get("updatedReplicas", 0),
        available=status.get("availableReplicas", 0),
        restart_marker=parse_moment(template.get(RESTARTED_AT_ANNOTATION)),
        revision=template.get(REVISION_ANNOTATION),
        image=_worker_image(spec["template"]),
        references=_references(template),
        restarted_outside_at=parse_moment(template.get(RESTART_ANNOTATION)),
        paused=spec.get("paused", False),
        rollout_trigger=notes.get(ROLLOUT_TRIGGER_ANNOTATION),
        rollout_since=parse_moment(notes.get(ROLLOUT_SINCE_ANNOTATION)),
        rollout_stopped_at=parse_moment(notes.get(ROLLOUT_STOPPED_ANNOTATION)),
        schedule=notes.get(SCHEDULE_ANNOTATION),
        schedule_since=parse_moment(notes.get(SCHEDULE_SINCE_ANNOTATION)),
        foreign_autoscaler=foreign_autoscaler,
        refusal=_refusal(status),
        pods=tuple(pod for pod in pods if not pod.ended),
        ends=ends,
    )


def parse_revision(template: Mapping[str, Any]) -> Revision | None:
    """Read a pod template that was rendered before; ``None`` for one that was not."""
    metadata = template.get("metadata", {})
    annotations = metadata.get("annotations", {})
    name = annotations.get(REVISION_ANNOTATION)
    if name is None:
        return None
    labels = {key: value for key, value in metadata.get("labels", {}).items() if key != TEMPLATE_HASH_LABEL}
    return Revision(
        template={**template, "metadata": {"labels": labels, "annotations": annotations}},
        name=name,
        image=_worker_image(template),
        references=_references(annotations),
    )


def newest_revision(replica_sets: Iterable[Mapping[str, Any]], *, but: Revision | None) -> Revision | None:
    """
    Find the newest revision among ReplicaSets, other than the Deployment's own.

    Args:
        replica_sets: Of one Deployment.
        but: The Deployment's own template, which one of them has too.
    """
    by_age = sorted(replica_sets, key=_revision_number, reverse=True)
    revisions = (parse_revision(each["spec"]["template"]) for each in by_age)
    return next((each for each in revisions if each and (but is None or each.name != but.name)), None)


def _revision_number(replica_set: Mapping[str, Any]) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get(REVISION_NUMBER_ANNOTATION, 0))


def _worker_image(template: Mapping[str, Any]) -> str:
    images = (
        each.get("image") for each in template["spec"]["containers"] if each["name"] == WORKER_CONTAINER
    )
    return next(images, None) or ""


def _references(annotations: Mapping[str, str]) -> Mapping[str, str]:
    """Read the digests; what somebody else wrote there counts as none."""
    try:
        found = json.loads(annotations.get(REFERENCES_ANNOTATION, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _moment(text: str) -> datetime:
    moment = parse_moment(text)
    assert moment is not None, "the API server always sets creationTimestamp"  # noqa: S101
    return moment


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
    ready = _condition(status, "Ready")
    return WorkerPod(
        name=metadata["name"],
        created_at=_moment(metadata["creationTimestamp"]),
        ready=ready.get("status") == "True",
        ready_since=parse_moment(ready.get("lastTransitionTime")),
        revision=metadata.get("annotations", {}).get(REVISION_ANNOTATION),
        probed_since=_probed_since(pod.get("spec", {}), status),
        terminating="deletionTimestamp" in metadata,
        trouble=_container_trouble(status) or _scheduling_trouble(status),
        creating=any(_is_created(container) for container in status.get("containerStatuses", ())),
        ended=status.get("phase") in {"Succeeded", "Failed"},
        crashed=any(_ended_badly(container) for container in status.get("containerStatuses", ())),
        addresses=tuple(each["ip"] for each in status.get("podIPs", ())),
        gated=any(gate["name"] == CEILING_GATE for gate in pod.get("spec", {}).get("schedulingGates", ())),
        leaving_since=_leaving_since(metadata),
        deletion_cost=_deletion_cost(metadata),
        priced_by_others=_is_priced_by_others(metadata),
        ends=tuple(_container_ends(status, leaving="deletionTimestamp" in metadata)),
    )


def _container_ends(status: Mapping[str, Any], *, leaving: bool) -> Iterator[ContainerEnd]:
    """Find the ends of the worker's containers; what is only the latest run's may be the pod's own end."""
    worker = _named(status.get("containerStatuses", ()))
    for state in ("lastState", "state"):
        end = worker.get(state, {}).get("terminated", {})
        at = parse_moment(end.get("finishedAt"))
        if at and end.get("containerID") and end.get("reason") not in NEVER_STARTED:
            yield ContainerEnd(
                container=end["containerID"],
                at=at,
                exit_code=end["exitCode"],
                leaving=leaving and state == "state",
                message=end.get("message", ""),
            )


def _probed_since(spec: Mapping[str, Any], status: Mapping[str, Any]) -> datetime | None:
    """Tell when the worker was started, if the framework's startup probe, which can complain, looks at it."""
    probe = _named(spec.get("containers", ())).get("startupProbe", {}).get("exec", {})
    if not any(DEAF_WORDS in word for word in probe.get("command", ())):
        return None
    running = _named(status.get("containerStatuses", ())).get("state", {}).get("running", {})
    return parse_moment(running.get("startedAt"))


def _named(containers: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Find the worker's among containers or their statuses."""
    return next((each for each in containers if each["name"] == WORKER_CONTAINER), {})


def _leaving_since(metadata: Mapping[str, Any]) -> datetime | None:
    """Tell when its deletion was asked for: the timestamp says when its grace is over."""
    deadline = parse_moment(metadata.get("deletionTimestamp"))
    return deadline and deadline - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)


def _deletion_cost(metadata: Mapping[str, Any]) -> int:
    """Read the annotation; what is no number counts for the ReplicaSet controller as none."""
    try:
        return int(metadata.get("annotations", {}).get(DELETION_COST_ANNOTATION, "0"))
    except ValueError:
        return 0


def _is_priced_by_others(metadata: Mapping[str, Any]) -> bool:
    """Whoever wrote an annotation last holds it in the managed fields, the template's author among them."""
    if DELETION_COST_ANNOTATION not in metadata.get("annotations", {}):
        return False
    field = f"f:{DELETION_COST_ANNOTATION}"
    owners = {
        entry.get("manager")
        for entry in metadata.get("managedFields", ())
        if field in entry.get("fieldsV1", {}).get("f:metadata", {}).get("f:annotations", {})
    }
    return owners != {PODS_MANAGER}


def _is_created(container: Mapping[str, Any]) -> bool:
    return bool(container.get("state", {}).get("waiting", {}).get("reason") == "ContainerCreating")


def _ended_badly(container: Mapping[str, Any]) -> bool:
    ends = (container.get(state, {}).get("terminated", {}) for state in ("state", "lastState"))
    return any(end.get("exitCode", 0) != 0 for end in ends)


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((each for each in status.get("conditions", ()) if each.get("type") == kind), {})


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
            end = container["state"]["terminated"]
            return PodTrouble(
                kind=TroubleKind.CRASHING,
                message="it ended soon after its start, again.",
                exit_code=end["exitCode"],
                out_of_memory=end.get("reason") == OUT_OF_MEMORY,
            )
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
    return PodTrouble(
        kind=kind,
        message=message,
        exit_code=last.get("exitCode"),
        out_of_memory=last.get("reason") == OUT_OF_MEMORY,
    )
