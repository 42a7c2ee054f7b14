"""Tables, charts and pictures say what came of a run."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from queueworkers.simulation.charts import draw_chart, spell_line
from queueworkers.simulation.pictures import PictureError, draw_picture, parse_kind
from queueworkers.simulation.tables import HEADER, as_json, as_row, as_table
from unit.simulation.given import an_outcome


def test_a_row_has_waits_by_rank_and_hours() -> None:
    """Of 100 jobs the 95th waited 4 s, the 99th 20 s and the last 25 minutes."""
    assert dict(zip(HEADER, as_row(an_outcome()), strict=True)) == {
        "policy": "operator",
        "wait p50": "0.0 s",
        "p95": "4.0 s",
        "p99": "20 s",
        "max": "1,500 s",
        "worker-hours": "2.50",
        "changes": "2",
        "jobs cut": "2",
        "not started": "1",
    }


def test_json_says_the_same_in_numbers() -> None:
    """With the units in the names."""
    assert as_json(an_outcome()) == {
        "policy": "operator",
        "waitSeconds": {"p50": 0.0, "p95": 4.0, "p99": 20.0, "max": 1500.0},
        "workerHours": 2.5,
        "changes": 2,
        "jobsCut": 2,
        "jobsNotStarted": 1,
    }


def test_tables_align_names_left_and_numbers_right() -> None:
    """As in a terminal."""
    assert as_table([("policy", "max"), ("a", "1"), ("longer", "1,000")]) == (
        "policy    max\na           1\nlonger  1,000"
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([0, 0, 0, 0], "    ", id="nothing"),
        pytest.param([1, 0, 0, 800], "▁  █", id="a-little-is-not-nothing"),
        pytest.param([0, 400, 800, 0, 0, 0, 0, 8], "▄█ ▁", id="the-greatest-of-a-column"),
        pytest.param([], "    ", id="no-values"),
        pytest.param([800], "████", id="one-value"),
    ],
)
def test_blocks_are_as_high_as_the_values(values: list[float], expected: str) -> None:
    """Eight heights, and a space for nothing."""
    assert spell_line(values, highest=800, width=4) == expected


def test_a_chart_has_one_scale_for_all() -> None:
    """The highest backlog fills the line, one of a tenth of it does not."""
    high, low = an_outcome("high", most=400), an_outcome("low", most=40)
    lines = draw_chart([high, low], width=40).splitlines()
    assert "█" in lines[1]
    assert lines[1].endswith("backlog, 400 at most")
    assert "█" not in lines[3]
    assert lines[3].startswith("low")
    assert lines[2].endswith("workers, 10 at most")


def test_a_picture_has_a_row_for_each_policy() -> None:
    """SVG that can be parsed: three areas for each row, and its name."""
    svg = draw_picture([an_outcome("ours <1>"), an_outcome("theirs")], title="A day & a night", kind="svg")
    root = ET.fromstring(svg)
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    areas = [each for each in root.iter("{http://www.w3.org/2000/svg}polyline") if each.get("fill") != "none"]
    assert {"ours <1>", "theirs", "A day & a night", "jobs waiting", "workers"} <= set(texts)
    assert len(areas) == 2 * 3
    assert len(svg) < 20_000
    assert svg == draw_picture(
        [an_outcome("ours <1>"), an_outcome("theirs")], title="A day & a night", kind="svg"
    )


def test_no_point_leaves_its_plot() -> None:
    """A row that is much higher than the others is cut off, and does not run over the row above."""
    outcomes = [an_outcome("a"), an_outcome("b"), replace(an_outcome("c", most=90_000))]
    root = ET.fromstring(draw_picture(outcomes, title="", kind="svg"))
    for line in root.iter("{http://www.w3.org/2000/svg}polyline"):
        points = [point.split(",") for point in (line.get("points") or "").split()]
        heights = [float(y) for _, y in points]
        assert max(heights) - min(heights) <= 44.0 + 0.1


def test_a_png_is_twice_as_wide_as_an_svg() -> None:
    """For screens with small pixels."""
    png = draw_picture([an_outcome()], title="A day", kind="png")
    svg = draw_picture([an_outcome()], title="A day", kind="svg")
    width, height = struct.unpack(">II", png[16:24])
    assert f'viewBox="0 0 {width // 2} {height // 2}"'.encode() in svg


def test_other_kinds_are_refused() -> None:
    """By the name, before anything is computed."""
    assert parse_kind(Path("a/b.SVG")) == "svg"
    with pytest.raises(PictureError, match=r"b\.pdf: the name of a picture ends in \.svg or \.png"):
        parse_kind(Path("b.pdf"))
