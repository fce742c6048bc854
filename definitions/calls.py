"""Types of calls: functions of the vocabulary, aggregates over relations, history and segments."""

from __future__ import annotations

import re
from dataclasses import replace

from sqlglot import exp

from definitions.check import FAMILY, Check, fits
from definitions.conditions import leaves
from definitions.grammar import AggregateCall, Call, Unresolved, call_of, parts_of, relation_of, resolve
from definitions.operators import is_time_text, same_family, widest
from definitions.own_record import own_record_call
from definitions.problems import did_you_mean
from definitions.vocabulary import (
    AGGREGATES,
    FUNCTIONS,
    JOURNEY,
    MEMBERSHIP,
    RESULTS,
    SPECIAL,
    TRACKED,
    WITHIN,
    Type,
    known_names,
)


def call_type(node: exp.Expr, call: Call, check: Check) -> Type:
    if call.name in SPECIAL:
        _check_named(node, call, check)
        return _SPECIAL[call.name](node, call, check)
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
    for name in call.named:
        check.report(node, "arguments", f"`{call.name}` knows no `{name}`")
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
    if call.distinct and call.name != "count":
        check.report(node, "aggregate", f"`distinct` is for `count`, not for `{call.name}`")
    for item in call.order:
        inside.type(item.this)
        if item.args.get("nulls_first"):
            check.report(item, "aggregate", "rows without a place in the order come last")
    if call.name in ("first", "last") and not call.order:
        check.report(node, "aggregate", f"`{call.name}` needs an order, such as {call.name}(x order by y)")
    if call.where is not None:
        passes = inside.type(call.where)
        if not fits(passes, "a truth"):
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
            if not fits(given, "a number"):
                return check.report(
                    call.argument, "type", f"`{call.name}` takes a number; this is {FAMILY.get(given, given)}"
                )
            return "integer" if call.name == "sum" and given == "integer" else "number"
        case "bool_or" | "bool_and":
            if not fits(given, "a truth"):
                return check.report(
                    call.argument, "type", f"`{call.name}` takes a truth; this is {FAMILY.get(given, given)}"
                )
            return "boolean"
        case _:
            return given


def _check_named(node: exp.Expr, call: Call, check: Check) -> None:
    """Named arguments: `within` where a look-back makes sense, `from` and `to` of `changed`."""
    for name, value in call.named.items():
        if name == "within" and call.name in WITHIN:
            if not isinstance(value, exp.Interval):
                check.report(node, "arguments", "`within` takes an interval, such as `within => interval 7 days`")
            else:
                check.type(value)
        elif not (call.name == "changed" and name in ("from", "to")):
            known = (["within"] if call.name in WITHIN else []) + (["from", "to"] if call.name == "changed" else [])
            check.report(node, "arguments", f"`{call.name}` knows no `{name}`", did_you_mean(name, known))


def _own_record(node: exp.Expr, call: Call, check: Check) -> bool:
    """Functions about the record itself cannot be asked of a related one."""
    if check.scope.path:
        message = f"`{call.name}` is about the record itself and cannot stand inside an aggregate"
        check.report(node, "own-record", message, f"ask it in a segment or workflow of {check.scope.object}")
        return False
    return True


def _tracked_field(node: exp.Expr, call: Call, check: Check, count: int, second: str = "a value") -> Type:
    """The type of the field of a history function: a plain field of the record itself."""
    if not _own_record(node, call, check):
        return "any"
    if len(call.args) != count or not isinstance(call.args[0] if call.args else None, exp.Column):
        takes = f"a field of {check.scope.object}{f' and {second}' if count == 2 else ''}"
        return check.report(node, "arguments", f"`{call.name}` takes {takes}")
    parts = (part for value in (*call.args[1:], *call.named.values()) for part in value.walk())
    for inner in (found for part in parts if (found := call_of(part)) is not None):
        if inner.name in TRACKED:
            message = f"`{inner.name}` cannot stand inside `{call.name}`"
            return check.report(node, "own-record", message, "ask them apart, such as in two lines of `all`")
    found = resolve(parts_of(call.args[0]), check.catalog, check.scope)
    if isinstance(found, Unresolved):
        return check.report(call.args[0], found.code, found.message, did_you_mean(found.name, found.known))
    if found.hops or found.computed:
        what = "a computed field" if found.computed else "a field of another record"
        message = f"`{call.name}` follows plain fields of the record itself, and this is {what}"
        return check.report(call.args[0], "own-record", message)
    return check.type(call.args[0])


def _changed(node: exp.Expr, call: Call, check: Check) -> Type:
    _tracked_field(node, call, check, 1)
    same_family(node, [*call.args[:1], *(v for n, v in call.named.items() if n != "within")], check)
    return "boolean"


