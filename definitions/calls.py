"""Types of calls: functions of the vocabulary, aggregates over relations, history and segments."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlglot import exp

from definitions.check import FAMILY, Check
from definitions.grammar import AggregateCall, Call, Unresolved, parts_of, relation_of, resolve
from definitions.operators import is_time_text, same_family, widest
from definitions.problems import did_you_mean
from definitions.vocabulary import AGGREGATES, FUNCTIONS, LATER, SPECIAL, Type, known_names


def call_type(node: exp.Expr, call: Call, check: Check) -> Type:
    if call.name in SPECIAL:
        return _SPECIAL[call.name](node, call, check)
    if call.name in LATER:
        return check.report(node, "not-supported-yet", f"`{call.name}` is not supported yet")
    function = FUNCTIONS.get(call.name)
    if function is None:
        if call.name in AGGREGATES:
            return check.report(node, "aggregate", f"`{call.name}` takes one relation of {check.scope.object}")
        return check.report(
            node,
            "unknown-function",
            f"`{call.name}` is not a function of the language",
            did_you_mean(call.name, known_names()),
        )
    least = len(function.takes) - function.optional
    if len(call.args) < least or (len(call.args) > len(function.takes) and not function.repeats):
        return check.report(
            node, "arguments", f"`{call.name}` takes {least} argument{'s' if least != 1 else ''}, not {len(call.args)}"
        )
    types: list[Type] = []
    for i, argument in enumerate(call.args):
        given = check.type(argument)
        wanted = function.takes[min(i, len(function.takes) - 1)]
        if (
            "any" not in wanted
            and given not in ("any", "null")
            and given not in wanted
            and not is_time_text(argument, given, next(iter(wanted)))
        ):
            check.report(
                argument,
                "type",
                f"`{call.name}` takes {' or '.join(sorted(wanted))} here; this is {FAMILY.get(given, given)}",
            )
        types.append(given)
    if call.name == "regexp_matches":
        _check_pattern(call.args[1], check)
    if function.gives != "same":
        return function.gives
    return widest(node, types, check)


def _check_pattern(node: exp.Expr, check: Check) -> None:
    """A pattern that the engine cannot read would fail an evaluation of all workflows: it must be written out."""
    if not isinstance(node, exp.Literal) or not node.is_string:
        check.report(node, "arguments", "the pattern of `regexp_matches` is a text written out")
        return
    try:
        re.compile(node.name)
    except re.error as error:
        check.report(node, "arguments", f"`{node.name}` is not a regular expression: {error}")


def aggregate_type(node: exp.Expr, call: AggregateCall, check: Check) -> Type:
    if check.scope.path:
        return check.report(
            node,
            "not-supported-yet",
            "an aggregate inside an aggregate is not supported yet",
            "make it a computed field",
        )
    path = relation_of(call, check.catalog, check.scope)
    if isinstance(path, Unresolved):
        return check.report(node, path.code, path.message, did_you_mean(path.name, path.known))
    hops = check.catalog.walk(check.scope.object, path)
    target = hops[-1].target if hops else check.scope.object
    inside = replace(check, scope=check.scope.inside(target, path))
    bare = parts_of(call.argument) == path if isinstance(call.argument, exp.Column | exp.Dot) else False
    given: Type = "any" if bare else inside.type(call.argument)
    if bare and call.name not in ("count", "exists", "share"):
        return check.report(
            node, "aggregate", f"`{call.name}` needs a field, such as {call.name}({'.'.join(path)}.field)"
        )
    if not bare and call.name in ("exists", "share"):
        return check.report(
            node, "aggregate", f"`{call.name}` takes a relation alone, such as {call.name}({'.'.join(path)})"
        )
    for item in call.order:
        inside.type(item.this)
    if call.name in ("first", "last") and not call.order:
        check.report(node, "aggregate", f"`{call.name}` needs an order, such as {call.name}(x order by y)")
    if call.where is not None:
        passes = inside.type(call.where)
        if passes not in ("boolean", "any", "null"):
            check.report(call.where, "type", "a filter is a truth")
    elif call.name == "share":
        check.report(node, "aggregate", "`share` needs a filter: share(x) filter (where ..)")
    return _result_type(node, call, given, check)


def _result_type(node: exp.Expr, call: AggregateCall, given: Type, check: Check) -> Type:
    match call.name:
        case "count":
            return "integer"
        case "exists":
            return "boolean"
        case "share":
            return "number"
        case "sum" | "avg":
            if given not in ("integer", "number", "any", "null"):
                return check.report(
                    call.argument, "type", f"`{call.name}` takes a number; this is {FAMILY.get(given, given)}"
                )
            return "integer" if call.name == "sum" and given == "integer" else "number"
        case "bool_or" | "bool_and":
            if given not in ("boolean", "any", "null"):
                return check.report(
                    call.argument, "type", f"`{call.name}` takes a truth; this is {FAMILY.get(given, given)}"
                )
            return "boolean"
        case _:
            return given


def _tracked_field(node: exp.Expr, call: Call, check: Check, count: int) -> Type:
    """The field of a change function: a plain field of the record itself."""
    if len(call.args) != count or not isinstance(call.args[0] if call.args else None, exp.Column):
        return check.report(
            node,
            "arguments",
            f"`{call.name}` takes a field of {check.scope.object}{' and a value' if count == 2 else ''}",
        )
    found = resolve(parts_of(call.args[0]), check.catalog, check.scope)
    if isinstance(found, Unresolved):
        return check.report(call.args[0], found.code, found.message, did_you_mean(found.name, found.known))
    if found.hops or found.computed or check.scope.path:
        return check.report(call.args[0], "not-supported-yet", f"`{call.name}` follows plain fields of the record only")
    if not check.history:
        return check.report(node, "no-history", f"`{call.name}` needs history and cannot be used here")
    values = [*call.args[1:], *call.named.values()]
    same_family(node, [call.args[0], *values], check)
    return "boolean"


def _changed(node: exp.Expr, call: Call, check: Check) -> Type:
    for name in call.named:
        if name == "within":
            check.report(node, "not-supported-yet", "`within` is not supported yet")
        elif name not in ("from", "to"):
            check.report(node, "arguments", f"`changed` knows no `{name}`", "use `from` and `to`")
    return _tracked_field(node, call, check, 1)


def _changed_value(node: exp.Expr, call: Call, check: Check) -> Type:
    if call.named:
        check.report(node, "not-supported-yet", "`within` is not supported yet")
    return _tracked_field(node, call, check, 2)


def _created(node: exp.Expr, call: Call, check: Check) -> Type:
    if call.named:
        check.report(node, "not-supported-yet", "`within` is not supported yet")
    elif call.args or check.scope.path:
        check.report(node, "arguments", "`created()` takes nothing and is about the record itself")
    return "boolean"


def _segment(node: exp.Expr, call: Call, check: Check) -> Type:
    name = call.args[0].name if len(call.args) == 1 and isinstance(call.args[0], exp.Literal) else None
    if name is None:
        return check.report(node, "arguments", "`segment` takes a name in quotes, such as segment('churned')")
    if check.scope.path:
        return check.report(node, "not-supported-yet", "a segment inside an aggregate is not supported yet")
    segment = check.segments.get(name)
    if segment is None:
        return check.report(node, "unknown-segment", f"`{name}` is not a segment", did_you_mean(name, check.segments))
    if segment.object != check.scope.object:
        return check.report(
            node, "unknown-segment", f"the segment `{name}` is about {segment.object}, not {check.scope.object}"
        )
    return "boolean"


def _held_for(node: exp.Expr, call: Call, check: Check) -> Type:
    if len(call.args) != 2 or not isinstance(call.args[1], exp.Interval) or check.scope.path:
        return check.report(
            node,
            "arguments",
            "`held_for` takes a condition and an interval, such as held_for(seats > 5, interval 14 days)",
        )
    if any(isinstance(n, exp.Anonymous) and str(n.this).lower() == "held_for" for n in call.args[0].walk()):
        return check.report(node, "arguments", "`held_for` inside `held_for`")
    given = check.type(call.args[0])
    if given not in ("boolean", "any", "null"):
        check.report(call.args[0], "type", "`held_for` takes a condition")
    check.type(call.args[1])
    return "boolean"


_SPECIAL = {
    "changed": _changed,
    "changed_to": _changed_value,
    "changed_from": _changed_value,
    "created": _created,
    "segment": _segment,
    "held_for": _held_for,
}
