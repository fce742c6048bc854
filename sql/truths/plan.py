"""What must be known of an object's records, and what that needs. Built once for all live workflows.

Conditions, values and measures of all workflows are numbered by what they mean; equal ones are computed once. Entry
conditions are judged for every record, the others for records that are, were lately or may soon be inside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

from definitions.conditions import DIALECT, Condition, Expression
from definitions.project import Project
from definitions.workflow import Recipient, Workflow
from sql.leaves import (
    Needs,
    canonical,
    compile_choice,
    compile_condition,
    compile_value,
    condition_number,
    number_of,
)

Kind = Literal["entry", "inside", "recipient", "measure", "value"]


@dataclass
class ObjectPlan:
    """The numbered expressions of one object by kind, and what they need."""

    needs: Needs
    expressions: dict[Kind, dict[int, exp.Expr]] = field(
        default_factory=lambda: {"entry": {}, "inside": {}, "recipient": {}, "measure": {}, "value": {}}
    )

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

    def note_use(self, number: int | None, use: str) -> None:
        """Remember what a number is for, so that a reader of the SQL finds it."""
        if number is not None and use not in self.uses.setdefault(number, []):
            self.uses[number].append(use)

    def object(self, name: str) -> ObjectPlan:
        """The plan of an object; a new one is empty."""
        if name not in self.objects:
            self.objects[name] = ObjectPlan(Needs(name, self.project))
        return self.objects[name]

    def add_condition(self, condition: Condition, object_: str, kind: Literal["entry", "inside"]) -> int:
        """Number a condition and note it."""
        key = (canonical(condition), object_, kind)
        if key not in self.numbers:
            plan = self.object(object_)
            number = condition_number(condition, object_, self.project)
            self.numbers[key] = plan.add(kind, number, compile_condition(condition, plan.needs))
        return self.numbers[key]

    def add_value(self, expression: Expression, object_: str, kind: Literal["measure", "value"] = "value") -> int:
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
        where = recipient.where.tree if recipient.where else None
        order = tuple(recipient.order_by.tree.find_all(exp.Ordered)) if recipient.order_by else ()
        alone, plan = Needs(object_, self.project), self.object(object_)
        sql = compile_choice(recipient.relation, where, order, alone).sql(dialect=DIALECT) + alone.aggregates.text()
        made = compile_choice(recipient.relation, where, order, plan.needs)
        return plan.add("recipient", number_of(object_, "recipient", sql), made)


def recipient_object(workflow: Workflow, project: Project) -> str | None:
    """The object of a workflow's recipients."""
    if workflow.recipient is None:
        return None
    hops = project.catalog.walk(workflow.object, (workflow.recipient.relation,))
    return hops[-1].target if hops else None


def numbers_in(plan: ObjectPlan, kind: Kind) -> tuple[tuple[int, exp.Expr], ...]:
    """The expressions of a kind in the order of their numbers."""
    found = dict(plan.expressions[kind])
    if kind == "entry":
        found |= plan.needs.held  # their spells are kept for every record
    return tuple(sorted(found.items()))
