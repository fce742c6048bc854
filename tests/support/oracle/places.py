"""Where an expression is asked: what names, aggregates and calls mean for one record, or for a row related to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import cmp_to_key
from typing import Any, Protocol, cast

from sqlglot import exp
from support.oracle import operators as op
from support.oracle.clock import Clock
from support.oracle.functions import FUNCTIONS, furthest
from support.oracle.reading import WHOLE, NotInOracle
from support.oracle.records import Records, Row
from support.oracle.values import Node, value_of

from definitions.catalog import Catalog, Hop
from definitions.checking import type_in
from definitions.grammar import AggregateCall, Call, Name, Scope, Unresolved, parts_of, relation_of, resolve


@dataclass(frozen=True)
class Asked:
    """Whom a condition is asked of, and when; with the passage through a workflow where there is one."""

    object: str
    record: str
    now: datetime
    participant: Any | None = None


class World(Protocol):
    """What a place looks things up in."""

    @property
    def catalog(self) -> Catalog: ...
    @property
    def records(self) -> Records: ...

    def call(self, call: Call, asked: Asked) -> Any:
        """A function of history, membership or the passage, of a record."""
        ...

    def entered_at(self, asked: Asked) -> datetime | None:
        """When the participant entered."""
        ...


@dataclass(frozen=True)
class Here:
    """A record, or a row related to one (`root` is then the record it belongs to): what names mean in `scope`."""

    world: World
    asked: Asked
    scope: Scope
    row: Row
    root: Here | None = None

    @property
    def clock(self) -> Clock:
        return self.world.records.clock

    @property
    def now(self) -> datetime:
        return self.asked.now

    def is_instant(self, node: Node) -> bool:
        return type_in(node, self.world.catalog, self.scope) == "timestamp"

    # ---- names

    def name(self, node: Node) -> Any:
        """A field here or of a single record that a path leads to; where that is not there its fields are missing."""
        parts = parts_of(node)
        if parts == ("entered_at",) and self.world.catalog[self.scope.object].spec("entered_at") is None:
            return self.world.entered_at(self.asked)
        found = resolve(parts, self.world.catalog, self.scope)
        if isinstance(found, Unresolved):
            raise NotInOracle(found.message)
        start = self.root if found.from_root and self.root is not None else self
        return start.field(found)

    def field(self, name: Name) -> Any:
        """A resolved name, from this record on."""
        if not name.hops:
            return self._computed(name.field) if name.computed else self.row[name.field]
        ends = follow(self.world.records, self.row, name.hops, self.now)
        if not ends:
            return None
        asked = Asked(name.object, _key(self.world.catalog, name.object, ends[0]), self.now)
        return Here(self.world, asked, Scope(name.object), ends[0]).field(replace(name, hops=()))

    def _computed(self, field: str) -> Any:
        """A computed field is its expression, asked of the record alone."""
        tree = self.world.catalog[self.scope.object].computed[field].tree
        return value_of(tree, replace(self, scope=Scope(self.scope.object), root=None))

    # ---- aggregates

    def aggregate(self, call: AggregateCall) -> Any:
        """Over the rows of a relation that pass the filter; a row that is reached on two ways counts twice."""
        path = relation_of(call, self.world.catalog, self.scope)
        if isinstance(path, Unresolved):
            raise NotInOracle(path.message)
        rows = self.related(path)
        passing = [row for row in rows if call.where is None or value_of(call.where, row) is True]
        if call.name == "share":
            return len(passing) / len(rows) if rows else None
        bare = isinstance(call.argument, exp.Column | exp.Dot) and parts_of(call.argument) == path
        if bare:
            return len(passing) > 0 if call.name == "exists" else len(passing)
        if call.name in ("first", "last"):
            ordered = in_order(passing, call.order, last=call.name == "last")
            return value_of(call.argument, ordered[0]) if ordered else None
        values = [value for value in (value_of(call.argument, row) for row in passing) if value is not None]
        return _aggregated(call, values, self.clock)

    def related(self, path: tuple[str, ...]) -> list[Here]:
        """The rows over a relation, by key."""
        hops = self.world.catalog.checked(self.scope.object, path)
        target, scope = hops[-1].target, self.scope.inside(hops[-1].target, path)
        ends = follow(self.world.records, self.row, hops, self.now)
        found = [(_key(self.world.catalog, target, row), row) for row in ends]
        return [
            Here(self.world, Asked(target, key, self.now), scope, row, self)
            for key, row in sorted(found, key=lambda pair: pair[0])
        ]

    # ---- calls

    def call(self, node: Node, call: Call) -> Any:
        """A function of its arguments, or one that is asked of the record."""
        function = FUNCTIONS.get(call.name)
        return function(node, call, self) if function else self.world.call(call, self.asked)


def follow(records: Records, row: Row, hops: Sequence[Hop], now: datetime) -> list[Row]:
    """The rows at the end of a path, once for each way; a missing value leads nowhere."""
    here, tables = [row], records.rows_at(now)
    for hop in hops:
        there = tables.get(hop.target, {}).values()
        here = [
            other
            for one in here
            if one[hop.source_field] is not None
            for other in there
            if other[hop.target_field] == one[hop.source_field]
        ]
    return here


def _key(catalog: Catalog, object_: str, row: Mapping[str, Any]) -> str:
    return str(row[catalog[object_].key])


def in_order(rows: Sequence[Here], order: Sequence[exp.Ordered], *, last: bool = False) -> list[Here]:
    """The rows in an order, or from its end; those without a place in it come last either way, ties go by key."""

    def compare(one: Here, other: Here) -> int:
        for item in order:
            a, b = value_of(cast(Node, item.this), one), value_of(cast(Node, item.this), other)
            if a is None or b is None:
                found = (a is None) - (b is None)
            else:
                found = op.order(a, b, one.clock) * (-1 if bool(item.args.get("desc")) != last else 1)
            if found:
                return found
        return 0

    by_key = sorted(rows, key=lambda row: row.asked.record, reverse=last)
    return sorted(by_key, key=cmp_to_key(compare))


def _aggregated(call: AggregateCall, values: list[Any], clock: Clock) -> Any:
    """An aggregate of the values that are not missing, in the order of their rows' keys."""
    match call.name:
        case "count":
            return len(set(values)) if call.distinct else len(values)
        case "sum":
            return _sum(values)
        case "avg":
            return _mean(values)
        case "min" | "max":
            return furthest(values, -1 if call.name == "min" else 1, clock)
        case "any_value":
            return values[0] if values else None
        case "bool_or":
            return any(values)
        case "bool_and":
            return bool(values) and all(values)
        case _:
            raise NotInOracle(f"the aggregate {call.name}")


_MILLIONTH = Decimal("0.000001")


def _sum(values: Sequence[float]) -> float | int:
    """Exact, to six decimals; a sum beyond the whole numbers counts as nothing."""
    if all(isinstance(value, int) for value in values):
        whole = sum(cast("Sequence[int]", values))
        return whole if whole in WHOLE else 0
    with localcontext(prec=400):
        return float(sum(map(op.exact, values), Decimal()).quantize(_MILLIONTH, rounding=ROUND_HALF_UP))


def _mean(values: Sequence[float]) -> float | None:
    """Exact, to six decimals; of nothing it is missing."""
    if not values:
        return None
    with localcontext(prec=400):
        mean = sum(map(op.exact, values), Decimal()) / len(values)
        return float(mean.quantize(_MILLIONTH, rounding=ROUND_HALF_UP))
