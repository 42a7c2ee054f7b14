"""
Whether an object in the cluster already is what is wanted.

The API server adds defaults, other controllers add fields of their own, and
quantities are respelled; none of that is a reason to write.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from queueworkers.api.quantities import parse_quantity
from queueworkers.domain.strategic_merge import MERGE_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OMITTED_AT_ZERO = frozenset(
    {
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "hostPort",
        "initialDelaySeconds",
        "minReadySeconds",
        "readOnly",
        "stdin",
        "stdinOnce",
        "tty",
    }
)
"""
Flags and numbers that the API server does not store where they are false or 0.

The others it does, and there absence means something else, as with
``automountServiceAccountToken``.
"""


def digest(manifest: Mapping[str, Any]) -> str:
    """Name what is wanted; the same for the same content, whatever the order of its keys."""
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def conforms(live: Any, wanted: Any) -> bool:
    """
    Tell whether *live* has everything that *wanted* says.

    What *live* has beyond it (defaults, foreign fields, items of named lists)
    does not count.  That something is no longer wanted cannot be seen here;
    a changed `digest` tells that.
    """
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(
            _field_conforms(key, live.get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(conforms(*pair) for pair in zip(live, wanted, strict=True))
        )
    return bool(live == wanted) or _same_quantity(live, wanted)


def _field_conforms(key: str, live: Any, wanted: Any) -> bool:
    if wanted in ({}, [], None):
        # The API server drops empty fields; where foreign items may stand, none of ours is no demand.
        return not live or isinstance(wanted, dict) or key in MERGE_KEYS
    if live is None and (wanted == "" or (key in OMITTED_AT_ZERO and not wanted)):
        return True
    if key in MERGE_KEYS and isinstance(wanted, list) and isinstance(live, list):
        return _items_conform(live, wanted, by=MERGE_KEYS[key])
    return conforms(live, wanted)


def _items_conform(live: Sequence[Any], wanted: Sequence[Any], *, by: str) -> bool:
    """The key may be there twice, as a port for TCP and for UDP: one of them has to fit."""
    return all(
        any(
            isinstance(there, dict) and there.get(by) == item.get(by) and conforms(there, item)
            for there in live
        )
        for item in wanted
        if isinstance(item, dict)
    )


def _same_quantity(live: Any, wanted: Any) -> bool:
    """`1024Mi` is stored as `1Gi`, `cpu: 1` as `"1"`."""
    if isinstance(live, bool) or isinstance(wanted, bool):
        return False
    if not isinstance(live, str | int | float) or not isinstance(wanted, str | int | float):
        return False
    left, right = parse_quantity(str(live)), parse_quantity(str(wanted))
    return left is not None and left == right
