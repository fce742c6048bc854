"""Types of expressions: one fold over a leaf that gives its type and every problem at its column.

NULL is allowed everywhere; what may not meet are families of types (text, numbers, times, truths, lists).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from sqlglot import exp

from definitions import operators
from definitions.calls import aggregate_type, call_type
from definitions.catalog import Catalog
from definitions.check import FAMILY, Check, Inside, Known, fits
from definitions.conditions import DIALECT, Condition, Expression, leaves
from definitions.grammar import Name, Scope, Unresolved, aggregate_of, call_of, parts_of, resolve
from definitions.own_record import own_record_call
from definitions.problems import Problem, did_you_mean
from definitions.vocabulary import AGGREGATES, TRACKED, Type, known_names

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)


def check_condition(
    condition: Condition, object_: str, catalog: Catalog, known: Known, inside: Inside | None = None
) -> Iterator[Problem]:
    """Every problem of every leaf of a condition on an object; `inside` where a participant exists."""
    for leaf in leaves(condition):
        check = Check(catalog, known, leaf.expression, Scope(object_), _type, inside=inside)
        given = type_of(check)
        if not fits(given, "a truth"):
            check.report(
                leaf.expression.tree, "not-a-condition", f"a condition is a truth; this is {FAMILY.get(given, given)}"
            )
        yield from check.problems


def check_expression(
    expression: Expression, object_: str, catalog: Catalog, root: str | None = None, path: tuple[str, ...] = ()
) -> tuple[Type, list[Problem]]:
    """The type of an expression on an object, and its problems; with `root`, on a record related to it by `path`."""
    check = Check(catalog, Known(), expression, Scope(object_, root, path), _type)
    return type_of(check), check.problems


def check_family(expression: Expression, said: str, family: str, catalog: Catalog, scope: Scope) -> Iterator[Problem]:
    """The problems of an expression that must give a family of types: `said` is what the message calls it."""
    given, problems = check_expression(expression, scope.object, catalog, scope.root, scope.path)
    yield from problems
    if not fits(given, family):
        yield Problem(expression.span(), "type", f"{said} is {family}")


def check_where(where: Expression, catalog: Catalog, scope: Scope) -> Iterator[Problem]:
    """The problems of a `where`, which is a truth."""
    return check_family(where, "`where`", "a truth", catalog, scope)


def type_of(check: Check) -> Type:
    """The type of the whole expression; problems are left in `check`."""
    fault = check.expression.fault
    if fault is not None:
        span = check.expression.at(fault.offset)
        check.problems.append(Problem(span, fault.code, fault.message, fault.hint))
        return "any"
    return check.type(check.expression.tree)


def _type(node: exp.Expr, check: Check) -> Type:
    aggregate = aggregate_of(node)
    if aggregate is not None:
        return aggregate_type(node, aggregate, check)
    call = call_of(node)
    if call is not None:
        return call_type(node, call, check)
    match node:
        case exp.Column() | exp.Dot():
            return _name(node, check)
        case exp.Literal() if node.is_string:
            return "text"
        case exp.Literal():
            return "number" if "." in node.name or "e" in node.name.lower() else "integer"
        case exp.Boolean():
            return "boolean"
        case exp.Null():
            return "null"
        case exp.Paren():
            return check.type(node.this)
        case _:
            return _operator(node, check)


def _operator(node: exp.Expr, check: Check) -> Type:
    match node:
        case exp.And() | exp.Or() | exp.Not():
            return operators.logic(node, check)
        case exp.Is() if isinstance(node.expression, exp.Null | exp.Boolean):
            check.type(node.this)
            return "boolean"
        case exp.Between() if not node.args.get("symmetric"):
            operators.same_family(node, [node.this, node.args["low"], node.args["high"]], check)
            return operators.ordered_range(node, check)
        case exp.In():
            return operators.membership(node, check)
        case exp.Like() | exp.ILike():
            return operators.like(node, check)
        case exp.Interval():
            return operators.interval(node, check)
        case exp.Case() | exp.If():
            return operators.case(node, check)
        case exp.Cast():
            return operators.cast(node, check)
        case exp.Array():
            return operators.texts(node, check)
        case exp.TimestampTrunc() | exp.DateTrunc():
            return operators.trunc(node, check)
        case exp.Extract():
            return operators.extract(node, check)
        case exp.DPipe():
            _each(node, check)
            return "text"
        case exp.Neg():
            return operators.number(node, [node.this], check)
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Div() | exp.Mod():
            return operators.arithmetic(node, check)
        case _ if isinstance(node, _COMPARISONS):
            return operators.comparison(node, check)
        case _:
            return _refuse(node, check)


def _each(node: exp.Expr, check: Check) -> list[Type]:
    return [check.type(child) for child in node.iter_expressions()]


def _refuse(node: exp.Expr, check: Check) -> Type:
    if isinstance(node, exp.Func):
        name = str(node.meta.get("name") or node.sql_name()).lower()
        if name in AGGREGATES:
            return check.report(node, "aggregate", f"`{name}` takes one relation or field")
        return check.report(
            node, "unknown-function", f"`{name}` is not a function of the language", did_you_mean(name, known_names())
        )
    if isinstance(node, exp.Query | exp.Subquery):
        return check.report(
            node, "sql-not-allowed", "a query inside a condition is not allowed", "use an aggregate over a relation"
        )
    return check.report(node, "sql-not-allowed", f"`{node.sql(dialect=DIALECT)[:60]}` is not allowed in a condition")


def _name(node: exp.Expr, check: Check) -> Type:
    parts = parts_of(node)
    if parts == ("entered_at",) and check.catalog[check.scope.object].spec("entered_at") is None:
        if check.inside is None or check.scope.path:
            return check.report(node, "no-participant", "`entered_at` is known only where a participant exists")
        return "timestamp"
    found = resolve(parts, check.catalog, check.scope)
    if isinstance(found, Unresolved):
        return check.report(node, found.code, found.message, did_you_mean(found.name, found.known))
    if found.computed and (found.hops or check.scope.path or found.from_root):
        used = own_record_call(check.catalog[found.object].computed[found.field].tree, found.object, check)
        if used is not None:
            message = f"the computed field `{found.field}` uses `{used}`, which is about the {found.object} itself"
            return check.report(node, "own-record", message, f"ask it in a segment or workflow of {found.object}")
    return type_of_name(found, check.catalog)


def type_of_name(name: Name, catalog: Catalog) -> Type:
    """The type of a resolved name; a computed field's is that of its expression."""
    spec = catalog[name.object]
    if not name.computed:
        found = spec.spec(name.field)
        return found.type if found else "any"
    key = (name.object, name.field)
    if key not in catalog.types:
        inner = Check(catalog, Known(), spec.computed[name.field], Scope(name.object), _type)
        catalog.types[key] = "any" if _circular(name, catalog, frozenset()) else type_of(inner)
    return catalog.types[key]


