"""Random flows: actions of all kinds, waits of all kinds, branches, splits, exits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from support.soak.catalogs import NUMBERS, TEXTS, Spec
from support.soak.conditions import Passed, Scope, draw_condition

WAITS = (
    "1 minute", "30 minutes", "1 hour", "90 minutes", "24 hours", "1 day", "1 day", "2 days", "3 days", "1 week", "1 month",
    "1 business day", "3 business days",
)  # fmt: skip
OFFSETS = ("-7 days", "-1 day", "1 day", "-2 hours", "30 minutes", "-1 month")
MESSAGE = "messages/hello.md"


@dataclass
class Flow:
    """A flow in the making: how many steps there are, and which actions lie behind."""

    scope: Scope
    has_recipient: bool
    enrolls: tuple[Any, ...]
    left: int
    made: int = 0
    rests: bool = False
    acts: bool = False
    passed: list[Passed] = field(default_factory=list[Passed])
    assigns: list[str] = field(default_factory=list[str])

    def id(self, word: str) -> str:
        """A new id."""
        self.made += 1
        return f"{word}{self.made}"

    @property
    def asking(self) -> Scope:
        """What conditions of this place may ask about."""
        return replace(self.scope, inside=True, passed=tuple(self.passed))


def draw_steps(flow: Flow, depth: int = 2) -> list[Spec]:
    """Steps of one arm, or of the whole flow."""
    rng, found = flow.scope.rng, list[Spec]()
    for _ in range(rng.choice([1, 2, 3, 3, 4]) if depth == 2 else rng.choice([1, 1, 2])):
        if flow.left <= 0:
            break
        flow.left -= 1
        weights = [10, 0 if flow.rests else 12, 3 if depth else 0, 2 if depth else 0, 1]
        match rng.choices(["action", "wait", "branch", "split", "exit"], weights)[0]:
            case "action":
                found.append(draw_action(flow))
                flow.rests = False
            case "wait":
                found.append({"id": flow.id("w"), "wait": draw_wait(flow)})
                flow.rests = True
            case "branch":
                found.append(_branch(flow, depth))
                flow.rests = False
            case "split":
                found.append(_split(flow, depth))
                flow.rests = False
            case _:
                found.append({"id": flow.id("x"), "exit": rng.choice(["enough", "too_small"])})
                break
    return found or [draw_action(flow)]


def draw_wait(flow: Flow) -> Any:
    """A wait: for a time, for a condition, or for a date."""
    rng = flow.scope.rng
    dates = flow.scope.fields("date", "timestamp")
    match rng.choices(["fixed", "until", "date"], [5, 4, 3 if dates else 0])[0]:
        case "fixed":
            return rng.choice(WAITS)
        case "until":
            made = {"until": draw_condition(flow.asking, 1), "at_most": rng.choice(WAITS)}
            return made | rng.choice([{}, {}, {"otherwise": "exit"}, {"otherwise": "continue"}])
        case _:
            made: Spec = {"for_date": rng.choice(dates)}
            for key, values in (
                ("offset", OFFSETS),
                ("past", ("now", "skip", "exit")),
                ("missing", ("error", "wait", "exit")),
            ):
                if rng.random() < 0.6:
                    made[key] = rng.choice(values)
            return made | ({"cancel": draw_condition(flow.asking, 1)} if rng.random() < 0.3 else {})


def _branch(flow: Flow, depth: int) -> Spec:
    rng, id_ = flow.scope.rng, flow.id("b")
    arms: list[Spec] = []
    for i in range(rng.choice([1, 1, 2, 3])):
        condition = draw_condition(flow.asking, 1)
        flow.rests = False
        arms.append({"name": f"Arm {i}", "if": condition, "steps": _arm(flow, depth)})
    made: Spec = {"id": id_, "branch": arms}
    return made | ({"else": _arm(flow, depth)} if rng.random() < 0.4 else {})


def _arm(flow: Flow, depth: int) -> list[Spec]:
    """An arm's actions may be asked about behind the branch as well: they lie before it on some way."""
    flow.rests = False
    before = list(flow.passed), list(flow.assigns)
    steps = draw_steps(flow, depth - 1)
    flow.passed, flow.assigns = before
    return steps


