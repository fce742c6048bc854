"""One leaf -> one expression over the record's row, and what that row must be joined with.

Every rule about NULL is decided here, once: a leaf's unknown becomes false at its edge, counts and sums of nothing are
zero, division by zero is missing, a date meets an instant by its local date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from sqlglot import exp

from definitions.catalog import Catalog, Hop
from definitions.checking import type_in
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
from definitions.vocabulary import PARTICIPANT, RESULTS
from definitions.workflow import Each, Recipient
from sql.aggregates import Aggregate, Aggregates, Group, cast_to, reference
from sql.names import RESERVED

RECORD, RELATED, ROOT = "r", "t", "o"
"""Aliases: the record itself; inside an aggregate, the related row and the record it belongs to."""
PARTICIPANT_ROW = "p"
"""The alias of the participant, where there is one."""


@dataclass
class Needs:
    """What the expressions of one object need beside the record's own row. Filled while leaves are compiled."""

    object: str
    project: Project
    aggregates: Aggregates = field(default_factory=Aggregates)
    joins: dict[str, tuple[str, Hop]] = field(default_factory=dict[str, tuple[str, Hop]])
    groups: dict[str, tuple[str, Group]] = field(default_factory=dict[str, tuple[str, Group]])
    previous: set[str] = field(default_factory=set[str])
    changed: set[str] = field(default_factory=set[str])
    held: dict[int, exp.Expr] = field(default_factory=dict[int, exp.Expr])
    members: set[str] = field(default_factory=set[str])
    entry_values: dict[int, exp.Expr] = field(default_factory=dict[int, exp.Expr])
    results: set[str] = field(default_factory=set[str])
    flags: set[str] = field(default_factory=set[str])

    @property
    def uses_previous(self) -> bool:
        """Does anything look at the previous evaluation's records."""
        return "previous" in self.flags

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
    groups: dict[str, tuple[str, Group]]
    root_used: set[str]
    layer: int = 0


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
    return _condition(condition, _record_place(needs))


def _condition(condition: Condition, place: _Place) -> exp.Expr:
    match condition:
        case Leaf(expression):
            return _edge(_compile(expression.tree, place))
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
    return _compile(each.where.tree, _Place(scope, RELATED, needs, group.joins, group.groups, group.root_used, layer=1))


def _chosen(recipient: Recipient, place: _Place) -> exp.Expr:
    path = (recipient.relation,)
    hops = place.needs.catalog.checked(place.needs.object, path)
    if not any(hop.many for hop in hops):
        return _one_key(recipient.relation, place)
    where = recipient.where.tree if recipient.where else None
    order = tuple(recipient.order_by.tree.find_all(exp.Ordered)) if recipient.order_by else ()
    key = exp.column(place.needs.catalog[hops[-1].target].key)
    return _run_aggregate(AggregateCall("first", key, False, order, where), path, place)


def _one_key(relation: str, place: _Place) -> exp.Expr:
    """The key of the record that a many-to-one relation leads to; missing where that record is not there."""
    hops = tuple(place.needs.catalog.checked(place.needs.object, (relation,)))
    target = place.needs.catalog[hops[-1].target]
    return _name(Name(target.object, target.key, hops), place)


