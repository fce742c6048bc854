"""An exhibit: one question of a page with a sentence that answers it, a chart if it has one, and its numbers as a table.

Every chart stands in one of these, so that none can be without its sentence and its numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    """What stands in a table: a number, if `css` does not say otherwise; its words are the column's kind or the cell's shade."""

    text: str
    css: str = ""
    link: str = ""

    @property
    def as_class(self) -> Markup:
        """Its class as an attribute; hundreds of numbers have none."""
        quote = '"' if " " in self.css else ""
        return Markup(f" class={quote}{self.css}{quote}") if self.css else Markup("")


@dataclass(frozen=True)
class Table:
    """Numbers with names for rows and columns; the first column names the rows."""

    caption: str
    columns: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Exhibit:
    """One question; without a chart `words` stand in its place, or the table is the answer."""

    ident: str
    heading: str
    finding: str
    small: str = ""
    legend: tuple[tuple[str, str], ...] = ()
    chart: Markup | None = None
    words: str = ""
    verdict: str = ""
    tone: str = ""
    table: Table | None = None
    table_is_open: bool = False


def table(caption: str, columns: Iterable[str | Cell], rows: Iterable[Iterable[str | Cell]]) -> Table:
    """Plain text becomes a cell: a name in the first column, a number in the others."""
    return Table(caption, _cells(columns), tuple(_cells(row) for row in rows))


def _cells(texts: Iterable[str | Cell]) -> tuple[Cell, ...]:
    return tuple(t if isinstance(t, Cell) else Cell(t) for t in texts)
