"""Project -> Plan: everything one evaluation will run, in order, for all workflows at once.

The statements that admit, move and let go of participants are fixed; only what is asked of the records depends on the
project. The passes are the tuple at the end, and their order is the evaluation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from sqlglot import exp

from definitions.conditions import Condition, Leaf, leaves, parse_expression
from definitions.entry_rules import activity_targets
from definitions.goals import EVENTS, Goal
from definitions.grammar import call_of
from definitions.older import OlderVersion
from definitions.project import Project
from definitions.rules import conditions_of, problems_of_objective, problems_of_version
from definitions.steps import ActionStep, Assign, WaitForDate, WaitStep, walk
from definitions.tracking import tracked_fields
from definitions.workflow import Each, Workflow, logic_fingerprint
from sql.contents import Content, content_of
from sql.flow import Draw, Hop, compile_flow
from sql.leaves import entry_number
from sql.sending import address_statements, limit_statements
from sql.statements import Part, load_statements, room
from sql.truths.affected import affected_statements
from sql.truths.bits.execution import asking_statements, judging_statements
from sql.truths.grouping import aggregate_statements
from sql.truths.plan import TruthPlan, recipient_object, row_object
from sql.truths.rows import each_statements, happening_statements
from sql.truths.statements import (
    asked_statements,
    held_statement,
    personal_statements,
    previous_statements,
    records_statement,
    result_statements,
)


@dataclass(frozen=True)
class CompiledGoal:
    """A goal with the number of its condition, where it is one."""

    goal: Goal
    condition: int | None


@dataclass(frozen=True)
class CompiledAssign:
    """An assign step: where it chooses from, and its rules as (number of the condition, user)."""

    object: str
    pool: int
    rules: tuple[tuple[int, str], ...]


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
    each: int | None
    row_object: str | None
    goals: tuple[CompiledGoal, ...]
    entry_values: tuple[int, ...]
    hops: tuple[Hop, ...]
    guards: dict[Condition, int] = field(repr=False)
    contents: dict[str, Content] = field(repr=False)
    assigns: dict[str, CompiledAssign] = field(repr=False)
    senders: dict[str, int] = field(repr=False)
    dates: dict[str, int] = field(repr=False)
    enrolls: dict[str, int] = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Changes when a decision may change, also by a segment or computed field that the workflow uses."""
        numbers = [self.entry, self.exit, self.objective, self.measure, self.recipient, *sorted(self.guards.values())]
        numbers += [self.each, *(goal.condition for goal in self.goals)]
        numbers += sorted(n for a in self.assigns.values() for n in (a.pool, *(number for number, _ in a.rules)))
        numbers += sorted((*self.senders.values(), *self.dates.values()))
        numbers += sorted(number for content in self.contents.values() for _, number, _ in content.values)
        return hashlib.md5(f"{logic_fingerprint(self.workflow)}|{numbers}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Plan:
    """What one evaluation runs, and what the workflows look like as data."""

    project: Project
    truths: TruthPlan
    workflows: tuple[CompiledWorkflow, ...]
    statements: tuple[Part, ...]

    @cached_property
    def fingerprints(self) -> Mapping[str, str]:
        """Of each workflow, the fingerprint of what it decides by."""
        return {compiled.name: compiled.fingerprint for compiled in self.workflows}

    @cached_property
    def tracked(self) -> Mapping[str, tuple[str, ...]]:
        """The fields of each object whose earlier values it asks for."""
        return tracked_fields(self.project)

    def parts(self, is_increment: bool, by_bits: bool) -> tuple[Part, ...]:
        """The same in another execution: only what may differ from the last evaluation is judged, conditions as bits, or both."""
        if not is_increment and not by_bits:
            return self.statements
        if (is_increment, by_bits) not in self._others:
            truths = replace(self.truths, is_increment=is_increment, by_bits=by_bits)
            self._others[is_increment, by_bits] = _statements(truths)
        return self._others[is_increment, by_bits]

    @cached_property
    def _others(self) -> dict[tuple[bool, bool], tuple[Part, ...]]:
        return {}

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


@lru_cache(maxsize=8)
def current_plan(project: Project) -> Plan:
    """The plan of a project without older versions, compiled once."""
    return compile_plan(project)


def compile_plan(project: Project, retired: Iterable[OlderVersion] = ()) -> Plan:
    """Compile all workflows. `retired` are older versions that are still followed, or whose objectives are observed."""
    truths = TruthPlan(project)
    compiled = tuple(_workflow(name, workflow, truths) for name, workflow in sorted(project.workflows.items()))
    for version in retired:
        # the catalog may have gone on without what nobody asks any more
        if not problems_of_version(project, version):
            _workflow(version.name, version.workflow, truths, current=False)
        elif not problems_of_objective(project, version):
            _objective(version.name, version.workflow, truths)
    return Plan(project, truths, compiled, _statements(truths))


def compile_version(project: Project, version: OlderVersion) -> CompiledWorkflow:
    """An older version with what the project's catalog, segments and messages say now."""
    return _workflow(version.name, version.workflow, TruthPlan(project), current=False)


def objective_of_version(project: Project, version: OlderVersion) -> tuple[int | None, int | None]:
    """The numbers of its objective and measure alone."""
    return _objective(version.name, version.workflow, TruthPlan(project))


def _statements(truths: TruthPlan) -> tuple[Part, ...]:
    return tuple(statement for produce in PASSES for statement in produce(truths))


def _workflow(name: str, workflow: Workflow, truths: TruthPlan, current: bool = True) -> CompiledWorkflow:
    object_ = workflow.object

    def inside(condition: Condition) -> int:
        return truths.add_condition(condition, object_, "inside", name)

    hops = compile_flow(workflow.steps)
    spans = [*(h.wait for h in hops), *(s.due for s in walk(workflow.steps) if isinstance(s, ActionStep))]
    truths.counts_business_days |= any(span.business_days for span in spans if span is not None)
    guards = {g: inside(g) for h in hops for g in h.guards if not isinstance(g, Draw)}
    # nobody enters an older version
    entry = truths.add_condition(workflow.entry.condition, object_, "entry" if current else "inside", name)
    exits = inside(workflow.exit.when) if workflow.exit.when is not None else None
    objective, measure = _objective(name, workflow, truths)
    goals = tuple(
        CompiledGoal(goal, inside(goal.when) if goal.when is not None else None)
        for goal in goals_of(workflow, truths.project)
    )
    steps = [step for step in walk(workflow.steps) if isinstance(step, ActionStep)]
    assigns = {step.id: _assign(step.assign, workflow, truths, inside) for step in steps if step.assign}
    compiled = CompiledWorkflow(
        name=name,
        workflow=workflow,
        entry=entry,
        exit=exits,
        objective=objective,
        measure=measure,
        recipient=truths.add_recipient(workflow.recipient, object_) if workflow.recipient else None,
        recipient_object=recipient_object(workflow, truths.project),
        each=truths.add_each(workflow.entry.each, object_) if workflow.entry.each else None,
        row_object=row_object(workflow, truths.project),
        goals=goals,
        entry_values=tuple(sorted(_entry_values(workflow, truths.project))),
        hops=hops,
        guards=guards,
        contents={step.id: content_of(step, workflow, truths) for step in steps},
        assigns=assigns,
        dates=_dates(workflow, truths),
        senders=_senders(steps, workflow, truths.project, inside),
        enrolls=_enrolls(steps, workflow, truths),
    )
    _note_uses(compiled, truths)
    return compiled


def _note_uses(compiled: CompiledWorkflow, truths: TruthPlan) -> None:
    """Say in the SQL what each number is for."""
    named = {
        "entry": compiled.entry,
        "exit": compiled.exit,
        "objective": compiled.objective,
        "measure": compiled.measure,
    }
    for use, number in named.items():
        truths.note_use(number, f"{use} of {compiled.name}")
    for number in compiled.guards.values():
        truths.note_use(number, f"a way in {compiled.name}")
    for goal in compiled.goals:
        truths.note_use(goal.condition, f"a goal of {compiled.name}")


def _dates(workflow: Workflow, truths: TruthPlan) -> dict[str, int]:
    """For each wait for a date: the number of the date."""
    waits = [(s.id, s.wait) for s in walk(workflow.steps) if isinstance(s, WaitStep)]
    return {
        step: truths.add_value(wait.moment, workflow.object, "date")
        for step, wait in waits
        if isinstance(wait, WaitForDate)
    }


def _enrolls(steps: list[ActionStep], workflow: Workflow, truths: TruthPlan) -> dict[str, int]:
    """For each step that enrolls related records: the number of these."""
    related = [(step.id, step.enroll.relation) for step in steps if step.enroll is not None]
    return {
        step: truths.add_each(Each(relation=relation), workflow.object)
        for step, relation in related
        if relation is not None
    }


def goals_of(workflow: Workflow, project: Project) -> tuple[Goal, ...]:
    """The goals written; without any, what a recipient does by itself, as far as the catalog shows it."""
    if workflow.goals is not None:
        return workflow.goals
    recipient = recipient_object(workflow, project)
    return tuple(Goal(kind, kind=kind) for kind in EVENTS if recipient in activity_targets(project, kind))


def _assign(
    assign: Assign, workflow: Workflow, truths: TruthPlan, inside: Callable[[Condition], int]
) -> CompiledAssign:
    users = truths.project.catalog.target(workflow.object, (assign.relation,))
    assert users is not None, "the checker has seen to it"
    rules = tuple((inside(rule.if_), rule.user) for rule in assign.rules)
    return CompiledAssign(users, truths.add_pool(assign, users), rules)


def _senders(
    steps: list[ActionStep], workflow: Workflow, project: Project, inside: Callable[[Condition], int]
) -> dict[str, int]:
    """For each message in a user's name: the condition that this user lets workflows send."""
    found: dict[str, int] = {}
    for step in steps:
        target = project.catalog.target(workflow.object, (step.user,)) if step.user else None
        role = project.catalog[target].send_as if target else None
        if role is not None and step.kind in ("email", "sms"):
            found[step.id] = inside(Leaf(parse_expression(f"{step.user}.{role}")))
    return found


def _entry_values(workflow: Workflow, project: Project) -> set[int]:
    """The values that the workflow's conditions read from the entry."""
    calls = (
        call_of(node)
        for condition in conditions_of(workflow)
        for leaf in leaves(condition)
        for node in leaf.expression.tree.find_all(exp.Anonymous)
    )
    return {entry_number(c.args[0], workflow.object, project) for c in calls if c is not None and c.name == "at_entry"}


def _objective(name: str, workflow: Workflow, truths: TruthPlan) -> tuple[int | None, int | None]:
    objective = workflow.objective
    if objective is None:
        return None, None
    measure = truths.add_value(objective.measure, workflow.object, "measure") if objective.measure else None
    return truths.add_condition(objective.when, workflow.object, "inside", name), measure


def _fixed(file: str, asking: Mapping[str, str] | None = None) -> Callable[[TruthPlan], Iterator[Part]]:
    """The statements of a file. `asking` names questions and the statements before which they are asked."""

    def produce(plan: TruthPlan) -> Iterator[Part]:
        before = asking or {}
        for statement in (s for s in load_statements("evaluation") if s.stage == file):
            if statement.name in before:
                yield from asking_statements(plan, before[statement.name])
            yield statement

    return produce


def _judged(plan: TruthPlan) -> Iterator[Part]:
    """The conditions that are asked of every record."""
    if plan.by_bits:
        yield from judging_statements(plan)
    else:
        yield from result_statements(plan, "entry", "04_truths")


def _judged_inside(plan: TruthPlan) -> Iterator[Part]:
    """The other conditions; bits know them already."""
    if not plan.by_bits:
        yield from result_statements(plan, "inside", "04_truths", "needed")


def _business_days(plan: TruthPlan) -> Iterator[Part]:
    """The days that business days lead to, where any workflow counts them."""
    if plan.counts_business_days:
        yield from _fixed("03_business")(plan)
    else:
        yield room(
            "03_begin", "business_steps", "No workflow counts business days.", "business_days BIGINT, days BIGINT"
        )


PASSES: tuple[Callable[[TruthPlan], Iterator[Part]], ...] = (
    _fixed("02_inputs"),
    _fixed("03_begin"),
    _business_days,
    lambda plan: asked_statements(plan, "03_begin"),
    lambda plan: records_statement(plan, "03_begin"),
    _fixed("03_commands"),
    lambda plan: happening_statements(plan, "03_goals"),
    _fixed("03_goals"),
    lambda plan: affected_statements(plan, "04_affected"),
    lambda plan: previous_statements(plan, "04_truths"),
    lambda plan: held_statement(plan, "04_truths"),
    lambda plan: aggregate_statements(plan, "04_truths"),
    _judged,
    lambda plan: each_statements(plan, "04_truths"),
    _fixed("04_needed"),
    _judged_inside,
    lambda plan: result_statements(plan, "date", "04_truths", "needed"),
    lambda plan: personal_statements(plan, "watched_participants", "04_truths"),
    _fixed("05_episodes"),
    _fixed("06_leave", {"asked_of_insiders": "ask_insiders"}),
    _fixed("07_admit", {"passages": "ask_candidates"}),
    lambda plan: result_statements(plan, "recipient", "07_admit", "passing"),
    _fixed("07_once"),
    lambda plan: result_statements(plan, "entry_value", "08_enter", "entrants"),
    _fixed("08_enter"),
    lambda plan: personal_statements(plan, "entrants", "08_enter"),
    _fixed("09_advance", {"guards_that_hold": "ask_guards", "blocked": "ask_senders"}),
    lambda plan: aggregate_statements(plan, "09_assign", "_pooled", "planned"),
    lambda plan: result_statements(plan, "pool", "09_assign", "planned"),
    _fixed("09_assign", {"to_assign": "ask_rules"}),
    lambda plan: aggregate_statements(plan, "10_plan", "_carried", "addressed"),
    lambda plan: result_statements(plan, "value", "10_plan", "addressed"),
    _fixed("10_plan"),
    _fixed("10_send"),
    address_statements,
    _fixed("10_zones"),
    _fixed("10_place"),
    limit_statements,
    lambda plan: result_statements(plan, "measure", "11_observe", "observed"),
    _fixed("11_observe", {"seen": "ask_objectives"}),
    _fixed("12_book"),
)
