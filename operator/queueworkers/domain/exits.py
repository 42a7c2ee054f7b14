"""
How often workers ended and came back, by exit code.

A worker that ended by design is started again within its container, which
the kubelet does not see; its supervisor leaves the count behind when the
container ends.  So the figures are those of containers that have ended.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from queueworkers.frameworks.base import RESTARTED_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

_TALLY = re.compile(rf"{RESTARTED_WORDS}: ((?:\d{{1,9}} x \d{{1,3}}(?:, |$))+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEnd:
    """The end of a worker's container."""

    container: str
    """Its id, which no other container ever has."""
    at: datetime
    exit_code: int
    leaving: bool
    """True where it was asked to leave: nobody starts it again."""
    message: str = ""
    """What it left behind, for the kubelet to tell."""

    @property
    def restarts(self) -> Counter[int]:
        """How often a worker was started again in it, or in its place, by the exit code of the one before."""
        return parse_tally(self.message) + Counter({self.exit_code: 0 if self.leaving else 1})


def parse_tally(message: str) -> Counter[int]:
    """Read how many workers ended by design in a container, by exit code; empty where it does not say."""
    found = _TALLY.search(message)
    pairs = (each.split(" x ") for each in found[1].split(", ")) if found else ()
    return Counter({int(code): int(count) for count, code in pairs})


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How often workers ended with one exit code and came back, and when that was last seen."""

    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """What is known of the ends of a pool's workers."""

    by_code: Mapping[int, Exit] = field(default_factory=lambda: MappingProxyType({}))
    counted: frozenset[str] = frozenset()
    """Containers whose end is in the figures, as long as it can be met again."""
    counted_until: datetime | None = None
    """Ends until then were counted by the operator's process before this one."""

    def follow(self, ends: Iterable[ContainerEnd]) -> Exits:
        """
        Count the ends that are new among *ends*.

        A container that ended just before the operator was started, and of
        whose end it hears later than of another's, is missed; none counts twice.
        """
        ends = tuple(ends)
        by_code = dict(self.by_code)
        for end in ends:
            if end.container in self.counted or (self.counted_until and end.at <= self.counted_until):
                continue
            for code, count in end.restarts.items():
                known = by_code.get(code)
                total, last = (known.count, known.last_at) if known else (0, end.at)
                if count:
                    by_code[code] = Exit(count=total + count, last_at=max(last, end.at))
        return replace(self, by_code=by_code, counted=frozenset(end.container for end in ends))


def resume_exits(told: Mapping[int, Exit]) -> Exits:
    """Go on from what the status says."""
    return Exits(by_code=told, counted_until=max((each.last_at for each in told.values()), default=None))
