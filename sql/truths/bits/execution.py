"""Judging as bits within an evaluation: every condition of every record is judged, and only what is asked becomes rows.

Entry conditions and those whose spells are kept become rows of `truths` where they hold. Of the others there would be hundreds
of millions; a question names a condition and a record, and the answers that are true are added to `truths`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow
from numpy.typing import NDArray
from sqlglot import exp

from sql.places import RECORD
from sql.statements import Memory, Statement, Work, load_statements
from sql.truths.bits.groups import simple
from sql.truths.bits.judging import Question, judge
from sql.truths.bits.places import aggregates_of, is_judged_here, ordinals_statement, ordinals_table, records_of
from sql.truths.bits.rows import Rows
from sql.truths.bits.tables import provide_groups
from sql.truths.bits.tests import Asked
from sql.truths.bits.values import Values
from sql.truths.grouping import columns_read
from sql.truths.plan import ObjectPlan, TruthPlan, numbers_in
from sql.warehouses.duckdb import DuckDBSession

pa: Any = pyarrow
STAGE = "04_truths"


@dataclass
class Judged:
    """What was judged of an object: a row of bits for each condition, by number, and which of it are rows of `truths`."""

    object: str
    numbers: NDArray[np.int64]
    bits: NDArray[np.uint8]
    count: int
    told: dict[int, NDArray[np.uint8]] = field(default_factory=dict[int, NDArray[np.uint8]])

    def new_of(self, conditions: NDArray[np.int64], ordinals: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Of pairs that are asked: those that hold and were not told before, each once."""
        if not len(self.numbers):
            return conditions[:0], ordinals[:0]
        rows = np.minimum(np.searchsorted(self.numbers, conditions), len(self.numbers) - 1)
        ours = self.numbers[rows] == conditions
        rows, places = rows[ours], ordinals[ours].astype(np.int64)
        holds = (self.bits[rows, places >> 3] >> (places & 7)) & 1 == 1
        pairs = np.unique(rows[holds] * self.count + places[holds])
        rows, places = np.divmod(pairs, max(self.count, 1))
        if not len(rows):
            return conditions[:0], ordinals[:0]
        fresh = np.ones(len(rows), np.bool_)
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
            row = int(rows[start])
            if row not in self.told:
                self.told[row] = np.zeros_like(self.bits[row])
            told = self.told[row]
            mine = places[start:end]
            fresh[start:end] = (told[mine >> 3] >> (mine & 7)) & 1 == 0
            np.bitwise_or.at(told, mine >> 3, np.left_shift(1, mine & 7).astype(np.uint8))
        return self.numbers[rows[fresh]], places[fresh].astype(np.int32)

    def all_of(self, condition: int) -> NDArray[np.intp]:
        """The ordinals of the records of which a condition holds; told by that."""
        row = int(np.searchsorted(self.numbers, condition))
        self.told[row] = np.full(self.bits.shape[1], 255, np.uint8)
        return np.flatnonzero(np.unpackbits(self.bits[row], count=self.count, bitorder="little"))


def judging_statements(plan: TruthPlan) -> Iterator[Statement | Work]:
    """Number the records, judge all conditions of each object, and make rows of those whose spells are kept."""
    for name, object_plan in sorted(plan.objects.items()):
        if not _conditions(object_plan):
            continue
        yield ordinals_statement(object_plan, "affected" if plan.is_increment else None)
        question = Question(_conditions(object_plan))
        sentence = f"{len(question.conditions)} conditions of {name}, judged together as bits: {len(question.tests)} different tests."

        yield Work(STAGE, f"judge_{name}", sentence, _Asking(plan, object_plan, question).judge)


def _conditions(plan: ObjectPlan) -> tuple[tuple[int, exp.Expr], ...]:
    return (*numbers_in(plan, "entry"), *numbers_in(plan, "inside"))


def asking_statements(plan: TruthPlan, name: str) -> Iterator[Statement | Work]:
    """Ask a question of `04_asked.sql` and note the answers; truths in SQL are all there."""
    if not plan.by_bits:
        return
    question = next(s for s in load_statements("evaluation") if s.name == name)
    yield question
    objects = [object_ for object_, found in sorted(plan.objects.items()) if _conditions(found)]

    def do(session: DuckDBSession, parameters: Mapping[str, Any], memory: Memory) -> None:
        for object_ in objects:
            sql = (
                f"SELECT a.condition, n.ordinal FROM asked AS a JOIN {ordinals_table(object_)} AS n ON n.record = a.record\n"
                f"WHERE a.object = '{object_}' AND a.condition IS NOT NULL"
            )
            found, judged = session.arrow(sql), memory[_place(object_)]
            _tell(session, judged, *judged.new_of(found["condition"].to_numpy(), found["ordinal"].to_numpy()))

    yield Work(question.stage, f"{name}_answers", "What holds of what was asked.", do, ("asked",))


def _place(object_: str) -> str:
    """Where an object's bits are kept during an evaluation."""
    return f"judged {object_}"


def _tell(session: DuckDBSession, judged: Judged, conditions: NDArray[Any], ordinals: NDArray[Any]) -> None:
    """Make rows of `truths`."""
    if not len(conditions):
        return
    table = pa.table({"condition": pa.array(conditions), "ordinal": pa.array(ordinals)})
    with session.reading("told", table):
        session.execute(
            "INSERT INTO truths SELECT t.condition, n.record FROM told AS t "
            f"JOIN {ordinals_table(judged.object)} AS n ON n.ordinal = t.ordinal",
            name=f"tell {judged.object}",
        )
    session.filled["truths"] = True


@dataclass
class _Asking:
    """All conditions of an object, as they are judged at each evaluation."""

    truths: TruthPlan
    plan: ObjectPlan
    question: Question

    def judge(self, session: DuckDBSession, parameters: Mapping[str, Any], memory: Memory) -> None:
        """Judge them, and make rows of those whose spells are kept."""
        memory[_place(self.plan.needs.object)] = judged = self._judged(session, parameters)
        kept = [number for number, _ in numbers_in(self.plan, "entry")]
        if kept:
            places = [judged.all_of(number).astype(np.int32) for number in kept]
            conditions = np.repeat(np.array(kept, np.int64), [len(found) for found in places])
            _tell(session, judged, conditions, np.concatenate(places))

    def _judged(self, session: DuckDBSession, parameters: Mapping[str, Any]) -> Judged:
        records = records_of(self.plan, session, parameters)
        found = judge(self.question, records, self._given(records))
        numbers = sorted(found)
        width = (records.count + 7) // 8
        bits = np.stack([found[n].true for n in numbers]) if numbers else np.zeros((0, width), np.uint8)
        return Judged(self.plan.needs.object, np.array(numbers, np.int64), bits, records.count)

    def _given(self, records: Rows) -> dict[str, Values]:
        """Terms over related rows that need no engine; what others read is put into tables for it."""
        needs, reading = self.plan.needs, self.question.reading
        trees = self.question.forest.tests.values()
        wanted = columns_read(needs, trees)
        found = {
            (alias, column): values
            for alias, (base, group) in needs.groups.items()
            if base == RECORD and group.name in wanted and is_judged_here(group, self.plan)
            for column, values in aggregates_of(self.plan, group, records, wanted[group.name]).items()
        }
        tests = self.question.tests  # reading them finds their terms
        given = {text: made for text, tree in reading.terms.items() if (made := simple(tree, found)) is not None}
        left = [
            self.question.forest.tests[number]
            for number, test in tests.items()
            if isinstance(test, Asked) or test.term not in given
        ]
        provide_groups(self.truths, self.plan, records, found, columns_read(needs, left))
        return given
