"""The table contract as a page: `python -m sql.migrations.page > docs/tables.md`."""

from __future__ import annotations

import re
import sys
from importlib import resources

from sql.migrations import ADDED, COLUMN, TABLE

DROPPED = re.compile(r"^ALTER TABLE ([\w.]+) DROP COLUMN (\w+)", re.MULTILINE)
TOLD = re.compile(r"^COMMENT ON (?:TABLE|VIEW) ([\w.]+) IS '((?:[^']|'')*)'", re.MULTILINE)
REWORDED = re.compile(r"^COMMENT ON COLUMN ([\w.]+)\.(\w+) IS '((?:[^']|'')*)'", re.MULTILINE)

_HEAD = """# Tables

The public contract: every table and column that Drumbeat writes. The same words are comments in the warehouse
(`SELECT * FROM duckdb_columns()`). Times are UTC instants (`TIMESTAMPTZ`), ids are stable hashes. This page is made by
`python -m sql.migrations.page > docs/tables.md`, and a test compares them.

Beside these, each object of the catalog has three tables of its own, made from its declared fields:

| table | one row is |
|---|---|
| `crm.<object>` | a record now: its fields, `_first_seen`, `_last_changed` |
| `crm.<object>_changes` | a record touched by the latest snapshot: its key, `kind` (created, updated, deleted), and `_old_<field>`: what the fields that lead elsewhere were |
| `history.<object>` | a spell of one record's tracked fields: its key, the fields, `valid_from`, `valid_to` |
"""


def table_page() -> str:
    """The page, from the migrations' own words."""
    texts = [
        file.read_text(encoding="utf-8")
        for file in sorted(resources.files("sql").joinpath("migrations").iterdir(), key=lambda f: f.name)
        if file.name.endswith(".sql")
    ]
    whole = "\n".join(texts)
    dropped = {(match[1], match[2]) for match in DROPPED.finditer(whole)}
    reworded = {(match[1], match[2]): match[3].replace("''", "'") for match in REWORDED.finditer(whole)}
    told = {match[1]: match[2].replace("''", "'") for match in TOLD.finditer(whole)}
    added: dict[str, list[tuple[str, str, str]]] = {}
    for column in (match for text in texts for match in ADDED.finditer(text)):
        line = (column["name"], column["type"].lower(), column["doc"])
        added.setdefault(column["table"], []).append(line)
    parts = [_HEAD]
    schema = ""
    made = {table["name"]: (table["doc"].strip(), table["body"]) for text in texts for table in TABLE.finditer(text)}
    for name in sorted({**made, **told}, key=_schema):
        doc, body = made.get(name, ("", ""))
        if name.split(".")[0] != schema:
            schema = name.split(".")[0]
            parts.append(f"## {schema}\n")
        parts.append(f"### {name}\n\n{told.get(name, doc)}\n")
        if body:
            parts.append("| column | type | meaning |\n|---|---|---|")
        own = [(m[1], _type(m[0]), m[2]) for m in COLUMN.finditer(body)]
        for column, kind, meaning in (*own, *added.get(name, ())):
            if (name, column) not in dropped:
                parts.append(f"| `{column}` | {kind} | {reworded.get((name, column), meaning)} |")
        if body:
            parts.append("")
    return "\n".join(parts)


_SCHEMAS = ("live", "journal", "inputs", "crm", "state", "outbox", "inbox", "report")


def _schema(name: str) -> int:
    return _SCHEMAS.index(name.split(".")[0])


def _type(line: str) -> str:
    found = re.match(r"\s+\"?\w+\"? ([A-Z]+(?:\[\])?)", line)
    return found[1].lower() if found else ""


if __name__ == "__main__":
    sys.stdout.write(table_page())