def _record_place(needs: Needs) -> _Place:
    return _Place(Scope(needs.object), RECORD, needs, needs.joins, needs.groups, set())


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
        case exp.Column() if parts_of(node) == ("entered_at",) and _asks_participant(
            node, place.scope.object, place.needs.catalog
        ):
            return exp.column("entered_at", table=PARTICIPANT_ROW)
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
        # the root of an aggregate is not joined again: what a computed field of the root asks is asked of its alias
        inner = _Place(Scope(found.object), alias, place.needs, place.joins, place.groups, place.root_used, place.layer)
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
        case "anniversary":
            return _anniversary(_as_date(call.args[0], place))
        case "len" if call.args:
            return exp.func("LEN", _compile(call.args[0], place), dialect=DIALECT)
        case "segment":
            return exp.paren(_condition(needs.project.segments[call.args[0].name].when, place), copy=False)
        case "in_workflow" | "completed_workflow":
            needs.members.add(call.args[0].name)
            flag = "is_inside" if call.name == "in_workflow" else "has_completed"
            return _edge(exp.column(flag, table=member_alias(call.args[0].name)))
        case "journey_stage" | "days_in_stage" | "days_left_in_stage" | "stage_goal":
            return _journey(call, place)
        case "days_inside":
            entered = cast_to(exp.column("entered_at", table=PARTICIPANT_ROW), "DATE")
            return exp.paren(exp.Sub(this=today(), expression=entered), copy=False)
        case "at_entry":
            return _at_entry(call, place)
        case name if name in RESULTS:
            step = call.args[0].name
            needs.results.add(step)
            found = exp.column(name, table=result_alias(step))
            return found if name == "outcome" else _edge(found)
        case name if name in _HISTORY:
            return _HISTORY[name](call, place)
        case "held_for":
            return _held_for(call, place)
        case _:
            return None


def _as_date(node: exp.Expr, place: _Place) -> exp.Expr:
    return cast_to(_compile(node, place), "DATE")


def _and(*parts: exp.Expr) -> exp.Expr:
    return exp.paren(exp.and_(*parts, copy=False), copy=False)


def _anniversary(date: exp.Expr) -> exp.Expr:
    """The next yearly return of a date, at least a year after it; 29 February returns on the 28th in other years."""

    def returned(years: exp.Expr) -> exp.Expr:
        step = exp.Anonymous(this="to_years", expressions=[years])
        return cast_to(exp.paren(exp.Add(this=date.copy(), expression=step), copy=False), "DATE")

    def year(of: exp.Expr) -> exp.Expr:
        return exp.Extract(this=exp.var("YEAR"), expression=of)

    since = exp.Greatest(
        this=exp.Literal.number(1), expressions=[exp.Sub(this=year(today()), expression=year(date.copy()))]
    )
    years = cast_to(since, "INTEGER")
    next_years = exp.paren(exp.Add(this=years.copy(), expression=exp.Literal.number(1)), copy=False)
    this_year = returned(years)
    made = exp.case().when(exp.GTE(this=this_year, expression=today()), this_year.copy()).else_(returned(next_years))
    return exp.paren(made, copy=False)


def _at_entry(call: Call, place: _Place) -> exp.Expr:
    """The value that was stored when the participant entered, as the type it has today."""
    number = entry_value(call.args[0], place.needs.object, place.needs.project)
    place.needs.entry_values[number] = call.args[0]
    stored = exp.column("result", table=entry_alias(number))
    given = _type(call.args[0], place)
    return exp.Anonymous(
        this={"integer": "as_integer", "number": "as_number", "boolean": "as_boolean", "date": "as_date"}.get(
            given, "as_instant" if given == "timestamp" else "as_list" if given == "list" else "as_text"
        ),
        expressions=[stored],
    )


def entry_value(tree: exp.Expr, object_: str, project: Project) -> int:
    """The number of a value that is stored at entry."""
    alone = Needs(object_, project)
    sql = compile_value(tree, alone).sql(dialect=DIALECT) + alone.aggregates.text()
    return number_of(object_, "entry_value", sql)


def _journey(call: Call, place: _Place) -> exp.Expr:
    """The first stage whose condition holds; its spells are kept, so that its age is known."""
    name = call.args[0].name
    journey = place.needs.project.journeys[name]
    if call.name == "stage_goal":
        reached = [All((journey.inside(i), goal)) for i, goal in journey.goal(call.args[1].name)]
        return exp.paren(_condition(Any_(tuple(reached)), place), copy=False)
    made = exp.case()
    for i, stage in enumerate(journey.stages):
        result: exp.Expr = exp.Literal.string(stage.name)
        if call.name != "journey_stage":
            began = cast_to(_stage_since(name, i, place), "DATE")
            result = exp.Sub(this=today(), expression=began)
            if call.name == "days_left_in_stage":
                if stage.duration is None:
                    continue
                ends = exp.Anonymous(
                    this="calendar_add",
                    expressions=[
                        began,
                        *(exp.Literal.number(n) for n in (stage.duration.months, stage.duration.days)),
                        exp.Literal.number(stage.duration.minutes),
                    ],
                )
                result = exp.Sub(this=cast_to(ends, "DATE"), expression=today())
        made = made.when(_condition(journey.inside(i) if call.name != "journey_stage" else stage.when, place), result)
    return exp.paren(made, copy=False)


