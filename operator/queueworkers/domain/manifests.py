"""
The Deployment that runs a pool's workers: spec in, object out.

What is rendered here is applied by one field manager without ``replicas``;
the number of workers belongs to another one.
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from queueworkers.api.base import API_VERSION, GROUP, KIND
from queueworkers.api.spec import SecurityProfile
from queueworkers.domain.conformity import digest
from queueworkers.domain.identity import MANAGED_BY, MANAGED_BY_LABEL, POOL_LABEL
from queueworkers.domain.listening import can_listen
from queueworkers.domain.rollout import Revision
from queueworkers.domain.strategic_merge import merge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.domain.identity import PoolIdentity
    from queueworkers.domain.rollout import Rollout

WORKER_CONTAINER = "worker"
"""The container of a user's `podTemplate` that the operator's own one merges with."""

RESTARTED_AT_ANNOTATION = f"{GROUP}/restarted-at"
"""On the pod template.  Not kubectl's own key: `kubectl rollout restart` keeps that one."""

REVISION_ANNOTATION = f"{GROUP}/revision"
"""On the pod template, and so on every pod: a digest of the template, which tells old workers from new ones."""

REFERENCES_ANNOTATION = f"{GROUP}/references"
"""On the pod template: digests of the ConfigMaps and Secrets whose change replaces the workers, as JSON."""

ROLLOUT_TRIGGER_ANNOTATION = f"{GROUP}/rollout-trigger"
"""On the Deployment: what the latest replacement of workers began with."""

ROLLOUT_SINCE_ANNOTATION = f"{GROUP}/rollout-since"
"""On the Deployment: when that began."""

ROLLOUT_STOPPED_ANNOTATION = f"{GROUP}/rollout-stopped"
"""On the Deployment: since when it is paused because new workers fail."""

SCHEDULE_ANNOTATION = f"{GROUP}/restart-schedule"
SCHEDULE_SINCE_ANNOTATION = f"{GROUP}/restart-schedule-since"
"""On the Deployment: a schedule counts from when it was given, not for moments that it would have had before."""

CEILING_GATE = f"{GROUP}/max-concurrent"
"""The scheduling gate of every pod of a pool with `maxConcurrent`; taken away when there is a place for it."""

APPLIED_ANNOTATION = f"{GROUP}/applied"
"""On the Deployment: the digest of what was applied last, so that a removed field is noticed."""

REVISIONS_KEPT = 3
"""Old ReplicaSets to keep for `kubectl rollout undo`."""

HEADROOM_MEGABYTES = 64
HEADROOM_FACTOR = 1.5
"""A worker looks at its memory between jobs only, and PHP itself needs some: see `memory_limit_megabytes`."""

IMAGE_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID")
"""
What ordinary PHP images need of root: entrypoints that chown `storage`, write
where only www-data may, switch user, and pass SIGTERM on to a child that runs
as another user.  All of them are within the `baseline` Pod Security Standard.
"""


def render_revision(
    pool: PoolIdentity,
    spec: QueueWorkerPoolSpec,
    *,
    restarted_at: datetime | None,
    references: Mapping[str, str],
) -> Revision:
    """
    Make the template of *pool*'s workers.

    Args:
        pool: Whose workers.
        spec: What the user asked for.
        restarted_at: The latest restart that the workers must have had.
        references: Digests of what a change of which replaces them.
    """
    template = render_template(pool, spec, restarted_at=restarted_at, references=references)
    name = digest(template)
    metadata = template["metadata"]
    metadata["annotations"] = {**metadata.get("annotations", {}), REVISION_ANNOTATION: name}
    return Revision(template=template, name=name, image=spec.image, references=references)


STARTUP_PROBE = MappingProxyType({"periodSeconds": 1, "timeoutSeconds": 60, "failureThreshold": 1_000_000})
"""
The probe says when a worker is ready, and nothing else: it must not end one.

It waits in the container, so that the kubelet need not ask again and again; the
time limit is longer than it ever does.
"""


def render_template(
    pool: PoolIdentity,
    spec: QueueWorkerPoolSpec,
    *,
    restarted_at: datetime | None = None,
    references: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Make the ``PodTemplateSpec`` of *pool*'s workers, without a name; arguments as of `render_revision`."""
    base = {"spec": _pod_spec(spec)}
    merged = merge(base, spec.pod_template or {})
    _hear_stops(merged, spec)
    if spec.scaling.max_concurrent is not None:
        gates = merged["spec"].get("schedulingGates", ())
        merged["spec"]["schedulingGates"] = [*gates, {"name": CEILING_GATE}]
    metadata = merged.setdefault("metadata", {})
    # The selector must find the pods, whatever labels the user adds.
    metadata["labels"] = {**metadata.get("labels", {}), **_labels(pool)}
    own = {
        RESTARTED_AT_ANNOTATION: restarted_at.isoformat() if restarted_at else None,
        REFERENCES_ANNOTATION: json.dumps(references, sort_keys=True) if references else None,
    }
    metadata["annotations"] = {
        **metadata.get("annotations", {}),
        **{key: value for key, value in own.items() if value},
    }
    return merged


def render_deployment(
    pool: PoolIdentity, spec: QueueWorkerPoolSpec, rollout: Rollout, *, scheduled_at: datetime | None
) -> dict[str, Any]:
    """
    Make the Deployment of *pool*, complete but for ``replicas``.

    Args:
        pool: Whose workers; becomes the owner.
        spec: What the user asked for.
        rollout: Which template it has, and whether its workers may be replaced.
        scheduled_at: Since when the schedule of restarts is what it is, where there is one.
    """
    deployment: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": pool.key.deployment,
            "namespace": pool.key.namespace,
            "labels": _labels(pool),
            "annotations": _notes(spec, rollout, scheduled_at),
            "ownerReferences": [_owner_reference(pool)],
        },
        "spec": {
            "selector": {"matchLabels": {POOL_LABEL: pool.key.name}},
            "minReadySeconds": spec.restart.min_ready_seconds,
            "revisionHistoryLimit": REVISIONS_KEPT,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": spec.restart.max_surge},
            },
            "template": rollout.revision.template,
        },
    }
    if rollout.paused:
        # Left out otherwise: somebody else may have paused it.
        deployment["spec"]["paused"] = True
    deployment["metadata"]["annotations"][APPLIED_ANNOTATION] = digest(deployment)
    return deployment


