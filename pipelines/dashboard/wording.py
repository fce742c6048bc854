"""Numbers and names as people read them. Words stand where a number would say more than is known."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache

from pipelines.dashboard.facts import FlowStep

NONE = "–"
ENOUGH = 20
"""Below this many settled runs, or customers in an arm, a share says too little."""

_TEMPLATE = re.compile(r"\{\{\s*(?:\w+\.)*(\w+)[^}]*\}\}")
_KINDS = {"task": "Task", "email": "E-mail", "update": "Update", "notify": "Notify", "webhook": "Webhook"}
_REASONS = {
    "objective": "objective met",
    "exit_condition": "exit condition",
    "workflow_disabled": "workflow disabled",
    "record_deleted": "record gone from the CRM",
    "timed_out": "a wait ran out",
    "completed": "reached the end",
}


def number(value: int) -> str:
    """
    >>> number(12345)
    '12,345'
    """
    return f"{value:,}"


def percent(share: float) -> str:
    """
    >>> percent(0.6407)
    '64%'
    """
    return f"{100 * share:.0f}%"


def interval(low: float, high: float) -> str:
    """
    >>> interval(0.5437, 0.7278)
    '54 to 73%'
    """
    return f"{100 * low:.0f} to {percent(high)}"


def days(value: float) -> str:
    """
    >>> days(1), days(12.5), days(40.0)
    ('1 day', '12.5 days', '40 days')
    """
    return f"{value:g} {'day' if value == 1 else 'days'}"


def count(value: int, one: str, many: str | None = None) -> str:
    """
    >>> count(1, "run"), count(2, "run"), count(0, "passage", "passages")
    ('1 run', '2 runs', '0 passages')
    """
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


@lru_cache(maxsize=4096)
def day(value: date) -> str:
    """
    >>> day(date(2024, 11, 7))
    '7 Nov 2024'
    """
    return f"{value.day} {value:%b %Y}"


@lru_cache(maxsize=4096)
def short_day(value: date) -> str:
    """
    >>> short_day(date(2024, 11, 7))
    '7 Nov'
    """
    return f"{value.day} {value:%b}"


def measured(value: float) -> str:
    """A value of the measure, as short as it can be.

    >>> measured(25.0), measured(0.3456), measured(12345.6), measured(41.26)
    ('25', '0.35', '12,346', '41.3')
    """
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.{1 if abs(value) >= 10 else 2}f}".rstrip("0").rstrip(".").replace("-", "−")


def points_word(value: float, digits: int = 1) -> str:
    """Percentage points with their sign: +0.3 is not +0.

    >>> points_word(0.34), points_word(-4.46), points_word(20, 0)
    ('+0.3', '−4.5', '+20')
    """
    return f"{value:+.{digits}f}".replace("-", "−")


def moment(value: datetime) -> str:
    """
    >>> moment(datetime(2024, 11, 7, 6, 0))
    'Thu 7 Nov 2024, 06:00'
    """
    return f"{value:%a} {day(value)}, {value:%H:%M}"


def title(name: str) -> str:
    """A name of the definitions as a heading.

    >>> title("adoption_drop")
    'Adoption drop'
    """
    return capital(name.replace("_", " ").strip())


def capital(words: str) -> str:
    """The first letter large, the others as written."""
    return words[:1].upper() + words[1:]


def without_templates(text: str) -> str:
    """
    >>> without_templates("Call {{ account.account_name }} about {{ seats }}")
    'Call [account name] about [seats]'
    """
    return _TEMPLATE.sub(lambda found: f"[{found[1].replace('_', ' ')}]", text)


def reason(name: str) -> str:
    """Why a run ended; an author's own reason in the author's words."""
    return _REASONS.get(name, name.replace("_", " "))


def step_kind(step: FlowStep) -> str:
    """What a step is, in one or two words: a wait says how long."""
    match step.kind:
        case "action":
            return _KINDS.get(step.action_kind or "", "Action")
        case "wait":
            return title(step.label)
        case kind:
            return title(kind)


def step_name(step: FlowStep) -> str:
    """What a step is called: an action by its words, the others by the author's id."""
    match step.kind:
        case "action":
            return capital(without_templates(step.label.partition(": ")[2] or step.label))
        case "exit":
            return title(step.label.partition(": ")[2] or step.label)
        case _:
            return title(step.step_id)


def arm_name(arm: str) -> str:
    """An arm as people read it; the evaluator calls the last one `else`."""
    return "otherwise" if arm == "else" else arm
