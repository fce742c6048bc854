"""Workflow tests: rows and a clock in, decisions out, on a warehouse in memory through the very same evaluator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from definitions import ProblemsFound, Project
from definitions.places import place_of
from definitions.testing import GONE, Expect, Moment, WorkflowTest
from pipelines.worlds import Engine, Rows, World
from sql import DuckDBSession

NOTHING: dict[str, Any] = {"entered": (), "exited": {}, "completed": (), "goals": {}, "actions": (), "refused": {}}
"""What `expect: nothing` says."""


@dataclass(frozen=True)
class Played:
    """One moment of a test: what is set, ordered and received before it, and what it should decide.

    `project` is made live before it, if given, or refused with the problem `refuses`. `place` is shown when it fails.
    """

    at: datetime
    changes: Mapping[str, Mapping[str, Mapping[str, Any] | None]] = field(default_factory=dict[str, Any])
    orders: Sequence[str] = ()
    suppress: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Any])
    results: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict[str, Any])
    expect: Mapping[str, Any] = field(default_factory=dict[str, Any])
    project: Project | None = None
    refuses: str | None = None
    place: str = ""


@dataclass(frozen=True)
class Failure:
    """What a moment decided otherwise than expected."""

    place: str
    at: datetime
    key: str
    expected: Any
    found: Any
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """The failure for people: the place, what is missing and what is too much, and why where that is known."""
        lines = [f"{self.place}: at {self.at:%Y-%m-%d %H:%M}, `{self.key}` is not as expected"]
        lines += [f"  expected  {_worded(self.expected)}", f"  found     {_worded(self.found)}"]
        return "\n".join((*lines, *(f"  {note}" for note in self.notes)))


def play(world: Engine, given: Rows, timeline: Sequence[Played], *, every_invariant: bool = False) -> Failure | None:
    """Play a test in a new world; the first failure, or None.

    The invariants of the state are checked at the end, or after each moment with `every_invariant`.
    """
    world.apply()
    world.set(given)
    for i, moment in enumerate(timeline):
        failure = _edited(world, moment) if moment.project is not None else None
        if failure is not None:
            return failure
        world.set(moment.changes)
        for i, order in enumerate(moment.orders):  # one after the other, as they are written
            world.order(order, moment.at - timedelta(microseconds=len(moment.orders) - 1 - i))
        for object_, recipients in moment.suppress.items():
            world.suppress(object_, recipients, moment.at)
        world.receive(moment.results, moment.at)
        world.evaluate(moment.at)
        failure = _compared(world, moment)
        if failure is None and (every_invariant or i + 1 == len(timeline)):
            broken = world.broken()
            if broken:
                failure = Failure(moment.place, moment.at, "invariants", {}, broken)
        if failure is not None:
            return failure
    return None


def _edited(world: Engine, moment: Played) -> Failure | None:
    """Make a moment's project live; or see it refused for the reason expected, and the live one stay."""
    live, codes = world.project, set[str]()
    try:
        world.apply(moment.project)
    except ProblemsFound as refused:
        codes, world.project = {problem.code for problem in refused.problems}, live
    expected = {moment.refuses} if moment.refuses else set[str]()
    if codes == expected:
        return None
    return Failure(moment.place, moment.at, "edit", sorted(expected), sorted(codes))


@dataclass(frozen=True)
class Test:
    """A workflow test of a project, ready to run."""

    __test__ = False  # not pytest's

    file: str
    title: str
    workflow: str
    project: Project
    given: Rows
    timeline: tuple[Played, ...]

    def run(self, session: DuckDBSession) -> Failure | None:
        """Play it in a migrated warehouse, and leave nothing behind."""
        with session.rehearsal():
            return play(World(self.project, session), self.given, self.timeline)


def tests_of(project: Project) -> Iterator[Test]:
    """Every test of a project, in the order of the files."""
    for name, file in sorted(project.tests.items()):
        tested = _tested(project, file)
        for i, one in enumerate(file.each()):
            path: tuple[str | int, ...] = ("tests", i, "timeline") if file.tests else ("timeline",)
            title = ": ".join(part for part in (name, one.name) if part)
            timeline = tuple(_played(project, f"tests/{name}.yaml", (*path, n), m) for n, m in enumerate(one.timeline))
            yield Test(name, title, file.workflow, tested, _given(project, one.given), timeline)


