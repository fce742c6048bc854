"""The functions that look at nothing but their arguments and the clock."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from support.oracle import operators as op
from support.oracle.clock import Clock, anniversary
from support.oracle.values import Node, Place, time_of, value_of, widened

from definitions.grammar import Call

Function = Callable[[Node, Call, Place], Any]


def _plain(function: Callable[..., Any]) -> Function:
    """A function of values that is missing where one of them is."""

    def called(_node: Node, call: Call, place: Place) -> Any:
        values = [value_of(argument, place) for argument in call.args]
        return None if any(v is None for v in values) else function(*values)

    return called


def _values(call: Call, place: Place) -> list[Any]:
    """The arguments that are not missing."""
    return [v for v in (value_of(argument, place) for argument in call.args) if v is not None]


def _coalesce(node: Node, call: Call, place: Place) -> Any:
    return widened(next(iter(_values(call, place)), None), node, place)


def _extreme(sign: int) -> Function:
    def extreme(node: Node, call: Call, place: Place) -> Any:
        """The smallest or largest that is not missing."""
        return furthest([widened(value, node, place) for value in _values(call, place)], sign, place.clock)

    return extreme


def furthest(values: Sequence[Any], sign: int, clock: Clock) -> Any:
    """The smallest (-1) or largest (1) of values; of none it is missing."""
    best = None
    for value in values:
        if best is None or op.order(value, best, clock) * sign > 0:
            best = value
    return best


def _nullif(_node: Node, call: Call, place: Place) -> Any:
    value, other = (value_of(argument, place) for argument in call.args)
    return None if op.equal(value, other, place.clock) else value


def _concat(_node: Node, call: Call, place: Place) -> str:
    return "".join(op.as_text(value_of(argument, place)) for argument in call.args)


def _today(_node: Node, _call: Call, place: Place) -> Any:
    return place.clock.date(place.now)


def _now(_node: Node, _call: Call, place: Place) -> Any:
    return place.now


def _days(sign: int) -> Function:
    def days(_node: Node, call: Call, place: Place) -> int | None:
        """Whole days between a local date and today."""
        value = time_of(value_of(call.args[0], place), place)
        return None if value is None else sign * (place.clock.date(place.now) - place.clock.date(value)).days

    return days


def _anniversary(_node: Node, call: Call, place: Place) -> date | None:
    value = value_of(call.args[0], place)
    return None if value is None else anniversary(place.clock.date(value), place.clock.date(place.now))


# ---- of values


def _trim(text: str) -> str:
    """Without blanks at both ends."""
    return text.strip(" ")


def _contains(text: str, part: str) -> bool:
    return part in text


def _matches(text: str, pattern: str) -> bool:
    """Somewhere in the text."""
    return re.search(pattern, text, re.ASCII) is not None


def _round(value: float, places: int = 0) -> float | int | None:
    return op.rounded(value, places)


def _floor(value: float) -> float | int:
    return value if isinstance(value, int) else float(math.floor(value))


def _ceil(value: float) -> float | int:
    return value if isinstance(value, int) else float(math.ceil(value))


def _holds(values: tuple[str, ...], value: str) -> bool:
    return value in values


def _holds_any(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return not set(one).isdisjoint(other)


def _holds_all(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return set(other) <= set(one)


FUNCTIONS: dict[str, Function] = {
    "lower": _plain(str.lower),
    "upper": _plain(str.upper),
    "trim": _plain(_trim),
    "length": _plain(len),
    "len": _plain(len),
    "concat": _concat,
    "starts_with": _plain(str.startswith),
    "ends_with": _plain(str.endswith),
    "contains": _plain(_contains),
    "regexp_matches": _plain(_matches),
    "abs": _plain(abs),
    "round": _plain(_round),
    "floor": _plain(_floor),
    "ceil": _plain(_ceil),
    "least": _extreme(-1),
    "greatest": _extreme(1),
    "coalesce": _coalesce,
    "nullif": _nullif,
    "list_contains": _plain(_holds),
    "list_has_any": _plain(_holds_any),
    "list_has_all": _plain(_holds_all),
    "today": _today,
    "now": _now,
    "days_since": _days(1),
    "days_until": _days(-1),
    "anniversary": _anniversary,
}
