"""Participants as lines: who, since when, where now, and everything that happened to them in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from html import escape
from itertools import groupby
from typing import Any

from markupsafe import Markup

from pipelines.dashboard.facts import Event, FlowStep, Headline, Run, Seen
from pipelines.dashboard.pages import Source, stem_of
from pipelines.dashboard.wording import day, days, measured, number, reason, short_day, step_name, title

MOST = 200
"""More rows on one page would cost a phone seconds."""
PAGE_BYTES = 120_000
"""What participants may weigh on a page of their own."""
KNOWN = 2_000
"""So many of the newest have pages; the file of comma-separated values has all."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")

GROUPS: Mapping[str, str] = {
    "inside": "inside now",
    "met": "out, objective met",
    "out": "out, objective not met",
    "held": "held out",
    "error": "in error or paused",
}
"""States by which participants are grouped and filtered."""


@dataclass(frozen=True)
class Person:
    """A participant in the table, with its days."""

    label: str
    group: str
    entered: str
    state: str
    because: str
    met: str
    days: tuple[tuple[str, str], ...]

    @cached_property
    def row(self) -> Markup:
        """Its line of the table, made once: its weight decides on which page it stands."""
        said = "".join([f"<li>{when}: {_text(what)}" for when, what in self.days])
        cells = f"<td>{self.entered}<td>{_text(self.state)}<td>{_text(self.because)}<td>{self.met}"
        who = f"<details><summary>{_text(self.label)}</summary><ol>{said}</ol></details>"
        return Markup(f"<tr data-s={self.group}><th scope=row>{who}{cells}")


@dataclass(frozen=True)
class PeopleLink:
    """A further page of participants."""

    file: str
    words: str


@dataclass(frozen=True)
class PeoplePage:
    """<workflow>.<state>.html: participants in one state."""

    source: Source
    name: str
    home: str
    csv: str
    file: str
    object: str
    group: str
    people: tuple[Person, ...]
    note: str
    links: tuple[PeopleLink, ...]


def group_of(run: Run) -> str:
    """The state in which a run is listed."""
    if run.arm == "holdout":
        return "held"
    if run.exited_date is None:
        return "inside" if run.status == "active" else "error"
    return "met" if run.met_in_window else "out"


def people_of(runs: Iterable[Run], head: Headline, steps: Sequence[FlowStep], today: date) -> list[Person]:
    """Each run as a line."""
    names = {step.step_id: step_name(step) for step in steps}
    return [_person(run, head, names, today) for run in runs]


def fitting(people: Sequence[Person], most_bytes: int) -> int:
    """How many of the first a page can carry; long stories leave room for fewer."""
    weight = 0
    for n, person in enumerate(people[:MOST]):
        weight += len(person.row.encode()) + 1
        if weight > most_bytes:
            return n
    return min(MOST, len(people))


def _text(words: str) -> str:
    return escape(words, quote=False)


def people_pages(source: Source, head: Headline, people: Sequence[Person]) -> tuple[PeoplePage, ...]:
    """All that are known, by state, in as many files as it takes; they link to each other."""
    stem = stem_of(head.workflow_id)
    sheets: list[tuple[str, str, list[Person], str]] = []
    for group, words in GROUPS.items():
        members = [p for p in people if p.group == group]
        for n, part in enumerate(_parts(members), start=1):
            file = f"{stem}.{group}{f'-{n}' if n > 1 else ''}.html"
            first = sum(len(s[2]) for s in sheets if s[0] == group) + 1
            sheets.append(
                (
                    group,
                    file,
                    part,
                    f"{words}: {number(first)} to {number(first + len(part) - 1)} of {number(len(members))}",
                )
            )
    links = tuple(PeopleLink(file, words) for _, file, _, words in sheets)
    return tuple(
        PeoplePage(
            source,
            title(head.workflow_id),
            f"{stem}.html",
            f"{stem}.csv",
            file,
            head.object_type,
            GROUPS[group],
            tuple(part),
            words,
            links,
        )
        for group, file, part, words in sheets
    )


def _parts(people: Sequence[Person]) -> Iterator[list[Person]]:
    left = list(people)
    while left:
        size = max(1, fitting(left, PAGE_BYTES))
        yield left[:size]
        left = left[size:]