def _stage_since(journey: str, stage: int, place: _Place) -> exp.Expr:
    """The evaluation that first saw the record in the stage; a record that comes now comes now."""
    needs = place.needs
    number = stage_number(journey, stage, needs.project)
    needs.held[number] = _condition(needs.project.journeys[journey].inside(stage), place)
    return exp.func("COALESCE", exp.column("matched_from", table=held_alias(number)), as_of(), dialect=DIALECT)


def stage_number(journey: str, stage: int, project: Project) -> int:
    """The number under which the spells of a stage are kept: by its name, so that an edited condition keeps them."""
    spec = project.journeys[journey]
    return number_of(spec.object, "stage", f"{journey}\n{spec.stages[stage].name}")


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


def member_alias(workflow: str) -> str:
    """The alias under which a record's membership of a workflow is joined."""
    return f"member_{workflow}"


def entry_alias(number: int) -> str:
    """The alias under which a value stored at entry is joined."""
    return f"entry_{number}"


def result_alias(step: str) -> str:
    """The alias under which the results of a step are joined."""
    return f"result_{step}"


def _run_aggregate(call: AggregateCall, path: tuple[str, ...], place: _Place) -> exp.Expr:
    needs, source = place.needs, place.scope.object
    hops = needs.catalog.checked(source, path)
    target = hops[-1].target
    group = needs.aggregates.group(source, path, tuple(hops), place.layer)
    alias = f"{place.here}__{group.name}"
    place.groups.setdefault(alias, (place.here, group))
    if place.here == ROOT:
        place.root_used.add(ROOT)
    scope = place.scope.inside(target, path)
    inside = _Place(scope, RELATED, needs, group.joins, group.groups, group.root_used, group.layer + 1)
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


def _of_history(place: _Place, kind: str, made: Callable[[_Place], Aggregate]) -> exp.Expr:
    """An aggregate over history. What it compares with is read from the record itself, as the group's root."""
    needs = place.needs
    key = needs.catalog[needs.object].key
    hop = Hop(needs.object, kind, f"{needs.object}@{kind}", True, key, key)
    group = needs.aggregates.group(needs.object, (f"({kind})",), (hop,), place.layer)
    alias = f"{place.here}__{group.name}"
    place.groups.setdefault(alias, (place.here, group))
    root = _Place(
        Scope(place.needs.object), ROOT, place.needs, group.joins, group.groups, group.root_used, place.layer + 1
    )
    return reference(made(root), group, alias)


def _reading_root(node: exp.Expr, root: _Place) -> exp.Expr:
    made = _compile(node, root)
    if any(c.table == ROOT or c.table.startswith(f"{ROOT}__") for c in made.find_all(exp.Column)):
        root.root_used.add(ROOT)
    return made


def _spell(name: str) -> exp.Expr:
    return column(name, RELATED)


def _key(place: _Place) -> exp.Expr:
    return column(place.needs.catalog[place.needs.object].key, RELATED)


def _since(call: Call) -> exp.Expr | None:
    """The beginning of the look-back; None without `within`."""
    within = call.named.get("within")
    return None if within is None else exp.paren(exp.Sub(this=as_of(), expression=within.copy()), copy=False)


