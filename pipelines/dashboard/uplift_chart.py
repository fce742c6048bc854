"""Treated minus held out: a thick line for who looks once, a thin one for who looks at every report."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from pipelines.dashboard.charts import CARD, INK, SERIES, Plane, drawing_of, grid, nice_step, num, text
from pipelines.dashboard.wording import points_word


@dataclass(frozen=True)
class Interval:
    """A difference in percentage points with two intervals around it."""

    title: str
    description: str
    difference: float
    low: float
    high: float
    one_look_low: float
    one_look_high: float


def uplift_chart(data: Interval) -> Markup:
    """Both intervals on one axis, nought as a solid line."""
    low, high = min(data.low, data.one_look_low, 0), max(data.high, data.one_look_high, 0)
    step = nice_step(high - low, 5)
    x0, x1 = step * (low // step), step * -(-high // step)
    plane = Plane(x0, x1, 0, 1, height=112, left=18, right=18, top=8, bottom=44)
    middle = plane.y(0.5)
    parts = [*grid(plane, ())]
    for i in range(round((x1 - x0) / step) + 1):
        value = x0 + step * i
        zero = abs(value) < step / 2
        css, colour = ("zero", INK) if zero else ("grid", "#dde2e7")
        shape = Markup('<path class="{}" d="M{} {}V{}" stroke="{}"/>')
        parts.append(shape.format(css, num(plane.x(value)), num(plane.top), num(plane.floor), colour))
        parts.append(text(plane.x(value), plane.floor + 16, "0" if zero else points_word(value, 0), "middle"))
    parts.append(text(200, plane.floor + 34, "percentage points, treated minus held out", "middle"))
    thick = Markup('<path class="thick" d="M{} {}H{}" stroke="{}" stroke-opacity="0.45" stroke-width="12"/>')
    parts.append(thick.format(num(plane.x(data.one_look_low)), num(middle), num(plane.x(data.one_look_high)), SERIES))
    thin = Markup('<path class="line" d="M{} {}H{}" stroke="{}" stroke-width="2.5"/>')
    parts.append(thin.format(num(plane.x(data.low)), num(middle), num(plane.x(data.high)), SERIES))
    dot = Markup('<circle class="dot" cx="{}" cy="{}" r="6.5" fill="{}" stroke="{}" stroke-width="2"/>')
    parts.append(dot.format(num(plane.x(data.difference)), num(middle), SERIES, CARD))
    return drawing_of("uplift-chart", (400, plane.height), parts, title=data.title, description=data.description)
