"""Random worlds: small projects that the checker accepts, made of one seed and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from support.cases import Case, project_of
from support.soak.catalogs import ZONES, Objects, Spec, catalog_of, draw_objects
from support.soak.conditions import Scope, draw_condition, draw_leaf
from support.soak.flows import MESSAGE, Flow, draw_action, draw_steps
from support.soak.themes import PLAIN, Theme

from definitions import Problem, ProblemsFound, Project

STARTS = (
    "2026-01-05 09:00", "2026-01-30 09:00", "2026-03-06 09:00", "2026-03-07 02:30", "2026-03-27 15:32", "2026-03-28 02:30",
    "2026-04-03 23:59", "2026-10-02 02:15", "2026-10-24 01:30", "2026-10-30 09:00", "2026-12-30 16:00", "2028-02-28 09:00",
)  # fmt: skip
"""Days before clocks change, ends of months and years, a leap day; and ordinary ones."""
STATES = ("enabled", "paused", "draft", "disabled", "archived")


@dataclass(frozen=True)
class World:
    """A project as data, in the form of a case; `objects` says what its catalog holds."""

    objects: Objects
    start: datetime
    data: Spec

    @property
    def zone(self) -> ZoneInfo:
        """The project's timezone."""
        return ZoneInfo(self.data["project"]["timezone"])


