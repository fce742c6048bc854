"""Exhibits with time as an axis: sixty days, days since entry, days since exit; and the comparison with the hold-out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from markupsafe import Markup

from pipelines.dashboard.answers import TOO_EARLY, TOO_FEW, compared_counts, holdout_card, uplift_interval
from pipelines.dashboard.curve_chart import TimeCurve, TimeToObjective, curve_chart
from pipelines.dashboard.exhibits import Exhibit, Table, table
from pipelines.dashboard.exit_chart import AfterExit, ExitPoint, exit_chart
from pipelines.dashboard.facts import Clock, Curve, Day, ExitDay, Headline, Uplift, WorkflowFacts
from pipelines.dashboard.trend_chart import Trend, TrendDay, trend_chart
from pipelines.dashboard.uplift_chart import Interval, uplift_chart
from pipelines.dashboard.wording import NONE, count, day, days, measured, number, percent, points_word, title

TREND_DAYS = 60
FEWEST_OBSERVED = 5
"""A mean of fewer says more of one customer than of all."""
_ARMS = {"treatment": "treated", "holdout": "held out"}


def trend(clock: Clock, facts: WorkflowFacts) -> Exhibit:
    """Entries and objectives met in the last sixty days."""
    head, today = facts.headline, clock.as_of.date()
    heading = f"Trend, last {TREND_DAYS} days"
    filled = _filled(facts, today)
    entered = sum(d.entered_count for d in filled)
    if not any(d.entered_count or d.met_count for d in filled):
        return Exhibit("trend", heading, f"Nobody entered in the last {TREND_DAYS} days.", words="no entries")
    met = sum(d.met_count or 0 for d in filled)
    finding = f"{count(entered, 'run')} entered and {number(met)} met the objective."
    if head.objective_version is None:
        finding = f"{count(entered, 'run')} entered."
    start = today - timedelta(days=TREND_DAYS - 1)
    marks = tuple(
        ((v.valid_from.date() - start).days, f"version {v.version}")
        for v in facts.versions
        if v.version > 1 and start < v.valid_from.date() <= today
    )
    chart = trend_chart(
        Trend(
            f"{title(head.workflow_id)}: entries and objectives met by day",
            f"{finding} From {day(start)} to {day(today)}; the table has the numbers.",
            tuple(_with_average(filled)),
            marks,
        )
    )
    legend = (
        (("bar", "entered"),)
        if head.objective_version is None
        else (("bar", "entered"), ("line", "met a day, 7-day mean"))
    )
    shown = [d for d in reversed(filled) if d.entered_count or d.met_count]
    rows = ((day(d.date), number(d.entered_count), NONE if d.met_count is None else number(d.met_count)) for d in shown)
    numbers = table("Days on which something happened, the newest first", ("Date", "Entered", "Met"), rows)
    return Exhibit("trend", heading, finding, legend=legend, chart=chart, table=numbers)


def _filled(facts: WorkflowFacts, today: date) -> list[Day]:
    known = {d.date: d for d in facts.days}
    since = min((d.date for d in facts.days if d.met_count is not None), default=None)
    dates = (today - timedelta(days=n) for n in reversed(range(TREND_DAYS)))
    return [known.get(d) or Day(d, 0, 0 if since and d >= since else None) for d in dates]


def _with_average(filled: Sequence[Day]) -> Iterator[TrendDay]:
    """The mean of seven days; at the beginning of so many as there are."""
    for i, one in enumerate(filled):
        known = [d.met_count for d in filled[max(0, i - 6) : i + 1] if d.met_count is not None]
        yield TrendDay(one.date, one.entered_count, sum(known) / len(known) if known else None)


def time_to_objective(facts: WorkflowFacts) -> Exhibit:
    """How many had met the objective by each day after entry."""
    heading = "Time to objective"
    drawn = [_curve(c, facts) for c in facts.curves if c.drawn_to_day]
    treated = next((c for c in facts.curves if c.arm == "treatment"), None)
    if treated is None or not any(not c.held_out for c in drawn):
        n = treated.n_runs if treated else 0
        finding = f"{count(n, 'run')} followed; a line needs 10 on the same day."
        return Exhibit("time", heading, finding, words=TOO_EARLY if not n else TOO_FEW)
    finding = _time_finding(facts.curves)
    chart = curve_chart(
        TimeToObjective(
            f"{title(facts.headline.workflow_id)}: share that met the objective by days since entry",
            f"{finding} Lines with 95% bands; the table has the numbers.",
            tuple(drawn),
        )
    )
    legend = tuple(("dashed" if c.held_out else "line", c.name) for c in drawn)
    small = "Runs not followed that long count only while they were followed; lost records never met it. Bands are 95%. A line stops where fewer than 10 are at risk; their number stands under the axis."
    return Exhibit("time", heading, finding, small, legend, chart, table=_curve_table(drawn))


def _curve(curve: Curve, facts: WorkflowFacts) -> TimeCurve:
    points = tuple(p for p in facts.curve_points if p.arm == curve.arm)
    return TimeCurve(_ARMS[curve.arm], curve.arm == "holdout", points)


def _time_finding(curves: Sequence[Curve]) -> str:
    for within in (30, 60, 14, 7):
        shares = {c.arm: getattr(c, f"cif_{within}") for c in curves}
        if shares.get("treatment") is not None:
            held = shares.get("holdout")
            also = f", {percent(held)} of those held out" if held is not None else ""
            return f"{percent(shares['treatment'])} reach it by day {within}{also}."
    return "The shares by day are in the table."


def _curve_table(curves: Sequence[TimeCurve]) -> Table:
    rows = (
        (
            f"{c.name}, day {p.day_no}",
            number(p.at_risk),
            number(p.d_objective),
            percent(p.cif),
            NONE if p.cif_lo is None or p.cif_hi is None else f"{100 * p.cif_lo:.0f} to {percent(p.cif_hi)}",
        )
        for c in curves
        for p in c.points
        if p.day_no % 10 == 0 or p.day_no in (7, 14) or p is c.points[-1]
    )
    return table("Every tenth day", ("Arm, day", "At risk", "Met that day", "Met by then", "95% band"), rows)


def compared(facts: WorkflowFacts) -> Exhibit:
    """Treated against held out."""
    heading, card, uplift = "Against the hold-out", holdout_card(facts), facts.uplift
    if uplift is None or not (uplift.n_treat or uplift.n_hold):
        return Exhibit("holdout", heading, " ".join(card.lines), words=card.answer)
    finding = f"{compared_counts(uplift)}."
    verdict, tone = (card.verdict or card.answer), card.tone
    if uplift.verdict in (TOO_FEW, "not comparable"):
        return Exhibit(
            "holdout", heading, finding, " ".join(card.small), words=uplift.verdict, table=_uplift_table(uplift)
        )
    return Exhibit(
        "holdout",
        heading,
        finding,
        f"{uplift_interval(uplift)}. Thick: right for who looks once. Thin: safe to read at every report. "
        "Of many comparisons without an effect, about one in twenty may mislead.",
        chart=_uplift_chart(facts.headline, uplift, verdict),
        verdict=verdict,
        tone=tone,
        table=_uplift_table(uplift),
    )


def _uplift_chart(head: Headline, uplift: Uplift, verdict: str) -> Markup | None:
    values = (
        uplift.diff_points,
        uplift.av_lo_points,
        uplift.av_hi_points,
        uplift.one_look_lo_points,
        uplift.one_look_hi_points,
    )
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        return None
    name = f"{title(head.workflow_id)}: difference to the hold-out in percentage points"
    return uplift_chart(Interval(name, f"{verdict}: {uplift_interval(uplift)}.", *known))


def _uplift_table(uplift: Uplift) -> Table:
    def share(x: int, n: int) -> str:
        return percent(x / n) if n else NONE

    def between(low: float | None, high: float | None) -> str:
        return NONE if low is None or high is None else f"{points_word(low)} to {points_word(high)}"

    rows = (
        ("Customers treated, settled", number(uplift.n_treat)),
        ("of these met it", f"{number(uplift.x_treat)} ({share(uplift.x_treat, uplift.n_treat)})"),
        ("Customers held out, settled", number(uplift.n_hold)),
        ("of these met it", f"{number(uplift.x_hold)} ({share(uplift.x_hold, uplift.n_hold)})"),
        ("Difference, points", NONE if uplift.diff_points is None else points_word(uplift.diff_points)),
        ("95%, every look", between(uplift.av_lo_points, uplift.av_hi_points)),
        ("95%, one look", between(uplift.one_look_lo_points, uplift.one_look_hi_points)),
        ("Planned decision at, customers", number(uplift.n_star)),
        (
            "Drawn: treated and held out",
            f"{number(uplift.assigned_treat_count)} and {number(uplift.assigned_hold_count)}",
        ),
    )
    return table(f"As of {day(uplift.date)}", ("What", "Value"), rows)


def after_exit(facts: WorkflowFacts) -> Exhibit:
    """What became of the measure, from two weeks before the exit to thirty days after it."""
    head, heading = facts.headline, "Up to 30 days after exit"
    is_share = not any(d.value_mean is not None for d in facts.after_exit)
    points = [_exit_point(d, is_share) for d in facts.after_exit if d.n_observed >= FEWEST_OBSERVED]
    known = [p for p in points if p is not None]
    if not any(p.day_no >= 7 for p in known) or not any(p.day_no <= 0 for p in known):
        return Exhibit(
            "after-exit", heading, "Too few have left long enough ago.", words=TOO_EARLY if not known else TOO_FEW
        )
    what = "objective holds for" if is_share else _measure(head)
    at_exit, last = next(p for p in known if p.day_no >= 0), known[-1]
    seen = {d.day_no: d.n_observed for d in facts.after_exit}
    say = percent if is_share else measured
    change = (
        "stays at"
        if say(at_exit.value) == say(last.value)
        else "rises from"
        if last.value > at_exit.value
        else "falls from"
    )
    path = say(last.value) if change == "stays at" else f"{say(at_exit.value)} on the day of exit to {say(last.value)}"
    verb = "The objective holds for a share that" if is_share else f"Mean {what}"
    finding = f"{verb} {change} {path}, {days(last.day_no)} later."
    goal = _goal(head)
    chart = exit_chart(
        AfterExit(
            f"{title(head.workflow_id)}: {what} around the exit",
            f"{finding} The table has the numbers.",
            tuple(known),
            is_share,
            goal,
        )
    )
    legend = (
        ("line", "share" if is_share else f"mean {what}"),
        *((("dashed", "objective"),) if goal is not None else ()),
    )
    small = f"Runs entered long enough ago; {number(seen[last.day_no])} of {number(max(seen.values()))} still observed on the last day."
    return Exhibit("after-exit", heading, finding, small, legend, chart, table=_exit_table(facts.after_exit, is_share))


def _measure(head: Headline) -> str:
    words = (head.measure or "measure").replace("_", " ")
    return words if len(words) <= 30 else "measure"


def _exit_point(one: ExitDay, is_share: bool) -> ExitPoint | None:
    if is_share:
        return None if one.met_share is None else ExitPoint(one.day_no, one.met_share, None, None)
    return None if one.value_mean is None else ExitPoint(one.day_no, one.value_mean, one.value_lo, one.value_hi)


def _goal(head: Headline) -> float | None:
    """The objective as a line: only where it is one comparison of the measure itself with a number."""
    if head.field is None or head.field != head.measure or head.operand is None:
        return None
    try:
        return float(head.operand)
    except ValueError:
        return None


def _exit_table(observed: Sequence[ExitDay], is_share: bool) -> Table:
    def row(one: ExitDay) -> tuple[str, ...]:
        holds = NONE if one.met_share is None else percent(one.met_share)
        if is_share:
            return str(one.day_no), number(one.n_observed), holds
        low, high = one.value_lo, one.value_hi
        between = NONE if low is None or high is None else f"{measured(low)} to {measured(high)}"
        mean = NONE if one.value_mean is None else measured(one.value_mean)
        return str(one.day_no), number(one.n_observed), mean, between, holds

    columns = (
        ("Day", "Observed", "Objective holds") if is_share else ("Day", "Observed", "Mean", "95%", "Objective holds")
    )
    return table("Days from exit", columns, (row(d) for d in observed if d.day_no % 7 == 0 or d is observed[-1]))
