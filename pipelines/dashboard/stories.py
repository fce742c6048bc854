"""What happened to participants, day by day in words.

Most came in for the same reason, and much the same was done with them. Words that several share are said once a page, in
a note, and each story leads there: the values that a condition saw, the arms taken and what went otherwise stay with
the participant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from html import escape
from itertools import groupby
from typing import Any, NamedTuple

from markupsafe import Markup

from pipelines.dashboard.facts import Event, Run, Seen
from pipelines.dashboard.wording import arm_name, count, day, measured, short_day

_WAY_LETTERS, _PATH_LETTERS = 40, 60
"""Shorter words are not worth a note: the link to it would be as long."""
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)( \d\d:\d\d.*)?\Z")
_CAME_TRUE = ": the entry condition came true"
_HELD = "; drawn into the hold-out, so only watched"
_UNTIL = re.compile(r"(.* until \d+ \w+) (\d{4})\Z")


@dataclass(frozen=True)
class Note:
    """Words that several participants share: leaves that let them in, or what was done, with a title for its links."""

    ident: str
    title: str
    words: tuple[str, ...]
    is_one_of_many: bool = False
    """Else no link is needed: it stands above the list as the only one of its kind."""

    @cached_property
    def row(self) -> Markup:
        """Its item in the list of notes."""
        if not self.title:
            leaves = "".join([f"<li>{text(one)}" for one in self.words])
            return Markup(f"<li id={self.ident}><ul>{leaves}</ul>")
        done = "".join([f"<li>{text(one)}" for one in self.words])
        return Markup(f"<li id={self.ident}><b>{text(self.title)}</b> <a href=#shut>Close</a><ol>{done}</ol>")


@dataclass(frozen=True)
class Story:
    """The days of a participant as items of a list, and the notes to which they lead."""

    days: Markup
    notes: tuple[Note, ...]


class _Done(NamedTuple):
    """A step that was gone through or an action, without its day."""

    kind: str
    step_id: str | None
    reason_code: str | None
    words: str


_Way = tuple[str, ...]
_Path = tuple[_Done, ...]
_Days = list[tuple[date, list[Event | _Path]]]


def text(words: str) -> str:
    """Words as HTML."""
    return escape(words, quote=False)


def stories_of(runs: Sequence[Run]) -> Iterator[Story]:
    """What happened to each run; words that at least two of them share become notes, the most common first."""
    ways = Counter([_leaves(event) for run in runs for event in run.events if event.seen])
    days = [list(_parts(run)) for run in runs]
    paths = Counter([part for told in days for _, parts in told for part in parts if not isinstance(part, Event)])
    long_ways = _shared(ways, _WAY_LETTERS)
    way_notes = {way: Note(f"w{n}", "", way, len(long_ways) > 1) for n, way in enumerate(long_ways, start=1)}
    path_notes = {
        path: Note(f"p{n}", _path_title(path), tuple(done.words for done in path))
        for n, path in enumerate(_shared(paths, _PATH_LETTERS), start=1)
    }
    return (_story(run, told, way_notes, path_notes) for run, told in zip(runs, days, strict=True))


def _shared(found: Counter[Any], letters: int) -> list[Any]:
    long = [one for one, times in found.items() if times > 1 and sum(len(str(part)) for part in _words(one)) >= letters]
    return sorted(long, key=lambda one: (-found[one], _words(one)))


def _words(one: _Way | _Path) -> list[str]:
    return [part if isinstance(part, str) else part.words for part in one]


def _leaves(event: Event) -> _Way:
    return tuple([_short(seen.leaf, 400) for seen in event.seen])


def _story(run: Run, days: _Days, ways: Mapping[_Way, Note], paths: Mapping[_Path, Note]) -> Story:
    items: list[str] = []
    notes: dict[str, Note] = {}
    for when, parts in days:
        said: list[str] = []
        # a year is said where it is not the year of the entry
        words = short_day(when) if when.year == run.entered_date.year else day(when)
        for part in parts:
            if isinstance(part, Event):
                note = ways.get(_leaves(part)) if part.seen else None
                if part.seen and note is None:
                    # long words, a line of their own
                    items.append(f"<li>{words}: {_entry(part)}")
                else:
                    said.append(_entry(part, note) if part.seen else text(_happened(part, when)))
            else:
                note = paths.get(part)
                said.append(_link(note, note.title) if note else text(" · ".join(_words(part))))
            if note:
                notes[note.ident] = note
        if said:
            items.append(f"<li>{words}: {' · '.join(said)}")
    return Story(Markup("".join(items)), tuple(notes.values()))


def _link(note: Note, words: str) -> str:
    return f"<a href=#{note.ident}>{text(words)}</a>"


def _parts(run: Run) -> Iterator[tuple[date, list[Event | _Path]]]:
    """A run's days with what there is to say of each: what follows from something else is left out."""
    resting = None if run.exited_date else next((e for e in reversed(run.events) if _is_wait(e)), None)
    for when, events in groupby(run.events, key=lambda e: e.date):
        happened = list(events)
        # leaving on the objective says that it was met
        left_with_it = any(e.kind == "exited" and e.reason_code == "objective" for e in happened)
        parts: list[Event | _Path] = []
        for is_done, some in groupby(happened, key=_is_done):
            if is_done:
                parts.append(tuple([_Done(e.kind, e.step_id, e.reason_code, e.why_text) for e in some]))
                continue
            # a wait that is over has a line at its end
            parts += [
                e
                for e in some
                if not (left_with_it and e.kind == "objective_met") and (e is resting or not _is_wait(e))
            ]
        yield when, parts


