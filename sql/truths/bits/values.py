"""Fetched values as numpy arrays, and comparisons with constants that mean what the engine means by them.

Dates are days and instants microseconds since 1970, whole numbers. What cannot be compared exactly is not compared here:
`NotComparable` sends the test to the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

from sql.truths.bits.tests import Operator
from sql.truths.bits.words import Bits, Mask

Kind = Literal["whole", "real", "day", "instant", "truth", "text"]
KINDS: dict[str, Kind] = {
    "TINYINT": "whole",
    "SMALLINT": "whole",
    "INTEGER": "whole",
    "BIGINT": "whole",
    "UTINYINT": "whole",
    "USMALLINT": "whole",
    "UINTEGER": "whole",
    "DOUBLE": "real",
    "FLOAT": "real",
    "DATE": "day",
    "TIMESTAMP WITH TIME ZONE": "instant",
    "BOOLEAN": "truth",
    "VARCHAR": "text",
}
"""How values of the engine's types are held; others are not."""
FETCHED: dict[Kind, str] = {
    "whole": "{}",
    "real": "{}",
    "day": "CAST(({}) - DATE '1970-01-01' AS INTEGER)",
    "instant": "epoch_us({})",
    "truth": "{}",
    "text": "{}",
}
"""What is fetched for a term of each kind."""
LIMIT = 2**63
"""Whole numbers of 8 bytes are below it."""


class NotComparable(Exception):
    """A comparison that would not mean exactly what the engine means, whatever the values are."""


