"""Types of operators: what may be compared, added, listed, and which negations surprise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlglot import exp

from definitions.check import FAMILY, Check, fits
from definitions.grammar import Unresolved, parts_of, resolve
from definitions.problems import did_you_mean
from definitions.vocabulary import EXTRACT_UNITS, INTERVAL_UNITS, TRUNC_UNITS, Type

_CASTS: dict[str, Type] = {
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMPNTZ": "timestamp",  # what DuckDB means by `timestamp` without a zone
    "TIMESTAMPTZ": "timestamp",
}


def logic(node: exp.Expr, check: Check) -> Type:
    for child in node.iter_expressions():
        given = check.type(child)
        if not fits(given, "a truth"):
            check.report(child, "type", f"and, or, not take truths; this is {FAMILY.get(given, given)}")
    if isinstance(node, exp.Not) and not isinstance(node.this, exp.Is):
        _warn_negation(node, node.this, check)
    return "boolean"


@dataclass(frozen=True)
class _Part:
    """A part of an operator with its type."""

    node: exp.Expr
    type: Type


def same_family(node: exp.Expr, operands: list[exp.Expr], check: Check) -> None:
    known = [part for part in (_Part(o, check.type(o)) for o in operands) if part.type not in ("any", "null")]
    if not known:
        return
    # a field tells what the others should have been
    lead = next((part for part in known if isinstance(part.node, exp.Column)), known[0])
    for part in known:
        same = FAMILY.get(lead.type) == FAMILY.get(part.type)
        if not (same or is_time_text(part.node, part.type, lead.type) or is_time_text(lead.node, lead.type, part.type)):
            left, right = FAMILY.get(lead.type, lead.type), FAMILY.get(part.type, part.type)
            check.report(part.node, "type", f"{left} is compared with {right}", _hint_for(lead.type, part.type))
            return
    _check_values(operands, check)


def _hint_for(first: Type, second: Type) -> str | None:
    if "text" in (first, second) and {"date", "timestamp"} & {first, second}:
        return "write dates as '2026-03-20'"
    if "text" in (first, second) and {"integer", "number"} & {first, second}:
        return "write numbers without quotes"
    return None


def is_time_text(operand: exp.Expr, given: Type, other: Type) -> bool:
    if given != "text" or other not in ("date", "timestamp") or not isinstance(operand, exp.Literal):
        return False
    try:
        date.fromisoformat(operand.name[:10])
        datetime.fromisoformat(operand.name)
    except ValueError:
        return False
    return True


def _check_values(operands: list[exp.Expr], check: Check) -> None:
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
                check.report(
                    literal, "unknown-value", f"`{literal.name}` is not a value of {found.object}.{found.field}", hint
                )


def comparison(node: exp.Expr, check: Check) -> Type:
    sides = [node.this, node.expression]
    same_family(node, sides, check)
    if any(isinstance(side, exp.Null) for side in sides) and not isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ):
        check.report(node, "null-literal", "nothing equals null", "write `is null` or `is not null`")
    if isinstance(node, exp.NEQ):
        _warn_negation(node, node, check)
    return "boolean"


def ordered_range(node: exp.Expr, check: Check) -> Type:
    low, high = node.args["low"], node.args["high"]
    if isinstance(low, exp.Literal) and isinstance(high, exp.Literal) and low.is_string == high.is_string:
        reversed_ = low.name > high.name if low.is_string else float(low.name) > float(high.name)
        if reversed_:
            check.report(low, "reversed-range", "the range begins after its end", "swap the two")
    return "boolean"


def membership(node: exp.Expr, check: Check) -> Type:
    if node.args.get("query") or node.args.get("unnest") or not node.expressions:
        return check.report(node, "empty-list", "`in` needs a list of values")
    for item in node.expressions:
        if isinstance(item, exp.Null):
            check.report(
                node, "null-literal", "a list with null matches nothing under `not in`", "write `is null` beside it"
            )
    same_family(node, [node.this, *node.expressions], check)
    return "boolean"


def texts(node: exp.Expr, check: Check) -> Type:
    """A list written out. Lists of the catalog hold text."""
    for item in node.expressions:
        given = check.type(item)
        if given not in ("text", "any", "null"):
            check.report(item, "type", f"a list holds text; this is {FAMILY.get(given, given)}")
    return "list"


def like(node: exp.Expr, check: Check) -> Type:
    for side in (node.this, node.expression):
        given = check.type(side)
        if given not in ("text", "any", "null"):
            check.report(side, "type", f"like takes text; this is {FAMILY.get(given, given)}")
    return "boolean"


def _warn_negation(node: exp.Expr, inner: exp.Expr, check: Check) -> None:
    """SQL's unknown: `health <> 'poor'` does not match a record without health."""
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if not isinstance(inner, exp.NEQ | exp.In | exp.Like | exp.ILike | exp.EQ) or inner.find(exp.Null):
        return
    column = next((side for side in (inner.this, inner.args.get("expression")) if isinstance(side, exp.Column)), None)
    if column is None:
        return
    found = resolve(parts_of(column), check.catalog, check.scope)
    if isinstance(found, Unresolved) or found.field == check.catalog[found.object].key:
        return
    name = ".".join(parts_of(column))
    if any(
        isinstance(n.this, exp.Column) and parts_of(n.this) == parts_of(column)
        for n in check.expression.tree.find_all(exp.Is)
    ):
        return
    check.report(
        node,
        "negated-null",
        f"records without `{name}` do not match",
        f"add `and {name} is not null` to say so, or `or {name} is null` to include them",
        "warning",
    )


