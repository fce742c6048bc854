"""Rows of a CSV file with the numbers of their lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def rows_of_csv(path: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Each row with the number of its last line; None for one that is no row of the file's columns."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.DictReader(file)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error:
                yield rows.line_num, None
                continue
            yield rows.line_num, None if None in row else dict(row)