class NotExact(Exception):
    """Values that are there cannot be put together exactly as the engine does; `what` is the SQL of the values."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


_HELD: Mapping[Kind, Any] = {
    "whole": np.int64,
    "real": np.float64,
    "day": np.int32,
    "instant": np.int64,
    "truth": np.bool_,
}


@dataclass(frozen=True)
class Values:
    """One value a record. `found` says where there is one, None: everywhere; it may be worked out when it is first asked for."""

    kind: Kind
    values: NDArray[Any]
    found: Mask | Callable[[], Mask] | None = None
    blank: int | None = None
    """What stands where there is no value, if that is the same everywhere."""

    @cached_property
    def known(self) -> Mask | None:
        """Where there is a value; None: everywhere."""
        return self.found() if callable(self.found) else self.found

    @staticmethod
    def nothing(kind: Kind) -> Values:
        """Values of a kind for no record at all."""
        return Values(kind, np.zeros(0, _HELD[kind]))

    def part(self, rows: slice | NDArray[np.intp]) -> Values:
        """The values of some rows."""
        return Values(self.kind, self.values[rows], None if self.known is None else self.known[rows])

    @cached_property
    def size(self) -> int:
        """The largest distance of a whole number from 0."""
        return max(abs(int(self.values.min())), abs(int(self.values.max()))) if len(self.values) else 0

    def missing(self) -> Bits:
        """Where there is no value."""
        if self.known is None:
            return Bits.constant(False, len(self.values))
        return Bits.of(~self.known)

    def compared(self, operator: Operator, constant: Any) -> Bits:
        """Each value against a constant; against nothing all is unknown."""
        if constant is None:
            return Bits.constant(None, len(self.values))
        return Bits.of(self._mask(operator, constant), self.known)

    def within(self, low: Any, high: Any) -> Bits:
        """Each value between two constants."""
        if low is None or high is None:
            raise NotComparable
        return Bits.of(self._mask(">=", low) & self._mask("<=", high), self.known)

    def against(self, operator: Operator, other: Values, factor: Any) -> Bits:
        """Each value against that of another term, times a constant."""
        if self.kind != other.kind or self.kind not in ("whole", "day", "instant") or isinstance(factor, bool):
            raise NotComparable
        if not isinstance(factor, int | Decimal) or (self.kind != "whole" and factor != 1):
            raise NotComparable
        over, under = Fraction(factor).as_integer_ratio()
        left, right = _times(self, under), _times(other, over)
        known = self.known if other.known is None else other.known if self.known is None else self.known & other.known
        return Bits.of(_against(left, operator, right), known)

    def divided(self, by: Values) -> Values:
        """Each value divided by another one; unknown where that is 0."""
        if not {self.kind, by.kind} <= {"whole", "real"}:
            raise NotComparable
        known = by.values != 0
        for other in (self.known, by.known):
            known = known if other is None else known & other
        under = np.where(known, by.values, 1).astype(np.float64)
        return Values("real", self.values.astype(np.float64) / under, known)

    def filled(self, value: int) -> Values:
        """With a whole number in the place of what is missing."""
        if self.kind not in ("whole", "real"):
            raise NotComparable
        if self.blank == value or self.known is None:
            return Values(self.kind, self.values)
        return Values(self.kind, np.where(self.known, self.values, self.values.dtype.type(value)))

    def listed(self, constants: list[Any]) -> Bits:
        """Each value in a list of constants."""
        if any(constant is None for constant in constants):
            raise NotComparable
        made = np.zeros(len(self.values), np.bool_)
        for constant in constants:
            made |= self._mask("=", constant)
        return Bits.of(made, self.known)

    def _mask(self, operator: Operator, constant: Any) -> Mask:
        match self.kind:
            case "whole":
                return _whole(self.values, operator, constant)
            case "real":
                return _real(self.values, operator, constant)
            case _:
                return _against(self.values, operator, number_of(self.kind, constant))


def number_of(kind: Kind, constant: Any) -> int:
    """A date or an instant as values of that kind are held."""
    match kind:
        case "day" if type(constant) is date:
            return (constant - date(1970, 1, 1)).days
        case "instant" if isinstance(constant, datetime) and constant.tzinfo is not None:
            since = constant - datetime(1970, 1, 1, tzinfo=UTC)
            return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        case _:
            raise NotComparable


def _whole(values: NDArray[np.int64], operator: Operator, constant: Any) -> Mask:
    """Whole numbers against a number that may lie between two of them."""
    if isinstance(constant, bool) or not isinstance(constant, int | Decimal):
        raise NotComparable  # a real number: the engine compares both as such
    low, high = math.floor(constant), math.ceil(constant)
    if low == high:
        return _against(values, operator, low)
    match operator:
        case "=":
            return np.zeros(len(values), np.bool_)
        case "<>":
            return np.ones(len(values), np.bool_)
        case ">" | ">=":
            return _against(values, ">=", high)
        case "<" | "<=":
            return _against(values, "<=", low)
        case _:
            assert_never(operator)


def _real(values: NDArray[np.float64], operator: Operator, constant: Any) -> Mask:
    if isinstance(constant, bool) or not isinstance(constant, int | float | Decimal) or math.isnan(constant):
        raise NotComparable
    if operator in (">", ">="):  # to the engine what is not a number is greater than all numbers
        return ~_against(values, "<=" if operator == ">" else "<", float(constant))
    return _against(values, operator, float(constant))


def _times(values: Values, factor: int) -> NDArray[Any]:
    if factor == 1:
        return values.values
    if values.size * abs(factor) >= LIMIT:
        return values.values.astype(object) * factor
    return values.values.astype(np.int64) * factor


def _against(values: NDArray[Any], operator: Operator, constant: Any) -> Mask:
    match operator:
        case "=":
            return values == constant
        case "<>":
            return values != constant
        case "<":
            return values < constant
        case "<=":
            return values <= constant
        case ">":
            return values > constant
        case ">=":
            return values >= constant
        case _:
            assert_never(operator)


def values_of(kind: Kind, column: Any) -> Values:
    """An Arrow column as numpy values; what is missing has none."""
    known = None if column.null_count == 0 else column.is_valid().to_numpy(zero_copy_only=False)
    filled = column if known is None else column.fill_null(False if kind == "truth" else 0)
    return Values(kind, filled.to_numpy(zero_copy_only=False), known)
