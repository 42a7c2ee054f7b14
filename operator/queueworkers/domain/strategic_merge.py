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
"""``delete`` removes an item or an object, ``replace`` puts what stands beside it in place of an object or a list."""


def merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """
    Lay *patch* over *base*; neither is changed.

    Keys of *base* keep their order, new ones follow.
    """
    if patch.get(DIRECTIVE) == "replace":
        return _as_new(patch)  # type: ignore[no-any-return]
    if patch.get(DIRECTIVE) == "delete":
        return {}
    merged = dict(base)
    for key, value in patch.items():
        if value is None or _deletes(value):
            merged.pop(key, None)
        else:
            merged[key] = _merge_value(key, merged[key], value) if key in merged else _as_new(value)
    return merged


def _merge_value(key: str, base: Any, patch: Any) -> Any:
    if isinstance(patch, dict) and isinstance(base, dict):
        return merge(base, patch)
    if isinstance(patch, list) and isinstance(base, list) and key in MERGE_KEYS:
        return _merge_items(base, patch, by=MERGE_KEYS[key])
    return _as_new(patch)


def _merge_items(base: Sequence[Any], patch: Sequence[Any], *, by: str) -> list[Any]:
    if any(isinstance(item, dict) and item.get(DIRECTIVE) == "replace" for item in patch):
        return [_as_new(item) for item in patch if not (isinstance(item, dict) and DIRECTIVE in item)]
    merged = {_identity(item, by): item for item in base}
    # What is removed and given again, in whatever order, is there.
    for item in filter(_deletes, patch):
        merged.pop(_identity(item, by), None)
    for item in patch:
        if not _deletes(item):
            identity = _identity(item, by)
            merged[identity] = (
                _merge_value("", merged[identity], item) if identity in merged else _as_new(item)
            )
    return list(merged.values())


def _as_new(patch: Any) -> Any:
    """
    Take over what there was nothing of before, as it is but for what speaks of merging.

    Its lists are not merged with themselves: two ports of one number, one for
    TCP and one for UDP, remain two.
    """
    if isinstance(patch, dict):
        return {
            key: _as_new(value)
            for key, value in patch.items()
            if key != DIRECTIVE and value is not None and not _deletes(value)
        }
    if isinstance(patch, list):
        return [_as_new(item) for item in patch if not _deletes(item) and item != {DIRECTIVE: "replace"}]
    return patch


def _deletes(patch: Any) -> bool:
    return isinstance(patch, dict) and patch.get(DIRECTIVE) == "delete"


def _identity(item: Any, by: str) -> str:
    # An item without its key is wrong; it stays as it is, for the API server to say so.
    return repr(item.get(by, item)) if isinstance(item, dict) else repr(item)
