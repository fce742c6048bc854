"""<workflow>.html: one workflow, everything about it in words and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from pipelines.dashboard.answers import Card, Note, cards, notes
from pipelines.dashboard.changes import VersionChanges, version_changes
from pipelines.dashboard.counted_exhibits import (
    branch_outcomes,
    breakdown,
    cohorts,
    exits,
    other_figures,
    responses,
    segments,
)
from pipelines.dashboard.exhibits import Cell, Exhibit, Table, table
from pipelines.dashboard.facts import Clock, FlowStep, Headline, WorkflowFacts
from pipelines.dashboard.flow_chart import flow_chart
from pipelines.dashboard.flow_layout import Block, arm_counts, blocks, other_counts
from pipelines.dashboard.pages import Source, page_file, source_of, stem_of
from pipelines.dashboard.people import GROUPS, Notes, PeopleLink, Person, notes_of
from pipelines.dashboard.rules import NamedRule, Rule, as_rule, reentry_wait, rules_as_written
from pipelines.dashboard.timed_exhibits import after_exit, compared, time_to_objective, trend
from pipelines.dashboard.wording import NONE, arm_name, count, day, days, number, percent, step_kind, step_name, title


@dataclass(frozen=True)
class StepLine:
    """A step in the list of a phone, with the arms that part there."""

    kind: str
    name: str
    counts: str
    arms: tuple[tuple[str, tuple[StepLine, ...]], ...]


@dataclass(frozen=True)
class WorkflowPage:
    """<workflow>.html."""

    source: Source
    head: Headline
    name: str
    file: str
    csv: str
    since: str
    objective: Rule | None
    notes: tuple[Note, ...]
    cards: tuple[Card, ...]
    pairs: tuple[tuple[Exhibit, ...], ...]
    later: tuple[tuple[Exhibit, ...], ...]
    for_whom: bool
    flow: Markup | None
    flow_finding: str
    flow_note: str
    steps: tuple[StepLine, ...]
    step_table: Table
    versions: tuple[VersionChanges, ...]
    terms: str
    rules: tuple[NamedRule, ...]
    people: tuple[Person, ...] | None
    """None leaves them out: `<!-- participants -->` stands in their place."""
    notes_of_people: Notes
    people_note: str
    people_links: tuple[PeopleLink, ...]
    groups: tuple[tuple[str, str], ...]


def workflow_page(clock: Clock, facts: WorkflowFacts) -> WorkflowPage:
    """The page of one workflow, its participants left out."""
    head = facts.headline
    tree = blocks(facts.steps)
    taken = arm_counts(facts.edges)
    name = title(head.workflow_id)
    objective = head.definition.get("objective")
    return WorkflowPage(
        source=source_of(clock),
        head=head,
        name=name,
        file=page_file(head.workflow_id),
        csv=f"{stem_of(head.workflow_id)}.csv",
        since=_since(head, facts),
        objective=as_rule(objective["when"]) if objective else None,
        notes=notes(facts),
        cards=cards(facts),
        pairs=((trend(clock, facts), after_exit(facts)), (time_to_objective(facts), compared(facts))),
        later=_later(facts),
        for_whom=bool(facts.segments),
        flow=_flow(facts, tree, name) if tree else None,
        flow_finding=_flow_finding(facts),
        flow_note=_flow_note(facts),
        steps=tuple(_step_line(block, taken) for block in tree),
        step_table=_step_table(tree),
        versions=version_changes(facts.versions),
        terms=_terms(head),
        rules=rules_as_written(head.definition),
        people=None,
        notes_of_people=Notes(),
        people_note="",
        people_links=(),
        groups=(),
    )


def with_people(page: WorkflowPage, people: Sequence[Person], links: tuple[PeopleLink, ...] = ()) -> WorkflowPage:
    """The page with these participants; `links` lead to pages of all of them."""
    groups = tuple((group, words) for group, words in GROUPS.items() if any(p.group == group for p in people))
    note = _people_note(page.head, len(people))
    told = {"people": tuple(people), "notes_of_people": notes_of(people), "people_note": note}
    return replace(page, **told, people_links=links, groups=groups)


def _later(facts: WorkflowFacts) -> tuple[tuple[Exhibit, ...], ...]:
    """Exhibits under the flow: alone or two abreast."""
    paths = tuple(e for e in (branch_outcomes(facts), responses(facts)) if e)
    figures, whom = other_figures(facts), segments(facts)
    found = (
        paths,
        (cohorts(facts),),
        (whom,) if whom else (),
        (exits(facts), breakdown(facts)),
        (figures,) if figures else (),
    )
    return tuple(row for row in found if row)


def _since(head: Headline, facts: WorkflowFacts) -> str:
    """Since when it runs, and since when this version does."""
    current = next((v for v in facts.versions if v.version == head.workflow_version), None)
    if head.oldest_entered_at is None:
        return "nobody has entered yet"
    first = f"first entry {day(head.oldest_entered_at)}"
    if current is None or current.version == 1:
        return first
    return f"{first}, version {current.version} since {day(current.valid_from)}"


def _flow(facts: WorkflowFacts, tree: tuple[Block, ...], name: str) -> Markup:
    heading = f"{name}: the flow from entry to end"
    return flow_chart(
        tree, facts.edges, title=heading, description=f"{_flow_finding(facts)} The table below has all numbers."
    )


def _flow_finding(facts: WorkflowFacts) -> str:
    """Where they stop."""
    losing = max(facts.steps, key=lambda s: s.left_count, default=None)
    ended = sum(e.run_count for e in facts.edges if e.to_step_id == "(end)")
    entered = sum(e.run_count for e in facts.edges if e.from_step_id == "(entry)")
    if not entered or losing is None:
        return "Nobody has gone through it yet."
    reached = f"{number(ended)} of {number(entered)} reached the end."
    if not losing.left_count:
        return reached
    stop = f"Most who leave early do so at “{step_name(losing)}”: {number(losing.left_count)} of {number(losing.reached_count)} who came there."
    return f"{reached} {stop}"


def _flow_note(facts: WorkflowFacts) -> str:
    entered = sum(e.run_count for e in facts.edges if e.from_step_id == "(entry)")
    all_runs = facts.headline.entered_count - facts.headline.holdout_count
    said = "Lines are as wide as the number of runs; a bar in a box is its share of all entries. “Met” is the last step done before the objective or goal, which does not prove that it was the cause. Who left on meeting the objective counts as left."
    if entered < all_runs:
        return f"Counts are of the {count(entered, 'run')} that entered under the current objective, of {number(all_runs)} in all. {said}"
    return said


def _step_line(block: Block, taken: dict[tuple[str, str | None], int]) -> StepLine:
    step: FlowStep = block.step
    arms = tuple(
        (f"{arm_name(name)} · {number(taken.get((step.step_id, name), 0))}", tuple(_step_line(b, taken) for b in inner))
        for name, inner in block.arms
    )
    return StepLine(
        kind=step_kind(step),
        name=step_name(step),
        counts=" · ".join([f"{number(step.reached_count)} reached", *(words for words, _ in other_counts(step))]),
        arms=arms,
    )


def _step_table(tree: Iterable[Block]) -> Table:
    columns = (
        "Step",
        Cell("Kind", "w"),
        "Reached",
        "Share",
        "Moved on",
        "Here",
        "Left",
        "Met",
        "Late",
        "Median stay",
        "9 in 10 within",
    )
    return table("Steps with their counts", columns, (_step_row(s, depth) for s, depth in _flattened(tree, 0)))


def _step_row(step: FlowStep, depth: int) -> tuple[str | Cell, ...]:
    return (
        f"{'· ' * depth}{step_name(step)}",
        Cell(step_kind(step), "w"),
        number(step.reached_count),
        NONE if step.reach_share is None else percent(step.reach_share),
        number(step.completed_count),
        number(step.here_count),
        number(step.left_count),
        number(step.responded_count),
        number(step.late_count),
        NONE if step.median_stay_days is None else days(step.median_stay_days),
        NONE if step.p90_stay_days is None else days(step.p90_stay_days),
    )


def _flattened(tree: Iterable[Block], depth: int) -> Iterator[tuple[FlowStep, int]]:
    for block in tree:
        yield block.step, depth
        for _, inner in block.arms:
            yield from _flattened(inner, depth + 1)


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


def _people_note(head: Headline, shown: int) -> str:
    if shown < head.entered_count:
        return f"The newest {number(shown)} of {number(head.entered_count)}."
    return "Newest first."