def _is_wait(event: Event) -> bool:
    return event.kind == "step_in" and event.reason_code is None


def _is_done(event: Event) -> bool:
    return event.kind == "action" or (event.kind == "step_in" and event.reason_code is not None)


def _path_title(path: _Path) -> str:
    """The arms that were taken and what became of actions that were not sent; without arms how many actions there were.

    >>> took, sent = _Done("step_in", "use", "Idle", "took “Idle” at “use”"), _Done("action", "call", "sent", "sent …")
    >>> _path_title((took, sent, _Done("action", "hello", "dropped", "dropped the email “Hi” (no recipient)")))
    'Idle (1 dropped)'
    >>> _path_title((sent, sent)), _path_title((_Done("step_in", "next_move", "else", "no arm of “next move” applied"),))
    ('2 actions', 'next move: otherwise')
    """
    arms = [done for done in path if done.kind == "step_in" and not done.words.startswith("passed ")]
    became = Counter([done.reason_code or "" for done in path if done.kind == "action"])
    otherwise = ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in sorted(became.items()) if status != "sent")
    passed = ", ".join(_arm(done) for done in arms)
    passed = passed or (count(became.total(), "action") if became else "passed at once")
    return f"{passed} ({otherwise})" if otherwise else passed


def _arm(done: _Done) -> str:
    name = arm_name(done.reason_code or "")
    return f"{_plain(done.step_id)}: {name}" if done.reason_code == "else" else name


def _plain(step_id: str | None) -> str:
    return (step_id or "").replace("_", " ")


def _happened(event: Event, when: date) -> str:
    """An event in words; a date needs no year where the day's line has it.

    >>> left = Event(date(2024, 3, 4), "exited", "objective", "left: the objective is met", None, "last_look")
    >>> _happened(left, left.date)
    'left at “last look”: the objective is met'
    """
    words = event.why_text
    if event.kind == "exited" and event.step_id and words.startswith("left: "):
        words = f"left at “{_plain(event.step_id)}”{words.removeprefix('left')}"
    until = _UNTIL.match(words)
    if until and until[2] == str(when.year):
        words = until[1]
    return f"{words} at {measured(event.value)}" if event.value is not None else words


