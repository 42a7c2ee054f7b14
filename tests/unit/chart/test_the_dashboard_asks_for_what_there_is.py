"""A panel with a wrong name is empty and says nothing, so every name is compared with what the operator tells."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chart.dashboard import DASHBOARD, PANELS, QUESTIONS, spell_question
from queueworkers.api.conditions import ConditionReason
from queueworkers.domain.announcements import ACTED_UPON
from queueworkers.telemetry.families import Kind
from queueworkers.telemetry.figures import JOB_STATES, POOL_FAMILIES, WORKER_STATES
from queueworkers.telemetry.process import PROCESS_FAMILIES, Instruments

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

COLUMNS = 24
"""So wide is Grafana's grid."""

TARGET = frozenset({"job", "instance"})
"""Labels that Prometheus adds: where it read a series."""

UNITS = frozenset({"short", "none", "s", "bytes", "cps", "cpm", "reqps"})
"""By Grafana's names: numbers, seconds, bytes; counts a second and a minute; requests a second."""

PROMQL = frozenset(
    {"and", "or", "unless", "count", "sum", "max", "topk", "rate", "histogram_quantile", "time", "vector"}
)

WORDS = {
    ("qwp_pool_status", "reason"): set(ConditionReason),
    ("qwp_pool_worker_exits_total", "reason"): {"Recycled", "Crashed"},
    ("qwp_queue_jobs", "state"): {each.split('"')[1] for each in JOB_STATES},
    ("qwp_pool_workers", "state"): {each.split('"')[1] for each in WORKER_STATES},
}
"""The values of a metric's label, where the dashboard asks for some of them."""

EVERY_QUESTION = [
    pytest.param(target, id=f"{title}-{target['refId']}".replace(" ", "-")) for title, target in QUESTIONS
]


def known_series() -> Mapping[str, frozenset[str]]:
    """Every name that can be asked for, with its labels: those declared, and what the library tells of the process."""
    told = {
        sample.name: TARGET
        for family in text_string_to_metric_families(Instruments().page())
        for sample in family.samples
        if sample.name.startswith("process_")
    }
    for family in (*POOL_FAMILIES, *PROCESS_FAMILIES):
        labels = TARGET.union(family.labels)
        if family.kind is Kind.HISTOGRAM:
            told |= {f"{family.name}_bucket": labels | {"le"}, f"{family.name}_count": labels}
        else:
            told[family.name] = labels
    return told


SERIES = known_series()


class Question:
    """What an expression asks for."""

    def __init__(self, target: Json) -> None:
        # What is quoted may be anything; it has a test of its own.
        text = re.sub(r'"[^"]*"', '""', spell_question(target))
        lists = re.compile(r"\b(?:by|on) \(([^)]*)\)")
        self.grouped = {label.strip() for found in lists.findall(text) for label in found.split(",")}
        text = lists.sub(" ", text)
        self.selected = {
            (metric, label)
            for metric, selector in re.findall(r"(\w+)\{([^}]*)\}", text)
            for label in re.findall(r"(\w+)(?:=~|!~|!=|=)", selector)
        }
        bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", text)
        self.metrics = set(re.findall(r"[a-zA-Z_]\w*", bare)) - PROMQL


@pytest.mark.parametrize("target", EVERY_QUESTION)
def test_every_metric_and_label_exists(target: Json) -> None:
    """In selectors, in groups, and in what the legend is made of."""
    question = Question(target)

    assert question.metrics
    assert question.metrics <= SERIES.keys()
    assert all(label in SERIES[metric] for metric, label in question.selected)
    assert question.grouped <= frozenset().union(*(SERIES[metric] for metric in question.metrics))
    assert set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))) <= question.grouped | TARGET


