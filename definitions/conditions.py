"""Conditions: all, any, none, and leaves of SQL. A leaf is parsed once, here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, TypeAlias, cast

import sqlglot
from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema, with_config
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, SqlglotError
from typing_extensions import TypeAliasType, TypedDict

from definitions.problems import Span
from definitions.source import Place, Text
from definitions.values import fault

DIALECT = DuckDB()  # made once: a name would make one for every text read or written
MAX_LENGTH = 4_000
MAX_DEPTH = 60
ASKS_NOW = re.compile(r"\bnow\s*\(", re.IGNORECASE)
"""Whether a text may ask for the instant."""
MAX_KEPT = 16_384  # texts whose trees are kept, as workflows share many


@dataclass(frozen=True)
class Fault:
    """Why a text could not be read as an expression, and at which character."""

    code: str
    message: str
    hint: str | None = None
    offset: int = 0


@dataclass(frozen=True)
class Expression:
    """A piece of SQL as written, parsed, with its place. Two are equal when their normalised SQL is."""

    sql: str
    tree: exp.Expr = field(compare=False, repr=False)
    place: Place | None = field(default=None, compare=False, repr=False)
    fault: Fault | None = field(default=None, compare=False, repr=False)
    shift: int = field(default=0, compare=False, repr=False)

    def span(self, node: exp.Expr | None = None) -> Span:
        """The place of a node of the tree, or of the whole."""
        return self.at(_offset(node) if node is not None else 0)

    def at(self, offset: int) -> Span:
        """The place of one character of the SQL as written."""
        return self.place.at(max(offset - self.shift, 0)) if self.place else Span("", 1, 1)


@dataclass(frozen=True)
class Leaf:
    """One SQL boolean; at its edge unknown becomes false."""

    expression: Expression


@dataclass(frozen=True)
class All:
    """True when every part is."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Any_:
    """True when at least one part is."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class None_:
    """True when no part is."""

    parts: tuple[Condition, ...]


Condition: TypeAlias = Leaf | All | Any_ | None_


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Every leaf, in the order written."""
    match condition:
        case Leaf():
            yield condition
        case All(parts) | Any_(parts) | None_(parts):
            for part in parts:
                yield from leaves(part)


