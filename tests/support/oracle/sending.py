"""When messages go out, and which do not: windows, calendars, limits of senders and recipients, lists of those to spare."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from support.oracle.blackouts import is_blackout
from support.oracle.clock import Span, step_date
from support.oracle.draws import draw
from support.oracle.passages import MESSAGES, Action
from support.oracle.state import State, Unit
from support.oracle.windows import Slot, place, zone_of

from definitions.communication import BlackoutCalendar, Communication


def plan_sends(state: State) -> None:
    """Stage 9: drop what must not go out, move what calendars stop, place what is new, then apply the limits."""
    for action in state.sendable():
        spare(state, action)
    for action in state.sendable():
        if action.kind in MESSAGES and action.sends_at is not None:
            _move_from_blackout(state, action)
    new = [a for a in state.sendable() if a.sends_at is None]
    for action in new:
        _choose_zone(state, action)
        _place(state, action, state.at)
    _limit_recipients(state)
    while _limit_senders(state):
        _limit_recipients(state)


def _counted(state: State) -> list[tuple[datetime, bool, Action]]:
    """Messages with the time at which they count and whether they may move: those that went, and those that will go.

    What is late goes out now.
    """
    found: list[tuple[datetime, bool, Action]] = []
    for live in state.live.values():
        for action in (a for p in live.passages for a in p.actions if a.kind in MESSAGES and a.sends_at is not None):
            assert action.sends_at is not None
            if action.status == "sent":
                found.append((action.sends_at, False, action))
            elif action.status == "planned":
                found.append((max(action.sends_at, state.at), True, action))
    return found


def spare(state: State, action: Action) -> None:
    """Whoever is suppressed gets nothing; whoever has unsubscribed, no email and no text message."""
    spec, key = _recipient(state, action)
    if spec is None or key is None:
        return
    listed = state.suppressed.get((spec, key))
    if listed is not None and listed[0] <= state.at:
        action.end("dropped", "suppressed", state.at)
        return
    field = state.project.catalog[spec].unsubscribed
    row = state.records.row(spec, key)
    if field is not None and action.kind in MESSAGES and row is not None and row[field] is True:
        action.end("dropped", "unsubscribed", state.at)


def _recipient(state: State, action: Action) -> tuple[str | None, str | None]:
    """The recipient's object and key."""
    recipient = action.participant.flow.recipient
    if recipient is None or action.participant.recipient is None:
        return None, None
    return state.project.catalog.target(action.participant.object, (recipient.relation,)), action.participant.recipient


def _communication(state: State, action: Action) -> Communication:
    live = state.live[action.participant.workflow]
    return live.definition.communication or Communication()


def _calendars(state: State, action: Action) -> list[BlackoutCalendar]:
    """The calendars that count for an action. They stop emails and text messages, and nothing that was approved."""
    if action.kind not in MESSAGES or action.approved_at is not None:
        return []
    chosen = _communication(state, action).blackouts
    return [c for name, c in state.project.calendars.items() if c.auto or name in chosen]


def _choose_zone(state: State, action: Action) -> None:
    fallback = _communication(state, action).timezone.fallback or state.project.settings.timezone
    object_, key = _recipient(state, action)
    row = state.records.row(object_, key) if object_ is not None and key is not None else None
    if object_ is None or row is None:
        action.zone, action.zone_rule = fallback, "fallback"
        return
    spec = state.project.catalog[object_]
    own = row[spec.timezone] if spec.timezone is not None else None
    action.zone, action.zone_rule = zone_of(own, [row[p] for p in spec.phones], fallback, state.at)


def _place(state: State, action: Action, due: datetime, rule: str | None = None) -> None:
    """Draw the minute within the window at or after an instant, or drop it where there is none."""
    slot = _slot(state, action, due)
    if slot is None:
        action.end("dropped", "no_window", state.at)
        return
    drawn = draw(state.seed, "send", action.participant.id, action.step.id)
    action.sends_at, action.send_rule = slot.minute(drawn), rule or slot.rule


def _slot(state: State, action: Action, due: datetime) -> Slot | None:
    calendars = _calendars(state, action)
    windows = _communication(state, action).window
    return place(due, windows, ZoneInfo(action.zone), action.is_long, lambda day: is_blackout(day, calendars))


def _move_from_blackout(state: State, action: Action) -> None:
    """A calendar that changed moves what is planned for a later day; what is planned for today goes out."""
    assert action.sends_at is not None
    zone = ZoneInfo(action.zone)
    day = action.sends_at.astimezone(zone).date()
    if day > state.at.astimezone(zone).date() and is_blackout(day, _calendars(state, action)):
        _place(state, action, datetime.combine(day, time(), zone), "blackout")


# ---- limits


def _limit_senders(state: State) -> bool:
    """What is too much for a sender moves behind the end of the hour, day, week or month; true while anything moves."""
    limit = state.project.settings.limits.sender
    if limit is None:
        return False
    groups = dict[tuple[str, Unit], list[tuple[bool, datetime, str, Action]]]()
    for at, may_move, action in _counted(state):
        if action.sender is not None:
            group = groups.setdefault((action.sender, state.unit(at, limit.at_most.unit)), [])
            group.append((may_move, at, action.id, action))
    moved = False
    for (sender, unit), messages in groups.items():
        room = max(limit.at_most.number - _elsewhere(state, sender, unit), 0)
        for may_move, at, _, action in sorted(messages, key=lambda one: one[:3])[room:]:
            if may_move:
                _place(state, action, _end_of_unit(state, at, limit.at_most.unit), "sender_limit")
                moved = True
    return moved


def _limit_recipients(state: State) -> None:
    """What is too much for a recipient is dropped, the latest planned first; what went counts before it."""
    limit = state.project.settings.limits.recipient
    if limit is None:
        return
    groups = dict[Any, list[tuple[bool, datetime, datetime, str, Action]]]()
    for at, may_move, action in _counted(state):
        who = _recipient(state, action)
        if who[1] is not None:
            group = groups.setdefault((who, state.unit(at, limit.at_most.unit)), [])
            group.append((may_move, action.planned_at, at, action.id, action))
    for messages in groups.values():
        for may_move, *_, action in sorted(messages, key=lambda one: one[:4])[limit.at_most.number :]:
            if may_move:
                action.end("dropped", "frequency_cap", state.at)


def _elsewhere(state: State, sender: str, unit: Unit) -> int:
    """Sends that were made outside and count as well."""
    limit = state.project.settings.limits.sender
    if limit is None or limit.elsewhere is None:
        return 0
    where, found = limit.elsewhere, 0
    for key in state.records.keys(where.object):
        row = state.records.row(where.object, key) or {}
        at = row.get(where.at)
        found += row.get(where.sender) == sender and at is not None and state.unit(at, limit.at_most.unit) == unit
    return found


def _end_of_unit(state: State, moment: datetime, unit: str) -> datetime:
    """The instant at which the next hour, day, week or month of the project's calendar begins."""
    local = state.clock.local(moment)
    day = local.date()
    if unit == "hour":
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return moment + timedelta(hours=1) - past
    steps = {"day": day + timedelta(days=1), "week": day + timedelta(days=7 - day.weekday())}
    first_of_next: date = step_date(day.replace(day=1), Span(months=1))
    return state.clock.midnight(steps.get(unit, first_of_next))
