"""One leaf -> one expression over the record's row, and what that row must be joined with.

Every rule about NULL is decided here, once: a leaf's unknown becomes false at its edge, counts and sums of nothing are
zero, division by zero is missing, a date meets an instant by its local date.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from sqlglot import exp

from definitions.catalog import Catalog
from definitions.conditions import DIALECT, All, Any_, Condition, Leaf, None_, leaves
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
from definitions.vocabulary import JOURNEY, MEMBERSHIP, PARTICIPANT, RESULTS
from definitions.workflow import Each, Recipient
from sql import standing
from sql.aggregates import Aggregate, Group, cast_to, reference
from sql.history import HISTORY
from sql.places import (
    PARTICIPANT_ROW,
    RECORD,
    RELATED,
    ROOT,
    Needs,
    Place,
    Reading,
    as_of,
    column,
    edge,
    in_brackets,
    number_of,
    today,
    type_at,
)


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
    return _condition(condition, _record_place(needs))


def _condition(condition: Condition, place: Place) -> exp.Expr:
    match condition:
        case Leaf(expression):
            return edge(_compile(expression.tree, place))
        case All(parts):
            return exp.and_(*(exp.paren(_condition(p, place), copy=False) for p in parts), copy=False)
        case Any_(parts):
            return exp.or_(*(exp.paren(_condition(p, place), copy=False) for p in parts), copy=False)
        case None_(parts):
            return exp.not_(exp.paren(_condition(Any_(parts), place), copy=False), copy=False)


def is_personal(condition: Condition, object_: str, catalog: Catalog) -> bool:
    """Does a condition ask about a participant, and not only about its record."""
    return any(_asks_participant(leaf.expression.tree, object_, catalog) for leaf in leaves(condition))


def _asks_participant(tree: exp.Expr, object_: str, catalog: Catalog) -> bool:
    for node in tree.walk():
        if isinstance(node, exp.Anonymous) and str(node.this).lower() in PARTICIPANT:
            return True
        if isinstance(node, exp.Column) and parts_of(node) == ("entered_at",):
            return catalog[object_].spec("entered_at") is None
    return False


def compile_value(tree: exp.Expr, needs: Needs) -> exp.Expr:
    """An expression of any type over the record."""
    return _compile(tree, _record_place(needs))


def compile_choice(recipient: Recipient, needs: Needs) -> exp.Expr:
    """The key of a recipient: the first related record that passes, in an order; else the fallback's."""
    place = _record_place(needs)
    found = _chosen(recipient, place)
    if recipient.fallback is None:
        return found
    return exp.func("COALESCE", found, _one_key(recipient.fallback, place), dialect=DIALECT)


def compile_row_filter(each: Each, group: Group, needs: Needs) -> exp.Expr | None:
    """Which related rows become participants, over the alias of the related row."""
    if each.where is None:
        return None
    place = _record_place(needs)
    scope = place.scope.inside(group.hops[-1].target, (each.relation,))
    return _compile(
        each.where.tree, Place(scope, RELATED, needs, group.joins, group.groups, group.root_used, READING, layer=1)
    )


def _chosen(recipient: Recipient, place: Place) -> exp.Expr:
    path = (recipient.relation,)
    hops = place.needs.catalog.checked(place.needs.object, path)
    if not any(hop.many for hop in hops):
        return _one_key(recipient.relation, place)
    where = recipient.where.tree if recipient.where else None
    order = tuple(recipient.order_by.tree.find_all(exp.Ordered)) if recipient.order_by else ()
    key = exp.column(place.needs.catalog[hops[-1].target].key)
    return _run_aggregate(AggregateCall("first", key, False, order, where), path, place)


def _one_key(relation: str, place: Place) -> exp.Expr:
    """The key of the record that a many-to-one relation leads to; missing where that record is not there."""
    hops = tuple(place.needs.catalog.checked(place.needs.object, (relation,)))
    target = place.needs.catalog[hops[-1].target]
    return _name(Name(target.object, target.key, hops), place)


def _record_place(needs: Needs) -> Place:
    return Place(Scope(needs.object), RECORD, needs, needs.joins, needs.groups, set(), READING)


def _compile(tree: exp.Expr, place: Place) -> exp.Expr:
    return rewrite(tree, lambda node: _visit(node, place))


