"""What a seed is about: drawing everything at once makes each rule rare, so every seed leans towards one.

A theme says which objects and fields its worlds have, shapes the workflows drawn, and makes some deeds frequent.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from support.soak.catalogs import Spec

Shape = Callable[[Random, str, Spec], None]
"""Changes a workflow, given its name."""
Deed = Callable[[Any, Any], None]
"""Does something in a story, before the evaluation of a moment."""


def _as_drawn(rng: Random, name: str, workflow: Spec) -> None:
    """The workflow stays as it was drawn."""


@dataclass(frozen=True)
class Theme:
    """One theme. `objects` and the account's `fields` are always there; `roles` are said of the catalog."""

    name: str
    shape: Shape = _as_drawn
    objects: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    deeds: Mapping[str, int] = field(default_factory=dict[str, int])
    own: Mapping[str, tuple[int, Deed]] = field(default_factory=dict[str, Any])
    """Deeds that no other theme has."""
    workflows: int = 0
    """At least so many workflows, all of them about accounts; 0: as drawn."""
    limits: Spec = field(default_factory=dict[str, Any])
    calendar: bool = False


def begins(workflow: Spec, *steps: Spec) -> None:
    """The workflow's steps come after these; two waits never follow upon each other."""
    between = [{"id": "z9", "notify": {"channel": "#cs", "text": "x"}}]
    both_wait = "wait" in steps[-1] and "wait" in workflow["steps"][0]
    workflow["steps"][:0] = [*steps, *(between if both_wait else [])]


def often(rng: Random, workflow: Spec) -> None:
    """Whoever leaves comes back soon."""
    workflow["reentry"] = {"after": "unlimited", "wait": rng.choice(["30 minutes", "1 day"])}


def _dates(rng: Random, name: str, workflow: Spec) -> None:
    made: Spec = {"for_date": "event_on", "past": rng.choice(["now", "skip", "exit"])}
    made |= {"missing": rng.choice(["error", "wait", "exit"])} if rng.random() < 0.6 else {}
    made |= {"offset": rng.choice(["-1 day", "1 day", "-2 hours"])} if rng.random() < 0.4 else {}
    begins(workflow, {"id": "z1", "wait": made})


def _senders(rng: Random, name: str, workflow: Spec) -> None:
    workflow["recipient"] = {"relation": "main"}
    begins(workflow, {"id": "z1", "sms": {"text": "x", "from": "owner"}}, {"id": "z2", "wait": "1 day"})
    often(rng, workflow)


def _assigning(rng: Random, name: str, workflow: Spec) -> None:
    by = rng.choice(["round_robin", "round_robin", "random", "least_loaded", None])
    made: Spec = {"relation": "owner"} | ({"by": by} if by else {})
    for key, value in (("where", "team = 'cs'"), ("absent", "away"), ("fallback", "u2"), ("load", "quota")):
        if rng.random() < 0.4 and (key != "load" or by == "least_loaded"):
            made[key] = value
    if by is None:
        made["rules"] = [{"if": "owner.quota >= 1", "user": "u1"}]
    begins(workflow, {"id": "z1", "assign": made}, {"id": "z2", "task": {"title": "x", "assign": "z1"}})
    often(rng, workflow)


def _limits(rng: Random, name: str, workflow: Spec) -> None:
    workflow["recipient"] = {"relation": "main"}
    sender = {"from": "+12125550100"} if rng.random() < 0.7 else {}
    messages: list[Spec] = [{"id": f"z{i}", "sms": {"text": "x"} | sender} for i in (1, 2)]
    begins(workflow, *messages, {"id": "z3", "wait": rng.choice(["30 minutes", "1 day"])})
    often(rng, workflow)


def _paces(rng: Random, name: str, workflow: Spec) -> None:
    workflow["recipient"] = {"relation": "main"}
    begins(workflow, {"id": "z1", "sms": {"text": "x", "from": "+12125550100"}}, {"id": "z2", "wait": "1 day"})
    workflow["communication"] = {"window": {"days": "mon-sun", "from": "08:00", "to": rng.choice(["09:00", "20:00"])}}
    often(rng, workflow)


def _windows(rng: Random, name: str, workflow: Spec) -> None:
    workflow["recipient"] = {"relation": "main"}
    message: Spec = {"sms": {"text": "x"}} if rng.random() < 0.6 else {"call": {"title": "x"}}
    wait = {"id": "z2", "wait": rng.choice(["1 hour", "1 day"])}
    begins(workflow, {"id": "z1"} | message, wait, {"id": "z3"} | copy.deepcopy(message))
    window = {
        "days": rng.choice(["mon-fri", "mon-sun"]),
        "from": "09:00",
        "to": rng.choice(["09:01", "10:00", "16:00"]),
    }
    workflow["communication"] = {"window": window, "timezone": {"fallback": "Asia/Kolkata"}}
    workflow["communication"] |= {"blackouts": ["closed"]} if rng.random() < 0.7 else {}
    often(rng, workflow)


def rest(rng: Random, name: str, workflow: Spec) -> None:
    """Everybody rests for a while: there is somebody to give orders about."""
    workflow["entry"]["manual"] = "allowed"
    workflow["entry"].pop("each", None)
    begins(
        workflow,
        {"id": "z1", "wait": rng.choice(["1 day", "3 days"])},
        {"id": "z2", "notify": {"channel": "#cs", "text": "x"}},
    )


def _crossings(rng: Random, name: str, workflow: Spec) -> None:
    """Whoever crosses a line comes in, and orders are given about those inside."""
    line = rng.choice([5, 79, 80])
    crossed = [f"crossed_above(seats, {line})", f"crossed_below(seats, {line})"]
    workflow["entry"]["when"] = {"any": [*crossed[: rng.choice([1, 2])], "seats is null"]}
    workflow["reentry"] = {"after": "requalifying"}
    rest(rng, name, workflow)


