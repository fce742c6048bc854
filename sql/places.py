"""Where an expression stands, and what it needs beside the record's own row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlglot import exp

from definitions.catalog import Catalog, Hop
from definitions.checking import type_in
from definitions.conditions import DIALECT, Condition
from definitions.grammar import Scope
from definitions.project import Project
from sql.aggregates import Aggregates, Group, cast_to
from sql.names import RESERVED

RECORD, RELATED, ROOT = "r", "t", "o"
"""Aliases: the record itself; inside an aggregate, the related row and the record it belongs to."""
PARTICIPANT_ROW = "p"
"""The alias of the participant, where there is one."""


@dataclass
class Needs:
    """What the expressions of one object need beside the record's own row. Filled while leaves are compiled."""

    object: str
    project: Project
    aggregates: Aggregates = field(default_factory=Aggregates)
    joins: dict[str, tuple[str, Hop]] = field(default_factory=dict[str, tuple[str, Hop]])
    groups: dict[str, tuple[str, Group]] = field(default_factory=dict[str, tuple[str, Group]])
    previous: set[str] = field(default_factory=set[str])
    changed: set[str] = field(default_factory=set[str])
    held: dict[int, exp.Expr] = field(default_factory=dict[int, exp.Expr])
    members: set[str] = field(default_factory=set[str])
    entry_values: dict[int, exp.Expr] = field(default_factory=dict[int, exp.Expr])
    results: set[str] = field(default_factory=set[str])
    flags: set[str] = field(default_factory=set[str])

    @property
    def uses_previous(self) -> bool:
        """Does anything look at the previous evaluation's records."""
        return "previous" in self.flags

    @property
    def catalog(self) -> Catalog:
        """The project's catalog."""
        return self.project.catalog


@dataclass(frozen=True)
class Reading:
    """How parts of leaves and conditions are compiled: the functions of `sql.leaves`, which know all others."""

    tree: Callable[[exp.Expr, Place], exp.Expr]
    condition: Callable[[Condition, Place], exp.Expr]


@dataclass(frozen=True)
class Place:
    """Where an expression stands: its scope, the aliases it reads from, and where joins are noted."""

    scope: Scope
    here: str
    needs: Needs
    joins: dict[str, tuple[str, Hop]]
    groups: dict[str, tuple[str, Group]]
    root_used: set[str]
    reading: Reading
    layer: int = 0

    def compile(self, tree: exp.Expr) -> exp.Expr:
        """A part of a leaf, as it is read here."""
        return self.reading.tree(tree, self)

    def condition(self, condition: Condition) -> exp.Expr:
        """A tree of leaves, as it is read here; never NULL."""
        return self.reading.condition(condition, self)

    def alone(self) -> Place:
        """The record's own place, with nothing noted yet: what an expression needs is then all that is noted."""
        needs = Needs(self.needs.object, self.needs.project)
        return replace(
            self,
            scope=Scope(needs.object),
            here=RECORD,
            needs=needs,
            joins=needs.joins,
            groups=needs.groups,
            root_used=set[str](),
            layer=0,
        )


def number_of(object_: str, kind: str, sql: str) -> int:
    """The stable number of an expression on an object: 60 bits of a hash, the same on every machine."""
    return int(hashlib.md5(f"{object_}\n{kind}\n{sql}".encode()).hexdigest()[:15], 16)


def edge(truth: exp.Expr) -> exp.Expr:
    """At a leaf's edge unknown becomes false."""
    return exp.func("COALESCE", truth, exp.false(), dialect=DIALECT)


def column(name: str, table: str) -> exp.Expr:
    """A column of the catalog's, quoted where its name is a word of SQL."""
    return exp.Column(this=exp.to_identifier(name, quoted=name in RESERVED), table=exp.to_identifier(table))


def as_of() -> exp.Expr:
    """The evaluation's instant."""
    return cast_to(exp.Placeholder(this="as_of"), "TIMESTAMPTZ")


def today() -> exp.Expr:
    """The evaluation's date in the session's timezone, which is the project's."""
    return cast_to(as_of(), "DATE")


def type_at(node: exp.Expr, place: Place) -> str:
    """The type of a part of a leaf."""
    return type_in(node, place.needs.catalog, place.scope)


def both(*parts: exp.Expr) -> exp.Expr:
    """All of some truths."""
    return exp.paren(exp.and_(*parts, copy=False), copy=False)


def in_brackets(operand: exp.Expr) -> exp.Expr:
    """A truth that is compared stands in brackets: the engine reads no chains of comparisons."""
    return exp.paren(operand, copy=False) if isinstance(operand, exp.Predicate | exp.Connector | exp.Not) else operand


def reading_root(node: exp.Expr, root: Place) -> exp.Expr:
    """Something of the record itself, read from inside an aggregate: its row is joined where that is needed."""
    made = in_brackets(root.compile(node))
    if any(c.table == ROOT or c.table.startswith(f"{ROOT}__") for c in made.find_all(exp.Column)):
        root.root_used.add(ROOT)
    return made


def held_alias(number: int) -> str:
    """The alias under which a held condition's open spell is joined."""
    return f"held_{number}"


def member_alias(workflow: str) -> str:
    """The alias under which a record's membership of a workflow is joined."""
    return f"member_{workflow}"


def entry_alias(number: int) -> str:
    """The alias under which a value stored at entry is joined."""
    return f"entry_{number}"


def result_alias(step: str) -> str:
    """The alias under which the results of a step are joined."""
    return f"result_{step}"
