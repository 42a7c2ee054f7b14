"""The reference pages of commands and flags are what their declarations say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from queueworkers.cli import qwp
from queueworkers.cli.reference import PAGES, main, render_commands, render_flags
from queueworkers.settings import FLAGS

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[3]


def test_the_pages_are_what_the_declarations_say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """When this fails: `make crd`."""
    main([str(tmp_path)])
    main([])

    for name, render in PAGES.items():
        made = (tmp_path / name).read_text(encoding="utf-8")
        assert made == render() == (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert capsys.readouterr().out == "".join(render() for render in PAGES.values())


def test_every_command_and_flag_has_its_place() -> None:
    """Those below another one too, and with every option."""
    commands, flags = render_commands(), render_flags()

    assert all(f"\n## qwp {name}\n" in commands for name in qwp.commands)
    assert "\n## qwp import supervisor\n\n    qwp import supervisor [OPTIONS] FILE...\n" in commands
    assert "| `-o, --output [json\\|yaml]` | For a program. |" in commands
    assert "| `--lease-namespace` | `QWP_LEASE_NAMESPACE` |" in flags
    assert all(f"| `{flag}` |" in flags for flag, _, _ in FLAGS)