def interval(node: exp.Expr, check: Check) -> Type:
    unit = _unit(node)
    amount = node.this
    if unit not in INTERVAL_UNITS or not isinstance(amount, exp.Literal) or not amount.name.lstrip("-").isdigit():
        return check.report(node, "interval", "an interval is a whole number and a unit, such as `interval 14 days`")
    return "interval"


def case(node: exp.Expr, check: Check) -> Type:
    results: list[exp.Expr] = []
    for branch in node.args.get("ifs") or [node]:
        given = check.type(branch.this)
        if node.args.get("this") is None and not fits(given, "a truth"):
            check.report(branch.this, "type", "`when` takes a truth")
        results.append(branch.args["true"])
    otherwise = node.args.get("default") or node.args.get("false")
    results.extend([otherwise] if otherwise is not None else [])
    if node.args.get("this") is not None:
        same_family(node, [node.args["this"], *(branch.this for branch in node.args.get("ifs", ()))], check)
    return widest(node, [check.type(result) for result in results], check)


def widest(node: exp.Expr, types: list[Type], check: Check) -> Type:
    known: list[Type] = [t for t in types if t not in ("any", "null")]
    if not known:
        return "any"
    if len({FAMILY.get(t) for t in known}) > 1:
        return check.report(node, "type", "the results are of different types")
    return "number" if "number" in known else "timestamp" if "timestamp" in known else known[0]


def cast(node: exp.Expr, check: Check) -> Type:
    target = str(node.args["to"].this.value if hasattr(node.args["to"].this, "value") else node.args["to"]).upper()
    if target not in _CASTS:
        return check.report(node, "sql-not-allowed", "only casts to date and timestamp are allowed")
    given = check.type(node.this)
    if isinstance(node.this, exp.Literal) and not is_time_text(node.this, "text", "date"):
        check.report(node.this, "type", f"`{node.this.name}` is not a date", "write dates as '2026-03-20'")
    elif given not in ("date", "timestamp", "text", "any", "null"):
        check.report(node.this, "type", f"{FAMILY.get(given, given)} cannot be read as a time")
    return _CASTS[target]


def trunc(node: exp.Expr, check: Check) -> Type:
    unit = str(node.args["unit"]).strip("'").lower()
    if unit not in TRUNC_UNITS:
        check.report(node, "unit", f"`{unit}` is not a unit here", "use day, week, month, quarter or year")
    given = check.type(node.this)
    if not fits(given, "a time"):
        return check.report(node, "type", f"date_trunc takes a time; this is {FAMILY.get(given, given)}")
    return given


def extract(node: exp.Expr, check: Check) -> Type:
    unit = str(node.this).upper()
    if unit not in EXTRACT_UNITS:
        check.report(node, "unit", f"`{unit.lower()}` is not a part here", "use year, quarter, month, day or hour")
    given = check.type(node.expression)
    if not fits(given, "a time"):
        check.report(node, "type", f"extract takes a time; this is {FAMILY.get(given, given)}")
    return "integer"


def number(node: exp.Expr, operands: list[exp.Expr], check: Check) -> Type:
    types: list[Type] = [check.type(operand) for operand in operands]
    for operand, given in zip(operands, types, strict=True):
        if not fits(given, "a number"):
            return check.report(operand, "type", f"arithmetic takes numbers; this is {FAMILY[given]}")
    return "integer" if all(t == "integer" for t in types) and not isinstance(node, exp.Div) else "number"


def arithmetic(node: exp.Expr, check: Check) -> Type:
    left, right = check.type(node.this), check.type(node.expression)
    times: tuple[Type, ...] = ("date", "timestamp")
    if isinstance(node, exp.Add | exp.Sub) and right == "interval" and left in (*times, "any"):
        return _moved(node, left)
    if isinstance(node, exp.Add) and left == "interval" and right in times:
        return _moved(node, right)
    if isinstance(node, exp.Sub) and left in times and right in times:
        return "integer" if left == right == "date" else "interval"
    if "any" in (left, right):
        return "any"
    numeric = number(node, [node.this, node.expression], replace(check, problems=[]))
    families = [FAMILY.get(left), FAMILY.get(right)]
    wrong = next((family for family in families if family not in ("a number", None)), None)
    return numeric if wrong is None else check.report(node, "type", f"arithmetic takes numbers; this is {wrong}")


def _moved(node: exp.Expr, when: Type) -> Type:
    """A date moved by minutes or hours becomes an instant."""
    units = {_unit(i) for i in node.find_all(exp.Interval)}
    return "timestamp" if units & {"MINUTE", "HOUR"} else when


def _unit(interval: exp.Expr) -> str:
    unit = interval.args.get("unit")
    # a plain word is read without rendering it
    return (unit.name if isinstance(unit, exp.Var) else str(unit or "")).upper().rstrip("S")
