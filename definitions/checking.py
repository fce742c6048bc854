"""Types of expressions: one fold over a leaf that gives its type and every problem at its column.

NULL is allowed everywhere; what may not meet are families of types (text, numbers, times, truths, lists).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import cast

from sqlglot import exp

from definitions.catalog import Catalog
from definitions.conditions import Condition, Expression, leaves
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
)
from definitions.problems import Problem, Severity, did_you_mean
from definitions.segment import Segment
from definitions.vocabulary import (
    AGGREGATES,
    EXTRACT_UNITS,
    FUNCTIONS,
    INTERVAL_UNITS,
    LATER,
    SPECIAL,
    TRUNC_UNITS,
    Type,
    known_names,
)

_FAMILY: dict[Type, str] = {
    "integer": "a number",
    "number": "a number",
    "text": "text",
    "boolean": "a truth",
    "date": "a time",
    "timestamp": "a time",
    "list": "a list",
    "interval": "an interval",
}
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_CASTS: dict[str, Type] = {"DATE": "date", "TIMESTAMP": "timestamp", "TIMESTAMPTZ": "timestamp"}


@dataclass
class Check:
    """One expression being checked: its surroundings, and the problems found so far."""

    catalog: Catalog
    segments: Mapping[str, Segment]
    expression: Expression
    scope: Scope
    problems: list[Problem] = field(default_factory=list[Problem])
    history: bool = True

    def report(self, node: exp.Expression, code: str, message: str, hint: str | None = None, severity: Severity = "error") -> Type:
        """Note a problem at a node; the result is a type that is checked no further."""
        self.problems.append(Problem(self.expression.span(node), code, message, hint, severity))
        return "any"


def check_condition(condition: Condition, object_: str, catalog: Catalog, segments: Mapping[str, Segment]) -> Iterator[Problem]:
    """Every problem of every leaf of a condition on an object."""
    for leaf in leaves(condition):
        check = Check(catalog, segments, leaf.expression, Scope(object_))
        given = type_of(check)
        if given not in ("boolean", "any", "null"):
            check.report(leaf.expression.tree, "not-a-condition", f"a condition is a truth; this is {_FAMILY.get(given, given)}")
        yield from check.problems


def check_expression(expression: Expression, object_: str, catalog: Catalog, history: bool = False) -> tuple[Type, list[Problem]]:
    """The type of an expression on an object, and its problems."""
    check = Check(catalog, {}, expression, Scope(object_), history=history)
    return type_of(check), check.problems


def type_of(check: Check) -> Type:
    """The type of the whole expression; problems are left in `check`."""
    fault = check.expression.fault
    if fault is not None:
        span = check.expression.at(fault.offset)
        check.problems.append(Problem(span, fault.code, fault.message, fault.hint))
        return "any"
    return _type(check.expression.tree, check)


def _type(node: exp.Expression, check: Check) -> Type:
    aggregate = aggregate_of(node)
    if aggregate is not None:
        return _aggregate(node, aggregate, check)
    call = call_of(node)
    if call is not None:
        return _call(node, call, check)
    match node:
        case exp.Column() | exp.Dot():
            return _name(node, check)
        case exp.Literal():
            return "text" if node.is_string else ("number" if "." in node.name or "e" in node.name.lower() else "integer")
        case exp.Boolean():
            return "boolean"
        case exp.Null():
            return "null"
        case exp.Paren():
            return _type(node.this, check)
        case exp.And() | exp.Or() | exp.Not():
            return _logic(node, check)
        case exp.Is():
            _type(node.this, check)
            return "boolean"
        case exp.Between():
            _same_family(node, [node.this, node.args["low"], node.args["high"]], check)
            return _ordered_range(node, check)
        case exp.In():
            return _membership(node, check)
        case exp.Like() | exp.ILike():
            return _like(node, check)
        case exp.Interval():
            return _interval(node, check)
        case exp.Case() | exp.If():
            return _case(node, check)
        case exp.Cast():
            return _cast(node, check)
        case exp.Array():
            _same_family(node, node.expressions, check)
            return "list"
        case exp.TimestampTrunc() | exp.DateTrunc():
            return _trunc(node, check)
        case exp.Extract():
            return _extract(node, check)
        case exp.DPipe():
            _each(node, check)
            return "text"
        case exp.Neg():
            return _number(node, [node.this], check)
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Div() | exp.Mod():
            return _arithmetic(node, check)
        case _ if isinstance(node, _COMPARISONS):
            return _comparison(node, check)
        case _:
            return _refuse(node, check)


def _each(node: exp.Expression, check: Check) -> list[Type]:
    return [_type(child, check) for child in node.iter_expressions()]


def _refuse(node: exp.Expression, check: Check) -> Type:
    if isinstance(node, exp.Func):
        name = str(node.meta.get("name") or node.sql_name()).lower()
        return check.report(node, "unknown-function", f"`{name}` is not a function of the language", did_you_mean(name, known_names()))
    if isinstance(node, exp.Query | exp.Subquery):
        return check.report(node, "sql-not-allowed", "a query inside a condition is not allowed", "use an aggregate over a relation")
    return check.report(node, "sql-not-allowed", f"`{node.sql(dialect='duckdb')[:60]}` is not allowed in a condition")


def _name(node: exp.Expression, check: Check) -> Type:
    found = resolve(parts_of(node), check.catalog, check.scope)
    if isinstance(found, Unresolved):
        return check.report(node, found.code, found.message, did_you_mean(found.name, found.known))
    aggregates = bool(check.scope.path) or found.from_root
    if found.computed and (found.hops or aggregates) and _looks_further(found, check.catalog, aggregates):
        message = f"the computed field `{found.field}` looks beyond its own record: using it from another is not supported yet"
        return check.report(node, "not-supported-yet", message)
    return type_of_name(found, check.catalog)


def _looks_further(name: Name, catalog: Catalog, aggregates: bool, seen: frozenset[str] = frozenset()) -> bool:
    """A computed field that needs history or segments, or (where they matter) aggregates."""
    if name.field in seen:
        return False
    tree = catalog[name.object].computed[name.field].tree
    if any((aggregates and aggregate_of(n) is not None) or getattr(call_of(n), "name", None) in SPECIAL for n in tree.walk()):
        return True
    inner = (resolve(parts_of(c), catalog, Scope(name.object)) for c in tree.find_all(exp.Column))
    return any(isinstance(i, Name) and i.computed and _looks_further(i, catalog, aggregates, seen | {name.field}) for i in inner)


def type_of_name(name: Name, catalog: Catalog, seen: frozenset[tuple[str, str]] = frozenset()) -> Type:
    """The type of a resolved name; a computed field's is that of its expression."""
    spec = catalog[name.object]
    if not name.computed:
        found = spec.spec(name.field)
        return found.type if found else "any"
    if (name.object, name.field) in seen:
        return "any"
    inner = Check(catalog, {}, spec.computed[name.field], Scope(name.object))
    return type_of(inner) if not _circular(name, catalog, seen) else "any"


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


