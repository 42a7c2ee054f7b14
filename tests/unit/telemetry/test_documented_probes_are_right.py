"""The page about metrics names the paths, the port and the metrics that there are."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from queueworkers.settings import Settings, parse_settings
from queueworkers.telemetry.figures import POOL_FAMILIES
from queueworkers.telemetry.process import PROCESS_FAMILIES
from queueworkers.telemetry.server import LIVE, METRICS, READY

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_probes_ask_where_it_answers() -> None:
    """On the port that is the default."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    container = yaml.safe_load(block)
    (port,) = container["ports"]

    assert port["containerPort"] == Settings().metrics_port
    assert container["livenessProbe"]["httpGet"] == {"path": LIVE, "port": port["name"]}
    assert container["readinessProbe"]["httpGet"] == {"path": READY, "port": port["name"]}
    assert all(f"| `{path}` |" in PAGE for path in (METRICS, LIVE, READY))


def test_every_metric_that_is_asked_for_exists() -> None:
    """With the labels that it is asked by."""
    families = {family.name: family for family in (*POOL_FAMILIES, *PROCESS_FAMILIES)}
    asked = re.findall(r"(qwp_\w+?)(?:_bucket)?(?:\{(\w+)[!=])?(?=\W)", PAGE)

    assert len(asked) > 10
    for name, label in asked:
        assert not label or label in families[name].labels, name
        assert name in families


def test_the_port_is_chosen_by_a_flag_or_the_environment() -> None:
    """0 turns it off."""
    assert parse_settings([], {"QWP_METRICS_PORT": "0"}).metrics_port == 0
    assert parse_settings(["--metrics-port", "9090"], {"QWP_METRICS_PORT": "0"}).metrics_port == 9090
    assert parse_settings([], {}).metrics_port == 8080
