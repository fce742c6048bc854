"""The errors a caller may catch.

DrumbeatError
├── UserError            the reader can act on it: wrong definitions, a refused step (exit code 1)
│   └── ProblemsFound    one or more definitions are wrong; carries every problem
├── EnvironmentFault     the machine is not as needed: no file, a held lease, a missing extra (exit code 3)
└── InternalError        our bug; never turned into advice
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from definitions.problems import Problem


class DrumbeatError(Exception):
    """Root of everything raised on purpose. `code` is stable, `hint` says what to do."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message}\nhint: {hint}")
        self.code = code
        self.message = message
        self.hint = hint


class UserError(DrumbeatError):
    """The reader can act on it."""


class ProblemsFound(UserError):
    """Every problem of every file, sorted by place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__("problems-found", f"{count} problem{'s' if count != 1 else ''} found")

    def __str__(self) -> str:
        return "\n".join(problem.render() for problem in self.problems)


class EnvironmentFault(DrumbeatError):
    """Something around us is missing or held by another."""


class InternalError(DrumbeatError):
    """A promise of ours did not hold. The message names it."""

    def __init__(self, message: str) -> None:
        super().__init__("internal", message)
