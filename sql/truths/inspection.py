"""Conditions taken apart: each leaf by itself, before its edge, and each value in it, for many records or for one.

The very statements of an evaluation prepare it (earlier values, relations grouped once), so a leaf is here what it is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from sqlglot import exp

from definitions.conditions import DIALECT, All, Any_, Condition, Leaf, None_
from definitions.grammar import Call, aggregate_of, call_of, parts_of
from definitions.project import Project
from definitions.vocabulary import JOURNEY, MEMBERSHIP, PARTICIPANT, TRACKED
from definitions.wording import worded
from sql.aggregates import cast_to
from sql.leaves import compile_condition, compile_value
from sql.places import PARTICIPANT_ROW, RECORD, Needs, column, held_alias
from sql.statements import Statement, load_statements
from sql.truths.grouping import all_columns, group_statements
from sql.truths.plan import ObjectPlan, TruthPlan
from sql.truths.statements import (
    asked_statements,
    participant_query,
    previous_statements,
    wide_query,
)

_PREPARING = ("watched_participants", "members", "step_results")
PartKind = Literal["leaf", "segment", "all", "any", "none"]
_SHOWN = frozenset(
    {
        "today",
        "now",
        "segment",
        "anniversary",
        "previous",
        "value_at",
        *MEMBERSHIP,
        *JOURNEY,
        *PARTICIPANT,
    }
)
"""Calls whose value says more than those of their parts."""


@dataclass(frozen=True)
class Part:
    """A node of a condition: its column of truth, the columns of the values it sees, and what it is made of."""

    kind: PartKind
    text: str
    column: int
    values: tuple[tuple[str, int], ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass
class Inspection:
    """Conditions of one object, taken apart as they are added. Columns are counted from 1."""

    project: Project
    object: str
    participant: bool = False
    columns: list[exp.Expr] = field(default_factory=list[exp.Expr])
    values: list[exp.Expr] = field(default_factory=list[exp.Expr])
    _truths: TruthPlan = field(init=False)
    _known: dict[str, int] = field(default_factory=dict[str, int], init=False)

    def __post_init__(self) -> None:
        self._truths = TruthPlan(self.project)

    @property
    def _object(self) -> ObjectPlan:
        return self._truths.object(self.object)

    def add(self, condition: Condition) -> Part:
        """Take a condition apart; a segment that stands alone is taken apart too."""
        match condition:
            case Leaf(expression):
                segment = _segment_alone(expression.tree)
                if segment is not None:
                    inner = (self.add(self.project.segments[segment].when),)
                    return Part("segment", worded(expression.tree), self._truth(expression.tree), parts=inner)
                return Part(
                    "leaf", worded(expression.tree), self._truth(expression.tree), self._values(expression.tree)
                )
            case All(parts) | Any_(parts) | None_(parts):
                kind: PartKind = (
                    "all" if isinstance(condition, All) else "any" if isinstance(condition, Any_) else "none"
                )
                self.columns.append(compile_condition(condition, self._object.needs))
                number = len(self.columns)
                return Part(kind, "", number, parts=tuple(self.add(part) for part in parts))

    def _truth(self, tree: exp.Expr) -> int:
        self.columns.append(compile_value(tree, self._object.needs))
        return len(self.columns)

    def _values(self, tree: exp.Expr) -> tuple[tuple[str, int], ...]:
        found: dict[str, int] = {}
        for text, made in self._seen(tree):
            if text not in self._known:
                self.values.append(made)
                self._known[text] = len(self.values)
            found[text] = self._known[text]
        return tuple(found.items())

    def _seen(self, node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
        """The values a leaf sees: fields, computed fields, aggregates, and what a field was before."""
        call, aggregate = call_of(node), aggregate_of(node)
        if aggregate is not None and aggregate.name == "exists":
            node = node.copy().transform(_counting)  # how many says more than whether
        if (
            aggregate is not None
            or isinstance(node, exp.Column | exp.Dot)
            or (call is not None and call.name in _SHOWN)
        ):
            yield worded(node), compile_value(node, self._object.needs)
        elif call is not None and call.name in TRACKED:
            yield from self._change(call)
        elif call is not None and call.name == "held_for":
            yield from self._seen(call.args[0])
            alone = Needs(self.object, self.project)
            compile_value(node, alone)
            yield from (("held since", exp.column("matched_from", table=held_alias(n))) for n in alone.held)
        elif isinstance(node, exp.Kwarg):
            yield from self._seen(node.expression)
        else:
            for child in node.iter_expressions():
                yield from self._seen(child)

    def _change(self, call: Call) -> Iterator[tuple[str, exp.Expr]]:
        name = parts_of(call.args[0])[-1]
        yield name, column(name, RECORD)
        if "within" not in call.named and call.name != "was_ever":
            yield f"previous {name}", column(name, "previous")
        for argument in call.args[1:]:
            yield from self._seen(argument)

    def statements(self, among_affected: bool = False) -> Iterator[Statement]:
        """What must be run before one of the queries; with `among_affected` only for records in the table `affected`."""
        yield from asked_statements(self._truths, "inspection")
        yield from (s for s in load_statements("evaluation") if s.name in _PREPARING)
        truths = replace(self._truths, is_increment=among_affected)
        yield from previous_statements(truths, "inspection")
        yield from group_statements(truths, self._object, all_columns(self._object.needs), "inspection", "")

    def counts(self) -> Statement:
        """A query for one row: `records`, and for each column n how many are true (`t<n>`) and false (`f<n>`)."""
        truths = self._query(self.columns).subquery("judged")
        found: list[exp.Expr] = [exp.alias_(exp.Count(this=exp.Star()), "records")]
        for n in range(1, len(self.columns) + 1):
            true, false = exp.column(f"x{n}"), exp.not_(exp.column(f"x{n}"))
            found.append(exp.alias_(exp.Count(this=exp.case().when(true, exp.Literal.number(1))), f"t{n}"))
            found.append(exp.alias_(exp.Count(this=exp.case().when(false, exp.Literal.number(1))), f"f{n}"))
        query = exp.select(*found).from_(truths)
        sentence = "For each part of the conditions, how many records make it true and false."
        return Statement("inspection", "counts", sentence, query.sql(dialect=DIALECT, pretty=True))

    def record(self) -> Statement:
        """A query for the row of `$record`: `x<n>` for each column, and behind them each value as JSON text.

        Where conditions ask about a participant, it is the row of `$participant_id`.
        """
        numbered = self._numbered()
        if self.participant:
            who = exp.column("participant_id", table=PARTICIPANT_ROW)
            query = participant_query(self._object, numbered)
            query = query.where(exp.EQ(this=who, expression=exp.Placeholder(this="participant_id")))
        else:
            query = wide_query(self._object, numbered)
        key = cast_to(column(self.project.catalog[self.object].key, RECORD), "VARCHAR")
        query = query.where(exp.EQ(this=key, expression=exp.Placeholder(this="record")))
        sentence = "Each part of the conditions and each value in them, for one record."
        return Statement("inspection", "record", sentence, query.sql(dialect=DIALECT, pretty=True))

    def records(self) -> Statement:
        """The same for the records in the table `affected`, which the column `record` names."""
        query = wide_query(self._object, self._numbered(), scope="affected")
        sentence = "Each part of the conditions and each value in them, for some records."
        return Statement("inspection", "records", sentence, query.sql(dialect=DIALECT, pretty=True))

    def _numbered(self) -> list[tuple[int, exp.Expr]]:
        values = [cast_to(exp.func("TO_JSON", tree.copy(), dialect=DIALECT), "VARCHAR") for tree in self.values]
        return list(enumerate([*self.columns, *values], start=1))

    def _query(self, trees: list[exp.Expr]) -> exp.Select:
        return wide_query(self._object, list(enumerate(trees, start=1)))


def _counting(node: exp.Expr) -> exp.Expr:
    return exp.Count(this=node.this) if isinstance(node, exp.Exists) else node


def _segment_alone(tree: exp.Expr) -> str | None:
    call = call_of(tree)
    return call.args[0].name if call is not None and call.name == "segment" else None