def _logic(node: exp.Expression, check: Check) -> Type:
    for child in node.iter_expressions():
        given = _type(child, check)
        if given not in ("boolean", "any", "null"):
            check.report(child, "type", f"and, or, not take truths; this is {_FAMILY.get(given, given)}")
    if isinstance(node, exp.Not) and not isinstance(node.this, exp.Is):
        _warn_negation(node, node.this, check)
    return "boolean"


def _same_family(node: exp.Expression, operands: list[exp.Expression], check: Check) -> None:
    types = [(operand, _type(operand, check)) for operand in operands]
    known = [(operand, given) for operand, given in types if given not in ("any", "null")]
    if not known:
        return
    field_ = next((c for c in operands if isinstance(c, exp.Column)), known[0][0])
    first = next(given for operand, given in types if operand is field_) if any(o is field_ for o, _ in known) else known[0][1]
    for operand, given in known:
        if _FAMILY.get(first) == _FAMILY.get(given) or _is_time_text(operand, given, first) or _is_time_text(field_, first, given):
            continue
        left, right = _FAMILY.get(first, first), _FAMILY.get(given, given)
        check.report(operand, "type", f"{left} is compared with {right}", _hint_for(first, given))
        return
    _check_values(operands, check)


def _hint_for(first: Type, second: Type) -> str | None:
    if "text" in (first, second) and {"date", "timestamp"} & {first, second}:
        return "write dates as '2026-03-20'"
    if "text" in (first, second) and {"integer", "number"} & {first, second}:
        return "write numbers without quotes"
    return None


