"""How the language reads a parsed leaf: calls by the names authors write, and aggregates over relations.

Checker and compiler look at sqlglot's tree through these views, so both read the same thing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from sqlglot import exp

from definitions.catalog import Catalog, Hop

_CALLS: dict[type[exp.Expr], str] = {
    exp.Lower: "lower",
    exp.Upper: "upper",
    exp.Trim: "trim",
    exp.Length: "length",
    exp.Concat: "concat",
    exp.StartsWith: "starts_with",
    exp.EndsWith: "ends_with",
    exp.Contains: "contains",
    exp.RegexpLike: "regexp_matches",
    exp.Abs: "abs",
    exp.Round: "round",
    exp.Floor: "floor",
    exp.Ceil: "ceil",
    exp.Least: "least",
    exp.Greatest: "greatest",
    exp.Coalesce: "coalesce",
    exp.Nullif: "nullif",
    exp.ArrayContains: "list_contains",
    exp.ArrayOverlaps: "list_has_any",
    exp.CurrentDate: "today",
    exp.CurrentTimestamp: "now",
}
_AGGREGATES: dict[type[exp.Expr], str] = {
    exp.Count: "count",
    exp.Sum: "sum",
    exp.Avg: "avg",
    exp.Min: "min",
    exp.Max: "max",
    exp.LogicalOr: "bool_or",
    exp.LogicalAnd: "bool_and",
    exp.First: "first",
    exp.Last: "last",
    exp.Exists: "exists",
    exp.AnyValue: "any_value",
}


@dataclass(frozen=True)
class Call:
    """A function call by the name the language gives it. Named arguments (`from => a`) are in `named`."""

    name: str
    args: tuple[exp.Expr, ...]
    named: dict[str, exp.Expr]


@dataclass(frozen=True)
class AggregateCall:
    """An aggregate over the rows of a relation, with its filter and order."""

    name: str
    argument: exp.Expr
    distinct: bool
    order: tuple[exp.Ordered, ...]
    where: exp.Expr | None


@dataclass(frozen=True)
class Scope:
    """What bare names mean. Inside an aggregate: the related object, reached from `root` by the relation `path`."""

    object: str
    root: str | None = None
    path: tuple[str, ...] = ()

    def inside(self, target: str, path: tuple[str, ...]) -> Scope:
        """The scope of an aggregate's argument and filter."""
        return Scope(target, self.object, path)


@dataclass(frozen=True)
class Name:
    """A resolved name: a field or computed field of `object`, reached by many-to-one hops from here or from the root."""

    object: str
    field: str
    hops: tuple[Hop, ...] = ()
    from_root: bool = False
    computed: bool = False


@dataclass(frozen=True)
class Unresolved:
    """Why a name means nothing here."""

    code: str
    message: str
    name: str
    known: tuple[str, ...] = ()


def call_of(node: exp.Expr) -> Call | None:
    """The node as a call, or None when it is none. Unknown functions come back under the name written."""
    if isinstance(node, exp.Anonymous):
        plain = [a for a in node.expressions if not isinstance(a, exp.Kwarg)]
        named = {
            a.this.name.lower(): cast(exp.Expr, a.expression) for a in node.expressions if isinstance(a, exp.Kwarg)
        }
        return Call(str(node.this).lower(), tuple(plain), named)
    name = _CALLS.get(type(node))
    if name is None:
        return None
    if isinstance(node, exp.Length) and node.meta.get("end", 0) - node.meta.get("start", 0) == 2:
        name = "len"  # sqlglot reads both as Length; only the written width tells them apart
    return Call(name, _operands(node), {})


_ORDER = ("this", "expression", "decimals", "expressions")


def _operands(node: exp.Expr) -> tuple[exp.Expr, ...]:
    """The arguments as written; one that the parser knows and the language does not comes last, and is one too many."""
    found: list[exp.Expr] = []
    for key in (*_ORDER, *(k for k in node.args if k not in _ORDER)):
        value = node.args.get(key)
        if isinstance(value, exp.Expr):
            found.append(value)
        elif isinstance(value, list):
            found.extend(cast("list[exp.Expr]", value))
    return tuple(found)


def aggregate_of(node: exp.Expr) -> AggregateCall | None:
    """The node as an aggregate with its filter, or None when it is none."""
    if isinstance(node, exp.Filter):
        inner = aggregate_of(cast(exp.Expr, node.this))
        where = cast(exp.Expr, node.expression.this)
        return replace(inner, where=where) if inner is not None and inner.where is None else None
    if isinstance(node, exp.IgnoreNulls):
        return aggregate_of(cast(exp.Expr, node.this))
    if isinstance(node, exp.Anonymous) and str(node.this).lower() == "share" and len(node.expressions) == 1:
        return AggregateCall("share", cast(exp.Expr, node.expressions[0]), False, (), None)
    name = _AGGREGATES.get(type(node))
    argument = node.args.get("this")
    if name is None or not isinstance(argument, exp.Expr) or _second_argument(node, argument):
        return None
    order: tuple[exp.Ordered, ...] = ()
    if isinstance(argument, exp.Order):
        order = tuple(cast("list[exp.Ordered]", argument.expressions))
        argument = cast(exp.Expr, argument.this)
    distinct = isinstance(argument, exp.Distinct)
    if distinct:
        argument = cast(exp.Expr, argument.expressions[0])
    if isinstance(argument, exp.Cast) and name in ("bool_or", "bool_and") and not argument.meta:
        argument = cast(exp.Expr, argument.this)
    return AggregateCall(name, argument, distinct, order, None)


