"""
The Deployment that runs a pool's workers: spec in, object out.

What is rendered here is applied by one field manager without ``replicas``;
the number of workers belongs to another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from queueworkers.api.base import API_VERSION, GROUP, KIND
from queueworkers.api.spec import SecurityProfile
from queueworkers.domain.conformity import digest
from queueworkers.domain.identity import MANAGED_BY, MANAGED_BY_LABEL, POOL_LABEL
from queueworkers.domain.strategic_merge import merge

if TYPE_CHECKING:
    from datetime import datetime

    from queueworkers.api.spec import QueueWorkerPoolSpec
    from queueworkers.domain.identity import PoolIdentity

WORKER_CONTAINER = "worker"
"""The container of a user's `podTemplate` that the operator's own one merges with."""

RESTARTED_AT_ANNOTATION = f"{GROUP}/restarted-at"
"""On the pod template.  Not kubectl's own key: `kubectl rollout restart` keeps that one."""

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


def render_deployment(
    pool: PoolIdentity, spec: QueueWorkerPoolSpec, *, restarted_at: datetime | None
) -> dict[str, Any]:
    """
    Make the Deployment of *pool*, complete but for ``replicas``.

    Args:
        pool: Whose workers; becomes the owner.
        spec: What the user asked for.
        restarted_at: The latest restart that the workers must have had.
    """
    labels = {MANAGED_BY_LABEL: MANAGED_BY, POOL_LABEL: pool.key.name}
    deployment: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": pool.key.deployment,
            "namespace": pool.key.namespace,
            "labels": labels,
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
            "template": _pod_template(spec, labels, restarted_at),
        },
    }
    deployment["metadata"]["annotations"] = {APPLIED_ANNOTATION: digest(deployment)}
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


def _owner_reference(pool: PoolIdentity) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": pool.key.name,
        "uid": pool.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _pod_template(
    spec: QueueWorkerPoolSpec, labels: dict[str, str], restarted_at: datetime | None
) -> dict[str, Any]:
    base = {"spec": _pod_spec(spec)}
    merged = merge(base, spec.pod_template or {})
    _wait_before_leaving(merged, spec)
    metadata = merged.setdefault("metadata", {})
    # The selector must find the pods, whatever labels the user adds.
    metadata["labels"] = {**metadata.get("labels", {}), **labels}
    if restarted_at is not None:
        metadata["annotations"] = {
            **metadata.get("annotations", {}),
            RESTARTED_AT_ANNOTATION: restarted_at.isoformat(),
        }
    return merged


def _wait_before_leaving(template: dict[str, Any], spec: QueueWorkerPoolSpec) -> None:
    """Have the worker asked to leave when it listens, unless the user has a hook of their own there."""
    worker = next(each for each in template["spec"]["containers"] if each.get("name") == WORKER_CONTAINER)
    hook = {"preStop": {"exec": {"command": list(spec.framework_declared.before_leaving)}}}
    worker["lifecycle"] = {**hook, **worker.get("lifecycle", {})}


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
    container: dict[str, Any] = {
        "name": WORKER_CONTAINER,
        "image": spec.image,
        "command": list(spec.console),
        "args": list(framework.command_line(spec.worker_options())),
        "resources": _resources(spec),
        "securityContext": _container_security(spec.security),
    }
    if spec.env:
        container["env"] = list(spec.env)
    if spec.env_from:
        container["envFrom"] = list(spec.env_from)
    return container


def _resources(spec: QueueWorkerPoolSpec) -> dict[str, Any]:
    if not spec.memory:  # no limit of the worker's own: nothing to derive one from
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