def _change_within(
    call: Call, place: _Place, since: exp.Expr, test: Callable[[exp.Expr, exp.Expr, _Place], list[exp.Expr]]
) -> exp.Expr:
    """There is a change of the field after `since` that passes a test of (value after, value before)."""
    name = parts_of(call.args[0])[-1]
    place.needs.changed.add(name)
    now, before = _spell(name), _spell(f"{name}_before")

    def made(root: _Place) -> Aggregate:
        parts = [exp.GT(this=_spell("changed_at"), expression=since), exp.NullSafeNEQ(this=now, expression=before)]
        return Aggregate("bool_or", argument=_and(*parts, *test(now, before, root)), key=_key(place))

    return _of_history(place, "changes", made)


def _changed(call: Call, place: _Place) -> exp.Expr:
    wanted: dict[str, exp.Expr] = {k: v for k, v in call.named.items() if k != "within"}
    if call.name != "changed":
        wanted["to" if call.name == "changed_to" else "from"] = call.args[1]
    since = _since(call)

    def test(now: exp.Expr, before: exp.Expr, at: _Place) -> list[exp.Expr]:
        sides = {"to": now, "from": before}
        return [
            exp.EQ(this=sides[k].copy(), expression=_reading_root(v, at))
            for k, v in sorted(wanted.items(), reverse=True)
        ]

    if since is not None:
        return _change_within(call, place, since, test)
    now, before = _now_and_before(call, place)
    there = _previous_is_null(place.needs, False)
    return _and(there, exp.NullSafeNEQ(this=now, expression=before), *test(now, before, place))


def _now_and_before(call: Call, place: _Place) -> tuple[exp.Expr, exp.Expr]:
    """The field now and at the previous evaluation."""
    name = parts_of(call.args[0])[-1]
    place.needs.flags.add("previous")
    place.needs.previous.add(name)
    return column(name, RECORD), column(name, "previous")


def _crossed(call: Call, place: _Place) -> exp.Expr:
    above = call.name == "crossed_above"
    after, prior = (exp.GT, exp.LTE) if above else (exp.LT, exp.GTE)
    since = _since(call)

    def test(now: exp.Expr, before: exp.Expr, at: _Place) -> list[exp.Expr]:
        line = _reading_root(call.args[1], at)
        return [prior(this=before.copy(), expression=line), after(this=now.copy(), expression=line.copy())]

    if since is not None:
        return _change_within(call, place, since, test)
    now, before = _now_and_before(call, place)
    return _and(*test(now, before, place))


def _moved(call: Call, place: _Place) -> exp.Expr:
    """At least so much more (or less) than at the previous evaluation, or than at the start of the look-back."""
    since = _since(call)
    if since is None:
        now, before = _now_and_before(call, place)
    else:
        now, before = _compile(call.args[0], place), _oldest_since(call.args[0], since, place)
    more = exp.Sub(this=now, expression=before) if call.name == "increased_by" else exp.Sub(this=before, expression=now)
    by = call.args[1]
    if isinstance(by, exp.Literal) and by.is_string:
        # a percentage of nothing is unknown
        base = exp.func(
            "NULLIF", exp.func("ABS", before.copy(), dialect=DIALECT), exp.Literal.number(0), dialect=DIALECT
        )
        share = exp.Literal.number(str(float(by.name.rstrip("%")) / 100))
        least: exp.Expr = exp.Mul(this=base, expression=share)
    else:
        least = exp.paren(_compile(by, place), copy=False)
    # to six decimals, as sums: 3.3 is a tenth more than 3
    beyond = exp.Sub(this=exp.paren(more, copy=False), expression=least)
    rounded = exp.func("ROUND", beyond, exp.Literal.number(6), dialect=DIALECT)
    return _and(exp.GTE(this=rounded, expression=exp.Literal.number(0)))


def _as_at(node: exp.Expr, moment: Callable[[_Place], exp.Expr], place: _Place) -> exp.Expr:
    """The value of a tracked field at an instant."""

    def made(root: _Place) -> Aggregate:
        when = moment(root)
        where = _and(exp.LTE(this=_spell("valid_from"), expression=when), _lasts_after(when))
        return Aggregate("max", argument=_spell(parts_of(node)[-1]), key=_key(place), where=where)

    return _of_history(place, "history", made)


