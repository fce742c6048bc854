"""One leaf -> one expression over the record's row, and what that row must be joined with.

Every rule about NULL is decided here, once: a leaf's unknown becomes false at its edge, counts and sums of nothing are
zero, division by zero is missing, a date meets an instant by its local date.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import cast

from sqlglot import exp

from definitions.catalog import Catalog, Hop
from definitions.checking import type_in
from definitions.conditions import DIALECT, All, Any_, Condition, Leaf, None_
from definitions.grammar import (
    AggregateCall,
    Call,
    Name,
    Scope,
    Unresolved,
    aggregate_of,
    call_of,
    parts_of,
    relation_of,
    resolve,
    rewrite,
)
from definitions.project import Project
from sql.aggregates import Aggregate, Aggregates, Group, cast_to, reference
from sql.names import RESERVED

RECORD, RELATED, ROOT = "r", "t", "o"
"""Aliases: the record itself; inside an aggregate, the related row and the record it belongs to."""


@dataclass
class Needs:
    """What the expressions of one object need beside the record's own row. Filled while leaves are compiled."""

    object: str
    project: Project
    aggregates: Aggregates = field(default_factory=Aggregates)
    joins: dict[str, tuple[str, Hop]] = field(default_factory=dict[str, tuple[str, Hop]])
    groups: dict[str, tuple[str, Group]] = field(default_factory=dict[str, tuple[str, Group]])
    previous: set[str] = field(default_factory=set[str])
    uses_previous: bool = False
    held: dict[int, exp.Expr] = field(default_factory=dict[int, exp.Expr])

    @property
    def catalog(self) -> Catalog:
        """The project's catalog."""
        return self.project.catalog


@dataclass(frozen=True)
class _Place:
    """Where an expression stands: its scope, the aliases it reads from, and where joins are noted."""

    scope: Scope
    here: str
    needs: Needs
    joins: dict[str, tuple[str, Hop]]
    root_used: set[str]


def number_of(object_: str, kind: str, sql: str) -> int:
    """The stable number of an expression on an object: 60 bits of a hash, the same on every machine."""
    return int(hashlib.md5(f"{object_}\n{kind}\n{sql}".encode()).hexdigest()[:15], 16)


def canonical(condition: Condition) -> str:
    """A condition as one text; equal texts mean the same."""
    match condition:
        case Leaf(expression):
            return expression.sql
        case All(parts) | Any_(parts) | None_(parts):
            inner = ", ".join(canonical(part) for part in parts)
            return f"{type(condition).__name__.strip('_').lower()}({inner})"


def condition_number(condition: Condition, object_: str, project: Project) -> int:
    """The number of a condition; a segment's or computed field's definition is part of it."""
    needs = Needs(object_, project)
    return number_of(
        object_, "condition", compile_condition(condition, needs).sql(dialect=DIALECT) + needs.aggregates.text()
    )


def compile_condition(condition: Condition, needs: Needs) -> exp.Expr:
    """A tree of leaves as one boolean that is never NULL."""
    match condition:
        case Leaf(expression):
            return _edge(_compile(expression.tree, _record_place(needs)))
        case All(parts):
            return exp.and_(*(exp.paren(compile_condition(p, needs), copy=False) for p in parts), copy=False)
        case Any_(parts):
            return exp.or_(*(exp.paren(compile_condition(p, needs), copy=False) for p in parts), copy=False)
        case None_(parts):
            return exp.not_(exp.paren(compile_condition(Any_(parts), needs), copy=False), copy=False)


def compile_value(tree: exp.Expr, needs: Needs) -> exp.Expr:
    """An expression of any type over the record."""
    return _compile(tree, _record_place(needs))


def compile_choice(relation: str, where: exp.Expr | None, order: tuple[exp.Ordered, ...], needs: Needs) -> exp.Expr:
    """The key of the first related record that passes `where`, in an order: a recipient."""
    path = (relation,)
    hops = needs.catalog.checked(needs.object, path)
    key = exp.column(needs.catalog[hops[-1].target].key)
    return _run_aggregate(AggregateCall("first", key, False, order, where), path, _record_place(needs))


