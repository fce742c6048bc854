"""Conditions judged for many rows: each test once, each tree by operations on bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlglot import exp

from definitions.conditions import DIALECT
from sql.truths.bits.forest import Forest, Node
from sql.truths.bits.rows import Rows, Texts, chunks
from sql.truths.bits.tests import Asked, Compared, Listed, Missing, Reading, Test, Within
from sql.truths.bits.values import NotComparable, Values
from sql.truths.bits.words import Bits, all_of, any_of


@dataclass(frozen=True)
class Question:
    """Conditions as a forest, and how its tests are judged. Made once a plan, asked at every evaluation."""

    conditions: tuple[tuple[int, exp.Expr], ...] = field(repr=False)

    @cached_property
    def forest(self) -> Forest:
        """The conditions' nodes."""
        made = Forest()
        for number, tree in self.conditions:
            made.plant(number, tree)
        return made

    @cached_property
    def reading(self) -> Reading:
        """The terms and constants of all tests."""
        return Reading({}, {})

    @cached_property
    def tests(self) -> dict[int, Test]:
        """How each test is judged, by its node."""
        return {number: self.reading.read(tree) for number, tree in self.forest.tests.items()}


def judge(
    question: Question, rows: Rows, given: Mapping[str, Values] | None = None, also: Iterable[exp.Expr] = ()
) -> dict[int, Bits]:
    """Of which rows each condition is true, false or unknown, by its number.

    `given` are terms whose values are there already; `also` is fetched with the others, for whoever asks next.
    """
    tests = question.tests
    values: dict[str, Values | Texts] = dict(given or {})
    terms = {text: tree for text, tree in question.reading.terms.items() if text not in values}
    ours = {n for n, test in tests.items() if not isinstance(test, Asked) and test.term in values}
    single = {n: c for n in tests if n not in ours and (c := _only_column(question.forest.tests[n])) is not None}
    rows.look_at((*terms.values(), *single.values()))
    of_text = {n for n, column in single.items() if rows.kind(column) == "text"}
    columns_of_text = {text: t for text, t in terms.items() if isinstance(t, exp.Column) and rows.kind(t) == "text"}
    numeric = [tree for tree in terms.values() if rows.kind(tree) not in (None, "text")]
    whole = [question.forest.tests[n] for n, test in tests.items() if isinstance(test, Asked) and n not in of_text]
    rows.load((*also, *numeric, *columns_of_text.values(), *(single[n] for n in sorted(of_text)), *whole))
    values |= {text: found for text, tree in terms.items() if (found := rows.values(tree)) is not None}
    values |= {text: rows.texts(tree) for text, tree in columns_of_text.items()}
    constants = _constants(question.reading.constants, rows)
    bits: dict[int, Bits] = {}
    left: list[int] = []
    for number, test in tests.items():
        try:
            bits[number] = _judged(test, values, constants)
        except NotComparable:
            left.append(number)
    bits |= _asked({n: question.forest.tests[n] for n in left}, {n: single[n] for n in left if n in of_text}, rows)
    return _put_together(question.forest, bits, rows.count)


def _put_together(forest: Forest, bits: dict[int, Bits], count: int) -> dict[int, Bits]:
    """The trees over judged tests; a part is let go when nothing needs it any more."""
    uses = forest.uses()
    for number, node in enumerate(forest.nodes):
        if node.kind != "test":
            bits[number] = _combined(node, [bits[part] for part in node.parts], count)
        for part in node.parts:
            uses[part] -= 1
            if not uses[part]:
                del bits[part]
    return {condition: bits[root] for condition, root in forest.roots.items()}


def _only_column(tree: exp.Expr) -> exp.Expr | None:
    """The one column that a test reads; None where it reads several, or none."""
    columns = {c.sql(dialect=DIALECT): c for c in tree.find_all(exp.Column)}
    return next(iter(columns.values())) if len(columns) == 1 else None


def _judged(test: Test, values: Mapping[str, Values | Texts], constants: Mapping[str, Any]) -> Bits:
    """A test on values that are there; raises NotComparable where the engine is to judge."""
    if isinstance(test, Asked) or test.term not in values:
        raise NotComparable
    found = values[test.term]
    match test:
        case Compared(_, operator, constant):
            return found.compared(operator, constants[constant])
        case Listed(_, listed):
            return found.listed([constants[text] for text in listed])
        case Within(_, low, high):
            return found.within(constants[low], constants[high])
        case Missing():
            return found.missing()


def _asked(tests: Mapping[int, exp.Expr], texts: Mapping[int, exp.Expr], rows: Rows) -> dict[int, Bits]:
    """What the engine judges: tests of one text (`texts`) for each different text, the others for each row."""
    by_text: dict[str, list[int]] = {}
    for number, column in texts.items():
        by_text.setdefault(column.sql(dialect=DIALECT), []).append(number)
    made: dict[int, Bits] = {}
    for numbers in by_text.values():
        found = rows.looked_up(texts[numbers[0]], [tests[number] for number in numbers])
        made |= dict(zip(numbers, found, strict=True))
    others = [number for number in tests if number not in made]
    return made | dict(zip(others, rows.truths([tests[number] for number in others]), strict=True))


def _combined(node: Node, parts: Sequence[Bits], count: int) -> Bits:
    match node.kind:
        case "all":
            return all_of(parts)
        case "any":
            return any_of(parts)
        case "not":
            return parts[0].opposite()
        case "edge":
            return parts[0].edge()
        case _:
            return Bits.constant({"TRUE": True, "FALSE": False}.get(node.text), count)


def _constants(trees: Mapping[str, exp.Expr], rows: Rows) -> dict[str, Any]:
    """What constants are at this evaluation."""
    found: dict[str, Any] = {}
    for chunk in chunks(trees):
        sql = "SELECT " + ", ".join(f"{text} AS x{i}" for i, text in enumerate(chunk))
        row = rows.session.rows(sql, rows.wanted(sql))[0]
        found |= dict(zip(chunk, row.values(), strict=True))
    return found
