"""Conditions: groups and leaves to truth, and the functions about segments, journeys, workflows and passages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, cast

from sqlglot import exp
from support.oracle.clock import Clock, Span
from support.oracle.history import HISTORY, Past
from support.oracle.places import Asked, Here, in_order
from support.oracle.reading import NotInOracle
from support.oracle.records import Records
from support.oracle.values import Node, interval, value_of

from definitions import Project
from definitions.catalog import Catalog
from definitions.conditions import All, Any_, Condition, Expression, Leaf, None_, leaves
from definitions.grammar import Call, Scope, aggregate_of, call_of
from definitions.journey import Journey
from definitions.rules import conditions_of, expressions_of
from definitions.values import Duration
from definitions.vocabulary import JOURNEY, PARTICIPANT, RESULTS
from definitions.workflow import Workflow

__all__ = ["Asked", "Judge", "Standing", "asks_passage"]


class Standing(Protocol):
    """What conditions may ask about passages through workflows. All of it as the present evaluation began."""

    def in_workflow(self, workflow: str, record: str) -> bool:
        """The record was inside the workflow as the evaluation began, also when asked at its end."""
        ...

    def completed_workflow(self, workflow: str, record: str) -> bool:
        """The record had reached the workflow's end at some time before the evaluation began."""
        ...

    def entered_at(self, participant: Any) -> datetime:
        """When the participant entered."""
        ...

    def record_at_entry(self, participant: Any) -> str:
        """The record it entered with: another one than now, where that was merged away."""
        ...

    def kept_at_entry(self, participant: Any) -> frozenset[str]:
        """What was asked about the entry when the participant entered."""
        ...

    def result(self, participant: Any, step: str, result: str) -> bool:
        """A result of a step's action was known before the evaluation began.

        One of completed opened clicked replied delivered bounced dropped unsubscribed approved rejected not_actioned.
        """
        ...

    def outcome(self, participant: Any, step: str) -> str | None:
        """The outcome noted for a task or call, as known before the evaluation began."""
        ...


