"""What a workflow's numbers say, in words: the headline cards and the notes that ask for attention.

A card answers with a number only where its definition gives one; "too early" and "too few to say" are answers too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pipelines.dashboard.facts import Curve, Headline, Uplift, WorkflowFacts
from pipelines.dashboard.wording import ENOUGH, NONE, count, day, days, interval, number, percent, points_word

TOO_EARLY = "too early"
TOO_FEW = "too few to say"
NO_OBJECTIVE = "no objective"
Severity = Literal["error", "warn", "info"]
_TONES = {"better than hold-out": "good", "worse": "bad", "not comparable": "warn"}
_RANKS = {"error": 0, "warn": 1, "info": 2}


@dataclass(frozen=True)
class Card:
    """One question with its answer. `in_words` marks an answer that is no number; `verdict` is a word with its tone."""

    question: str
    answer: str
    lines: tuple[str, ...]
    small: tuple[str, ...] = ()
    in_words: bool = False
    verdict: str = ""
    tone: str = ""
    metric: str = ""


@dataclass(frozen=True)
class Note:
    """Something to look at."""

    severity: str
    text: str


def cards(facts: WorkflowFacts) -> tuple[Card, ...]:
    """The four headline answers of a workflow."""
    return met_card(facts.headline), holdout_card(facts), time_card(facts), participants_card(facts.headline)


def met_words(head: Headline) -> str | None:
    """The words in the place of the met share; None where the share may be shown."""
    if head.objective_version is None:
        return NO_OBJECTIVE
    if head.matured_count == 0:
        return TOO_EARLY
    return TOO_FEW if head.matured_count < ENOUGH else None


def met_card(head: Headline) -> Card:
    """Does it work?"""
    question = "Met the objective"
    words = met_words(head)
    if words == NO_OBJECTIVE:
        return Card(question, NO_OBJECTIVE, ("None is stated, so there is nothing to measure.",), in_words=True)
    if words == TOO_EARLY:
        return Card(question, TOO_EARLY, tuple(_not_yet(head)), tuple(_so_far(head)), in_words=True, metric="met_share")
    ratio = f"{number(head.matured_met_count)} of {number(head.matured_count)}"
    lines = (f"{ratio} who entered at least {days(head.maturity_days)} ago",)
    small = (*_met_interval(head), *_so_far(head), *_again(head))
    answer = words or percent(head.met_share or 0)
    return Card(question, answer, lines, small, in_words=words is not None, metric="met_share")


def _not_yet(head: Headline) -> Iterator[str]:
    yield f"Counts who entered at least {days(head.maturity_days)} ago: the longest stay and the 30 days after it."
    if head.first_matures_at:
        yield f"The first of them will count on {day(head.first_matures_at)}."


def _met_interval(head: Headline) -> Iterator[str]:
    if head.met_lo is not None and head.met_hi is not None:
        yield f"95% interval {interval(head.met_lo, head.met_hi)}"


def _so_far(head: Headline) -> Iterator[str]:
    if head.observed_count:
        yield f"so far {number(head.met_so_far_count)} of {number(head.observed_count)}, most recent entries included"


def _again(head: Headline) -> Iterator[str]:
    """Several runs of one customer are no independent trials; the page says so where it matters."""
    customers = head.matured_customer_count
    if customers and head.matured_count / customers > 1.1:
        share = percent(head.met_customer_share or 0)
        yield f"{share} of {count(customers, 'customer')}: some came more than once, and the interval allows for it"


def holdout_card(facts: WorkflowFacts) -> Card:
    """Would they have met it anyway?"""
    question, head, uplift = "Compared with hold-out", facts.headline, facts.uplift
    if head.objective_version is None:
        return Card(question, NO_OBJECTIVE, ("Nothing to compare.",), in_words=True)
    if uplift is None and not head.holdout_share and not head.holdout_count:
        lines = ("Nobody is left alone on purpose, so the effect is not known.",)
        return Card(question, "no hold-out", lines, in_words=True)
    if uplift is None or not (uplift.n_treat or uplift.n_hold):
        held = f"{count(head.holdout_count, 'run')} held out so far, none for {days(head.h_days)} yet."
        return Card(question, TOO_EARLY, (held,), in_words=True, metric="uplift_points")
    return _compared(question, uplift)


def _compared(question: str, uplift: Uplift) -> Card:
    lines = [compared_counts(uplift)]
    if uplift.verdict == TOO_FEW:
        small = (f"A comparison needs {ENOUGH} settled customers in each arm.",)
        return Card(question, TOO_FEW, tuple(lines), small, in_words=True, metric="uplift_points")
    words, shown = uplift.verdict, uplift_interval(uplift)
    if words in _TONES and words != "not comparable" and uplift.diff_points is not None:
        answer, small = f"{points_word(uplift.diff_points, 0)} points", (shown,)
        tone = _TONES[words]
        verdict = "worse than hold-out" if words == "worse" else words
        return Card(question, answer, tuple(lines), small, verdict=verdict, tone=tone, metric="uplift_points")
    small = (shown, *_more(uplift)) if words != "not comparable" else (why_not_comparable(uplift),)
    return Card(question, words, tuple(lines), small, in_words=True, tone=_TONES.get(words, ""), metric="uplift_points")


def compared_counts(uplift: Uplift) -> str:
    """Both arms as counts."""
    treated = f"{number(uplift.x_treat)} of {number(uplift.n_treat)} treated"
    return (
        f"{treated} and {number(uplift.x_hold)} of {number(uplift.n_hold)} held out met it within {days(uplift.h_days)}"
    )


def uplift_interval(uplift: Uplift) -> str:
    """The interval that may be read at every report."""
    low, high = uplift.av_lo_points, uplift.av_hi_points
    if low is None or high is None or uplift.diff_points is None:
        return ""
    return (
        f"{points_word(uplift.diff_points)} points, always-valid 95% interval {points_word(low)} to {points_word(high)}"
    )


def why_not_comparable(uplift: Uplift) -> str:
    """What is wrong with the arms."""
    if uplift.srm_p is not None and uplift.srm_p < 0.001:
        drawn = f"{number(uplift.assigned_hold_count)} of {number(uplift.assigned_hold_count + uplift.assigned_treat_count)}"
        return f"{drawn} were held out: not the share that was to be drawn (p < 0.001)."
    return f"{count(uplift.holdout_leak_count, 'held-out customer')} entered anyway: more than 2% of them."


def _more(uplift: Uplift) -> Iterator[str]:
    if uplift.more_needed is not None:
        yield f"about {number(roughly(uplift.more_needed))} more customers until a difference like this could be told from chance"


def roughly(value: int) -> int:
    """Two digits that count; the rest would pretend to be known.

    >>> roughly(20301), roughly(87), roughly(5)
    (20000, 87, 5)
    """
    size = 10 ** max(0, len(str(value)) - 2)
    return round(value / size) * size


def verdict_word(facts: WorkflowFacts) -> tuple[str, str]:
    """The verdict in a word or two, with its tone, for tables."""
    card = holdout_card(facts)
    if card.verdict:
        return card.verdict.replace(" than hold-out", ""), card.tone
    return {"not clear yet": "not clear", "no hold-out": "none", NO_OBJECTIVE: NONE}.get(
        card.answer, card.answer
    ), card.tone


def time_card(facts: WorkflowFacts) -> Card:
    """How long does it take?"""
    question, head = "Typical time to objective", facts.headline
    if head.objective_version is None:
        return Card(question, NO_OBJECTIVE, ("Nothing to time.",), in_words=True)
    curve = next((c for c in facts.curves if c.arm == "treatment"), None)
    if curve is None or not curve.n_runs:
        return Card(question, TOO_EARLY, ("Nobody has been followed yet.",), in_words=True)
    mean = next((f.value for f in facts.figures if f.metric_id == "avg_days_to_objective_close"), None)
    small = (
        (f"mean of those who met it: {days(round(mean, 1))}, shorter since it leaves out the others",) if mean else ()
    )
    half = head.days_to_objective_p50
    if half is None:
        lines = (f"Half have not met it. {_as_far_as_known(curve)}",)
        return Card(question, "not reached", lines, small, in_words=True, metric="days_to_objective_p50")
    lines = (f"half met it by day {half}, counting those still open",)
    return Card(question, days(half), lines, small, metric="days_to_objective_p50")


def _as_far_as_known(curve: Curve) -> str:
    known = ((90, curve.cif_90), (60, curve.cif_60), (30, curve.cif_30), (14, curve.cif_14), (7, curve.cif_7))
    return next((f"{percent(share)} had by day {within}." for within, share in known if share is not None), "")


def participants_card(head: Headline) -> Card:
    """How many are we talking about?"""
    if not head.entered_count:
        return Card("Participants", "nobody yet", ("No record has entered.",), in_words=True)
    lines = (f"{number(head.active_count)} inside now · {number(head.exited_count)} out",)
    recent = head.observed_count - head.matured_count
    small = (
        *([f"{number(head.holdout_count)} held out, only watched"] if head.holdout_count else []),
        *([f"{number(recent)} too recent to count in the rate"] if recent and head.objective_version else []),
        *([f"{number(head.met_at_entry_count)} had met the objective at entry"] if head.met_at_entry_count else []),
        *([f"{count(head.customer_count, 'customer')}, some of them more than once"] if _repeats(head) else []),
    )
    return Card("Participants", number(head.entered_count), lines, small)


def _repeats(head: Headline) -> bool:
    return head.customer_count < head.entered_count


def notes(facts: WorkflowFacts) -> tuple[Note, ...]:
    """What asks for attention, the gravest first: open alerts, and runs in error."""
    head = facts.headline
    found = [Note(a.severity, a.text) for a in facts.alerts]
    if head.error_count:
        found.append(Note("error", f"{count(head.error_count, 'participant')} in error"))
    if head.state == "enabled" and head.newest_entered_at is None:
        found.append(Note("info", "nobody has entered yet"))
    return tuple(sorted(found, key=lambda n: _RANKS.get(n.severity, 3)))


def interval_words(head: Headline) -> str:
    """The interval of the overview table; a dash beside words."""
    if met_words(head) is not None or head.met_lo is None or head.met_hi is None:
        return NONE
    return interval(head.met_lo, head.met_hi)
