"""Rows on their way from a source into the warehouse: counted as they pass, and a fault of the source stays its own.

An engine that reads a stream hides why the stream broke; here the reason is kept and raised in its place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pyarrow

from definitions import DrumbeatError, EnvironmentFault
from sql.errors import StatementFailed

Tell = Callable[[str, int], None]
"""Told how many more rows of an object have come."""


class Incoming:
    """The rows of one read. `is_empty` only where it is known beforehand."""

    def __init__(self, rows: Any, table: str, tell: Callable[[int], None]) -> None:
        self._table, self._tell = table, tell
        self._fault: Exception | None = None
        count = getattr(rows, "num_rows", None)  # a stream does not know it
        self.is_empty = count == 0
        if count is None:
            arrow: Any = pyarrow  # has no type stubs
            self.rows = arrow.RecordBatchReader.from_batches(rows.schema, self._passing(rows))
        else:
            self.rows = rows
            tell(count)

    def _passing(self, rows: Any) -> Iterator[Any]:
        try:
            for batch in rows:
                self._tell(batch.num_rows)
                yield batch
        except Exception as error:
            self._fault = error
            raise

    @contextlib.contextmanager
    def faults(self) -> Generator[None]:
        """Inside, rows are read: where the source fails, the error is the source's."""
        try:
            yield
        except StatementFailed as failed:
            if self._fault is None:
                raise
            if isinstance(self._fault, DrumbeatError):
                raise self._fault from failed
            said = " ".join(str(self._fault).split())[:300]
            message = f"`{self._table}` could not be read to its end: {said}"
            raise EnvironmentFault("source-broken", message, "nothing was changed; run again") from self._fault


def tell_nobody(_object: str, _rows: int) -> None:
    """Where nobody watches."""