def _is_time_text(operand: exp.Expression, given: Type, other: Type) -> bool:
    if given != "text" or other not in ("date", "timestamp") or not isinstance(operand, exp.Literal):
        return False
    try:
        date.fromisoformat(operand.name[:10])
        datetime.fromisoformat(operand.name)
    except ValueError:
        return False
    return True


def _check_values(operands: list[exp.Expression], check: Check) -> None:
    for column in operands:
        if not isinstance(column, exp.Column):
            continue
        found = resolve(parts_of(column), check.catalog, check.scope)
        if isinstance(found, Unresolved) or found.computed:
            continue
        spec = check.catalog[found.object].spec(found.field)
        values = spec.values if spec else ()
        for literal in operands:
            if values and isinstance(literal, exp.Literal) and literal.is_string and literal.name not in values:
                hint = did_you_mean(literal.name, values) or "values are " + ", ".join(f"'{v}'" for v in values)
                check.report(literal, "unknown-value", f"`{literal.name}` is not a value of {found.object}.{found.field}", hint)


def _comparison(node: exp.Expression, check: Check) -> Type:
    sides = [node.this, node.expression]
    _same_family(node, sides, check)
    if any(isinstance(side, exp.Null) for side in sides) and not isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ):
        check.report(node, "null-literal", "nothing equals null", "write `is null` or `is not null`")
    if isinstance(node, exp.NEQ):
        _warn_negation(node, node, check)
    return "boolean"


def _ordered_range(node: exp.Expression, check: Check) -> Type:
    low, high = node.args["low"], node.args["high"]
    if isinstance(low, exp.Literal) and isinstance(high, exp.Literal) and low.is_string == high.is_string:
        reversed_ = low.name > high.name if low.is_string else float(low.name) > float(high.name)
        if reversed_:
            check.report(low, "reversed-range", "the range begins after its end", "swap the two")
    return "boolean"


def _membership(node: exp.Expression, check: Check) -> Type:
    if node.args.get("query") or node.args.get("unnest") or not node.expressions:
        return check.report(node, "empty-list", "`in` needs a list of values")
    for item in node.expressions:
        if isinstance(item, exp.Null):
            check.report(node, "null-literal", "a list with null matches nothing under `not in`", "write `is null` beside it")
    _same_family(node, [node.this, *node.expressions], check)
    return "boolean"


def _like(node: exp.Expression, check: Check) -> Type:
    for side in (node.this, node.expression):
        given = _type(side, check)
        if given not in ("text", "any", "null"):
            check.report(side, "type", f"like takes text; this is {_FAMILY.get(given, given)}")
    return "boolean"


def _warn_negation(node: exp.Expression, inner: exp.Expression, check: Check) -> None:
    """SQL's unknown: `health <> 'poor'` does not match a record without health."""
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if not isinstance(inner, exp.NEQ | exp.In | exp.Like | exp.ILike | exp.EQ):
        return
    column = next((side for side in (inner.this, inner.args.get("expression")) if isinstance(side, exp.Column)), None)
    if column is None:
        return
    found = resolve(parts_of(column), check.catalog, check.scope)
    if isinstance(found, Unresolved) or found.field == check.catalog[found.object].key:
        return
    name = ".".join(parts_of(column))
    if any(isinstance(n.this, exp.Column) and parts_of(n.this) == parts_of(column) for n in check.expression.tree.find_all(exp.Is)):
        return
    check.report(
        node,
        "negated-null",
        f"records without `{name}` do not match",
        f"add `and {name} is not null` to say so, or `or {name} is null` to include them",
        "warning",
    )


def _interval(node: exp.Expression, check: Check) -> Type:
    unit = str(node.args.get("unit") or "").upper().rstrip("S")
    amount = node.this
    if unit not in INTERVAL_UNITS or not isinstance(amount, exp.Literal) or not amount.name.lstrip("-").isdigit():
        return check.report(node, "interval", "an interval is a whole number and a unit, such as `interval 14 days`")
    return "interval"