def _split(flow: Flow, depth: int) -> Spec:
    rng = flow.scope.rng
    share = rng.choice([0, 30, 50, 100])
    made: Spec = {"id": flow.id("d"), "split": {"left": f"{share}%", "right": f"{100 - share}%"}}
    arms = {name: _arm(flow, depth) for name in ("left", "right") if rng.random() < 0.7}
    return made | ({"arms": arms} if arms else {})


def draw_action(flow: Flow) -> Spec:
    """One action step of any kind that this world allows."""
    rng, ones = flow.scope.rng, flow.scope.objects.ones(flow.scope.object)
    kinds = ["task", "notify", "update", "webhook", "tag", "untag", "create", "call"]
    kinds += ["email", "email", "sms", "email"] if flow.has_recipient else []
    kinds += ["assign", "assign"] if "owner" in ones else []
    kinds += ["enroll"] if flow.enrolls else []
    kind = rng.choice(kinds)
    id_ = flow.id(kind[0])
    made: Spec = {"id": id_, kind: _content(flow, kind, ones)}
    approval = kind != "assign" and rng.random() < 0.15
    flow.passed.append(Passed(id_, kind, approval))
    flow.acts = True
    if kind == "assign":
        flow.assigns.append(id_)
    return made | ({"approval": "required"} if approval else {})


def _content(flow: Flow, kind: str, ones: dict[str, str]) -> Any:
    rng = flow.scope.rng
    users = ["owner"] if "owner" in ones else []
    match kind:
        case "task" | "call":
            made: Spec = {"title": _template(flow)}
            made |= {"assign": rng.choice(users + flow.assigns)} if users and rng.random() < 0.5 else {}
            return made | ({"due": rng.choice(WAITS)} if rng.random() < 0.4 else {})
        case "email":
            made = {"template": MESSAGE, "subject": _template(flow)}
            return made | (
                {"from": rng.choice([*users, *flow.assigns, "cs@example.com"])} if rng.random() < 0.7 else {}
            )
        case "sms":
            return {"text": _template(flow)} | (
                {"from": rng.choice([*users, "+12125550100"])} if rng.random() < 0.5 else {}
            )
        case "notify":
            return {"channel": "#cs", "text": _template(flow)}
        case "webhook":
            return {"url": "https://example.com/hook", "body": {"who": _template(flow), "more": _expression(flow)}}
        case "update":
            return rng.choice([{_own_text(flow): _template(flow)}, {_own_number(flow): _expression(flow)}])
        case "create":
            return {
                "object": flow.scope.object,
                "fields": {_own_text(flow): _template(flow), _own_number(flow): _expression(flow)},
            }
        case "assign":
            return _assign(flow)
        case "enroll":
            return rng.choice(flow.enrolls)
        case _:
            return rng.choice([["renewal"], ["renewal", "calm"]])


def _own_text(flow: Flow) -> str:
    return next(f for f in flow.scope.fields("text") if f in TEXTS)


def _own_number(flow: Flow) -> str:
    return next(f for f in flow.scope.fields("integer", "number"))


def _template(flow: Flow) -> str:
    scope = flow.scope
    ones = [f"{relation}.{field}" for relation in scope.objects.ones(scope.object) for field in ("id",)]
    fields = [*scope.fields("text", "integer", "date"), *ones]
    return scope.rng.choice(["x", f"Hello {{{{ {scope.object}.{scope.rng.choice(fields)} | default('nobody') }}}}"])


def _expression(flow: Flow) -> Spec:
    field = _own_number(flow)
    return {
        "expression": flow.scope.rng.choice(
            [f"{field} + 1", f"coalesce({field}, 0) * 2", f"{field} - {NUMBERS[field][1]}"]
        )
    }


def _assign(flow: Flow) -> Spec:
    rng = flow.scope.rng
    made: Spec = {"relation": "owner"}
    if rng.random() < 0.7:
        made["by"] = rng.choice(["round_robin", "random", "least_loaded"])
    for key, chance, values in (
        ("where", 0.5, ("team = 'cs'", "team <> 'cs'", "quota >= 1")),
        ("absent", 0.4, ("away",)),
        ("load", 0.4, ("quota", "quota * 2")),
        ("fallback", 0.4, ("u2", "u9")),
    ):
        if rng.random() < chance and (key != "load" or made.get("by") == "least_loaded"):
            made[key] = rng.choice(values)
    if rng.random() < 0.3:
        made["rules"] = [{"if": draw_condition(flow.asking, 0), "user": "u7"}]
    return made
