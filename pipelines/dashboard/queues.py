"""queues.html and metric_dictionary.html: what an operator looks at, and what the figures mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from pipelines.dashboard.exhibits import Cell, Exhibit, Table, table
from pipelines.dashboard.facts import Alert, Clock
from pipelines.dashboard.pages import Source, page_file, source_of
from pipelines.dashboard.queue_facts import Metric, Queues, Upcoming
from pipelines.dashboard.trend_chart import DayBars, day_bars
from pipelines.dashboard.wording import NONE, capital, count, day, number, title, without_templates

DAYS = 30
MOST_LINES = 400
"""Single actions on the page; counts by owner are of all, and the tables hold the rest."""


@dataclass(frozen=True)
class OwnerQueue:
    """What one person has before them, day by day."""

    owner: str
    summary: str
    days: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class QueuesPage:
    """queues.html."""

    source: Source
    coming: Exhibit
    owners: tuple[OwnerQueue, ...]
    left_out: int
    waiting: Table | None
    waiting_finding: str
    failed: Table | None
    failed_finding: str
    alerts: Table | None
    alerts_finding: str
    cleared: Table | None


@dataclass(frozen=True)
class DictionaryPage:
    """metric_dictionary.html."""

    source: Source
    metrics: tuple[Metric, ...]


def dictionary_page(clock: Clock, metrics: Sequence[Metric]) -> DictionaryPage:
    """Every figure: what it counts, and what to beware of."""
    return DictionaryPage(source_of(clock), tuple(metrics))


def queues_page(clock: Clock, queues: Queues) -> QueuesPage:
    """What is to come, what waits, what failed, and what needs attention."""
    today = clock.as_of.date()
    ordered = sorted(queues.upcoming, key=lambda u: (_owner(u.owner) == _NOBODY, u.owner))
    owners = {owner: list(members) for owner, members in groupby(ordered, key=lambda u: _owner(u.owner))}
    return QueuesPage(
        source=source_of(clock),
        coming=_coming(queues.upcoming, owners, today),
        owners=tuple(_owner_queue(owner, members[: _fair(owners)]) for owner, members in owners.items()),
        left_out=sum(max(0, len(members) - _fair(owners)) for members in owners.values()),
        waiting=_waiting(queues),
        waiting_finding=f"{count(len(queues.waiting), 'action')} wait for approval."
        if queues.waiting
        else "Nothing waits for approval.",
        failed=_failed(queues),
        failed_finding=f"{count(len(queues.failed), 'action')} failed or uncertain."
        if queues.failed
        else "Nothing has failed.",
        alerts=_alerts(queues.alerts, cleared=False),
        alerts_finding=f"{count(len(queues.alerts), 'alert')} open." if queues.alerts else "Nothing needs attention.",
        cleared=_alerts(queues.cleared_alerts, cleared=True),
    )


_NOBODY = "nobody named"


def _owner(owner: str) -> str:
    return owner or _NOBODY


def _fair(owners: dict[str, list[Upcoming]]) -> int:
    return max(3, MOST_LINES // max(1, len(owners)))


def _coming(upcoming: Sequence[Upcoming], owners: dict[str, list[Upcoming]], today: date) -> Exhibit:
    heading = f"The coming {DAYS} days"
    if not upcoming:
        return Exhibit("coming", heading, "Nothing is planned.", words="nothing planned")
    by_day = [
        (today + timedelta(days=n), sum(max(u.date, today) == today + timedelta(days=n) for u in upcoming))
        for n in range(DAYS + 1)
    ]
    busiest = max(by_day, key=lambda d: d[1])
    finding = f"{_for_whom(owners)}; most on {day(busiest[0])}: {number(busiest[1])}."
    chart = day_bars(
        DayBars(
            "coming-chart",
            f"Actions of the coming {DAYS} days by day",
            f"{finding} The table has the numbers by owner.",
            tuple(by_day),
        )
    )
    small = "The first three columns and the last three count the same actions. Planned: in the outbox. Expected: behind a wait, unless its participant leaves. Possible: behind a wait and a choice."
    rows = (
        (
            owner,
            *_spans(members, today),
            *(number(sum(u.certainty == c for u in members)) for c in ("planned", "expected", "possible")),
        )
        for owner, members in owners.items()
    )
    columns = ("Owner", "Within 7 days", "8 to 14", "15 to 30", "Planned", "Expected", "Possible")
    return Exhibit(
        "coming",
        heading,
        finding,
        small,
        (("bar", "actions"),),
        chart,
        table=table("Actions to come by owner", columns, rows),
        table_is_open=True,
    )


def _for_whom(owners: Mapping[str, Sequence[Upcoming]]) -> str:
    """How many actions come, how sure they are, and for whom; nobody is no owner."""
    coming = [one for members in owners.values() for one in members]
    possible = sum(one.certainty == "possible" for one in coming)
    named, nobody = sum(owner != _NOBODY for owner in owners), len(owners.get(_NOBODY, ()))
    sure = f", {number(possible)} of them only possible," if possible else ""
    whom = f" for {count(named, 'owner')}" if named else ""
    rest = f" ({number(nobody)} for nobody named)" if nobody else ""
    return f"{count(len(coming), 'action')}{sure}{whom}{rest}".removesuffix(",")


def _spans(members: Sequence[Upcoming], today: date) -> Iterator[str]:
    ahead = [(u.date - today).days for u in members]
    for first, last in ((-100_000, 7), (8, 14), (15, 100_000)):
        yield number(sum(first <= n <= last for n in ahead))


def _owner_queue(owner: str, members: Sequence[Upcoming]) -> OwnerQueue:
    ordered = sorted(members, key=lambda u: u.date)
    lines = tuple((day(when), tuple(_line(u) for u in group)) for when, group in groupby(ordered, key=lambda u: u.date))
    return OwnerQueue(owner, count(len(members), "action"), lines)


def _line(one: Upcoming) -> str:
    return f"{one.customer_name}: {_said(one.action_type, one.label)} ({title(one.workflow_id)}, {one.certainty})"


def _said(action_type: str, label: str) -> str:
    if action_type == "one of several":
        parts = [capital(without_templates(part.partition(": ")[2] or part)) for part in label.split(" or ")]
        return " or ".join(f"“{part}”" for part in parts)
    return f"{action_type} “{without_templates(label.partition(': ')[2] or label)}”"


def _workflow(workflow: str) -> Cell:
    return Cell(title(workflow), "w", page_file(workflow))


def _waiting(queues: Queues) -> Table | None:
    rows = (
        (
            w.customer_name,
            Cell(_said(w.action_type, w.label), "w"),
            _workflow(w.workflow_id),
            Cell(w.owner or NONE, "w"),
            Cell(day(w.since_date), "w d"),
            number(w.waiting_days),
        )
        for w in queues.waiting[:MOST_LINES]
    )
    columns = ("Customer", Cell("Action", "w"), Cell("Workflow", "w"), Cell("Owner", "w"), Cell("Since", "w"), "Days")
    return table("Actions that wait for approval, the oldest first", columns, rows) if queues.waiting else None


def _failed(queues: Queues) -> Table | None:
    rows = (
        (
            f.customer_name,
            Cell(_said(f.action_type, f.label), "w"),
            _workflow(f.workflow_id),
            Cell(f.status, "w"),
            Cell(day(f.failed_date), "w d"),
            Cell(" ".join(part for part in (f.target, f.code, f.message) if part)[:160] or NONE, "w"),
            number(f.attempt),
        )
        for f in queues.failed[:MOST_LINES]
    )
    columns = (
        "Customer",
        Cell("Action", "w"),
        Cell("Workflow", "w"),
        Cell("State", "w"),
        Cell("Since", "w"),
        Cell("What the sink said", "w"),
        "Tries",
    )
    return table("Actions that failed or are uncertain, the newest first", columns, rows) if queues.failed else None


def _alerts(alerts: Sequence[Alert], *, cleared: bool) -> Table | None:
    def row(one: Alert) -> tuple[str | Cell, ...]:
        about = Cell("All workflows", "w") if one.workflow_id.startswith("(") else _workflow(one.workflow_id)
        until = (Cell(day(one.cleared_at), "w d"),) if one.cleared_at else ()
        return (
            about,
            Cell(one.severity, f"w note {one.severity}"),
            Cell(one.text, "w"),
            Cell(day(one.first_seen_at), "w d"),
            *until,
        )

    columns = (
        "Workflow",
        Cell("Severity", "w"),
        Cell("What", "w"),
        Cell("Since", "w"),
        *((Cell("Until", "w"),) if cleared else ()),
    )
    caption = "Alerts that are over, of the last 30 days" if cleared else "Open alerts, errors first"
    return table(caption, columns, (row(a) for a in alerts)) if alerts else None
