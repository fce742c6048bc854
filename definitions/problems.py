"""A problem: what is wrong, where, and what to do.

Reads like a compiler's message, so editors and CI can jump to it:

    workflows/stale.yaml:14:16: unknown-field: `amout` is not a field of deal
      14 |       - amout > 10
         |         ^
    hint: did you mean `amount`?
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Span:
    """One place in one file. Lines and columns count from 1; `source_line` is the text of that line."""

    file: str
    line: int
    column: int
    source_line: str = field(default="", compare=False)


@dataclass(frozen=True)
class Problem:
    """One fault of one definition."""

    span: Span
    code: str
    message: str
    hint: str | None = None
    severity: Severity = "error"

    def render(self) -> str:
        """The problem as text: place, code, message, source line, caret, hint."""
        where = f"{self.span.file}:{self.span.line}:{self.span.column}"
        kind = self.code if self.severity == "error" else f"warning: {self.code}"
        lines = [f"{where}: {kind}: {self.message}"]
        if self.span.source_line.strip():
            number = str(self.span.line)
            lines.append(f"  {number} | {self.span.source_line}")
            lines.append(f"  {' ' * len(number)} | {' ' * (self.span.column - 1)}^")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint with the nearest other name that is known, or nothing.

    >>> did_you_mean("helth", ["health", "seats"])
    'did you mean `health`?'
    """
    near = difflib.get_close_matches(name, sorted({*known} - {name}), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else None


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems sorted by place, each once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.span, p.code, p.message)))
