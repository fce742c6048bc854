"""A generated project folder: catalog, segments, messages and as many workflows as asked for, of six conditions each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.conditions import Condition, Group, InSegment, expanded, written
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


@dataclass(frozen=True)
class Asked:
    """A condition of a workflow: what it is for, and what it says with its segments written out."""

    workflow: str
    use: str
    condition: Condition


@dataclass
class Generated:
    """Segments and workflows drawn from a seed; the first `everyone` workflows are launched for everyone.

    More workflows begin with the same ones, so that as many participants are inside.
    """

    workflows: int
    seed: int
    everyone: int
    how: str | None = None
    """Settings of the evaluation, such as `increments=never,execution=sql`."""

    def __post_init__(self) -> None:
        grammar = Grammar(self.seed)
        self._segments = {f"segment_{number}": grammar.tree(2, "any") for number in range(_SEGMENTS)}
        self._drawn = {f"workflow_{number:04}": _Drawn(grammar) for number in range(self.workflows)}

    def asked(self) -> list[Asked]:
        """All conditions of all workflows."""
        return [
            Asked(name, use, expanded(condition, self._segments))
            for name, drawn in self._drawn.items()
            for use, condition in drawn.conditions.items()
        ]

    def write(self, folder: Path) -> int:
        """Write all definition files; returns their number."""
        files = dict(self._files())
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else _yaml(content), encoding="utf-8")
        return len(files)

    def _files(self) -> Iterator[tuple[str, Mapping | str]]:
        yield "project.yaml", self._settings()
        for spec in _catalog():
            yield f"catalog/{spec['object']}.yaml", spec
        for name, condition in self._segments.items():
            yield f"segments/{name}.yaml", {"object": "account", "when": written(condition)}
        for number in range(_MESSAGES):
            yield f"messages/message_{number}.md", _message(number)
        for number, (name, drawn) in enumerate(self._drawn.items()):
            launch = "everyone" if number < self.everyone else "newcomers"
            yield f"workflows/{name}.yaml", drawn.file(number, launch)

    def _settings(self) -> Mapping:
        forced: Mapping = {"evaluation": dict(s.split("=") for s in self.how.split(","))} if self.how else {}
        return {
            "name": "benchmark",
            "timezone": "UTC",
            "sources": {"crm": {"kind": "files", "path": "rows", "format": "parquet"}},
            "sinks": {"batches": {"kind": "files", "path": "out/actions"}},
            "routes": {"default": "batches"},
            **forced,
        }


def _yaml(content: Mapping) -> str:
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper.ignore_aliases = lambda *_: True
    return yaml.dump(content, Dumper=dumper, sort_keys=False, width=1_000)


def _catalog() -> Iterator[Mapping]:
    account = {"account": {"object": "account", "key": "account_id"}}
    yield _object("user", "user_id", {"name": "text", "email": "text", "team": "enum"}, moving=False)
    yield _object("account", "account_id", _ACCOUNT) | {"relations": _RELATIONS, "computed": _COMPUTED}
    yield _object("contact", "contact_id", _CONTACT) | {"relations": account}
    yield _object("opportunity", "opportunity_id", _OPPORTUNITY, "opportunities") | {"relations": account}
    yield _object("ticket", "ticket_id", _TICKET) | {"relations": account}
    yield _object("usage_event", "event_id", _USAGE) | {"relations": account}


def _object(name: str, key: str, fields: dict[str, str], table: str | None = None, moving: bool = True) -> Mapping:
    typed = {n: {"type": "text", "values": list(ENUMS[n])} if kind == "enum" else kind for n, kind in fields.items()}
    moves: Mapping = {}
    if moving:
        typed |= {"synced_at": "timestamp", "deleted_at": "timestamp"}
        moves = {"updated_at": "synced_at", "deleted_at": "deleted_at", "incremental": {}}
    return {"object": name, "table": f"crm.{table or name + 's'}", "key": key, **moves, "fields": {key: "text"} | typed}


def _fields(**names: str) -> dict[str, str]:
    """Fields by name, from their names by type."""
    return {name: kind for kind, listed in names.items() for name in listed.split()}


_ACCOUNT = _fields(
    text="account_name website owner_id cs_phase",
    enum="industry tier region country plan lifecycle_stage churn_risk onboarding_status",
    integer="health_score nps seats seats_used employees",
    number="arr mrr",
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


class _Drawn:
    """A workflow: entry, exit, objective and three branches, each behind a wait, with actions on the way."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar, self.chance = grammar, grammar.chance
        sizes = {"exit": (1, 2, 3), "objective": (1, 2), **dict.fromkeys(("first", "second", "third"), (1, 2, 2, 3))}
        self.conditions = {"entry": self._entry()} | {
            use: grammar.tree(self.chance.choice(among), "all" if use in ("exit", "objective") else None)
            for use, among in sizes.items()
        }
        self._rest = {**self._about(), "steps": list(self._steps())}

    def file(self, number: int, launch: str) -> Mapping:
        """The workflow as its file says it."""
        return {"object": "account", "description": f"Generated workflow {number}.", "launch": launch, **self._rest}

    def _entry(self) -> Condition:
        """Mostly a state; now and then an event, or something that has lasted, or a segment."""
        drawn, grammar = self.chance.random(), self.grammar
        if drawn < 0.05:
            return Group("all", (grammar.change(), grammar.leaf()))
        if drawn < 0.08:
            return Group("all", (grammar.lasting(), grammar.tree(2)))
        if drawn < 0.3:
            segment = InSegment(f"segment_{self.chance.randrange(_SEGMENTS)}")
            return Group("all", (segment, grammar.tree(2), grammar.leaf()))
        return grammar.tree(self.chance.choice((3, 4, 5, 6)), "all")

    def _about(self) -> Mapping:
        chance, conditions = self.chance, self.conditions
        return {
            "owner": "cs-ops@example.com",
            "state": "enabled",
            "priority": chance.randrange(0, 100, 10),
            "entry": {"when": written(conditions["entry"]), "manual": "allowed"},
            "reentry": chance.choice(({"after": "never"}, {"after": "requalifying", "wait": "30 days"})),
            "recipient": {
                "relation": "contacts",
                "where": f"role in ('user', 'admin', 'champion', '{chance.choice(ENUMS['role'][4:])}')",
                "order_by": "last_contacted_at desc",
            },
            "objective": {
                "name": "Better",
                "when": written(conditions["objective"]),
                "measure": chance.choice(_MEASURES),
            },
            "exit": {"on_objective": chance.choice(("leave", "leave", "stay")), "when": written(conditions["exit"])},
            "holdout": chance.choice(("0%", "10%")),
        }

    def _steps(self) -> Iterator[Mapping]:
        """Now and then an action at once; then a wait and a branch three times, each with an action on either way."""
        chance, actions = self.chance, _Actions(self.grammar)
        if chance.random() < 0.25:
            yield from actions.some(1)
        for use in ("first", "second", "third"):
            yield {"id": f"wait_{use}", "wait": chance.choice(("3 days", "1 week", "2 weeks"))}
            arm = {"name": "Yes", "if": written(self.conditions[use]), "steps": actions.some(chance.choice((1, 1, 2)))}
            yield {"id": f"branch_{use}", "branch": [arm], "else": actions.some(1)}


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