def _entry(event: Event, note: Note | None = None) -> str:
    """Why it came in: each leaf with what it saw, or the values alone where a note has the leaves.

    >>> came = "entered: the entry condition came true; the objective was met already"
    >>> seen = (Seen("usage < 15", (("usage", 12),)),)
    >>> one = Event(date(2024, 1, 1), "entered", "condition", came, None, None, seen)
    >>> _entry(one)
    'entered, because usage &lt; 15: 12; the objective was met already'
    >>> _entry(one, Note("w1", "", ("usage < 15",)))
    'entered with usage 12; the objective was met already'
    >>> _entry(one, Note("w2", "", ("usage < 15",), is_one_of_many=True))
    '<a href=#w2>entered</a> with usage 12; the objective was met already'
    """
    if note is None:
        before, came_true, after = event.why_text.partition(_CAME_TRUE)
        because = "; ".join(_evidence(one) for one in event.seen)
        return text(f"{before}, because {because}{after}" if came_true else f"{before} ({because})")
    # that chance decides, and that who is held out is only watched, is said once above the list
    before, came_true, after = event.why_text.removesuffix(_HELD).partition(_CAME_TRUE)
    verb = "would have entered" if before.startswith("would") else "entered"
    values = _values(event.seen, event.date)
    saw = values and (f" with {values}" if came_true else f" ({values})")
    return f"{_link(note, verb) if note.is_one_of_many else verb}{text(before.removeprefix(verb) + saw + after)}"


def _evidence(seen: Seen) -> str:
    """A leaf with the values that its own words do not say.

    >>> _evidence(Seen("usage < 15", (("usage", 12.0),))), _evidence(Seen("health = 'poor'", (("health", "poor"),)))
    ('usage < 15: 12', "health = 'poor'")
    >>> _evidence(Seen("seats > seats_before", (("seats", 9), ("seats_before", None))))
    'seats > seats_before: seats 9, seats_before nothing'
    """
    told = _told(seen)
    said = ", ".join(_value(value) if len(told) == 1 else f"{what} {_value(value)}" for what, value in told)
    leaf = _short(seen.leaf, 64)
    return f"{leaf}: {said}" if said else leaf


def _values(leaves: Sequence[Seen], when: date) -> str:
    """What the leaves saw on a day, each value once under its name; a filter is in the leaf's own words.

    >>> paid = Seen("seats > seats_before", (("seats", 9), ("seats_before", 4)))
    >>> urgent = Seen("exists(tickets) filter (where urgent)", (("count(tickets) filter (where urgent)", 2),))
    >>> _values((paid, Seen("seats >= 5", (("seats", 9),)), urgent), date(2024, 5, 1))
    'seats 9, seats_before 4, count(tickets) 2'
    """
    told = dict.fromkeys((what, _value(value, when.year)) for seen in leaves for what, value in _told(seen))
    short = {what: what.partition(" filter (")[0] for what, _ in told}
    meant = Counter(short.values())
    return ", ".join(
        f"{short[what] if meant[short[what]] == 1 else _short(what, 64)} {value}".lstrip() for what, value in told
    )


def _told(seen: Seen) -> list[tuple[str, Any]]:
    return [(what, value) for what, value in seen.values if not _is_said(seen.leaf, what, value)]


def _is_said(leaf: str, what: str, value: Any) -> bool:
    """A test for being equal says the value, a truth says whether, and today is the date of the line."""
    if isinstance(value, bool):
        return what == leaf.removeprefix("not ")
    equal = f"'{value}'" in leaf if isinstance(value, str) else leaf in (f"{what} = {value}", f"not {_exists(what)}")
    return equal or what in ("today()", "now()")


def _exists(what: str) -> str:
    """What was counted to say whether there is one."""
    return what.replace("count(", "exists(", 1)


def _value(value: Any, year: int | None = None) -> str:
    """A value in words; a date of this year needs none.

    >>> _value(None), _value(True), _value(1234.5), _value("2024-10-28 06:00:00-04"), _value("gold")
    ('nothing', 'yes', '1,234', '28 Oct 2024', 'gold')
    >>> _value("2024-10-28", 2024), _value("2023-10-28", 2024)
    ('28 Oct', '28 Oct 2023')
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return measured(value)
        case _:
            # a date or an instant as JSON has it: the date says enough
            found = _DATE.match(str(value))
            if not found:
                return _short(str(value), 40)
            when = date(int(found[1]), int(found[2]), int(found[3]))
            return short_day(when) if when.year == year else day(when)


def _short(words: str, letters: int) -> str:
    return words if len(words) <= letters else f"{words[: letters - 1]}…"
