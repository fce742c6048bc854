"""Aggregates over related rows: each relation grouped once, each distinct aggregate computed once.

Filters are CASE inside the aggregate, not FILTER: DuckDB 2.0 runs the first form two to ten times faster past a few
dozen of them. Sums of decimals are exact to six places, so a result never depends on the order of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from definitions.catalog import Hop
from definitions.conditions import DIALECT

_TYPES = {
    name: exp.DataType.build(name, dialect=DIALECT)
    for name in ("DATE", "TIMESTAMPTZ", "VARCHAR", "DOUBLE", "BIGINT", "INTEGER")
}
_EXACT = exp.DataType.build("DECIMAL(28, 6)", dialect=DIALECT)


def cast_to(value: exp.Expr, type_: str) -> exp.Expr:
    """A cast to one of the engine's types that we use."""
    return exp.Cast(this=value, to=_TYPES[type_].copy())


@dataclass
class Group:
    """The aggregates of one object over one path of relations, by their SQL; each has a column.

    `joins` and `groups` are what its rows are joined with: single records, and groups of a deeper layer.
    """

    object: str
    path: tuple[str, ...]
    hops: tuple[Hop, ...]
    name: str
    columns: dict[str, tuple[str, exp.Expr]] = field(default_factory=dict[str, tuple[str, exp.Expr]])
    joins: dict[str, tuple[str, Hop]] = field(default_factory=dict[str, tuple[str, Hop]])
    groups: dict[str, tuple[str, Group]] = field(default_factory=dict[str, tuple[str, "Group"]])
    root_used: set[str] = field(default_factory=set[str])
    layer: int = 0

    def column(self, aggregate: exp.Expr, alias: str) -> exp.Expr:
        """A reference to the column of an aggregate; equal aggregates share one."""
        sql = aggregate.sql(dialect=DIALECT)
        name, _ = self.columns.setdefault(sql, (f"a{len(self.columns) + 1}", aggregate))
        return exp.column(name, table=alias)


@dataclass(frozen=True)
class Aggregate:
    """One aggregate with its parts compiled. `decimal` says that sums need exact arithmetic."""

    name: str
    argument: exp.Expr | None
    key: exp.Expr
    distinct: bool = False
    where: exp.Expr | None = None
    order: tuple[tuple[exp.Expr, bool], ...] = ()
    decimal: bool = False


def reference(aggregate: Aggregate, group: Group, alias: str) -> exp.Expr:
    """What stands in a leaf for an aggregate: its column, with what no rows mean."""
    argument, where = aggregate.argument, aggregate.where

    def column(made: exp.Expr) -> exp.Expr:
        return group.column(made, alias)

    match aggregate.name:
        case "count":
            return _or_zero(column(_count(argument, where, aggregate.distinct)))
        case "exists":
            return exp.paren(
                exp.GT(this=_or_zero(column(_count(None, where, False))), expression=_number(0)), copy=False
            )
        case "share":
            total = exp.func("NULLIF", column(_count(None, None, False)), _number(0), dialect=DIALECT)
            return exp.paren(exp.Div(this=column(_count(None, where, False)), expression=total), copy=False)
        case "sum":
            return _or_zero(column(_sum(aggregate)))
        case "avg":
            counted = exp.func("NULLIF", column(_count(argument, where, False)), _number(0), dialect=DIALECT)
            return exp.paren(exp.Div(this=column(_sum(aggregate)), expression=counted), copy=False)
        case "bool_or" | "bool_and":
            made = exp.func(aggregate.name.upper(), _case(where, argument), dialect=DIALECT)
            return exp.func("COALESCE", column(made), exp.false(), dialect=DIALECT)
        case "first" | "last" | "any_value":
            return column(_first(aggregate))
        case name:
            return column(exp.func(name.upper(), _case(where, argument), dialect=DIALECT))


def _sum(aggregate: Aggregate) -> exp.Expr:
    value = _case(aggregate.where, aggregate.argument)
    if not aggregate.decimal:
        return exp.TryCast(this=exp.Sum(this=value), to=_TYPES["BIGINT"].copy(), safe=True)
    exact = exp.Sum(this=exp.TryCast(this=value, to=_EXACT.copy(), safe=True))
    return cast_to(exact, "DOUBLE")


