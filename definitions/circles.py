"""Names that lead back to themselves: definitions that use each other must end somewhere."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def in_circles(uses: Mapping[Name, Collection[Name]]) -> list[Name]:
    """The names that use themselves, directly or by way of others, in the order given.

    >>> in_circles({"a": ["b"], "b": ["c", "gone"], "c": ["b"]})
    ['b', 'c']
    """
    return [name for name in uses if name in _reached(name, uses)]


def _reached(name: Name, uses: Mapping[Name, Collection[Name]]) -> set[Name]:
    reached, pending = set[Name](), list(uses[name])
    while pending:
        used = pending.pop()
        if used not in reached:
            reached.add(used)
            pending.extend(uses.get(used, ()))
    return reached
