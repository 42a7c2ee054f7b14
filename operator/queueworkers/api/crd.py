"""
The CustomResourceDefinitions, made from the models.

``python -m queueworkers.api.crd`` prints them; with a folder it writes them
there.  The files in ``crds/`` are pinned to this by a test.
"""

from __future__ import annotations

import sys
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml

from queueworkers.api.base import GROUP, KIND, PLURAL, VERSION
from queueworkers.api.budget import (
    BUDGET_KIND,
    BUDGET_PLURAL,
    QueueWorkerBudgetSpec,
    QueueWorkerBudgetStatus,
)
from queueworkers.api.conditions import ConditionType
from queueworkers.api.pages import write_or_print
from queueworkers.api.rules import RULES
from queueworkers.api.schema import Schema, structural_schema
from queueworkers.api.spec import QueueWorkerPoolSpec
from queueworkers.api.status import QueueWorkerPoolStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE_NAME = f"{GROUP}_{PLURAL}.yaml"
BUDGET_FILE_NAME = f"{GROUP}_{BUDGET_PLURAL}.yaml"

_HEADER = """\
# Made by `python -m queueworkers.api.crd`; change the models, not this file.
"""


def render_crd() -> dict[str, Any]:
    """Make the CustomResourceDefinition of pools."""
    version = {
        "additionalPrinterColumns": printer_columns(),
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.scaling.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "schema": {"openAPIV3Schema": pool_schema()},
    }
    return _crd(KIND, PLURAL, "qwp", version)


def render_budget_crd() -> dict[str, Any]:
    """Make the CustomResourceDefinition of budgets."""
    version = {
        "additionalPrinterColumns": budget_columns(),
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": budget_schema()},
    }
    return _crd(BUDGET_KIND, BUDGET_PLURAL, "qwb", version)


def _crd(kind: str, plural: str, short: str, version: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["queues"],
            },
            "versions": [{"name": VERSION, "served": True, "storage": True, **version}],
        },
    }


def pool_schema() -> Schema:
    """Make the schema of the whole resource, with every rule in its place."""
    schema: Schema = {
        "type": "object",
        "description": "A pool of PHP queue workers: which queues, with how much memory, and as many workers as "
        "the backlog needs.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}"},
            "kind": {"type": "string", "description": KIND},
            "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
            "spec": structural_schema(QueueWorkerPoolSpec),
            "status": structural_schema(QueueWorkerPoolStatus),
        },
    }
    for rule in RULES:
        node = schema_at(schema, rule.at)
        node.setdefault("x-kubernetes-validations", []).append(rule.as_validation())
    return schema


def budget_schema() -> Schema:
    """Make the schema of a budget."""
    return {
        "type": "object",
        "description": "A ceiling for the workers of several pools together, such as the connections of one database.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}"},
            "kind": {"type": "string", "description": BUDGET_KIND},
            "metadata": {"type": "object"},
            "spec": structural_schema(QueueWorkerBudgetSpec),
            "status": structural_schema(QueueWorkerBudgetStatus),
        },
    }


def schema_at(schema: Schema, path: str) -> Schema:
    """Find the schema of a field, such as ``spec.scaling.behavior``; ``[]`` is any item of a list."""
    for part in path.split(".") if path else ():
        schema = schema["items"] if part == "[]" else schema["properties"][part]
    return schema


def printer_columns() -> list[dict[str, Any]]:
    """
    Say what `kubectl get` shows, and with ``-o wide``.

    A moment is a date column: it stays live without a write to the status.
    """
    ready = f".status.conditions[?(@.type=='{ConditionType.READY}')]"
    backlog_known = f".status.conditions[?(@.type=='{ConditionType.BACKLOG_KNOWN}')]"
    return [
        _column("Queues", ".status.summary.queues", "Queues, the most urgent first."),
        _column("Workers", ".status.summary.workers", "Ready and wanted workers."),
        _column("Range", ".status.summary.range", "Bounds of the number of workers."),
        _column("Backlog", ".status.backlog.waiting", "Jobs a worker could begin now.", type_="integer"),
        _column("Oldest", ".status.oldestJobTime", "How long the oldest job has waited.", type_="date"),
        _column("Status", ".status.summary.status", "Where the pool stands, in a word."),
        _column("Age", ".metadata.creationTimestamp", "How long the pool has existed.", type_="date"),
        _column("Reserved", ".status.backlog.reserved", "Jobs in hand.", type_="integer", wide=True),
        _column("Delayed", ".status.backlog.delayed", "Jobs for later.", type_="integer", wide=True),
        _column("Desired", ".status.desiredReplicas", "Workers wanted.", type_="integer", wide=True),
        _column("Draining", ".status.workers.draining", "Workers that leave.", type_="integer", wide=True),
        _column("Trigger", ".status.rollout.trigger", "What replaced workers last.", wide=True),
        _column("Backlog-State", f"{backlog_known}.reason", "How the reading went.", wide=True),
        _column("Last-Restart", ".status.lastRestart.time", "Since a restart.", type_="date", wide=True),
        _column("Message", f"{ready}.message", "Where the pool stands, in a sentence.", wide=True),
    ]


def budget_columns() -> list[dict[str, Any]]:
    """Say what `kubectl get` shows of a budget, and with ``-o wide``."""
    return [
        _column("Used", ".status.summary", "Workers that exist or are asked for, of those allowed."),
        _column("Wanted", ".status.wanted", "Workers wanted without a budget.", type_="integer"),
        _column("Pools", ".status.members", "Pools that share it.", type_="integer"),
        _column("Age", ".metadata.creationTimestamp", "How long the budget has existed.", type_="date"),
        _column("Members", ".status.pools[*].name", "The pools, the highest priority first.", wide=True),
    ]


def _column(
    name: str, path: str, description: str, *, type_: str = "string", wide: bool = False
) -> dict[str, Any]:
    return {
        "name": name,
        "type": type_,
        "jsonPath": path,
        "description": description,
        "priority": int(wide),
    }


class _Dumper(yaml.SafeDumper):
    """YAML without anchors: a reader should find each thing where it applies."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out."""
        del data
        return True


FILES: Mapping[str, Callable[[], dict[str, Any]]] = MappingProxyType(
    {FILE_NAME: render_crd, BUDGET_FILE_NAME: render_budget_crd}
)
"""Each file in ``crds/``, and what makes it."""


def render_file(name: str) -> str:
    """Make the text of a file in ``crds/``."""
    crd = yaml.dump(FILES[name](), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return _HEADER + crd


def main(arguments: list[str]) -> None:
    """Print the CRDs, or write each to its file in the folder given."""
    files = {name: partial(render_file, name) for name in FILES}
    write_or_print(files, arguments, between="---\n")


if __name__ == "__main__":
    main(sys.argv[1:])
