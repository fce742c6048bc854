"""Steps -> where they are drawn. Pure geometry: boxes, and lines that never cross a box.

An arm is a column of its branch; what leaves an arm runs straight down its own column and turns towards the next step
only below the whole branch. An arm without steps is an empty column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pipelines.dashboard.facts import FlowEdge, FlowStep
from pipelines.dashboard.wording import number, step_name

BOX_WIDTH = 208
EMPTY_WIDTH = 116
COLUMN_GAP = 22
GAP = 30
ARM_GAP = 62
ARM_DROP = 26
MARGIN = 12
PILL_HEIGHT = 30
LINE_HEIGHT = 16
LETTERS = 25
"""Letters of a name that fit into one line of a box, in the widest of the fonts."""
ENTRY, END = "(entry)", "(end)"

Point = tuple[float, float]


@dataclass(frozen=True)
class Block:
    """A step with the steps of its arms."""

    step: FlowStep
    arms: tuple[tuple[str, tuple[Block, ...]], ...] = ()


@dataclass(frozen=True)
class Box:
    """A step on the drawing; `x` is its middle, `y` its upper edge."""

    step: FlowStep
    x: float
    y: float
    height: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Link:
    """A way from a step to another; `label_at` is where the arm's name stands."""

    points: tuple[Point, ...]
    run_count: int
    label: str | None = None
    label_at: Point | None = None


@dataclass
class Drawing:
    """Everything on the drawing; `entry` and `end` are the middles of the two pills' upper edges."""

    width: float
    height: float = 0
    entry: Point = (0, 0)
    end: Point | None = None
    boxes: list[Box] = field(default_factory=list[Box])
    links: list[Link] = field(default_factory=list[Link])


@dataclass(frozen=True)
class _Open:
    """A line that waits for the next step: where it began, what it is, and the points so far."""

    step_id: str
    label: str | None
    points: tuple[Point, ...]
    label_at: Point | None = None


def blocks(steps: Iterable[FlowStep]) -> tuple[Block, ...]:
    """The steps as a tree, in the order written; a branch always has an arm for those whom no other takes."""
    inside: dict[tuple[str | None, str | None], list[FlowStep]] = {}
    for step in sorted(steps, key=lambda s: s.position):
        inside.setdefault((step.parent_step_id, step.arm), []).append(step)

    def sequence(parent: str | None, arm: str | None) -> tuple[Block, ...]:
        return tuple(
            Block(s, tuple((a, sequence(s.step_id, a)) for a in _arms(s))) for s in inside.get((parent, arm), ())
        )

    return sequence(None, None)


def _arms(step: FlowStep) -> tuple[str, ...]:
    return step.arms if step.kind != "branch" or "else" in step.arms else (*step.arms, "else")


def arm_counts(edges: Iterable[FlowEdge]) -> dict[tuple[str, str | None], int]:
    """How many took each arm of each step."""
    counts: dict[tuple[str, str | None], int] = {}
    for edge in edges:
        key = (edge.from_step_id, edge.branch_label)
        counts[key] = counts.get(key, 0) + edge.run_count
    return counts


def lay_out(flow: tuple[Block, ...], edges: Iterable[FlowEdge]) -> Drawing:
    """Where everything of a flow is drawn."""
    counts = {(e.from_step_id, e.branch_label, e.to_step_id): e.run_count for e in edges}
    width = _width(flow) + 2 * MARGIN
    drawing = Drawing(width, entry=(width / 2, MARGIN))
    bottom = MARGIN + PILL_HEIGHT
    start = _Open(ENTRY, None, ((width / 2, bottom),))
    opens, bottom = _place(flow, width / 2, bottom, [start], drawing, counts)
    drawing.height = bottom + MARGIN
    if opens:
        drawing.end = (width / 2, bottom + GAP)
        drawing.links += [_joined(o, END, drawing.end, bottom, counts) for o in opens]
        drawing.height += GAP + PILL_HEIGHT
    return drawing


