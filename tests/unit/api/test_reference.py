from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from queueworkers.api.conditions import ConditionReason
from queueworkers.api.reference import FILE_NAME, main, render_page
from queueworkers.api.rules import RULES

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_the_models_say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """When this fails: `python -m queueworkers.api.reference docs/reference/queueworkerpool.md`."""
    written = tmp_path / FILE_NAME
    main([str(written)])
    main([])

    assert (ROOT / "docs" / "reference" / FILE_NAME).read_text(encoding="utf-8") == render_page()
    assert written.read_text(encoding="utf-8") == render_page() == capsys.readouterr().out


def test_the_page_has_every_part() -> None:
    """Fields at any depth, what is refused, and every reason."""
    page = render_page()

    assert "## spec.scaling.behavior.scaleDown\n" in page
    assert "| `framework` * | `Laravel`, `ThinkPHP`, `Custom` |" in page
    assert page.count("\n| `spec.") + page.count("\n| `metadata.name`") == len(RULES)
    assert all(f"| `{reason}` |" in page for reason in ConditionReason)
    assert "<<" not in page
