"""
What a family of metrics is, and how its samples are written down.

The format is Prometheus's text format 0.0.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Kind(StrEnum):
    """What the values of a family are."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Samples of one name."""

    name: str
    """As it is asked for: with its unit, and ``_total`` for a counter."""
    kind: Kind
    says: str
    """One line for people, with what each label's values are."""
    labels: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        """The lines before the samples."""
        return f"# HELP {self.name} {self.says}\n# TYPE {self.name} {self.kind}\n"


def spell_label(name: str, value: str) -> str:
    """Write one label; whatever stands in its value stays in it."""
    return f'{name}="{value.translate(_ESCAPES)}"'


LABELS = MappingProxyType(
    {
        "namespace": "Where the pool is.",
        "pool": "Its name.",
        "queue": "The queue, as in `spec.queues`; 64 of a pool at most.",
        "state": "See the metric.",
        "reason": "One of a fixed list; see the metric.",
        "trigger": "What asked for it: see `status.rollout.trigger`, without the names of ConfigMaps and Secrets.",
        "exit_code": "0 to 255.",
        "by": "See the metric.",
        "outcome": "See the metric.",
        "verb": "get, list, create, replace, apply, merge or delete.",
        "code": "The answer's HTTP status; 0 where there was no answer.",
        "resource": "What is watched: queueworkerpools, queueworkerbudgets, deployments or pods.",
        "version": "The operator's.",
        "python": "The version of Python that it runs on.",
    }
)
"""Every label that there is, and what bounds its values: the spec's schema or a fixed list, never what a user writes freely."""
