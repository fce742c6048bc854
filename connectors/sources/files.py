"""Tables as files: `crm.accounts` is `accounts.csv` (or .parquet, .jsonl) in the source's folder.

CSV values stay text: the snapshot reads them as the catalog's types, and counts what does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from definitions import EnvironmentFault
from definitions.problems import did_you_mean


@dataclass(frozen=True)
class FileSource:
    """One folder of files."""

    folder: Path
    format: Literal["csv", "parquet", "jsonl"]

    def read(self, table: str, columns: Sequence[str]) -> Any:
        """The rows of a table's file with the columns asked for."""
        path = self.folder / f"{table}.{self.format}"
        if not path.is_file():
            here = [p.stem for p in self.folder.glob(f"*.{self.format}")] if self.folder.is_dir() else []
            raise EnvironmentFault("no-file", f"there is no file `{path}`", did_you_mean(table, here))
        try:
            frame = self._scan(path)
            known = frame.collect_schema().names()
        except pl.exceptions.PolarsError as error:
            raise EnvironmentFault("unreadable-file", f"`{path}` is not readable as {self.format}: {error}") from error
        for column in columns:
            if column not in known:
                raise EnvironmentFault(
                    "unknown-column", f"`{path}` has no column `{column}`", did_you_mean(column, known)
                )
        try:
            lazy: Any = frame  # polars types its selections only in part
            return lazy.select(list(columns)).collect().to_arrow()
        except pl.exceptions.PolarsError as error:
            raise EnvironmentFault("unreadable-file", f"`{path}` is not readable as {self.format}: {error}") from error

    def _scan(self, path: Path) -> pl.LazyFrame:
        match self.format:
            case "csv":
                return pl.scan_csv(path, infer_schema=False)
            case "parquet":
                return pl.scan_parquet(path)
            case "jsonl":
                return pl.scan_ndjson(path, infer_schema_length=None)
