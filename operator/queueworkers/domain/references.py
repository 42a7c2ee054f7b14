"""
The ConfigMaps and Secrets that workers are configured with, and what a change of one means.

A worker reads its configuration when it starts.  The pod template carries a
digest of each ConfigMap and Secret as it was then, so that another content is
another template, and the old content put back is the old template again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from queueworkers.api.restart import OnChange, ReferenceKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queueworkers.api.restart import RestartSpec

ABSENT = "absent"
"""In the place of a digest: there is none, and the workers can do without."""

_DIGEST_LENGTH = 16
_CONTENT = ("data", "binaryData")


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """One ConfigMap or Secret, in the pool's own namespace."""

    kind: ReferenceKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependence:
    """How a pool depends on one ConfigMap or Secret."""

    reference: Reference
    needed: bool
    """True where a worker cannot start without it."""
    on_change: OnChange


Findings = Mapping[Reference, str | None]
"""What was read: a digest, or ``None`` where there is no such object.  What was not read yet is not in it."""


def find_dependences(template: Mapping[str, Any], restart: RestartSpec) -> tuple[Dependence, ...]:
    """
    List what the workers of a pod template are configured with.

    Args:
        template: The rendered ``PodTemplateSpec``: all containers' environments, and volumes.
        restart: What the pool says about changes, and what else it names.
    """
    said = {Reference(each.kind, each.name): each.on_change for each in restart.references}
    needed: dict[Reference, bool] = {}
    for reference, optional in _references_in(template):
        needed[reference] = needed.get(reference, False) or not optional
    return tuple(
        Dependence(
            reference=reference,
            needed=needed.get(reference, False),
            on_change=said.get(reference, restart.on_reference_change),
        )
        for reference in sorted({*needed, *said})
    )


def missing_findings(
    dependences: tuple[Dependence, ...], findings: Findings, carried: Mapping[str, str]
) -> frozenset[Reference]:
    """
    Name what must be read before the pod template can be made.

    For what the template carries already, that is good until something else is known.
    """
    return frozenset(
        each.reference
        for each in dependences
        if each.on_change is OnChange.RESTART
        and each.reference not in findings
        and str(each.reference) not in carried
    )


def digests_to_carry(
    dependences: tuple[Dependence, ...], findings: Findings, carried: Mapping[str, str]
) -> Mapping[str, str]:
    """
    Decide which digests the pod template carries.

    What a change of which is ignored stays as it is carried, so that to begin
    ignoring it restarts nobody.  So does what is gone and needed: nobody could
    start without it, and who runs has no use for a restart.

    Args:
        dependences: What the workers are configured with.
        findings: What is known of it now.
        carried: What the template carries, such as ``{"ConfigMap/shop": "3fa9…"}``; empty where there is none.
    """
    digests = {str(each.reference): _digest_to_carry(each, findings, carried) for each in dependences}
    return {name: digest for name, digest in digests.items() if digest is not None}


def _digest_to_carry(dependence: Dependence, findings: Findings, carried: Mapping[str, str]) -> str | None:
    kept = carried.get(str(dependence.reference))
    if dependence.on_change is OnChange.IGNORE or dependence.reference not in findings:
        return kept
    found = findings[dependence.reference]
    if found is None:
        return kept if dependence.needed else ABSENT
    return found


def digest_of(kind: ReferenceKind, raw: Mapping[str, Any]) -> str:
    """
    Name the content of a ConfigMap or Secret: what it holds, not what is noted about it.

    Whoever may look at pods sees the digest, and could try passwords against it
    until one fits.  So that of a Secret is keyed with the object's uid, which
    those are told who may read the object.

    Args:
        kind: Which of the two.
        raw: The object as the API server tells it.
    """
    content = {part: raw.get(part) or {} for part in _CONTENT}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    key = raw["metadata"]["uid"] if kind is ReferenceKind.SECRET else ""
    return hmac.new(key.encode(), canonical.encode(), hashlib.sha256).hexdigest()[:_DIGEST_LENGTH]


def _references_in(template: Mapping[str, Any]) -> Iterator[tuple[Reference, bool]]:
    """Each use, with whether it is optional; what has not the shape of one is the API server's to refuse."""
    spec = template.get("spec", {})
    for container in (*_items(spec, "initContainers"), *_items(spec, "containers")):
        for source in _items(container, "envFrom"):
            yield from _use(ReferenceKind.CONFIG_MAP, source.get("configMapRef"))
            yield from _use(ReferenceKind.SECRET, source.get("secretRef"))
        for variable in _items(container, "env"):
            source = _fields(variable.get("valueFrom"))
            yield from _use(ReferenceKind.CONFIG_MAP, source.get("configMapKeyRef"))
            yield from _use(ReferenceKind.SECRET, source.get("secretKeyRef"))
    for volume in _items(spec, "volumes"):
        yield from _use(ReferenceKind.CONFIG_MAP, volume.get("configMap"))
        yield from _use(ReferenceKind.SECRET, volume.get("secret"), name="secretName")
        for source in _items(_fields(volume.get("projected")), "sources"):
            yield from _use(ReferenceKind.CONFIG_MAP, source.get("configMap"))
            yield from _use(ReferenceKind.SECRET, source.get("secret"))


def _use(kind: ReferenceKind, use: object, *, name: str = "name") -> Iterator[tuple[Reference, bool]]:
    found = _fields(use).get(name)
    if isinstance(found, str) and found:
        yield Reference(kind, found), _fields(use).get("optional") is True


def _items(parent: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    items = parent.get(key)
    return [each for each in items if isinstance(each, Mapping)] if isinstance(items, list) else []


def _fields(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
