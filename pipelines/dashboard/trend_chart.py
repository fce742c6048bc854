"""Sixty days as a picture, and twelve weeks as a very small one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from pipelines.dashboard.charts import (
    CARD,
    SERIES,
    Plane,
    axis_label,
    bar,
    below,
    ceiling,
    drawing_of,
    grid,
    line,
    num,
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
    parts += [
        bar(plane.x(i + 0.5) - width / 2, width, plane, d.entered_count) for i, d in enumerate(days) if d.entered_count
    ]
    for at, label in trend.marks:
        parts += vertical_mark(plane, at, label)
    points = [(plane.x(i + 0.5), plane.y(d.met_average)) for i, d in enumerate(days) if d.met_average is not None]
    parts += line(points, halo=True)
    return drawing_of("trend-chart", (400, plane.height), parts, title=trend.title, description=trend.description)


def _dates(days: Sequence[TrendDay]) -> Iterator[tuple[float, str]]:
    last = len(days) - 1
    for i in sorted({round(last * part / 3) for part in range(4)} if last > 0 else {0}):
        yield i + 0.5, short_day(days[i].date)


@dataclass(frozen=True)
class Spark:
    """A rate at the end of each of some weeks; None while there was none."""

    ident: str
    title: str
    description: str
    shares: tuple[float | None, ...]


def sparkline(spark: Spark) -> Markup:
    """The rate as a small line with a dot at its end, on a scale of its own."""
    plane = Plane(0, max(1, len(spark.shares) - 1), 0, 1, height=26, left=4, right=6, top=4, bottom=4)
    known = [share for share in spark.shares if share is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    # a rate that stands still is a flat line in the middle and no noise
    room = max(0.1, high - low)
    middle = (low + high) / 2
    scale = [(i, 0.5 + (share - middle) / room) for i, share in enumerate(spark.shares) if share is not None]
    points = [(4 + 98 * i / max(1, len(spark.shares) - 1), plane.y(share)) for i, share in scale]
    parts = list(line(points)) if len(points) > 1 else []
    if points:
        dot = Markup('<circle class="dot" cx="{}" cy="{}" r="3.5" fill="{}" stroke="{}" stroke-width="1.5"/>')
        parts.append(dot.format(num(points[-1][0]), num(points[-1][1]), SERIES, CARD))
    return drawing_of(spark.ident, (108, 26), parts, title=spark.title, description=spark.description, css="spark")


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
    parts += [bar(plane.x(i) + 1, width, plane, n) for i, (_, n) in enumerate(data.days) if n]
    for i in range(0, len(data.days), 7):
        parts.append(axis_label(plane.x(i) + 1, plane.floor + 16, short_day(data.days[i][0]), "start"))
    return drawing_of(data.ident, (400, plane.height), parts, title=data.title, description=data.description)