def render_replicas(pool: PoolIdentity, replicas: int) -> dict[str, Any]:
    """Make the part of the Deployment that only says how many workers there should be."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": pool.key.deployment, "namespace": pool.key.namespace},
        "spec": {"replicas": replicas},
    }


def memory_limit_megabytes(memory: int) -> int:
    """
    Leave room above ``--memory``, which a worker looks at between jobs only.

    Half as much again for the job that goes over it, and 64 MB for PHP itself
    and its extensions, which ``memory_get_usage`` does not count.
    """
    return int(memory * HEADROOM_FACTOR) + HEADROOM_MEGABYTES


def _labels(pool: PoolIdentity) -> dict[str, str]:
    return {MANAGED_BY_LABEL: MANAGED_BY, POOL_LABEL: pool.key.name}


def _notes(spec: QueueWorkerPoolSpec, rollout: Rollout, scheduled_at: datetime | None) -> dict[str, str]:
    """Note on the Deployment what a new operator must know of a replacement, and of the next one."""
    notes = {
        ROLLOUT_TRIGGER_ANNOTATION: rollout.trigger,
        ROLLOUT_SINCE_ANNOTATION: rollout.since and rollout.since.isoformat(),
        ROLLOUT_STOPPED_ANNOTATION: rollout.stopped_at and rollout.stopped_at.isoformat(),
        SCHEDULE_ANNOTATION: spec.restart.named_schedule,
        SCHEDULE_SINCE_ANNOTATION: scheduled_at and scheduled_at.isoformat(),
    }
    return {key: value for key, value in notes.items() if value}


def _owner_reference(pool: PoolIdentity) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": pool.key.name,
        "uid": pool.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def worker_container(template: Mapping[str, Any]) -> dict[str, Any]:
    """Find the container that the worker runs in; a template of ours has it, whatever the user adds."""
    found: dict[str, Any] = next(
        each for each in template["spec"]["containers"] if each.get("name") == WORKER_CONTAINER
    )
    return found


def _hear_stops(template: dict[str, Any], spec: QueueWorkerPoolSpec) -> None:
    """Have no stop lost, and the worker ready when it hears one; a hook or probe of the user's wins."""
    framework = spec.framework_declared
    worker = worker_container(template)
    if waiting := framework.before_leaving(spec.console):
        hook = {"preStop": {"exec": {"command": list(waiting)}}}
        worker["lifecycle"] = {**hook, **worker.get("lifecycle", {})}
    if framework.startup_probe and can_listen(spec):
        command = list(framework.startup_probe(spec.console))
        worker.setdefault("startupProbe", {"exec": {"command": command}, **STARTUP_PROBE})


def _pod_spec(spec: QueueWorkerPoolSpec) -> dict[str, Any]:
    pod_security: dict[str, Any] = {"seccompProfile": {"type": "RuntimeDefault"}}
    if spec.security is SecurityProfile.RESTRICTED:
        pod_security["runAsNonRoot"] = True
    return {
        "terminationGracePeriodSeconds": spec.effective_grace_period_seconds,
        # A worker has no business with the Kubernetes API.
        "automountServiceAccountToken": False,
        # A Service called "redis" would otherwise set REDIS_PORT=tcp://…, which Laravel reads.
        "enableServiceLinks": False,
        "securityContext": pod_security,
        "containers": [_worker_container(spec)],
    }


def _worker_container(spec: QueueWorkerPoolSpec) -> dict[str, Any]:
    framework = spec.framework_declared
    command = framework.first_process(
        spec.console, meanings=framework.exit_meanings, after_crash=spec.restart.after_crash
    )
    container: dict[str, Any] = {
        "name": WORKER_CONTAINER,
        "image": spec.image,
        "command": list(command),
        "resources": _resources(spec),
        "securityContext": _container_security(spec.security),
    }
    if arguments := framework.command_line(spec.worker_options(), spec.version_tuple):
        container["args"] = list(arguments)
    if spec.env:
        container["env"] = list(spec.env)
    if spec.env_from:
        container["envFrom"] = list(spec.env_from)
    return container


def _resources(spec: QueueWorkerPoolSpec) -> dict[str, Any]:
    # Without a limit of the worker's own there is nothing to derive one from.
    if not spec.memory or not spec.framework_declared.knows("memory", spec.version_tuple):
        return dict(spec.resources or {})
    derived = {
        "requests": {"memory": f"{spec.memory}Mi"},
        "limits": {"memory": f"{memory_limit_megabytes(spec.memory)}Mi"},
    }
    return merge(derived, spec.resources or {})


def _container_security(profile: SecurityProfile) -> dict[str, Any]:
    capabilities: dict[str, Any] = {"drop": ["ALL"]}
    if profile is SecurityProfile.COMPATIBLE:
        capabilities["add"] = list(IMAGE_CAPABILITIES)
    return {"allowPrivilegeEscalation": False, "capabilities": capabilities}
