"""Time to objective: how many had met it by each day after entry, treated and held out, with bands and numbers at risk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from pipelines.dashboard.charts import Plane, Point, band, below, drawing_of, grid, line, nice_step, text
from pipelines.dashboard.facts import CurvePoint
from pipelines.dashboard.wording import number, percent

_ROW = 15.0


@dataclass(frozen=True)
class TimeCurve:
    """One arm's curve, up to the last day that may be drawn."""

    name: str
    held_out: bool
    points: tuple[CurvePoint, ...]

    @property
    def last_day(self) -> int:
        """Where its line stops."""
        return self.points[-1].day_no

    def at_risk(self, day_no: int) -> int | None:
        """Runs still followed without the objective just before a day; None after the line's end."""
        if day_no > self.last_day:
            return None
        return next(p.at_risk for p in self.points if p.day_no >= day_no)


@dataclass(frozen=True)
class TimeToObjective:
    """One or two curves."""

    title: str
    description: str
    curves: tuple[TimeCurve, ...]


def curve_chart(data: TimeToObjective) -> Markup:
    """Stairs with their bands; under the axis how many were at risk."""
    last = max(max(c.last_day for c in data.curves), 1)
    highest = max(p.cif_hi or p.cif for c in data.curves for p in c.points)
    top = next(t for t in (0.2, 0.4, 0.6, 0.8, 1.0) if t >= min(highest, 1.0))
    rows = len(data.curves)
    plane = Plane(0, last, 0, top, height=226 + _ROW * rows, left=76, bottom=48 + _ROW * rows)
    step = int(max(1, nice_step(last, 6)))
    days = list(range(0, last + 1, step))
    parts = [*grid(plane, [(top * i / 4, percent(top * i / 4)) for i in range(5)])]
    parts += below(plane, [(float(d), number(d)) for d in days])
    parts.append(text((plane.left + plane.edge) / 2, plane.floor + 31, "days since entry", "middle"))
    for curve in data.curves:
        upper, lower = _edges(curve, plane)
        parts += band(upper, lower, second=curve.held_out, stepped=True)
    for curve in data.curves:
        points = [(plane.x(p.day_no), plane.y(p.cif)) for p in curve.points]
        parts += line([(plane.x(0), plane.y(0)), *points], second=curve.held_out, stepped=True)
    for i, curve in enumerate(data.curves):
        parts += _risk_row(curve, plane, days, plane.floor + 31 + _ROW * (i + 1))
    return drawing_of("time-chart", (400, plane.height), parts, title=data.title, description=data.description)


def _edges(curve: TimeCurve, plane: Plane) -> tuple[list[Point], list[Point]]:
    drawn = [p for p in curve.points if p.cif_lo is not None and p.cif_hi is not None]
    upper = [(plane.x(p.day_no), plane.y(p.cif_hi or 0)) for p in drawn]
    return upper, [(plane.x(p.day_no), plane.y(p.cif_lo or 0)) for p in drawn]


def _risk_row(curve: TimeCurve, plane: Plane, days: list[int], y: float) -> Iterator[Markup]:
    yield text(0, y, curve.name)
    for day_no in days:
        at_risk = curve.at_risk(day_no)
        x = plane.x(day_no)
        if at_risk is not None:
            near_edge = x > plane.edge - 10
            yield text(plane.edge if near_edge else x, y, number(at_risk), "end" if near_edge else "middle")
