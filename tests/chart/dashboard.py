"""The chart's dashboard, as Grafana reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "charts" / "queue-worker-operator" / "files" / "dashboard.json"

Json = dict[str, Any]

DASHBOARD: Json = json.loads(FILE.read_text(encoding="utf-8"))

PANELS: list[Json] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

QUESTIONS: list[tuple[str, Json]] = [
    (panel["title"], target) for panel in PANELS for target in panel["targets"]
]
"""Each with its panel's title."""

CHOSEN = {"$namespace": ".*", "$pool": ".*", "$__rate_interval": "5m"}
"""What Grafana puts in the place of variables while nothing is chosen."""


def spell_question(target: Json) -> str:
    """Write a question as Prometheus is asked it."""
    expression: str = target["expr"]
    for variable, value in CHOSEN.items():
        expression = expression.replace(variable, value)
    return expression
