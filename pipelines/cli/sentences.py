"""Sentences for people, one for each fact. Reasons stand in two tables; a reason that is in neither is told by its code.

A sentence may name: since, until, entered, left, first_enabled, elapsed, required, detail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.coming import Next
from pipelines.explanation import Explanation, Gate, Move, Passage, PlannedAction
from pipelines.inspection import Judged, Seen

FIRST = 3
"""So many leaves are named in a sentence."""
REFUSALS: Mapping[str, str] = {
    "already_inside": "it is inside since {entered} and qualified once more",
    "entered_before": "it entered on {entered}, and nobody enters twice",
    "not_a_newcomer": "it qualified already when the workflow was first enabled on {first_enabled}, and only newcomers enter",
    "not_requalified": "it has not stopped qualifying since it left on {left}",
    "left_just_now": "it left at this very evaluation",
    "waiting_after_exit": "it left {elapsed} ago and {required} required",
    "exit_condition": "it meets the exit condition already",
    "objective_already_met": "it meets the objective already",
    "locked": "it is inside {detail}, which locks this workflow",
    "at_most": "as many have entered as may at once",
    "run_once": "its recipient has been through this workflow before",
    "between_slots": "records enter only at the schedule's next slot",
    "manual_refused": "the workflow takes nobody by hand",
    "workflow_paused": "the workflow is paused",
    "workflow_disabled": "the workflow is disabled",
    "workflow_archived": "the workflow is archived",
    "workflow_draft": "the workflow is a draft",
    "takes_rows": "the workflow takes related rows, not records",
    "no_such_record": "there is no such record",
}
EXITS: Mapping[str, str] = {
    "record_deleted": "its record was deleted",
    "merged": "its record was merged into another",
    "workflow_disabled": "the workflow was disabled",
    "exit_condition": "it met the exit condition",
    "objective": "it met the objective",
    "removed": "it was taken out by hand",
    "incoming_email": "the recipient answered by email",
    "incoming_sms": "the recipient answered by text message",
    "incoming_call": "the recipient called",
    "meeting_booked": "a meeting was booked",
    "marked": "somebody marked it as responded",
    "missing_date": "the date it waits for is missing",
    "past_date": "the date it waits for is past",
    "timed_out": "its wait ran out",
    "holdout_watched": "it was watched to the end of the longest passage",
}
MOVES: Mapping[str, str] = {
    "entered": "entered",
    "moved": "went on",
    "completed": "reached the end",
    "objective_met": "met the objective",
    "paused": "was paused by hand",
    "resumed": "went on after the pause",
    "retried": "tried again",
    "restarted": "began anew, since the steps changed",
    "merged": "goes on for the record that it was merged into",
    "error": "stopped in error",
    "past_date": "its date was past",
    "missing_date": "its date is missing",
    "cancelled": "its wait was cancelled",
    "steps_changed": "its steps changed",
    "met": "its condition was met",
    "timed_out": "its time was over",
}


def plainly(code: str) -> str:
    """A code as words.

    >>> plainly("waiting_after_exit")
    'waiting after exit'
    """
    return code.replace("_", " ")


def day(moment: datetime, zone: ZoneInfo) -> str:
    """A date for people.

    >>> day(datetime(2026, 5, 12, 3, tzinfo=ZoneInfo("UTC")), ZoneInfo("America/New_York"))
    '11 May 2026'
    """
    local = moment.astimezone(zone)
    return f"{local.day} {local:%B %Y}"


def instant(moment: datetime, zone: ZoneInfo) -> str:
    """A date and a clock time for people.

    >>> instant(datetime(2026, 5, 12, 3, tzinfo=ZoneInfo("UTC")), ZoneInfo("America/New_York"))
    '11 May 2026 at 23:00'
    """
    return f"{day(moment, zone)} at {moment.astimezone(zone):%H:%M}"


def where_it_stands(found: Explanation, zone: ZoneInfo) -> str:
    """The one sentence: inside, kept out by which gate and until when, or why it does not qualify."""
    gate, name = found.gate, found.label
    match gate.standing:
        case "inside":
            held_out = (
                " as one of the control group: nothing is done to it" if found.passages[-1].arm == "holdout" else ""
            )
            return f"{name} is inside since {instant(gate.last_entered or found.as_of, zone)}{held_out}: {_let_in(gate, zone)}."
        case "refused":
            return f"{name} did not enter: {refusal(gate, found.as_of, zone)}."
        case "gone":
            return f"{name} is no longer there: its record was deleted or left out of the snapshot."
        case "not_running":
            return f"{name} cannot enter: the workflow is {plainly(found.state)}."
        case "rowless":
            return f"{name} did not enter: it qualifies, but {_row(found)} one that `each` takes."
        case "not_evaluated":
            return f"{name} qualifies by what is there now; no evaluation has seen it yet."
        case "out":
            return f"{name} is out since {instant(gate.last_left or found.as_of, zone)}: {_ended(found.passages[-1])}.{_now(found)}"
        case "not_qualifying":
            return f"{name} did not enter: {_why(found)}."


def _row(found: Explanation) -> str:
    _, _, row = found.record.partition("+")
    return f"`{row}` is not" if row else "no related row is"


def _let_in(gate: Gate, zone: ZoneInfo) -> str:
    if gate.entered_by != "condition" or gate.entered_spell is None:
        return (
            "it was put in by hand" if gate.entered_by == "manual" else f"it came by {plainly(gate.entered_by or '')}"
        )
    return f"it began to qualify on {day(gate.entered_spell, zone)} and no gate kept it out"


def refusal(gate: Gate, as_of: datetime, zone: ZoneInfo) -> str:
    """Why a gate keeps a record out, and until when where that is known."""
    code = gate.reason or ""
    words = REFUSALS.get(code)
    text = words.format_map(_facts(gate, as_of, zone)) if words else plainly(code) + _detail(gate)
    if gate.until is None:
        return text
    # a day says enough, unless the gate opens within one
    until = instant(gate.until, zone) if gate.until - as_of < timedelta(days=1) else day(gate.until, zone)
    return f"{text}; it can enter on {until}"


def _detail(gate: Gate) -> str:
    return f" ({gate.detail})" if gate.detail else ""


def _facts(gate: Gate, as_of: datetime, zone: ZoneInfo) -> dict[str, str]:
    moments = {"since": gate.since, "until": gate.until, "entered": gate.last_entered, "left": gate.last_left}
    moments["first_enabled"] = gate.first_enabled
    facts = {name: day(moment, zone) if moment else "an unknown date" for name, moment in moments.items()}
    facts["elapsed"], in_days = _elapsed(gate.last_left or as_of, as_of, zone)
    facts["detail"] = f"`{gate.detail}`" if gate.detail else "another workflow"
    return facts | {"required": _required(gate.required or "more", in_days)}


def _elapsed(left: datetime, as_of: datetime, zone: ZoneInfo) -> tuple[str, bool]:
    days = (as_of.astimezone(zone).date() - left.astimezone(zone).date()).days
    if days:
        return _many(days, "day"), True
    minutes = int((as_of - left).total_seconds() // 60)
    return (_many(minutes // 60, "hour"), False) if minutes >= 60 else (_many(minutes, "minute"), False)


def _required(wait: str, in_days: bool) -> str:
    """`90 are`, where days were counted already; `1 month is`."""
    number, _, unit = wait.partition(" ")
    verb = "is" if number == "1" else "are"
    return f"{number} {verb}" if in_days and unit in ("day", "days") else f"{wait} {verb}"


def _many(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _why(found: Explanation) -> str:
    reasons = list(_failing(found.entry, True)) if found.entry else []
    more = [f"and {len(reasons) - FIRST} more"] if len(reasons) > FIRST else []
    return f"it does not qualify: {'; '.join([*reasons[:FIRST], *more])}"


def _now(found: Explanation) -> str:
    if found.entry is not None and found.entry.truth == "true":
        return " It qualifies."
    return f" Now {_why(found)}."


def _failing(judged: Judged, wanted: bool) -> Iterator[str]:
    """The leaves to blame for a part that is not as wanted."""
    if (judged.truth == "true") == wanted:
        return
    match judged.kind:
        case "leaf":
            yield f"`{judged.text}` is {judged.truth}{_saw(judged)}"
        case "segment":
            yield f"`{judged.text}` is {judged.truth}"
        case "none":
            for part in judged.parts:
                yield from _failing(part, not wanted)
        case _:
            for part in judged.parts:
                yield from _failing(part, wanted)


def _saw(judged: Judged) -> str:
    return f" ({', '.join(value(v) for v in judged.values)})" if judged.values else ""


def value(seen: Seen) -> str:
    """A value that was seen.

    >>> value(Seen("seats", None)), value(Seen("plan", "Pro"))
    ('seats is missing', 'plan = Pro')
    >>> value(Seen("count(tickets) filter (where hours > 2)", 3))
    'count(tickets) filter (...) = 3'
    """
    # what the filter says stands in the leaf
    text = re.sub(r"filter \(where .*\)$", "filter (...)", seen.text)
    return f"{text} is missing" if seen.value is None else f"{text} = {plain(seen.value)}"


def plain(found: Any) -> str:
    """A value as people write it.

    >>> plain(True), plain(3.0), plain([1, "a"])
    ('true', '3', '1, a')
    """
    match found:
        case bool():
            return str(found).lower()
        case float():
            return f"{found:.10g}"
        case list():
            return ", ".join(plain(item) for item in found)  # pyright: ignore[reportUnknownVariableType]
        case _:
            return str(found)


def _ended(passage: Passage) -> str:
    if passage.status == "completed":
        return "it reached the end"
    return exit_reason(passage.exit_reason or passage.status)


def exit_reason(code: str) -> str:
    """Why a participant left."""
    return EXITS.get(code, plainly(code))


def move(found: Move) -> str:
    """What happened at one move."""
    if found.kind == "goal_met":
        return f"reached the goal: {exit_reason(found.reason or '')}"
    if found.kind == "exited":
        return f"left: {exit_reason(found.reason or 'exited')}"
    words = MOVES.get(found.kind, plainly(found.kind))
    if found.kind == "entered" and found.to == "(holdout)":
        words += ", held out"
    why = MOVES.get(found.reason or "") if found.kind != "entered" else None
    return f"{words}, {why}" if why else words


def action(found: PlannedAction, zone: ZoneInfo) -> str:
    """An action and what became of it."""
    why = f", {plainly(found.reason)}" if found.reason else ""
    due = f", due on {day(found.due, zone)}" if found.due else ""
    return f"{found.kind} `{found.step}`: {plainly(found.status)} on {day(found.status_at, zone)}{why}{due}"


def what_comes(found: Next, zone: ZoneInfo) -> str:
    """What comes next, and when."""
    if found.place == "(holdout)":
        return f"It is watched until {instant(found.due, zone)}." if found.due else "It is watched."
    when = f"On {instant(found.due, zone)}" if found.due else "When its condition holds"
    if found.ready:
        return f"At the next evaluation it goes on from `{found.place}`: {_then(found)}."
    place = f"`{found.place}` ({found.label})"
    if found.on_condition and found.due:
        return f"{when} at the latest it goes on from {place}, sooner when its condition is met; as things stand: {_then(found)}."
    return f"{when} it goes on from {place}; as things stand: {_then(found)}."


def _then(found: Next) -> str:
    if found.outcome is None:
        return "nothing can be said"
    parts = [_passed(p.kind, p.step, p.label, p.arm) for p in found.steps]
    match found.outcome:
        case "rest":
            parts.append(f"it rests at `{found.to}`")
        case "exited":
            parts.append(f"it leaves ({plainly(found.reason or 'exit')})")
        case _:
            parts.append("it reaches the end")
    return ", then ".join(part for part in parts if part)


def _passed(kind: str, step: str, label: str, arm: str | None) -> str:
    match kind:
        case "branch" | "split":
            return f"`{step}` takes {arm}"
        case "action":
            return label
        case _:
            return ""
