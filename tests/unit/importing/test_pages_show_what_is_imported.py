"""The pages on moving here show files and what `qwp import` makes of them, to the letter."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from queueworkers.cli import main

DOCS = Path(__file__).parents[3] / "docs"

FILE = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^    \$ qwp (import .*)\n\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "page", ["from-supervisor.md", "from-horizon.md", "from-keda.md", "from-think-queue.md"]
)
def test_a_page_shows_what_is_imported(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command on it is run on the files on it, and writes what stands below."""
    text = (DOCS / page).read_text("utf-8")
    for name, content in FILE.findall(text):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    shown = SHOWN.findall(text)
    assert shown
    for command, expected in shown:
        monkeypatch.setattr(sys, "argv", ["qwp", *shlex.split(command)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert capsys.readouterr().out == expected
        assert (ended.value.code or 0) == (3 if "TO DO" in expected else 0)
