"""Participants as lines: who, since when, where now, and everything that happened to them in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from markupsafe import Markup

from pipelines.dashboard.facts import FlowStep, Headline, Run
from pipelines.dashboard.pages import Source, stem_of
from pipelines.dashboard.stories import Note, Story, stories_of, text
from pipelines.dashboard.wording import day, days, number, reason, short_day, step_name, title

MOST = 200
"""More rows on one page would cost a phone seconds."""
PAGE_BYTES = 120_000
"""What participants may weigh on a page of their own."""
KNOWN = 2_000
"""So many of the newest have pages; the file of comma-separated values has all."""

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
    story: Story

    @cached_property
    def row(self) -> Markup:
        """Its line of the table, made once: its weight decides on which page it stands."""
        cells = f"<td>{self.entered}<td>{text(self.state)}<td>{text(self.because)}<td>{self.met}"
        who = f"<details><summary>{text(self.label)}</summary><ol>{self.story.days}</ol></details>"
        return Markup(f"<tr data-s={self.group}><th scope=row>{who}{cells}")


@dataclass(frozen=True)
class Notes:
    """What several participants of a page share: why they came in, and what was done."""

    ways: tuple[Note, ...] = ()
    paths: tuple[Note, ...] = ()


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
    notes: Notes
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
    known = list(runs)
    return [_person(*told, head, names, today) for told in zip(known, stories_of(known), strict=True)]


def notes_of(people: Iterable[Person]) -> Notes:
    """The notes to which these lead, each once, the most common first."""
    notes = {note.ident: note for person in people for note in person.story.notes}
    found = sorted(notes.values(), key=lambda note: int(note.ident[1:]))
    return Notes(tuple(n for n in found if not n.title), tuple(n for n in found if n.title))


def fitting(people: Sequence[Person], most_bytes: int) -> int:
    """How many of the first a page can carry with their notes; long stories leave room for fewer."""
    weight = 0
    noted = set[str]()
    for n, person in enumerate(people[:MOST]):
        new = [note for note in person.story.notes if note.ident not in noted]
        noted.update(note.ident for note in new)
        weight += len(person.row.encode()) + 1 + sum(len(note.row.encode()) + 1 for note in new)
        if weight > most_bytes:
            return n
    return min(MOST, len(people))


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
            notes_of(part),
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


def _person(run: Run, story: Story, head: Headline, names: Mapping[str, str], today: date) -> Person:
    return Person(
        label=run.customer_name,
        group=group_of(run),
        entered=day(run.entered_date),
        state=_state(run, names),
        because=reason(run.exit_override_name) if run.exit_override_name and run.arm == "treatment" else "",
        met=_met(run, today) if head.objective_version else "",
        story=story,
    )


def _state(run: Run, names: Mapping[str, str]) -> str:
    if run.arm == "holdout":
        return "held out"
    if run.exited_date is not None:
        same_year = run.exited_date.year == run.entered_date.year
        return f"out on {short_day(run.exited_date) if same_year else day(run.exited_date)}"
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
