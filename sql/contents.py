"""Action steps -> contents: what is sent, as templates and settings, and the numbered values they read.

A content is addressed by its hash and never changes, so an action that was planned keeps the words it was planned with.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sqlglot

from definitions.conditions import DIALECT, Expression
from definitions.messages import paths_in
from definitions.steps import ActionStep, Email, Expr, Sms, is_address
from definitions.workflow import Workflow
from sql.truths.plan import TruthPlan, recipient_object, row_object


@dataclass(frozen=True)
class Content:
    """A content: its kind, its body, and the values it reads as (name, number, subject)."""

    kind: str
    body: dict[str, Any]
    values: tuple[tuple[str, int, str], ...]

    @property
    def content_id(self) -> str:
        """The hash of everything in it."""
        parts = json.dumps([self.kind, self.body, self.values], sort_keys=True)
        return hashlib.md5(parts.encode()).hexdigest()[:20]


def content_of(step: ActionStep, workflow: Workflow, truths: TruthPlan) -> Content:
    """The content of an action step; its values are numbered in the plan."""
    read = _Reading(workflow.object, truths)
    body = _body(step, read)
    if step.email is not None or step.sms is not None:
        body |= read.addresses(step.email or step.sms, workflow)
    values = [(name, truths.add_value(e, workflow.object), "record") for name, e in read.expressions.items()]
    values += [(name, truths.add_value(e, object_), "recipient") for name, (e, object_) in read.of_recipient.items()]
    for path in sorted({path for text in _texts(body) for path, _ in paths_in(text)}):
        subject = path[0] if path[0] in ("recipient", "row") else "record"
        objects = {"recipient": recipient_object, "row": row_object}
        object_ = objects[subject](workflow, truths.project) if subject != "record" else workflow.object
        number = truths.add_value(_expression(".".join(path[1:])), object_ or workflow.object)
        values.append((".".join(path), number, subject))
    return Content(step.kind, body, tuple(values))


@lru_cache(maxsize=4_096)
def _expression(sql: str) -> Expression:
    return Expression(sql, sqlglot.parse_one(sql, dialect=DIALECT))


@dataclass
class _Reading:
    """The expressions that a body reads, by name; in the body stands `{"value": name}`."""

    object: str
    truths: TruthPlan
    expressions: dict[str, Expression] = field(default_factory=dict[str, Expression])
    of_recipient: dict[str, tuple[Expression, str]] = field(default_factory=dict[str, tuple[Expression, str]])

    def addresses(self, message: Email | Sms | None, workflow: Workflow) -> dict[str, Any]:
        """Where a message goes, and for emails in whose name: addresses that the catalog says fields hold."""
        project, found = self.truths.project, dict[str, Any]()
        recipient = recipient_object(workflow, project)
        spec = project.catalog[recipient] if recipient is not None else None
        to = spec and (spec.email if isinstance(message, Email) else next(iter(spec.phones), None))
        if recipient is not None and to is not None:
            self.of_recipient["address.to"] = (_expression(to), recipient)
            found["to"] = {"value": "address.to"}
        sender = message.from_ if isinstance(message, Email) else None
        user = project.catalog.target(self.object, (sender,)) if sender and not is_address(sender) else None
        address = project.catalog[user].email if user else None
        if address is not None:
            self.expressions["address.from"] = _expression(f"{sender}.{address}")
            found["from_address"] = {"value": "address.from"}
        return found

    def user(self, name: str | None) -> Any:
        """The user that a relation or an earlier assign step leads to, by name; an address stays as it is."""
        if name is None or is_address(name):
            return name
        catalog = self.truths.project.catalog
        hops = catalog.walk(self.object, (name,))
        if hops is not None:
            direct = hops[0].source_field if len(hops) == 1 else f"{name}.{catalog[hops[-1].target].key}"
            self.expressions[f"user.{name}"] = _expression(direct)
        return {"value": f"user.{name}"}

    def assigned_field(self, relation: str) -> str | None:
        """The field that an assign step writes."""
        return self.truths.project.catalog[self.object].relations[relation].key

    def plain(self, values: dict[str, Any], where: str) -> dict[str, Any]:
        """Keys and values, with names in the place of expressions."""
        return {key: self._plain(f"{where}.{key}", value) for key, value in values.items()}

    def _plain(self, name: str, value: Any) -> Any:
        if not isinstance(value, Expr):
            return value
        self.expressions[name] = value.expression
        return {"value": name}


def _body(step: ActionStep, read: _Reading) -> dict[str, Any]:
    work = step.task or step.call
    if work is not None:
        return {"title": work.title, "text": work.text, "assign": read.user(work.assign)}
    if step.email is not None:
        text = read.truths.project.messages.get(step.email.template, "")
        sender = read.user(step.email.from_)
        return {"template": step.email.template, "subject": step.email.subject, "text": text, "from": sender}
    if step.sms is not None:
        return {"text": step.sms.text, "from": read.user(step.sms.from_)}
    if step.update is not None:
        return {"fields": read.plain(step.update, "field")}
    if step.create is not None:
        return {"object": step.create.object, "fields": read.plain(step.create.fields, "field")}
    if step.assign is not None:
        return {"fields": {str(read.assigned_field(step.assign.relation)): {"value": f"user.{step.id}"}}}
    if step.notify is not None:
        return {"channel": step.notify.channel, "text": step.notify.text}
    if step.tag is not None or step.untag is not None:
        return {"tags": list(step.tag or step.untag or ())}
    if step.enroll is not None:
        return {"workflow": step.enroll.workflow, "relation": step.enroll.relation}
    assert step.webhook is not None
    return {"url": step.webhook.url, "body": read.plain(step.webhook.body, "body")}


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]  # pyright: ignore[reportUnknownVariableType]
    return []
