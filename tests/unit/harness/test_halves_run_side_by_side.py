"""Two runs of tests at a time are told as one, and any failure of either counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.side_by_side import Half, run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def a_half(folder: Path, name: str, test: str) -> Half:
    """Make one of a single test, which waits until the other's runs too."""
    here = folder / name
    here.mkdir()
    (here / f"test_{name}.py").write_text(
        "import os, pathlib, time\n"
        "def test_it():\n"
        "    folder = pathlib.Path(__file__).parents[1]\n"
        "    (folder / os.environ['QWP_TEST_CLUSTER']).with_suffix('.runs').touch()\n"
        "    deadline = time.monotonic() + 30\n"
        "    while len(list(folder.glob('*.runs'))) < 2:\n"
        "        assert time.monotonic() < deadline, 'the other one does not run'\n"
        "        time.sleep(0.01)\n"
        f"    {test}\n"
    )
    return Half(name, (str(here),))


def test_all_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line tells whose it is, and each half how it ended."""
    status = run([a_half(tmp_path, "one", "pass"), a_half(tmp_path, "two", "pass")])

    told = capsys.readouterr().out.splitlines()
    assert status == 0
    assert (
        sum("1 passed" in line and line.startswith(("       one | ", "       two | ")) for line in told) == 2
    )
    assert sum(line.startswith("side by side: ") and " passed after " in line for line in told) == 2


def test_one_did_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What failed is told once more at the end, where it is looked for."""
    status = run([a_half(tmp_path, "one", "assert 1 == 2"), a_half(tmp_path, "two", "pass")])

    told = capsys.readouterr().out.splitlines()
    assert status == 1
    assert told[-1].startswith("FAILED ")
    assert "test_one.py::test_it" in told[-1]
