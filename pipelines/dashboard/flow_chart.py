"""The flow as a drawing: boxes with counts, lines as wide as the number of runs that took them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from markupsafe import Markup, escape

from pipelines.dashboard.charts import BAD, CARD, MUTED, SERIES, drawing_of, num, text
from pipelines.dashboard.facts import FlowEdge
from pipelines.dashboard.flow_layout import (
    BOX_WIDTH,
    LINE_HEIGHT,
    PILL_HEIGHT,
    Block,
    Box,
    Drawing,
    Link,
    Point,
    lay_out,
    other_counts,
)
from pipelines.dashboard.wording import arm_name, number, percent, step_kind

_WIDEST_LINE = 12
_PILL_WIDTH = 168


def flow_chart(flow: tuple[Block, ...], edges: Iterable[FlowEdge], *, title: str, description: str) -> Markup:
    """The whole flow from entry to end; without steps there is nothing to draw."""
    ways = tuple(edges)
    drawing = lay_out(flow, ways)
    entered = sum(e.run_count for e in ways if e.from_step_id == "(entry)")
    ended = sum(e.run_count for e in ways if e.to_step_id == "(end)")
    most = max((link.run_count for link in drawing.links), default=0)
    parts = [*(_line(link, most) for link in drawing.links), *_labels(drawing.links)]
    parts += [_box(box, entered) for box in drawing.boxes]
    parts.append(_pill(drawing.entry, f"Entered · {number(entered)}"))
    if drawing.end:
        parts.append(_pill(drawing.end, f"Reached the end · {number(ended)}"))
    return drawing_of("flow", _size(drawing), parts, title=title, description=description, css="flow", natural=True)


def _size(drawing: Drawing) -> Point:
    return drawing.width, drawing.height


def _line(link: Link, most: int) -> Markup:
    width = 1.5 + (_WIDEST_LINE - 1.5) * link.run_count / most if link.run_count else 1.5
    dash = Markup(' stroke-dasharray="3 4"') if not link.run_count else Markup("")
    kind, colour = ("way", SERIES) if link.run_count else ("noway", MUTED)
    shape = Markup('<path class="{}" d="{}" fill="none" stroke="{}" stroke-opacity="0.38" stroke-width="{}"{}/>')
    return shape.format(kind, _curve(link.points), colour, num(width), dash)


def _curve(points: tuple[Point, ...]) -> str:
    """Straight down within a column, a soft S between columns."""
    x, y = points[0]
    parts = [f"M{num(x)} {num(y)}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = (y1 + y2) / 2
        curved = f"C{num(x1)} {num(middle)} {num(x2)} {num(middle)} {num(x2)} {num(y2)}"
        parts.append(f"V{num(y2)}" if x1 == x2 else curved)
    return "".join(parts)


def _labels(links: Iterable[Link]) -> Iterator[Markup]:
    """Each arm's name once, with all who took it, however many ways lead on from it."""
    counts: dict[tuple[Point, str], int] = {}
    for link in links:
        if link.label and link.label_at:
            key = (link.label_at, link.label)
            counts[key] = counts.get(key, 0) + link.run_count
    for ((x, y), label), runs in counts.items():
        words = f"{_short(arm_name(label))} · {number(runs)}"
        wide = 7.4 * len(words) + 8
        plate = Markup('<rect class="plate" x="{}" y="{}" width="{}" height="18" fill="{}"/>')
        yield plate.format(num(x - wide / 2), num(y - 9), num(wide), CARD)
        yield text(x, y + 4, words, css="arm", anchor="middle")


def _short(label: str, letters: int = 24) -> str:
    return label if len(label) <= letters else label[: letters - 1].rstrip() + "…"


def _box(box: Box, entered: int) -> Markup:
    step = box.step
    left = box.x - BOX_WIDTH / 2
    dash = Markup(' stroke-dasharray="5 3"') if step.kind in ("branch", "split") else Markup("")
    outline = Markup(
        '<rect class="box {}" x="{}" y="{}" width="{}" height="{}" rx="8" fill="#ffffff" stroke="#b9c0c8"{}/>'
    )
    parts = [outline.format(step.kind, num(left), num(box.y), num(BOX_WIDTH), num(box.height), dash)]
    parts.append(text(left + 12, box.y + 19, step_kind(step), css="kind", size=10.5))
    for i, line in enumerate(box.lines, start=1):
        parts.append(text(left + 12, box.y + 19 + LINE_HEIGHT * i, line, css="name", weight=600))
    share = f" ({percent(step.reached_count / entered)})" if entered else ""
    others = other_counts(step)
    base = box.y + box.height - (28 if others else 13)
    parts.append(text(left + 12, base, f"{number(step.reached_count)} reached{share}", css="counts", size=11))
    parts += _others(left + 12, base + 15, others)
    if entered and step.reached_count:
        bar = Markup('<rect class="reach" x="{}" y="{}" width="{}" height="3" rx="1.5" fill="{}"/>')
        full = (BOX_WIDTH - 24) * min(1.0, step.reached_count / entered)
        parts.append(bar.format(num(left + 12), num(box.y + box.height - 7), num(full), SERIES))
    return Markup("").join(parts)


def _others(x: float, y: float, others: tuple[tuple[str, bool], ...]) -> Iterator[Markup]:
    """The second line of a box; who was lost there stands in another colour, and in words."""
    if not others:
        return
    shape = Markup('<text class="counts" x="{}" y="{}" font-size="11" fill="{}">{}</text>')
    parts: list[Markup] = []
    for i, (words, lost) in enumerate(others):
        dot = " · " if i else ""
        said = (
            Markup('{}<tspan class="lost" fill="{}">{}</tspan>').format(dot, BAD, words)
            if lost
            else escape(dot + words)
        )
        parts.append(said)
    yield shape.format(num(x), num(y), MUTED, Markup("").join(parts))


def _pill(at: Point, words: str) -> Markup:
    x, y = at
    shape = Markup('<rect class="pill" x="{}" y="{}" width="{}" height="{}" rx="{}" fill="#eef1f4" stroke="#b9c0c8"/>')
    outline = shape.format(num(x - _PILL_WIDTH / 2), num(y), num(_PILL_WIDTH), num(PILL_HEIGHT), num(PILL_HEIGHT / 2))
    return outline + text(x, y + 19, words, css="name", anchor="middle", weight=600, size=11)