def _tested(project: Project, file: WorkflowTest) -> Project:
    """The workflows under test alone, taken as enabled for everyone and without a control group."""
    given: dict[str, Any] = {} if file.as_is else {"state": "enabled", "launch": "everyone", "holdout": 0.0}
    workflows = {n: project.workflows[n].model_copy(update=given) for n in (file.workflow, *file.workflows)}
    return replace(project, workflows=workflows)


def _given(project: Project, given: Mapping[str, Any]) -> Rows:
    rows: Rows = {}
    for object_, found in given.items():
        key = project.catalog[object_].key
        if isinstance(found, tuple):
            rows[object_] = {str(row[key]): dict(row) for row in cast("tuple[dict[str, Any], ...]", found)}
        else:
            rows[object_] = {k: {key: k, **row} for k, row in found.items()}
    return rows


def _played(project: Project, file: str, path: tuple[str | int, ...], moment: Moment) -> Played:
    span = place_of(project, file, *path, "at")
    zone = ZoneInfo(project.settings.timezone)
    expect = moment.expect
    wanted = (
        NOTHING if expect == "nothing" else expect.model_dump(exclude_none=True) if isinstance(expect, Expect) else {}
    )
    return Played(
        at=moment.at if moment.at.tzinfo else moment.at.replace(tzinfo=zone),
        changes={
            o: {k: None if row == GONE else dict(row) for k, row in rows.items()} for o, rows in moment.set.items()
        },
        orders=moment.commands,
        suppress=moment.suppress,
        results={a: [r.model_dump(exclude_none=True) for r in found] for a, found in moment.results.items()},
        expect=wanted,
        place=f"{span.file}:{span.line}",
    )


def _compared(world: Engine, moment: Played) -> Failure | None:
    observed = world.observe(moment.at) if moment.expect else None
    for key, wanted in moment.expect.items():
        found = getattr(observed, key)
        if key == "sends":
            failure = _compared_sends(moment, wanted, found)
            if failure is not None:
                return failure
            continue
        if key == "values":
            wanted, found = _texts(wanted), _texts(found)
        expected = dict(wanted) if isinstance(found, dict) else tuple(sorted(wanted))
        if found != expected:
            notes = tuple(_notes(key, expected, found, world))
            return Failure(moment.place, moment.at, key, expected, found, notes)
    return None


def _texts(values: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Values carried by actions, as they read in YAML."""
    return {name: {k: "null" if v is None else str(v) for k, v in one.items()} for name, one in values.items()}


_SEND = {"zone": "zone", "rule": "zone_rule", "why": "send_rule"}


def _compared_sends(
    moment: Played, wanted: Mapping[str, Mapping[str, Any]], found: Mapping[str, Any]
) -> Failure | None:
    """Send times are looked at for the actions and keys that are named: `between` two local times, half open."""
    for action, expected in wanted.items():
        send: Mapping[str, str] = found.get(action, {})
        there = {key: send.get(column) for key, column in _SEND.items() if key in expected}
        same = bool(send) and all(there[key] == expected[key] for key in there)
        if "between" in expected and send:
            first, last = (str(moment) for moment in expected["between"])
            same = same and first <= send["sends_at"][:16] < last
            there["at"] = send["sends_at"][:16]
        if not same:
            notes = () if send else ("it is not planned",)
            return Failure(moment.place, moment.at, f"sends of {action}", dict(expected), there, notes)
    return None


def _notes(key: str, expected: Any, found: Any, world: Engine) -> Iterator[str]:
    """What is missing and what is too much; for records that did not enter, why."""
    wanted, there = _items(expected), _items(found)
    for item in sorted(wanted - there, key=str):
        why = f": {world.why_not(str(item))}" if key == "entered" else ""
        yield f"missing   {_worded(item)}{why}"
    for item in sorted(there - wanted, key=str):
        yield f"too much  {_worded(item)}"


def _items(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {f"{key}: {_worded(one)}" for key, one in cast("dict[str, Any]", value).items()}
    return {str(item) for item in cast("tuple[Any, ...]", value)}


def _worded(value: Any) -> str:
    match value:
        case dict():
            inner = ", ".join(f"{k}: {_worded(v)}" for k, v in cast("dict[str, Any]", value).items())
            return f"{{{inner}}}" if inner else "nothing"
        case tuple() | list():
            items = cast("tuple[Any, ...]", value)
            return f"[{', '.join(_worded(v) for v in items)}]" if items else "nothing"
        case _:
            return str(value)
