"""A simulation as a picture: one row for each policy, with backlog, workers and the oldest wait over time."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from math import ceil, floor, log10
from statistics import median
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, ImageFont

from queueworkers.errors import QueueWorkersError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from queueworkers.simulation.simulator import Outcome, Sample

COLUMNS: tuple[tuple[str, str, Callable[[Sample], float]], ...] = (
    ("jobs waiting", "#c08552", lambda sample: sample.waiting),
    ("workers", "#5b8fb0", lambda sample: sample.workers),
    ("oldest wait in seconds", "#96698a", lambda sample: sample.oldest_wait_seconds),
)

POINTS = 120
"""Across; of the samples between two points the greatest is drawn."""

LEFT, TOP, BOTTOM = 130.0, 46.0, 34.0
PLOT_WIDTH, PLOT_HEIGHT = 230.0, 44.0
GAP_ACROSS, GAP_DOWN = 50.0, 16.0
SMALL, NORMAL = 9.0, 11.0
"""All lengths are pixels of an SVG; a PNG has twice as many each way."""

PNG_SCALE = 2

CROPPED_ABOVE = 3
"""What is so many times higher than the middle row of its column is cut off, or nothing else could be seen."""

INK = "#333333"

KINDS = ("svg", "png")

HOUR_SECONDS = 3600.0


class PictureError(QueueWorkersError):
    """No picture can be drawn; its message says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled area, or a line where it has no filling."""

    points: tuple[tuple[float, float], ...]
    filling: str | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """A text, whose *x* is its start, middle or end, and whose *y* its middle."""

    x: float
    y: float
    text: str
    anchor: str = "middle"
    size: float = SMALL


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A picture before it has a format."""

    width: float
    height: float
    parts: tuple[Shape | Label, ...]


def parse_kind(path: Path) -> str:
    """
    Tell from a name what kind of picture it is to be.

    Raises:
        PictureError: It can be none.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in KINDS:
        raise PictureError(
            f"{path}: the name of a picture ends in {' or '.join(f'.{each}' for each in KINDS)}"
        )
    return kind


def draw_picture(outcomes: Sequence[Outcome], *, title: str, kind: str) -> bytes:
    """Draw *outcomes*, at least one, as one of `KINDS`; the same outcomes give the same bytes."""
    drawing = _drawing(outcomes, title)
    return _as_svg(drawing) if kind == "svg" else _as_png(drawing)


def _drawing(outcomes: Sequence[Outcome], title: str) -> Drawing:
    width = LEFT + len(COLUMNS) * (PLOT_WIDTH + GAP_ACROSS)
    height = TOP + len(outcomes) * (PLOT_HEIGHT + GAP_DOWN) + BOTTOM
    parts: list[Shape | Label] = [Label(width / 2, NORMAL, title, size=NORMAL)]
    for column, (name, colour, measure) in enumerate(COLUMNS):
        left = LEFT + column * (PLOT_WIDTH + GAP_ACROSS)
        step, highest = _axis(outcomes, measure)
        parts.append(Label(left + PLOT_WIDTH / 2, TOP - 2 * SMALL, name))
        for row, outcome in enumerate(outcomes):
            base = TOP + row * (PLOT_HEIGHT + GAP_DOWN) + PLOT_HEIGHT
            parts += _plot(outcome, measure, colour, left=left, base=base, highest=highest)
            parts += _heights(step, highest, left=left, base=base)
            if not column:
                parts.append(Label(LEFT - 38, base - PLOT_HEIGHT / 2, outcome.policy, "end", NORMAL))
        parts += _hours(outcomes[0].lasted_seconds, left=left, base=height - BOTTOM - GAP_DOWN)
    return Drawing(width=width, height=height, parts=tuple(parts))


def _axis(outcomes: Sequence[Outcome], measure: Callable[[Sample], float]) -> tuple[float, float]:
    """Choose where a column's numbers stand, and how high it reaches: the same for all its rows."""
    tops = [max(measure(sample) for sample in each.samples) for each in outcomes]
    highest = max(min(max(tops), CROPPED_ABOVE * median(tops)), 1.0)
    step = _round_step(highest / 2)
    return step, max(highest, step)


