"""Random edits of a project: of words, times, conditions, policies and states, of steps, and of which workflows there are."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from support.soak.catalogs import ZONES, Spec
from support.soak.conditions import Scope, draw_condition
from support.soak.flows import WAITS, Flow, draw_action
from support.soak.worlds import (
    STATES,
    Rejected,
    World,
    build,
    draw_entry,
    draw_object,
    draw_workflow,
    replace_computed,
    scope_of,
)

from definitions import Project


def draw_edit(rng: Random, world: World, most: int = 6) -> tuple[Spec, Project] | None:
    """An edited project that the checker accepts, or None where none was found."""
    for _ in range(most):
        data = copy.deepcopy(world.data)
        edit = rng.choices(list(EDITS), list(EDITS.values()))[0]
        edit(rng, world, data)
        if data == world.data:
            continue
        project = build_edit(data)
        if project is not None:
            return data, project
    return None


def build_edit(data: Spec) -> Project | None:
    """The project of an edit, or None where the checker refuses it."""
    try:
        return build(data)
    except Rejected:
        return None


def walk(steps: list[Spec]) -> Iterator[Spec]:
    """Every step of a flow, arms included."""
    for step in steps:
        yield step
        arms = [arm["steps"] for arm in step.get("branch", ())] + [step.get("else", [])]
        for arm in [*arms, *step.get("arms", {}).values()]:
            yield from walk(arm)


def _one(rng: Random, data: Spec) -> tuple[str, Spec]:
    return rng.choice(list(data["workflows"].items()))


def _scope(rng: Random, world: World, data: Spec, workflow: Spec) -> Scope:
    names = [n for n, w in data["workflows"].items() if w["object"] == workflow["object"]]
    return scope_of(rng, world.objects, data, workflow["object"], names)


def _words(rng: Random, world: World, data: Spec) -> None:
    _, workflow = _one(rng, data)
    for step in walk(workflow["steps"]):
        for kind in ("notify", "sms"):
            if kind in step:
                step[kind]["text"] = f"Again {rng.randrange(9)}"
    workflow["description"] = f"Edited {rng.randrange(9)}"


def _condition(rng: Random, world: World, data: Spec) -> None:
    _, workflow = _one(rng, data)
    if rng.random() < 0.5:
        workflow["entry"]["when"] = draw_condition(_scope(rng, world, data, workflow))
        return
    asked = [step for step in walk(workflow["steps"]) if "branch" in step]
    if asked:
        rng.choice(rng.choice(asked)["branch"])["if"] = draw_condition(_scope(rng, world, data, workflow), 1)


def _entry(rng: Random, world: World, data: Spec) -> None:
    _, workflow = _one(rng, data)
    made = draw_entry(rng, _scope(rng, world, data, workflow), data)
    workflow["entry"] = made | {"when": workflow["entry"]["when"]}


def _policies(rng: Random, world: World, data: Spec) -> None:
    name, _ = _one(rng, data)
    keys = ["reentry", "priority", "while_inside", "exit", "goals", "objective", "holdout", "communication"]
    _replace(rng, world, data, name, rng.sample(keys, 2))


def _replace(rng: Random, world: World, data: Spec, name: str, keys: list[str]) -> None:
    """Other values for some keys of a workflow, or none."""
    workflow: Spec = data["workflows"][name]
    about = {n: w["object"] for n, w in data["workflows"].items()}
    fresh = draw_workflow(rng, world.objects, data, about | {name: workflow["object"]}, name)
    for key in keys:
        workflow.pop(key, None)
        if key in fresh:
            workflow[key] = fresh[key]


def _wait(rng: Random, world: World, data: Spec) -> None:
    _, workflow = _one(rng, data)
    waits = [step for step in walk(workflow["steps"]) if "wait" in step]
    if waits:
        step = rng.choice(waits)
        if isinstance(step["wait"], str):
            step["wait"] = rng.choice(WAITS)
        elif "until" in step["wait"]:
            step["wait"]["at_most"] = rng.choice(WAITS)
        else:
            step["wait"]["past"] = rng.choice(["now", "skip", "exit"])


def _structure(rng: Random, world: World, data: Spec) -> None:
    name, workflow = _one(rng, data)
    steps: list[Spec] = workflow["steps"]
    used = [step["id"] for step in walk(steps)]
    flow = Flow(_scope(rng, world, data, workflow), False, (), left=1, made=len(used) + 20 + rng.randrange(50))
    place = rng.randrange(len(steps) + 1)
    match rng.choice(["add", "wait", "remove", "rename"]):
        case "add":
            steps.insert(place, draw_action(flow))
        case "wait":
            steps.insert(place, {"id": flow.id("w"), "wait": rng.choice(WAITS)})
        case "remove" if len(steps) > 1:
            steps.pop(rng.randrange(len(steps)))
        case _:
            _rename(rng, workflow, flow)
            return
    change: Any = rng.choice(["finish_old", "restart", None, "finish_old", "restart"])
    workflow.pop("on_structural_change", None)
    if change:
        workflow["on_structural_change"] = change
    if change == "finish_old" and rng.random() < 0.5:
        # those who finish the old steps keep the old of these too
        _replace(rng, world, data, name, rng.sample(["exit", "goals", "objective", "recipient"], 2))


def _rename(rng: Random, workflow: Spec, flow: Flow) -> None:
    waits = [step for step in walk(workflow["steps"]) if "wait" in step]
    if waits:
        step, new = rng.choice(waits), flow.id("w")
        workflow["on_structural_change"] = {"move": {step["id"]: new}}
        step["id"] = new


def _state(rng: Random, world: World, data: Spec) -> None:
    _, workflow = _one(rng, data)
    workflow["state"] = rng.choice([*STATES, "enabled", "disabled"])


def _segment(rng: Random, world: World, data: Spec) -> None:
    if data["segments"]:
        base = Scope(rng, world.objects, "account", history=False)
        base = replace_computed(base, data["catalog"]["account"].get("computed", {}))
        data["segments"]["one"]["when"] = draw_condition(base, 1)


def _add(rng: Random, world: World, data: Spec) -> None:
    free = [n for n in ("w6", "w7", "w8") if n not in data["workflows"]]
    if free and len(data["workflows"]) > 1:
        about = {n: w["object"] for n, w in data["workflows"].items()} | {free[0]: draw_object(rng, world.objects)}
        data["workflows"][free[0]] = draw_workflow(rng, world.objects, data, about, free[0])


def _remove(rng: Random, world: World, data: Spec) -> None:
    """Records are named with their workflow where there are several: it stays so."""
    if len(data["workflows"]) > 2:
        data["workflows"].pop(_one(rng, data)[0])


def _calendar(rng: Random, world: World, data: Spec) -> None:
    for calendar in data["calendars"].values():
        dates: list[Any] = calendar["dates"]
        if len(dates) > 1:
            dates.pop(rng.randrange(len(dates)))
        calendar["holidays"] = rng.choice(["true", "false"])


def _zone(rng: Random, world: World, data: Spec) -> None:
    data["project"]["timezone"] = rng.choice(ZONES)


def _catalog(rng: Random, world: World, data: Spec) -> None:
    """What records exist from, and from when on a field is known."""
    object_ = rng.choice([name for name in ("account", "ticket") if name in data["catalog"]])
    spec: Spec = data["catalog"][object_]
    days = [name for name, type_ in spec["fields"].items() if type_ == "date" and name != "gone_on"]
    if "exists_from" in spec:
        del spec["exists_from"]
    elif days:
        spec["exists_from"] = rng.choice(days)


EDITS: dict[Callable[[Random, World, Spec], None], int] = {
    _words: 2,
    _condition: 5,
    _entry: 3,
    _policies: 4,
    _wait: 4,
    _structure: 6,
    _state: 3,
    _segment: 2,
    _add: 2,
    _remove: 2,
    _calendar: 2,
    _zone: 1,
    _catalog: 1,
}
"""Edits by weight."""