def _person(run: Run, head: Headline, names: Mapping[str, str], today: date) -> Person:
    return Person(
        label=run.customer_name,
        group=group_of(run),
        entered=day(run.entered_date),
        state=_state(run, names),
        because=reason(run.exit_override_name) if run.exit_override_name and run.arm == "treatment" else "",
        met=_met(run, today) if head.objective_version else "",
        days=tuple(_days(run)),
    )


def _days(run: Run) -> Iterator[tuple[str, str]]:
    """A run's events by day, its entry on a line of its own. A year is said where it is not the year of the entry."""
    for when, happened in groupby(run.events, key=lambda e: e.date):
        events = list(happened)
        words = day(when) if when.year != run.entered_date.year else short_day(when)
        # leaving on the objective says that it was met
        left_with_it = any(e.kind == "exited" and e.reason_code == "objective" for e in events)
        said: list[str] = []
        for event in events:
            value = f" at {measured(event.value)}" if event.value is not None else ""
            if event.seen:
                yield words, _entry(event)
            elif not (left_with_it and event.kind == "objective_met"):
                said.append(f"{event.why_text}{value}")
        if said:
            yield words, " · ".join(said)


def _entry(event: Event) -> str:
    """
    >>> came = "entered: the entry condition came true; drawn into the hold-out"
    >>> _entry(Event(date(2024, 1, 1), "entered", "condition", came, None, (Seen("usage < 15", (("usage", 12),)),)))
    'entered, because usage < 15: 12; drawn into the hold-out'
    """
    because = "; ".join(_evidence(one) for one in event.seen)
    before, came_true, after = event.why_text.partition(": the entry condition came true")
    return f"{before}, because {because}{after}" if came_true else f"{event.why_text} ({because})"


def _evidence(seen: Seen) -> str:
    """A leaf with the values that its own words do not say.

    >>> _evidence(Seen("usage < 15", (("usage", 12.0),))), _evidence(Seen("health = 'poor'", (("health", "poor"),)))
    ('usage < 15: 12', "health = 'poor'")
    >>> _evidence(Seen("seats > seats_before", (("seats", 9), ("seats_before", None))))
    'seats > seats_before: seats 9, seats_before nothing'
    """
    told = [(what, value) for what, value in seen.values if not _is_said(seen.leaf, what, value)]
    said = ", ".join(_value(value) if len(told) == 1 else f"{what} {_value(value)}" for what, value in told)
    leaf = _short(seen.leaf, 64)
    return f"{leaf}: {said}" if said else leaf


def _is_said(leaf: str, what: str, value: Any) -> bool:
    """A test for being equal says the value, a truth says whether, and today is the date of the line."""
    if isinstance(value, bool):
        return what == leaf.removeprefix("not ")
    equal = f"'{value}'" in leaf if isinstance(value, str) else leaf in (f"{what} = {value}", f"not {_exists(what)}")
    return equal or what in ("today()", "now()")


def _exists(what: str) -> str:
    """What was counted to say whether there is one."""
    return what.replace("count(", "exists(", 1)


def _value(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return measured(value)
        case _:
            text = str(value)
            # an instant as JSON has it: its date says enough
            return text[:10] if _INSTANT.match(text) else _short(text, 40)


def _short(words: str, letters: int) -> str:
    return words if len(words) <= letters else f"{words[: letters - 1]}…"


def _state(run: Run, names: Mapping[str, str]) -> str:
    if run.arm == "holdout":
        return "held out"
    if run.exited_date is not None:
        return f"out on {day(run.exited_date)}"
    place = names.get(run.current_step_id or "")
    inside = "inside" if run.status == "active" else run.status
    slow = ", stuck" if run.stuck else ", late" if run.late else ""
    return f"{inside}: {place}{slow}" if place else f"{inside}{slow}"


def _met(run: Run, today: date) -> str:
    """When it met the objective. "No" is said only once the window has closed."""
    if run.met_at_entry:
        return "at entry"
    if run.first_met_date is not None:
        after = days((run.first_met_date - run.entered_date).days)
        return f"after {after}" if run.met_in_window else f"too late, after {after}"
    if run.arm == "holdout":
        return "no" if run.matured else "not yet"
    closed = run.exited_date is not None and (today - run.exited_date).days > 30
    return "no" if closed else "not yet"
