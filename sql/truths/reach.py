"""What a truth depends on beside the record's own row: other records it reads, and the clock.

A comparison with the clock whose other side is read from one row crosses its boundary when that side lies between the
last evaluation and this one. Whatever is only compared by local days can change at the first evaluation of a day. What is
neither is judged for everyone, always, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from definitions.catalog import Hop
from definitions.conditions import DIALECT
from sql.aggregates import Group, unfiltered
from sql.places import RECORD, RELATED, ROOT
from sql.truths.plan import Kind, ObjectPlan, numbers_in

Path = tuple[Hop, ...]
JUDGED: tuple[Kind, ...] = ("entry", "inside", "date", "measure")
"""The kinds whose results outlive an evaluation, so that only those that may differ are worked out again."""
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Between)


@dataclass(frozen=True)
class Crossing:
    """Rows at the end of a path, or open spells of `held`, whose `side` is compared with `bound`, which moves with the clock.

    `side` reads columns of `alias` alone, `bound` none.
    """

    path: Path
    alias: str
    side: exp.Expr
    bound: exp.Expr
    held: int | None = None

    @property
    def text(self) -> str:
        """Equal texts are the same crossing."""
        steps = ".".join(f"{hop.source_field}>{hop.target}.{hop.target_field}" for hop in self.path)
        return f"{steps} {self.held} {self.side.sql(dialect=DIALECT)} ~ {self.bound.sql(dialect=DIALECT)}"


@dataclass(frozen=True)
class _Sight:
    """The aliases that an expression can see: paths from the record, and groups with the path of what they are joined to."""

    roots: Mapping[str, Path]
    joins: Mapping[str, tuple[str, Hop]]
    groups: Mapping[str, tuple[str, Group]]

    def path(self, alias: str) -> Path | None:
        """The path to an alias; None where it stands for no record of the catalog."""
        if alias in self.roots:
            return self.roots[alias]
        if alias not in self.joins:
            return None
        base, hop = self.joins[alias]
        before = self.path(base)
        return None if before is None else (*before, hop)

    def group(self, alias: str) -> tuple[Path, Group]:
        """A group and the path to the records that it is of."""
        base, group = self.groups[alias]
        return self.path(base) or (), group


def inside(base: Path, group: Group) -> _Sight:
    """What an aggregate of a group can see."""
    roots = {ROOT: base, RELATED: (*base, *group.hops)}
    roots |= {f"p{i}": (*base, *group.hops[:i]) for i in range(1, len(group.hops))}
    return _Sight(roots, group.joins, group.groups)


@dataclass
class Reach:
    """What the truths of one object depend on."""

    paths: dict[str, Path] = field(default_factory=dict[str, Path])
    crossings: dict[str, Crossing] = field(default_factory=dict[str, Crossing])
    by_day: bool = False
    """Something is compared by local days."""
    looks_back: bool = False
    """Something is compared with the previous evaluation, so that what changed then may be over now."""
    everyone: set[str] = field(default_factory=set[str])
    """Comparisons with the clock that have no boundary: they are judged for everyone at each evaluation."""
    _seen: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])

    def note(self, tree: exp.Expr, sight: _Sight) -> None:
        """Add what an expression depends on."""
        for column in tree.find_all(exp.Column):
            self._column(column, sight)
        for placeholder in tree.find_all(exp.Placeholder):
            self.looks_back |= placeholder.name == "previous_snapshot"
            if placeholder.name == "as_of":
                self._clock(placeholder, sight)

    def add_path(self, path: Path) -> None:
        """Add a path and the paths that lead to it: a change on the way changes where it ends."""
        for i in range(1, len(path) + 1):
            self.paths.setdefault(_walk(path[:i]), path[:i])

    def _column(self, column: exp.Column, sight: _Sight) -> None:
        alias = column.table
        if alias in sight.groups:
            base, group = sight.group(alias)
            self.add_path((*base, *group.hops))
            key = (_walk(base), group.name, column.name)
            if key not in self._seen:
                self._seen.add(key)
                self.note(_aggregate(group, column.name).copy(), inside(base, group))
        elif alias == "previous":
            self.looks_back = True
        elif path := sight.path(alias):
            self.add_path(path)

    def _clock(self, placeholder: exp.Expr, sight: _Sight) -> None:
        bound: exp.Expr = placeholder
        while not isinstance(bound.parent, _COMPARISONS):
            match bound.parent:
                case exp.Cast() as cast if cast.to.this == exp.DataType.Type.DATE:
                    self.by_day = True
                    return
                case exp.TimestampTrunc() | exp.DateTrunc():
                    self.by_day = True
                    return
                case exp.Cast() | exp.Paren() | exp.Alias():
                    bound = bound.parent
                case exp.Add() | exp.Sub() as moved if moved.this is bound and _is_constant(moved.expression):
                    bound = moved
                case exp.Add() as moved if moved.expression is bound and _is_constant(moved.this):
                    bound = moved
                case _:
                    self.everyone.add(_shown(placeholder))
                    return
        comparison = bound.parent
        for side in _others(comparison, bound):
            found = _crossing(side, bound, sight)
            if found is None:
                self.everyone.add(comparison.sql(dialect=DIALECT))
            else:
                self.crossings[found.text] = found


def _sight_of(plan: ObjectPlan) -> _Sight:
    """What a condition of the object itself can see."""
    return _Sight({RECORD: ()}, plan.needs.joins, plan.needs.groups)


def reach_of(plan: ObjectPlan) -> Reach:
    """What the truths of an object depend on that are kept from one evaluation to the next."""
    reach = Reach()
    sight = _sight_of(plan)
    for kind in JUDGED:
        for _, tree in numbers_in(plan, kind):
            reach.note(tree.copy(), sight)  # a copy's nodes know their parents
    return reach


def boundless(plan: ObjectPlan, tree: exp.Expr) -> bool:
    """Is a truth of an object compared with the clock so that it has to be judged for everyone at each evaluation."""
    reach = Reach()
    reach.note(tree.copy(), _sight_of(plan))
    return bool(reach.everyone)


def _crossing(side: exp.Expr, bound: exp.Expr, sight: _Sight) -> Crossing | None:
    aliases = {column.table for column in side.find_all(exp.Column)}
    if len(aliases) != 1 or any(p.name == "as_of" for p in side.find_all(exp.Placeholder)):
        return None
    alias = aliases.pop()
    if alias.startswith("held_"):
        return Crossing((), alias, side, bound, held=int(alias.removeprefix("held_")))
    if alias in sight.groups:
        base, group = sight.group(alias)
        value = (
            _value_of_a_row(_aggregate(group, side.unnest().name)) if isinstance(side.unnest(), exp.Column) else None
        )
        return None if value is None else _crossing(value, bound, inside(base, group))
    path = sight.path(alias)
    return None if path is None else Crossing(path, alias, side, bound)


def _value_of_a_row(aggregate: exp.Expr) -> exp.Expr | None:
    """What an aggregate picks from one of the rows; None where it makes something of several."""
    match aggregate:
        case exp.Min() | exp.Max():
            return unfiltered(aggregate.this)[1]
        case exp.Filter():
            return _value_of_a_row(aggregate.this)
        case exp.First(this=exp.Order() as order):
            return order.this
        case _:
            return None


def _aggregate(group: Group, name: str) -> exp.Expr:
    return next(tree for known, tree in group.columns.values() if known == name)


def _others(comparison: exp.Expr, bound: exp.Expr) -> Iterator[exp.Expr]:
    """What a side of a comparison is compared with."""
    if not isinstance(comparison, exp.Between):
        yield comparison.args["expression"] if comparison.this is bound else comparison.this
    elif comparison.this is bound:
        yield comparison.args["low"]
        yield comparison.args["high"]
    else:
        yield comparison.this


def _is_constant(tree: exp.Expr) -> bool:
    return tree.find(exp.Column, exp.Placeholder, exp.Subquery) is None


def _shown(placeholder: exp.Expr) -> str:
    """The part of a condition in which a reader finds the clock."""
    node = placeholder
    while node.parent is not None and not isinstance(node.parent, exp.Connector | exp.Not | exp.Coalesce):
        node = node.parent
    return node.sql(dialect=DIALECT)


def _walk(path: Path) -> str:
    return " ".join(f"{hop.source_field}>{hop.target}.{hop.target_field}" for hop in path)
