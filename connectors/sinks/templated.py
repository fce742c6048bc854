"""Requests as project.yaml describes them: values are picked by path, and nothing in them is ever run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from urllib.parse import quote

from connectors.contracts import Action, Dedupes, Outcome, Traits
from connectors.sinks.exchange import Reply
from connectors.sinks.http import Request, said_so
from connectors.sinks.picking import picked
from definitions.sinks import RequestSettings

_PLACE = re.compile(r"\{([a-z_]+(?:\.[A-Za-z0-9_]+)*)\}")


@dataclass(frozen=True)
class Templated:
    """The requests by kind."""

    by_kind: Mapping[str, RequestSettings]
    dedupes: Dedupes
    dedupes_for: timedelta | None
    at_once: int

    @property
    def traits(self) -> Traits:
        """What the settings say: only they know the other side."""
        return Traits(dedupes=self.dedupes, dedupes_for=self.dedupes_for, at_once=self.at_once)

    def requests(self, kind: str, actions: tuple[Action, ...]) -> Iterator[Request | Outcome]:
        """One request an action."""
        asked = self.by_kind.get(kind)
        for action in actions if asked is not None else ():
            assert asked is not None
            path = path_of(asked.path, action, kind)
            if path is None:
                yield Outcome(action.action_id, "rejected", "no-value", f"a value for `{asked.path}` is missing")
                continue
            key = {asked.key_header: action.action_id} if asked.key_header else {}
            body = filled(asked.body, action, kind)
            repeatable = self.dedupes != "never"
            yield Request(asked.method, path, body, (action,), said_so(asked.provider_id), key, repeatable)

    def limited(self, reply: Reply) -> float | None:
        """Nothing but `Retry-After`, which is read for all."""
        return None


def filled(body: Any, action: Action, kind: str) -> Any:
    """A body with `{field: path}` replaced by the value at that path."""
    if isinstance(body, Mapping):
        mapping = cast("Mapping[str, Any]", body)
        if set(mapping) == {"field"}:
            return picked(action, kind, str(mapping["field"]))
        return {key: filled(value, action, kind) for key, value in mapping.items()}
    if isinstance(body, list | tuple):
        return [filled(value, action, kind) for value in cast("list[Any]", body)]
    return body


def path_of(path: str, action: Action, kind: str) -> str | None:
    """A path with its places filled, each as one segment; nothing where a value is missing or would leave its place."""
    values = {name: picked(action, kind, name) for name in _PLACE.findall(path)}
    if any(not isinstance(value, str | int) or str(value) in ("", ".", "..") for value in values.values()):
        return None
    try:
        return _PLACE.sub(lambda found: quote(str(values[found[1]]), safe=""), path)
    except UnicodeEncodeError:
        return None
