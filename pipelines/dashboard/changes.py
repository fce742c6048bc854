"""What changed from one version to the next, line by line, as the files say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from pipelines.dashboard.facts import Version
from pipelines.dashboard.wording import day

_MOST = 12
"""Lines of one version; a rewritten workflow is better read in its file."""


@dataclass(frozen=True)
class Change:
    """One line that came (no `old`), went (no `new`) or became another."""

    what: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class VersionChanges:
    """A version with what it changed; `more` lines are left out."""

    version: Version
    applied: str
    new_objective: bool
    changes: tuple[Change, ...]
    more: int = 0


def version_changes(versions: Sequence[Version]) -> tuple[VersionChanges, ...]:
    """Every version, the newest first, compared with the one before it."""
    found: list[VersionChanges] = []
    for newer, older in pairwise((*versions, None)):
        if newer is not None:
            lines = tuple(_between(older.definition, newer.definition)) if older else ()
            series = older is not None and older.objective_version != newer.objective_version
            found.append(
                VersionChanges(newer, day(newer.valid_from), series, lines[:_MOST], max(0, len(lines) - _MOST))
            )
    return tuple(found)


def _between(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = dict(_lines("", old)), dict(_lines("", new))
    for what in dict.fromkeys([*after, *before]):
        if before.get(what) != after.get(what):
            yield Change(what, before.get(what), after.get(what))


def _lines(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """A definition as places with what stands there; a step is known by its id wherever it lies.

    >>> dict(_lines("", {"holdout": 0.2, "steps": [{"id": "call", "task": {"title": "Hi"}}]}))
    {'holdout': '0.2', 'step call: task title': 'Hi'}
    """
    match value:
        case dict():
            step = cast("dict[str, Any]", value)
            inside = f"step {step['id']}:" if "id" in step else path
            for key, inner in step.items():
                if key != "id":
                    yield from _lines(f"{inside} {key}".strip(), inner)
        case list():
            items = cast("list[Any]", value)
            if any(isinstance(i, dict) and ("id" in i or "name" in i) for i in items):
                for item in items:
                    name = f"{path} {item['name']}:" if isinstance(item, dict) and "name" in item else path
                    yield from _lines(name, _without_name(item))
            else:
                yield path, ", ".join(str(i) for i in items)
        case _:
            yield path, " ".join(str(value).split())


def _without_name(item: Any) -> Any:
    return {k: v for k, v in cast("dict[str, Any]", item).items() if k != "name"} if isinstance(item, dict) else item
