"""Sixty days as a picture, and twelve weeks as a very small one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from markupsafe import Markup

from pipelines.dashboard.charts import (
    Plane,
    bars,
    below,
    ceiling,
    drawing_of,
    grid,
    line,
    text,
    vertical_mark,
)
from pipelines.dashboard.wording import number, short_day


@dataclass(frozen=True)
class TrendDay:
    """Entries of a date, and objectives met a day in the seven days up to it; None before the objective."""

    date: date
    entered_count: int
    met_average: float | None


@dataclass(frozen=True)
class Trend:
    """Days in a row, with marks where something changed."""

    title: str
    description: str
    days: tuple[TrendDay, ...]
    marks: tuple[tuple[int, str], ...] = ()


def trend_chart(trend: Trend) -> Markup:
    """Entries as bars, objectives met as a line over them, changes as vertical marks."""
    days = trend.days
    top = ceiling(max((max(d.entered_count, int(d.met_average or 0) + 1) for d in days), default=0))
    plane = Plane(0, len(days), 0, top, height=216, top=14)
    width = min(9.0, plane.x(1) - plane.x(0) - 1)
    parts = [*grid(plane, [(v, number(v)) for v in (0, top // 2, top)]), *below(plane, list(_dates(days)))]
    entered = [(plane.x(i + 0.5) - width / 2, d.entered_count) for i, d in enumerate(days) if d.entered_count]
    parts.append(bars(plane, width, entered))
    for at, label in trend.marks:
        parts += vertical_mark(plane, at, label)
    points = [(plane.x(i + 0.5), plane.y(d.met_average)) for i, d in enumerate(days) if d.met_average is not None]
    parts += line(points, halo=True)
    return drawing_of("trend-chart", (400, plane.height), parts, title=trend.title, description=trend.description)


def _dates(days: Sequence[TrendDay]) -> Iterator[tuple[float, str]]:
    last = len(days) - 1
    for i in sorted({round(last * part / 3) for part in range(4)} if last > 0 else {0}):
        yield i + 0.5, short_day(days[i].date)


def sparkline(shares: Sequence[float | None], title: str) -> Markup:
    """The rate as a small line with a dot at its end, on a scale of its own; None while there was none.

    Hundreds stand on one page: whole pixels, one step after the other, and nothing that the page's style says.

    >>> print(sparkline((None, 0.2, 0.4, 0.3), "20, 40, 30%"))
    <svg role=img><title>20, 40, 30%</title><path d="M37 22l33-18 33 9"/><path d="M103 13h0"/></svg>
    """
    step = 99 // max(1, len(shares) - 1)
    known = [(4 + step * i, share) for i, share in enumerate(shares) if share is not None]
    low, high = min(share for _, share in known), max(share for _, share in known)
    # a rate that stands still is a flat line in the middle and no noise
    room, middle = max(0.1, high - low), (low + high) / 2
    points = [(x, round(13 - 18 * (share - middle) / room)) for x, share in known]
    ways = [f"{x - x0}{y - y0:+d}".replace("+", " ") for (x0, y0), (x, y) in pairwise(points)]
    (first_x, first_y), (last_x, last_y) = points[0], points[-1]
    way = f"M{first_x} {first_y}l{' '.join(ways)}"
    return Markup('<svg role=img><title>{}</title><path d="{}"/><path d="M{} {}h0"/></svg>').format(
        title, way, last_x, last_y
    )


@dataclass(frozen=True)
class DayBars:
    """Counts of days in a row."""

    ident: str
    title: str
    description: str
    days: tuple[tuple[date, int], ...]


def day_bars(data: DayBars) -> Markup:
    """A bar a day, wide and low."""
    top = ceiling(max((n for _, n in data.days), default=0))
    plane = Plane(0, len(data.days), 0, top, height=130, top=12)
    width = plane.x(1) - plane.x(0) - 2
    parts = [*grid(plane, [(v, number(v)) for v in (0, top // 2, top)])]
    parts.append(bars(plane, width, [(plane.x(i) + 1, n) for i, (_, n) in enumerate(data.days) if n]))
    for i in range(0, len(data.days), 7):
        parts.append(text(plane.x(i + 0.5), plane.floor + 16, short_day(data.days[i][0]), "middle"))
    return drawing_of(data.ident, (400, plane.height), parts, title=data.title, description=data.description)
