"""Rules of communication: calendars that are there and leave days open, roles and limits that name fitting fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from definitions.catalog import CatalogObject
from definitions.communication import Blackout, BlackoutCalendar, Communication
from definitions.places import place_of
from definitions.problems import Problem, did_you_mean
from definitions.project import Project
from definitions.workflow import Workflow

_EVERY_DAY = range(1, 8)
_YEARS_OF_A_REPETITION = 5  # one of them is a leap year, or lies next to one


def calendars_stay_open(project: Project) -> Iterator[Problem]:
    """Every calendar leaves a day of every year open."""
    for name, calendar in sorted(project.calendars.items()):
        year = _closed_year([calendar], _EVERY_DAY)
        if year is not None:
            where = place_of(project, f"calendars/{name}.yaml", "dates")
            yield Problem(where, "never-open", f"the calendar leaves no day of {year} open", "leave some dates out")


def communication_is_sound(project: Project) -> Iterator[Problem]:
    """Calendars that a workflow names are there; with its windows they leave a day of every year open."""
    for name, workflow in project.workflows.items():
        file = f"workflows/{name}.yaml"
        made = workflow.communication or Communication()
        for i, calendar in enumerate(made.blackouts):
            if calendar not in project.calendars:
                hint = did_you_mean(calendar, project.calendars) or f"make the file `calendars/{calendar}.yaml`"
                where = place_of(project, file, "communication", "blackouts", i)
                yield Problem(where, "unknown-calendar", f"`{calendar}` is not a calendar", hint)
        year = _never_open(project, workflow, made)
        if year is not None:
            where = place_of(project, file, "communication", "blackouts" if made.blackouts else "window")
            message = f"windows and calendars leave no day of {year} open"
            yield Problem(where, "never-open", message, "leave some dates out")


def _never_open(project: Project, workflow: Workflow, made: Communication) -> int | None:
    """A year in which nothing goes out; not where a calendar by itself is to blame."""
    used = [project.calendars[calendar] for calendar in calendars_of(workflow, project)]
    days = {day for window in made.window for day in window.days}
    if _closed_year(used, days) is None:
        return None
    return _closed_year([calendar for calendar in used if _closed_year([calendar], _EVERY_DAY) is None], days)


def calendars_of(workflow: Workflow, project: Project) -> tuple[str, ...]:
    """The calendars that count for a workflow: those it names and those that count for all."""
    named = workflow.communication.blackouts if workflow.communication else ()
    return tuple(name for name, made in sorted(project.calendars.items()) if made.auto or name in named)


def _closed_year(calendars: Iterable[BlackoutCalendar], weekdays: Iterable[int]) -> int | None:
    """The first year in which every day of the week's windows is blacked out."""
    blackouts = [blackout for calendar in calendars for blackout in calendar.dates]
    open_days = set(weekdays)
    last = max((b.last.year + (_YEARS_OF_A_REPETITION if b.yearly else 0) for b in blackouts), default=0)
    for year in range(min((b.first.year for b in blackouts), default=1), last + 1):
        closed = {day for blackout in blackouts for day in _days(blackout, year)}
        if all(day in closed for day in _every_day(year) if day.isoweekday() in open_days):
            return year
    return None


def _every_day(year: int) -> Iterator[date]:
    return _between(date(year, 1, 1), date(year, 12, 31))


def _days(blackout: Blackout, year: int) -> Iterator[date]:
    """Its days within a year."""
    shifts = range(year - blackout.last.year, year - blackout.first.year + 1) if blackout.yearly else (0,)
    for shift in shifts:
        if shift >= 0:
            first, last = _in_year(blackout.first, shift), _in_year(blackout.last, shift)
            yield from (day for day in _between(first, last) if day.year == year)


def _in_year(day: date, shift: int) -> date:
    """The same day some years later; 29 February is the 28th where there is none."""
    try:
        return day.replace(year=day.year + shift)
    except ValueError:
        return day.replace(year=day.year + shift, day=28)


def _between(first: date, last: date) -> Iterator[date]:
    yield from (first + timedelta(days=i) for i in range((last - first).days + 1))


def roles_fit(project: Project) -> Iterator[Problem]:
    """Roles that a catalog object gives to its fields name fields of a fitting type."""
    for name, spec in project.catalog.objects.items():
        texts = {("timezone",): spec.timezone, ("email",): spec.email} | {
            ("phones", i): phone for i, phone in enumerate(spec.phones)
        }
        truths = {("send_as",): spec.send_as, ("unsubscribed",): spec.unsubscribed}
        for wanted, roles in (("text", texts), ("boolean", truths)):
            for path, field in roles.items():
                if field is not None:
                    yield from _role(project, spec, f"catalog/{name}.yaml", path, field, (wanted,))


def _role(
    project: Project, spec: CatalogObject, file: str, path: tuple[str | int, ...], field: str, types: tuple[str, ...]
) -> Iterator[Problem]:
    where = place_of(project, file, *path)
    found = spec.spec(field)
    if found is None:
        hint = did_you_mean(field, (*spec.fields, spec.key))
        yield Problem(where, "unknown-field", f"`{field}` is not a field of {spec.object}", hint)
    elif found.type not in types:
        yield Problem(where, "type", f"`{field}` is {found.type}, and {' or '.join(types)} is needed here")


def limits_fit(project: Project) -> Iterator[Problem]:
    """Sends from elsewhere are records of an object, with a sender and a time."""
    limits = project.settings.limits
    elsewhere = limits.sender.elsewhere if limits.sender else None
    if elsewhere is None:
        return
    path = ("limits", "sender", "elsewhere")
    if elsewhere.object not in project.catalog:
        hint = did_you_mean(elsewhere.object, project.catalog.objects)
        where = place_of(project, "project.yaml", *path, "object")
        yield Problem(where, "unknown-object", f"`{elsewhere.object}` is not an object", hint)
        return
    spec = project.catalog[elsewhere.object]
    yield from _role(project, spec, "project.yaml", (*path, "sender"), elsewhere.sender, ("text", "integer"))
    yield from _role(project, spec, "project.yaml", (*path, "at"), elsewhere.at, ("timestamp",))