class Judge:
    """Decides what conditions are, of whom and when.

    Everything about a record that is not there is missing, and no condition holds for it.
    """

    def __init__(self, project: Project, records: Records, standing: Standing) -> None:
        self.records = records
        self.standing = standing
        self._held: dict[tuple[str, str], dict[str, datetime]] = {}
        self._stages: dict[str, dict[str, tuple[str, datetime]]] = {}
        self.use(project)

    def use(self, project: Project) -> None:
        """Another project is live; spells of conditions and stages that it still has go on."""
        self.project = project

    @property
    def catalog(self) -> Catalog:
        return self.project.catalog

    @property
    def clock(self) -> Clock:
        return self.records.clock

    # ---- truth

    def truth(self, condition: Condition, asked: Asked) -> bool:
        """Whether a condition holds; at the edge of a leaf unknown is false."""
        match condition:
            case Leaf():
                return self.leaf(condition, asked) is True
            case All(parts):
                return all(self.truth(part, asked) for part in parts) and self._is_there(asked)
            case Any_(parts):
                return any(self.truth(part, asked) for part in parts)
            case None_(parts):
                return not any(self.truth(part, asked) for part in parts) and self._is_there(asked)

    def leaf(self, leaf: Leaf, asked: Asked) -> bool | None:
        """What a leaf is inside: true, false or unknown."""
        return self.value(leaf.expression, asked)

    def value(self, expression: Expression, asked: Asked) -> Any:
        """What an expression gives for a record."""
        return self._value(expression.tree, asked)

    def _value(self, tree: Node, asked: Asked) -> Any:
        here = self.here(asked)
        return None if here is None else value_of(tree, here)

    def here(self, asked: Asked) -> Here | None:
        """The record as a place to ask in; None where it is not there."""
        row = self.records.rows_at(asked.now).get(asked.object, {}).get(asked.record)
        return None if row is None else Here(self, asked, Scope(asked.object), row)

    def _is_there(self, asked: Asked) -> bool:
        return self.here(asked) is not None

    # ---- related rows

    def related(
        self, relation: str, asked: Asked, where: Expression | None = None, order_by: Expression | None = None
    ) -> list[str]:
        """The keys of the rows over a relation that pass `where`, in an order and then by key; each once.

        Inside `where` and `order_by` names are the related row's, as in an aggregate. It may be one row, or none.
        """
        here = self.here(asked)
        if here is None:
            return []
        rows = [r for r in here.related((relation,)) if where is None or value_of(where.tree, r) is True]
        if order_by is not None:
            call = aggregate_of(order_by.tree)
            rows = in_order(rows, call.order if call else ())
        return list(dict.fromkeys(row.asked.record for row in rows))

    def passing(self, object_: str, where: Expression | None, now: datetime) -> list[str]:
        """The keys of all records of an object that pass an expression about them, such as a pool of users."""
        keys = list(self.records.rows_at(now).get(object_, {}))
        return [k for k in keys if where is None or self.value(where, Asked(object_, k, now)) is True]

    def read(self, written: str, asked: Asked) -> Any:
        """The value of a dotted name as templates write it, such as `owner.name`, without the object before it."""
        parts = [exp.to_identifier(part) for part in written.split(".")]
        name = exp.column(*reversed(parts)) if len(parts) <= 4 else exp.Dot.build(cast("list[Any]", parts))
        return self._value(name, asked)

    # ---- calls about the record and its passage

    def entered_at(self, asked: Asked) -> datetime | None:
        return None if asked.participant is None else self.standing.entered_at(asked.participant)

    def call(self, call: Call, asked: Asked) -> Any:
        """A function that looks at more than its arguments."""
        if call.name in HISTORY:
            here = self.here(asked)
            assert here is not None
            return HISTORY[call.name](Past(self.records, asked.object, asked.record, call, here))
        if call.name in RESULTS:
            return self._result(call, asked)
        function = _CALLS.get(call.name)
        if function is None:
            raise NotInOracle(f"`{call.name}`")
        return function(self, call, asked)

    def _result(self, call: Call, asked: Asked) -> bool | str | None:
        """Of a record without a passage nothing is known."""
        if asked.participant is None:
            return None
        step = call.args[0].name
        if call.name == "outcome":
            return self.standing.outcome(asked.participant, step)
        return self.standing.result(asked.participant, step, call.name)

    def days_inside(self, _call: Call, asked: Asked) -> int | None:
        """Whole days since the entry."""
        entered = self.entered_at(asked)
        return None if entered is None else (self.clock.date(asked.now) - self.clock.date(entered)).days

    def at_entry(self, call: Call, asked: Asked) -> Any:
        """The value over the rows of the snapshot at which the participant entered; missing if nobody asked for it then."""
        if asked.participant is None:
            return None
        if meaning_of(self.project, asked.object, call.args[0]) not in self.standing.kept_at_entry(asked.participant):
            return None
        record = self.standing.record_at_entry(asked.participant)
        return self._value(call.args[0], Asked(asked.object, record, self.standing.entered_at(asked.participant)))

    def segment(self, call: Call, asked: Asked) -> bool:
        """A segment is its condition, and never unknown."""
        return self.truth(self.project.segments[call.args[0].name].when, replace(asked, participant=None))

    def in_workflow(self, call: Call, asked: Asked) -> bool:
        self._only_now(call, asked)
        return self.standing.in_workflow(call.args[0].name, asked.record)

    def completed_workflow(self, call: Call, asked: Asked) -> bool:
        self._only_now(call, asked)
        return self.standing.completed_workflow(call.args[0].name, asked.record)

    def _only_now(self, call: Call, asked: Asked) -> None:
        if asked.now != self.records.now:
            raise NotInOracle(f"`{call.name}` of the past, such as inside `at_entry`")

    # ---- held without a break

    def held_for(self, call: Call, asked: Asked) -> bool:
        """True now, and without a break since an evaluation that lies at least so long ago."""
        self._only_now(call, asked)
        if self._value(call.args[0], asked) is not True:
            return False
        key = (asked.object, meaning_of(self.project, asked.object, call.args[0]))
        since = self._held.get(key, {}).get(asked.record, asked.now)
        return self.clock.step(since, interval(call.args[1])) <= asked.now

    # ---- journeys

    def _stage(self, journey: Journey, asked: Asked) -> int | None:
        """The number of the first stage whose condition holds."""
        return next((i for i, stage in enumerate(journey.stages) if self.truth(stage.when, asked)), None)

    def _stage_of(self, call: Call, asked: Asked) -> tuple[str, Journey, int | None]:
        self._only_now(call, asked)
        name = call.args[0].name
        journey = self.project.journeys[name]
        return name, journey, self._stage(journey, replace(asked, participant=None))

    def _since(self, name: str, stage: str, asked: Asked) -> datetime:
        """The evaluation that first saw the record in the stage it is in."""
        known = self._stages.get(name, {}).get(asked.record)
        return known[1] if known is not None and known[0] == stage else asked.now

    def journey_stage(self, call: Call, asked: Asked) -> str | None:
        _, journey, stage = self._stage_of(call, asked)
        return None if stage is None else journey.stages[stage].name

    def days_in_stage(self, call: Call, asked: Asked) -> int | None:
        name, journey, stage = self._stage_of(call, asked)
        if stage is None:
            return None
        since = self._since(name, journey.stages[stage].name, asked)
        return (self.clock.date(asked.now) - self.clock.date(since)).days

    def days_left_in_stage(self, call: Call, asked: Asked) -> int | None:
        """Days until the duration is over, counted as a calendar step from the evaluation that saw it begin."""
        name, journey, stage = self._stage_of(call, asked)
        duration = None if stage is None else journey.stages[stage].duration
        if stage is None or duration is None:
            return None
        end = self.clock.step(self._since(name, journey.stages[stage].name, asked), _span(duration))
        return (self.clock.date(end) - self.clock.date(asked.now)).days

    def stage_goal(self, call: Call, asked: Asked) -> bool:
        """The record's stage has the goal, and its condition holds; never unknown."""
        _, journey, stage = self._stage_of(call, asked)
        goal = None if stage is None else journey.stages[stage].goals.get(call.args[1].name)
        return goal is not None and self.truth(goal, replace(asked, participant=None))

    # ---- remembering

    def evaluated(self, now: datetime, followed: Iterable[tuple[str, Condition]]) -> None:
        """An evaluation ends: remember since when conditions hold and records are in their stages.

        `followed` are conditions of older versions, with their objects, that somebody inside or watched is asked by.
        """
        held: dict[tuple[str, str], dict[str, datetime]] = {}
        for object_, tree in _held_conditions(self.project, followed):
            key = (object_, meaning_of(self.project, object_, tree))
            before = self._held.get(key, {})
            held[key] = {
                record: before.get(record, now)
                for record in self.records.keys(object_)
                if self._value(tree, Asked(object_, record, now)) is True
            }
        stages: dict[str, dict[str, tuple[str, datetime]]] = {}
        for name, journey in self.project.journeys.items():
            stages[name] = {}
            for record in self.records.keys(journey.object):
                asked = Asked(journey.object, record, now)
                stage = self._stage(journey, asked)
                if stage is not None:
                    stage_name = journey.stages[stage].name
                    stages[name][record] = (stage_name, self._since(name, stage_name, asked))
        self._held, self._stages = held, stages


