"""The flow as a drawing: boxes with counts, lines as wide as the number of runs that took them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from markupsafe import Markup, escape

from pipelines.dashboard.charts import BAD, CARD, INK, MUTED, SERIES, drawing_of, group, num, text
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
    parts = [*_ways(drawing.links, most), *_labels(drawing.links), *_boxes(drawing.boxes, entered)]
    pills = [(drawing.entry, f"Entered · {number(entered)}")]
    if drawing.end:
        pills.append((drawing.end, f"Reached the end · {number(ended)}"))
    parts += _pills(pills)
    return drawing_of("flow", _size(drawing), parts, title=title, description=description, css="flow", natural=True)


def _size(drawing: Drawing) -> Point:
    return drawing.width, drawing.height


def _ways(links: Iterable[Link], most: int) -> Iterator[Markup]:
    """Lines by the number of runs; a way that nobody took is thin and dashed."""
    taken, never = list[Markup](), list[Markup]()
    shape = Markup('<path d="{}" stroke-width="{}"/>')
    for link in links:
        width = 1.5 + ((_WIDEST_LINE - 1.5) * link.run_count / most if link.run_count else 0)
        (taken if link.run_count else never).append(shape.format(_curve(link.points), num(width)))
    pale = 'fill="none" stroke-opacity="0.38"'
    yield group("way", f'{pale} stroke="{SERIES}"', taken)
    yield group("noway", f'{pale} stroke="{MUTED}" stroke-dasharray="3 4"', never)


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
    plates, names = list[Markup](), list[Markup]()
    plate = Markup('<rect x="{}" y="{}" width="{}" height="18"/>')
    for ((x, y), label), runs in counts.items():
        words = f"{_short(arm_name(label))} · {number(runs)}"
        wide = 7.4 * len(words) + 8
        plates.append(plate.format(num(x - wide / 2), num(y - 9), num(wide)))
        names.append(text(x, y + 4, words))
    yield group("plate", f'fill="{CARD}"', plates)
    yield group("name", f'fill="{INK}" font-size="12" text-anchor="middle"', names)


def _short(label: str, letters: int = 24) -> str:
    return label if len(label) <= letters else label[: letters - 1].rstrip() + "…"


def _boxes(boxes: Iterable[Box], entered: int) -> Iterator[Markup]:
    """Outlines, then the words in them by their ink, then bars: boxes never overlap, so their order does not matter."""
    outlines, names, others, bars = list[Markup](), list[Markup](), list[Markup](), list[Markup]()
    outline = Markup('<rect{} x="{}" y="{}" width="{}" height="{}" rx="8"{}/>')
    bar = Markup('<rect x="{}" y="{}" width="{}" height="3" rx="1.5"/>')
    for box in boxes:
        step, left = box.step, box.x - BOX_WIDTH / 2
        css = Markup(' class="exit"') if step.kind == "exit" else ""
        dash = Markup(' stroke-dasharray="5 3"') if step.kind in ("branch", "split") else ""
        outlines.append(outline.format(css, num(left), num(box.y), num(BOX_WIDTH), num(box.height), dash))
        others.append(text(left + 12, box.y + 19, step_kind(step)))
        names += [text(left + 12, box.y + 19 + LINE_HEIGHT * i, line) for i, line in enumerate(box.lines, start=1)]
        share = f" ({percent(step.reached_count / entered)})" if entered else ""
        counts = other_counts(step)
        base = box.y + box.height - (28 if counts else 13)
        others += [text(left + 12, base, f"{number(step.reached_count)} reached{share}")]
        others += _others(left + 12, base + 15, counts)
        if entered and step.reached_count:
            full = (BOX_WIDTH - 24) * min(1.0, step.reached_count / entered)
            bars.append(bar.format(num(left + 12), num(box.y + box.height - 7), num(full)))
    yield group("box", 'fill="#ffffff" stroke="#b9c0c8"', outlines)
    yield Markup("").join(others)
    yield group("name", f'fill="{INK}" font-size="12" font-weight="600"', names)
    yield group("reach", f'fill="{SERIES}"', bars)


def _others(x: float, y: float, others: tuple[tuple[str, bool], ...]) -> Iterator[Markup]:
    """The second line of a box; who was lost there stands in another colour, and in words."""
    if not others:
        return
    shape = Markup('<text x="{}" y="{}">{}</text>')
    parts: list[Markup] = []
    for i, (words, lost) in enumerate(others):
        dot = " · " if i else ""
        said = (
            Markup('{}<tspan class="lost" fill="{}">{}</tspan>').format(dot, BAD, words)
            if lost
            else escape(dot + words)
        )
        parts.append(said)
    yield shape.format(num(x), num(y), Markup("").join(parts))


def _pills(pills: Iterable[tuple[Point, str]]) -> Iterator[Markup]:
    """Where all begin, and where those who stay to the end come out."""
    outlines, names = list[Markup](), list[Markup]()
    shape = Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="{}"/>')
    for (x, y), words in pills:
        place = num(x - _PILL_WIDTH / 2), num(y), num(_PILL_WIDTH), num(PILL_HEIGHT), num(PILL_HEIGHT / 2)
        outlines.append(shape.format(*place))
        names.append(text(x, y + 19, words, "middle"))
    yield group("pill", 'fill="#eef1f4" stroke="#b9c0c8"', outlines)
    yield group("name", f'fill="{INK}" font-weight="600"', names)
