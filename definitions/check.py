"""What a check of one expression carries: its surroundings, and the problems found so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from definitions.catalog import Catalog
from definitions.conditions import Expression
from definitions.grammar import Scope
from definitions.journey import Journey
from definitions.problems import Problem, Severity
from definitions.segment import Segment
from definitions.vocabulary import Type

FAMILY: dict[Type, str] = {
    "integer": "a number",
    "number": "a number",
    "text": "text",
    "boolean": "a truth",
    "date": "a time",
    "timestamp": "a time",
    "list": "a list",
    "interval": "an interval",
}
"""Types that may meet have the same word here."""


def fits(given: Type, family: str) -> bool:
    """May a type stand where a family is wanted; what is missing or not known may stand anywhere.

    >>> fits("integer", "a number"), fits("null", "a truth"), fits("text", "a time")
    (True, True, False)
    """
    return FAMILY.get(given, family) == family


@dataclass(frozen=True)
class Known:
    """What a project names beside its objects: conditions may refer to it."""

    segments: Mapping[str, Segment] = field(default_factory=dict[str, Segment])
    journeys: Mapping[str, Journey] = field(default_factory=dict[str, Journey])
    workflows: Mapping[str, str] = field(default_factory=dict[str, str])
    """The object of each workflow."""


@dataclass(frozen=True)
class Inside:
    """Where a participant stands: the kinds of its workflow's action steps, and which of them lie before it.

    A kind ends in `?` where the action asks for approval. `upstream` None: all of them, as for an exit condition.
    """

    steps: Mapping[str, str]
    upstream: frozenset[str] | None = None


@dataclass
class Check:
    """One expression being checked. `fold` gives the type of a node; operators and calls ask it for their parts."""

    catalog: Catalog
    known: Known
    expression: Expression
    scope: Scope
    fold: Callable[[exp.Expr, Check], Type]
    problems: list[Problem] = field(default_factory=list[Problem])
    inside: Inside | None = None

    def type(self, node: exp.Expr) -> Type:
        """The type of a part; its problems are noted."""
        return self.fold(node, self)

    def report(
        self, node: exp.Expr, code: str, message: str, hint: str | None = None, severity: Severity = "error"
    ) -> Type:
        """Note a problem at a node; the result is a type that is checked no further."""
        self.problems.append(Problem(self.expression.span(node), code, message, hint, severity))
        return "any"
