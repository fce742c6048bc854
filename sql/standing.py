"""Functions about where a record stands: membership, stages of journeys, spells, and what it was when it entered."""

from __future__ import annotations

from sqlglot import exp

from definitions.conditions import DIALECT, All, Any_
from definitions.grammar import Call
from definitions.project import Project
from sql.aggregates import cast_to
from sql.places import (
    Place,
    as_of,
    both,
    edge,
    entry_alias,
    held_alias,
    member_alias,
    number_of,
    result_alias,
    today,
    type_at,
)

_READ_AS = {
    "integer": "as_integer",
    "number": "as_number",
    "boolean": "as_boolean",
    "date": "as_date",
    "timestamp": "as_instant",
    "list": "as_list",
}
"""The warehouse's functions that read a stored value as a type; the others are text."""


def anniversary(date: exp.Expr) -> exp.Expr:
    """The next yearly return of a date, at least a year after it; 29 February returns on the 28th in other years."""

    def returned(years: exp.Expr) -> exp.Expr:
        step = exp.Anonymous(this="to_years", expressions=[years])
        return cast_to(exp.paren(exp.Add(this=date.copy(), expression=step), copy=False), "DATE")

    def year(of: exp.Expr) -> exp.Expr:
        return exp.Extract(this=exp.var("YEAR"), expression=of)

    since = exp.Greatest(
        this=exp.Literal.number(1), expressions=[exp.Sub(this=year(today()), expression=year(date.copy()))]
    )
    years = cast_to(since, "INTEGER")
    next_years = exp.paren(exp.Add(this=years.copy(), expression=exp.Literal.number(1)), copy=False)
    this_year = returned(years)
    made = exp.case().when(exp.GTE(this=this_year, expression=today()), this_year.copy()).else_(returned(next_years))
    return exp.paren(made, copy=False)


def at_entry(call: Call, place: Place) -> exp.Expr:
    """The value that was stored when the participant entered, as the type it has today."""
    number = entry_value(call.args[0], place)
    place.needs.entry_values[number] = call.args[0]
    stored = exp.column("result", table=entry_alias(number))
    return exp.Anonymous(this=_READ_AS.get(type_at(call.args[0], place), "as_text"), expressions=[stored])


def entry_value(tree: exp.Expr, place: Place) -> int:
    """The number of a value that is stored at entry."""
    alone = place.alone()
    sql = alone.compile(tree).sql(dialect=DIALECT) + alone.needs.aggregates.text()
    return number_of(alone.needs.object, "entry_value", sql)


def membership(call: Call, place: Place) -> exp.Expr:
    """in_workflow, completed_workflow: as things stood when the evaluation began."""
    workflow = call.args[0].name
    place.needs.members.add(workflow)
    flag = "is_inside" if call.name == "in_workflow" else "has_completed"
    return edge(exp.column(flag, table=member_alias(workflow)))


def result(call: Call, place: Place) -> exp.Expr:
    """What came back of a step; an outcome is a text, everything else a truth."""
    step = call.args[0].name
    place.needs.results.add(step)
    found = exp.column(call.name, table=result_alias(step))
    return found if call.name == "outcome" else edge(found)


def journey(call: Call, place: Place) -> exp.Expr:
    """The first stage whose condition holds; its spells are kept, so that its age is known."""
    name = call.args[0].name
    journey = place.needs.project.journeys[name]
    if call.name == "stage_goal":
        reached = [All((journey.inside(i), goal)) for i, goal in journey.goal(call.args[1].name)]
        return exp.paren(place.condition(Any_(tuple(reached))), copy=False)
    made = exp.case()
    for i, stage in enumerate(journey.stages):
        result: exp.Expr = exp.Literal.string(stage.name)
        if call.name != "journey_stage":
            began = cast_to(_stage_since(name, i, place), "DATE")
            result = exp.Sub(this=today(), expression=began)
            if call.name == "days_left_in_stage":
                if stage.duration is None:
                    continue
                ends = exp.Anonymous(
                    this="calendar_add",
                    expressions=[
                        began,
                        *(exp.Literal.number(n) for n in (stage.duration.months, stage.duration.days)),
                        exp.Literal.number(stage.duration.minutes),
                    ],
                )
                result = exp.Sub(this=cast_to(ends, "DATE"), expression=today())
        made = made.when(place.condition(journey.inside(i) if call.name != "journey_stage" else stage.when), result)
    return exp.paren(made, copy=False)


def _stage_since(journey: str, stage: int, place: Place) -> exp.Expr:
    """The evaluation that first saw the record in the stage; a record that comes now comes now."""
    needs = place.needs
    number = stage_number(journey, stage, needs.project)
    needs.held[number] = place.condition(needs.project.journeys[journey].inside(stage))
    return exp.func("COALESCE", exp.column("matched_from", table=held_alias(number)), as_of(), dialect=DIALECT)


def stage_number(journey: str, stage: int, project: Project) -> int:
    """The number under which the spells of a stage are kept: by its name, so that an edited condition keeps them."""
    spec = project.journeys[journey]
    return number_of(spec.object, "stage", f"{journey}\n{spec.stages[stage].name}")


def held_for(call: Call, place: Place) -> exp.Expr:
    """True now, and the spell that is open began at least that long ago. A spell that begins now has lasted no time."""
    needs = place.needs
    inner = edge(place.compile(call.args[0]))
    alone = place.alone()
    sql = alone.compile(call.args[0]).sql(dialect=DIALECT)
    number = number_of(needs.object, "held", sql + alone.needs.aggregates.text())
    needs.held[number] = inner
    since = exp.column("matched_from", table=held_alias(number))
    ended = exp.Add(this=since, expression=call.args[1].copy())
    return both(inner.copy(), edge(exp.LTE(this=exp.paren(ended, copy=False), expression=as_of())))
