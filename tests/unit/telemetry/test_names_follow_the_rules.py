"""What `promtool check metrics` would say, and that what is told is what the page lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from queueworkers.telemetry.families import LABELS, Family, Kind, spell_label
from queueworkers.telemetry.figures import POOL_FAMILIES
from queueworkers.telemetry.process import PROCESS_FAMILIES, Instruments
from queueworkers.telemetry.reference import FILE_NAME, main, render_page

ROOT = Path(__file__).parents[3]
FAMILIES = (*POOL_FAMILIES, *PROCESS_FAMILIES)

OTHER_UNITS = re.compile(
    r"_(ms|milliseconds|minutes|hours|days|percent|kb|mb|gb|megabytes|count|sum|bucket)(_|$)"
)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_name_is_one(family: Family) -> None:
    """Prefix, letters, base units at the end, ``_total`` for counters alone, a type that is not in the name, and help."""
    name = family.name
    assert re.fullmatch(r"qwp_[a-z]+(_[a-z]+)+|qwp_[a-z]+", name)
    assert name.endswith("_total") == (family.kind is Kind.COUNTER)
    assert not OTHER_UNITS.search(name)
    assert not re.search(r"gauge|counter|histogram|summary", name)
    assert ("seconds" not in name) or name.removesuffix("_total").endswith("_seconds")
    assert (family.kind is Kind.HISTOGRAM) <= name.endswith("_duration_seconds") or name.endswith(
        "_lag_seconds"
    )
    assert family.says.endswith(".")
    assert "\n" not in family.says
    assert set(family.labels) <= set(LABELS)
    assert len(set(family.labels)) == len(family.labels)


def test_every_name_and_every_label_is_there_once() -> None:
    """None is declared twice, and no label is explained that nothing has."""
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names)
    assert {label for family in FAMILIES for label in family.labels} == set(LABELS)


def test_the_operator_tells_what_is_declared_and_nothing_else() -> None:
    """Beside what the library tells of any process."""
    instruments = Instruments()
    instruments.answered("get", 200, 0.01)
    instruments.told("pods")
    told = {family.name: family.type for family in text_string_to_metric_families(instruments.page())}

    own = {name: kind for name, kind in told.items() if name.startswith("qwp_")}
    assert own == {family.name.removesuffix("_total"): family.kind for family in PROCESS_FAMILIES}
    assert all(name.startswith(("process_", "python_gc_")) for name in told.keys() - own.keys())


def test_a_label_keeps_what_stands_in_it() -> None:
    """A queue may be called anything."""
    odd = 'a"b\\c\nd'
    text = f"# TYPE x gauge\nx{{{spell_label('queue', odd)}}} 1\n"
    (family,) = text_string_to_metric_families(text)
    assert family.samples[0].labels == {"queue": odd}


def test_the_page_is_what_is_declared(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """When this fails: `make crd`."""
    main([str(tmp_path)])
    main([])

    made = (tmp_path / FILE_NAME).read_text(encoding="utf-8")
    assert made == render_page() == (ROOT / "docs" / "reference" / FILE_NAME).read_text(encoding="utf-8")
    assert capsys.readouterr().out == made
    assert all(f"| `{family.name}` | {family.kind} |" in made for family in FAMILIES)