def _compared_value(node: exp.Expr, call: Call, check: Check) -> Type:
    if _tracked_field(node, call, check, 2) != "any":
        same_family(node, list(call.args), check)
    return "boolean"


def _moved(node: exp.Expr, call: Call, check: Check) -> Type:
    """increased_by, decreased_by: a number, or a percentage in quotes."""
    given = _tracked_field(node, call, check, 2, "a number or a percentage such as '20%'")
    if given == "any":
        return "boolean"
    if FAMILY.get(given) != "a number":
        check.report(call.args[0], "type", f"`{call.name}` follows numbers; this is {FAMILY.get(given, given)}")
    by = call.args[1]
    if isinstance(by, exp.Literal) and by.is_string:
        if not re.fullmatch(r"(?=.*[1-9])\d+(\.\d+)?%", by.name):
            check.report(
                by, "arguments", f"`{by.name}` is not a percentage above zero", "write a number, or such as '20%'"
            )
    elif not fits(check.type(by), "a number"):
        check.report(by, "type", f"`{call.name}` takes a number or a percentage such as '20%'")
    elif isinstance(by, exp.Neg) or (isinstance(by, exp.Literal) and not re.search("[1-9]", by.name)):
        check.report(by, "arguments", f"`{call.name}` takes a number above zero", "`changed` follows any change")
    return "boolean"


def _crossed(node: exp.Expr, call: Call, check: Check) -> Type:
    given = _tracked_field(node, call, check, 2, "a threshold")
    if given != "any":
        same_family(node, list(call.args), check)
        if FAMILY.get(given) not in ("a number", "a time"):
            check.report(call.args[0], "type", f"`{call.name}` follows numbers; this is {FAMILY.get(given, given)}")
    return "boolean"


def _previous(node: exp.Expr, call: Call, check: Check) -> Type:
    return _tracked_field(node, call, check, 1)


def _value_at(node: exp.Expr, call: Call, check: Check) -> Type:
    given = _tracked_field(node, call, check, 2, "a time")
    if given != "any":
        when = check.type(call.args[1])
        if when not in ("date", "timestamp", "any") and not is_time_text(call.args[1], when, "date"):
            check.report(call.args[1], "type", f"`value_at` takes a time; this is {FAMILY.get(when, when)}")
    return given


def _seen(node: exp.Expr, call: Call, check: Check) -> Type:
    if _own_record(node, call, check) and call.args:
        check.report(node, "arguments", f"`{call.name}()` takes nothing and is about the record itself")
    return "boolean"


def _anniversary(node: exp.Expr, call: Call, check: Check) -> Type:
    given = check.type(call.args[0]) if len(call.args) == 1 else "null"
    if given not in ("date", "timestamp", "any"):
        return check.report(node, "arguments", "`anniversary` takes a date, such as anniversary(signup_date)")
    return "date"


def _literal(call: Call, at: int = 0) -> str | None:
    found = call.args[at] if len(call.args) > at else None
    return found.name if isinstance(found, exp.Literal) and found.is_string else None


def _segment(node: exp.Expr, call: Call, check: Check) -> Type:
    name = _literal(call) if len(call.args) == 1 else None
    if name is None:
        return check.report(node, "arguments", "`segment` takes a name in quotes, such as segment('churned')")
    segment = check.known.segments.get(name)
    if segment is None:
        hint = did_you_mean(name, check.known.segments)
        return check.report(node, "unknown-segment", f"`{name}` is not a segment", hint)
    if segment.object != check.scope.object:
        message = f"the segment `{name}` is about {segment.object}, not {check.scope.object}"
        return check.report(node, "unknown-segment", message)
    if check.scope.path:
        asked = (own_record_call(leaf.expression.tree, segment.object, check) for leaf in leaves(segment.when))
        used = next(filter(None, asked), None)
        if used is not None:
            message = f"the segment `{name}` uses `{used}`, which is about the {segment.object} itself"
            return check.report(node, "own-record", message)
    return "boolean"


def _held_for(node: exp.Expr, call: Call, check: Check) -> Type:
    if not _own_record(node, call, check):
        return "boolean"
    if len(call.args) != 2 or not isinstance(call.args[1], exp.Interval):
        hint = "such as held_for(seats > 5, interval 14 days)"
        return check.report(node, "arguments", "`held_for` takes a condition and an interval", hint)
    if any(isinstance(n, exp.Anonymous) and str(n.this).lower() == "held_for" for n in call.args[0].walk()):
        return check.report(node, "arguments", "`held_for` inside `held_for`")
    given = replace(check, inside=None).type(call.args[0])
    if not fits(given, "a truth"):
        check.report(call.args[0], "type", "`held_for` takes a condition")
    check.type(call.args[1])
    return "boolean"