_CALLS: dict[str, Callable[[Judge, Call, Asked], Any]] = {
    "segment": Judge.segment,
    "in_workflow": Judge.in_workflow,
    "completed_workflow": Judge.completed_workflow,
    "held_for": Judge.held_for,
    "journey_stage": Judge.journey_stage,
    "days_in_stage": Judge.days_in_stage,
    "days_left_in_stage": Judge.days_left_in_stage,
    "stage_goal": Judge.stage_goal,
    "days_inside": Judge.days_inside,
    "at_entry": Judge.at_entry,
}


def _span(duration: Duration) -> Span:
    return Span(duration.months, duration.days, duration.minutes)


def asked_about_entry(project: Project, workflow: Workflow) -> frozenset[str]:
    """What a workflow's conditions ask about the entry."""
    trees = (leaf.expression.tree for condition in conditions_of(workflow) for leaf in leaves(condition))
    calls = (call_of(node) for tree in trees for node in tree.find_all(exp.Anonymous))
    return frozenset(
        meaning_of(project, workflow.object, call.args[0])
        for call in calls
        if call is not None and call.name == "at_entry"
    )


def meaning_of(project: Project, object_: str, tree: Node) -> str:
    """What is asked, with the segments, journeys and computed fields that it leads to: an edit of one asks something else."""
    found = [tree.sql(dialect="duckdb")]
    for name, about, inner in _led_to(project, object_, tree):
        found.append(f"{name}: {meaning_of(project, about, inner)}")
    return "; ".join(found)


