"""Values as a test writes them, read as the catalog's types. What does not fit its type is missing."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from support.oracle.clock import Clock

WHOLE = range(-(2**63), 2**63)
"""The whole numbers there are."""

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:\d{2})?)?)?\Z")
_LIKE_A_TIME = re.compile(r"\s*\d{1,4}[-/]\d{1,2}[-/]\d{1,2}")
_GROUPED = re.compile(r"[+-]?\d+(_\d+)+\Z")
_TRUTHS = {"true": True, "false": False}
_OTHER_TRUTHS = frozenset(["t", "f", "1", "0", "y", "n", "yes", "no", "on", "off"])


class NotInOracle(Exception):
    """The pages do not say, or the oracle does not know yet: never guessed."""


def read(type_: str, value: Any, clock: Clock) -> Any:
    """A value of a type of the catalog, or None where it is missing or does not fit.

    Integers are int, numbers float, dates date, timestamps instants with an offset, lists tuples of text.
    """
    if value is None:
        return None
    if type_ == "timestamp":
        return read_instant(value, clock)
    return _READERS[type_](value)


def read_instant(value: Any, clock: Clock) -> datetime | None:
    """An instant; without an offset it is local to the project's timezone."""
    if isinstance(value, datetime):
        return value if value.tzinfo else clock.instant(value)
    if isinstance(value, date):
        return clock.midnight(value)
    written = str(value)
    if not _INSTANT.match(written):
        return _no_time(written)
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        if " 24:" in written.replace("T", " "):
            raise NotInOracle(f"`{written}` as a time") from None
        return None
    return moment if moment.tzinfo else clock.instant(moment)


def read_date(value: Any) -> date | None:
    """A date as ISO writes it, of a year with four digits."""
    if isinstance(value, datetime):
        raise NotInOracle("an instant in a field that holds dates")
    if isinstance(value, date):
        return value
    written = str(value)
    if not _DATE.match(written):
        return _no_time(written)
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _no_time(written: str) -> None:
    """Missing, unless it may be meant as a time that is written otherwise: which of these are read no page says."""
    if _LIKE_A_TIME.match(written):
        raise NotInOracle(f"`{written}` as a time")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _integer(value: Any) -> int | None:
    """A fraction is no whole number."""
    written = _digits(value)
    if written is None:
        return None
    try:
        number = Decimal(written)
        whole = int(number) if number == number.to_integral_value() else None
    except (InvalidOperation, OverflowError):
        return None
    return whole if whole is not None and whole in WHOLE else None


def _number(value: Any) -> float | None:
    """What is not finite is missing."""
    written = _digits(value)
    if written is None:
        return None
    found = float(written)
    return found if math.isfinite(found) else None


def _digits(value: Any) -> str | None:
    written = str(value).strip()
    if _GROUPED.match(written):
        raise NotInOracle(f"`{written}` as a number")
    return written if _NUMBER.match(written) else None


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    written = str(value).lower()
    if written.strip() in _OTHER_TRUTHS or written.strip() != written:
        raise NotInOracle(f"`{written}` as a truth")
    return _TRUTHS.get(written)


def _list(value: Any) -> tuple[str, ...] | None:
    """`["a", "b"]` or `[a, b]`; what has no brackets is no list."""
    if isinstance(value, list | tuple):
        return tuple(_text(v) for v in cast("list[Any]", value))
    written = str(value).strip()
    if not (written.startswith("[") and written.endswith("]")):
        return None
    try:
        found = cast("list[Any]", json.loads(written))
    except ValueError:
        inner = written[1:-1].strip()
        return tuple(_bare(part) for part in inner.split(",")) if inner else ()  # as YAML would write it
    if any(not isinstance(v, str) for v in found):
        raise NotInOracle(f"a list that does not hold text: {written}")
    return tuple(found)


def _bare(part: str) -> str:
    part = part.strip()
    if len(part) > 1 and part[0] == part[-1] and part[0] in "'\"":
        return part[1:-1]
    if part.lower() == "null" or part[:1] in ("'", '"'):
        raise NotInOracle(f"`{part}` in a list")
    return part


_READERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": read_date,
    "list": _list,
}