@pytest.mark.parametrize("target", EVERY_QUESTION)
def test_every_value_that_is_asked_for_is_told(target: Json) -> None:
    """States and reasons are words of fixed lists."""
    for metric, selector in re.findall(r"(\w+)\{([^}]*)\}", target["expr"]):
        for label, values in re.findall(r'(\w+)=~?"([^"]*)"', selector):
            if not values.startswith("$"):
                assert set(values.split("|")) <= WORDS[metric, label]


@pytest.mark.parametrize("target", EVERY_QUESTION)
def test_what_is_chosen_above_counts_everywhere(target: Json) -> None:
    """Every number about pools is about the chosen ones."""
    of_pools = {family.name for family in POOL_FAMILIES}

    for metric in re.findall(r"qwp_\w+", target["expr"]):
        if metric in of_pools:
            chosen = rf'{metric}\{{namespace=~"\$namespace", pool=~"\$pool"'
            assert len(re.findall(chosen, target["expr"])) == len(re.findall(rf"{metric}\b", target["expr"]))
    assert set(re.findall(r"\$(\w+)", target["expr"])) <= {"namespace", "pool", "__rate_interval"}


def test_every_metric_is_shown() -> None:
    """What is worth telling is worth a panel."""
    asked = " ".join(target["expr"] for _, target in QUESTIONS)

    missing = {
        family.name
        for family in (*POOL_FAMILIES, *PROCESS_FAMILIES)
        if not re.search(rf"\b{family.name}(_bucket)?\b", asked)
    }
    assert not missing


def test_pools_to_act_upon_are_those_that_the_operator_calls_so() -> None:
    """The number on top, and the table that names them and those whose backlog is not known."""
    asked = [target["expr"] for title, target in QUESTIONS if title.startswith("Pools to act upon")]
    named = [set(found.split("|")) for each in asked for found in re.findall(r'reason=~"([^"]+)"', each)]

    assert named == [set(ACTED_UPON), {*ACTED_UPON, ConditionReason.BACKLOG_UNKNOWN}]


def test_the_choices_are_made_of_what_there_is() -> None:
    """A Prometheus, then namespaces in it, then pools in them."""
    source, *queries = DASHBOARD["templating"]["list"]

    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert [each["name"] for each in queries] == ["namespace", "pool"]
    for each in queries:
        metric, label = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", each["definition"]).groups()  # type: ignore[union-attr]
        assert label == each["name"]
        assert label in SERIES[metric]
        assert each["query"]["query"] == each["definition"]


def test_every_panel_asks_the_chosen_prometheus() -> None:
    """Nobody else's has the same identifier."""
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    asking = [*PANELS, *(target for _, target in QUESTIONS), *DASHBOARD["templating"]["list"][1:]]

    assert all(each["datasource"] == chosen for each in asking)


@pytest.mark.parametrize(
    "panel", PANELS, ids=lambda panel: f"{panel['id']}-{panel['title']}".replace(" ", "-")
)
def test_a_panel_says_what_it_shows(panel: Json) -> None:
    """With a sentence, and the unit of its numbers."""
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    letters = [target["refId"] for target in panel["targets"]]
    assert len(set(letters)) == len(letters)


def test_no_panel_covers_another() -> None:
    """Each has a number and a place of its own."""
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)

    taken: dict[tuple[int, int], int] = {}
    for panel in DASHBOARD["panels"]:
        x, y, width, height = (panel["gridPos"][side] for side in ("x", "y", "w", "h"))
        assert x + width <= COLUMNS
        for cell in product(range(x, x + width), range(y, y + height)):
            assert taken.setdefault(cell, panel["id"]) == panel["id"]


def test_the_rows_go_from_trouble_to_cause() -> None:
    """Whoever opens it in the middle of the night reads from top to bottom."""
    rows = [
        (panel["gridPos"]["y"], panel["title"]) for panel in DASHBOARD["panels"] if panel["type"] == "row"
    ]

    assert [title for _, title in sorted(rows)] == [
        "Is anything wrong?",
        "Backlog and waiting",
        "Workers",
        "Decisions and restarts",
        "The operator",
    ]
