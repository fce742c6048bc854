"""What all charts share: the plane they draw on, labels, lines and the frame that names a picture.

A chart is a pure function of frozen data: numbers to one decimal, ids from the section, every label escaped. Colours stand
literally in the attributes, for printers and converters that know no variables, and once more as a class, which the
page's style overrides for dark screens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

CARD = "#ffffff"
INK = "#1b1f24"
MUTED = "#57606a"
SERIES = "#0b62a8"
SECOND = "#b3450b"
BARS = "#7f8994"
GRID = "#dde2e7"
BAD = "#a5251c"

WIDTH = 400.0
_FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"

Point = tuple[float, float]


def num(value: float) -> str:
    """
    >>> num(3.0), num(2.25), num(-0.04)
    ('3', '2.2', '0')
    """
    short = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


@dataclass(frozen=True)
class Plane:
    """The part of a picture in which values have places; the rest is for labels."""

    x0: float
    x1: float
    y0: float
    y1: float
    height: float = 190.0
    left: float = 36.0
    right: float = 8.0
    top: float = 10.0
    bottom: float = 26.0

    def x(self, value: float) -> float:
        """Where a value of the horizontal axis lies."""
        return self.left + (WIDTH - self.left - self.right) * (value - self.x0) / ((self.x1 - self.x0) or 1)

    def y(self, value: float) -> float:
        """Where a value of the vertical axis lies."""
        return self.floor - (self.floor - self.top) * (value - self.y0) / ((self.y1 - self.y0) or 1)

    @property
    def floor(self) -> float:
        """The lower edge."""
        return self.height - self.bottom

    @property
    def edge(self) -> float:
        """The right edge."""
        return WIDTH - self.right


def drawing_of(
    ident: str,
    size: Point,
    parts: Iterable[Markup],
    *,
    title: str,
    description: str,
    css: str = "chart",
    natural: bool = False,
) -> Markup:
    """One named picture; `natural` keeps its own size where the page has room."""
    width, height = num(size[0]), num(size[1])
    own = Markup(' width="{}" height="{}"').format(width, height) if natural else Markup("")
    head = Markup(
        '<svg class="{}" viewBox="0 0 {} {}"{} role="img" aria-labelledby="{}-title {}-desc" '
        'font-family="{}" font-size="11" fill="{}"><title id="{}-title">{}</title><desc id="{}-desc">{}</desc>'
    ).format(css, width, height, own, ident, ident, _FAMILY, MUTED, ident, title, ident, description)
    return head + Markup("").join(parts) + Markup("</svg>")


def group(css: str, shared: str, parts: Iterable[Markup]) -> Markup:
    """Shapes that have a class and attributes in common, which so are written once; nothing of nothing."""
    inside = Markup("").join(parts)
    return Markup(f'<g class="{css}" {shared}>{inside}</g>') if inside else inside


def text(x: float, y: float, words: str, anchor: str = "start") -> Markup:
    """A label in the ink and size of its group; of the picture, small and muted, where it is in none."""
    # a page has a hundred labels: plain formatting takes a tenth of Markup's
    side = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return Markup(f'<text x="{num(x)}" y="{num(y)}"{side}>{escape(words)}</text>')


def grid(plane: Plane, ticks: Sequence[tuple[float, str]]) -> Iterator[Markup]:
    """Horizontal lines with their values at the left."""
    line = Markup('<path d="M{} {}H{}"/>')
    lines = [line.format(num(plane.left), num(plane.y(value)), num(plane.edge)) for value, _ in ticks]
    yield group("grid", f'stroke="{GRID}"', lines)
    for value, words in ticks:
        yield text(plane.left - 6, plane.y(value) + 4, words, "end")


def below(plane: Plane, ticks: Sequence[tuple[float, str]]) -> Iterator[Markup]:
    """Values of the horizontal axis; the last one ends at the edge."""
    for value, words in ticks:
        x = plane.x(value)
        anchor = "end" if x > plane.edge - 18 else "start" if x < plane.left + 12 else "middle"
        at = plane.edge if anchor == "end" else plane.left if anchor == "start" else x
        yield text(at, plane.floor + 16, words, anchor)


def vertical_mark(plane: Plane, at: float, label: str) -> Iterator[Markup]:
    """A dashed line across the plane with words at its top, on the side where there is room."""
    x = plane.x(at)
    mark = Markup('<path class="mark" d="M{} {}V{}" stroke="{}" stroke-dasharray="3 3"/>')
    yield mark.format(num(x), num(plane.top), num(plane.floor), MUTED)
    side = "end" if x > WIDTH / 2 else "start"
    yield text(x + (-5 if side == "end" else 5), plane.top + 9, label, side)


def line(
    points: Sequence[Point], *, second: bool = False, halo: bool = False, stepped: bool = False
) -> Iterator[Markup]:
    """A line in the series' colour, the second one dashed; a halo keeps it apart from bars."""
    if len(points) == 1:
        dot = Markup('<circle class="{}" cx="{}" cy="{}" r="4" fill="{}" stroke="{}" stroke-width="2"/>')
        css, colour = ("dot second", SECOND) if second else ("dot", SERIES)
        yield dot.format(css, num(points[0][0]), num(points[0][1]), colour, CARD)
    if len(points) < 2:
        return
    path = stairs(points) if stepped else "M" + "L".join(f"{num(x)} {num(y)}" for x, y in points)
    shape = Markup('<path class="{}" d="{}" fill="none" stroke="{}" stroke-width="{}"{} stroke-linejoin="round"/>')
    if halo:
        yield shape.format("halo", path, CARD, "6", "")
    dash = Markup(' stroke-dasharray="6 4"') if second else ""
    yield shape.format("line second" if second else "line", path, SECOND if second else SERIES, "2.5", dash)


