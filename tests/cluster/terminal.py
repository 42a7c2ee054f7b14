"""What a person who types kubectl sees of a pool."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.pools import Namespace


def columns(namespace: Namespace, pool: str) -> dict[str, str]:
    """Read the line of `kubectl get qwp` under its headings; what is not known is empty."""
    heading, line = namespace.kubectl("get", "qwp", pool, "--output=wide").splitlines()
    starts = [match.start() for match in re.finditer(r"\S+", heading)]
    ends = [*starts[1:], None]
    return {
        heading[start:end].strip(): line[start:end].strip() for start, end in zip(starts, ends, strict=True)
    }


def status_word(namespace: Namespace, pool: str) -> str:
    """Read the column STATUS, without how far it is."""
    return columns(namespace, pool)["STATUS"].partition(" ")[0]


def describe(namespace: Namespace, pool: str) -> str:
    """Read what `kubectl describe` tells, with every run of white space as one blank."""
    return " ".join(namespace.kubectl("describe", "qwp", pool).split())