def _states(rng: Random, name: str, workflow: Spec) -> None:
    """There are reasons to leave, which the archive does not heed."""
    workflow["exit"] = {"when": rng.choice(["seats >= 80", "seats < 5"])}
    rest(rng, name, workflow)
    workflow["steps"][0]["wait"] = rng.choice(["3 days", "1 week", "1 month"])


def _edits(rng: Random, name: str, workflow: Spec) -> None:
    """Something is planned and not done while steps are edited."""
    workflow["on_structural_change"] = rng.choice(["restart", "restart", "finish_old"])
    begins(
        workflow,
        {"id": "z1", "notify": {"channel": "#cs", "text": "x"}, "approval": "required"},
        {"id": "z2", "wait": "1 week"},
    )
    often(rng, workflow)


def approve_first(rng: Random, name: str, workflow: Spec) -> None:
    """The first action waits for approval."""
    step = {"id": "z1", "notify": {"channel": "#cs", "text": "x"}, "approval": "required"}
    begins(workflow, step, {"id": "z2", "wait": "2 days"})
    often(rng, workflow)


def _gates(rng: Random, name: str, workflow: Spec) -> None:
    workflow["launch"] = rng.choice(["everyone", "newcomers"])
    after = rng.choice(["requalifying", "requalifying", "unlimited", "never"])
    workflow["reentry"] = {"after": after} | ({"wait": rng.choice(["1 day", "30 minutes"])} if after != "never" else {})
    if rng.random() < 0.4:
        workflow["entry"]["at_most"] = f"{rng.choice([1, 2])} per {rng.choice(['hour', 'day', 'week'])}"
    if rng.random() < 0.5:
        workflow["exit"] = {"when": rng.choice(["seats >= 80", "seats < 5", "seats is null"])}
    if rng.random() < 0.3:
        workflow["recipient"], workflow["run_once"] = {"relation": "main"}, "recipient"
    begins(workflow, {"id": "z1", "wait": rng.choice(["30 minutes", "1 hour", "1 day"])})


def _locks(rng: Random, name: str, workflow: Spec) -> None:
    often(rng, workflow)
    others = [other for other in ("w1", "w2", "w3") if other != name]
    workflow["while_inside"] = {"enter": rng.choice(["none", {"not": rng.sample(others, 1)}, "all"])}
    workflow["priority"] = rng.choice([0, 40, 50, 60])
    begins(workflow, {"id": "z1", "wait": rng.choice(["1 hour", "1 day"])})


def _goals(rng: Random, name: str, workflow: Spec) -> None:
    workflow["recipient"] = {"relation": "main"}
    workflow["goals"] = ["incoming_email", "outcome('won')", {"name": "reached", "when": "seats = 80"}]
    if rng.random() < 0.5:
        workflow["exit"] = {"when": "seats >= 80"}
    begins(workflow, {"id": "z1", "sms": {"text": "x"}}, {"id": "z2", "wait": "3 days"})
    often(rng, workflow)


def _handing_over(rng: Random, name: str, workflow: Spec) -> None:
    workflow["entry"]["manual"] = "allowed"
    workflow["entry"].pop("each", None)
    if name == "w1":
        begins(workflow, {"id": "z1", "enroll": "w2"})
    begins(workflow, {"id": "z2", "wait": rng.choice(["1 hour", "1 day"])})
    often(rng, workflow)


def _rows(rng: Random, name: str, workflow: Spec) -> None:
    workflow["entry"] = {"when": workflow["entry"]["when"], "each": {"relation": "tickets"}}
    if rng.random() < 0.5:
        workflow["entry"]["each"]["where"] = rng.choice(["urgent", "hours >= 1", "priority = 'urgent'"])
    begins(workflow, {"id": "z1", "wait": "1 day"})


PLAIN = Theme("plain")
THEMES: tuple[Theme, ...] = (
    PLAIN,
    Theme("dates", _dates, fields=("event_on",), deeds={"date": 14}, workflows=1),
    Theme("senders", _senders, ("user", "contact"), roles=("sends_as",), deeds={"user": 10, "order": 16}, workflows=1),
    Theme("assigning", _assigning, ("user",), deeds={"user": 10, "move": 8}, workflows=1),
    Theme(
        "limits",
        _limits,
        ("contact",),
        workflows=2,
        limits={"recipient": {"at_most": "1 per day"}},
    ),
    Theme("paces", _paces, ("contact",), workflows=2, limits={"sender": {"at_most": "2 per hour"}}),
    Theme("windows", _windows, ("contact",), deeds={"address": 12, "suppress": 14}, workflows=1, calendar=True),
    Theme("crossings", _crossings, fields=("seats",), deeds={"edit": 45, "order": 25}, workflows=1),
    Theme("approvals", approve_first, deeds={"order": 30}, workflows=1),
    Theme("states", _states, fields=("seats",), deeds={"state": 16, "edit": 40}, workflows=2),
    Theme("merges", rest, roles=("merges", "has_deleted_at"), deeds={"merge": 14, "delete": 8}, workflows=1),
    Theme("gates", _gates, ("contact",), fields=("seats",), deeds={"edit": 45}, workflows=2),
    Theme("edits", _edits, deeds={"project": 24}, workflows=2),
    Theme("locks", _locks, workflows=3),
    Theme("goals", _goals, ("contact", "mail"), fields=("seats",), deeds={"mail": 24}, workflows=1),
    Theme("handing over", _handing_over, deeds={"order": 20}, workflows=2),
    Theme("rows", _rows, ("ticket",), deeds={"new": 12, "delete": 6}, workflows=1),
)
"""A seed's theme is that of its number."""