class Rejected(Exception):
    """The checker refused a world: its problems."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{p.code}: {p.message}" for p in problems))
        self.problems = problems


def build(data: Spec) -> Project:
    """The project of a world's data, as authors' files would give it."""
    try:
        return project_of(Case("soak", "soak", {"catalog": data["catalog"]}, data), {})
    except ProblemsFound as found:
        raise Rejected(found.problems) from found


def draw_world(rng: Random, theme: Theme = PLAIN, most: int = 20) -> tuple[World, Project, list[Rejected]]:
    """A world that the checker accepts, its project, and what was refused on the way."""
    refused: list[Rejected] = []
    while len(refused) < most:
        world = _world(rng, theme)
        try:
            return world, build(world.data), refused
        except Rejected as rejected:
            refused.append(rejected)
    raise refused[-1]


def _world(rng: Random, theme: Theme) -> World:
    objects = draw_objects(rng, theme.objects, theme.fields, theme.roles)
    zone = rng.choice([*ZONES, "America/New_York", "Europe/Berlin"])
    start = datetime.fromisoformat(rng.choice(STARTS)).replace(tzinfo=ZoneInfo(zone))
    base = Scope(rng, objects, "account", history=False)
    number = base.fields("integer", "number")[0]
    computed = {"fit": f"coalesce({number}, 0) + 1"} if rng.random() < 0.4 else {}
    if computed and objects.has("ticket"):
        computed["busy"] = "count(tickets) filter (where urgent) + 79"
    data: Spec = {
        "name": "soak",
        "project": {"timezone": zone, "seed": f"s{rng.randrange(1000)}"}
        | (_limits(rng) if not theme.limits else {"limits": copy.deepcopy(theme.limits)}),
        "catalog": catalog_of(objects, computed),
        "segments": {},
        "journeys": {},
        "calendars": _calendars(rng, start.date(), theme.calendar),
        "messages": {MESSAGE: "Hello {{ account.id }}"},
        "workflows": {},
    }
    base = replace_computed(base, computed)
    if rng.random() < 0.6:
        data["segments"]["one"] = {"object": "account", "when": draw_condition(base, 1)}
        data["segments"]["two"] = {"object": "account", "when": [draw_leaf(base), "segment('one')"]}
    if rng.random() < 0.35:
        data["journeys"]["life"] = _journey(rng, base)
    count = max(rng.choices([1, 2, 3, 4, 5], [2, 4, 3, 1, 1])[0], theme.workflows)
    about = {f"w{i + 1}": "account" if theme.workflows else draw_object(rng, objects) for i in range(count)}
    for name in about:
        data["workflows"][name] = draw_workflow(rng, objects, data, about, name)
        theme.shape(rng, name, data["workflows"][name])
    return World(objects, start, data)


def draw_object(rng: Random, objects: Objects) -> str:
    """What a workflow is about: accounts, mostly."""
    others = [o for o in ("contact", "ticket") if objects.has(o)]
    return rng.choice(others) if others and rng.random() < 0.2 else "account"


def replace_computed(scope: Scope, computed: dict[str, str]) -> Scope:
    """The scope with computed fields."""
    return Scope(scope.rng, scope.objects, scope.object, history=scope.history, computed=tuple(computed))


def _limits(rng: Random) -> Spec:
    limits: Spec = {}
    if rng.random() < 0.3:
        limits["recipient"] = {"at_most": f"{rng.choice([1, 2])} per {rng.choice(['hour', 'day', 'week', 'month'])}"}
    if rng.random() < 0.25:
        limits["sender"] = {"at_most": f"{rng.choice([1, 2])} per {rng.choice(['hour', 'day', 'week'])}"}
    return {"limits": limits} if limits else {}


def _calendars(rng: Random, start: date, wanted: bool) -> Spec:
    if rng.random() < 0.5 and not wanted:
        return {}
    days = sorted({start + timedelta(days=rng.choice([0, 1, 2, 3, 5, 8, 14, 30])) for _ in range(3)})
    dates: list[Any] = [day.isoformat() for day in days]
    if rng.random() < 0.4:
        first = start + timedelta(days=rng.choice([1, 4, 20]))
        dates.append({"from": first.isoformat(), "to": (first + timedelta(days=3)).isoformat(), "yearly": "true"})
    if rng.random() < 0.2:
        dates.append({"date": "2024-02-29", "yearly": "true"})
    made: Spec = {"dates": dates}
    made |= {"auto": "true"} if rng.random() < 0.3 else {}
    return {"closed": made | ({"holidays": "true"} if rng.random() < 0.5 else {})}


def _journey(rng: Random, scope: Scope) -> Spec:
    first: Spec = {"name": "Start", "when": draw_leaf(scope), "goals": {"busy": draw_leaf(scope)}}
    first |= {"duration": rng.choice(["1 day", "7 days"])} if rng.random() < 0.7 else {}
    return {"object": "account", "stages": [first, {"name": "Run", "when": draw_condition(scope, 1)}]}


def scope_of(rng: Random, objects: Objects, data: Spec, object_: str, workflows: list[str]) -> Scope:
    """What conditions of a workflow may ask about."""
    own = object_ == "account"
    return Scope(
        rng,
        objects,
        object_,
        segments=tuple(data["segments"]) if own else (),
        journeys=tuple((name, ("Start", "Run")) for name in data["journeys"]) if own else (),
        durations=any("duration" in stage for j in data["journeys"].values() for stage in j["stages"]),
        workflows=tuple(workflows),
        computed=tuple(data["catalog"]["account"].get("computed", ())) if own else (),
    )


def draw_workflow(rng: Random, objects: Objects, data: Spec, about: dict[str, str], name: str) -> Spec:
    """One workflow with whatever it may say; `about` holds the objects of all workflows."""
    object_ = about[name]
    names = list(about)
    scope = scope_of(rng, objects, data, object_, [n for n in names if about[n] == object_])
    state = rng.choices(STATES, [92, 3, 1, 2, 2])[0]
    made: Spec = {"object": object_, "state": state, "launch": rng.choices(["everyone", "newcomers"], [9, 1])[0]}
    made["entry"] = draw_entry(rng, scope, data)
    recipient = _recipient(rng, objects, object_)
    flow = Flow(scope, bool(recipient), tuple(enrolled_of(objects, about, name)), left=rng.choice([4, 6, 8, 10]))
    made["steps"] = draw_steps(flow)
    if not flow.acts:
        made["steps"].insert(0, draw_action(flow))
    for part in (
        recipient,
        _policies(rng, names, name, bool(recipient)),
        _endings(rng, flow, bool(recipient)),
        _sending(rng, data),
    ):
        made |= part
    return made


def enrolled_of(objects: Objects, about: dict[str, str], name: str) -> Iterator[Any]:
    """What a workflow's steps may start: later ones, so that nothing runs in a circle."""
    for other in (n for n in about if n > name):
        if about[other] == about[name]:
            yield other
        yield from (
            {"workflow": other, "relation": r} for r, o in objects.manies(about[name]).items() if o == about[other]
        )


def draw_entry(rng: Random, scope: Scope, data: Spec) -> Spec:
    """Who enters, and when."""
    # mostly wide, so that somebody comes in: two leaves of which one is enough
    wide = {"any": [draw_leaf(scope), draw_leaf(scope)]}
    made: Spec = {"when": wide if rng.random() < 0.6 else draw_condition(scope)}
    if rng.random() < 0.5:
        made["manual"] = "allowed"
    if rng.random() < 0.2:
        made["at_most"] = f"{rng.choice([1, 2])} per {rng.choice(['hour', 'day', 'week', 'month'])}"
    if rng.random() < 0.12:
        made["schedule"] = rng.choice(
            [
                "daily 08:00",
                "daily 02:30",
                "weekly mon 08:00",
                "monthly 1 08:00",
                "monthly last 08:00",
                {"cron": "30 1 * * *"},
            ]
        )
    if scope.object == "account" and scope.objects.has("ticket") and rng.random() < 0.15:
        made["each"] = {"relation": "tickets"}
        made["each"] |= {"where": draw_leaf(scope.flat("ticket"))} if rng.random() < 0.6 else {}
        made.pop("manual", None)
    if scope.journeys and rng.random() < 0.2:
        made["stage"] = {"journey": "life", "is": rng.choice(["Start", "Run"])}
    return made