_Counts = Mapping[tuple[str, str | None, str], int]


def _place(
    flow: tuple[Block, ...], x: float, bottom: float, opens: list[_Open], drawing: Drawing, counts: _Counts
) -> tuple[list[_Open], float]:
    """Draw a sequence of steps below `bottom`; returns the lines that leave it and its lower edge."""
    for block in flow:
        # below an arm's name its first step follows closely
        y = bottom + (0 if any(o.label_at and o.points[-1][1] == bottom for o in opens) else GAP)
        lines = wrapped(step_name(block.step))
        box = Box(block.step, x, y, _height(block.step, lines), lines)
        drawing.boxes.append(box)
        drawing.links += [_joined(o, block.step.step_id, (x, y), bottom, counts) for o in opens]
        bottom = y + box.height
        opens = [] if block.step.kind == "exit" else [_Open(block.step.step_id, None, ((x, bottom),))]
        if block.arms:
            opens, bottom = _place_arms(block, x, bottom, drawing, counts)
    return opens, bottom


def _height(step: FlowStep, lines: tuple[str, ...]) -> float:
    return 2 * LINE_HEIGHT + LINE_HEIGHT * len(lines) + 22 + (15 if other_counts(step) else 0)


def other_counts(step: FlowStep) -> tuple[tuple[str, bool], ...]:
    """What else is said of a step, and whether it says that somebody was lost there.

    Zero is not said: these are what a reader looks for, and a box full of zeros hides them.
    """
    counts = (
        (step.here_count, "here", False),
        (step.responded_count, "met", False),
        (step.left_count, "left", True),
        (step.error_count, "in error", True),
    )
    return tuple((f"{number(n)} {word}", lost) for n, word, lost in counts if n)


def _place_arms(block: Block, x: float, bottom: float, drawing: Drawing, counts: _Counts) -> tuple[list[_Open], float]:
    top = bottom + ARM_GAP
    left = x - _arms_width(block) / 2
    leaving: list[_Open] = []
    lowest = top
    for name, flow in block.arms:
        middle = left + _width(flow) / 2
        # across first, then down the arm's own column: there its name stands on a straight line
        points = ((x, bottom), (middle, top - ARM_DROP), (middle, top))
        start = _Open(block.step.step_id, name, points, (middle, top - ARM_DROP / 2))
        opens, reached = _place(flow, middle, top, [start], drawing, counts)
        leaving += opens
        lowest = max(lowest, reached)
        left += _width(flow) + COLUMN_GAP
    return leaving, lowest


def _joined(open_: _Open, to: str, target: Point, bottom: float, counts: _Counts) -> Link:
    """The line led on to its target: down its own column to `bottom`, then across."""
    x, y = open_.points[-1]
    down = ((x, bottom),) if bottom > y else ()
    last = () if target == open_.points[-1] else (target,)
    run_count = counts.get((open_.step_id, open_.label, to), 0)
    return Link((*open_.points, *down, *last), run_count, open_.label, open_.label_at)


def _width(flow: tuple[Block, ...]) -> float:
    return max((max(BOX_WIDTH, _arms_width(b)) for b in flow), default=EMPTY_WIDTH)


def _arms_width(block: Block) -> float:
    return sum(_width(flow) for _, flow in block.arms) + COLUMN_GAP * max(0, len(block.arms) - 1)


def wrapped(text: str, letters: int = LETTERS) -> tuple[str, ...]:
    """At most two lines; what does not fit ends in an ellipsis.

    >>> wrapped("Kick-off call with [account name] and all of their friends")
    ('Kick-off call with', '[account name] and all o…')
    """
    lines = list(_broken(text, letters))
    if len(lines) <= 2:
        return tuple(lines) or ("",)
    rest = " ".join(lines[1:])
    return lines[0], rest[: letters - 1].rstrip() + "…"


def _broken(text: str, letters: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if len(longer) <= letters or not line:
            line = longer[:letters] if not line else longer
        else:
            yield line
            line = word[:letters]
    if line:
        yield line
