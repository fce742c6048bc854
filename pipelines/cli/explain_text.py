"""An explanation as text: the sentence first, then what was judged, the path so far and what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from pipelines.cli.layout import columns, shortened
from pipelines.cli.preview_text import WORDS
from pipelines.cli.sentences import action, day, instant, move, value, what_comes, where_it_stands
from pipelines.explanation import Explanation, Passage
from pipelines.inspection import Judged


def explain_lines(found: Explanation, zone: ZoneInfo) -> Iterator[str]:
    """Every line of an explanation."""
    key = f" ({found.record})" if found.label != found.record else ""
    yield f"{found.label}{key} in {found.workflow}, as of {instant(found.as_of, zone)}"
    if found.newer_snapshot:
        yield f"values are of the snapshot of {instant(found.snapshot_as_of, zone)}, which no evaluation has read yet"
    yield ""
    yield where_it_stands(found, zone)
    if found.older_steps is not None:
        yield f"It finishes the steps of version {found.older_steps}, which an edit has replaced for others."
    if found.gate.qualifies_since is not None:
        yield f"It qualifies since {day(found.gate.qualifies_since, zone)}."
    if found.next is not None:
        yield what_comes(found.next, zone)
    judged = [("entry", found.entry), ("exit", found.exit), ("objective", found.objective)]
    judged += [(f"goal {goal.decision}", goal.judged) for goal in found.goals]
    for what, part in (*judged, *((f"at {g.decision}", g.judged) for g in found.guards)):
        if part is not None:
            yield ""
            yield what
            yield from columns(list(_rows(part, 0)))
    for passage in found.passages:
        yield ""
        yield from _passage(passage, len(found.passages) > 1, zone)


def _rows(part: Judged, depth: int) -> Iterator[tuple[str, str, str]]:
    text = shortened("  " * depth + (WORDS.get(part.kind) or part.text), 90)
    yield part.truth, text, ", ".join(value(seen) for seen in part.values)
    for inner in part.parts:
        yield from _rows(inner, depth + 1)


def _passage(passage: Passage, several: bool, zone: ZoneInfo) -> Iterator[str]:
    yield f"path {passage.entry_no}" if several else "path"
    rows: list[tuple[str, str]] = []
    for found in passage.moves:
        rows.append((instant(found.at, zone), move(found)))
        arms = [f"{p.step}: {p.arm}" for p in found.passed if p.kind in ("branch", "split")]
        rows.extend(("", f"by {arm}") for arm in arms)
        rows.extend(("", action(planned, zone)) for planned in found.actions)
        if found.kind in ("moved", "entered") and found.to and not found.to.startswith("("):
            until = f" until {instant(found.due, zone)}" if found.due else ""
            rows.append(("", f"rests at `{found.to}`{until}"))
    yield from columns(rows)
