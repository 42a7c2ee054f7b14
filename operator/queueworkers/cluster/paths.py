"""Where the API server keeps what the operator reads and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queueworkers.api.base import API_VERSION, PLURAL
from queueworkers.api.budget import BUDGET_PLURAL

if TYPE_CHECKING:
    from queueworkers.domain.identity import BudgetKey, PoolKey


def pools(namespace: str | None = None) -> str:
    """All pools, or those of one namespace."""
    return f"/apis/{API_VERSION}{_within(namespace)}/{PLURAL}"


def pool(key: PoolKey) -> str:
    """One pool."""
    return f"{pools(key.namespace)}/{key.name}"


def pool_status(key: PoolKey) -> str:
    """The status of one pool."""
    return f"{pool(key)}/status"


def budgets(namespace: str | None = None) -> str:
    """All budgets, or those of one namespace."""
    return f"/apis/{API_VERSION}{_within(namespace)}/{BUDGET_PLURAL}"


def budget_status(key: BudgetKey) -> str:
    """The status of one budget."""
    return f"{budgets(key.namespace)}/{key.name}/status"


def deployments(namespace: str | None = None) -> str:
    """All Deployments, or those of one namespace."""
    return f"/apis/apps/v1{_within(namespace)}/deployments"


def deployment(key: PoolKey) -> str:
    """The Deployment of one pool."""
    return f"{deployments(key.namespace)}/{key.deployment}"


def replica_sets(namespace: str) -> str:
    """The ReplicaSets of one namespace."""
    return f"/apis/apps/v1{_within(namespace)}/replicasets"


def pods(namespace: str | None = None) -> str:
    """All pods, or those of one namespace."""
    return f"/api/v1{_within(namespace)}/pods"


def pod(namespace: str, name: str) -> str:
    """One pod."""
    return f"{pods(namespace)}/{name}"


def pod_log(namespace: str, name: str) -> str:
    """The log of one pod's containers."""
    return f"{pod(namespace, name)}/log"


def namespaces() -> str:
    """All namespaces."""
    return "/api/v1/namespaces"


def config_map(namespace: str, name: str) -> str:
    """One ConfigMap."""
    return f"/api/v1{_within(namespace)}/configmaps/{name}"


def secret(namespace: str, name: str) -> str:
    """One Secret."""
    return f"/api/v1{_within(namespace)}/secrets/{name}"


def events(namespace: str) -> str:
    """The Events of one namespace."""
    return f"/apis/events.k8s.io/v1{_within(namespace)}/events"


def pod_events(namespace: str) -> str:
    """The Events of one namespace as the kubelet writes them, which can be selected by the pod."""
    return f"/api/v1{_within(namespace)}/events"


def autoscalers(namespace: str) -> str:
    """The HorizontalPodAutoscalers of one namespace."""
    return f"/apis/autoscaling/v2{_within(namespace)}/horizontalpodautoscalers"


def leases(namespace: str) -> str:
    """The Leases of one namespace."""
    return f"/apis/coordination.k8s.io/v1{_within(namespace)}/leases"


def lease(namespace: str, name: str) -> str:
    """One Lease."""
    return f"{leases(namespace)}/{name}"


def namespace_of(path: str) -> str | None:
    """Tell in which namespace a path leads; ``None`` when in none."""
    _, found, rest = path.partition("/namespaces/")
    return rest.partition("/")[0] if found else None


def _within(namespace: str | None) -> str:
    return f"/namespaces/{namespace}" if namespace else ""
