"""How tables are joined: by keys, along relations, and only for records in a scope."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from definitions.catalog import Catalog, Hop
from sql.aggregates import cast_to
from sql.names import record_table
from sql.places import RELATED, ROOT, column


def aliased(name: str, alias: str) -> exp.Expr:
    """A table under an alias."""
    return exp.alias_(exp.to_table(name), alias, table=True, copy=False)


def equal(
    left: str, left_field: str, left_object: str, right: str, right_field: str, right_object: str, catalog: Catalog
) -> exp.Expr:
    """Keys join by value; where two tables type the same key differently, by their text."""
    a, b = column(left_field, left), column(right_field, right)
    sides = ((left_object.split("@")[0], left_field), (right_object.split("@")[0], right_field))
    types = [catalog[o].spec(f) for o, f in sides]
    if types[0] is None or types[1] is None or types[0].type == types[1].type:
        return exp.EQ(this=a, expression=b)
    return exp.EQ(this=cast_to(a, "VARCHAR"), expression=cast_to(b, "VARCHAR"))


def along(hop: Hop, left: str, right: str, catalog: Catalog) -> exp.Expr:
    """What joins the two ends of a hop, by their aliases."""
    return equal(left, hop.source_field, hop.source, right, hop.target_field, hop.target, catalog)


def path_aliases(hops: Sequence[Hop]) -> list[str]:
    """The aliases of the tables on a path to related rows: the record's first, the rows' last."""
    return [ROOT, *(f"p{i}" for i in range(1, len(hops))), RELATED]


def follow(
    query: exp.Select,
    hops: Sequence[Hop],
    aliases: Sequence[str],
    tables: Sequence[exp.Expr],
    catalog: Catalog,
    start: int = 0,
) -> None:
    """Read from the tables on a path, each joined to the one before; the first `start` of them tell nothing and are left out."""
    query.from_(tables[start], copy=False)
    for i in range(start, len(hops)):
        on = along(hops[i], aliases[i], aliases[i + 1], catalog)
        query.join(tables[i + 1], on=on, join_type="inner", copy=False)


def join_related(query: exp.Select, joins: dict[str, tuple[str, Hop]], catalog: Catalog) -> None:
    """Queries grow in place: a copy for every join would cost more than all the rest of compiling."""
    for alias, (base, hop) in joins.items():
        query.join(
            aliased(record_table(hop.target), alias), on=along(hop, base, alias, catalog), join_type="left", copy=False
        )


def within(scope: str, key: exp.Expr, object_: str) -> exp.Expr:
    """Is a record of an object in a table of (object, record)."""
    inside = exp.select("record").from_(scope).where(exp.column("object").eq(object_))
    return exp.In(this=cast_to(key.copy(), "VARCHAR"), query=exp.Subquery(this=inside))


def among_affected(key: exp.Expr, object_: str) -> exp.Expr:
    """Is a record one of those that may be judged otherwise than at the last evaluation."""
    return within("affected", key, object_)
