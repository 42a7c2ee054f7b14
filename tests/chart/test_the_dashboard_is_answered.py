"""Prometheus understands every question of the dashboard, and has an answer, also while two operators tell of one pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chart.dashboard import PANELS, spell_question
from harness.promtool import RULES
from queueworkers.telemetry.families import Kind, spell_label
from queueworkers.telemetry.figures import POOL_FAMILIES
from queueworkers.telemetry.process import PROCESS_FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.promtool import Promtool
    from queueworkers.telemetry.families import Family

Json = dict[str, Any]

OPERATORS = ("first", "second")
"""For a moment after a hand-over both tell of a pool."""

SAID = {
    "namespace": "shop",
    "pool": "orders",
    "queue": "default",
    "state": "ready",
    "reason": "Backlog",
    "trigger": "Annotation",
    "exit_code": "255",
    "by": "Push",
    "outcome": "done",
    "verb": "get",
    "code": "200",
    "resource": "pods",
    "version": "0.1.0",
    "python": "3.13.0",
}
"""A value for each label."""

SAID_BY = {
    ("qwp_pool_status", "reason"): "WorkersCrashing",
    ("qwp_pool_worker_exits_total", "reason"): "Crashed",
    ("qwp_pool_workers", "state"): "working",
}
"""By metric and label: where the dashboard asks for one value only."""

STEADY, MORE, RISING = "1x10", "60x10", "0+6x10"
"""Ten minutes, a sample in each."""

MORE_THAN_ALLOWED = "qwp_pool_recommended_replicas"

QUESTIONS = {
    f"panel_{panel['id']}_{target['refId']}": spell_question(target)
    for panel in PANELS
    for target in panel["targets"]
}
"""As rules that record the answers; an error in one ends the test with its name."""


def series(name: str, values: str, labels: dict[str, str]) -> Json:
    """Write one series as promtool reads it."""
    spelled = ", ".join(spell_label(label, value) for label, value in labels.items())
    return {"series": f"{name}{{{spelled}}}", "values": values}


def told(family: Family, operator: str) -> Iterator[Json]:
    """Write what an operator tells of one family."""
    labels = {"job": "operator", "instance": operator} | {
        label: SAID_BY.get((family.name, label), SAID[label]) for label in family.labels
    }
    if family.kind is Kind.HISTOGRAM:
        for bound in ("0.1", "+Inf"):
            yield series(f"{family.name}_bucket", RISING, labels | {"le": bound})
        yield series(f"{family.name}_count", RISING, labels)
    elif family.kind is Kind.COUNTER:
        yield series(family.name, RISING, labels)
    else:
        yield series(family.name, MORE if family.name == MORE_THAN_ALLOWED else STEADY, labels)


def all_that_is_told() -> Iterator[Json]:
    """Write what two operators tell, and what the library tells of their processes."""
    for operator in OPERATORS:
        for family in (*POOL_FAMILIES, *PROCESS_FAMILIES):
            yield from told(family, operator)
        labels = {"job": "operator", "instance": operator}
        yield series("process_resident_memory_bytes", STEADY, labels)
        yield series("process_cpu_seconds_total", RISING, labels)


def test_every_question_has_an_answer(promtool: Promtool, tmp_path: Path) -> None:
    """Where all is told that there is, no panel is empty; and no question is about two series at once."""
    rules = {
        "groups": [
            {
                "name": "dashboard",
                "rules": [{"record": name, "expr": question} for name, question in QUESTIONS.items()],
            }
        ]
    }
    tests = {
        "rule_files": [RULES],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": list(all_that_is_told()),
                "promql_expr_test": [
                    {"expr": f"absent({name})", "eval_time": "10m", "exp_samples": []} for name in QUESTIONS
                ],
            }
        ],
    }

    assert f"SUCCESS: {len(QUESTIONS)} rules found" in promtool.check(rules)
    assert "SUCCESS" in promtool.test(rules, tests, folder=tmp_path)