def _circular(name: Name, catalog: Catalog, seen: frozenset[tuple[str, str]]) -> bool:
    here = (name.object, name.field)
    if here in seen:
        return True
    for node in catalog[name.object].computed[name.field].tree.find_all(exp.Column):
        found = resolve(parts_of(node), catalog, Scope(name.object))
        if isinstance(found, Name) and found.computed and _circular(found, catalog, seen | {here}):
            return True
    return False


def circular_computed(object_: str, field_: str, catalog: Catalog) -> bool:
    """True when a computed field uses itself, directly or by way of others."""
    return _circular(Name(object_, field_, computed=True), catalog, frozenset())


def segments_in(expression: Expression) -> list[str]:
    """Names of the segments an expression uses."""
    return named_in(expression, "segment")


def named_in(expression: Expression, function: str) -> list[str]:
    """The quoted names that calls of a function name, such as the segments an expression uses."""
    calls = (call_of(n) for n in expression.tree.find_all(exp.Anonymous))
    return [c.args[0].name for c in calls if c and c.name == function and c.args and isinstance(c.args[0], exp.Literal)]


def tracked_in(expression: Expression) -> list[str]:
    """Fields whose history functions of the expression look at."""
    found: list[str] = []
    for node in expression.tree.find_all(exp.Anonymous):
        call = call_of(cast(exp.Expr, node))
        if call and call.name in TRACKED and call.args and isinstance(call.args[0], exp.Column):
            found.append(parts_of(call.args[0])[-1])
    return found


def type_in(node: exp.Expr, catalog: Catalog, scope: Scope) -> Type:
    """The type of a part of an expression that has been checked."""
    return _type(node, Check(catalog, Known(), Expression("", node), scope, _type, inside=Inside({})))
