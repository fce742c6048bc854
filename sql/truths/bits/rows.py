"""The rows that are judged, and what the engine says of them: columns of a query, always in the same order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import pyarrow
from numpy.typing import NDArray
from sqlglot import exp

from definitions.conditions import DIALECT
from sql.truths.bits.tests import Operator
from sql.truths.bits.values import FETCHED, KINDS, Kind, NotComparable, Values
from sql.truths.bits.words import Bits, Mask, Words
from sql.warehouses.duckdb import DuckDBSession

T = TypeVar("T")
pa: Any = pyarrow
CHUNK = 128
"""Expressions of one statement: the engine plans many more in quadratic time."""
_PARAMETER = re.compile(r"\$(\w+)")


@dataclass
class Rows:
    """Rows of a query that can be asked for any expressions; each is fetched once.

    `wide` makes the query: columns `x<i>` of the expressions; `place`, whose order is the rows' order and which no two of
    them share; and `owner`, the ordinal of the record that a row is of or belongs to.
    """

    session: DuckDBSession
    parameters: Mapping[str, Any]
    wide: Callable[[Sequence[exp.Expr]], str]
    in_order: bool = True
    """Rows come in the order of their places; else in that of the first fetch, whatever it is."""
    _kinds: dict[str, Kind | None] = field(default_factory=dict[str, Kind | None])
    _columns: dict[str, Any] = field(default_factory=dict[str, Any])
    _owners: NDArray[np.int32] | None = None
    _places: NDArray[np.int64] | None = None
    _texts: dict[str, Texts] = field(default_factory=dict[str, "Texts"])

    @property
    def owners(self) -> NDArray[np.int32]:
        """The ordinal of each row's record."""
        if self._owners is None:
            self._fetch([])
        assert self._owners is not None
        return self._owners

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.owners)

    def kind(self, tree: exp.Expr) -> Kind | None:
        """How the values of an expression are held; None where they are not."""
        return self._kinds[_text(tree)]

    def look_at(self, trees: Iterable[exp.Expr]) -> None:
        """Find out how values are held, without fetching them."""
        new = {text: tree for tree in trees if (text := _text(tree)) not in self._kinds}
        for chunk in chunks(new.items()):
            types = self.session.types(wide := self.wide([tree for _, tree in chunk]), self.wanted(wide))
            self._kinds |= {text: KINDS.get(types[f"x{i}"]) for i, (text, _) in enumerate(chunk)}

    def load(self, trees: Iterable[exp.Expr]) -> None:
        """Fetch expressions together; those whose values cannot be held are left out."""
        wanted = {_text(tree): tree for tree in trees}
        self.look_at(wanted.values())
        new = [t for text, t in wanted.items() if text not in self._columns and self._kinds[text] is not None]
        for chunk in chunks(new):
            self._fetch(chunk)

    def values(self, tree: exp.Expr) -> Values | None:
        """The values of an expression that was loaded, one a row; None where numpy does not hold such."""
        kind = self._kinds[text := _text(tree)]
        return None if kind is None or kind == "text" else values_of(kind, self._columns[text])

    def truths(self, trees: Sequence[exp.Expr]) -> Iterator[Bits]:
        """What the engine says of tests, one truth a row."""
        self.load(trees)
        for tree in trees:
            values = self.values(tree)
            assert values is not None, _text(tree)
            yield Bits.of(values.values, values.known)

    def texts(self, column: exp.Expr) -> Texts:
        """A column of texts that was loaded: each text once, and each row's text among them."""
        name = _text(column)
        if name not in self._texts:
            found = self._columns[name].combine_chunks().dictionary_encode()
            words, has_missing = found.dictionary.to_pylist(), found.null_count > 0
            codes = (found.indices.fill_null(len(words)) if has_missing else found.indices).to_numpy(
                zero_copy_only=False
            )
            self._texts[name] = Texts(words, Codes(codes, len(words) + 1), has_missing)
        return self._texts[name]

    def looked_up(self, column: exp.Expr, tests: Sequence[exp.Expr]) -> Iterator[Bits]:
        """Tests that read one text and nothing else: judged once for each text and for no text."""
        texts = self.texts(column)
        words = pa.array([*texts.words, None], pa.string())
        table = pa.table({"place": pa.array(range(len(words))), column.name: words})
        for chunk in chunks(tests):
            judged = ", ".join(f"{_text(test)} AS x{i}" for i, test in enumerate(chunk))
            alias = column.args["table"].name
            sql = f"SELECT {judged} FROM texts AS {alias} ORDER BY {alias}.place"
            with self.session.reading("texts", table):
                answers = self.session.arrow(sql, self.wanted(sql))
            for i in range(len(chunk)):
                values = values_of("truth", answers[f"x{i}"])
                yield texts.codes.spread(values)

    def wanted(self, sql: str) -> dict[str, Any]:
        """The parameters that a query takes."""
        return {name: self.parameters[name] for name in set(_PARAMETER.findall(sql))}

    def _fetch(self, trees: Sequence[exp.Expr]) -> None:
        texts = [_text(tree) for tree in trees]
        held = [FETCHED[kind] for text in texts if (kind := self._kinds[text]) is not None]
        columns = ["place", *(["owner"] if self._owners is None else [])]
        columns += [f"{how.format(f'x{i}')} AS x{i}" for i, how in enumerate(held)]
        sql = f"SELECT {', '.join(columns)} FROM ({self.wide(trees)})"
        table = self.session.arrow(sql, self.wanted(sql))
        places: NDArray[np.int64] = table["place"].to_numpy()
        if self._places is None and not self.in_order:
            self._places = places
        elif self._places is None or not np.array_equal(places, self._places):
            # a join has changed the order
            order = np.argsort(places)
            if not self.in_order and self._places is not None:
                order = order[np.argsort(np.argsort(self._places))]
            if not np.array_equal(order, np.arange(len(order))):
                table = table.take(pa.array(order))
            self._places = places[order]
        if self._owners is None:
            self._owners = table["owner"].to_numpy()
        self._columns |= {text: table[f"x{i}"] for i, text in enumerate(texts)}


