"""A generated project folder: catalog, segments, messages and as many workflows as asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.crm_words import ENUMS
from benchmarks.leaf_grammar import DAYS, Grammar

Mapping = dict[str, Any]
_MESSAGES = 12
_SEGMENTS = 10
_MEASURES = ("health_score", "usage_28d", "open_pipeline", "seat_utilization")
_TITLES = (
    "Call {{ account.account_name }}: {{ account.open_tickets }} open tickets",
    "{{ account.account_name }} ({{ account.plan }}) renews on {{ account.renewal_date }}",
    "Look after {{ account.account_name }}, {{ account.seats }} seats",
)


def write_project(folder: Path, workflows: int, seed: int, everyone: float, timezone: str) -> int:
    """Write all definition files; `everyone` is the share of workflows launched for everyone. Returns their number."""
    files = dict(_files(workflows, seed, everyone, timezone))
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else _yaml(content), encoding="utf-8")
    return len(files)


def _yaml(content: Mapping) -> str:
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper.ignore_aliases = lambda *_: True
    return yaml.dump(content, Dumper=dumper, sort_keys=False, width=1_000)


def _files(workflows: int, seed: int, everyone: float, timezone: str) -> Iterator[tuple[str, Mapping | str]]:
    yield "project.yaml", _settings(timezone)
    for spec in _catalog():
        yield f"catalog/{spec['object']}.yaml", spec
    grammar = Grammar(seed)
    for number in range(_SEGMENTS):
        yield f"segments/segment_{number}.yaml", {"object": "account", "when": grammar.tree(2, "any")}
    for number in range(_MESSAGES):
        yield f"messages/message_{number}.md", _message(number)
    for number in range(workflows):
        yield f"workflows/workflow_{number:04}.yaml", _workflow(grammar, number, everyone)


def _settings(timezone: str) -> Mapping:
    return {
        "name": "benchmark",
        "timezone": timezone,
        "sources": {"crm": {"kind": "files", "path": "data/first", "format": "parquet"}},
        "sinks": {"batches": {"kind": "files", "path": "out/actions"}},
        "routes": {"default": "batches"},
    }


def _catalog() -> Iterator[Mapping]:
    account = {"account": {"object": "account", "key": "account_id"}}
    yield _object("user", "user_id", {"name": "text", "email": "text", "team": "enum"})
    yield _object("account", "account_id", _ACCOUNT) | {"relations": _RELATIONS, "computed": _COMPUTED}
    yield _object("contact", "contact_id", _CONTACT) | {"relations": account}
    yield _object("opportunity", "opportunity_id", _OPPORTUNITY, "opportunities") | {"relations": account}
    yield _object("ticket", "ticket_id", _TICKET) | {"relations": account}
    yield _object("usage_event", "event_id", _USAGE) | {"relations": account}


def _object(name: str, key: str, fields: dict[str, str], table: str | None = None) -> Mapping:
    typed = {n: {"type": "text", "values": list(ENUMS[n])} if kind == "enum" else kind for n, kind in fields.items()}
    return {"object": name, "table": f"crm.{table or name + 's'}", "key": key, "fields": {key: "text"} | typed}


def _fields(**names: str) -> dict[str, str]:
    """Fields by name, from their names by type."""
    return {name: kind for kind, listed in names.items() for name in listed.split()}


_ACCOUNT = _fields(
    text="account_name owner_id cs_phase",
    enum="industry tier region country plan lifecycle_stage churn_risk onboarding_status",
    integer="health_score nps seats seats_used employees",
    number="arr",
    boolean="is_paying has_sso",
    date="renewal_date contract_start last_qbr_date",
    timestamp="last_login_at last_activity_at created_at",
)
_CONTACT = _fields(
    text="account_id name email",
    enum="role seniority",
    boolean="email_opt_in is_active",
    integer="engagement",
    timestamp="last_contacted_at created_at",
)
_OPPORTUNITY = _fields(
    text="account_id", enum="stage deal_type", number="amount", timestamp="created_at", date="close_date"
)
_TICKET = _fields(text="account_id", enum="status priority", integer="csat", timestamp="created_at")
_USAGE = _fields(text="account_id", timestamp="ts", enum="metric", integer="person quantity")
_RELATIONS = {
    "owner": {"object": "user", "key": "owner_id"},
    "contacts": {"object": "contact", "on": "account_id"},
    "opportunities": {"object": "opportunity", "on": "account_id"},
    "tickets": {"object": "ticket", "on": "account_id"},
    "usage": {"object": "usage_event", "on": "account_id"},
}
_COMPUTED = {
    "seat_utilization": "seats_used / seats",
    "open_pipeline": "sum(opportunities.amount) filter (where stage not in ('won', 'lost'))",
    "open_tickets": "count(tickets) filter (where status in ('open', 'pending'))",
    "usage_28d": "sum(usage.quantity) filter (where ts >= today() - interval 28 days)",
}


def _message(number: int) -> str:
    return (
        "Hello {{ recipient.name }},\n\n"
        f"this is message {number} about "
        + "{{ account.account_name }}: {{ account.usage_28d }} uses in four weeks.\n\n"
        "{{ account.owner.name }}\n"
    )


def _workflow(grammar: Grammar, number: int, everyone: float) -> Mapping:
    chance = grammar.chance
    return {
        "object": "account",
        "description": f"Generated workflow {number}.",
        "owner": "cs-ops@example.com",
        "state": "enabled",
        "launch": "everyone" if chance.random() < everyone else "newcomers",
        "priority": chance.randrange(0, 100, 10),
        "entry": {"when": _entry(grammar), "manual": "allowed"},
        "reentry": chance.choice(({"after": "never"}, {"after": "requalifying", "wait": "30 days"})),
        "recipient": {
            "relation": "contacts",
            "where": f"role in ('champion', '{chance.choice(ENUMS['role'][1:5])}')",
            "order_by": "last_contacted_at desc",
        },
        "objective": {
            "name": "Better",
            "when": grammar.tree(chance.choice((1, 2)), "all"),
            "measure": chance.choice(_MEASURES),
        },
        "exit": {
            "on_objective": chance.choice(("leave", "leave", "stay")),
            "when": grammar.tree(chance.choice((1, 2, 3)), "all"),
        },
        "holdout": chance.choice(("0%", "10%")),
        "steps": list(_steps(grammar)),
    }


def _entry(grammar: Grammar) -> Any:
    """Mostly a state; now and then an event, or something that has lasted, or a segment."""
    drawn = grammar.chance.random()
    if drawn < 0.1:
        return [grammar.change(), grammar.leaf()]
    if drawn < 0.2:
        return [grammar.lasting(), grammar.tree(1)]
    if drawn < 0.4:
        return [f"segment('segment_{grammar.chance.randrange(_SEGMENTS)}')", grammar.tree(1)]
    return grammar.tree(grammar.chance.choice((1, 2, 3, 4)), "all")


def _steps(grammar: Grammar) -> Iterator[Mapping]:
    """Opening actions, then one to three stretches of a wait and a branch, then a last action."""
    chance, actions = grammar.chance, _Actions(grammar)
    yield from actions.some(chance.choice((1, 2)))
    for number in range(chance.choice((1, 2, 2, 3))):
        yield {"id": f"wait_{number}", "wait": _wait(grammar)}
        if chance.random() < 0.15:
            arms = {"a": actions.some(1), "b": actions.some(1)}
            yield {"id": f"split_{number}", "split": {"a": "50%", "b": "50%"}, "arms": arms}
            continue
        arms = [
            {
                "name": f"Arm {arm}",
                "if": grammar.tree(chance.choice((1, 2, 2, 3))),
                "steps": actions.some(chance.choice((1, 2))),
            }
            for arm in range(chance.choice((2, 3)))
        ]
        yield {"id": f"branch_{number}", "branch": arms, "else": actions.some(1)}
    yield from actions.some(1)


def _wait(grammar: Grammar) -> Any:
    chance = grammar.chance
    if chance.random() < 0.5:
        return chance.choice(("3 days", "1 week", "2 weeks"))
    return {"until": grammar.tree(chance.choice((1, 2))), "at_most": chance.choice(("7 days", "14 days"))}


class _Actions:
    """Writes action steps with ids of their own."""

    def __init__(self, grammar: Grammar) -> None:
        self.chance = grammar.chance
        self.count = 0

    def some(self, count: int) -> list[Mapping]:
        """So many actions."""
        return [self._action() for _ in range(count)]

    def _action(self) -> Mapping:
        self.count += 1
        kind = self.chance.choice(("task", "task", "email", "email", "update", "notify", "webhook"))
        return {"id": f"{kind}_{self.count}", kind: self._body(kind)}

    def _body(self, kind: str) -> Mapping:
        title = self.chance.choice(_TITLES)
        match kind:
            case "task":
                return {"assign": "owner", "title": title, "due": f"{self.chance.choice((1, 3, 5))} days"}
            case "email":
                template = f"messages/message_{self.chance.randrange(_MESSAGES)}.md"
                return {"template": template, "subject": "About {{ account.account_name }}", "from": "owner"}
            case "update":
                return {"cs_phase": self.chance.choice(("started", "contacted", "watched"))}
            case "notify":
                return {"channel": "#cs", "text": title + " ({{ account.owner.name }})"}
            case _:
                days = self.chance.choice(DAYS)
                return {
                    "url": "https://example.com/hook",
                    "body": {"account": "{{ account.account_id }}", "days": days},
                }
