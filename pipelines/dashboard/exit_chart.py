"""Thirty days after the exit: what became of the measure, or of the objective where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipelines.dashboard.charts import (
    SECOND,
    Plane,
    band,
    below,
    drawing_of,
    grid,
    group,
    line,
    nice_step,
    num,
    text,
)
from pipelines.dashboard.charts import vertical_mark as mark
from pipelines.dashboard.wording import measured, percent


@dataclass(frozen=True)
class ExitPoint:
    """One day before or after the exit."""

    day_no: int
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class AfterExit:
    """Days in a row; `goal` is the value that the objective asks for, where it is one comparison of the measure."""

    title: str
    description: str
    points: tuple[ExitPoint, ...]
    is_share: bool
    goal: float | None


def exit_chart(data: AfterExit) -> Markup:
    """A line with its band, the exit as a mark, the objective as a dashed line."""
    values = [v for p in data.points for v in (p.value, p.low, p.high) if v is not None]
    values += [] if data.goal is None else [data.goal]
    low, high = (0.0, 1.0) if data.is_share else (min(values), max(values))
    step = 0.25 if data.is_share else nice_step((high - low) or 1.0, 4)
    bottom = 0.0 if low >= 0 and low < (high - low) else step * (low // step)
    top = step * -(-high // step)
    plane = Plane(
        data.points[0].day_no,
        data.points[-1].day_no,
        bottom,
        top if top > bottom else bottom + step,
        height=216,
        left=46,
        bottom=42,
    )
    parts = [*grid(plane, list(_ticks(plane, step, data.is_share)))]
    parts += below(plane, [(float(d), words) for d, words in _days(data.points)])
    parts.append(text((plane.left + plane.edge) / 2, plane.floor + 32, "days from exit", "middle"))
    parts += mark(plane, 0, "")
    parts += _goal(data, plane)
    drawn = [p for p in data.points if p.low is not None and p.high is not None]
    upper = [(plane.x(p.day_no), plane.y(min(p.high or 0, plane.y1))) for p in drawn]
    parts += band(upper, [(plane.x(p.day_no), plane.y(max(p.low or 0, plane.y0))) for p in drawn])
    parts += line([(plane.x(p.day_no), plane.y(p.value)) for p in data.points])
    return drawing_of("exit-chart", (400, plane.height), parts, title=data.title, description=data.description)


def _ticks(plane: Plane, step: float, is_share: bool) -> Iterator[tuple[float, str]]:
    for i in range(round((plane.y1 - plane.y0) / step) + 1):
        value = plane.y0 + step * i
        yield value, percent(value) if is_share else measured(value)


def _days(points: Sequence[ExitPoint]) -> Iterator[tuple[int, str]]:
    for day_no in (-14, -7, 0, 7, 14, 21, 30):
        if points[0].day_no <= day_no <= points[-1].day_no:
            yield day_no, "exit" if day_no == 0 else f"{day_no:+d}".replace("-", "−")


def _goal(data: AfterExit, plane: Plane) -> Iterator[Markup]:
    if data.goal is None:
        return
    y = plane.y(data.goal)
    shape = Markup(
        '<path class="line second" d="M{} {}H{}" fill="none" stroke="{}" stroke-width="1.5" stroke-dasharray="6 4"/>'
    )
    yield shape.format(num(plane.left), num(y), num(plane.edge), SECOND)
    words = text(plane.left + 4, y - 5, f"objective {measured(data.goal)}")
    yield group("goal", f'fill="{SECOND}"', [words])
