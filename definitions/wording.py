"""A parsed expression as its author would write it: one spelling, whatever spaces and capitals the file has."""

from __future__ import annotations

import re

from sqlglot import exp

from definitions.conditions import DIALECT

_CALLS: dict[type[exp.Expr], str] = {exp.CurrentDate: "today", exp.CurrentTimestamp: "now"}
_WORDS = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\b[A-Z][A-Z_]+\b")


def worded(tree: exp.Expr) -> str:
    """The expression as text.

    >>> import sqlglot
    >>> worded(sqlglot.parse_one("a BETWEEN today() and b+interval 3 days AND c = 'NOT'", dialect="duckdb"))
    "a between today() and b + interval 3 days and c = 'NOT'"
    >>> worded(sqlglot.parse_one("count(t) filter(where x) >= 2", dialect="duckdb"))
    'count(t) filter (where x) >= 2'
    """
    sql = tree.transform(_called).sql(dialect=DIALECT)
    # names of the language are in lower case, so what is not is a word of SQL
    lower = _WORDS.sub(lambda m: m[0] if m[0][0] in "'\"" else m[0].lower(), sql)
    return re.sub(r"\binterval '(\d+)'", r"interval \1", lower).replace("filter(where", "filter (where")


def _called(node: exp.Expr) -> exp.Expr:
    name = _CALLS.get(type(node))
    return exp.Anonymous(this=name, expressions=[]) if name else node