def _case(node: exp.Expression, check: Check) -> Type:
    results: list[exp.Expression] = []
    for branch in node.args.get("ifs") or [node]:
        given = _type(branch.this, check)
        if node.args.get("this") is None and given not in ("boolean", "any", "null"):
            check.report(branch.this, "type", "`when` takes a truth")
        results.append(branch.args["true"])
    otherwise = node.args.get("default") or node.args.get("false")
    results.extend([otherwise] if otherwise is not None else [])
    if node.args.get("this") is not None:
        _type(node.args["this"], check)
    types = [_type(result, check) for result in results]
    return _widest(node, [t for t in types if t not in ("null",)], check)


def _widest(node: exp.Expression, types: list[Type], check: Check) -> Type:
    known = [t for t in types if t != "any"]
    if not known:
        return "any"
    if len({_FAMILY.get(t) for t in known}) > 1:
        return check.report(node, "type", "the results are of different types")
    return "number" if "number" in known else "timestamp" if "timestamp" in known else known[0]


def _cast(node: exp.Expression, check: Check) -> Type:
    target = str(node.args["to"].this.value if hasattr(node.args["to"].this, "value") else node.args["to"]).upper()
    if target not in _CASTS:
        return check.report(node, "sql-not-allowed", "only casts to date and timestamp are allowed")
    given = _type(node.this, check)
    if isinstance(node.this, exp.Literal) and not _is_time_text(node.this, "text", "date"):
        check.report(node.this, "type", f"`{node.this.name}` is not a date", "write dates as '2026-03-20'")
    elif given not in ("date", "timestamp", "text", "any", "null"):
        check.report(node.this, "type", f"{_FAMILY.get(given, given)} cannot be read as a time")
    return _CASTS[target]


def _trunc(node: exp.Expression, check: Check) -> Type:
    unit = str(node.args["unit"]).strip("'").lower()
    if unit not in TRUNC_UNITS:
        check.report(node, "unit", f"`{unit}` is not a unit here", "use day, week, month, quarter or year")
    given = _type(node.this, check)
    if given not in ("date", "timestamp", "any", "null"):
        return check.report(node, "type", f"date_trunc takes a time; this is {_FAMILY.get(given, given)}")
    return given


def _extract(node: exp.Expression, check: Check) -> Type:
    unit = str(node.this).upper()
    if unit not in EXTRACT_UNITS:
        check.report(node, "unit", f"`{unit.lower()}` is not a part here", "use year, quarter, month, day or hour")
    given = _type(node.expression, check)
    if given not in ("date", "timestamp", "any", "null"):
        check.report(node, "type", f"extract takes a time; this is {_FAMILY.get(given, given)}")
    return "integer"


def _number(node: exp.Expression, operands: list[exp.Expression], check: Check) -> Type:
    types = [_type(operand, check) for operand in operands]
    for operand, given in zip(operands, types, strict=True):
        if given not in ("integer", "number", "any", "null"):
            return check.report(operand, "type", f"arithmetic takes numbers; this is {_FAMILY.get(given, given)}")
    return "integer" if all(t == "integer" for t in types) and not isinstance(node, exp.Div) else "number"


def _arithmetic(node: exp.Expression, check: Check) -> Type:
    left, right = _type(node.this, check), _type(node.expression, check)
    times: tuple[Type, ...] = ("date", "timestamp")
    if isinstance(node, exp.Add | exp.Sub) and right == "interval" and left in (*times, "any"):
        return _moved(node, left)
    if isinstance(node, exp.Add) and left == "interval" and right in times:
        return _moved(node, right)
    if isinstance(node, exp.Sub) and left in times and right in times:
        return "integer" if left == right == "date" else "interval"
    before = len(check.problems)
    given = _number(node, [node.this, node.expression], replace(check, problems=check.problems[:]))
    numeric = all(t in ("integer", "number", "any", "null") for t in (left, right))
    if not numeric and len(check.problems) == before:
        wrong = left if left not in ("integer", "number", "any", "null") else right
        return check.report(node, "type", f"arithmetic takes numbers; this is {_FAMILY.get(wrong, wrong)}")
    return given


def _moved(node: exp.Expression, when: Type) -> Type:
    """A date moved by minutes or hours becomes an instant."""
    units = {str(i.args.get("unit") or "").upper().rstrip("S") for i in node.find_all(exp.Interval)}
    return "timestamp" if units & {"MINUTE", "HOUR"} else when


