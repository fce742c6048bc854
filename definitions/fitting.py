"""Does a value as it is written fit a field of the catalog?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from definitions.catalog import FieldSpec
from definitions.problems import did_you_mean

A_TYPE = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date",
    "timestamp": "an instant",
}


def misfit(value: Any, name: str, spec: FieldSpec) -> tuple[str, str, str | None] | None:
    """Code, message and hint where it does not fit. Nothing fits everywhere, and text may hold anything but for `values`."""
    if value is None:
        return None
    if spec.type in _READS:
        return (
            None if _READS[spec.type](value) else ("type", f"`{name}` is {A_TYPE[spec.type]}; this is `{value}`", None)
        )
    if spec.type == "text" and spec.values and str(value) not in spec.values:
        return "unknown-value", f"`{value}` is not a value of `{name}`", did_you_mean(str(value), spec.values)
    return None


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and float(value) == float(value)
    except (TypeError, ValueError):
        return False


def _is_instant(value: Any) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def _is_date(value: Any) -> bool:
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return _is_instant(value)
    return True


_READS: Mapping[str, Callable[[Any], bool]] = {
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool) or str(value) in ("true", "false"),
    "date": _is_date,
    "timestamp": _is_instant,
}
