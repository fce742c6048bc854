"""Project -> Plan: everything one evaluation will run, in order, for all workflows at once.

The statements that admit, move and let go of participants are fixed; only what is asked of the records depends on the
project. The passes are the tuple at the end, and their order is the evaluation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from definitions.conditions import Condition
from definitions.project import Project
from definitions.steps import ActionStep, walk
from definitions.workflow import Workflow, logic_fingerprint
from sql.contents import Content, content_of
from sql.flow import Draw, Hop, compile_flow
from sql.sending import address_statements, limit_statements
from sql.statements import Part, Statement, load_statements
from sql.truths.plan import TruthPlan, recipient_object
from sql.truths.statements import (
    aggregate_statements,
    held_statement,
    previous_statements,
    records_statement,
    result_statements,
)


@dataclass(frozen=True)
class CompiledWorkflow:
    """A workflow with the numbers of its conditions and values, its hops and its contents."""

    name: str
    workflow: Workflow
    entry: int
    exit: int | None
    objective: int | None
    measure: int | None
    recipient: int | None
    recipient_object: str | None
    hops: tuple[Hop, ...]
    guards: dict[Condition, int] = field(repr=False)
    contents: dict[str, Content] = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Changes when a decision may change, also by a segment or computed field that the workflow uses."""
        numbers = [self.entry, self.exit, self.objective, self.measure, self.recipient, *sorted(self.guards.values())]
        numbers += sorted(number for content in self.contents.values() for _, number, _ in content.values)
        return hashlib.md5(f"{logic_fingerprint(self.workflow)}|{numbers}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Plan:
    """What one evaluation runs, and what the workflows look like as data."""

    project: Project
    truths: TruthPlan
    workflows: tuple[CompiledWorkflow, ...]
    statements: tuple[Part, ...]

    def text(self) -> str:
        """The whole plan as SQL that a reader can audit."""
        parts: list[str] = []
        stage = ""
        for statement in self.statements:
            if statement.stage != stage:
                stage = statement.stage
                parts.append(f"-- ===== {stage} =====")
            parts.append(statement.text())
        return "\n\n".join(parts) + "\n"


def compile_plan(project: Project, retired: Iterable[Workflow] = ()) -> Plan:
    """Compile all workflows. `retired` are older versions whose objectives are still observed."""
    truths = TruthPlan(project)
    compiled = tuple(_workflow(name, workflow, truths) for name, workflow in sorted(project.workflows.items()))
    for workflow in retired:
        if workflow.object in project.catalog and workflow.objective is not None:
            _objective(workflow, truths)
    statements = tuple(statement for produce in PASSES for statement in produce(truths))
    return Plan(project, truths, compiled, statements)


def _workflow(name: str, workflow: Workflow, truths: TruthPlan) -> CompiledWorkflow:
    hops = compile_flow(workflow.steps)
    guards = {
        g: truths.add_condition(g, workflow.object, "inside") for h in hops for g in h.guards if not isinstance(g, Draw)
    }
    entry = truths.add_condition(workflow.entry.when, workflow.object, "entry")
    leave = workflow.exit.when
    objective, measure = _objective(workflow, truths)
    exits = truths.add_condition(leave, workflow.object, "inside") if leave is not None else None
    for number, use in ((entry, "entry"), (exits, "exit"), (objective, "objective"), (measure, "measure")):
        truths.note_use(number, f"{use} of {name}")
    for number in guards.values():
        truths.note_use(number, f"a way in {name}")
    steps = [step for step in walk(workflow.steps) if isinstance(step, ActionStep)]
    return CompiledWorkflow(
        name=name,
        workflow=workflow,
        entry=entry,
        exit=exits,
        objective=objective,
        measure=measure,
        recipient=truths.add_recipient(workflow.recipient, workflow.object) if workflow.recipient else None,
        recipient_object=recipient_object(workflow, truths.project),
        hops=hops,
        guards=guards,
        contents={step.id: content_of(step, workflow, truths) for step in steps},
    )


def _objective(workflow: Workflow, truths: TruthPlan) -> tuple[int | None, int | None]:
    objective = workflow.objective
    if objective is None:
        return None, None
    measure = truths.add_value(objective.measure, workflow.object, "measure") if objective.measure else None
    return truths.add_condition(objective.when, workflow.object, "inside"), measure


def _fixed(file: str) -> Callable[[TruthPlan], Iterator[Statement]]:
    def produce(_: TruthPlan) -> Iterator[Statement]:
        yield from (s for s in load_statements("evaluation") if s.stage == file)

    return produce


PASSES: tuple[Callable[[TruthPlan], Iterator[Part]], ...] = (
    _fixed("03_begin"),
    lambda plan: previous_statements(plan, "04_truths"),
    lambda plan: records_statement(plan, "04_truths"),
    lambda plan: held_statement(plan, "04_truths"),
    lambda plan: aggregate_statements(plan, "04_truths"),
    lambda plan: result_statements(plan, "entry", "04_truths"),
    _fixed("04_needed"),
    lambda plan: result_statements(plan, "inside", "04_truths"),
    _fixed("05_episodes"),
    _fixed("06_leave"),
    _fixed("07_admit"),
    lambda plan: result_statements(plan, "recipient", "07_admit"),
    _fixed("08_enter"),
    _fixed("09_advance"),
    lambda plan: result_statements(plan, "value", "10_plan"),
    _fixed("10_plan"),
    _fixed("10_send"),
    address_statements,
    _fixed("10_zones"),
    _fixed("10_place"),
    limit_statements,
    lambda plan: result_statements(plan, "measure", "11_observe"),
    _fixed("11_observe"),
    _fixed("12_book"),
)
