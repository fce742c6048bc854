"""Exhibits that are tables: weeks of entry, reasons to leave, classes, paths, answers by step, figures of other products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipelines.dashboard.answers import TOO_EARLY
from pipelines.dashboard.exhibits import Cell, Exhibit, table
from pipelines.dashboard.facts import Branch, CohortCell, Figure, FlowStep, Response, SegmentRate, WorkflowFacts
from pipelines.dashboard.wording import (
    ENOUGH,
    NONE,
    arm_name,
    count,
    day,
    days,
    interval,
    measured,
    number,
    percent,
    reason,
    step_name,
    title,
)

CLASSES: Mapping[str, str] = {
    "met_at_entry": "had met it at entry",
    "active_not_met": "inside, not met",
    "active_met": "inside, met",
    "exited_met_inside": "out, met inside",
    "exited_met_after": "out, met within 30 days after",
    "exited_watching": "out, still watched",
    "exited_not_met": "out, not met",
    "lost": "record lost",
    "error": "in error",
}
WEEKS = 26
"""Weeks of entry on the page; the table report.objective_by_cohort has all."""
_PAIRS = {
    "entry_exit": "entry to exit",
    "entry_exit30": "entry to 30 days after exit",
    "exit_exit30": "exit to 30 days after it",
    "entry_h": "entry to the horizon",
}


def cohorts(facts: WorkflowFacts) -> Exhibit:
    """Who met the objective within so many days, by week of entry."""
    heading = "By week of entry"
    horizons = sorted({c.day_no for c in facts.cohorts})
    weeks: dict[object, dict[int, CohortCell]] = {}
    for cell in facts.cohorts:
        weeks.setdefault(cell.entry_week, {})[cell.day_no] = cell
    if not weeks:
        return Exhibit("weeks", heading, "Nobody has been followed yet.", words=TOO_EARLY)
    shown = list(weeks.values())[:WEEKS]
    settled = next((h for h in (30, *reversed(horizons)) if sum(h in w and w[h].complete for w in shown) > 1), None)
    rows = (
        (
            day(next(iter(week.values())).entry_week),
            number(next(iter(week.values())).n_runs),
            *(_share(week.get(h)) for h in horizons),
        )
        for week in shown
    )
    note = f" The newest {WEEKS} of {len(weeks)} weeks." if len(weeks) > WEEKS else ""
    numbers = table(
        "Weeks of entry, the newest first", ("Entered in week of", "Runs", *(days(h) for h in horizons)), rows
    )
    small = f"Share that met the objective within so many days of entry, with their number. “open”: the week has not been followed that long.{note}"
    return Exhibit("weeks", heading, _weeks_finding(shown, settled), small, table=numbers, table_is_open=True)


def _weeks_finding(shown: list[dict[int, CohortCell]], horizon: int | None) -> str:
    if horizon is None:
        return "No two weeks have been followed long enough to compare."
    done = [w[horizon] for w in shown if horizon in w and w[horizon].complete and w[horizon].n_runs]
    newer, older = done[: len(done) // 2], done[len(done) // 2 :]
    if not newer or sum(c.n_runs for c in newer) < ENOUGH or sum(c.n_runs for c in older) < ENOUGH:
        return f"Too few entered in each half of these weeks to compare who met it within {days(horizon)}."
    late, early = (sum(c.met_count for c in part) / sum(c.n_runs for c in part) for part in (newer, older))
    return f"Within {days(horizon)} it was met by {percent(late)} in the newer {len(newer)} weeks and by {percent(early)} in the {len(older)} before."


def _share(cell: CohortCell | None) -> Cell:
    if cell is None or not cell.n_runs:
        return Cell(NONE)
    if not cell.complete or cell.met_share is None:
        return Cell("open", "quiet")
    return Cell(f"{percent(cell.met_share)} ({number(cell.met_count)})", f"h{round(cell.met_share * 10)}")


def segments(facts: WorkflowFacts) -> Exhibit | None:
    """For whom it works: rates by what the record was when it entered. None where the catalog names nothing to tell apart."""
    if not facts.segments:
        return None
    rows = (
        (
            f"{title(one.dimension)}: {one.name}",
            number(one.matured_count),
            number(one.met_count),
            Cell(percent(one.met_share), f"h{round(one.met_share * 10)}")
            if one.matured_count >= ENOUGH
            else Cell("too few to say", "quiet"),
            interval(one.lo, one.hi) if one.matured_count >= ENOUGH else NONE,
        )
        for one in facts.segments
    )
    numbers = table("Objective met by plan and segment at entry", ("At entry", "Runs", "Met", "Share", "95%"), rows)
    small = "Runs that count in the headline, by what the record was when it entered. These groups were not drawn by lot: a difference between them is not the workflow’s effect."
    return Exhibit("segments", "For whom", _segments_finding(facts), small, table=numbers, table_is_open=True)


def _segments_finding(facts: WorkflowFacts) -> str:
    told = [one for one in facts.segments if one.matured_count >= ENOUGH]
    if len(told) < 2:
        return f"Too few have settled in each group: it takes {ENOUGH} to say a share."
    least, most = min(told, key=lambda s: s.met_share), max(told, key=lambda s: s.met_share)
    ends = f"Met most by {_whom(most)}, least by {_whom(least)}."
    # intervals that overlap may hide a difference; those that do not show one
    return ends if most.lo > least.hi else f"{ends} Their intervals overlap, so this may be chance."


def _whom(one: SegmentRate) -> str:
    return f"{one.dimension} {one.name} ({percent(one.met_share)})"


def exits(facts: WorkflowFacts) -> Exhibit:
    """Why they left."""
    heading = "Why they left"
    if not facts.exits:
        return Exhibit("exits", heading, "Nobody has left yet.", words="nobody yet")
    out = sum(e.exit_count for e in facts.exits)
    first = facts.exits[0]
    finding = f"The most frequent of {count(out, 'exit')}: {reason(first.reason_name)}, {percent(first.exit_share)}."
    rows = (
        (
            reason(e.reason_name),
            number(e.exit_count),
            percent(e.exit_share),
            number(e.met_before_count),
            number(e.met_after_count),
        )
        for e in facts.exits
    )
    numbers = table("Exits by reason", ("Reason", "Left", "Share", "Met before", "Met after"), rows)
    small = "Met before: by the time they left. Met after: in the 30 days after it."
    return Exhibit("exits", heading, finding, small, table=numbers, table_is_open=True)


def breakdown(facts: WorkflowFacts) -> Exhibit:
    """Where everybody is; the classes exclude each other."""
    heading = "Where everybody is"
    if not facts.classes:
        return Exhibit("breakdown", heading, "Nobody has entered yet.", words="nobody yet")
    treated = {c.state_class: c for c in facts.classes if c.arm == "treatment"}
    held = {c.state_class: c for c in facts.classes if c.arm == "holdout"}
    present = [c for c in CLASSES if c in treated or c in held]
    rows = [[CLASSES[c], *_class_counts(c, treated), *(_class_counts(c, held) if held else ())] for c in present]
    sums = [number(sum(c.run_count for c in arm.values())) for arm in ((treated, held) if held else (treated,))]
    rows.append(["all who entered", *sums])
    columns = ("Class", "Treated", "Held out") if held else ("Class", "Runs")
    total = sum(c.run_count for c in facts.classes)
    most = max(treated.values(), key=lambda c: c.run_count, default=None)
    finding = f"{count(total, 'run')} under the current objective" + (
        f"; the largest class: {CLASSES[most.state_class]}." if most else "."
    )
    numbers = table("Runs by class, each in one", columns, rows)
    small = "Every run is in one class, so the column sums to all who entered under the current objective."
    if held:
        small += " Who is held out counts as inside until it is old enough for the rate."
    return Exhibit("breakdown", heading, finding, small, table=numbers, table_is_open=True)


def _class_counts(state_class: str, arm: Mapping[str, object]) -> tuple[str, ...]:
    found = arm.get(state_class)
    return (number(getattr(found, "run_count", 0)),)


def branch_outcomes(facts: WorkflowFacts) -> Exhibit | None:
    """What became of those who took each path; None in a flow without branches."""
    if not facts.branches:
        return None
    names = _names(facts.steps)
    waits = {s.step_id for s in facts.steps if s.kind == "wait"}

    def taken(b: Branch) -> str:
        # no arm but the way around a wait that had nothing to wait for
        return "passed at once" if b.branch_step_id in waits else arm_name(b.branch_label)

    known = [b for b in facts.branches if b.matured_count >= ENOUGH and b.met_share is not None]
    rows = (
        (
            f"{names.get(b.branch_step_id, b.branch_step_id)}: {taken(b)}",
            number(b.run_count),
            number(b.matured_count),
            percent(b.met_share or 0) if b in known else "too few",
            interval(b.lo, b.hi) if b in known and b.lo is not None and b.hi is not None else NONE,
        )
        for b in facts.branches
    )
    best = max(known, key=lambda b: b.met_share or 0, default=None)
    finding = "Too few have settled on any path."
    if best:
        finding = f"“{taken(best)}” at “{names.get(best.branch_step_id, '')}” met it most often: {percent(best.met_share or 0)} of {number(best.matured_count)}."
    numbers = table("Paths taken", ("Path", "Runs", "Settled", "Met", "95%"), rows)
    small = "Paths are chosen by behaviour: a difference between them is not an effect."
    return Exhibit("branches", "Branch outcomes", finding, small, table=numbers, table_is_open=True)


def responses(facts: WorkflowFacts) -> Exhibit | None:
    """Who met objective or goal after which step; None where nothing was done yet."""
    order = {s.step_id: s.position for s in facts.steps}
    known = sorted(
        (r for r in facts.responses if r.step_id in order or r.step_id == "before_any"),
        key=lambda r: order.get(r.step_id, 0),
    )
    if not any(r.completed_count for r in known):
        return None
    names = _names(facts.steps) | {"before_any": "before any action"}
    rows = (
        (
            names[r.step_id],
            number(r.completed_count),
            _part(r.last_touch_count, r.last_touch_share),
            _part(r.any_after_count, r.any_after_share) if r.step_id != "before_any" else NONE,
        )
        for r in known
    )
    most = max(known, key=lambda r: r.last_touch_count)
    finding = f"Most met it {_place(most, names)}: {number(most.last_touch_count)} of {number(sum(r.last_touch_count for r in known))}."
    numbers = table("Responded by step", ("Step", "Done", "Met before the next step", "Met at any time after"), rows)
    small = "Met objective or goal after the step and before the next one, or at any time after it. This describes; it does not prove that the step was the cause."
    return Exhibit("responses", "Responded by step", finding, small, table=numbers, table_is_open=True)


def _place(response: Response, names: Mapping[str, str]) -> str:
    return "before any action" if response.step_id == "before_any" else f"after “{names[response.step_id]}”"


def _part(n: int, share: float | None) -> str:
    return number(n) if share is None else f"{number(n)} ({percent(share)})"


def other_figures(facts: WorkflowFacts) -> Exhibit | None:
    """Figures as other products count them, under their names; None without any."""
    wanted = (
        "met_customer_share",
        "met_so_far_share",
        "goal_met_close_share",
        "avg_days_to_objective_close",
        "still_met_share",
    )
    found = [f for f in facts.figures if f.metric_id in wanted and f.arm == "treatment"]
    rows: list[tuple[str | Cell, ...]] = [
        (Cell(f.label, link=f"metric_dictionary.html#{f.metric_id}"), _figure(f), _of(f)) for f in found
    ]
    for i in facts.impacts:
        change = NONE if i.change_share is None else f"{points_change(i.change_share)}"
        name = f"Objective impact, {_PAIRS[i.pair]}" + (", held out" if i.arm == "holdout" else "")
        means = f"{measured(i.mean_from)} to {measured(i.mean_to)}, {count(i.n_pairs, 'run')}"
        rows.append((Cell(name, link=f"metric_dictionary.html#impact_{i.pair}"), change, means))
    if not rows:
        return None
    numbers = table("Other figures", ("Figure", "Value", "Of"), rows)
    small = "For comparison with other products; none of these is the headline, since each leaves somebody out."
    return Exhibit(
        "figures",
        "Other figures",
        "The same runs, counted as other products count them.",
        small,
        table=numbers,
        table_is_open=True,
    )


def points_change(share: float) -> str:
    """A relative change with its sign."""
    return f"{100 * share:+.0f}%".replace("-", "−")


def _figure(figure: Figure) -> str:
    return percent(figure.value) if figure.unit == "share" else days(round(figure.value, 1))


def _of(figure: Figure) -> str:
    if figure.denominator is None:
        return NONE
    if figure.unit != "share":
        return count(int(figure.denominator), figure.counted)
    return f"{number(int(figure.numerator or 0))} of {number(int(figure.denominator))}"


def _names(steps: Iterable[FlowStep]) -> dict[str, str]:
    return {s.step_id: step_name(s) for s in steps}
