"""HubSpot: tasks and records by the batch endpoints of its CRM objects, API version 2026-03.

- Tasks are upserted by a unique property of tasks that keeps the action's id, then associated with their record; either
  twice is either once. developers.hubspot.com/docs/api-reference/latest/crm/activities/tasks/batch/upsert-tasks and
  ../crm/associations/associate-records/batch/create-associations; task properties: ../crm/activities/tasks/guide
- Records are updated by ../crm/objects/2026-03/{objectType}/batch/update and made by ../batch/upsert.
- 207 tells of each item: developers.hubspot.com/docs/api-reference/error-handling (multi-status errors); every input
  carries the action's id as `objectWriteTraceId`. At most 100 inputs a request.

Emails become tasks of type EMAIL for the owner: HubSpot's email engagements log what was sent and send nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, cast

from connectors.contracts import Action, Outcome, Traits
from connectors.sinks.exchange import Reply
from connectors.sinks.http import Request, rounds
from connectors.sinks.picking import fields_of

_VERSION = "2026-03"
_TYPES = {"task": "TODO", "call": "CALL", "email": "EMAIL"}
_PASSING = {"RATE_LIMITS", "RATE_LIMIT", "TIMEOUT", "SERVICE_UNAVAILABLE", "INTERNAL_ERROR"}
SIZE = 100


@dataclass(frozen=True)
class HubSpot:
    """Names of objects there, and the unique property that keeps an action's id."""

    objects: Mapping[str, str]
    id_property: str

    @property
    def traits(self) -> Traits:
        """Everything is found again by its id."""
        return Traits(dedupes="naturally", batch_size=SIZE)

    def requests(self, kind: str, actions: tuple[Action, ...]) -> Iterator[Request | Outcome]:
        """One request for at most a hundred actions about one kind of object."""
        for target, group in groupby(actions, key=lambda action: self._target(kind, action)):
            some = tuple(group)
            if target is None:
                yield from (Outcome(a.action_id, "rejected", "no-object", "`objects` does not name it") for a in some)
            elif kind in _TYPES:
                for start in range(0, len(some), SIZE):
                    yield self._tasks(kind, some[start : start + SIZE])
            elif kind == "create":
                for start in range(0, len(some), SIZE):
                    yield self._upsert(target, some[start : start + SIZE], fields_of)
            elif kind in ("update", "assign"):
                yield from (self._update(target, part) for part in rounds(some, SIZE))

    def limited(self, reply: Reply) -> float | None:
        """429 is all it says."""
        return None

    def _target(self, kind: str, action: Action) -> str | None:
        return self.objects.get(action.content.get("object", "") if kind == "create" else action.object)

    def _tasks(self, kind: str, actions: tuple[Action, ...]) -> Request:
        made = self._upsert("tasks", actions, partial(_task, kind))
        return Request(made.method, made.path, made.body, actions, made.read, follow=self._associate)

    def _upsert(
        self, target: str, actions: tuple[Action, ...], properties: Callable[[Action], dict[str, Any]]
    ) -> Request:
        inputs = [
            {
                "id": action.action_id,
                "idProperty": self.id_property,
                "objectWriteTraceId": action.action_id,
                "properties": {**properties(action), self.id_property: action.action_id},
            }
            for action in actions
        ]
        path = f"/crm/objects/{_VERSION}/{target}/batch/upsert"
        return Request("POST", path, {"inputs": inputs}, actions, self._read)

    def _update(self, target: str, actions: tuple[Action, ...]) -> Request:
        inputs = [{"id": a.record, "objectWriteTraceId": a.action_id, "properties": fields_of(a)} for a in actions]
        path = f"/crm/objects/{_VERSION}/{target}/batch/update"
        return Request("POST", path, {"inputs": inputs}, actions, _updated)

    def _associate(self, outcomes: list[Outcome], actions: tuple[Action, ...]) -> Iterator[Request]:
        """Tasks and their records; without it nobody sees the task at the record."""
        ids = {one.action_id: one.provider_id for one in outcomes}
        known = tuple(a for a in actions if ids[a.action_id])
        for target, group in groupby(known, key=lambda action: self.objects[action.object]):
            some = tuple(group)
            pairs = {str(ids[a.action_id]): a for a in some}
            inputs = [{"from": {"id": task}, "to": {"id": a.record}} for task, a in pairs.items()]
            path = f"/crm/associations/{_VERSION}/tasks/{target}/batch/associate/default"
            yield Request(
                "POST", path, {"inputs": inputs}, some, lambda found, _, pairs=pairs: _associated(found, pairs)
            )

    def _read(self, found: Any, actions: tuple[Action, ...]) -> list[Outcome]:
        made = {
            str(item.get("objectWriteTraceId") or _part(item, "properties").get(self.id_property)): str(item.get("id"))
            for item in _items(found, "results")
        }
        taken = [
            Outcome(a.action_id, "accepted", provider_id=made[a.action_id]) for a in actions if a.action_id in made
        ]
        return [*taken, *_errors(found, {a.action_id: a for a in actions})]


def _task(kind: str, action: Action) -> dict[str, Any]:
    content = action.content
    return {
        "hs_timestamp": action.due_at or action.planned_at,
        "hs_task_subject": content.get("title") or content.get("subject"),
        "hs_task_body": content.get("text") or "",
        "hs_task_status": "NOT_STARTED",
        "hs_task_type": _TYPES[kind],
        **({"hubspot_owner_id": content["assign"]} if content.get("assign") else {}),
    }


def _updated(found: Any, actions: tuple[Action, ...]) -> list[Outcome]:
    done = {str(item.get("id")) for item in _items(found, "results")}
    taken = [Outcome(a.action_id, "accepted", provider_id=a.record) for a in actions if a.record in done]
    return [*taken, *_errors(found, {key: a for a in actions for key in (a.action_id, a.record)})]


def _associated(found: Any, pairs: Mapping[str, Action]) -> list[Outcome]:
    done = {str(_part(item, "from").get("id")) for item in _items(found, "results")}
    taken = [Outcome(a.action_id, "accepted", provider_id=task) for task, a in pairs.items() if task in done]
    return [*taken, *_errors(found, pairs)]


def _errors(found: Any, by_key: Mapping[str, Action]) -> Iterator[Outcome]:
    """Errors name what they are about in their context: ids, or the trace of the input."""
    for error in _items(found, "errors"):
        context = _part(error, "context")
        named = [
            str(v)
            for values in context.values()
            for v in (cast("list[Any]", values) if isinstance(values, list) else [values])
        ]
        category = str(error.get("category") or "error")
        for key in (key for key in dict.fromkeys(named) if key in by_key):
            result = "later" if category in _PASSING else "rejected"
            yield Outcome(by_key[key].action_id, result, category, str(error.get("message") or "")[:2_000] or None)


def _items(found: Any, name: str) -> list[dict[str, Any]]:
    items: Any = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
    return (
        [cast("dict[str, Any]", i) for i in cast("list[Any]", items) if isinstance(i, dict)]
        if isinstance(items, list)
        else []
    )


def _part(item: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = item.get(name)
    return cast("dict[str, Any]", part) if isinstance(part, dict) else {}