def _membership(node: exp.Expr, call: Call, check: Check) -> Type:
    name = _literal(call) if len(call.args) == 1 else None
    if name is None:
        check.report(node, "arguments", f"`{call.name}` takes a workflow's name in quotes")
    elif not _own_record(node, call, check):
        pass
    elif name not in check.known.workflows:
        hint = did_you_mean(name, check.known.workflows)
        check.report(node, "unknown-workflow", f"`{name}` is not a workflow", hint)
    elif check.known.workflows[name] != check.scope.object:
        message = f"the workflow `{name}` is about {check.known.workflows[name]}, not {check.scope.object}"
        check.report(node, "unknown-workflow", message)
    return "boolean"


def _journey(node: exp.Expr, call: Call, check: Check) -> Type:
    gives: Type = {"journey_stage": "text", "stage_goal": "boolean"}.get(call.name, "integer")  # pyright: ignore[reportAssignmentType]
    name, takes = _literal(call), 2 if call.name == "stage_goal" else 1
    if name is None or len(call.args) != takes:
        what = "a journey's and a goal's name" if takes == 2 else "a journey's name"
        return check.report(node, "arguments", f"`{call.name}` takes {what} in quotes")
    if not _own_record(node, call, check):
        return gives
    journey = check.known.journeys.get(name)
    if journey is None:
        hint = did_you_mean(name, check.known.journeys)
        return check.report(node, "unknown-journey", f"`{name}` is not a journey", hint)
    if journey.object != check.scope.object:
        message = f"the journey `{name}` is about {journey.object}, not {check.scope.object}"
        return check.report(node, "unknown-journey", message)
    if call.name == "stage_goal" and not journey.goal(_literal(call, 1) or ""):
        goals = [goal for stage in journey.stages for goal in stage.goals]
        hint = did_you_mean(call.args[1].name, goals)
        check.report(call.args[1], "unknown-goal", f"`{call.args[1].name}` is not a goal of `{name}`", hint)
    if call.name == "days_left_in_stage" and not any(stage.duration for stage in journey.stages):
        check.report(node, "no-duration", f"no stage of `{name}` has a duration")
    return gives


def _days_inside(node: exp.Expr, call: Call, check: Check) -> Type:
    if call.args:
        check.report(node, "arguments", "`days_inside()` takes nothing")
    _participant(node, call, check)
    return "integer"


def _at_entry(node: exp.Expr, call: Call, check: Check) -> Type:
    if len(call.args) != 1:
        return check.report(node, "arguments", "`at_entry` takes a field, such as at_entry(seats)")
    if not _participant(node, call, check):
        return "any"
    return replace(check, inside=None).type(call.args[0])


def _result(node: exp.Expr, call: Call, check: Check) -> Type:
    gives: Type = "text" if call.name == "outcome" else "boolean"
    step = _literal(call) if len(call.args) == 1 else None
    if step is None:
        return check.report(node, "arguments", f"`{call.name}` takes a step's id in quotes")
    if not _participant(node, call, check) or check.inside is None:
        return gives
    kind = check.inside.steps.get(step)
    if kind is None:
        hint = did_you_mean(step, check.inside.steps)
        return check.report(node, "unknown-step", f"`{step}` is not an action of this workflow", hint)
    if check.inside.upstream is not None and step not in check.inside.upstream:
        return check.report(node, "not-upstream", f"`{step}` does not come before this place: it has no result here")
    kinds = RESULTS[call.name]
    if kinds and kind.rstrip("?") not in kinds:
        message = f"`{call.name}` is a result of {' and '.join(sorted(kinds))} steps; `{step}` is {kind.rstrip('?')}"
        check.report(node, "wrong-result", message)
    elif not kinds and not kind.endswith("?"):
        hint = f"add `approval: required` to `{step}`"
        check.report(node, "wrong-result", f"`{step}` asks for no approval", hint)
    return gives


def _participant(node: exp.Expr, call: Call, check: Check) -> bool:
    if check.inside is not None and not check.scope.path:
        return True
    hint = "it can be asked in branches, waits, exits, goals and objectives, outside of aggregates"
    check.report(node, "no-participant", f"`{call.name}` is known only where a participant exists", hint)
    return False


_SPECIAL = {
    "changed": _changed,
    "changed_to": _compared_value,
    "changed_from": _compared_value,
    "was_ever": _compared_value,
    "increased_by": _moved,
    "decreased_by": _moved,
    "crossed_above": _crossed,
    "crossed_below": _crossed,
    "previous": _previous,
    "value_at": _value_at,
    "created": _seen,
    "updated": _seen,
    "anniversary": _anniversary,
    "segment": _segment,
    "held_for": _held_for,
    "days_inside": _days_inside,
    "at_entry": _at_entry,
    **dict.fromkeys(MEMBERSHIP, _membership),
    **dict.fromkeys(JOURNEY, _journey),
    **dict.fromkeys(RESULTS, _result),
}