def _second_argument(node: exp.Expr, argument: exp.Expr) -> bool:
    """An aggregate takes one argument; `distinct` takes one too."""
    if isinstance(argument, exp.Distinct) and len(argument.expressions) > 1:
        return True
    seconds = (*node.expressions, node.args.get("expression"), node.args.get("count"))
    return any(isinstance(second, exp.Expr) for second in seconds)


def parts_of(column: exp.Expr) -> tuple[str, ...]:
    """The dotted parts of a column, first to last.

    >>> import sqlglot
    >>> parts_of(sqlglot.parse_one("owner.name"))
    ('owner', 'name')
    """
    if isinstance(column, exp.Dot):
        return (*parts_of(cast(exp.Expr, column.this)), column.expression.name)
    return tuple(part.name for part in cast("list[exp.Identifier]", cast(exp.Column, column).parts))


def relation_of(call: AggregateCall, catalog: Catalog, scope: Scope) -> tuple[str, ...] | Unresolved:
    """The relation an aggregate runs over: the path that its argument's names begin with."""
    paths: set[tuple[str, ...]] = set()
    for column in columns_of(call.argument):
        path = _relation_prefix(parts_of(column), catalog, scope.object)
        if path:
            paths.add(path)
    if len(paths) == 1:
        return paths.pop()
    if not paths:
        many = tuple(n for n in catalog[scope.object].relations if _is_many(catalog, scope.object, (n,)))
        first = parts_of(next(iter(columns_of(call.argument)), exp.column("*")))[0]
        return Unresolved("aggregate", f"`{call.name}` needs a relation of {scope.object} to run over", first, many)
    names = " and ".join(f"`{'.'.join(p)}`" for p in sorted(paths))
    return Unresolved("aggregate", f"one aggregate runs over one relation, not {names}", "")


def columns_of(node: exp.Expr) -> list[exp.Expr]:
    """Outermost column references, in order."""
    if isinstance(node, exp.Column) or (isinstance(node, exp.Dot) and isinstance(node.this, exp.Column | exp.Dot)):
        return [node]
    return [column for child in node.iter_expressions() for column in columns_of(child)]


def _relation_prefix(parts: tuple[str, ...], catalog: Catalog, source: str) -> tuple[str, ...]:
    for length in range(len(parts), 0, -1):
        if _is_many(catalog, source, parts[:length]):
            return parts[:length]
    return ()


def _is_many(catalog: Catalog, source: str, path: tuple[str, ...]) -> bool:
    hops = catalog.walk(source, path)
    return hops is not None and any(hop.many for hop in hops)


def resolve(parts: tuple[str, ...], catalog: Catalog, scope: Scope) -> Name | Unresolved:
    """What a dotted name means in a scope."""
    start, rest, from_root = scope.object, parts, False
    if scope.path and parts[: len(scope.path)] == scope.path and len(parts) > len(scope.path):
        rest = parts[len(scope.path) :]
    elif len(parts) > 1 and parts[0] not in catalog[scope.object].relations:
        if scope.root is not None and parts[0] == scope.root:
            start, rest, from_root = scope.root, parts[1:], True
        elif parts[0] == scope.object:
            rest = parts[1:]
    return _follow(start, rest, catalog, from_root)


def _follow(start: str, parts: tuple[str, ...], catalog: Catalog, from_root: bool) -> Name | Unresolved:
    here, hops = start, ()
    for name in parts[:-1]:
        step = catalog.walk(here, (name,))
        if step is None:
            return Unresolved(
                "unknown-relation", f"`{name}` is not a relation of {here}", name, tuple(catalog[here].relations)
            )
        if any(hop.many for hop in step):
            return Unresolved("aggregate", f"`{name}` has many rows for a {here}: use it inside an aggregate", name)
        hops, here = (*hops, *step), step[-1].target
    field = parts[-1]
    spec = catalog[here]
    if field in spec.computed:
        return Name(here, field, hops, from_root, computed=True)
    if spec.spec(field) is not None:
        return Name(here, field, hops, from_root)
    if field in spec.relations:
        step = catalog.walk(here, (field,))
        use = f"use it inside an aggregate, such as count({field})"
        if step and not any(hop.many for hop in step):
            use = f"name a field of it, such as {field}.{catalog[step[-1].target].key}"
        return Unresolved("aggregate", f"`{field}` is a relation of {here}: {use}", field)
    return Unresolved(
        "unknown-field", f"`{field}` is not a field of {here}", field, (*spec.fields, *spec.computed, spec.key)
    )


def rewrite(node: exp.Expr, visit: Callable[[exp.Expr], exp.Expr | None]) -> exp.Expr:
    """A copy of the tree in which `visit` may replace a node whole; None means: keep it and look at its children."""
    made = visit(node)
    if made is not None:
        return made
    return type(node)(**{key: _rewritten(value, visit) for key, value in node.args.items()})


def _rewritten(value: object, visit: Callable[[exp.Expr], exp.Expr | None]) -> object:
    if isinstance(value, exp.Expr):
        return rewrite(value, visit)
    if isinstance(value, list):
        return [_rewritten(item, visit) for item in cast("list[object]", value)]
    return value