FEW = 200
"""Of so many different texts each has its own bits."""


@dataclass
class Codes:
    """One of few values a row, by its number: what is true of a value is true of its rows."""

    codes: NDArray[Any]
    count: int
    _words: dict[int, Words] = field(default_factory=dict[int, Words])

    def spread(self, values: Values) -> Bits:
        """The truth of each value, for each row."""
        true, known = values.values, values.known
        if self.count > FEW:
            return Bits.of(true[self.codes], None if known is None else known[self.codes])
        if known is None:
            return Bits(self._rows_of(true))
        return Bits(self._rows_of(true & known), self._rows_of(~true & known))

    def _rows_of(self, chosen: Mask) -> Words:
        made = np.zeros((len(self.codes) + 7) // 8, np.uint8)
        for value in np.flatnonzero(chosen).tolist():
            if value not in self._words:
                self._words[value] = np.packbits(self.codes == value, bitorder="little")
            made |= self._words[value]
        return made


@dataclass
class Texts:
    """A column of texts: each different text, and each row's one; compared for equality as the engine does, byte by byte."""

    words: list[str]
    codes: Codes
    has_missing: bool

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def compared(self, operator: Operator, constant: Any) -> Bits:
        """Each text against a constant."""
        if not isinstance(constant, str) or operator not in ("=", "<>"):
            raise NotComparable
        return self._spread([constant], operator == "<>")

    def listed(self, constants: list[Any]) -> Bits:
        """Each text in a list of constants."""
        if not all(isinstance(constant, str) for constant in constants):
            raise NotComparable
        return self._spread(constants, turned=False)

    def within(self, low: Any, high: Any) -> Bits:
        """The engine knows which texts lie between two others."""
        raise NotComparable

    def missing(self) -> Bits:
        """Where there is no text."""
        return self.codes.spread(Values("truth", np.arange(self.codes.count) == len(self.words)))

    def _spread(self, wanted: Sequence[str], turned: bool) -> Bits:
        true = np.zeros(self.codes.count, np.bool_)
        true[[self._places[word] for word in wanted if word in self._places]] = True
        known = np.arange(self.codes.count) < len(self.words) if self.has_missing else None
        return self.codes.spread(Values("truth", ~true if turned else true, known))


def chunks(items: Iterable[T]) -> Iterator[tuple[T, ...]]:
    """The items, so many at a time as one statement may have."""
    left = iter(items)
    while chunk := tuple(islice(left, CHUNK)):
        yield chunk


def values_of(kind: Kind, column: Any) -> Values:
    """An Arrow column as numpy values; what is missing has none."""
    array = column.combine_chunks()
    if pa.types.is_null(array.type):
        raise NotComparable
    known = None if array.null_count == 0 else array.is_valid().to_numpy(zero_copy_only=False)
    filled = array if known is None else array.fill_null(False if pa.types.is_boolean(array.type) else 0)
    return Values(kind, filled.to_numpy(zero_copy_only=False), known)


def _text(tree: exp.Expr) -> str:
    return tree.sql(dialect=DIALECT)
