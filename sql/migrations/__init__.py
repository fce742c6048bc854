"""Numbered changes of the public tables. A migration is SQL; the words in it become comments in the warehouse.

`-- sentence` above a CREATE TABLE documents the table, `-- words` behind a column, or above an ALTER TABLE that adds
one, document the column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

TABLE = re.compile(r"-- (?P<doc>[^\n]+)\nCREATE TABLE (?P<name>[\w.]+) \((?P<body>.*?)\n\)", re.DOTALL)
ADDED = re.compile(
    r"^-- (?P<doc>[^\n]+)\nALTER TABLE (?P<table>[\w.]+) ADD COLUMN (?P<name>\w+) (?P<type>[A-Z]+(?:\[\])?)",
    re.MULTILINE,
)
COLUMN = re.compile(r"^\s+(\w+) [A-Z].*?-- (.+)$", re.MULTILINE)

ALIKE = {"state.participants": "state.open_participants", "state.closed_participants": "state.open_participants"}
"""Tables and views whose columns are those of another table, with their words."""


@dataclass(frozen=True)
class Migration:
    """One numbered change: its number, its name, its statements in order, and those that put its words into the warehouse."""

    number: int
    name: str
    statements: tuple[str, ...]
    comments: tuple[str, ...]


def migrations() -> tuple[Migration, ...]:
    """All migrations, oldest first."""
    files = sorted(
        (f for f in resources.files("sql").joinpath("migrations").iterdir() if f.name.endswith(".sql")),
        key=lambda f: f.name,
    )
    return tuple(_migration(f.name, f.read_text(encoding="utf-8")) for f in files)


def _migration(file: str, content: str) -> Migration:
    number, _, name = file.removesuffix(".sql").partition("_")
    # a `;` ends a statement only at the end of a line that is not a comment
    pieces = re.split(r";[ \t]*(?:\n|\Z)", content)
    bare = [re.sub(r"(?m)^\s*--.*$", "", piece).strip() for piece in pieces]
    return Migration(int(number), name, tuple(b for b in bare if b), tuple(comments(content)))


def comments(content: str) -> Iterator[str]:
    """COMMENT ON statements for the tables and columns that a migration creates."""
    for table in TABLE.finditer(content):
        yield f"COMMENT ON TABLE {table['name']} IS '{_quoted(table['doc'])}'"
        for column in COLUMN.finditer(table["body"]):
            yield f"COMMENT ON COLUMN {table['name']}.{column[1]} IS '{_quoted(column[2])}'"
    for added in ADDED.finditer(content):
        yield f"COMMENT ON COLUMN {added['table']}.{added['name']} IS '{_quoted(added['doc'])}'"


def _quoted(text: str) -> str:
    return text.strip().replace("'", "''")
