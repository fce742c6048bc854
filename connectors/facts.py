"""What a source can say about its tables, for catalog files that nobody has to type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Kind = Literal["text", "integer", "number", "boolean", "date", "timestamp", "list"]
SAMPLE = 1000
"""Rows that are looked at."""


@dataclass(frozen=True)
class Column:
    """One column: its kind, None where only its values can tell, and the values it can have, where that is declared."""

    name: str
    kind: Kind | None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """One table: its columns, its key and what others it refers to where constraints say so, and some of its rows.

    `references` gives, by column, the table that it refers to.
    """

    table: str
    columns: tuple[Column, ...]
    key: str | None = None
    references: Mapping[str, str] = field(default_factory=dict[str, str])
    sample: tuple[Mapping[str, Any], ...] = ()


@runtime_checkable
class Describing(Protocol):
    """A source that can tell of its tables."""

    def facts(self) -> tuple[Facts, ...]:
        """Every table, in the order of names."""
        ...


_KINDS: tuple[tuple[str, Kind], ...] = (
    (r".*\[\]|list\b.*|array\b.*", "list"),
    (r"bool.*", "boolean"),
    (r"u?(small|big|tiny|huge)?int(eger)?\d*\b(?!erval).*|serial.*|(numeric|decimal)\(\d+(, ?0)?\)", "integer"),
    (r"numeric.*|decimal.*|real|double.*|float.*|money|number.*", "number"),
    (r"timestamp.*|datetime.*", "timestamp"),
    (r"date", "date"),
)


def kind_of(type_: str) -> Kind:
    """The kind of a column from its type as a database writes it.

    >>> kind_of("numeric(12,2)"), kind_of("BIGINT"), kind_of("timestamp with time zone"), kind_of("interval")
    ('number', 'integer', 'timestamp', 'text')
    """
    for pattern, kind in _KINDS:
        if re.fullmatch(pattern, type_.lower()):
            return kind
    return "text"