def _oldest_since(node: exp.Expr, since: exp.Expr, place: _Place) -> exp.Expr:
    """The value of a tracked field at an instant, or the first one known after it."""

    def made(_: _Place) -> Aggregate:
        order = ((_spell("valid_from"), False),)
        return Aggregate(
            "first", argument=_spell(parts_of(node)[-1]), key=_key(place), where=_lasts_after(since), order=order
        )

    return _of_history(place, "history", made)


def _lasts_after(moment: exp.Expr) -> exp.Expr:
    ended = exp.column("valid_to", table=RELATED)
    later = exp.GT(this=ended.copy(), expression=moment.copy())
    return exp.paren(exp.or_(exp.Is(this=ended, expression=exp.null()), later, copy=False), copy=False)


def _value_at(call: Call, place: _Place) -> exp.Expr:
    return _as_at(call.args[0], lambda root: cast_to(_reading_root(call.args[1], root), "TIMESTAMPTZ"), place)


def _was_ever(call: Call, place: _Place) -> exp.Expr:
    name, since = parts_of(call.args[0])[-1], _since(call)

    def made(root: _Place) -> Aggregate:
        same: exp.Expr = exp.EQ(this=_spell(name), expression=_reading_root(call.args[1], root))
        if since is not None:
            same = _and(same, _lasts_after(since))
        return Aggregate("bool_or", argument=same, key=_key(place))

    return _of_history(place, "history", made)


def _previous(call: Call, place: _Place) -> exp.Expr:
    name = parts_of(call.args[0])[-1]
    place.needs.changed.add(name)

    def made(_: _Place) -> Aggregate:
        before = _spell(f"{name}_before")
        where = exp.NullSafeNEQ(this=_spell(name), expression=before.copy())
        return Aggregate("first", argument=before, key=_key(place), where=where, order=((_spell("changed_at"), True),))

    return _of_history(place, "changes", made)


def _created(call: Call, place: _Place) -> exp.Expr:
    """First seen after the look-back began, and not by the first snapshot of all, which creates nothing."""
    seen = column("_first_seen", RECORD)
    since = _since(call)
    if since is None:
        place.needs.flags.add("previous")
        return _and(_previous_is_null(place.needs, True), _has_previous())
    first = cast_to(exp.Placeholder(this="first_snapshot"), "TIMESTAMPTZ")
    return _and(exp.GT(this=seen, expression=since), exp.GT(this=seen.copy(), expression=first))


def _updated(call: Call, place: _Place) -> exp.Expr:
    """Changed after the look-back began, which is the previous evaluation's snapshot; coming is not changing."""
    since = _since(call) or cast_to(exp.Placeholder(this="previous_snapshot"), "TIMESTAMPTZ")
    changed = column("_last_changed", RECORD)
    return _and(
        exp.GT(this=changed, expression=since),
        exp.GT(this=changed.copy(), expression=column("_first_seen", RECORD)),
    )


def _has_previous() -> exp.Expr:
    """There was an evaluation before: the first snapshot changes nothing."""
    instant = cast_to(exp.Placeholder(this="previous_snapshot"), "TIMESTAMPTZ")
    return exp.not_(exp.Is(this=instant, expression=exp.null()), copy=False)


def _previous_is_null(needs: Needs, wanted: bool) -> exp.Expr:
    key = column(needs.catalog[needs.object].key, "previous")
    missing = exp.Is(this=key, expression=exp.null())
    return missing if wanted else exp.not_(missing, copy=False)


_HISTORY: dict[str, Callable[[Call, _Place], exp.Expr]] = {
    "changed": _changed,
    "changed_to": _changed,
    "changed_from": _changed,
    "crossed_above": _crossed,
    "crossed_below": _crossed,
    "increased_by": _moved,
    "decreased_by": _moved,
    "value_at": _value_at,
    "was_ever": _was_ever,
    "previous": _previous,
    "created": _created,
    "updated": _updated,
}
