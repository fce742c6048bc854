"""Conditions judged for many rows: each test once, each tree by operations on bits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlglot import exp

from sql.truths.bits.forest import Forest, Node
from sql.truths.bits.groups import text_of
from sql.truths.bits.rows import Column, Part, Rows, chunks
from sql.truths.bits.tests import Against, Asked, Compared, Listed, Missing, Reading, Test, Within, terms_of
from sql.truths.bits.texts import Texts
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

    @cached_property
    def uses(self) -> list[int]:
        """How many nodes and conditions use each node."""
        return self.forest.uses()


@dataclass(frozen=True)
class Elsewhere:
    """Tables that the engine makes only for tests that are left to it: what reads them, and who makes them."""

    is_read_by: Callable[[exp.Expr], bool]
    provide: Callable[[Sequence[exp.Expr]], None]


@dataclass
class Judging:
    """A question about rows that were fetched: which tests are compared here, and what the engine says of the others."""

    question: Question
    constants: Mapping[str, Any]
    terms: Collection[str]
    """The SQL of the terms that were fetched."""
    by_word: dict[int, tuple[str, Values]]
    """Tests of one text: the column's SQL, and the truth of each of its texts."""
    by_row: dict[int, str]
    """Tests that the engine judged for each row, as SQL."""

    def judge(self, part: Part, given: Mapping[str, Values] | None = None) -> dict[int, Bits]:
        """Of which rows each condition is true, false or unknown, by its number; `given` are terms worked out elsewhere."""
        values: dict[str, Column] = dict(given or {})
        values |= {text: found for text in self.terms if (found := part.column(text)) is not None}
        bits: dict[int, Bits] = {}
        for number, test in self.question.tests.items():
            if number in self.by_word:
                column, judged = self.by_word[number]
                texts = part.column(column)
                assert isinstance(texts, Texts)
                bits[number] = texts.spread(judged)
            elif number in self.by_row:
                truths = part.column(self.by_row[number])
                assert isinstance(truths, Values)
                bits[number] = Bits.of(truths.values, truths.known)
            else:
                bits[number] = _judged(test, values, self.constants)
        return _put_together(self.question, bits, len(part.owners))


def prepare(
    question: Question,
    rows: Rows,
    given: Mapping[str, Values] | None = None,
    also: Iterable[exp.Expr] = (),
    elsewhere: Elsewhere | None = None,
) -> Judging:
    """Fetch what a question needs of rows; `also` is fetched with it.

    `given` are terms whose values come from elsewhere, here of no record: what can be compared is tried on nothing first.
    """
    tests, trees, reading = question.tests, question.forest.tests, question.reading
    constants = constants_of(reading.constants, rows)
    values: dict[str, Column] = dict(given or {})
    left = [number for number in tests if not is_comparable(tests[number], values, constants)]
    terms = {text: reading.terms[text] for n in left for text in terms_of(tests[n]) if text not in values}
    if elsewhere is not None:
        apart = {text for text, tree in terms.items() if elsewhere.is_read_by(tree)}
        values |= _nothing(rows, [tree for text, tree in terms.items() if text not in apart])
        left = [number for number in left if not is_comparable(tests[number], values, constants)]
        elsewhere.provide([trees[number] for number in left])
    single = {number: column for number in left if (column := _only_column(trees[number])) is not None}
    rows.look_at(single.values())
    values |= _nothing(rows, terms.values())
    left = [number for number in left if not is_comparable(tests[number], values, constants)]
    of_text = {n: single[n] for n in left if n in single and rows.kind(single[n]) == "text"}
    by_row = {number: trees[number] for number in left if number not in of_text}
    used = {text for number in {*tests} - {*left} for text in terms_of(tests[number])}
    terms = {text: tree for text, tree in terms.items() if text in used}
    rows.look_at((*also, *by_row.values()))
    rows.load((*also, *terms.values(), *of_text.values(), *by_row.values()))
    texts = {number: text_of(tree) for number, tree in by_row.items()}
    return Judging(question, constants, terms, _by_word(of_text, trees, rows), texts)


def _nothing(rows: Rows, terms: Iterable[exp.Expr]) -> dict[str, Column]:
    """Terms of no record, by their SQL."""
    named = {text_of(tree): tree for tree in terms}
    rows.look_at(named.values())
    nothing = rows.nothing()
    return {text: found for text in named if (found := nothing.column(text)) is not None}


def is_comparable(test: Test, values: Mapping[str, Column], constants: Mapping[str, Any]) -> bool:
    """Can a test be judged here on such values; it is tried on no values at all."""
    try:
        _judged(test, values, constants)
    except NotComparable:
        return False
    return True


def _put_together(question: Question, bits: dict[int, Bits], count: int) -> dict[int, Bits]:
    """The trees over judged tests; a part is let go when nothing needs it any more."""
    forest, uses = question.forest, list(question.uses)
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
    columns = {text_of(c): c for c in tree.find_all(exp.Column)}
    return next(iter(columns.values())) if len(columns) == 1 else None


def _judged(test: Test, values: Mapping[str, Column], constants: Mapping[str, Any]) -> Bits:
    """A test on values that are there; raises NotComparable where the engine is to judge."""
    if isinstance(test, Asked) or any(term not in values for term in terms_of(test)):
        raise NotComparable
    found = values[test.term]
    match test:
        case Compared(_, operator, constant):
            return found.compared(operator, constants[constant])
        case Listed(_, listed):
            return found.listed([constants[text] for text in listed])
        case Within(_, low, high):
            return found.within(constants[low], constants[high])
        case Against(_, operator, name, factor):
            other = values[name]
            if isinstance(found, Texts) or isinstance(other, Texts):
                raise NotComparable
            return found.against(operator, other, constants[factor])
        case Missing():
            return found.missing()


def _by_word(
    columns: Mapping[int, exp.Expr], trees: Mapping[int, exp.Expr], rows: Rows
) -> dict[int, tuple[str, Values]]:
    """Tests of one text, judged by the engine for each different text."""
    numbers: dict[str, list[int]] = {}
    for number, column in columns.items():
        numbers.setdefault(text_of(column), []).append(number)
    made: dict[int, tuple[str, Values]] = {}
    for text, same in numbers.items():
        column = columns[same[0]]
        judged = rows.judged(column, [trees[number] for number in same])
        made |= {number: (text, values) for number, values in zip(same, judged, strict=True)}
    return made


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


def constants_of(texts: Iterable[str], rows: Rows) -> dict[str, Any]:
    """What constants are at this evaluation, by their SQL."""
    found: dict[str, Any] = {}
    for chunk in chunks(texts):
        sql = "SELECT " + ", ".join(f"{text} AS x{i}" for i, text in enumerate(chunk))
        row = rows.session.rows(sql, rows.wanted(sql))[0]
        found |= dict(zip(chunk, row.values(), strict=True))
    return found
