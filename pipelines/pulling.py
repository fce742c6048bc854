"""`drumbeat catalog pull`: catalog files from a live source, so that nobody types them by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.facts import Describing, Facts
from definitions import UserError
from definitions.problems import did_you_mean
from pipelines.guessing import Draft, Field, Guessed, drafts
from pipelines.workspace import Workspace

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]*[A-Za-z0-9_]|[A-Za-z]")
_WORDS = {"yes", "no", "on", "off", "true", "false", "null"}


@dataclass(frozen=True)
class Pulled:
    """What became of a pull: files written, files kept as they are, and in words what was left out."""

    written: tuple[Path, ...]
    kept: tuple[Path, ...]
    left_out: tuple[str, ...]


def pull_catalog(
    workspace: Workspace, source: str | None = None, tables: Sequence[str] = (), *, force: bool = False
) -> Pulled:
    """Write a catalog file for each table of a source, or of all; what is there is kept unless it is forced."""
    known = workspace.settings.sources
    if source is not None and source not in known:
        raise UserError("unknown-source", f"`{source}` is not a source", did_you_mean(source, known))
    written: list[Path] = []
    kept: list[Path] = []
    left_out: list[str] = []
    for name in [source] if source is not None else known:
        files, without = catalog_files(name, _facts(workspace, name, tables))
        left_out += without
        for path, text in ((workspace.root / path, text) for path, text in files.items()):
            if path in written or (path.exists() and not force):
                kept.append(path)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return Pulled(tuple(written), tuple(kept), tuple(left_out))


def catalog_files(source: str, tables: Sequence[Facts]) -> tuple[dict[str, str], list[str]]:
    """The text of a catalog file for each table, by path, and in words what was left out."""
    made, left_out = drafts(source, tables)
    return {f"catalog/{name}.yaml": "\n".join(_lines(draft)) + "\n" for name, draft in made.items()}, left_out


def _facts(workspace: Workspace, name: str, tables: Sequence[str]) -> list[Facts]:
    opened = workspace.sources()[name]
    if not isinstance(opened, Describing):
        raise UserError("not-describing", f"`{name}` cannot tell of its tables", "write its catalog files by hand")
    try:
        found = {facts.table: facts for facts in opened.facts()}
    finally:
        opened.close()
    for table in tables:
        if table not in found:
            raise UserError("no-table", f"`{name}` has no table `{table}`", did_you_mean(table, found))
    return [facts for table, facts in found.items() if not tables or table in tables]


def _lines(draft: Draft) -> Iterator[str]:
    yield "# yaml-language-server: $schema=../.drumbeat/catalog.schema.json"
    yield f"# Pulled from {draft.table}. Take out what no definition needs: only what is declared here is loaded."
    yield f"object: {draft.object}"
    yield f"table: {draft.table}"
    yield _with("key", draft.key)
    for role, guess in draft.roles.items():
        yield _with(role, guess)
    yield "fields:"
    for field in draft.fields.values():
        yield f"  {field.name}: {_field(field)}"
    if draft.relations:
        yield "relations:"
        for name, relation in draft.relations.items():
            yield "  " + _with(name, relation)


def _with(key: str, guess: Guessed) -> str:
    return f"{key}: {guess.value}" + (f"      # guessed from {guess.why}" if guess.why else "")


def _field(field: Field) -> str:
    more: list[str] = []
    if field.column != field.name:
        more.append(f"column: {_scalar(field.column)}")
    if field.values:
        more.append(f"values: [{', '.join(map(_scalar, field.values))}]")
    text = f"{{type: {field.kind}, {', '.join(more)}}}" if more else field.kind
    why = [f"values guessed from {field.values_why}"] if field.values_why else []
    why += [f"guessed from {field.why}"] if field.why and not field.values_why else []
    return text + (f"      # {why[0]}" if why else "")


def _scalar(text: str) -> str:
    """Text as YAML reads it back."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)
