"""Values of an action by their path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from connectors.contracts import Action


def picked(action: Action, kind: str, path: str) -> Any:
    """A value of an action by its path, such as `record` or `content.title`; nothing where there is none."""
    found: Any = {**vars(action), "kind": kind}
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]  # pyright: ignore[reportUnknownVariableType]
    return found  # pyright: ignore[reportUnknownVariableType]


def fields_of(action: Action) -> dict[str, Any]:
    """The fields that an action writes, by name."""
    found = action.content.get("fields")
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
