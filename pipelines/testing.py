"""Workflow tests: rows and a clock in, decisions out, on a warehouse in memory through the very same evaluator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import pyarrow

from definitions import Project, UserError
from definitions.places import place_of
from definitions.testing import GONE, Expect, Moment, WorkflowTest
from pipelines.apply import apply_project
from pipelines.commands import give
from pipelines.evaluation import Evaluation, broken_invariants, evaluate
from pipelines.live import retired_versions, versions_of
from pipelines.snapshot import take_snapshot
from sql import DuckDBSession, Plan, compile_plan
from sql.names import RESULTS, SUPPRESSIONS

Rows = dict[str, dict[str, dict[str, Any]]]
"""Rows by object and key."""


@dataclass(frozen=True)
class RowSource:
    """A source that gives rows held in memory; columns that a row lacks are missing values."""

    rows: Mapping[str, Sequence[Mapping[str, Any]]]

    def read(self, table: str, columns: Sequence[str]) -> Any:
        """The rows of a table as Arrow text columns; the snapshot reads them as the catalog's types."""
        arrow: Any = pyarrow  # has no type stubs
        found = self.rows.get(table, ())
        data = {c: arrow.array([_text(row.get(c)) for row in found], type=arrow.string()) for c in columns}
        return arrow.table(data)


@dataclass(frozen=True)
class Observed:
    """What one evaluation decided, by record: a field for each thing that a test may expect."""

    entered: tuple[str, ...]
    held_out: tuple[str, ...]
    completed: tuple[str, ...]
    actions: tuple[str, ...]
    exited: dict[str, str]
    goals: dict[str, str]
    refused: dict[str, str]
    resting: dict[str, str]
    status: dict[str, str]
    measures: dict[str, float]
    orders: dict[str, str]
    users: dict[str, str]
    outcomes: dict[str, str]
    sends: dict[str, dict[str, str]]
    dropped: dict[str, str]


NOTHING: dict[str, Any] = {"entered": (), "exited": {}, "completed": (), "goals": {}, "actions": (), "refused": {}}
"""What `expect: nothing` says."""


@dataclass(frozen=True)
class Played:
    """One moment of a test: what is set, ordered and received before it, and what it should decide.

    `project` is made live before it, if given. `place` is shown when it fails.
    """

    at: datetime
    changes: Mapping[str, Mapping[str, Mapping[str, Any] | None]] = field(default_factory=dict[str, Any])
    orders: Sequence[str] = ()
    suppress: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Any])
    results: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict[str, Any])
    expect: Mapping[str, Any] = field(default_factory=dict[str, Any])
    project: Project | None = None
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


def play(
    session: DuckDBSession, project: Project, given: Rows, timeline: Sequence[Played], *, every_invariant: bool = False
) -> Failure | None:
    """Play a test in a migrated warehouse and leave nothing behind; the first failure, or None.

    The invariants of the state are checked at the end, or after each moment with `every_invariant`.
    """
    with session.rehearsal():
        world = World(project, session)
        world.apply()
        world.set(given)
        for i, moment in enumerate(timeline):
            if moment.project is not None:
                world.apply(moment.project)
            world.set(moment.changes)
            for order in moment.orders:
                world.order(order, moment.at)
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
        return play(session, self.project, self.given, self.timeline)


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


def _compared(world: World, moment: Played) -> Failure | None:
    observed = world.observe(moment.at) if moment.expect else None
    for key, wanted in moment.expect.items():
        found = getattr(observed, key)
        if key == "sends":
            failure = _compared_sends(moment, wanted, found)
            if failure is not None:
                return failure
            continue
        expected = dict(wanted) if isinstance(found, dict) else tuple(sorted(wanted))
        if found != expected:
            notes = tuple(_notes(key, expected, found, world))
            return Failure(moment.place, moment.at, key, expected, found, notes)
    return None


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


def _notes(key: str, expected: Any, found: Any, world: World) -> Iterator[str]:
    """What is missing and what is too much; for records that did not enter, why."""
    wanted, there = _items(expected), _items(found)
    for item in sorted(wanted - there, key=str):
        why = f": {world.why_not(str(item))}" if key == "entered" else ""
        yield f"missing   {_worded(item)}{why}"
    for item in sorted(there - wanted, key=str):
        yield f"too much  {_worded(item)}"


def _items(value: Any) -> set[Any]:
    return (
        set(cast("dict[str, Any]", value).items()) if isinstance(value, dict) else set(cast("tuple[Any, ...]", value))
    )


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