def _call(node: exp.Expression, call: Call, check: Check) -> Type:
    if call.name in SPECIAL:
        return _SPECIAL[call.name](node, call, check)
    if call.name in LATER:
        return check.report(node, "not-supported-yet", f"`{call.name}` is not supported yet")
    function = FUNCTIONS.get(call.name)
    if function is None:
        if call.name in AGGREGATES:
            return check.report(node, "aggregate", f"`{call.name}` takes one relation of {check.scope.object}")
        return check.report(node, "unknown-function", f"`{call.name}` is not a function of the language", did_you_mean(call.name, known_names()))
    least = len(function.takes) - function.optional
    if len(call.args) < least or (len(call.args) > len(function.takes) and not function.repeats):
        return check.report(node, "arguments", f"`{call.name}` takes {least} argument{'s' if least != 1 else ''}, not {len(call.args)}")
    types: list[Type] = []
    for i, argument in enumerate(call.args):
        given = _type(argument, check)
        wanted = function.takes[min(i, len(function.takes) - 1)]
        if "any" not in wanted and given not in ("any", "null") and given not in wanted and not _is_time_text(argument, given, next(iter(wanted))):
            check.report(argument, "type", f"`{call.name}` takes {' or '.join(sorted(wanted))} here; this is {_FAMILY.get(given, given)}")
        types.append(given)
    if function.gives != "same":
        return function.gives
    return _widest(node, [t for t in types if t != "null"], check)


def _aggregate(node: exp.Expression, call: AggregateCall, check: Check) -> Type:
    if check.scope.path:
        return check.report(node, "not-supported-yet", "an aggregate inside an aggregate is not supported yet", "make it a computed field")
    path = relation_of(call, check.catalog, check.scope)
    if isinstance(path, Unresolved):
        return check.report(node, path.code, path.message, did_you_mean(path.name, path.known))
    hops = check.catalog.walk(check.scope.object, path)
    target = hops[-1].target if hops else check.scope.object
    inside = replace(check, scope=check.scope.inside(target, path))
    bare = parts_of(call.argument) == path if isinstance(call.argument, exp.Column | exp.Dot) else False
    given: Type = "any" if bare else _type(call.argument, inside)
    if bare and call.name not in ("count", "exists", "share"):
        return check.report(node, "aggregate", f"`{call.name}` needs a field, such as {call.name}({'.'.join(path)}.field)")
    if not bare and call.name in ("exists", "share"):
        return check.report(node, "aggregate", f"`{call.name}` takes a relation alone, such as {call.name}({'.'.join(path)})")
    for item in call.order:
        _type(item.this, inside)
    if call.name in ("first", "last") and not call.order:
        check.report(node, "aggregate", f"`{call.name}` needs an order, such as {call.name}(x order by y)")
    if call.where is not None:
        passes = _type(call.where, inside)
        if passes not in ("boolean", "any", "null"):
            check.report(call.where, "type", "a filter is a truth")
    elif call.name == "share":
        check.report(node, "aggregate", "`share` needs a filter: share(x) filter (where ..)")
    return _aggregate_type(node, call, given, check)


def _aggregate_type(node: exp.Expression, call: AggregateCall, given: Type, check: Check) -> Type:
    match call.name:
        case "count":
            return "integer"
        case "exists":
            return "boolean"
        case "share":
            return "number"
        case "sum" | "avg":
            if given not in ("integer", "number", "any", "null"):
                return check.report(call.argument, "type", f"`{call.name}` takes a number; this is {_FAMILY.get(given, given)}")
            return "integer" if call.name == "sum" and given == "integer" else "number"
        case "bool_or" | "bool_and":
            if given not in ("boolean", "any", "null"):
                return check.report(call.argument, "type", f"`{call.name}` takes a truth; this is {_FAMILY.get(given, given)}")
            return "boolean"
        case _:
            return given


