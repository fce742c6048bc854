"""Fetched values as numpy arrays, and comparisons with constants that mean what the engine means by them.

Dates are days and instants microseconds since 1970, whole numbers. What cannot be compared exactly is not compared here:
`NotComparable` sends the test to the engine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
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


class NotComparable(Exception):
    """A comparison that would not mean exactly what the engine means."""


@dataclass(frozen=True)
class Values:
    """One value a record; `known` says where there is one, None: everywhere."""

    kind: Kind
    values: NDArray[Any]
    known: Mask | None = None

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
            case "day" if type(constant) is date:
                return _against(self.values, operator, (constant - date(1970, 1, 1)).days)
            case "instant" if isinstance(constant, datetime) and constant.tzinfo is not None:
                since = constant - datetime(1970, 1, 1, tzinfo=UTC)
                return _against(
                    self.values, operator, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
                )
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
    if isinstance(constant, bool) or not isinstance(constant, int | float | Decimal) or np.isnan(values).any():
        raise NotComparable
    return _against(values, operator, float(constant))


def _against(values: NDArray[Any], operator: Operator, constant: float) -> Mask:
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
