"""`qwp import`, from its arguments to its status."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from queueworkers.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRAM = "[program:mail]\ncommand=php artisan queue:work redis --queue=mail --timeout=30\n"
ALL_SAID = ("--image", "registry.example/shop:1", "--redis-host", "redis", "--redis-prefix", "")


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run it in a folder of its own, and return its status and what it wrote."""
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qwp", "import", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run_it


def test_all_known_is_status_0(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """The pools go to standard output, and nothing beside them."""
    (tmp_path / "mail.conf").write_text(PROGRAM)
    status, out, err = run("supervisor", "mail.conf", *ALL_SAID)
    assert (status, err) == (0, "")
    assert yaml.safe_load(out)["metadata"] == {"name": "mail"}


def test_something_open_is_status_3(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """The pools are written all the same."""
    (tmp_path / "mail.conf").write_text(PROGRAM)
    status, out, err = run("supervisor", "mail.conf")
    assert status == 3
    assert "TO DO" in out
    assert err == "qwp: some things are not known: look for TO DO\n"


def test_nothing_to_import_is_status_1(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """One sentence, and no pools."""
    (tmp_path / "mail.conf").write_text("what")
    status, out, err = run("supervisor", "mail.conf")
    assert (status, out) == (1, "")
    assert err == "qwp: mail.conf:1: a section such as [program:worker] has to come first\n"


def test_wrong_arguments_are_status_2(run: Callable[..., tuple[int, str, str]]) -> None:
    """No file, or one that is not there."""
    assert run("supervisor")[0] == 2
    assert run("supervisor", "none.conf")[0] == 2


def test_files_that_are_no_text_are_told(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """Not with a trace of calls."""
    (tmp_path / "mail.conf").write_bytes(b"\xff\xfe")
    assert run("supervisor", "mail.conf")[::2] == (1, "qwp: mail.conf: this is not text in UTF-8\n")


def test_included_files_are_read_once(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """From the folder of the file that includes them; one that is named as well is not read again."""
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "mail.conf").write_text(PROGRAM)
    (folder / "sms.conf").write_text(PROGRAM.replace("mail", "sms"))
    (tmp_path / "main.conf").write_text("[include]\nfiles = conf.d/*.conf\n")
    status, out, _ = run("supervisor", "main.conf", "conf.d/mail.conf", *ALL_SAID)
    assert status == 0
    assert [each["metadata"]["name"] for each in yaml.safe_load_all(out)] == ["mail", "sms"]


def test_standard_input_is_a_file_once(
    run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from `helm template`."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(PROGRAM))
    status, out, _ = run("supervisor", "-", *ALL_SAID)
    assert status == 0
    assert out.startswith("# From [program:mail] in standard input, line 1.\n")
    status, _, err = run("supervisor", "-", "-")
    assert (status, err) == (1, "qwp: standard input can be read once: give - once\n")


@pytest.mark.parametrize(
    ("source", "name", "text"),
    [
        ("horizon", "h.php", "<?php return ['environments' => ['staging' => ['mail' => ['tries' => 1]]]];"),
        ("nativephp", "n.php", "<?php return ['queue_workers' => ['mail' => []]];"),
        (
            "keda",
            "k.yaml",
            (
                "{kind: ScaledObject, metadata: {name: mail}, spec: {triggers: "
                "[{type: redis, metadata: {listName: 'queues:a'}}]}}"
            ),
        ),
    ],
)
def test_every_source_has_a_command(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, source: str, name: str, text: str
) -> None:
    """With the same answers; Horizon's environment is a choice."""
    (tmp_path / name).write_text(text)
    more = ("--environment", "staging") if source == "horizon" else ()
    _, out, _ = run(source, name, *more, *ALL_SAID)
    made = yaml.safe_load(out)
    assert made["metadata"]["name"] == "mail"
    assert (made["spec"]["image"], made["spec"]["redis"]["host"]) == ("registry.example/shop:1", "redis")