def _round_step(about: float) -> float:
    """Round down to 1, 2 or 5 and zeros, at least 1."""
    power = 10.0 ** floor(log10(max(about, 1.0)))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= max(about, 1.0))


def _plot(
    outcome: Outcome,
    measure: Callable[[Sample], float],
    colour: str,
    *,
    left: float,
    base: float,
    highest: float,
) -> Iterator[Shape]:
    samples = outcome.samples
    size = max(len(samples) // POINTS, 1)
    parts = [samples[first : first + size] for first in range(0, len(samples), size)]
    outline = [(left, base)]
    for part in parts:
        height = min(max(measure(sample) for sample in part) / highest, 1.0) * PLOT_HEIGHT
        outline.append((left + part[-1].at / outcome.lasted_seconds * PLOT_WIDTH, base - height))
    outline.append((left + PLOT_WIDTH, base))
    yield Shape(tuple(_without_repetition(outline)), colour)
    yield Shape(((left, base - PLOT_HEIGHT), (left, base), (left + PLOT_WIDTH, base)))


def _without_repetition(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Leave out the points in the middle of a level."""
    for number, point in enumerate(points):
        beside = points[max(number - 1, 0)], points[min(number + 1, len(points) - 1)]
        if number in {0, len(points) - 1} or any(abs(other[1] - point[1]) >= 0.1 for other in beside):  # noqa: PLR2004
            yield point


def _heights(step: float, highest: float, *, left: float, base: float) -> Iterator[Shape | Label]:
    for number in range(floor(highest / step) + 1):
        y = base - number * step / highest * PLOT_HEIGHT
        yield Shape(((left - 3, y), (left, y)))
        yield Label(left - 5, y, f"{number * step:,.0f}", "end")


def _hours(lasted_seconds: float, *, left: float, base: float) -> Iterator[Shape | Label]:
    hours = lasted_seconds / HOUR_SECONDS
    step = next(each for each in (0.25, 0.5, 1, 2, 6, 24, 24 * 7, ceil(hours)) if hours / each <= 6)  # noqa: PLR2004
    for number in range(floor(hours / step) + 1):
        x = left + number * step / hours * PLOT_WIDTH
        yield Shape(((x, base), (x, base + 3)))
        yield Label(x, base + SMALL, f"{number * step:g}")
    yield Label(left + PLOT_WIDTH / 2, base + 2.5 * SMALL, "hours")


def _as_svg(drawing: Drawing) -> bytes:
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width:.0f} {drawing.height:.0f}"'
            f' font-family="sans-serif" font-size="{SMALL:g}" fill="{INK}">'
        ),
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for part in drawing.parts:
        if isinstance(part, Label):
            size = f' font-size="{part.size:g}"' if part.size != SMALL else ""
            baseline = part.y + part.size / 3
            lines.append(
                f'<text x="{part.x:.1f}" y="{baseline:.1f}" text-anchor="{part.anchor}"{size}>'
                f"{escape(part.text)}</text>"
            )
        else:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in part.points)
            look = (
                f'fill="{part.filling}"' if part.filling else f'fill="none" stroke="{INK}" stroke-width=".6"'
            )
            lines.append(f'<polyline points="{points}" {look}/>')
    return "\n".join([*lines, "</svg>", ""]).encode()


def _as_png(drawing: Drawing) -> bytes:
    size = ceil(drawing.width * PNG_SCALE), ceil(drawing.height * PNG_SCALE)
    image = Image.new("RGB", size, "white")
    canvas = ImageDraw.Draw(image)
    for part in drawing.parts:
        if isinstance(part, Label):
            font = ImageFont.load_default(part.size * PNG_SCALE)
            anchor = {"start": "lm", "middle": "mm", "end": "rm"}[part.anchor]
            canvas.text(
                (part.x * PNG_SCALE, part.y * PNG_SCALE), part.text, fill=INK, font=font, anchor=anchor
            )
            continue
        points = [(x * PNG_SCALE, y * PNG_SCALE) for x, y in part.points]
        if part.filling:
            canvas.polygon(points, fill=part.filling)
        else:
            canvas.line(points, fill=INK)
    written = BytesIO()
    image.save(written, format="PNG")
    return written.getvalue()
