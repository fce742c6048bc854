"""Operators over plain values, with SQL's unknown as None.

Integers are int, numbers float, dates date, instants datetime, lists tuples of text, intervals Span.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from support.oracle.clock import Clock, Span, step_date
from support.oracle.reading import WHOLE, NotInOracle, read_instant

_SAME = 1e-9
"""Numbers closer than a billionth part are the same: how a computation is rounded in its last bits is no meaning."""


def is_number(value: Any) -> bool:
    """An integer or a number; a truth is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


# ---- truth


def all_of(parts: Iterable[bool | None]) -> bool | None:
    """And: false if one is, else unknown if one is."""
    found = list(parts)
    return False if any(p is False for p in found) else None if any(p is None for p in found) else True


def any_of(parts: Iterable[bool | None]) -> bool | None:
    """Or: true if one is, else unknown if one is."""
    found = list(parts)
    return True if any(p is True for p in found) else None if any(p is None for p in found) else False


def negated(value: bool | None) -> bool | None:
    """Not of an unknown is unknown."""
    return None if value is None else not value


# ---- comparison


def order(left: Any, right: Any, clock: Clock) -> int:
    """Below zero, zero or above zero, as the first value is before, equal to or after the second; neither is missing."""
    if is_number(left) and is_number(right):
        return _order_numbers(left, right)
    left, right = _lengths(left), _lengths(right)
    if isinstance(left, date) or isinstance(right, date):
        left, right = _times(left, right, clock)
    if type(left) is not type(right):
        raise NotInOracle(f"comparing {left!r} with {right!r}")
    return (left > right) - (left < right)


def _order_numbers(left: float, right: float) -> int:
    whole = isinstance(left, int) and isinstance(right, int)
    if left == right or (not whole and math.isclose(left, right, rel_tol=_SAME, abs_tol=_SAME)):
        return 0
    return 1 if left > right else -1


def _lengths(value: Any) -> Any:
    return value.length if isinstance(value, Span) else value


def _times(left: Any, right: Any, clock: Clock) -> tuple[Any, Any]:
    """Where a date meets an instant local dates are compared; a quoted text is a midnight or an instant, then."""
    left, right = _instant_of_text(left, clock), _instant_of_text(right, clock)
    if isinstance(left, datetime) and isinstance(right, datetime):
        return left, right
    return clock.date(left), clock.date(right)


def _instant_of_text(value: Any, clock: Clock) -> date | datetime:
    if not isinstance(value, str):
        return value
    found = read_instant(value, clock)
    if found is None:
        raise NotInOracle(f"`{value}` as a time")
    return found


def equal(left: Any, right: Any, clock: Clock) -> bool | None:
    """Nothing is equal to what is missing."""
    return None if left is None or right is None else order(left, right, clock) == 0


def distinct(left: Any, right: Any, clock: Clock) -> bool:
    """`is distinct from`: missing is a value here."""
    if left is None or right is None:
        return left is not right
    return order(left, right, clock) != 0


def like(text: str | None, pattern: str | None, *, blind: bool) -> bool | None:
    """`%` is any text, `_` one character; `blind` to the case."""
    if text is None or pattern is None:
        return None
    made = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    return re.fullmatch(made, text, re.DOTALL | (re.IGNORECASE if blind else 0)) is not None


# ---- arithmetic


def added(left: Any, right: Any, clock: Clock) -> Any:
    """Numbers, or a time moved by an interval."""
    if left is None or right is None:
        return None
    if isinstance(right, Span):
        return moved(left, right, clock)
    if isinstance(left, Span):
        return moved(right, left, clock)
    return _number(left + right)


def subtracted(left: Any, right: Any, clock: Clock) -> Any:
    """Numbers, a time moved back, whole days between dates, or the time between instants."""
    if left is None or right is None:
        return None
    if isinstance(right, Span):
        return moved(left, -right, clock)
    if isinstance(left, datetime) and isinstance(right, datetime):
        return left - right
    if isinstance(left, date) or isinstance(right, date):
        if isinstance(left, datetime) or isinstance(right, datetime):
            raise NotInOracle("the time between a date and an instant")
        return (left - right).days
    return _number(left - right)


def moved(when: Any, span: Span, clock: Clock) -> date | datetime:
    """Days, weeks, months and years are calendar steps; a date moved by minutes or hours becomes an instant."""
    if isinstance(when, datetime):
        return clock.step(when, span)
    if not isinstance(when, date):
        raise NotInOracle(f"{when!r} moved by an interval")
    return clock.step(clock.midnight(when), span) if span.minutes else step_date(when, span)


def multiplied(left: Any, right: Any) -> Any:
    return None if left is None or right is None else _number(left * right)


def divided(left: Any, right: Any) -> float | None:
    """Whole numbers divide with a fraction; by zero it is missing."""
    return None if left is None or right is None or right == 0 else _number(left / right)


def remainder(left: Any, right: Any) -> Any:
    """What is left of a division, with the sign of the first number; by zero it is missing."""
    if left is None or right is None or right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        rest = abs(left) % abs(right)
        return -rest if left < 0 else rest
    return math.fmod(left, right)


def _number(value: Any) -> Any:
    """A result as a number; what is not finite is missing, and so is a whole number past its range."""
    if isinstance(value, int):
        return value if value in WHOLE else None
    return value if math.isfinite(value) else None


def rounded(value: float | None, places: int | None) -> float | int | None:
    """Halves are rounded away from zero."""
    if value is None or places is None:
        return None
    made = Decimal(repr(value)).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return int(made) if isinstance(value, int) else float(made)


def exact(value: float) -> Decimal:
    """A number as it is written."""
    return Decimal(repr(value))


def as_text(value: Any) -> str:
    """A value joined to a text; a missing one counts as empty."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case datetime() | timedelta() | tuple() | Span():
            raise NotInOracle(f"{value!r} as text")
        case date():
            return value.isoformat()
        case _:
            return str(value)
