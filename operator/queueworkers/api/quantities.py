"""Amounts as Kubernetes spells them: ``128Mi``, ``0.5``, ``500m``, ``1e3``."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

MEGABYTE = 1024 * 1024
"""As PHP and Laravel count: a mebibyte, in bytes."""

QUANTITY = re.compile(r"^(?P<number>[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)(?P<suffix>[KMGTPE]i|[numkMGTPE])?$")
SUFFIXES = MappingProxyType(
    {
        **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", start=1)},
        **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", start=1)},
        **{letter: Decimal(1000) ** -power for power, letter in enumerate("mun", start=1)},
    }
)


def parse_quantity(text: str) -> Decimal | None:
    """
    Read a quantity, in its unit: bytes, cores; ``None`` where the text is none.

    Of the grammar of ``k8s.io/apimachinery/pkg/api/resource``.
    """
    match = QUANTITY.match(text)
    if match is None:
        return None
    try:
        number = Decimal(match["number"])
    except InvalidOperation:
        return None
    return number * SUFFIXES[match["suffix"]] if match["suffix"] else number
