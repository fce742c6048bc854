"""Plain text in columns: what a terminal, a log and a chat window show alike."""

from __future__ import annotations

from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset(), indent: int = 2) -> list[str]:
    """Rows as lines with aligned columns; those in `right` are set to the right.

    >>> columns([("entered", "5"), ("left", "12")], frozenset([1]))
    ['  entered   5', '  left     12']
    """
    count = max((len(row) for row in rows), default=0)
    widths = [max((len(row[i]) for row in rows if i < len(row)), default=0) for i in range(count)]
    lines: list[str] = []
    for row in rows:
        cells = [c.rjust(widths[i]) if i in right else c.ljust(widths[i]) for i, c in enumerate(row)]
        lines.append((" " * indent + "  ".join(cells)).rstrip())
    return lines


def shortened(text: str, width: int = 100) -> str:
    """A text that fits, with an ellipsis where it was cut.

    >>> shortened("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= width else text[: width - 1] + "…"
