"""index.html: all workflows in one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup

from pipelines.dashboard.answers import Card, Note, interval_words, met_words, notes
from pipelines.dashboard.charts import sparkline
from pipelines.dashboard.facts import Clock, Headline, Week, WorkflowFacts
from pipelines.dashboard.pages import Source, page_file, source_of
from pipelines.dashboard.wording import count, number, percent, title

SPARK_WEEKS = 12
_ORDER = ("enabled", "paused", "draft", "disabled")


@dataclass(frozen=True)
class Row:
    """A workflow on the overview."""

    name: str
    file: str
    description: str
    state: str
    entered: str
    met: str
    met_in_words: bool
    interval: str
    inside: str
    planned: str
    sent: str
    spark: Markup
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Overview:
    """index.html."""

    source: Source
    counters: tuple[Card, ...]
    rows: tuple[Row, ...]


def overview(clock: Clock, workflows: Sequence[WorkflowFacts]) -> Overview:
    """The first page: all workflows, those at work first."""
    ordered = sorted(workflows, key=lambda w: (_rank(w.headline.state), w.headline.workflow_id))
    rows = tuple(_row(clock, facts) for facts in ordered)
    return Overview(source_of(clock), tuple(_counters([w.headline for w in workflows], rows)), rows)


def _rank(state: str) -> int:
    return _ORDER.index(state) if state in _ORDER else len(_ORDER)


def _counters(heads: Sequence[Headline], rows: Sequence[Row]) -> Iterator[Card]:
    enabled = sum(h.state == "enabled" for h in heads)
    grave = sum(any(n.severity != "info" for n in row.notes) for row in rows)
    sent = sum(h.actions_sent_count for h in heads)
    held = sum(h.holdout_count for h in heads)
    entered = count(sum(h.entered_count for h in heads), "entry", "entries")
    left_alone = (f"{number(held)} of them held out, only watched",) if held else ()
    yield Card("Workflows", number(len(heads)), (f"{number(enabled)} enabled",))
    yield Card("Inside now", number(sum(h.active_count for h in heads)), (f"of {entered} so far",), left_alone)
    planned = sum(h.actions_planned_count for h in heads)
    unsent = sum(h.actions_cancelled_count + h.actions_dropped_count for h in heads)
    never = (f"{number(unsent)} cancelled or dropped",) if unsent else ()
    yield Card("Actions planned", number(planned), (f"{number(sent)} sent",), never)
    yield Card("Need attention", number(grave), ("see the notes below" if grave else "nothing to look at",))


def _row(clock: Clock, facts: WorkflowFacts) -> Row:
    head = facts.headline
    words = met_words(head)
    name = title(head.workflow_id)
    file = page_file(head.workflow_id)
    return Row(
        name=name,
        file=file,
        description=head.description,
        state=head.state,
        entered=number(head.entered_count),
        met=words or percent(head.met_share or 0),
        met_in_words=words is not None,
        interval=interval_words(head),
        inside=number(head.active_count),
        planned=number(head.actions_planned_count),
        sent=number(head.actions_sent_count),
        spark=sparkline(_last_weeks(clock, facts.weeks), ident=f"spark-{file.removesuffix('.html')}", name=name),
        notes=notes(head, clock.as_of),
    )


def _last_weeks(clock: Clock, weeks: Sequence[Week]) -> list[Week]:
    """The same weeks for every workflow, so that the pictures of a column can be compared."""
    today = clock.as_of.date()
    monday = today - timedelta(days=today.weekday())
    known = {w.week: w for w in weeks}
    mondays = [monday - timedelta(weeks=n) for n in reversed(range(SPARK_WEEKS))]
    return [known.get(m) or Week(m, 0, 0, None) for m in mondays]
