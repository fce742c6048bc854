"""Servers that speak as HubSpot, Salesforce and Close document it: enough of each to tell whether it was asked rightly."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from support.receivers import Answer, Asked


def _json(status: int, found: Any, **headers: str) -> Answer:
    return Answer(status, json.dumps(found).encode(), {"content-type": "application/json", **headers})


@dataclass
class HubSpotServer:
    """Objects by type and id. `refuse` holds ids that are answered with an error; `silent` with nothing."""

    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    associated: set[tuple[str, str, str]] = field(default_factory=set)
    refuse: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    atomic: set[str] = field(default_factory=set)

    def __call__(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != "Bearer pat-token":
            return _json(401, {"status": "error", "category": "INVALID_AUTHENTICATION"})
        inputs, parts = json.loads(asked.body)["inputs"], asked.path.strip("/").split("/")
        if len(inputs) > 100 or any(one["id"] in self.atomic for one in inputs if "id" in one):
            return _json(400, {"status": "error", "category": "VALIDATION_ERROR", "message": "invalid input JSON"})
        if parts[:3] == ["crm", "associations", "2026-03"]:
            return self._associate(parts[3], parts[4], inputs)
        assert parts[:3] == ["crm", "objects", "2026-03"] and parts[4] == "batch", asked.path
        if len({one["id"] for one in inputs}) < len(inputs):
            return _json(400, {"status": "error", "category": "VALIDATION_ERROR", "message": "duplicate ids"})
        return self._write(parts[3], parts[5], inputs)

    def _write(self, kind: str, verb: str, inputs: list[dict[str, Any]]) -> Answer:
        table, results, errors = self.objects.setdefault(kind, {}), [], []
        for one in inputs:
            key = one["id"]
            if key in self.refuse or (verb == "update" and key not in table):
                context = {"ids": [key]} if verb == "update" else {"objectWriteTraceId": [one["objectWriteTraceId"]]}
                errors.append({"status": "error", "category": "VALIDATION_ERROR", "message": "no", "context": context})
                continue
            known = next(
                (i for i, p in table.items() if verb == "upsert" and p.get(one.get("idProperty")) == key), None
            )
            name = key if verb == "update" else known or str(1000 + len(table))
            table[name] = {**table.get(name, {}), **one["properties"]}
            if key not in self.silent:
                results.append({"id": name, "properties": table[name], "objectWriteTraceId": one["objectWriteTraceId"]})
        found = {"status": "COMPLETE", "results": results}
        return _json(207, {**found, "numErrors": len(errors), "errors": errors}) if errors else _json(200, found)

    def _associate(self, kind: str, to: str, inputs: list[dict[str, Any]]) -> Answer:
        if any(one["to"]["id"] in self.refuse for one in inputs):
            return _json(429, {"status": "error", "category": "RATE_LIMITS"}, **{"retry-after": "7"})
        self.associated |= {(kind, one["from"]["id"], f"{to}/{one['to']['id']}") for one in inputs}
        results = [{"from": one["from"], "to": one["to"], "associationSpec": {}} for one in inputs]
        return _json(200, {"status": "COMPLETE", "results": results})


@dataclass
class SalesforceServer:
    """Records by type and id, with the same knobs."""

    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    refuse: dict[str, str] = field(default_factory=dict)
    short: bool = False
    limited: bool = False

    def __call__(self, asked: Asked) -> Answer:
        if self.limited:
            return _json(403, [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}])
        if asked.headers.get("authorization") != "Bearer token":
            return _json(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
        body, parts = json.loads(asked.body), asked.path.strip("/").split("/")
        assert asked.method == "PATCH" and parts[:5] == ["services", "data", "v62.0", "composite", "sobjects"]
        assert body["allOrNone"] is False and len(body["records"]) <= 200
        results = [self._one(record, parts[5:]) for record in body["records"]]
        return _json(200, results[:-1] if self.short else results)

    def _one(self, record: dict[str, Any], upsert: list[str]) -> dict[str, Any]:
        fields = {name: value for name, value in record.items() if name not in ("attributes", "id")}
        table = self.records.setdefault(record["attributes"]["type"], {})
        key = fields[upsert[1]] if upsert else record["id"]
        if key in self.refuse or (not upsert and key not in table):
            code = self.refuse.get(key, "INVALID_CROSS_REFERENCE_KEY")
            return {"success": False, "errors": [{"statusCode": code, "message": "no", "fields": []}]}
        known = next((i for i, r in table.items() if upsert and r.get(upsert[1]) == key), None)
        name = key if not upsert else known or f"00T{len(table):03d}"
        table[name] = {**table.get(name, {}), **fields}
        return {"id": name, "success": True, "errors": [], **({"created": known is None} if upsert else {})}


@dataclass
class CloseServer:
    """What was made, in order."""

    made: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    limited: bool = False

    def __call__(self, asked: Asked) -> Answer:
        if self.limited:
            return _json(429, {"error": {"rate_reset": 8.5, "rate_limit": 60, "message": "API call count exceeded"}})
        if asked.headers.get("authorization") != "Basic YXBpX2tleTo=":
            return _json(401, {"error": "The server could not verify that you are authorized"})
        body = json.loads(asked.body)
        if body.get("lead_id") == "nobody":
            return _json(400, {"errors": [], "field-errors": {"lead_id": "This lead does not exist."}})
        self.made.append((asked.method, asked.path, body))
        return _json(200, {"id": f"made_{len(self.made)}", **body})