def _visit(node: exp.Expr, place: Place) -> exp.Expr | None:
    aggregate = aggregate_of(node)
    if aggregate is not None:
        path = relation_of(aggregate, place.needs.catalog, place.scope)
        return _run_aggregate(aggregate, cast("tuple[str, ...]", path), place)
    call = call_of(node)
    if call is not None:
        return _call(call, place)
    match node:
        case exp.Column() if parts_of(node) == ("entered_at",) and _asks_participant(
            node, place.scope.object, place.needs.catalog
        ):
            return exp.column("entered_at", table=PARTICIPANT_ROW)
        case exp.Column() | exp.Dot():
            return _name(resolve(parts_of(node), place.needs.catalog, place.scope), place)
        case exp.Div() | exp.Mod():
            divisor = exp.func("NULLIF", _compile(node.expression, place), exp.Literal.number(0), dialect=DIALECT)
            return type(node)(this=_compile(node.this, place), expression=divisor, typed=False, safe=False)
        case exp.Add() | exp.Sub() | exp.Mul() if type_at(node, place) == "integer":
            return _whole(type(node), place.compile(node.this), place.compile(node.expression))
        case exp.Add() | exp.Sub() if type_at(node, place) == "date":
            moved = type(node)(this=_compile(node.this, place), expression=_compile(node.expression, place))
            return cast_to(exp.paren(moved, copy=False), "DATE")
        case exp.DateTrunc() | exp.TimestampTrunc() if type_at(node, place) == "date":
            cut = node.copy()
            cut.set("this", _compile(node.this, place))
            return cast_to(cut, "DATE")
        case exp.Cast() if type_at(node, place) == "timestamp":
            return cast_to(_compile(node.this, place), "TIMESTAMPTZ")
        case exp.EQ() | exp.NEQ() | exp.GT() | exp.GTE() | exp.LT() | exp.LTE() | exp.NullSafeEQ() | exp.NullSafeNEQ():
            left, right = _aligned([node.this, node.expression], place)
            return type(node)(this=in_brackets(left), expression=in_brackets(right))
        case exp.Between():
            value, low, high = _aligned([node.this, node.args["low"], node.args["high"]], place)
            return exp.Between(this=value, low=low, high=high)
        case _:
            return None


def _whole(operator: type[exp.Expr], left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Arithmetic of whole numbers: past their range it is missing, where the engine would stop the evaluation of all."""
    parts = [part.expressions[0] if _is_tried(part) else part for part in (left, right)]
    return exp.Anonymous(this="TRY", expressions=[operator(this=parts[0], expression=parts[1])])


def _is_tried(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name == "TRY"


def _aligned(operands: list[exp.Expr], place: Place) -> list[exp.Expr]:
    """Plain dates are never shifted: where a date meets an instant, the instant's local date is compared."""
    types = [type_at(operand, place) for operand in operands]
    made = [_compile(operand, place) for operand in operands]
    if "date" not in types or "timestamp" not in types:
        return made
    return [cast_to(m, "DATE") if t == "timestamp" else m for m, t in zip(made, types, strict=True)]


def _name(found: Name | Unresolved, place: Place) -> exp.Expr:
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
        # the root of an aggregate is not joined again: what a computed field of the root asks is asked of its alias
        inner = replace(place, scope=Scope(found.object), here=alias)
        made = exp.paren(_compile(tree, inner), copy=False)
        if not found.hops:
            return made
        # what is not there has no fields, computed ones neither
        there = exp.not_(exp.Is(this=column(place.needs.catalog[found.object].key, alias), expression=exp.null()))
        return exp.paren(exp.case().when(there, made), copy=False)
    return column(found.field, alias)


def _call(call: Call, place: Place) -> exp.Expr | None:
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
        case "anniversary":
            return standing.anniversary(_as_date(call.args[0], place))
        case "len" if call.args:
            return exp.func("LEN", _compile(call.args[0], place), dialect=DIALECT)
        case "segment":
            return exp.paren(_condition(needs.project.segments[call.args[0].name].when, place), copy=False)
        case name if name in MEMBERSHIP:
            return standing.membership(call, place)
        case name if name in JOURNEY:
            return standing.journey(call, place)
        case "days_inside":
            entered = cast_to(exp.column("entered_at", table=PARTICIPANT_ROW), "DATE")
            return exp.paren(exp.Sub(this=today(), expression=entered), copy=False)
        case "at_entry":
            return standing.at_entry(call, place)
        case name if name in RESULTS:
            return standing.result(call, place)
        case name if name in HISTORY:
            return HISTORY[name](call, place)
        case "held_for":
            return standing.held_for(call, place)
        case _:
            return None


def _as_date(node: exp.Expr, place: Place) -> exp.Expr:
    return cast_to(_compile(node, place), "DATE")


def entry_number(tree: exp.Expr, object_: str, project: Project) -> int:
    """The number of a value that is stored at entry."""
    return standing.entry_value(tree, _record_place(Needs(object_, project)))


def _run_aggregate(call: AggregateCall, path: tuple[str, ...], place: Place) -> exp.Expr:
    needs, source = place.needs, place.scope.object
    hops = needs.catalog.checked(source, path)
    target = hops[-1].target
    group = needs.aggregates.group(source, path, tuple(hops), place.layer)
    alias = f"{place.here}__{group.name}"
    place.groups.setdefault(alias, (place.here, group))
    if place.here == ROOT:
        place.root_used.add(ROOT)
    scope = place.scope.inside(target, path)
    inside = Place(scope, RELATED, needs, group.joins, group.groups, group.root_used, READING, group.layer + 1)
    bare = isinstance(call.argument, exp.Column | exp.Dot) and parts_of(call.argument) == path
    made = Aggregate(
        call.name,
        argument=None if bare else _compile(call.argument, inside),
        key=column(needs.catalog[target].key, RELATED),
        distinct=call.distinct,
        where=None if call.where is None else _compile(call.where, inside),
        order=tuple((_compile(item.this, inside), bool(item.args.get("desc"))) for item in call.order),
        decimal=not bare and type_at(call.argument, inside) == "number",
    )
    return reference(made, group, alias)


READING = Reading(_compile, _condition)
