"""What differs between two projects, by meaning: parts of definitions, line by line, as their authors would say it.

Spacing, order of keys and quoting make no difference. A step is known by its id, so a step that moved has not come or gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal, cast

from definitions.communication import Window
from definitions.conditions import All, Any_, Condition, Expression, Leaf, None_
from definitions.goals import Goal
from definitions.project import Project
from definitions.slots import Slots
from definitions.steps import ActionStep, BranchStep, FixedWait, SplitStep, Step, arms_of
from definitions.values import Duration, Model, Rate
from definitions.wording import worded
from definitions.workflow import Workflow

Coming = Literal["new", "changed", "gone"]
Parts = Mapping[str, tuple[str, ...]]
STATE, ORDER = "state", "order of steps"


@dataclass(frozen=True)
class Difference:
    """One line of one part that came (no `old`), went (no `new`) or became another."""

    part: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Changed:
    """One definition that differs. One that is new or gone as a whole lists nothing."""

    kind: str
    name: str
    coming: Coming
    differences: tuple[Difference, ...] = ()


def compare_projects(old: Project | None, new: Project) -> tuple[Changed, ...]:
    """Every definition that differs: workflows first, then what they share."""
    before = _definitions(old) if old is not None else {}
    after = _definitions(new)
    kinds = ("workflow", "segment", "journey", "calendar", "object", "project")
    keys = sorted({*before, *after}, key=lambda key: (kinds.index(key[0]), key[1]))
    return tuple(found for key in keys if (found := _compare(key, before.get(key), after.get(key))) is not None)


def _compare(key: tuple[str, str], old: Parts | None, new: Parts | None) -> Changed | None:
    if old is None or new is None:
        return Changed(*key, "new" if old is None else "gone")
    differences = tuple(d for part in dict.fromkeys([*new, *old]) for d in _part(part, old.get(part), new.get(part)))
    return Changed(*key, "changed", differences) if differences else None


def _part(part: str, old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> Iterator[Difference]:
    if part.startswith("step ") and (old is None or new is None):
        # a step that came or went is one line
        yield Difference(part, old[0] if old else None, new[0] if new else None)
        return
    before, after = old or (), new or ()
    if part == ORDER:
        yield from _order(before, after)
        return
    for tag, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "replace" and j - i == m - k:
            yield from (Difference(part, a, b) for a, b in zip(before[i:j], after[k:m], strict=True))
        elif tag != "equal":
            yield from (Difference(part, a, None) for a in before[i:j])
            yield from (Difference(part, None, b) for b in after[k:m])


def _order(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[Difference]:
    """Steps that came or went are told elsewhere: only the order of the others counts here."""
    before, after = [s for s in old if s in new], [s for s in new if s in old]
    if before != after:
        yield Difference(ORDER, ", ".join(before), ", ".join(after))


def _definitions(project: Project) -> dict[tuple[str, str], Parts]:
    found: dict[tuple[str, str], Parts] = {("project", project.settings.name): _parts(project.settings)}
    found |= {("object", name): _parts(spec) for name, spec in project.catalog.objects.items()}
    found |= {("segment", name): _parts(segment) for name, segment in project.segments.items()}
    found |= {("journey", name): _parts(journey) for name, journey in project.journeys.items()}
    found |= {("calendar", name): _parts(calendar) for name, calendar in project.calendars.items()}
    return found | {("workflow", name): _workflow(w, project) for name, w in project.workflows.items()}


def _parts(model: Model) -> dict[str, tuple[str, ...]]:
    fields = type(model).model_fields.items()
    return {info.alias or name: tuple(_lines("", getattr(model, name))) for name, info in fields}


def _workflow(workflow: Workflow, project: Project) -> dict[str, tuple[str, ...]]:
    parts = _parts(workflow.model_copy(update={"steps": ()})) | {"holdout": (_percent(workflow.holdout),)}
    placed = list(_placed(workflow.steps, ""))
    parts |= {f"step {step.id}": tuple(_step(step, where, project)) for step, where in placed}
    parts[ORDER] = tuple(step.id for step, _ in placed)
    return parts


def _placed(steps: tuple[Step, ...], where: str) -> Iterator[tuple[Step, str]]:
    for step in steps:
        yield step, where
        for name, arm in arms_of(step):
            yield from _placed(arm, f"{step.id} / {name}")


def _step(step: Step, where: str, project: Project) -> Iterator[str]:
    match step:
        case BranchStep():
            for arm in step.branch:
                yield from (f"{arm.name}: if {line}" for line in _condition(arm.if_))
        case SplitStep():
            yield ", ".join(f"{name} {_percent(share)}" for name, share in step.split.items())
        case _:
            yield from (line for line in _lines("", step) if not line.startswith("id: "))
    if where:
        yield f"inside: {where}"
    if isinstance(step, ActionStep) and step.email is not None:
        yield from (f"text: {line}" for line in project.messages.get(step.email.template, "").splitlines())


def _lines(name: str, value: Any) -> Iterator[str]:
    """Any value of a definition as lines that begin with the way to it."""
    match value:
        case None | "":
            return
        case Leaf() | All() | Any_() | None_():
            prefix = "" if name in ("", "when") else f"{name}: "
            yield from (prefix + line for line in _condition(value))
        case Expression():
            yield _named(name, worded(value.tree))
        case Duration():
            yield _named(name, value.text)
        case FixedWait():
            yield _named(name, value.fixed.text)
        case Slots() | Rate() | Window():
            yield _named(name, value.text)
        case Goal():
            yield _named(name, value.name)
            if value.when is not None:
                yield from _lines(f"{name}.when", value.when)
        case Model():
            for field, info in type(value).model_fields.items():
                yield from _lines(_inside(name, info.alias or field), getattr(value, field))
        case dict():
            for key, inner in cast("dict[str, Any]", value).items():
                yield from _lines(_inside(name, str(key)), inner)
        case list() | tuple():
            for inner in cast("tuple[Any, ...]", value):
                yield from _lines(name, inner)
        case float() if name.endswith("share"):
            yield _named(name, _percent(value))
        case bool():
            yield _named(name, str(value).lower())
        case _:
            yield _named(name, str(value))


def _inside(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _named(name: str, text: str) -> str:
    return f"{name}: {text}" if name else text


def _condition(condition: Condition) -> Iterator[str]:
    """A condition as lines; what stands in a group is indented under its word."""
    match condition:
        case Leaf(expression):
            yield worded(expression.tree)
        case All(parts):
            for part in parts:
                yield from _nested("all", part) if isinstance(part, All) else _condition(part)
        case Any_():
            yield from _nested("any", condition)
        case None_():
            yield from _nested("none", condition)


def _nested(word: str, group: All | Any_ | None_) -> Iterator[str]:
    yield f"{word}:"
    for part in group.parts:
        yield from (f"  {line}" for line in (_nested("all", part) if isinstance(part, All) else _condition(part)))


def _percent(share: float) -> str:
    return f"{share * 100:g}%"