def _record_place(needs: Needs) -> _Place:
    return _Place(Scope(needs.object), RECORD, needs, needs.joins, set())


def _edge(truth: exp.Expr) -> exp.Expr:
    return exp.func("COALESCE", truth, exp.false(), dialect=DIALECT)


def column(name: str, table: str) -> exp.Expr:
    """A column of the catalog's, quoted where its name is a word of SQL."""
    return exp.Column(this=exp.to_identifier(name, quoted=name in RESERVED), table=exp.to_identifier(table))


def as_of() -> exp.Expr:
    """The evaluation's instant."""
    return cast_to(exp.Placeholder(this="as_of"), "TIMESTAMPTZ")


def today() -> exp.Expr:
    """The evaluation's date in the session's timezone, which is the project's."""
    return cast_to(as_of(), "DATE")


def _compile(tree: exp.Expr, place: _Place) -> exp.Expr:
    return rewrite(tree, lambda node: _visit(node, place))


def _visit(node: exp.Expr, place: _Place) -> exp.Expr | None:
    aggregate = aggregate_of(node)
    if aggregate is not None:
        path = relation_of(aggregate, place.needs.catalog, place.scope)
        return _run_aggregate(aggregate, cast("tuple[str, ...]", path), place)
    call = call_of(node)
    if call is not None:
        return _call(call, place)
    match node:
        case exp.Column() | exp.Dot():
            return _name(resolve(parts_of(node), place.needs.catalog, place.scope), place)
        case exp.Div() | exp.Mod():
            divisor = exp.func("NULLIF", _compile(node.expression, place), exp.Literal.number(0), dialect=DIALECT)
            return type(node)(this=_compile(node.this, place), expression=divisor, typed=False, safe=False)
        case exp.Add() | exp.Sub() if _type(node, place) == "date":
            moved = type(node)(this=_compile(node.this, place), expression=_compile(node.expression, place))
            return cast_to(exp.paren(moved, copy=False), "DATE")
        case exp.Cast() if _type(node, place) == "timestamp":
            return cast_to(_compile(node.this, place), "TIMESTAMPTZ")
        case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE() | exp.NullSafeEQ() | exp.NullSafeNEQ():
            left, right = _aligned([node.this, node.expression], place)
            return type(node)(this=left, expression=right)
        case exp.Between():
            value, low, high = _aligned([node.this, node.args["low"], node.args["high"]], place)
            return exp.Between(this=value, low=low, high=high)
        case _:
            return None


def _type(node: exp.Expr, place: _Place) -> str:
    return type_in(node, place.needs.catalog, place.scope)


def _aligned(operands: list[exp.Expr], place: _Place) -> list[exp.Expr]:
    """Plain dates are never shifted: where a date meets an instant, the instant's local date is compared."""
    types = [_type(operand, place) for operand in operands]
    made = [_compile(operand, place) for operand in operands]
    if "date" not in types or "timestamp" not in types:
        return made
    return [cast_to(m, "DATE") if t == "timestamp" else m for m, t in zip(made, types, strict=True)]


def _name(found: Name | Unresolved, place: _Place) -> exp.Expr:
    assert isinstance(found, Name)  # the checker has refused everything else
    alias = ROOT if found.from_root else place.here
    if found.from_root:
        place.root_used.add(ROOT)
    for hop in found.hops:
        joined = f"{alias}__{hop.name}"
        place.joins.setdefault(joined, (alias, hop))
        alias = joined
    if found.computed:
        tree = place.needs.catalog[found.object].computed[found.field].tree
        inner = _Place(Scope(found.object), alias, place.needs, place.joins, place.root_used)
        return exp.paren(_compile(tree, inner), copy=False)
    return column(found.field, alias)


