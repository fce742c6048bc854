"""Tables as files: a folder with one file a table, or a pattern that finds the files of each.

`data` holds `accounts.csv`; `landed/{table}/*.parquet` reads all files of a folder as one table, and with `latest` only
the newest of them, by name. Values of CSV stay text: the snapshot reads them as the catalog's types, and puts aside
what does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyarrow

from connectors.contracts import Since
from connectors.facts import SAMPLE, Column, Facts, Kind
from definitions import EnvironmentFault
from definitions.problems import did_you_mean

_CHUNK = 50_000
_AT_ONCE = 16 * 1024 * 1024
"""Files that are smaller together are read in one piece."""


@dataclass(frozen=True)
class FileSource:
    """A folder of files, or a pattern of their paths."""

    folder: Path
    format: Literal["csv", "parquet", "jsonl"]
    latest: bool = False

    def read(self, table: str, columns: Sequence[str], since: Since | None = None) -> Any:
        """The rows of a table's files with the columns asked for. Text is not compared with `since`: all of it is given."""
        paths = self.files_of(table)
        where = f"`{paths[0]}`" if len(paths) == 1 else f"the {len(paths)} files of `{table}`"
        try:
            scans = [self._scan(path) for path in paths]
            frame = scans[0] if len(scans) == 1 else pl.concat(scans, how="diagonal_relaxed")
            known = frame.collect_schema()
            for column in columns:
                if column not in known:
                    hint = did_you_mean(column, known.names())
                    raise EnvironmentFault("unknown-column", f"{where} has no column `{column}`", hint)
            return self._rows(_chosen(frame, columns, since, known), paths)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise EnvironmentFault("unreadable-file", f"{where} is not readable as {self.format}: {error}") from error

    def facts(self) -> tuple[Facts, ...]:
        """Every table whose files are there, from its first rows."""
        return tuple(self._facts(table) for table in self.tables())

    def close(self) -> None:
        """There is nothing to let go of."""

    def tables(self) -> list[str]:
        """Names of the tables whose files are there; what a pattern leaves open is not part of a name."""
        if not self.is_pattern:
            return sorted(path.stem for path in self.folder.glob(f"*.{self.format}"))
        if "{table}" not in str(self.folder):
            return [self.folder.name.split(".")[0]] if self.files_of("") else []
        fixed, left_open = _parted(Path(str(self.folder).replace("{table}", "*")))
        pattern = re.escape(str(self.folder)).replace(r"\{table\}", "([^/]+?)", 1).replace(r"\{table\}", "[^/]+?")
        pattern = pattern.replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
        found = (re.fullmatch(pattern, str(path)) for path in fixed.glob(left_open))
        return sorted({match[1] for match in found if match})

    def _facts(self, table: str) -> Facts:
        paths = self.files_of(table)
        try:
            scans = [self._scan(path) for path in paths[-3:]]
            head: Any = pl.concat(scans, how="diagonal_relaxed") if len(scans) > 1 else scans[0]
            rows = head.head(SAMPLE).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            message = f"`{paths[-1]}` is not readable as {self.format}: {error}"
            raise EnvironmentFault("unreadable-file", message) from error
        columns = tuple(Column(name, _kind(type_)) for name, type_ in rows.schema.items())
        return Facts(table, columns, sample=tuple(rows.to_dicts()))

    @property
    def is_pattern(self) -> bool:
        """Are the files found by a pattern, rather than one a table in a folder."""
        return has_magic(str(self.folder)) or "{table}" in str(self.folder) or self._is_file

    @property
    def _is_file(self) -> bool:
        return f".{self.format}" in Path(self.folder).suffixes

    def files_of(self, table: str) -> list[Path]:
        """The files that are a table, by name; with `latest` those of the newest."""
        if not self.is_pattern:
            path = self.folder / f"{table}.{self.format}"
            if path.is_file():
                return [path]
            here = [p.stem for p in self.folder.glob(f"*.{self.format}")] if self.folder.is_dir() else []
            raise EnvironmentFault("no-file", f"there is no file `{path}`", did_you_mean(table, here))
        pattern = str(self.folder).replace("{table}", table)
        fixed, left_open = _parted(Path(pattern))
        found = sorted(path for path in fixed.glob(left_open) if path.is_file())
        if not found:
            raise EnvironmentFault(
                "no-file", f"no file is like `{pattern}`", "see `path` of the source in project.yaml"
            )
        return _newest(found, Path(pattern)) if self.latest else found

    def _scan(self, path: Path) -> pl.LazyFrame:
        match self.format:
            case "csv":
                return pl.scan_csv(path, infer_schema=False)
            case "parquet":
                return pl.scan_parquet(path)
            case "jsonl":
                return pl.scan_ndjson(path, infer_schema_length=None)

    def _rows(self, lazy: Any, paths: list[Path]) -> Any:
        if sum(path.stat().st_size for path in paths) <= _AT_ONCE:
            return lazy.collect().to_arrow()
        arrow: Any = pyarrow  # has no type stubs
        schema = lazy.head(0).collect().to_arrow().schema

        def batches() -> Iterator[Any]:
            for part in lazy.collect_batches(chunk_size=_CHUNK):
                yield from part.to_arrow().cast(schema).to_batches()

        return arrow.RecordBatchReader.from_batches(schema, batches())


def _kind(type_: Any) -> Kind | None:
    """The kind of a typed column; text may hold anything."""
    if type_.is_integer():
        return "integer"
    if type_.is_numeric():
        return "number"
    kinds: dict[type, Kind] = {pl.Boolean: "boolean", pl.Date: "date", pl.Datetime: "timestamp", pl.List: "list"}
    return next((kind for found, kind in kinds.items() if type_ == found), None)


def _chosen(frame: Any, columns: Sequence[str], since: Since | None, known: pl.Schema) -> Any:
    """The columns, of the rows that are late enough; a column that is no date or moment is not compared."""
    chosen = [] if since is None else [*_late(since, known)]
    return frame.filter(*chosen).select(list(columns))


def _late(since: Since, known: pl.Schema) -> Iterator[pl.Expr]:
    column = pl.col(since.column)
    match known.get(since.column):
        case pl.Datetime(time_zone=None):
            yield (column >= since.clock) | column.is_null()
        case pl.Datetime():
            yield (column >= since.moment) | column.is_null()
        case pl.Date():
            yield (column >= since.clock.date()) | column.is_null()
        case _:
            return


def _parted(pattern: Path) -> tuple[Path, str]:
    """The folder that a pattern begins with, and what it leaves open."""
    at = next((i for i, part in enumerate(pattern.parts) if has_magic(part)), len(pattern.parts) - 1)
    return Path(*pattern.parts[:at]), "/".join(pattern.parts[at:])


def _newest(found: list[Path], pattern: Path) -> list[Path]:
    """The last file by name; or, where a folder in the pattern is left open, the files of the last folder."""
    open_at = next((i for i, part in enumerate(pattern.parts) if has_magic(part)), len(pattern.parts) - 1)
    newest = max(path.parts[: open_at + 1] for path in found)
    return [path for path in found if path.parts[: open_at + 1] == newest]
