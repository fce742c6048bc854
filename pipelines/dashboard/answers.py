"""What a workflow's numbers say, in words: the headline cards and the notes that ask for attention.

A card answers with a number only where its definition gives one; "too early" and "too few to say" are answers too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipelines.dashboard.facts import Headline
from pipelines.dashboard.wording import ENOUGH, NONE, count, day, days, interval, number, percent

TOO_EARLY = "too early"
TOO_FEW = "too few to say"
NO_OBJECTIVE = "no objective"
_OVERLAP = 0.2
_LONG_PAUSE = 3
"""An enabled workflow is quiet when nobody entered for so many times the usual gap."""


@dataclass(frozen=True)
class Card:
    """One question with its answer. `in_words` marks an answer that is no number."""

    question: str
    answer: str
    lines: tuple[str, ...]
    small: tuple[str, ...] = ()
    in_words: bool = False


@dataclass(frozen=True)
class Note:
    """Something to look at."""

    severity: Literal["error", "warn", "info"]
    text: str


def cards(head: Headline) -> tuple[Card, ...]:
    """The four headline answers of a workflow."""
    return met_card(head), holdout_card(head), time_card(head), participants_card(head)


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
        return Card(question, TOO_EARLY, tuple(_not_yet(head)), tuple(_so_far(head)), in_words=True)
    ratio = f"{number(head.matured_met_count)} of {number(head.matured_count)}"
    lines = (f"{ratio} who entered at least {days(head.maturity_days)} ago",)
    small = (*_met_interval(head), *_so_far(head), *_again(head))
    return Card(question, words or percent(head.met_share or 0), lines, small, in_words=words is not None)


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
        yield f"{share} of {count(customers, 'customer')}: some came more than once, so the interval is too narrow"


def holdout_card(head: Headline) -> Card:
    """Would they have met it anyway?"""
    question = "Compared with hold-out"
    if head.objective_version is None:
        return Card(question, NO_OBJECTIVE, ("Nothing to compare.",), in_words=True)
    if not head.holdout_share and not head.holdout_count:
        return Card(
            question, "no hold-out", ("Nobody is left alone on purpose, so the effect is not known.",), in_words=True
        )
    treated = f"{number(head.x_treat)} of {number(head.n_treat)} treated"
    held = f"{number(head.x_hold)} of {number(head.n_hold)} held out"
    lines = (f"{treated}, {held} met it within {days(head.h_days)} of entry",)
    if min(head.n_treat, head.n_hold) < ENOUGH:
        small = (f"A comparison needs {ENOUGH} settled customers in each arm.",)
        return Card(question, TOO_FEW if head.n_treat or head.n_hold else TOO_EARLY, lines, small, in_words=True)
    shares = f"{100 * head.x_treat / head.n_treat:.0f} vs {percent(head.x_hold / head.n_hold)}"
    small = ("No verdict: the interval that tells an effect from chance is not computed yet.",)
    return Card(question, shares, lines, small)


def time_card(head: Headline) -> Card:
    """How long does it take?"""
    question = "Median of those who met"
    if head.objective_version is None:
        return Card(question, NO_OBJECTIVE, ("Nothing to time.",), in_words=True)
    if head.met_days_p50 is None:
        return Card(question, "not reached", ("Nobody has met the objective yet.",), in_words=True)
    lines = (f"from entry, of the {count(head.met_so_far_count, 'run')} that met it so far",)
    small = ("Whoever has not met it is left out: the typical time is longer.",)
    return Card(question, days(head.met_days_p50), lines, small)


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


def notes(head: Headline, as_of: datetime) -> tuple[Note, ...]:
    """What asks for attention, the gravest first."""
    return (*_errors(head), *_warnings(head, as_of))


def _errors(head: Headline) -> Iterator[Note]:
    if head.error_count:
        yield Note("error", f"{count(head.error_count, 'participant')} in error")
    if head.actions_failed_day_count:
        yield Note("error", f"{count(head.actions_failed_day_count, 'action')} failed in the last 24 hours")


def _warnings(head: Headline, as_of: datetime) -> Iterator[Note]:
    if head.stuck_count:
        yield Note("warn", f"{number(head.stuck_count)} stuck in a step")
    rated = head.met_at_entry_count + head.observed_count
    if rated and head.met_at_entry_count / rated > _OVERLAP:
        share = percent(head.met_at_entry_count / rated)
        yield Note("warn", f"{share} had met the objective at entry: the two rules overlap")
    if head.state != "enabled":
        return
    if head.newest_entered_at is None:
        yield Note("info", "nobody has entered yet")
    elif head.usual_gap_days:
        quiet = (as_of.date() - head.newest_entered_at.date()).days
        if quiet > _LONG_PAUSE * head.usual_gap_days:
            yield Note("warn", f"no entry for {days(quiet)}, usually every {days(head.usual_gap_days)}")


def interval_words(head: Headline) -> str:
    """The interval of the overview table; a dash beside words."""
    if met_words(head) is not None or head.met_lo is None or head.met_hi is None:
        return NONE
    return interval(head.met_lo, head.met_hi)