def _led_to(project: Project, object_: str, tree: Node) -> Iterator[tuple[str, str, Node]]:
    """The expressions of segments, journeys and computed fields that a tree names, each with its name and its object."""
    computed = project.catalog[object_].computed
    for node in tree.walk():
        call = call_of(node)
        if call is not None and call.name == "segment":
            segment = project.segments[call.args[0].name]
            yield from _texts(call.args[0].name, segment.object, segment.when)
        if call is not None and call.name in JOURNEY:
            journey = project.journeys[call.args[0].name]
            for stage in journey.stages:
                yield from _texts(f"{stage.name} {stage.duration}", journey.object, stage.when)
                for goal, condition in stage.goals.items():
                    yield from _texts(f"{stage.name} {goal}", journey.object, condition)
        if isinstance(node, exp.Column) and node.name in computed:
            yield node.name, object_, computed[node.name].tree


def _texts(name: str, object_: str, condition: Condition) -> Iterator[tuple[str, str, Node]]:
    """The leaves of a condition, each named with the groups that it stands in."""
    if isinstance(condition, Leaf):
        yield name, object_, condition.expression.tree
    else:
        for part in condition.parts:
            yield from _texts(f"{name} {type(condition).__name__}", object_, part)


def _held_conditions(project: Project, followed: Iterable[tuple[str, Condition]]) -> Iterator[tuple[str, Node]]:
    """Every condition inside a `held_for` that something live or followed asks, with the object it is about."""
    for object_, tree in _live(project, followed):
        for node in tree.find_all(exp.Anonymous):
            call = call_of(node)
            if call is not None and call.name == "held_for":
                yield object_, call.args[0]


def _live(project: Project, followed: Iterable[tuple[str, Condition]]) -> Iterator[tuple[str, Node]]:
    """Expressions of workflows and journeys, and of the segments and computed fields that these lead to."""
    conditions = [(j.object, c) for j in project.journeys.values() for c in j.conditions()]
    conditions += [(w.object, c) for w in project.workflows.values() for c in conditions_of(w)]
    conditions += followed
    ahead = [(w.object, e.tree) for w in project.workflows.values() for e in expressions_of(w)]
    ahead += [(o, leaf.expression.tree) for o, condition in conditions for leaf in leaves(condition)]
    seen: set[tuple[str, int]] = set()
    while ahead:
        object_, tree = ahead.pop()
        if (object_, id(tree)) not in seen:
            seen.add((object_, id(tree)))
            ahead += [(about, inner) for _, about, inner in _led_to(project, object_, tree)]
            yield object_, tree


def asks_passage(condition: Condition) -> bool:
    """The condition asks about a passage, and means nothing where there is none yet."""
    for leaf in leaves(condition):
        for node in leaf.expression.tree.walk():
            call = call_of(node)
            if call is not None and call.name in PARTICIPANT:
                return True
            if isinstance(node, exp.Column) and node.sql() == "entered_at":
                return True
    return False
