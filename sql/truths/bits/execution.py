"""Judging as bits within an evaluation: every condition of every record is judged, and only what is asked becomes rows.

Entry conditions and those whose spells are kept become rows of `truths` where they hold. Of the others there would be hundreds
of millions; a question names a condition and a record, and the answers that are true are added to `truths`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow
from numpy.typing import NDArray
from sqlglot import exp

from sql.places import RECORD
from sql.statements import Memory, Statement, Work, load_statements
from sql.truths.bits.groups import Grouped, read, worked_out
from sql.truths.bits.judging import Elsewhere, Question, prepare
from sql.truths.bits.places import Relation, is_judged_here, ordinals_statement, ordinals_table, records_of, relation_of
from sql.truths.bits.rows import Rows
from sql.truths.bits.values import NotExact, Values
from sql.truths.grouping import columns_read, group_statements
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

    def all_of(self, condition: int, among: NDArray[np.uint8]) -> NDArray[np.intp]:
        """The ordinals of the records of which a condition holds, of those among some; told by that."""
        row = int(np.searchsorted(self.numbers, condition))
        self.told[row] = self.bits[row] & among
        return np.flatnonzero(np.unpackbits(self.told[row], count=self.count, bitorder="little"))


def judging_statements(plan: TruthPlan) -> Iterator[Statement | Work]:
    """Number the records, judge all conditions of each object, and make rows of those whose spells are kept."""
    for name, object_plan in sorted(plan.objects.items()):
        if not _conditions(object_plan):
            continue
        yield ordinals_statement(object_plan, plan.is_increment)
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
            reached = session.arrow(f"SELECT is_reached FROM {ordinals_table(judged.object)} ORDER BY ordinal")
            # of whoever is only due no spell begins or ends
            among = np.packbits(reached["is_reached"].to_numpy(), bitorder="little")
            places = [judged.all_of(number, among).astype(np.int32) for number in kept]
            conditions = np.repeat(np.array(kept, np.int64), [len(found) for found in places])
            _tell(session, judged, conditions, np.concatenate(places))

    def _judged(self, session: DuckDBSession, parameters: Mapping[str, Any]) -> Judged:
        inexact = set[str]()
        while True:
            try:
                return self._judged_but(inexact, records_of(self.plan, session, parameters))
            except NotExact as found:  # hardly ever: sums beyond what a real number holds
                if found.what in inexact:
                    raise
                inexact.add(found.what)

    def _judged_but(self, inexact: Collection[str], records: Rows) -> Judged:
        """Judge block by block; `inexact` are values over related rows that the engine must put together."""
        relations = dict(self._relations(inexact, records))
        nothing = [(alias, relation.worked_out(relation.rows.nothing())) for alias, relation in relations.items()]
        elsewhere = Elsewhere(self._reads_groups, partial(self._provide, records))
        judging = prepare(self.question, records, self._given(nothing), elsewhere=elsewhere)
        numbers = np.array(sorted(self.question.forest.roots), np.int64)
        bits = np.zeros((len(numbers), (records.count + 7) // 8), np.uint8)
        related = [(alias, relation.parts()) for alias, relation in relations.items()]
        for part in records.parts():
            found = judging.judge(part, self._given([(alias, next(parts)) for alias, parts in related]))
            start = part.first // 8
            for row, number in enumerate(numbers.tolist()):
                bits[row, start : start + (part.count + 7) // 8] = found[number].true
        return Judged(self.plan.needs.object, numbers, bits, records.count)

    def _relations(self, inexact: Collection[str], records: Rows) -> Iterator[tuple[str, Relation]]:
        """The relations that are put together here, by the aliases under which tests read them."""
        for alias, asked in self._grouped.items():
            relation = relation_of(self.plan, self.plan.needs.groups[alias][1], records, asked, inexact)
            if relation is not None:
                yield alias, relation

    @cached_property
    def _grouped(self) -> dict[str, dict[str, Grouped]]:
        """The aggregates of each relation that tests read and numpy may work out, by the relation's alias."""
        needs = self.plan.needs
        wanted = columns_read(needs, self.question.forest.tests.values())
        found: dict[str, dict[str, Grouped]] = {}
        for alias, (base, group) in needs.groups.items():
            if base == RECORD and group.name in wanted and is_judged_here(group, self.plan):
                columns = ((name, read(tree)) for name, tree in group.columns.values() if name in wanted[group.name])
                found[alias] = {name: made for name, made in columns if made is not None}
        return found

    def _given(self, columns: Iterable[tuple[str, Mapping[str, Values]]]) -> dict[str, Values]:
        """Terms over related rows that need no engine."""
        found = {(alias, name): values for alias, made in columns for name, values in made.items()}
        terms = self.question.reading.terms if self.question.tests else {}
        return {text: made for text, tree in terms.items() if (made := worked_out(tree, found)) is not None}

    def _reads_groups(self, tree: exp.Expr) -> bool:
        return any(column.table in self.plan.needs.groups for column in tree.find_all(exp.Column))

    def _provide(self, records: Rows, trees: Sequence[exp.Expr]) -> None:
        """Tables of the aggregates that tests read which only the engine can judge."""
        wanted = columns_read(self.plan.needs, trees)
        for statement in group_statements(self.truths, self.plan, wanted, STAGE, "_judged"):
            records.session.run(statement, records.parameters)