def stairs(points: Sequence[Point]) -> str:
    """A path that keeps its height until the next point.

    >>> stairs([(0, 9), (5, 9), (10, 4)])
    'M0 9H5H10V4'
    """
    parts = [f"M{num(points[0][0])} {num(points[0][1])}"]
    for (_, before), (x, y) in pairwise(points):
        parts.append(f"H{num(x)}" + (f"V{num(y)}" if num(y) != num(before) else ""))
    return "".join(parts)


def band(
    upper: Sequence[Point], lower: Sequence[Point], *, second: bool = False, stepped: bool = False
) -> Iterator[Markup]:
    """The room between two lines, pale."""
    if len(upper) < 2:
        return
    css, colour = ("band second", SECOND) if second else ("band", SERIES)
    if stepped:
        path = stairs(upper) + _stairs_back(lower)
    else:
        there = "L".join(f"{num(x)} {num(y)}" for x, y in upper)
        path = f"M{there}L" + "L".join(f"{num(x)} {num(y)}" for x, y in reversed(lower))
    shape = Markup('<path class="{}" d="{}Z" fill="{}" fill-opacity="0.16"/>')
    yield shape.format(css, path, colour)


def _stairs_back(points: Sequence[Point]) -> str:
    """The same stairs from their end to their beginning."""
    last_x, last_y = points[-1]
    parts = [f"L{num(last_x)} {num(last_y)}"]
    for (x, y), (_, after) in zip(reversed(points[:-1]), reversed(points[1:]), strict=True):
        parts.append((f"V{num(y)}" if num(y) != num(after) else "") if x == last_x else f"H{num(last_x)}V{num(y)}")
        last_x = x
    return "".join(parts) + f"H{num(points[0][0])}"


def bars(plane: Plane, width: float, values: Iterable[tuple[float, float]]) -> Markup:
    """Bars from the floor up, each at its left edge."""
    shape = Markup('<rect x="{}" y="{}" width="{}" height="{}"/>')
    tops = [(x, plane.y(value)) for x, value in values]
    made = [shape.format(num(x), num(top), num(width), num(plane.floor - top)) for x, top in tops]
    return group("bar", f'fill="{BARS}"', made)


def ceiling(most: int) -> int:
    """The axis ends at a round even number, so that its half is whole too.

    >>> [ceiling(n) for n in (0, 1, 3, 7, 11, 23, 190)]
    [2, 2, 4, 8, 12, 30, 200]
    """
    size = 1
    while True:
        for factor in (2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18):
            if factor * size >= most and factor * size % 2 == 0:
                return factor * size
        size *= 10


def nice_step(span: float, most: int = 5) -> float:
    """The distance of round ticks, at most so many of them.

    >>> [nice_step(x) for x in (4, 37, 96, 0.8)]
    [1.0, 10.0, 20.0, 0.2]
    """
    size = 10.0**12
    best = size
    while size > 1e-9:
        for factor in (5, 2, 1):
            if span / (factor * size) > most:
                return round(best, 9) if best < 1 else best
            best = factor * size
        size /= 10
    return best