def _call(call: Call, place: _Place) -> exp.Expr | None:
    needs = place.needs
    match call.name:
        case "now":
            return as_of()
        case "today":
            return today()
        case "days_since":
            return exp.paren(exp.Sub(this=today(), expression=_as_date(call.args[0], place)), copy=False)
        case "days_until":
            return exp.paren(exp.Sub(this=_as_date(call.args[0], place), expression=today()), copy=False)
        case "len" if call.args:
            return exp.func("LEN", _compile(call.args[0], place), dialect=DIALECT)
        case "segment":
            return exp.paren(compile_condition(needs.project.segments[call.args[0].name].when, needs), copy=False)
        case "created":
            needs.uses_previous = True
            return _and(_previous_is_null(needs, True), _has_previous())
        case "changed" | "changed_to" | "changed_from":
            return _changed(call, place)
        case "held_for":
            return _held_for(call, place)
        case _:
            return None


def _as_date(node: exp.Expr, place: _Place) -> exp.Expr:
    return cast_to(_compile(node, place), "DATE")


def _and(*parts: exp.Expr) -> exp.Expr:
    return exp.paren(exp.and_(*parts, copy=False), copy=False)


def _has_previous() -> exp.Expr:
    """There was an evaluation before: the first snapshot changes nothing."""
    instant = cast_to(exp.Placeholder(this="previous_snapshot"), "TIMESTAMPTZ")
    return exp.not_(exp.Is(this=instant, expression=exp.null()), copy=False)


def _previous_is_null(needs: Needs, wanted: bool) -> exp.Expr:
    key = column(needs.catalog[needs.object].key, "previous")
    missing = exp.Is(this=key, expression=exp.null())
    return missing if wanted else exp.not_(missing, copy=False)


def _changed(call: Call, place: _Place) -> exp.Expr:
    needs = place.needs
    name = parts_of(call.args[0])[-1]
    needs.uses_previous = True
    needs.previous.add(name)
    now, before = column(name, RECORD), column(name, "previous")
    wanted: dict[str, exp.Expr] = {**call.named}
    if call.name != "changed":
        wanted["to" if call.name == "changed_to" else "from"] = call.args[1]
    parts: list[exp.Expr] = [_previous_is_null(needs, False), exp.NullSafeNEQ(this=now, expression=before)]
    if "to" in wanted:
        parts.append(exp.EQ(this=now.copy(), expression=_compile(wanted["to"], place)))
    if "from" in wanted:
        parts.append(exp.EQ(this=before.copy(), expression=_compile(wanted["from"], place)))
    return _and(*parts)


def _held_for(call: Call, place: _Place) -> exp.Expr:
    """True now, and the spell that is open began at least that long ago. A spell that begins now has lasted no time."""
    needs = place.needs
    inner = _edge(_compile(call.args[0], place))
    alone = Needs(needs.object, needs.project)
    sql = _compile(call.args[0], _record_place(alone)).sql(dialect=DIALECT)
    number = number_of(needs.object, "held", sql + alone.aggregates.text())
    needs.held[number] = inner
    since = exp.column("matched_from", table=held_alias(number))
    ended = exp.Add(this=since, expression=call.args[1].copy())
    return _and(inner.copy(), exp.LTE(this=exp.paren(ended, copy=False), expression=as_of()))


def held_alias(number: int) -> str:
    """The alias under which a held condition's open spell is joined."""
    return f"held_{number}"


def _run_aggregate(call: AggregateCall, path: tuple[str, ...], place: _Place) -> exp.Expr:
    needs, source = place.needs, place.scope.object
    hops = needs.catalog.checked(source, path)
    target = hops[-1].target
    group = needs.aggregates.group(source, path, tuple(hops))
    alias = f"{place.here}__{group.name}"
    needs.groups.setdefault(alias, (place.here, group))
    inside = _Place(place.scope.inside(target, path), RELATED, needs, group.joins, group.root_used)
    bare = isinstance(call.argument, exp.Column | exp.Dot) and parts_of(call.argument) == path
    made = Aggregate(
        call.name,
        argument=None if bare else _compile(call.argument, inside),
        key=column(needs.catalog[target].key, RELATED),
        distinct=call.distinct,
        where=None if call.where is None else _compile(call.where, inside),
        order=tuple((_compile(item.this, inside), bool(item.args.get("desc"))) for item in call.order),
        decimal=not bare and _type(call.argument, inside) == "number",
    )
    return reference(made, group, alias)
