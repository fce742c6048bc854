"""The rows that are judged, and what the engine says of them: columns of a query, fetched once and handed out in blocks.

A block holds so many records that their values stay in the processor's caches, and memory does not grow with the conditions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any, TypeVar

import numpy as np
import pyarrow
from numpy.typing import NDArray
from sqlglot import exp

from sql.truths.bits.days import instant_in, local_days
from sql.truths.bits.groups import text_of
from sql.truths.bits.texts import Texts
from sql.truths.bits.values import FETCHED, KINDS, Kind, Values, values_of
from sql.warehouses.duckdb import DuckDBSession

T = TypeVar("T")
pa: Any = pyarrow
CHUNK = 128
"""Expressions of one statement: the engine plans many more in quadratic time."""
BLOCK = 1 << 16
"""Records of a block: a whole number of bytes of bits."""
_PARAMETER = re.compile(r"\$(\w+)")
Column = Values | Texts


@dataclass(frozen=True)
class Part:
    """The rows of one block of records, `count` from ordinal `first` on: `owners` says to which of them each belongs, from 0."""

    first: int
    count: int
    owners: NDArray[np.int32]
    columns: Mapping[str, Column]

    def column(self, text: str) -> Column | None:
        """The values of an expression that was loaded, by its SQL, one a row; None where numpy does not hold such."""
        return self.columns.get(text)


@dataclass
class Rows:
    """Rows of a query that can be asked for expressions, which are fetched together.

    `wide` makes the query: columns `x<i>` of the expressions; `owner`, the ordinal of the record, one of `count`, that a row is
    of or belongs to; and `place`, which no two rows share.
    """

    session: DuckDBSession
    parameters: Mapping[str, Any]
    wide: Callable[[Sequence[exp.Expr]], str]
    count: int
    is_related: bool = False
    """A record may have several rows, or none; else they come in the order of the records."""
    _kinds: dict[str, Kind | None] = field(default_factory=dict[str, Kind | None])
    _columns: dict[str, Column] = field(default_factory=dict[str, Column])
    _owners: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    def kind(self, tree: exp.Expr) -> Kind | None:
        """How the values of an expression are held; None where they are not."""
        return self._kinds[text_of(tree)]

    def look_at(self, trees: Iterable[exp.Expr]) -> None:
        """Find out how values are held, without fetching them."""
        seen = [tree for tree in trees if text_of(tree) not in self._kinds]
        seen += [instant for tree in seen if (instant := instant_in(tree)) is not None]
        new = {text: tree for tree in seen if (text := text_of(tree)) not in self._kinds}
        for chunk in chunks(new.items()):
            types = self.session.types(wide := self.wide([tree for _, tree in chunk]), self.wanted(wide))
            self._kinds |= {text: KINDS.get(types[f"x{i}"]) for i, (text, _) in enumerate(chunk)}

    def nothing(self) -> Part:
        """No rows of no records: to see what can be done with values of such kinds as were looked at."""
        columns = {
            text: Texts.nothing() if kind == "text" else Values.nothing(kind)
            for text, kind in self._kinds.items()
            if kind
        }
        return Part(0, 0, np.zeros(0, np.int32), columns)

    def load(self, trees: Iterable[exp.Expr]) -> None:
        """Fetch all that will be asked for; values that cannot be held are left out."""
        wanted = {text: tree for tree in trees if self._kinds[text := text_of(tree)] is not None}
        days = {text: instant for text, tree in wanted.items() if (instant := self._instant_in(tree)) is not None}
        fetched = {text: tree for text, tree in wanted.items() if text not in days}
        fetched |= {text_of(instant): instant for instant in days.values()}
        self._fetch(fetched)
        for text, instant in days.items():
            instants = self._columns[text_of(instant)]
            assert isinstance(instants, Values)
            self._columns[text] = local_days(self.session, instants)
        for text in fetched.keys() - wanted.keys():
            del self._columns[text]

    def _instant_in(self, tree: exp.Expr) -> exp.Expr | None:
        """The instant whose local day an expression is."""
        found = instant_in(tree)
        return found if found is not None and self.kind(found) == "instant" else None

    def _fetch(self, trees: Mapping[str, exp.Expr]) -> None:
        fetches = list(chunks(trees.items())) or [()]
        places: NDArray[np.int64] | None = None
        for fetch in fetches:
            table = self._fetched(dict(fetch), has_place=len(fetches) > 1)
            order = self._order(table["owner"].to_numpy()) if places is None else _order_of(table, places)
            if places is None:
                self._owners = _taken(table["owner"].to_numpy(), order)
                places = _taken(table["place"].to_numpy(), order) if len(fetches) > 1 else None
            for i, (text, _) in enumerate(fetch):
                self._columns[text] = self._held(text, table[f"x{i}"].combine_chunks(), order)
                table = table.drop_columns([f"x{i}"])  # of millions of rows each column is there but once

    def parts(self) -> Iterator[Part]:
        """The rows of each block of records, one after the other."""
        blocks = -(-self.count // BLOCK)
        ends = np.searchsorted(self._owners // BLOCK, np.arange(blocks + 1)).tolist()
        for block, (start, end) in enumerate(pairwise(ends)):
            rows, first = slice(start, end), block * BLOCK
            columns = {text: column.part(rows) for text, column in self._columns.items()}
            yield Part(first, min(BLOCK, self.count - first), self._owners[rows] - np.int32(first), columns)

    def judged(self, column: exp.Expr, tests: Sequence[exp.Expr]) -> Iterator[Values]:
        """What the engine says of tests that read one text and nothing else: for each different text, and for no text."""
        texts = self._columns[text_of(column)]
        assert isinstance(texts, Texts)
        words = pa.array([*texts.words, None], pa.string())
        table = pa.table({"place": pa.array(range(len(words))), column.name: words})
        for chunk in chunks(tests):
            asked = ", ".join(f"{text_of(test)} AS x{i}" for i, test in enumerate(chunk))
            alias = column.args["table"].name
            sql = f"SELECT {asked} FROM texts AS {alias} ORDER BY {alias}.place"
            with self.session.reading("texts", table):
                answers = self.session.arrow(sql, self.wanted(sql))
            yield from (values_of("truth", answers[f"x{i}"].combine_chunks()) for i in range(len(chunk)))

    def wanted(self, sql: str) -> dict[str, Any]:
        """The parameters that a query takes."""
        return {name: self.parameters[name] for name in set(_PARAMETER.findall(sql))}

    def _fetched(self, trees: Mapping[str, exp.Expr], has_place: bool) -> Any:
        held = [FETCHED[kind] for text in trees if (kind := self._kinds[text]) is not None]
        columns = ["owner", *(["place"] if has_place else [])]
        columns += [f"{how.format(f'x{i}')} AS x{i}" for i, how in enumerate(held)]
        sql = f"SELECT {', '.join(columns)} FROM ({self.wide(list(trees.values()))})"
        return self.session.arrow(sql, self.wanted(sql))

    def _held(self, text: str, column: Any, order: NDArray[np.intp] | None) -> Column:
        kind = self._kinds[text]
        assert kind is not None
        made = Texts.of(column) if kind == "text" else values_of(kind, column)
        return made if order is None else made.part(order)

    def _order(self, owners: NDArray[np.int32]) -> NDArray[np.intp] | None:
        """The order in which blocks, and records, follow each other; None: they do."""
        by = (owners // BLOCK).astype(np.uint16) if self.is_related else owners
        if len(by) < 2 or bool((by[1:] >= by[:-1]).all()):
            return None
        return np.argsort(by, kind="stable")  # of 16 bits that is fast


def _order_of(table: Any, places: NDArray[np.int64]) -> NDArray[np.intp]:
    """The order in which rows have the same places as others."""
    found = table["place"].to_numpy()
    order = np.argsort(found)
    return order[np.searchsorted(found[order], places)]


def _taken(values: NDArray[Any], order: NDArray[np.intp] | None) -> NDArray[Any]:
    return values if order is None else values[order]


def chunks(items: Iterable[T]) -> Iterator[tuple[T, ...]]:
    """The items, so many at a time as one statement may have."""
    left = iter(items)
    while chunk := tuple(islice(left, CHUNK)):
        yield chunk
