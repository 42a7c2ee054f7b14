"""
Kubernetes' strategic merge, for pod templates.

A user's `podTemplate` is laid over the one the operator makes, in the way
`kubectl patch` does it: objects merge key by key, lists of named things merge
by name, other lists are replaced, ``null`` removes.

Source: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
and the ``x-kubernetes-patch-merge-key`` extensions of the API's OpenAPI document.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MERGE_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "containers": "name",
        "env": "name",
        "ephemeralContainers": "name",
        "hostAliases": "ip",
        "imagePullSecrets": "name",
        "initContainers": "name",
        "ports": "containerPort",
        "resourceClaims": "name",
        "schedulingGates": "name",
        "topologySpreadConstraints": "topologyKey",
        "volumeDevices": "devicePath",
        "volumeMounts": "mountPath",
        "volumes": "name",
    }
)
"""The lists inside a pod template that merge, and the field that tells their items apart."""

DIRECTIVE = "$patch"
"""``$patch: delete`` removes an item or an object, ``$patch: replace`` puts it in place of the old one."""


def merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """
    Lay *patch* over *base*; neither is changed.

    Keys of *base* keep their order, new ones follow.
    """
    if patch.get(DIRECTIVE) == "replace":
        return _without_directive(patch)
    if patch.get(DIRECTIVE) == "delete":
        return {}
    merged = dict(base)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge_value(key, merged.get(key), value)
    return merged


def _merge_value(key: str, base: Any, patch: Any) -> Any:
    if isinstance(patch, dict):
        return merge(base if isinstance(base, dict) else {}, patch)
    if isinstance(patch, list) and key in MERGE_KEYS:
        return _merge_items(base if isinstance(base, list) else [], patch, by=MERGE_KEYS[key])
    return patch


def _merge_items(base: Sequence[Any], patch: Sequence[Any], *, by: str) -> list[Any]:
    if any(isinstance(item, dict) and item.get(DIRECTIVE) == "replace" and by not in item for item in patch):
        return [item for item in patch if not (isinstance(item, dict) and DIRECTIVE in item)]
    merged = {_identity(item, by): item for item in base}
    for item in patch:
        identity = _identity(item, by)
        if isinstance(item, dict) and item.get(DIRECTIVE) == "delete":
            merged.pop(identity, None)
        elif isinstance(item, dict):
            merged[identity] = merge(merged.get(identity, {}), item)
        else:
            merged[identity] = item
    return list(merged.values())


def _identity(item: Any, by: str) -> str:
    # An item without its key is wrong; it stays as it is, for the API server to say so.
    return repr(item.get(by, item)) if isinstance(item, dict) else repr(item)


def _without_directive(patch: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in patch.items() if key != DIRECTIVE}
