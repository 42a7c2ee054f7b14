"""The pages in docs/frameworks say of options and defaults what the frameworks declare."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from queueworkers.api.spec import QueueWorkerPoolSpec
from queueworkers.frameworks.base import ALWAYS, spell_version
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP

if TYPE_CHECKING:
    from queueworkers.frameworks.base import ByVersion, Framework, Version

PAGES = Path(__file__).parents[3] / "docs" / "frameworks"
DOCUMENTED = [pytest.param(each, id=each.name) for each in (LARAVEL, THINKPHP)]


def page(framework: Framework) -> str:
    """The text of a framework's page."""
    return (PAGES / f"{framework.name.lower()}.md").read_text(encoding="utf-8")


def rows(text: str, header: str) -> list[list[str]]:
    """The rows of the first table with that *header*, as texts without marks of code."""
    lines = text.partition(f"{header}\n")[2].splitlines()[1:]
    table = lines[: next(number for number, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in table]


def since(version: Version | None) -> str:
    """How a page writes a first version."""
    return "always" if version == ALWAYS else spell_version(version or ())


def history(fact: ByVersion[int]) -> list[str]:
    """All numbers that a fact has had, in their order, with the versions between them."""
    changes = (word for changed, now in fact.changes for word in (spell_version(changed), str(now)))
    return [str(fact.first), *changes]


@pytest.mark.parametrize("framework", DOCUMENTED)
def test_each_option_is_listed_with_its_first_version(framework: Framework) -> None:
    """All that its worker knows, and nothing else."""
    fields = {name: field.alias or name for name, field in QueueWorkerPoolSpec.model_fields.items()}
    declared = {fields[option]: since(first) for option, first in framework.options_since.items()}
    if framework.unlimited_memory_since:
        declared["memory: 0"] = since(framework.unlimited_memory_since)
    if framework.several_backoffs_since:
        declared["backoff, several"] = since(framework.several_backoffs_since)

    listed = {row[0]: row[2] for row in rows(page(framework), "| Field | Flag | Since |")}

    assert listed == declared


@pytest.mark.parametrize("framework", DOCUMENTED)
def test_each_default_is_told_as_it_was_and_is(framework: Framework) -> None:
    """With the version in which it changed."""
    told = dict(rows(page(framework), "| When nothing is said | it is |"))
    declared = {"tries": framework.default_tries, "retryAfter": framework.default_retry_after}

    assert told.keys() == declared.keys()
    for field, fact in declared.items():
        assert fact
        assert re.findall(r"\d+(?:\.\d+)?", told[field]) == history(fact), field


@pytest.mark.parametrize("framework", DOCUMENTED)
def test_each_notice_is_told_with_its_first_version(framework: Framework) -> None:
    """Where there are several; the restart, which all have, is told in words."""
    later = {spell_version(notice.since) for notice in framework.notices if notice.since}
    text = page(framework)

    assert "`queue:restart`" in text
    for version in later:
        assert re.search(rf"\| {re.escape(version)}[ ,]", text), version
