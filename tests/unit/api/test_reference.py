from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from queueworkers.api.conditions import ConditionReason
from queueworkers.api.reference import PAGES, main, render_budget_page, render_page
from queueworkers.api.rules import RULES

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_the_models_say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """When this fails: `make crd`."""
    main([str(tmp_path)])
    main([])

    for name, render in PAGES.items():
        made = (tmp_path / name).read_text(encoding="utf-8")
        assert made == render() == (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert capsys.readouterr().out == "\n".join(render() for render in PAGES.values())


def test_a_budget_has_a_page() -> None:
    """With the fields of both parts."""
    page = render_budget_page()

    assert "| `maxReplicas` * | integer | 0 to 100000 |" in page
    assert "## status.pools[]\n" in page


def test_the_page_has_every_part() -> None:
    """Fields at any depth, what is refused, and every reason."""
    page = render_page()

    assert "## spec.scaling.behavior.scaleDown\n" in page
    assert "| `framework` * | `Laravel`, `ThinkPHP`, `Custom` |" in page
    assert page.count("\n| `spec.") + page.count("\n| `metadata.name`") == len(RULES)
    assert all(f"| `{reason}` |" in page for reason in ConditionReason)
    assert "<<" not in page
