"""Salesforce: tasks and records by sObject Collections of its REST API.

- Tasks and new records are upserted by an external id field that keeps the action's id, at most 200 of one type:
  developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
- Records are updated by ../resources_composite_sobjects_collections_update.htm
- Results come in the order of the records, one each, with `success` and `errors`. A list of another length says nothing.
- 403 with REQUEST_LIMIT_EXCEEDED is a limit and no refusal: ../errorcodes.htm
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, cast

from connectors.contracts import Action, Outcome, Traits
from connectors.sinks.exchange import Reply
from connectors.sinks.http import Request, rounds
from connectors.sinks.picking import fields_of

_SUBTYPES = {"task": "Task", "call": "Call", "email": "Email"}
_PEOPLE = {"Contact", "Lead"}
_PASSING = {"UNABLE_TO_LOCK_ROW", "REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG"}
_LIMIT_SECONDS = 900.0
SIZE = 200


@dataclass(frozen=True)
class Salesforce:
    """Names of objects there, the external id field, and the version of the API."""

    objects: Mapping[str, str]
    id_field: str
    version: str

    @property
    def traits(self) -> Traits:
        """Everything is found again by its id."""
        return Traits(dedupes="naturally", batch_size=SIZE)

    def requests(self, kind: str, actions: tuple[Action, ...]) -> Iterator[Request | Outcome]:
        """One request for at most two hundred actions about one type."""
        for target, group in groupby(actions, key=lambda action: self._target(kind, action)):
            some = tuple(group)
            if target is None:
                yield from (Outcome(a.action_id, "rejected", "no-object", "`objects` does not name it") for a in some)
            elif kind in _SUBTYPES:
                yield from self._upserts("Task", some, partial(_task, kind, target))
            elif kind == "create":
                yield from self._upserts(target, some, fields_of)
            elif kind in ("update", "assign"):
                for part in rounds(some, SIZE):
                    records = [{**fields_of(a), "attributes": {"type": target}, "id": a.record} for a in part]
                    yield self._collection("", records, part)

    def limited(self, reply: Reply) -> float | None:
        """A quarter of an hour where the limit of the day is used up."""
        try:
            found = json.loads(reply.body)
        except ValueError:
            return None
        errors = cast("list[Any]", found) if isinstance(found, list) else []
        codes = {cast("dict[str, Any]", error).get("errorCode") for error in errors if isinstance(error, dict)}
        return _LIMIT_SECONDS if "REQUEST_LIMIT_EXCEEDED" in codes else None

    def _target(self, kind: str, action: Action) -> str | None:
        return self.objects.get(action.content.get("object", "") if kind == "create" else action.object)

    def _upserts(
        self, target: str, actions: tuple[Action, ...], fields: Callable[[Action], dict[str, Any]]
    ) -> Iterator[Request]:
        for start in range(0, len(actions), SIZE):
            part = actions[start : start + SIZE]
            records = [{**fields(a), "attributes": {"type": target}, self.id_field: a.action_id} for a in part]
            yield self._collection(f"/{target}/{self.id_field}", records, part)

    def _collection(self, path: str, records: list[dict[str, Any]], actions: tuple[Action, ...]) -> Request:
        body = {"allOrNone": False, "records": records}
        return Request("PATCH", f"/services/data/{self.version}/composite/sobjects{path}", body, actions, _read)


def _task(kind: str, target: str, action: Action) -> dict[str, Any]:
    content = action.content
    return {
        "Subject": content.get("title") or content.get("subject"),
        "Description": content.get("text") or "",
        "Status": "Not Started",
        "TaskSubtype": _SUBTYPES[kind],
        "WhoId" if target in _PEOPLE else "WhatId": action.record,
        **({"OwnerId": content["assign"]} if content.get("assign") else {}),
        **({"ActivityDate": action.due_at[:10]} if action.due_at else {}),
    }


def _read(found: Any, actions: tuple[Action, ...]) -> list[Outcome]:
    results = cast("list[Any]", found) if isinstance(found, list) else []
    if len(results) != len(actions):
        return []
    return [made for result, action in zip(results, actions, strict=True) for made in _outcome(result, action)]


def _outcome(result: Any, action: Action) -> Iterator[Outcome]:
    if not isinstance(result, dict):
        return
    told = cast("dict[str, Any]", result)
    if told.get("success") is True:
        yield Outcome(action.action_id, "accepted", provider_id=str(told.get("id") or "")[:200] or None)
    elif told.get("success") is False:
        errors = cast("list[Any]", told.get("errors") or [{}])
        first = cast("dict[str, Any]", errors[0]) if isinstance(errors[0], dict) else {}
        code = str(first.get("statusCode") or "error")
        passing = "later" if code in _PASSING else "rejected"
        yield Outcome(action.action_id, passing, code, str(first.get("message") or "")[:2_000] or None)
