"""Tests -> what is fetched for them and how it is judged.

A comparison of a number, date or instant with constants is judged by numpy on the values, which are fetched once however
many tests read them. A test about one text is judged by the engine once for each different text. Everything else the
engine judges for each record. So a test that numpy does not know costs more, and means the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from definitions.conditions import DIALECT

Operator = Literal["=", "<>", "<", "<=", ">", ">="]
_OPERATORS: dict[type[exp.Expr], Operator] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_TURNED: Mapping[Operator, Operator] = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True)
class Compared:
    """A term against a constant."""

    term: str
    operator: Operator
    constant: str


@dataclass(frozen=True)
class Listed:
    """A term against a list of constants."""

    term: str
    constants: tuple[str, ...]


@dataclass(frozen=True)
class Within:
    """A term between two constants, both included."""

    term: str
    low: str
    high: str


@dataclass(frozen=True)
class Missing:
    """Is there no value."""

    term: str


@dataclass(frozen=True)
class Against:
    """A term against another one, times a constant."""

    term: str
    operator: Operator
    other: str
    factor: str


@dataclass(frozen=True)
class Asked:
    """The engine judges it."""


Test = Compared | Listed | Within | Missing | Against | Asked


def terms_of(test: Test) -> tuple[str, ...]:
    """The terms that a test reads."""
    match test:
        case Asked():
            return ()
        case Against(term, _, other, _):
            return term, other
        case _:
            return (test.term,)


@dataclass
class Reading:
    """How each test is judged, and the terms and constants that this takes, by their SQL."""

    terms: dict[str, exp.Expr]
    constants: dict[str, exp.Expr]

    def read(self, tree: exp.Expr) -> Test:
        """How a test is judged."""
        match tree:
            case exp.EQ() | exp.NEQ() | exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
                left, right, operator = tree.this, tree.expression, _OPERATORS[type(tree)]
                if is_constant(left):
                    left, right, operator = right, left, _TURNED[operator]
                if is_constant(right) and not is_constant(left):
                    return Compared(self._term(left), operator, self._constant(right))
                if not is_constant(left):
                    factor, other = _times(right.unnest())
                    return Against(self._term(left), operator, self._term(other), self._constant(factor))
            case exp.Between() if is_constant(tree.args["low"]) and is_constant(tree.args["high"]):
                return Within(
                    self._term(tree.this), self._constant(tree.args["low"]), self._constant(tree.args["high"])
                )
            case exp.In() if tree.expressions and all(map(is_constant, tree.expressions)):
                return Listed(self._term(tree.this), tuple(map(self._constant, tree.expressions)))
            case exp.Is() if isinstance(tree.expression, exp.Null):
                return Missing(self._term(tree.this))
            case _:
                pass
        return Asked()

    def _term(self, tree: exp.Expr) -> str:
        tree = tree.unnest()
        text = tree.sql(dialect=DIALECT)
        self.terms.setdefault(text, tree)
        return text

    def _constant(self, tree: exp.Expr) -> str:
        text = tree.sql(dialect=DIALECT)
        self.constants.setdefault(text, tree)
        return text


def _times(tree: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """A constant factor, and what it multiplies."""
    match tree:
        case exp.Mul() if is_constant(tree.this):
            return tree.this, tree.expression
        case exp.Mul() if is_constant(tree.expression):
            return tree.expression, tree.this
        case _:
            return exp.Literal.number(1), tree


def is_constant(tree: exp.Expr) -> bool:
    """Is it the same for every record."""
    return tree.find(exp.Column, exp.Subquery) is None
