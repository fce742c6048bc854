"""The values that an action carries: what its templates and expressions read at the evaluation that plans it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from support.oracle.conditions import Asked
from support.oracle.passages import Action
from support.oracle.state import State

from definitions.messages import paths_in
from definitions.steps import ActionStep, Expr


def values_of(state: State, action: Action) -> dict[str, Any]:
    """Values by the name they have in the content: dotted names, `field.x` of expressions, `user.x` of users."""
    step, participant = action.step, action.participant
    found: dict[str, Any] = {}
    for text in _texts(state, step):
        for path, _ in paths_in(text):
            found[".".join(path)] = _read(state, action, path)
    for name, value in _written(step).items():
        if isinstance(value, Expr):
            place = "body" if step.webhook is not None else "field"
            found[f"{place}.{name}"] = state.value(value.expression, participant)
    if step.assign is not None:
        found[f"user.{step.id}"] = action.user
    elif step.user is not None and action.sender != step.user:
        found[f"user.{step.user}"] = action.user
    return {name: _written_out(state, value) for name, value in found.items()}


def _written_out(state: State, value: Any) -> Any:
    """Dates and instants as text; an instant as the project's clock shows it, with its offset."""
    if isinstance(value, datetime):
        written = state.clock.local(value).isoformat(" ")
        return written.removesuffix(":00")
    return value.isoformat() if isinstance(value, date) else value


def _texts(state: State, step: ActionStep) -> Iterator[str]:
    work = step.task or step.call
    if work is not None:
        yield from (work.title, work.text)
    if step.email is not None:
        yield from (step.email.subject, state.project.messages[step.email.template])
    if step.sms is not None:
        yield step.sms.text
    if step.notify is not None:
        yield from (step.notify.channel, step.notify.text)
    if step.webhook is not None:
        yield step.webhook.url
    yield from (*(step.tag or ()), *(step.untag or ()))
    yield from (value for value in _written(step).values() if isinstance(value, str))


def _written(step: ActionStep) -> dict[str, Any]:
    return step.update or (step.create.fields if step.create else step.webhook.body if step.webhook else {})


def _read(state: State, action: Action, path: tuple[str, ...]) -> Any:
    """A dotted name of the record, of the recipient, or of the row that brought the record in."""
    participant, (first, *rest) = action.participant, path
    flow, catalog = participant.flow, state.project.catalog
    asked = state.asked(participant)
    if first == "recipient" and flow.recipient is not None:
        target = str(catalog.target(participant.object, (flow.recipient.relation,)))
        asked = Asked(target, participant.recipient or "", state.at)
    elif first == "row" and flow.entry.each is not None:
        target = str(catalog.target(participant.object, (flow.entry.each.relation,)))
        asked = Asked(target, participant.occasion, state.at)
    return state.judge.read(".".join(rest), asked)
