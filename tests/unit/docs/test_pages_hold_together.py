"""Links lead somewhere, metrics exist, translations show the code of what they translate, the start page its example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from queueworkers.telemetry.figures import POOL_FAMILIES
from queueworkers.telemetry.process import PROCESS_FAMILIES

ROOT = Path(__file__).parents[3]
PAGES = [
    pytest.param(page, id=str(page.relative_to(ROOT)))
    for page in sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
]
METRICS = {family.name for family in (*POOL_FAMILIES, *PROCESS_FAMILIES)}

FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}[^\n]*\n)+", re.MULTILINE)
CODE = re.compile(f"{FENCED.pattern}|{INDENTED.pattern}", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def read(page: Path) -> str:
    """The text of a page."""
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """What a link to a heading of a page may say behind its #, as GitHub makes it."""
    headings = HEADING.findall(FENCED.sub("", read(page)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file or folder of the project, and to a heading that there is; addresses of others are not asked."""
    broken = []
    for link in LINK.findall(INLINE.sub("", FENCED.sub("", read(page)))):
        target, _, anchor = link.partition("#")
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_every_metric_that_is_named_exists(page: Path) -> None:
    """A question with a wrong name has no answer, and says nothing."""
    named = re.findall(r"\bqwp_\w+", read(page))

    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in named} <= METRICS


@pytest.mark.parametrize("page", ["README.md", "docs/start.md"])
def test_a_translation_shows_the_same_code(page: str) -> None:
    """Commands, pools and output, each once and in the same order."""
    shown = CODE.findall(read(ROOT / page))

    assert shown
    assert CODE.findall(read(ROOT / page.replace(".md", ".zh-CN.md"))) == shown


def test_the_start_page_shows_its_example() -> None:
    """What is in examples/ is tried on an API server, and what is on the page is copied."""
    example = (ROOT / "examples" / "start.yaml").read_text(encoding="utf-8")

    assert f"```yaml\n{example}```" in read(ROOT / "docs" / "start.md")
