"""Charts as SVG text: pure functions of facts, numbers to one decimal, ids from the section, every label escaped.

Colours stand literally in the attributes, for printers and converters that know no variables, and once more as a class,
which the page's style overrides for dark screens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from pipelines.dashboard.facts import Week
from pipelines.dashboard.wording import count, day, number

CARD = "#ffffff"
INK = "#1b1f24"
MUTED = "#57606a"
SERIES = "#0b62a8"
SECOND = "#b3450b"
BARS = "#7f8994"
GRID = "#dde2e7"

_WIDTH, _HEIGHT = 400.0, 190.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 30.0, 6.0, 12.0, 24.0
_FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def num(value: float) -> str:
    """
    >>> num(3.0), num(2.25), num(-0.04)
    ('3', '2.2', '0')
    """
    short = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


def drawing_of(
    ident: str,
    size: tuple[float, float],
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
        'font-family="{}" font-size="12"><title id="{}-title">{}</title><desc id="{}-desc">{}</desc>'
    ).format(css, width, height, own, ident, ident, _FAMILY, ident, title, ident, description)
    return head + Markup("").join(parts) + Markup("</svg>")


def text(
    x: float,
    y: float,
    words: str,
    *,
    css: str,
    anchor: str = "start",
    size: float | None = None,
    weight: int | None = None,
) -> Markup:
    """A label in the ink of its class."""
    extra = Markup(' font-size="{}"').format(num(size)) if size else Markup("")
    extra += Markup(' font-weight="{}"').format(weight) if weight else Markup("")
    colour = INK if css in ("name", "arm") else MUTED
    shape = Markup('<text class="{}" x="{}" y="{}" text-anchor="{}" fill="{}"{}>{}</text>')
    return shape.format(css, num(x), num(y), anchor, colour, extra, words)


def weekly_chart(weeks: Sequence[Week], *, title: str, description: str, unfinished: bool) -> Markup:
    """Entries as bars and objectives met as a line, a week each; the last bar is pale while its week lasts."""
    top = _ceiling(max((max(w.entered_count, w.met_count or 0) for w in weeks), default=0))
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(weeks))

    def height(value: int) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / top)

    parts = [*_grid(top), *_week_names(weeks, step)]
    for i, week in enumerate(weeks):
        if week.entered_count:
            pale = unfinished and i == len(weeks) - 1
            parts.append(_bar(_LEFT + step * i, height(week.entered_count), step, pale))
    points = [(_LEFT + step * (i + 0.5), height(w.met_count)) for i, w in enumerate(weeks) if w.met_count is not None]
    parts += _changed(weeks, step)
    parts += _polyline(points)
    return drawing_of("weeks", (_WIDTH, _HEIGHT), parts, title=title, description=description)


def _ceiling(most: int) -> int:
    """The axis ends at a round even number, so that its half is whole too.

    >>> [_ceiling(n) for n in (0, 1, 3, 7, 11, 23, 190)]
    [2, 2, 4, 8, 12, 30, 200]
    """
    size = 1
    while True:
        for factor in (2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18):
            if factor * size >= most and factor * size % 2 == 0:
                return factor * size
        size *= 10


def _grid(top: int) -> Iterable[Markup]:
    for value in (0, top // 2, top):
        y = _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / top)
        line = Markup('<path class="grid" d="M{} {}H{}" stroke="{}"/>')
        yield line.format(num(_LEFT), num(y), num(_WIDTH - _RIGHT), GRID)
        yield text(_LEFT - 6, y + 4, number(value), css="axis", anchor="end", size=11)


def _week_names(weeks: Sequence[Week], step: float) -> Iterable[Markup]:
    every = max(1, -(-len(weeks) // 4))
    for i in range(0, len(weeks), every):
        x = _LEFT + step * i
        if x < _WIDTH - 50 or i == 0:
            yield text(x, _HEIGHT - 8, f"{weeks[i].week.day} {weeks[i].week:%b}", css="axis", size=11)


def _bar(x: float, y: float, step: float, pale: bool) -> Markup:
    gap = min(4.0, step * 0.22)
    # one week alone must not become a wall
    width = min(28.0, step - gap)
    shape = Markup('<rect class="bar{}" x="{}" y="{}" width="{}" height="{}" rx="1" fill="{}"{}/>')
    opacity = Markup(' fill-opacity="0.45"') if pale else Markup("")
    left = x + (step - width) / 2
    kind = " pale" if pale else ""
    return shape.format(kind, num(left), num(y), num(width), num(_HEIGHT - _BOTTOM - y), BARS, opacity)


def _changed(weeks: Sequence[Week], step: float) -> Iterable[Markup]:
    """A mark where the current objective begins, if the workflow had another before."""
    first = next((i for i, w in enumerate(weeks) if w.met_count is not None), None)
    if first:
        x = _LEFT + step * first
        mark = Markup('<path class="mark" d="M{} {}V{}" stroke="{}" stroke-dasharray="3 3"/>')
        yield mark.format(num(x), num(_TOP), num(_HEIGHT - _BOTTOM), MUTED)
        side = "end" if first > len(weeks) / 2 else "start"
        yield text(x + (-4 if side == "end" else 4), _TOP + 9, "new objective", css="axis", anchor=side, size=11)


def _polyline(points: Sequence[tuple[float, float]]) -> Iterable[Markup]:
    if len(points) > 1:
        path = "M" + "L".join(f"{num(x)} {num(y)}" for x, y in points)
        for css, colour, width in (("halo", CARD, 6), ("line", SERIES, 2.5)):
            shape = Markup(
                '<path class="{}" d="{}" fill="none" stroke="{}" stroke-width="{}" stroke-linejoin="round"/>'
            )
            yield shape.format(css, path, colour, num(width))
    if len(points) == 1:
        dot = Markup('<circle class="dot" cx="{}" cy="{}" r="4" fill="{}" stroke="{}" stroke-width="2"/>')
        yield dot.format(num(points[0][0]), num(points[0][1]), SERIES, CARD)


def sparkline(weeks: Sequence[Week], *, ident: str, name: str) -> Markup:
    """Entries of the last weeks as small bars, the newest in the series' colour."""
    width, height = 108.0, 26.0
    most = max((w.entered_count for w in weeks), default=0) or 1
    step = width / max(1, len(weeks))
    parts: list[Markup] = []
    for i, week in enumerate(weeks):
        tall = max(1.0, (height - 2) * week.entered_count / most)
        css, colour = ("newest", SERIES) if i == len(weeks) - 1 else ("bar", BARS)
        shape = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" fill="{}"/>')
        parts.append(shape.format(css, num(step * i + 1), num(height - tall), num(step - 2), num(tall), colour))
    values = ", ".join(number(w.entered_count) for w in weeks)
    since = f"Weeks from {day(weeks[0].week)}: {values}." if weeks else "No entries yet."
    title = f"{name}: entries of the last {count(len(weeks), 'week')}"
    return drawing_of(ident, (width, height), parts, title=title, description=since, css="spark")
