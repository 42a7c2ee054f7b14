"""What the chart repeats of the project is the same, and its lists are whole; no Helm is needed to tell."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from queueworkers import __version__
from queueworkers.api.crd import FILES, render_file
from queueworkers.errors import SettingsError
from queueworkers.settings import Settings, parse_settings
from queueworkers.telemetry.figures import POOL_FAMILIES
from queueworkers.telemetry.process import PROCESS_FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "queue-worker-operator"

RULES = [
    rule
    for group in yaml.safe_load((CHART / "files/alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))

SETTINGS = {
    **SCHEMA["properties"]["settings"]["properties"],
    "shards": SCHEMA["properties"]["shards"],
}
"""By name: what becomes a flag with a number."""

ELSEWHERE = {
    "kubeconfig": "the pod's service account",
    "identity": "the pod's name",
    "namespaces": "watchNamespaces",
    "log_level": "logLevel",
    "log_format": "logFormat",
    "lease_namespace": "the release's namespace",
    "metrics_port": "metrics.port",
}
"""Settings of the operator that have another way into the chart, or none."""

KUBERNETES_OWN = {
    "global",
    "affinity.nodeAffinity",
    "affinity.podAffinity",
    "affinity.podAntiAffinity",
}
"""Objects that the API server judges, or that are somebody else's."""


def objects(path: str, node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of an object at and below *node*, with its path."""
    if node.get("type") == "object":
        yield path, node
    for name, each in {**node.get("properties", {}), **node.get("definitions", {})}.items():
        yield from objects(f"{path}.{name}".removeprefix("."), each)
    if isinstance(node.get("items"), dict):
        yield from objects(f"{path}[]", node["items"])


def test_the_crds_are_the_projects() -> None:
    """When this fails: `make crd`."""
    copies = {path.name: path.read_text(encoding="utf-8") for path in (CHART / "files/crds").iterdir()}

    assert copies == {name: render_file(name) for name in FILES}


def test_chart_and_operator_have_one_version() -> None:
    """An installation without a tag runs the operator that the chart was made for."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))

    assert chart["version"] == chart["appVersion"] == __version__


def test_no_object_of_the_values_takes_unknown_names() -> None:
    """Maps have values of a type; everything else names its fields."""
    open_to_anything = {
        path for path, node in objects("", SCHEMA) if node.get("additionalProperties", True) is True
    }

    assert open_to_anything == KUBERNETES_OWN


def test_every_value_has_a_default_that_is_shown() -> None:
    """values.yaml is what people read; only what another chart says is not in it, and what the operator defaults."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

    def unshown(path: str, schema: dict[str, Any], shown: Any) -> Iterator[str]:
        for name, each in schema.get("properties", {}).items():
            if not isinstance(shown, dict) or name not in shown:
                yield f"{path}.{name}".removeprefix(".")
            elif each.get("type") == "object":
                yield from unshown(f"{path}.{name}", each, shown[name])

    of_affinity = {name for name in KUBERNETES_OWN if "." in name}
    settings = {f"settings.{name}" for name in SCHEMA["properties"]["settings"]["properties"]}
    assert set(unshown("", SCHEMA, values)) == {"global", "enabled"} | of_affinity | settings


def test_every_setting_of_the_operator_can_be_given() -> None:
    """A flag that the chart has no value for is a reason to leave the chart."""
    in_the_chart = {re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name) for name in SETTINGS}

    assert in_the_chart | set(ELSEWHERE) == {field.name for field in fields(Settings)}
    assert in_the_chart.isdisjoint(ELSEWHERE)


def test_settings_are_shown_with_the_operators_defaults() -> None:
    """As comments in values.yaml, to be taken into one's own."""
    commented = re.findall(
        r"^# ( \w+: .*)$", (CHART / "values.yaml").read_text(encoding="utf-8"), re.MULTILINE
    )
    settings = SCHEMA["properties"]["settings"]["properties"]
    names = {name: re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name) for name in settings}

    assert yaml.safe_load("\n".join(commented)) == {
        name: getattr(Settings(), field) for name, field in names.items()
    }


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_has_the_operators_bounds(name: str) -> None:
    """What Helm lets through starts; what the operator refuses is refused before there is a pod."""
    flag = "--" + re.sub(r"[A-Z]", lambda found: f"-{found[0].lower()}", name)
    schema = SETTINGS[name]
    step = 1 if schema["type"] == "integer" else 0.01

    for bound, beyond in ((schema["minimum"], -step), (schema["maximum"], step)):
        parse_settings([flag, f"{bound}", "--lease-namespace=queues"], environment={})
        with pytest.raises(SettingsError, match=flag):
            parse_settings([flag, f"{bound + beyond}", "--lease-namespace=queues"], environment={})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    """With labels that they have; an expression with a wrong name never fires and says nothing."""
    labels = {family.name: set(family.labels) for family in (*POOL_FAMILIES, *PROCESS_FAMILIES)}
    expression = rule["expr"]

    asked = set(re.findall(r"qwp_\w+", expression))
    assert asked
    assert asked <= set(labels)
    for metric, selector in re.findall(r"(qwp_\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)=~?\"", selector)) <= labels[metric]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_page_that_says_what_to_do(rule: dict[str, Any]) -> None:
    """With the expression's meaning, where to look, and what to change."""
    page = (ROOT / "docs/runbooks" / f"{rule['alert']}.md").read_text(encoding="utf-8")

    assert page.startswith(f"# {rule['alert']}\n")
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## What it means",
        "## What to do",
    ]


def test_the_alerts_are_listed_everywhere() -> None:
    """In the values that may be left out, and among the pages."""
    alerts = {rule["alert"] for rule in RULES}
    except_ = SCHEMA["properties"]["metrics"]["properties"]["prometheusRule"]["properties"]["except"]
    index = (ROOT / "docs/runbooks/README.md").read_text(encoding="utf-8")

    assert set(except_["items"]["enum"]) == alerts
    assert {path.stem for path in (ROOT / "docs/runbooks").iterdir()} - {"README"} == alerts
    assert set(re.findall(r"\((\w+)\.md\)", index)) == alerts
