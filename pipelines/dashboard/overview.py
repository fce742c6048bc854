"""index.html: all workflows in one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipelines.dashboard.answers import Card, Note, interval_words, met_words, notes, verdict_word
from pipelines.dashboard.facts import Alert, Clock, Headline, WorkflowFacts
from pipelines.dashboard.pages import Source, page_file, source_of
from pipelines.dashboard.queue_facts import Queues
from pipelines.dashboard.trend_chart import sparkline
from pipelines.dashboard.wording import count, number, percent, title

_ORDER = ("enabled", "paused", "draft", "disabled")
MOST_NOTES = 8


@dataclass(frozen=True)
class Row:
    """A workflow on the overview; `tokens` are what its filter looks for."""

    name: str
    file: str
    objective: str
    state: str
    tokens: str
    entered: str
    met: str
    met_in_words: bool
    interval: str
    verdict: str
    tone: str
    inside: str
    spark: Markup | None
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class NamedNote:
    """A note with the workflow it is about; about the whole project without one."""

    name: str
    file: str
    note: Note


@dataclass(frozen=True)
class Overview:
    """index.html."""

    source: Source
    summary: str
    counters: tuple[Card, ...]
    notes: tuple[NamedNote, ...]
    more_notes: int
    rows: tuple[Row, ...]


def overview(clock: Clock, workflows: Sequence[WorkflowFacts], queues: Queues) -> Overview:
    """The first page: all workflows, those at work first."""
    ordered = sorted(workflows, key=lambda w: (_rank(w.headline.state), w.headline.workflow_id))
    rows = tuple(_row(facts) for facts in ordered)
    found = tuple(_named_notes(ordered, queues.alerts))
    heads = [w.headline for w in workflows]
    enabled = sum(h.state == "enabled" for h in heads)
    grave = sum("attention" in row.tokens for row in rows)
    attention = f"{number(grave)} {'needs' if grave == 1 else 'need'} attention" if grave else "nothing needs attention"
    summary = f"{count(len(heads), 'workflow')} · {number(enabled)} enabled · {attention}"
    counters = tuple(_counters(heads, queues))
    return Overview(source_of(clock), summary, counters, found[:MOST_NOTES], max(0, len(found) - MOST_NOTES), rows)


def _rank(state: str) -> int:
    return _ORDER.index(state) if state in _ORDER else len(_ORDER)


def _named_notes(workflows: Sequence[WorkflowFacts], alerts: Sequence[Alert]) -> Iterator[NamedNote]:
    """Errors before warnings; what only informs stands on the workflow's own page."""
    known = {w.headline.workflow_id for w in workflows}
    found = [NamedNote("", "", Note(a.severity, a.text)) for a in alerts if a.workflow_id not in known]
    for facts in workflows:
        name, file = title(facts.headline.workflow_id), page_file(facts.headline.workflow_id)
        found += [NamedNote(name, file, note) for note in notes(facts) if note.severity != "info"]
    yield from sorted(found, key=lambda n: n.note.severity != "error")


def _counters(heads: Sequence[Headline], queues: Queues) -> Iterator[Card]:
    entered = count(sum(h.entered_count for h in heads), "run")
    held = sum(h.holdout_count for h in heads)
    left_alone = (f"{number(held)} of them held out, only watched",) if held else ()
    yield Card("Inside now", number(sum(h.active_count for h in heads)), (f"of {entered} so far",), left_alone)
    sent, planned = sum(h.actions_sent_count for h in heads), sum(h.actions_planned_count for h in heads)
    unsent = sum(h.actions_cancelled_count + h.actions_dropped_count for h in heads)
    never = (f"{number(unsent)} cancelled or dropped",) if unsent else ()
    yield Card("Actions sent", number(sent), (f"of {number(planned)} planned",), never)
    certain = sum(u.certainty != "possible" for u in queues.upcoming)
    possible = len(queues.upcoming) - certain
    perhaps = (f"{number(possible)} more are possible",) if possible else ()
    yield Card("Coming 30 days", number(certain), ("actions planned or expected",), perhaps)
    waiting, failed = len(queues.waiting), len(queues.failed)
    lines = (f"{count(failed, 'action')} failed or uncertain",)
    yield Card("Wait for approval", number(waiting), lines)


def _row(facts: WorkflowFacts) -> Row:
    head = facts.headline
    words = met_words(head)
    name, file = title(head.workflow_id), page_file(head.workflow_id)
    found = notes(facts)
    verdict, tone = verdict_word(facts)
    grave = any(n.severity != "info" for n in found)
    return Row(
        name=name,
        file=file,
        objective=head.objective_name or "",
        state=head.state,
        tokens=f"{head.state} attention" if grave else head.state,
        entered=number(head.entered_count),
        met=words or percent(head.met_share or 0),
        met_in_words=words is not None,
        interval=interval_words(head),
        verdict=verdict,
        tone=tone,
        inside=number(head.active_count),
        spark=None if words else _spark(facts),
        notes=found,
    )


def _spark(facts: WorkflowFacts) -> Markup | None:
    shares = [r.met_share for r in facts.rates]
    known = [share for share in shares if share is not None]
    if len(known) < 2:
        return None
    values = ", ".join(percent(share).removesuffix("%") for share in known)
    return sparkline(shares, f"{len(known)} weeks: {values}%")
