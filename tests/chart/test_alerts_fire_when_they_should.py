"""Prometheus takes the alerts; each fires after its time, and neither before nor without a reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from chart.values import IMAGE, INSTALLATIONS
from harness.helm import CHART

if TYPE_CHECKING:
    from harness.helm import Helm
    from harness.promtool import Promtool

Json = dict[str, Any]

FILE: Json = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))

TESTS: dict[str, Json] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "alerts").iterdir())
}
"""By the alert that they are about, in promtool's own format."""

WITH_RULES = {"image": IMAGE, "metrics": {"prometheusRule": {"enabled": True}}}


def rendered(helm: Helm, values: Json) -> Json:
    """Return the rules of an installation, as the Prometheus operator hands them on."""
    (rule,) = [each for each in helm.render(values) if each["kind"] == "PrometheusRule"]
    spec: Json = rule["spec"]
    return spec


def count(rules: Json) -> int:
    """Count them, in all groups."""
    return sum(len(group["rules"]) for group in rules["groups"])


def test_prometheus_takes_the_file_as_it_is(promtool: Promtool) -> None:
    """For those who have no Prometheus operator."""
    assert f"SUCCESS: {count(FILE)} rules found" in promtool.check(FILE)


@pytest.mark.parametrize("values", [WITH_RULES, INSTALLATIONS["everything"]], ids=["all", "without-one"])
def test_prometheus_takes_what_the_chart_renders(helm: Helm, promtool: Promtool, values: Json) -> None:
    """With and without the places of runbooks."""
    rules = rendered(helm, values)

    assert f"SUCCESS: {count(rules)} rules found" in promtool.check(rules)


@pytest.mark.parametrize("alert", TESTS)
def test_an_alert_fires_when_it_should(helm: Helm, promtool: Promtool, alert: str, tmp_path: Path) -> None:
    """With the sentences that people read, and about the right pool."""
    assert "SUCCESS" in promtool.test(rendered(helm, WITH_RULES), TESTS[alert], folder=tmp_path)


def test_every_alert_is_tried_both_ways() -> None:
    """It is quiet at first and fires later, and there is a case in which it never does."""
    assert set(TESTS) == {rule["alert"] for group in FILE["groups"] for rule in group["rules"]}

    for alert, tests in TESTS.items():
        cases = [test["alert_rule_test"] for test in tests["tests"]]
        assert {each["alertname"] for case in cases for each in case} == {alert}
        fires = [[bool(each.get("exp_alerts")) for each in case] for case in cases]
        assert any(case[:2] == [False, True] for case in fires), alert
        assert any(not any(case) for case in fires), alert