def _tracked_field(node: exp.Expression, call: Call, check: Check, count: int) -> Type:
    """The field of a change function: a plain field of the record itself."""
    if len(call.args) != count or not isinstance(call.args[0] if call.args else None, exp.Column):
        return check.report(node, "arguments", f"`{call.name}` takes a field of {check.scope.object}{' and a value' if count == 2 else ''}")
    found = resolve(parts_of(call.args[0]), check.catalog, check.scope)
    if isinstance(found, Unresolved):
        return check.report(call.args[0], found.code, found.message, did_you_mean(found.name, found.known))
    if found.hops or found.computed or check.scope.path:
        return check.report(call.args[0], "not-supported-yet", f"`{call.name}` follows plain fields of the record only")
    if not check.history:
        return check.report(node, "no-history", f"`{call.name}` needs history and cannot be used here")
    values = [*call.args[1:], *call.named.values()]
    _same_family(node, [call.args[0], *values], check)
    return "boolean"


def _changed(node: exp.Expression, call: Call, check: Check) -> Type:
    for name in call.named:
        if name == "within":
            check.report(node, "not-supported-yet", "`within` is not supported yet")
        elif name not in ("from", "to"):
            check.report(node, "arguments", f"`changed` knows no `{name}`", "use `from` and `to`")
    return _tracked_field(node, call, check, 1)


def _changed_value(node: exp.Expression, call: Call, check: Check) -> Type:
    if call.named:
        check.report(node, "not-supported-yet", "`within` is not supported yet")
    return _tracked_field(node, call, check, 2)


def _created(node: exp.Expression, call: Call, check: Check) -> Type:
    if call.named:
        check.report(node, "not-supported-yet", "`within` is not supported yet")
    elif call.args or check.scope.path:
        check.report(node, "arguments", "`created()` takes nothing and is about the record itself")
    return "boolean"


def _segment(node: exp.Expression, call: Call, check: Check) -> Type:
    name = call.args[0].name if len(call.args) == 1 and isinstance(call.args[0], exp.Literal) else None
    if name is None:
        return check.report(node, "arguments", "`segment` takes a name in quotes, such as segment('churned')")
    if check.scope.path:
        return check.report(node, "not-supported-yet", "a segment inside an aggregate is not supported yet")
    segment = check.segments.get(name)
    if segment is None:
        return check.report(node, "unknown-segment", f"`{name}` is not a segment", did_you_mean(name, check.segments))
    if segment.object != check.scope.object:
        return check.report(node, "unknown-segment", f"the segment `{name}` is about {segment.object}, not {check.scope.object}")
    return "boolean"


def _held_for(node: exp.Expression, call: Call, check: Check) -> Type:
    if len(call.args) != 2 or not isinstance(call.args[1], exp.Interval) or check.scope.path:
        return check.report(node, "arguments", "`held_for` takes a condition and an interval, such as held_for(seats > 5, interval 14 days)")
    if any(isinstance(n, exp.Anonymous) and str(n.this).lower() == "held_for" for n in call.args[0].walk()):
        return check.report(node, "arguments", "`held_for` inside `held_for`")
    given = _type(call.args[0], check)
    if given not in ("boolean", "any", "null"):
        check.report(call.args[0], "type", "`held_for` takes a condition")
    _type(call.args[1], check)
    return "boolean"


_SPECIAL = {
    "changed": _changed,
    "changed_to": _changed_value,
    "changed_from": _changed_value,
    "created": _created,
    "segment": _segment,
    "held_for": _held_for,
}


def segments_in(expression: Expression) -> list[str]:
    """Names of the segments an expression uses."""
    calls = (call_of(n) for n in expression.tree.find_all(exp.Anonymous))
    return [c.args[0].name for c in calls if c and c.name == "segment" and len(c.args) == 1 and isinstance(c.args[0], exp.Literal)]


def tracked_in(expression: Expression) -> list[str]:
    """Fields that change functions of the expression look at."""
    found: list[str] = []
    for node in expression.tree.find_all(exp.Anonymous):
        call = call_of(cast(exp.Expression, node))
        if call and call.name in ("changed", "changed_to", "changed_from") and call.args and isinstance(call.args[0], exp.Column):
            found.append(parts_of(call.args[0])[-1])
    return found


def type_in(node: exp.Expression, catalog: Catalog, scope: Scope) -> Type:
    """The type of a part of an expression that has been checked."""
    return _type(node, Check(catalog, {}, Expression("", node), scope))
