"""A workflow's file as data -> its rules in the author's words, for the page of the workflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pipelines.dashboard.wording import title

_WORDS = {"all": "all of", "any": "any of", "none": "none of"}


@dataclass(frozen=True)
class Rule:
    """A condition as written: SQL, or several under a word."""

    text: str
    parts: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class NamedRule:
    """A rule with what it decides."""

    name: str
    rule: Rule


def rules_as_written(definition: Mapping[str, Any]) -> tuple[NamedRule, ...]:
    """Every condition of a workflow: entry, leaving, objective, then waits and branches in the order of the file."""
    return tuple(_rules(definition))


def reentry_wait(definition: Mapping[str, Any]) -> str | None:
    """How long a record must stay out before it may come back, as written."""
    wait = _mapping(definition.get("reentry")).get("wait")
    return None if wait is None else str(wait)


def _rules(definition: Mapping[str, Any]) -> Iterator[NamedRule]:
    for key, name in (("entry", "Enters when"), ("exit", "Leaves early when"), ("objective", "Objective is met when")):
        condition = _mapping(definition.get(key)).get("when")
        if condition is not None:
            yield NamedRule(name, as_rule(condition))
    yield from _flow_rules(definition.get("steps"))


def _flow_rules(steps: Any) -> Iterator[NamedRule]:
    for step in map(_mapping, _sequence(steps)):
        name = title(str(step.get("id", "")))
        until = _mapping(step.get("wait")).get("until")
        if until is not None:
            yield NamedRule(f"{name} waits until", as_rule(until))
        for arm in map(_mapping, _sequence(step.get("branch"))):
            yield NamedRule(f"{name}: {arm.get('name')}", as_rule(arm.get("if")))
        yield from _inner_rules(step)


def _inner_rules(step: Mapping[str, Any]) -> Iterator[NamedRule]:
    for arm in map(_mapping, _sequence(step.get("branch"))):
        yield from _flow_rules(arm.get("steps"))
    yield from _flow_rules(step.get("else"))
    for flow in _mapping(step.get("arms")).values():
        yield from _flow_rules(flow)


def as_rule(condition: Any) -> Rule:
    """A condition as a tree; a list is all of its members, and one member needs no word.

    >>> as_rule(["a = 1", {"none": ["b"]}]).parts[1]
    Rule(text='none of', parts=(Rule(text='b', parts=()),))
    """
    match condition:
        case [only]:
            return as_rule(only)
        case list():
            return Rule("all of", tuple(as_rule(part) for part in cast("list[Any]", condition)))
        case dict():
            for word, parts in cast("dict[str, Any]", condition).items():
                members = cast("list[Any]", parts) if isinstance(parts, list) else [parts]
                return Rule(_WORDS.get(word, word), tuple(as_rule(part) for part in members))
            return Rule("")
        case _:
            return Rule(" ".join(str(condition).split()))


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, list) else ()
