"""The reference page of the chart's values is what the chart's files say, and says something of each."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from chart.reference import main, read_values, render_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "queue-worker-operator"

WIDEST = 100
"""Characters of the widest words of a table's columns, side by side: as many as fit beside a list of pages."""


def what_helm_takes(path: str, declared: dict[str, Any], default: Any) -> Iterator[str]:
    """Paths of the schema, down to where Kubernetes or the person who installs it gives the names."""
    for name, each in declared["properties"].items():
        here = f"{path}{name}"
        below = default.get(name) if isinstance(default, dict) else None
        if "properties" in each and (below or here == "settings"):
            yield from what_helm_takes(f"{here}.", each, below)
        else:
            yield here


def test_the_page_is_what_the_chart_says(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """When this fails: `make crd`."""
    main([str(tmp_path)])
    main([])

    made = (tmp_path / "values.md").read_text(encoding="utf-8")
    assert made == capsys.readouterr().out == render_page()
    assert made == (ROOT / "docs/reference/values.md").read_text(encoding="utf-8")


def test_every_value_has_its_row() -> None:
    """Once, with what Helm has for it where nobody says anything."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    page = render_page()

    rows = re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(what_helm_takes("", schema, values))
    assert "| `metrics.serviceMonitor.interval` | string | `30s` |" in page
    assert "| `replicas` | integer, 0 or more | `2` |" in page
    assert "| `settings.resyncSeconds` | integer, 10 to 86400 | `300` |" in page
    assert "| `image.pullPolicy` | `Always`, `IfNotPresent`, `Never` | `IfNotPresent` |" in page
    assert '| `metrics.dashboard.labels` | map of string | `{grafana_dashboard: "1"}` |' in page


def test_every_value_has_a_meaning() -> None:
    """When this fails: write it above the value in values.yaml, without an empty line between."""
    values = read_values()
    objects = {value.parent for value in values}

    assert [value.path for value in values if not value.meaning and value.path not in objects] == []


def test_a_meaning_is_written_once() -> None:
    """Above the value in values.yaml; in the schema only where that file has nothing to stand above."""
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    shown = {value.path for value in read_values() if value.default}

    def described(path: str, declared: dict[str, Any]) -> Iterator[str]:
        for name, each in declared.get("properties", {}).items():
            if "description" in each:
                yield f"{path}{name}"
            yield from described(f"{path}{name}.", each)

    assert set(described("", schema)) & shown == set()


def test_a_page_can_be_read_beside_others() -> None:
    """A browser breaks a cell between words only, so the longest ones say how wide a table is at least."""
    for table in re.findall(r"(?:^\|.*\|\n)+", render_page(), re.MULTILINE):
        rows = [line.strip("|").split("|") for line in table.splitlines()]
        widest = [max(map(len, " ".join(column).split())) for column in zip(*rows, strict=True)]
        assert sum(widest) <= WIDEST, rows[2][0]
