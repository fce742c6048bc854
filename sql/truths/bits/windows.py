"""Windows of time over related rows: many of them are counted and summed in one pass, by the panes between their edges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import groupby
from typing import Any

from sqlglot import exp
from typing_extensions import TypeIs

from sql.truths.bits.forest import flat
from sql.truths.bits.groups import Grouped, text_of
from sql.truths.bits.tests import Compared, Reading, Test
from sql.truths.bits.values import Kind, NotComparable, number_of

Span = tuple[int | None, int | None]
"""From a day or instant, as they are held, up to another one that is no more within it; None: without end."""


@dataclass(frozen=True)
class Windows:
    """Counts, or sums, of the rows that pass the same filter, within windows of the same time.

    Pane `i` is before edge `i` and not before the one in front of it; `named` has the first pane of each window and the one behind its last.
    """

    asked: Grouped
    """What is put together of the rows within each window."""
    of: exp.Expr
    edges: tuple[int, ...]
    named: Mapping[str, tuple[int, int]]

    @cached_property
    def of_text(self) -> str:
        """The time's SQL."""
        return text_of(self.of)


@dataclass(frozen=True)
class _Seen:
    """An aggregate seen as one within a window."""

    name: str
    asked: Grouped
    of: exp.Expr
    span: Span

    @property
    def key(self) -> tuple[str, ...]:
        """The same for all that are worked out in one pass."""
        return text_of(self.of), self.asked.where_text, self.asked.value_text, self.asked.how


@dataclass
class Finder:
    """Finds windows in filters. `kind` says how the values of an expression are held, `constant` what a constant is now."""

    kind: Callable[[exp.Expr], Kind | None]
    constant: Callable[[exp.Expr], Any]

    def split(self, asked: Mapping[str, Grouped]) -> tuple[dict[str, Grouped], list[Windows]]:
        """Aggregates that are worked out one by one, and those within windows that share a pass with others."""
        seen = [found for name, one in asked.items() if (found := self._seen(name, one)) is not None]
        left, together = dict(asked), list[Windows]()
        for _, same in groupby(sorted(seen, key=lambda one: one.key), key=lambda one: one.key):
            alike = list(same)
            if len({one.span for one in alike}) > 1:
                together.append(_together(alike))
                left = {name: one for name, one in left.items() if name not in together[-1].named}
        return left, together

    def _seen(self, name: str, asked: Grouped) -> _Seen | None:
        if asked.where is None or asked.how not in ("rows", "sum", "exact"):
            return None
        reading, parts = Reading({}, {}), list(flat(asked.where, exp.And))
        tests = [(part, reading.read(part)) for part in parts]
        times = sorted(test.term for _, test in tests if _has_end(test) and self._is_time(reading.terms[test.term]))
        if not times:
            return None
        span: Span = (None, None)
        rest: list[exp.Expr] = []
        for part, test in tests:
            if _has_end(test) and test.term == times[0]:
                found = self._narrowed(span, test, reading)
                if found is None:
                    return None
                span = found
            else:
                rest.append(part)
        where = (
            reduce(lambda one, other: exp.and_(one, other, copy=False), (part.copy() for part in rest))
            if rest
            else None
        )
        return _Seen(name, replace(asked, where=where), reading.terms[times[0]], span)

    def _is_time(self, tree: exp.Expr) -> bool:
        return self.kind(tree) in ("day", "instant")

    def _narrowed(self, span: Span, test: Compared, reading: Reading) -> Span | None:
        """The part of a window that passes a comparison; None where it is not one with an end of a window."""
        kind, (low, high) = self.kind(reading.terms[test.term]), span
        assert kind is not None
        try:
            bound = number_of(kind, self.constant(reading.constants[test.constant]))
        except NotComparable:
            return None
        match test.operator:
            case ">=" | ">":
                start = bound + (test.operator == ">")
                return (start if low is None else max(low, start)), high
            case "<" | "<=":
                end = bound + (test.operator == "<=")
                return low, (end if high is None else min(high, end))
            case _:
                raise AssertionError(test.operator)


def times_in(asked: Iterable[Grouped]) -> Iterator[tuple[exp.Expr, exp.Expr]]:
    """What may be a time and the end of a window in filters: terms that are compared with constants."""
    for one in asked:
        reading = Reading({}, {})
        for part in flat(one.where, exp.And) if one.where is not None and one.how in ("rows", "sum", "exact") else ():
            test = reading.read(part)
            if _has_end(test):
                yield reading.terms[test.term], reading.constants[test.constant]


def _has_end(test: Test) -> TypeIs[Compared]:
    """May it be about the end of a window."""
    return isinstance(test, Compared) and test.operator not in ("=", "<>")


def _together(alike: list[_Seen]) -> Windows:
    first = alike[0]
    edges = sorted({edge for one in alike for edge in one.span if edge is not None})
    places = {edge: place for place, edge in enumerate(edges, start=1)}
    named: dict[str, tuple[int, int]] = {}
    for one in alike:
        low, high = one.span
        start = 0 if low is None else places[low]
        end = len(edges) + 1 if high is None else places[high]
        named[one.name] = start, max(start, end)
    return Windows(first.asked, first.of, tuple(edges), named)
