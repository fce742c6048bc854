"""Of related rows, only the recent ones matter where everything that is asked of them is about a while ending now."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from definitions.conditions import DIALECT
from sql.aggregates import cast_to


def recent(filters: Iterable[exp.Expr | None]) -> exp.Expr | None:
    """What every row meets that passes one of some filters: a column, mostly a time, is not below the least that they name.

    None where a filter names none. Unlike most of a filter this leaves whole row groups unread.
    """
    found = [dict(_starts(tree)) if tree is not None else {} for tree in filters]
    shared = set[exp.Expr]().union(*found).intersection(*found)
    if not shared:
        return None
    time = min(shared, key=lambda column: column.sql(dialect=DIALECT))
    starts = list(dict.fromkeys(starts[time] for starts in found))
    earliest = starts[0] if len(starts) == 1 else exp.Least(this=starts[0], expressions=starts[1:], ignore_nulls=True)
    return exp.GTE(this=time.copy(), expression=earliest.copy())


def _starts(tree: exp.Expr) -> Iterable[tuple[exp.Expr, exp.Expr]]:
    """Columns that must not be below something that is the same for all rows, and that."""
    for part in tree.flatten() if isinstance(tree, exp.And) else (tree,):
        compared = part.unnest()
        match compared:
            case exp.GTE() | exp.GT():
                start = compared.expression
            case exp.Between():
                start = compared.args["low"]
            case _:
                continue
        match compared.this.unnest():
            case _ if start.find(exp.Column, exp.Query) is not None:
                pass
            case exp.Column() as time:
                yield time, start
            case exp.Cast(this=exp.Column() as time) as day if day.is_type("DATE"):
                # the day begins at one instant or another; a day more does no harm
                midnight = cast_to(start.copy(), "TIMESTAMPTZ")
                yield time, midnight - exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY"))
            case _:
                pass