def _recipient(rng: Random, objects: Objects, object_: str) -> Spec:
    if object_ != "account" or not objects.has("contact") or rng.random() < 0.2:
        return {}
    if rng.random() < 0.5:
        return {"recipient": {"relation": "main"}}
    made: Spec = {"relation": "contacts"}
    made |= (
        {"where": rng.choice(["role = 'champion'", "score >= 1", "left is distinct from true"])}
        if rng.random() < 0.5
        else {}
    )
    made |= {"order_by": rng.choice(["score desc", "seen_at", "role desc"])} if rng.random() < 0.6 else {}
    return {"recipient": made | ({"fallback": "main"} if rng.random() < 0.4 else {})}


def _policies(rng: Random, names: list[str], name: str, has_recipient: bool) -> Spec:
    made: Spec = {}
    if rng.random() < 0.6:
        after = rng.choice(["requalifying", "unlimited", "never", "unlimited"])
        wait = (
            {"wait": rng.choice(["1 day", "1 day", "24 hours", "7 days", "1 month", "30 minutes"])}
            if after != "never" and (after == "unlimited" or rng.random() < 0.5)
            else {}
        )
        made["reentry"] = {"after": after} | wait
    others = [n for n in names if n != name]
    if others and rng.random() < 0.4:
        made["while_inside"] = {"enter": rng.choice(["none", "all", {"not": rng.sample(others, 1)}])}
    if rng.random() < 0.4:
        made["priority"] = rng.choice([0, 40, 50, 60])
    if has_recipient and rng.random() < 0.25:
        made["run_once"] = "recipient"
    if rng.random() < 0.2:
        made["holdout"] = rng.choice(["30%", "50%", "100%"])
    if rng.random() < 0.3:
        made["on_structural_change"] = rng.choice(["finish_old", "restart"])
    return made


def _endings(rng: Random, flow: Flow, has_recipient: bool) -> Spec:
    made: Spec = {}
    scope = flow.asking
    shared = draw_condition(scope, 1)  # several ends at once: their order is seen

    def ending() -> Any:
        return shared if rng.random() < 0.4 else draw_condition(scope, 1)

    if rng.random() < 0.4:
        made["objective"] = {"name": "Better", "when": ending()}
        number = scope.fields("integer", "number")[0]
        made["objective"] |= {"measure": rng.choice([number, f"{number} + 1"])} if rng.random() < 0.6 else {}
    exit_: Spec = {"when": ending()} if rng.random() < 0.3 else {}
    exit_ |= {"on_objective": rng.choice(["leave", "stay"])} if "objective" in made and rng.random() < 0.6 else {}
    made |= {"exit": exit_} if exit_ else {}
    if rng.random() < 0.35:
        made["goals"] = list(_goals(rng, scope, has_recipient, ending()))
    return made


def _goals(rng: Random, scope: Scope, has_recipient: bool, reached: Any) -> Iterator[Any]:
    if has_recipient and scope.objects.has("mail") and rng.random() < 0.7:
        yield from rng.sample(["incoming_email", "outcome('won')"], rng.choice([1, 2]))
    if rng.random() < 0.6:
        yield {"name": "reached", "when": reached}


def _sending(rng: Random, data: Spec) -> Spec:
    made: Spec = {}
    if rng.random() < 0.6:
        made["window"] = rng.choice(
            [
                {"days": "mon-sun", "from": "00:00", "to": "24:00"},
                {"days": "mon-fri", "from": "09:00", "to": "16:00"},
                {"days": "sat, sun", "from": "02:00", "to": "03:00"},
                [
                    {"days": "mon-thu", "from": "09:00", "to": "12:00"},
                    {"days": "fri, sat", "from": "22:00", "to": "02:00"},
                ],
                [
                    {"days": "mon-sun", "from": "08:00", "to": "10:00"},
                    {"days": "mon-sun", "from": "10:00", "to": "11:30"},
                ],
            ]
        )
    if rng.random() < 0.5:
        made["timezone"] = {"fallback": rng.choice(ZONES)}
    if data["calendars"] and rng.random() < 0.6:
        made["blackouts"] = ["closed"]
    return {"communication": made} if made else {}
