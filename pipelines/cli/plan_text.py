"""A plan as text: what changes by meaning, then what it would cause, next and over the coming days."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from definitions.differences import STATE, Changed, Difference
from pipelines.cli.layout import columns, shortened
from pipelines.cli.sentences import instant, plainly
from pipelines.planning import Effects, Planned, Rehearsal

TAGS = {"new": "new", "logic": "logic", "words": "words only", "state": "state", "gone": "no longer live"}
SILENT = {STATE, "description", "owner"}
"""Parts that never change a decision."""
COMING = {"new": "+ new", "gone": "- gone", "changed": ""}


def plan_lines(planned: Planned, zone: ZoneInfo) -> Iterator[str]:
    """Every line of a plan."""
    yield from _changes(planned)
    if planned.rehearsal is not None:
        yield ""
        yield from _rehearsal(planned.rehearsal, zone)
    elif planned.why_not:
        yield ""
        yield f"what would happen is not known: {planned.why_not}"


def _changes(planned: Planned) -> Iterator[str]:
    if not planned.changed and not planned.tags:
        yield "nothing changes: the folder is what is live"
        return
    by_name = {c.name: c for c in planned.changed if c.kind == "workflow"}
    names = sorted({*planned.tags, *by_name})
    yield f"{len(names)} workflow{'s' if len(names) != 1 else ''} changed" if names else "no workflow changes"
    for name in names:
        tags = ", ".join(TAGS[tag] for tag in planned.tags.get(name, ()))
        yield f"  {name}: {tags or 'nothing that counts'}"
        differences = by_name[name].differences if name in by_name else ()
        yield from _differences(differences)
        if "logic" in planned.tags.get(name, ()):
            yield from _through(planned.through.get(name, ()), differences)
    shared = [c for c in planned.changed if c.kind != "workflow"]
    if shared:
        yield "shared"
    for changed in shared:
        yield f"  {_title(changed)}"
        yield from _differences(changed.differences)


def _through(segments: tuple[str, ...], differences: tuple[Difference, ...]) -> Iterator[str]:
    if segments:
        yield f"    through segment {', '.join(segments)}, see below"
    elif {d.part for d in differences} <= SILENT:
        yield "    through a shared definition, see below"


def _title(changed: Changed) -> str:
    return f"{changed.kind} {changed.name}: {COMING[changed.coming]}".removesuffix(": ")


def _differences(differences: tuple[Difference, ...]) -> Iterator[str]:
    rows: list[tuple[str, str]] = []
    last = ""
    for difference in differences:
        for line in _texts(difference):
            rows.append(("" if difference.part == last else difference.part, line))
            last = difference.part
    yield from columns(rows, indent=4)


def _texts(difference: Difference) -> Iterator[str]:
    old, new = difference.old, difference.new
    if old is None or new is None:
        yield f"- {shortened(old)}" if old is not None else f"+ {shortened(new or '')}"
    elif len(old) + len(new) <= 70:
        name, _, rest = new.partition(": ")
        # `wait: 3 days -> 4 days` says the key once
        yield f"{old} -> {rest}" if rest and old.startswith(f"{name}: ") else f"{old} -> {new}"
    else:
        yield f"- {shortened(old)}"
        yield f"+ {shortened(new)}"


def _rehearsal(rehearsal: Rehearsal, zone: ZoneInfo) -> Iterator[str]:
    many = rehearsal.days > 0
    days = f"{rehearsal.days} day{'s' if rehearsal.days > 1 else ''}"
    yield f"the next evaluation, {instant(rehearsal.as_of, zone)}" + (
        f", and {days} with it (one evaluation a day over the present records)" if many else ""
    )
    rows: list[tuple[str, ...]] = [("", "next", days) if many else ("", "next")]
    for name in sorted({*rehearsal.next, *rehearsal.coming}):
        first, later = rehearsal.next.get(name, Effects()), rehearsal.coming.get(name, Effects())
        rows.append((name,))
        rows.extend((f"  {what}", _count(a), _count(b))[: 3 if many else 2] for what, a, b in _pairs(first, later))
    yield from columns(rows, frozenset([1, 2])) if len(rows) > 1 else ["  nothing"]
    for exceeded in rehearsal.exceeded:
        yield f"apply would be refused: {exceeded.text}"


def _pairs(first: Effects, later: Effects) -> Iterator[tuple[str, int, int]]:
    a, b = dict(_named(first)), dict(_named(later))
    for what in dict.fromkeys([*b, *a]):
        if a.get(what) or b.get(what):
            yield what, a.get(what, 0), b.get(what, 0)


def _named(effects: Effects) -> Iterator[tuple[str, int]]:
    yield "entries", effects.entered
    yield "of these held out", effects.held_out
    yield from ((f"refused, {plainly(reason)}", count) for reason, count in effects.refused.items())
    yield from ((f"exits, {plainly(reason)}", count) for reason, count in effects.exited.items())
    yield "completed", effects.completed
    yield from ((f"{kind} actions", count) for kind, count in effects.actions.items())
    yield from ((f"{kind} actions dropped", count) for kind, count in effects.dropped.items())


def _count(count: int) -> str:
    return str(count) if count else "-"