def parse_expression(value: Any) -> Expression:
    """Parse one SQL expression. What cannot be read is kept with its fault, so that every fault of a file is shown."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        raise fault("condition", "a condition is text: an SQL boolean", "quote it, or use `all`, `any` or `none`")
    written = str(value)
    place = value.place if isinstance(value, Text) else None
    outcome = _parse(written)
    if isinstance(outcome, Fault):
        return Expression(written, exp.Null(), place, outcome)
    return Expression(_normal(written), outcome, place)


@lru_cache(maxsize=MAX_KEPT)
def _normal(written: str) -> str:
    """A text that can be read, as it is compared: normalised SQL."""
    outcome = _parse(written)
    assert not isinstance(outcome, Fault)
    return outcome.sql(dialect=DIALECT)


_ORDER_PREFIX = "first(x order by "


def parse_order(value: Any) -> Expression:
    """Parse the order of a `first(..)`: one or more expressions, each with `asc` or `desc`."""
    if isinstance(value, Expression):
        return value
    written, place = str(value), value.place if isinstance(value, Text) else None
    outcome = _parse(f"{_ORDER_PREFIX}{written})")
    if isinstance(outcome, Fault):
        return Expression(written, exp.Null(), place, Fault("sql-syntax", f"`{written}` is not an order", outcome.hint))
    return Expression(written, outcome, place, shift=len(_ORDER_PREFIX))


@lru_cache(maxsize=MAX_KEPT)
def _parse(written: str) -> exp.Expr | Fault:
    """Equal texts share their tree: nobody changes a tree in place."""
    if not written.strip():
        return Fault("condition", "an empty condition")
    if len(written) > MAX_LENGTH or _depth(written) > MAX_DEPTH:
        return Fault("sql-too-large", "the expression is too long or too deeply nested", "name parts of it as segments")
    try:
        trees = sqlglot.parse(written, dialect=DIALECT)
    except ParseError as error:
        return _syntax_fault(written, error)
    except (SqlglotError, RecursionError):
        return Fault("sql-syntax", "not readable as SQL", "check quotes and brackets")
    if len(trees) != 1 or trees[0] is None:
        return Fault("sql-statements", "one expression, without `;`")
    return trees[0]


def _syntax_fault(written: str, error: ParseError) -> Fault:
    found: dict[str, Any] = cast(Any, error.errors[0]) if error.errors else {}
    near = str(found.get("highlight") or "")
    what = str(found.get("description") or "unexpected text").rstrip(".")
    if "<class" in what:
        what = "something is missing"
    line, column = int(found.get("line") or 1), int(found.get("col") or 1)
    # sqlglot counts the column at the end of the token
    offset = sum(len(part) + 1 for part in written.split("\n")[: line - 1]) + column - len(near)
    message = f"not readable as SQL: {what[:1].lower()}{what[1:]}" + (f", near `{near}`" if near else "")
    return Fault("sql-syntax", message, offset=max(offset, 0))


def parse_condition(value: Any) -> Condition:
    """A leaf, a list (all of them), or a mapping with exactly one of all, any, none."""
    if isinstance(value, Leaf | All | Any_ | None_):
        return value
    if isinstance(value, list):
        return All(_parts(cast("list[Any]", value)))
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if len(mapping) != 1 or next(iter(mapping)) not in _GROUPS:
            raise fault(
                "condition", "a group is a mapping with exactly one of `all`, `any`, `none`", _cut_hint(mapping)
            )
        name, parts = next(iter(mapping.items()))
        return _GROUPS[name](_parts(parts))
    return Leaf(parse_expression(value))


def _parts(value: Any) -> tuple[Condition, ...]:
    parts = cast("list[Any]", value) if isinstance(value, list) else [value]
    if not parts:
        raise fault("empty-group", "an empty group of conditions")
    return tuple(parse_condition(part) for part in parts)


def _cut_hint(mapping: dict[str, Any]) -> str | None:
    if any(re.search(r"[()=<>']", key) for key in mapping):
        return "a comma or `: ` may have cut the condition: put it on its own line or in quotes"
    return None


_GROUPS: dict[str, Any] = {"all": All, "any": Any_, "none": None_}


def _depth(written: str) -> int:
    deepest = depth = 0
    for char in written:
        depth += (char in "([") - (char in ")]")
        deepest = max(deepest, depth)
    return deepest


def _offset(node: exp.Expr) -> int:
    starts = [int(n.meta["start"]) for n in node.walk() if "start" in n.meta]
    return min(starts, default=0)


_Leaf: TypeAlias = Annotated[str, Field(min_length=1, description="an SQL boolean, such as `seats > 50`")]


@with_config(ConfigDict(extra="forbid"))
class AllOf(TypedDict):
    """True when every part is."""

    all: Written  # pyright: ignore[reportInvalidTypeForm]


@with_config(ConfigDict(extra="forbid"))
class AnyOf(TypedDict):
    """True when at least one part is."""

    any: Written  # pyright: ignore[reportInvalidTypeForm]


@with_config(ConfigDict(extra="forbid"))
class NoneOf(TypedDict):
    """True when no part is."""

    none: Written  # pyright: ignore[reportInvalidTypeForm]


# how a condition is written, for the JSON Schema alone; pyright does not follow an alias through classes back to itself
Written = TypeAliasType(
    "Written",
    _Leaf | Annotated[list["Written"], Field(min_length=1)] | AllOf | AnyOf | NoneOf,  # pyright: ignore[reportInvalidTypeForm]
)

When = Annotated[Condition, PlainValidator(parse_condition, json_schema_input_type=Written)]
Sql = Annotated[
    Expression,
    PlainValidator(parse_expression),
    WithJsonSchema({"type": ["string", "number"], "minLength": 1, "examples": ["seats * 1.1"]}),
]
Order = Annotated[
    Expression,
    PlainValidator(parse_order),
    WithJsonSchema({"type": "string", "minLength": 1, "examples": ["last_seen_at desc"]}),
]
