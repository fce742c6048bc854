"""<workflow>.html: one workflow, everything about it in words and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from markupsafe import Markup

from pipelines.dashboard.answers import Card, Note, cards, notes
from pipelines.dashboard.charts import weekly_chart
from pipelines.dashboard.facts import Clock, Exit, FlowStep, Headline, Run, Week, WorkflowFacts
from pipelines.dashboard.flow_chart import flow_chart
from pipelines.dashboard.flow_layout import Block, arm_counts, blocks
from pipelines.dashboard.pages import Source, page_file, source_of
from pipelines.dashboard.rules import NamedRule, Rule, as_rule, reentry_wait, rules_as_written
from pipelines.dashboard.wording import (
    NONE,
    arm_name,
    count,
    day,
    days,
    number,
    percent,
    reason,
    step_kind,
    step_name,
    title,
)

CHART_WEEKS = 53
PEOPLE_BYTES = 88_000
"""What participants may weigh, so that a page stays under 150 KB and a phone opens it at once."""
_ROW_BYTES = 190


@dataclass(frozen=True)
class StepLine:
    """A step in the table and in the list, with the arms that part there."""

    kind: str
    name: str
    depth: int
    reached: str
    share: str
    here: str
    moved_on: str
    left: str
    late: str
    stay: str
    arms: tuple[tuple[str, tuple[StepLine, ...]], ...]


@dataclass(frozen=True)
class ExitLine:
    """A reason in the table of exits."""

    reason: str
    exits: str
    share: str
    before: str
    after: str


@dataclass(frozen=True)
class Person:
    """A participant in the table, with its days."""

    label: str
    entered: str
    state: str
    because: str
    met: str
    days: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class WeekLine:
    """A week in the numbers under the chart."""

    week: str
    entered: str
    heldout: str
    met: str


@dataclass(frozen=True)
class WorkflowPage:
    """<workflow>.html."""

    source: Source
    head: Headline
    name: str
    file: str
    objective: Rule | None
    notes: tuple[Note, ...]
    cards: tuple[Card, ...]
    finding: str
    chart: Markup | None
    weeks: tuple[WeekLine, ...]
    flow: Markup | None
    flow_note: str
    steps: tuple[StepLine, ...]
    step_table: tuple[StepLine, ...]
    exits: tuple[ExitLine, ...]
    exit_count: int
    terms: str
    rules: tuple[NamedRule, ...]
    people: tuple[Person, ...]
    people_note: str


def workflow_page(clock: Clock, facts: WorkflowFacts) -> WorkflowPage:
    """The page of one workflow."""
    head = facts.headline
    tree = blocks(facts.steps)
    taken = arm_counts(facts.edges)
    lines = _step_lines(tree, taken, 0)
    weeks = facts.weeks[-CHART_WEEKS:]
    name = title(head.workflow_id)
    objective = head.definition.get("objective")
    people = tuple(_fitting(_person(run, head, facts.steps, clock.as_of.date()) for run in facts.runs))
    return WorkflowPage(
        source=source_of(clock),
        head=head,
        name=name,
        file=page_file(head.workflow_id),
        objective=as_rule(objective["when"]) if objective else None,
        notes=notes(head, clock.as_of),
        cards=cards(head),
        finding=_finding(head, weeks),
        chart=_chart(clock, head, name, weeks) if weeks else None,
        weeks=tuple(_week_line(w) for w in reversed(weeks)),
        flow=_flow(facts, tree, name) if tree else None,
        flow_note=_flow_note(facts),
        steps=lines,
        step_table=tuple(_flattened(lines)),
        exits=tuple(_exit_line(e) for e in facts.exits),
        exit_count=sum(e.exit_count for e in facts.exits),
        terms=_terms(head),
        rules=rules_as_written(head.definition),
        people=people,
        people_note=_people_note(head, len(people)),
    )


def _finding(head: Headline, weeks: Sequence[Week]) -> str:
    """The sentence above the chart: what it shows."""
    entered = count(sum(w.entered_count for w in weeks), "entry", "entries")
    span = f"in {count(len(weeks), 'week')}"
    if head.objective_version is None:
        return f"{entered} {span}."
    met = sum(w.met_count or 0 for w in weeks)
    return f"{entered} {span}; the objective was met {count(met, 'time')}."


def _chart(clock: Clock, head: Headline, name: str, weeks: Sequence[Week]) -> Markup:
    unfinished = clock.as_of.date() < weeks[-1].week + timedelta(days=6)
    description = (
        f"{_finding(head, weeks)} Weeks from {day(weeks[0].week)} to {day(weeks[-1].week)}; the table has the numbers."
    )
    heading = f"{name}: entries and objectives met by week"
    return weekly_chart(weeks, title=heading, description=description, unfinished=unfinished)


def _week_line(week: Week) -> WeekLine:
    met = NONE if week.met_count is None else number(week.met_count)
    return WeekLine(day(week.week), number(week.entered_count), number(week.heldout_count), met)


def _flow(facts: WorkflowFacts, tree: tuple[Block, ...], name: str) -> Markup:
    said = "; ".join(
        f"{step_name(s)}: {number(s.reached_count)} reached, {number(s.here_count)} here" for s in facts.steps
    )
    heading = f"{name}: the flow from entry to end"
    return flow_chart(tree, facts.edges, title=heading, description=f"{said}. The table below has all numbers.")


def _flow_note(facts: WorkflowFacts) -> str:
    entered = sum(e.run_count for e in facts.edges if e.from_step_id == "(entry)")
    all_runs = facts.headline.entered_count - facts.headline.holdout_count
    if entered < all_runs:
        return f"Counts are of the {count(entered, 'run')} that entered under the current objective, of {number(all_runs)} in all."
    return "Lines are as wide as the number of runs that went that way; a bar in a box is its share of all entries."


def _step_lines(flow: Iterable[Block], taken: dict[tuple[str, str | None], int], depth: int) -> tuple[StepLine, ...]:
    return tuple(_step_line(block, taken, depth) for block in flow)


def _step_line(block: Block, taken: dict[tuple[str, str | None], int], depth: int) -> StepLine:
    step: FlowStep = block.step
    arms = tuple(
        (f"{arm_name(name)} · {number(taken.get((step.step_id, name), 0))}", _step_lines(inner, taken, depth + 1))
        for name, inner in block.arms
    )
    return StepLine(
        kind=step_kind(step),
        name=step_name(step),
        depth=depth,
        reached=number(step.reached_count),
        share=NONE if step.reach_share is None else percent(step.reach_share),
        here=number(step.here_count),
        moved_on=number(step.completed_count),
        left=number(step.left_count),
        late=number(step.late_count),
        stay=NONE if step.median_stay_days is None else days(step.median_stay_days),
        arms=arms,
    )


def _flattened(lines: Iterable[StepLine]) -> Iterator[StepLine]:
    for line in lines:
        yield line
        for _, inner in line.arms:
            yield from _flattened(inner)


def _exit_line(exit_: Exit) -> ExitLine:
    return ExitLine(
        reason=reason(exit_.reason_name),
        exits=number(exit_.exit_count),
        share=percent(exit_.exit_share),
        before=number(exit_.met_before_count),
        after=number(exit_.met_after_count),
    )


def _terms(head: Headline) -> str:
    """What decides beside the conditions: the launch, the way back in, the hold-out."""
    launch = {
        "everyone": "Launched for everyone who qualified",
        "newcomers": "Only for those who began to qualify later",
    }
    wait = reentry_wait(head.definition)
    again = f"re-entry: {head.reentry}" + (f", {wait} after leaving" if wait else "")
    held = f"; {percent(head.holdout_share)} are held out" if head.holdout_share else ""
    return f"{launch.get(head.launch or '', 'Not launched yet')}; {again}{held}."


def _person(run: Run, head: Headline, steps: Sequence[FlowStep], today: date) -> Person:
    return Person(
        label=run.label,
        entered=day(run.entered_date),
        state=_state(run, steps),
        because=reason(run.exit_override_name) if run.exit_override_name and run.arm == "treatment" else "",
        met=_met(run, today) if head.objective_version else "",
        days=tuple(_days(run)),
    )


def _days(run: Run) -> Iterator[tuple[str, str]]:
    """A run's events by day. A year is said where it is not the year of the entry."""
    for when, happened in groupby(run.events, key=lambda e: e.date):
        events = list(happened)
        # leaving on the objective says that it was met
        left_with_it = any(e.kind == "exited" and e.reason_code == "objective" for e in events)
        said = [e.why_text for e in events if not (left_with_it and e.kind == "objective_met")]
        words = day(when) if when.year != run.entered_date.year else f"{when.day} {when:%b}"
        yield words, " · ".join(said)


