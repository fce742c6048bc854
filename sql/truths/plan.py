"""What must be known of an object's records, and what that needs. Built once for all live workflows.

Conditions, values and measures of all workflows are numbered by what they mean; equal ones are computed once. Entry
conditions are judged for every record, the others for records that are, were lately or may soon be inside, and
personal ones for participants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from sqlglot import exp

from definitions.conditions import DIALECT, All, Condition, Expression, Leaf, None_
from definitions.project import Project
from definitions.steps import Assign
from definitions.workflow import Each, Recipient, Workflow
from sql.leaves import (
    canonical,
    compile_choice,
    compile_condition,
    compile_value,
    condition_number,
    is_personal,
)
from sql.places import Needs, number_of
from sql.standing import stage_number

Kind = Literal["entry", "inside", "personal", "recipient", "measure", "value", "entry_value", "pool", "date"]


def _kinds() -> dict[Kind, dict[int, exp.Expr]]:
    return {kind: {} for kind in get_args(Kind)}


@dataclass
class ObjectPlan:
    """The numbered expressions of one object by kind, what they need, and which related rows become participants."""

    needs: Needs
    expressions: dict[Kind, dict[int, exp.Expr]] = field(default_factory=_kinds)
    each: dict[int, Each] = field(default_factory=dict[int, Each])

    def add(self, kind: Kind, number: int, tree: exp.Expr) -> int:
        """Note an expression; one that is judged for every record is not judged again."""
        if kind != "inside" or number not in self.expressions["entry"]:
            self.expressions[kind][number] = tree
        if kind == "entry":
            self.expressions["inside"].pop(number, None)
        return number


@dataclass
class TruthPlan:
    """All objects' plans. `add_*` return the numbers under which the results will be found."""

    project: Project
    objects: dict[str, ObjectPlan] = field(default_factory=dict[str, ObjectPlan])
    numbers: dict[tuple[str, str, str], int] = field(default_factory=dict[tuple[str, str, str], int])
    uses: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    askers: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    """The workflows whose participants a personal condition is asked of."""
    counts_business_days: bool = False
    is_increment: bool = False
    """Only what may differ from the last evaluation is judged."""
    by_bits: bool = False
    """Conditions of records are judged as bits; `sql` judges everything else."""

    @property
    def shares_groups(self) -> bool:
        """Is a relation grouped once for everything that is asked of it."""
        return not (self.is_increment or self.by_bits)

    def note_use(self, number: int | None, use: str) -> None:
        """Remember what a number is for, so that a reader of the SQL finds it."""
        if number is not None and use not in self.uses.setdefault(number, []):
            self.uses[number].append(use)

    def object(self, name: str) -> ObjectPlan:
        """The plan of an object; a new one keeps the spells of the stages of its journeys."""
        if name not in self.objects:
            made = ObjectPlan(Needs(name, self.project))
            self.objects[name] = made
            for journey, spec in sorted(self.project.journeys.items()):
                for i in range(len(spec.stages)) if spec.object == name else ():
                    number = stage_number(journey, i, self.project)
                    made.needs.held[number] = compile_condition(spec.inside(i), made.needs)
        return self.objects[name]

    def add_condition(
        self, condition: Condition, object_: str, kind: Literal["entry", "inside"], workflow: str = ""
    ) -> int:
        """Number a condition and note it; one that asks about a participant is asked of the workflow's participants."""
        wanted: Kind = "personal" if is_personal(condition, object_, self.project.catalog) else kind
        key = (canonical(condition), object_, wanted)
        if key not in self.numbers:
            plan = self.object(object_)
            number = condition_number(condition, object_, self.project)
            self.numbers[key] = plan.add(wanted, number, compile_condition(condition, plan.needs))
        if wanted == "personal":
            self.askers.setdefault(self.numbers[key], set()).add(workflow)
            self._keep_entry_values(object_)
        return self.numbers[key]

    def _keep_entry_values(self, object_: str) -> None:
        """Values that personal conditions read from the entry are computed for entrants."""
        plan = self.object(object_)
        for number, tree in plan.needs.entry_values.items():
            if number not in plan.expressions["entry_value"]:
                plan.add("entry_value", number, compile_value(tree, plan.needs))

    def add_value(
        self, expression: Expression, object_: str, kind: Literal["measure", "value", "date"] = "value"
    ) -> int:
        """Number an expression of any type and note it."""
        key = (expression.sql, object_, kind)
        if key not in self.numbers:
            alone, plan = Needs(object_, self.project), self.object(object_)
            sql = compile_value(expression.tree, alone).sql(dialect=DIALECT) + alone.aggregates.text()
            self.numbers[key] = plan.add(
                kind, number_of(object_, kind, sql), compile_value(expression.tree, plan.needs)
            )
        return self.numbers[key]

    def add_recipient(self, recipient: Recipient, object_: str) -> int:
        """Number the choice of a recipient and note it."""
        alone, plan = Needs(object_, self.project), self.object(object_)
        sql = compile_choice(recipient, alone).sql(dialect=DIALECT) + alone.aggregates.text()
        return plan.add("recipient", number_of(object_, "recipient", sql), compile_choice(recipient, plan.needs))

    def add_pool(self, assign: Assign, users: str) -> int:
        """Number the users an assign step chooses from: the expression is their load, missing for whoever takes no part."""
        parts = [Leaf(e) for e in (assign.where,) if e is not None]
        away = [None_((Leaf(assign.absent),))] if assign.absent is not None else []
        condition = All((*parts, *away)) if parts or away else None
        load = assign.load.tree if assign.load is not None else exp.Literal.number(0)

        def made(needs: Needs) -> exp.Expr:
            given = exp.func("COALESCE", compile_value(load, needs), exp.Literal.number(0), dialect=DIALECT)
            there = compile_condition(condition, needs) if condition is not None else exp.true()
            return exp.case().when(there, given)

        alone, plan = Needs(users, self.project), self.object(users)
        sql = made(alone).sql(dialect=DIALECT) + alone.aggregates.text()
        return plan.add("pool", number_of(users, "pool", sql), made(plan.needs))

    def add_each(self, each: Each, object_: str) -> int:
        """Number the related rows that become participants, and note them."""
        number = number_of(object_, "each", f"{each.relation}\n{each.where.sql if each.where else ''}")
        self.object(object_).each[number] = each
        return number


def recipient_object(workflow: Workflow, project: Project) -> str | None:
    """The object of a workflow's recipients."""
    if workflow.recipient is None:
        return None
    return project.catalog.target(workflow.object, (workflow.recipient.relation,))


def row_object(workflow: Workflow, project: Project) -> str | None:
    """The object of the related rows that become participants."""
    if workflow.entry.each is None:
        return None
    return project.catalog.target(workflow.object, (workflow.entry.each.relation,))


def numbers_in(plan: ObjectPlan, kind: Kind) -> tuple[tuple[int, exp.Expr], ...]:
    """The expressions of a kind in the order of their numbers."""
    found = dict(plan.expressions[kind])
    if kind == "entry":
        found |= plan.needs.held  # their spells are kept for every record
    return tuple(sorted(found.items()))