@dataclass
class Aggregates:
    """The groups that one object's expressions need."""

    groups: list[Group] = field(default_factory=list[Group])

    def group(self, object_: str, path: tuple[str, ...], hops: tuple[Hop, ...], layer: int = 0) -> Group:
        """The group of an object's path; a new one gets the next name. Paths that walk the same hops share one.

        A group never uses one of its own layer, so that the deepest can be made first.
        """
        for known in self.groups:
            if known.object == object_ and known.layer == layer and _walk(known.hops) == _walk(hops):
                return known
        self.groups.append(Group(object_, path, hops, f"g{len(self.groups) + 1}", layer=layer))
        return self.groups[-1]

    def deepest_first(self) -> list[Group]:
        """The groups in the order in which they can be made."""
        return sorted(self.groups, key=lambda group: -group.layer)

    def text(self) -> str:
        """All aggregates as text, so that an expression's number knows what its columns mean."""
        lines = (
            f"{g.name}.{name} = {g.object}.{'.'.join(g.path)}: {sql}"
            for g in self.groups
            for sql, (name, _) in g.columns.items()
        )
        return "\n".join(lines)


def _walk(hops: tuple[Hop, ...]) -> list[tuple[str, str, str]]:
    return [(hop.source_field, hop.target, hop.target_field) for hop in hops]


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value)


def _or_zero(value: exp.Expr) -> exp.Expr:
    return exp.func("COALESCE", value, _number(0), dialect=DIALECT)


def _case(where: exp.Expr | None, value: exp.Expr | None) -> exp.Expr:
    made = value.copy() if value is not None else _number(1)
    return made if where is None else exp.case().when(where.copy(), made)


def unfiltered(tree: exp.Expr) -> tuple[exp.Expr | None, exp.Expr]:
    """The filter and the value of `CASE WHEN filter THEN value END`, as compiled aggregates have it; of all else no filter.

    >>> [part.sql() for part in unfiltered(exp.maybe_parse("CASE WHEN a > 1 THEN b END"))]
    ['a > 1', 'b']
    >>> unfiltered(exp.maybe_parse("CASE a WHEN 1 THEN b END"))[0] is None
    True
    """
    # one branch, and neither a value that it is compared with nor another for the rest
    if isinstance(tree, exp.Case) and len(tree.args["ifs"]) == 1 and tree.this is tree.args.get("default") is None:
        return tree.args["ifs"][0].this, tree.args["ifs"][0].args["true"]
    return None, tree


def _count(argument: exp.Expr | None, where: exp.Expr | None, distinct: bool) -> exp.Expr:
    if argument is None and where is None:
        return exp.Count(this=exp.Star())
    counted = _case(where, argument)
    return exp.Count(this=exp.Distinct(expressions=[counted]) if distinct else counted)


def _first(aggregate: Aggregate) -> exp.Expr:
    """The first value in an order, missing ones last, ties by key; `last` is the first in the reverse of both orders."""
    turned = aggregate.name == "last"
    keys = [exp.Ordered(this=e.copy(), desc=desc != turned, nulls_first=False) for e, desc in aggregate.order]
    keys.append(exp.Ordered(this=aggregate.key.copy(), desc=turned, nulls_first=False))
    value = aggregate.argument.copy() if aggregate.argument is not None else aggregate.key.copy()
    made = exp.First(this=exp.Order(this=value, expressions=keys))
    known = exp.not_(exp.Is(this=value.copy(), expression=exp.null())) if aggregate.name == "any_value" else None
    conditions = [c for c in (aggregate.where, known) if c is not None]
    return exp.Filter(this=made, expression=exp.Where(this=exp.and_(*conditions))) if conditions else made


def filter_of(aggregate: exp.Expr) -> exp.Expr | None:
    """The filter of a column of a group: rows that do not pass it make no difference to it. None: every row may.

    >>> from sqlglot import parse_one
    >>> filter_of(parse_one("TRY_CAST(SUM(CASE WHEN a > 1 THEN b END) AS BIGINT)", dialect="duckdb")).sql()
    'a > 1'
    """
    match aggregate:
        case exp.Filter():
            return aggregate.expression.this
        case exp.Distinct(expressions=[one]):
            return filter_of(one)
        case exp.AggFunc() | exp.Cast() if isinstance(aggregate.this, exp.Expr):
            return filter_of(aggregate.this)
        case _:
            return unfiltered(aggregate)[0]