@dataclass
class World:
    """A project with rows that a test changes over time."""

    project: Project
    session: DuckDBSession
    rows: Rows = field(default_factory=Rows)
    plans: dict[tuple[tuple[str, str], ...], Plan] = field(default_factory=dict[tuple[tuple[str, str], ...], Plan])

    def apply(self, project: Project | None = None) -> None:
        """Make the project, or another one in its place, live."""
        self.project = project or self.project
        self.plans.clear()
        self.session.set_timezone(self.project.settings.timezone)
        apply_project(self.session, self.project, at=datetime(2000, 1, 1, tzinfo=UTC), by="test")

    def set(self, changes: Mapping[str, Mapping[str, Mapping[str, Any] | None]]) -> None:
        """Add or change rows by object and key; None removes one."""
        for object_, rows in changes.items():
            known = self.rows.setdefault(object_, {})
            for key, row in rows.items():
                if row is None:
                    known.pop(key, None)
                else:
                    known[key] = {**known.get(key, {self.project.catalog[object_].key: key}), **row}

    def suppress(self, object_: str, recipients: Mapping[str, str], since: datetime) -> None:
        """Put recipients on the list of those who must not be written to, with reasons."""
        rows = [{"object": object_, "recipient": r, "since": since, "reason": why} for r, why in recipients.items()]
        self.session.append(SUPPRESSIONS, rows)

    def evaluate(self, as_of: datetime) -> Evaluation:
        """Take a snapshot of the rows and evaluate."""
        tables = {
            spec.table.split(".")[1]: list(self.rows.get(name, {}).values())
            for name, spec in self.project.catalog.objects.items()
        }
        source = RowSource(tables)
        sources = dict.fromkeys(self.project.settings.sources, source)
        take_snapshot(self.session, self.project, sources, as_of, accept=True)
        return evaluate(self.session, as_of, plan_of=self._plan)

    def _plan(self, session: DuckDBSession, as_of: datetime) -> tuple[int, Plan]:
        """The plan of the project at hand, with older versions that are still followed, as it would be live."""
        retired = retired_versions(session, as_of)
        if retired not in self.plans:
            self.plans[retired] = compile_plan(self.project, versions_of(retired))
        return session.ask("live_project")[0]["project_id"], self.plans[retired]

    def why_not(self, record: str) -> str:
        """Why a record is not in: the refusal that holds, or that it does not qualify."""
        workflow, _, key = record.rpartition(":")
        found = self.session.ask("refusals_of_record", workflow=workflow or None, record=key)
        return f"refused, {found[0]['reason']}" if found else "it does not qualify"

    def order(self, order: str, at: datetime) -> None:
        """Give an order as on the command line: `pause renewal a1`, `archive renewal`, `approve renewal a1 step`."""
        command, workflow, *rest = order.split()
        records, steps = rest[:1], rest[1:]
        give(self.session, command, workflow, records, at=at, by="test", step=steps[0] if steps else None)

    def receive(self, results: Mapping[str, Sequence[Mapping[str, Any]]], at: datetime) -> None:
        """Note what came back of actions: by `record/step`, each with `result`, and `value` and `at` where they matter."""
        rows: list[dict[str, Any]] = []
        for action, found in results.items():
            record, step = action.rsplit("/", 1)
            workflow, _, key = record.rpartition(":")
            known = self.session.ask("action_of", workflow=workflow or None, record=key, step=step)
            if not known:
                raise UserError("no-action", f"there is no action `{action}` that could have a result")
            for one in found:
                row = {"action_id": known[-1]["action_id"], "result": one["result"], "value": one.get("value")}
                row |= {"recipient": None, "happened_at": one.get("at") or at, "received_at": at}
                rows.append(row)
        self.session.append(RESULTS, rows)

    def observe(self, as_of: datetime) -> Observed:
        """What the evaluation of an instant decided. With several workflows records are named `workflow:record`."""
        one = len(self.project.workflows) == 1
        found = self.session.ask("decisions", as_of=as_of)
        messages = self.session.ask("sends", as_of=as_of)

        def named(row: Mapping[str, Any]) -> str:
            return row["record"] if one else f"{row['workflow']}:{row['record']}"

        def of(kind: str) -> list[dict[str, Any]]:
            return [row for row in found if row["kind"] == kind]

        return Observed(
            entered=tuple(sorted(named(r) for r in of("entered"))),
            held_out=tuple(sorted(named(r) for r in of("entered") if r["detail"] == "holdout")),
            exited={named(r): r["detail"] for r in of("exited")},
            completed=tuple(sorted(named(r) for r in of("completed"))),
            actions=tuple(sorted(f"{named(r)}/{r['detail']}" for r in of("action"))),
            refused={named(r): r["detail"] for r in of("refused")},
            resting={named(r): r["detail"] for r in of("resting")},
            goals={named(r): r["detail"] for r in of("goal")},
            status={named(r): r["detail"] for r in of("status")},
            orders={r["record"]: r["detail"] for r in of("order")},
            users={f"{named(r)}": r["detail"] for r in of("user")},
            outcomes={f"{named(r)}": r["detail"] for r in of("outcome")},
            sends={f"{named(r)}/{r['step_id']}": r for r in messages if r["dropped"] is None},
            dropped={f"{named(r)}/{r['step_id']}": r["dropped"] for r in messages if r["dropped"] is not None},
            measures={named(r): float(r["detail"]) for r in of("measure") if r["detail"] is not None},
        )

    def broken(self) -> dict[str, list[dict[str, Any]]]:
        """Invariants that do not hold."""
        return broken_invariants(self.session)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
