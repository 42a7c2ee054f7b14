"""A line of JSON has the sentence, and by name what a program looks for; nothing gets into it by chance."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from queueworkers.cluster.announcer import Announcer
from queueworkers.domain.announcements import announce_scaling
from queueworkers.domain.backlog import Wait
from queueworkers.domain.identity import BudgetKey, PoolKey
from queueworkers.errors import SettingsError
from queueworkers.settings import parse_settings
from queueworkers.telemetry.logs import CONSOLE, JsonFormatter
from unit.domain.given import NOON, POOL, a_backlog, a_situation, ago

PAGE = (Path(__file__).parents[3] / "docs" / "logs.md").read_text(encoding="utf-8")

ALWAYS = {"time", "level", "message", "logger"}


class TakesAll:
    """An API server that takes every Event."""

    async def create(self, *_: Any, **__: Any) -> None:
        """Take one."""


def written(**record: Any) -> dict[str, Any]:
    """Write a record, and read it as a collector does."""
    text = JsonFormatter().format(logging.makeLogRecord({"levelname": "INFO", "name": "a", **record}))
    assert text.isascii()
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


async def test_a_decision_is_told_as_the_page_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    """In both formats, to the letter."""
    caplog.set_level(logging.INFO, logger="queueworkers")
    situation = a_situation(a_backlog(ready=412, oldest=Wait(ago(38))), 2, scaling={"maxReplicas": 20})
    (announced,) = announce_scaling(situation, before=2, now=NOON)

    await Announcer(TakesAll()).announce(POOL, announced)  # type: ignore[arg-type] # all that is asked of it

    (record,) = caplog.records
    record.created, record.msecs = NOON.timestamp(), 0
    console = logging.Formatter(CONSOLE)
    console.converter = time.gmtime
    assert JsonFormatter().format(record) in PAGE.splitlines()
    assert console.format(record) in PAGE.splitlines()


@pytest.mark.parametrize(
    ("subject", "named"),
    [
        pytest.param(PoolKey("shop", "orders"), {"namespace": "shop", "pool": "orders"}, id="pool"),
        pytest.param(BudgetKey("shop", "mysql"), {"namespace": "shop", "budget": "mysql"}, id="budget"),
        pytest.param("shop", {}, id="something-else"),
    ],
)
def test_whom_it_is_about_is_named(subject: object, named: dict[str, str]) -> None:
    """A pool or a budget, each as one."""
    line = written(msg="%s: not read", args=(str(subject),), subject=subject)

    assert line["message"] == f"{subject}: not read"
    assert {name: value for name, value in line.items() if name not in ALWAYS} == named


def test_nothing_is_written_that_was_not_meant() -> None:
    """Libraries hang what they like on a record."""
    assert set(written(msg="hello", password="summer", headers={"Authorization": "Bearer"})) == ALWAYS


def test_a_traceback_stays_in_its_line() -> None:
    """Collectors take each line for a record."""
    try:
        int("many")
    except ValueError:
        line = written(msg="unexpected failure →", exc_info=sys.exc_info())

    assert line["message"] == "unexpected failure →"
    assert line["exception"].startswith("Traceback (most recent call last):\n")
    assert line["exception"].endswith("\nValueError: invalid literal for int() with base 10: 'many'")


def test_the_format_is_chosen_by_a_flag_or_the_environment() -> None:
    """What there is not is refused with what there is."""
    assert parse_settings([], {}).log_format == "console"
    assert parse_settings([], {"QWP_LOG_FORMAT": "json"}).log_format == "json"
    with pytest.raises(SettingsError, match=r"^log format 'logfmt': give one of console, json$"):
        parse_settings(["--log-format=logfmt"], {})
