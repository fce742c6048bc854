"""A statement: SQL with a name and a sentence, and the files that hold fixed ones.

A file of fixed statements is plain SQL in which each statement stands under a header line:

    -- [close_episodes] Close the episodes whose condition no longer holds.

The name finds it in logs and tests, the sentence explains it to a reader who knows SQL. `[let_go if leavers]` has nothing
to do where the table `leavers` is empty, and is passed over then. Values come in as parameters
(`$as_of`), never as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from typing import Any

_HEADER = re.compile(r"^-- \[(\w+)(?: if ([\w. ]+))?\] (.+)$", re.MULTILINE)
_MADE = re.compile(r"CREATE OR REPLACE TEMP TABLE (\w+)( AS\b)?")
_ADDED_TO = re.compile(r"INSERT INTO (\w+)\b(?!\.)")
_ADDS_TO = re.compile(r"(?:INSERT|MERGE) INTO ([\w.]+)")
_PARAMETER = re.compile(r"\$([a-z_]+)")


@dataclass(frozen=True)
class Statement:
    """One SQL statement of a plan: the stage it belongs to, its name, its sentence and its text.

    Where all tables in `needs` are empty it has nothing to do: it is passed over, and the table it would make is empty.
    """

    stage: str
    name: str
    sentence: str
    sql: str
    needs: tuple[str, ...] = ()

    @cached_property
    def makes(self) -> str | None:
        """The temporary table it makes."""
        made = _MADE.match(self.sql)
        return made[1] if made else None

    @cached_property
    def makes_room(self) -> bool:
        """It makes its table without rows."""
        made = _MADE.match(self.sql)
        return made is not None and made[2] is None

    @cached_property
    def fills(self) -> str | None:
        """The temporary table that has rows afterwards, if it finds any."""
        added = _ADDED_TO.match(self.sql)
        return added[1] if added else None if self.makes_room else self.makes

    @cached_property
    def adds_to(self) -> str | None:
        """The table, of any kind, that may have rows afterwards."""
        added = _ADDS_TO.search(self.sql)
        return added[1] if added else None

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters it takes."""
        return frozenset(_PARAMETER.findall(self.sql))

    def text(self) -> str:
        """The statement as a reader sees it: sentence, then SQL."""
        only = f" Only if there are {' or '.join(self.needs)}." if self.needs else ""
        return f"-- {self.name}: {self.sentence}{only}\n{self.sql.strip()};"


def room(stage: str, table: str, sentence: str, columns: str) -> Statement:
    """Makes a temporary table without rows."""
    return Statement(stage, table, sentence, f"CREATE OR REPLACE TEMP TABLE {table} ({columns})")


@dataclass(frozen=True)
class Lookup:
    """A question whose rows a pure function turns into rows of a table: what SQL alone cannot know."""

    stage: str
    name: str
    sentence: str
    sql: str
    find: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
    table: str
    needs: tuple[str, ...] = ()

    def text(self) -> str:
        """The lookup as a reader sees it."""
        return f"-- {self.name}: {self.sentence} `{self.find.__name__}` writes {self.table}.\n{self.sql.strip()};"


@dataclass(frozen=True)
class Rounds:
    """Statements that are repeated: judge, and while the table `left` has rows, move; after `at_most` rounds give up."""

    stage: str
    name: str
    sentence: str
    judge: tuple[Statement, ...]
    left: str
    move: tuple[Statement, ...]
    give_up: tuple[Statement, ...]
    at_most: int
    needs: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """All statements, one after the other."""
        return "\n\n".join(s.text() for s in (*self.judge, *self.move, *self.give_up))

    def text(self) -> str:
        """The rounds as a reader sees them."""
        return f"-- {self.name}: {self.sentence}\n{self.sql}"


Memory = dict[str, Any]
"""What the parts of one evaluation tell each other outside of tables."""


@dataclass(frozen=True)
class Work:
    """A function of a session, the parameters and the evaluation's memory: what SQL would do slower."""

    stage: str
    name: str
    sentence: str
    do: Callable[[Any, Mapping[str, Any], Memory], None]
    needs: tuple[str, ...] = ()
    sql: str = ""

    def text(self) -> str:
        """The work as a reader sees it."""
        return f"-- {self.name}: {self.sentence}"


Part = Statement | Lookup | Rounds | Work
"""What a plan is made of."""


def parse_statements(stage: str, content: str) -> Iterator[Statement]:
    """The statements of one file.

    >>> [s.name for s in parse_statements("x", "-- [one] First.\\nSELECT 1;\\n-- [two] Second.\\nSELECT 2;")]
    ['one', 'two']
    """
    headers = list(_HEADER.finditer(content))
    ends = [h.start() for h in headers[1:]] + [len(content)]
    for header, end in zip(headers, ends, strict=True):
        body = content[header.end() : end].strip().removesuffix(";").strip()
        needs = tuple(header[2].split(" or ")) if header[2] else ()
        yield Statement(stage, header[1], header[3], body, needs)


@lru_cache
def load_statements(folder: str) -> tuple[Statement, ...]:
    """Every statement of `sql/<folder>/*.sql`, in the order of the file names."""
    files = sorted(
        (f for f in resources.files("sql").joinpath(folder).iterdir() if f.name.endswith(".sql")), key=lambda f: f.name
    )
    return tuple(
        s for file in files for s in parse_statements(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
    )


def query(name: str) -> Statement:
    """One of the named questions under `sql/queries/`."""
    return next(s for s in load_statements("queries") if s.name == name)