def _state(run: Run, steps: Sequence[FlowStep]) -> str:
    if run.arm == "holdout":
        return "held out"
    if run.exited_date is not None:
        return f"out on {day(run.exited_date)}"
    place = next((step_name(s) for s in steps if s.step_id == run.current_step_id), None)
    inside = "inside" if run.status == "active" else run.status
    return f"{inside}: {place}" if place else inside


def _met(run: Run, today: date) -> str:
    """When it met the objective. "No" is said only once the window has closed."""
    if run.met_at_entry:
        return "at entry"
    if run.first_met_date is not None:
        after = days((run.first_met_date - run.entered_date).days)
        return f"after {after}" if run.met_in_window else f"too late, after {after}"
    if run.arm == "holdout":
        return "no" if run.matured else "not yet"
    closed = run.exited_date is not None and (today - run.exited_date).days > 30
    return "no" if closed else "not yet"


def _fitting(people: Iterable[Person]) -> Iterator[Person]:
    """The first of them, as many as the page can carry; long stories leave room for fewer."""
    weight = 0
    for person in people:
        weight += _ROW_BYTES + sum(len(f"{when}{what}".encode()) + 16 for when, what in person.days)
        if weight > PEOPLE_BYTES:
            return
        yield person


def _people_note(head: Headline, shown: int) -> str:
    if shown < head.entered_count:
        return f"The newest {number(shown)} of {number(head.entered_count)}; the table report.run_fact has them all."
    return "Newest first."
