"""A history in the making: what happens to a world between evaluations, drawn by weight, each seed with kinds of its own.

What is drawn becomes moments in the form of a case's timeline, so that any history can be printed, shortened and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from support.soak.catalogs import KEYS, PHONES, SIZES, TEXTS, ZONES, Spec, draw_value
from support.soak.edits import draw_edit
from support.soak.themes import PLAIN, Theme
from support.soak.worlds import World

from definitions import Project
from pipelines.worlds import Observed, Rows

GONE = "gone"
STEPS: tuple[tuple[int, int], ...] = (
    # (minutes, weight); 0 stands for a month
    (1, 10), (29, 2), (30, 6), (59, 2), (60, 9), (61, 2), (90, 3), (720, 3), (1439, 5), (1440, 28), (1441, 2), (2880, 6),
    (4320, 8), (10080, 7), (20160, 2), (0, 5),
)  # fmt: skip
RESULTS = ("completed", "outcome", "delivered", "opened", "clicked", "replied", "bounced", "unsubscribed", "dropped")
PEOPLE = ("pause", "resume", "enroll", "enroll", "remove", "retry", "goal-met", "approve", "reject", "resume")
WHOLE = ("enable", "enable", "pause", "resume", "archive", "disable")


@dataclass
class Moment:
    """What happens before one evaluation."""

    at: datetime
    set: dict[str, dict[str, Any]] = field(default_factory=dict[str, Any])
    early: list[str] = field(default_factory=list[str])
    """Orders that are given before the project is edited."""
    commands: list[str] = field(default_factory=list[str])
    results: dict[str, list[Any]] = field(default_factory=dict[str, Any])
    suppress: dict[str, dict[str, str]] = field(default_factory=dict[str, Any])
    delivers: bool = False
    world: Spec | None = None
    project: Project | None = None

    def order(self, order: str) -> None:
        """Give an order, once: answers are told by its text."""
        if order not in self.commands:
            self.commands.append(order)

    def change(self, object_: str, key: str, row: Spec | None) -> None:
        """Note new values of a row, or that it goes."""
        rows = self.set.setdefault(object_, {})
        known = rows.get(key)
        rows[key] = GONE if row is None else {**(known if isinstance(known, dict) else {}), **row}


@dataclass
class Story:
    """One world's history as it goes: its rows, its clock, and what was seen of it so far."""

    rng: Random
    world: World
    steps: int
    theme: Theme = PLAIN
    now: datetime = field(init=False)
    rows: Rows = field(default_factory=Rows)
    actions: list[str] = field(default_factory=list[str])
    waiting: list[str] = field(default_factory=list[str])
    inside: list[str] = field(default_factory=list[str])
    stopped: list[str] = field(default_factory=list[str])
    doubles: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    faults: bool = False
    delivers: bool = False
    _kinds: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        self.now = self.world.start.astimezone(UTC)
        chance = self.rng.random
        self.faults = chance() < 0.6
        # limits count what is overdue as going out now: without delivery everything would pile up
        self.delivers = chance() < 0.5 or "limits" in self.world.data["project"]
        self._kinds = {kind: weight for kind, (weight, kept, _) in KINDS.items() if chance() < kept}
        self._kinds |= self.theme.deeds
        self._kinds |= {kind: weight for kind, (weight, _) in self.theme.own.items()}

    def given(self) -> Rows:
        """The rows at the start."""
        for object_ in self.world.objects.names:
            for i in range(self.rng.randint(2, SIZES[object_])):
                key = f"{KEYS[object_]}{i + 1}"
                self.rows.setdefault(object_, {})[key] = self.draw_row(object_)
        return {o: {k: dict(row) for k, row in rows.items()} for o, rows in self.rows.items()}

    def moments(self) -> Iterator[Moment]:
        """Moments until the steps are used up; the caller tells what each evaluation decided with `saw`."""
        moment = Moment(self.now)
        kinds, weights = list(self._kinds), list(self._kinds.values())
        for _ in range(3 if "duplicate" in self._kinds else 0):
            self.act("duplicate", moment)
        evaluates = 0.27 * sum(weights)
        for step in range(self.steps):
            kind = self.rng.choices([*kinds, "evaluate"], [*weights, evaluates])[0] if step else "evaluate"
            if kind != "evaluate" and step + 1 < self.steps:
                self.act(kind, moment)
                continue
            self._settle(moment)
            yield moment
            moment = self.next_moment()

    def _settle(self, moment: Moment) -> None:
        """Of two rows with one key one is the newer, or they are alike: between others no meaning chooses."""
        for object_, double in self.doubles:
            key = double.removesuffix("_2")
            row = self.rows[object_].get(key)
            if row is not None and row.get("touched_at") == moment.set[object_][double].get("touched_at"):
                moment.change(object_, double, row | {"id": key})

    def act(self, kind: str, moment: Moment) -> None:
        """One step of a kind."""
        deed = self.theme.own[kind][1] if kind in self.theme.own else KINDS[kind][2]
        deed(self, moment)

    def next_moment(self) -> Moment:
        """The clock goes on. What came twice comes once again."""
        moment = Moment(self._later(), delivers=self.delivers)
        for object_, key in self.doubles:
            self.put(moment, object_, key, None)
        self.doubles.clear()
        return moment

    def _later(self) -> datetime:
        minutes = self.rng.choices([m for m, _ in STEPS], [w for _, w in STEPS])[0]
        zone = self.world.zone
        if minutes < 1440 and minutes:
            self.now += timedelta(minutes=minutes)
            return self.now
        local = self.now.astimezone(zone).replace(tzinfo=None)
        local = _next_month(local) if minutes == 0 else local + timedelta(minutes=minutes)
        self.now = max(local.replace(tzinfo=zone).astimezone(UTC), self.now + timedelta(minutes=1))
        return self.now

    def saw(self, observed: Observed, moment: Moment) -> None:
        """Take in what an evaluation decided: later orders and results are about it."""
        self.actions.extend(observed.actions)
        self.actions = self.actions[-30:]
        self.inside = list(observed.resting)
        self.stopped = [name for name, status in observed.status.items() if status.startswith("error")]
        answered = {a for a, outcome in observed.outcomes.items() if outcome != "awaiting_approval"}
        self.waiting = [a for a in self.waiting if a not in answered]
        self.waiting += [a for a, outcome in observed.outcomes.items() if outcome == "awaiting_approval"]
        if moment.world is not None:
            self.world = World(self.world.objects, self.world.start, moment.world)

    def put(self, moment: Moment, object_: str, key: str, row: Spec | None) -> None:
        """Change a row, here and in the moment."""
        moment.change(object_, key, row)
        rows = self.rows.setdefault(object_, {})
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = {**rows.get(key, {}), **row}

    def draw_row(self, object_: str) -> Spec:
        """A whole row."""
        return {f: self.draw_field(object_, f) for f in self.fields(object_) if f not in ("gone_on", "master")}

    def fields(self, object_: str) -> dict[str, str]:
        """The object's fields with types."""
        found = self.world.data["catalog"][object_]["fields"]
        return {name: spec["type"] if isinstance(spec, dict) else spec for name, spec in found.items()}

    def draw_field(self, object_: str, name: str) -> str | None:
        """A value for a field; keys lead to records, mostly."""
        links = self.world.objects.links(object_)
        if name in links:
            return self.draw_key(links[name])
        if name == "touched_at":
            return self.now.replace(tzinfo=None).isoformat(sep=" ") if self.rng.random() < 0.7 else None
        if name.endswith("_id"):
            return None
        chance = 0.2 if name in ("left", "away") else 1.0
        value = draw_value(self.rng, name, self.fields(object_)[name], self.now, faults=self.faults)
        return value if self.rng.random() < chance else "false"

    def draw_key(self, object_: str) -> str | None:
        """A record's key, sometimes one that is not there, sometimes none."""
        keys = list(self.rows.get(object_, {})) or [f"{KEYS[object_]}1"]
        return self.rng.choices([self.rng.choice(keys), "zz", None], [88, 4, 8])[0]

    def pick(self, object_: str | None = None) -> tuple[str, str] | None:
        """A record that is there, an account by preference."""
        names = [n for n in self.world.objects.names if self.rows.get(n)]
        if not names:
            return None
        object_ = object_ or self.rng.choice([*names, "account", "account"])
        keys = list(self.rows.get(object_, {}))
        return (object_, self.rng.choice(keys)) if keys else None


def _next_month(local: datetime) -> datetime:
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    for day in (local.day, 30, 29, 28):
        try:
            return local.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has a 28th")


def _edit_row(story: Story, moment: Moment) -> None:
    found = story.pick()
    if found:
        fields = [f for f in story.fields(found[0]) if f not in ("gone_on", "master")]
        chosen = story.rng.sample(fields, min(len(fields), story.rng.choice([1, 1, 2, 3])))
        row = {f: story.draw_field(found[0], f) for f in chosen}
        if "touched_at" in fields:
            row["touched_at"] = story.now.replace(tzinfo=None).isoformat(sep=" ")
        story.put(moment, *found, row)


def _new_row(story: Story, moment: Moment) -> None:
    object_ = story.rng.choice([*story.world.objects.names, "account"])
    free = [
        k
        for k in (f"{KEYS[object_]}{i + 1}" for i in range(SIZES[object_] + 3))
        if k not in story.rows.get(object_, {})
    ]
    if free:
        story.put(moment, object_, story.rng.choice(free), story.draw_row(object_))


def _delete(story: Story, moment: Moment) -> None:
    found = story.pick()
    if not found:
        return
    if found[0] == "account" and story.world.objects.has_deleted_at and story.rng.random() < 0.6:
        gone = story.rng.choice([story.now.date().isoformat(), None])
        story.put(moment, *found, {"gone_on": gone})
    elif len(story.rows[found[0]]) > 1:
        story.put(moment, *found, None)


def _merge(story: Story, moment: Moment) -> None:
    loser, survivor = story.pick("account"), story.pick("account")
    if loser and survivor and loser != survivor and story.world.objects.merges:
        target = story.rng.choices([survivor[1], "zz", None], [85, 5, 10])[0]
        story.put(moment, *loser, {"master": target})


def _duplicate(story: Story, moment: Moment) -> None:
    found = story.pick(story.rng.choice([None, "account"]))
    if not found or (found[1] in (moment.set.get(found[0]) or {}) and story.rng.random() < 0.5):
        return
    object_, key = found
    if any(k == f"{key}_2" for _, k in story.doubles):
        return
    row: Spec = dict(story.rows[object_][key]) | {"id": key}
    if object_ == "account" and story.world.objects.has_updated_at and story.rng.random() < 0.6:
        other = story.rng.choice(list(story.world.objects.fields("account")))
        row |= {other: story.draw_field("account", other), "touched_at": "2020-01-01 00:00:00"}
    moment.change(object_, f"{key}_2", row)
    story.doubles.append((object_, f"{key}_2"))


def _move(story: Story, moment: Moment) -> None:
    linked = [
        (o, links) for o in story.world.objects.names if (links := story.world.objects.links(o)) and story.rows.get(o)
    ]
    if linked:
        object_, links = story.rng.choice(linked)
        name, target = story.rng.choice(list(links.items()))
        key = story.rng.choice(list(story.rows[object_]))
        story.put(moment, object_, key, {name: story.draw_key(target)})


def _bulk(story: Story, moment: Moment) -> None:
    found = story.pick()
    if found:
        object_ = found[0]
        name = story.rng.choice([f for f in story.fields(object_) if f not in ("gone_on", "master")])
        value = story.draw_field(object_, name)
        for key in list(story.rows[object_]):
            if story.rng.random() < 0.8:
                story.put(moment, object_, key, {name: value})


def _mail(story: Story, moment: Moment) -> None:
    if story.world.objects.has("mail"):
        free = f"m{story.rng.randint(1, 9)}"
        sent = story.now + timedelta(minutes=story.rng.choice([-1440, -60, -1, 0, 1, 30]))
        row: Spec = {"contact_id": story.draw_key("contact"), "sent_at": sent.replace(tzinfo=None).isoformat(sep=" ")}
        row |= {
            "direction": story.rng.choice(TEXTS["direction"]),
            "disposition": story.rng.choice([None, *TEXTS["disposition"]]),
        }
        story.put(moment, "mail", free, row)


def _address(story: Story, moment: Moment) -> None:
    found = story.pick("contact")
    if found:
        row = {"zone": story.rng.choice([None, *ZONES]), "phone": story.rng.choice([None, *PHONES])}
        story.put(moment, *found, row | {"left": story.rng.choice([None, None, "false", "true"])})


def _order_person(story: Story, moment: Moment) -> None:
    rng, data = story.rng, story.world.data
    command = rng.choice(PEOPLE)
    asked = [(n.rpartition(":")[0], n.rpartition(":")[2]) for n in story.inside]
    step = ""
    if command in ("approve", "reject") and story.waiting and rng.random() < 0.9:
        name, step = rng.choice(story.waiting).rsplit("/", 1)
        asked, step = [(name.rpartition(":")[0], name.rpartition(":")[2])], f" {step}" if rng.random() < 0.4 else ""
    workflow, record = rng.choice(asked) if asked and rng.random() < 0.75 else ("", "")
    if workflow not in data["workflows"]:
        workflow = rng.choice(list(data["workflows"]))
    if not record or command == "enroll":
        found = story.pick(data["workflows"][workflow]["object"])
        record = found[1] if found and rng.random() < 0.95 else "zz"
    moment.order(f"{command} {workflow} {record.split('+')[0]}{step}")


def _order_workflow(story: Story, moment: Moment) -> None:
    moment.order(f"{story.rng.choice(WHOLE)} {story.rng.choice(list(story.world.data['workflows']))}")


def _result(story: Story, moment: Moment) -> None:
    if not story.actions:
        return
    rng = story.rng
    result = rng.choice(RESULTS)
    row: Spec = {"result": result} | ({"value": rng.choice(TEXTS["disposition"])} if result == "outcome" else {})
    at = story.now + timedelta(minutes=rng.choice([0, 0, -1, -30, 1440]))
    moment.results.setdefault(rng.choice(story.actions), []).append(row | {"at": at})


def _suppress(story: Story, moment: Moment) -> None:
    found = story.pick("contact")
    if found:
        moment.suppress.setdefault("contact", {})[found[1]] = story.rng.choice(["asked", "bounced"])


def _date(story: Story, moment: Moment) -> None:
    """A day of somebody inside comes nearer or moves away."""
    inside = [name.rpartition(":") for name in story.inside]
    workflow, _, record = story.rng.choice(inside) if inside else ("", "", "")
    known = story.world.data["workflows"]
    spec = known.get(workflow) or next(iter(known.values()))
    object_, key = spec["object"], record.split("+")[0]
    days = [name for name, type_ in story.fields(object_).items() if type_ == "date" and name != "gone_on"]
    if days and key in story.rows.get(object_, {}):
        day = story.now.date() + timedelta(days=story.rng.choice([-1, 0, 0, 1, 2, 7, 30]))
        value = day.isoformat() if story.rng.random() < 0.9 else None
        story.put(moment, object_, key, {story.rng.choice(days): value})


def _user(story: Story, moment: Moment) -> None:
    """A user goes away or comes back, and may or may not be written for."""
    found = story.pick("user") if story.world.objects.has("user") else None
    if found:
        fields = [name for name in story.fields("user") if name in ("allows", "away", "team", "quota")]
        name = story.rng.choice(fields)
        switches = name in ("allows", "away")
        value = story.rng.choice(["true", "false", None]) if switches else story.draw_field("user", name)
        story.put(moment, *found, {name: value})


def _edit_project(story: Story, moment: Moment) -> None:
    if moment.world is None:
        made = draw_edit(story.rng, story.world)
        if made is not None:
            moment.world, moment.project = made


KINDS: dict[str, tuple[int, float, Callable[[Story, Moment], None]]] = {
    "edit": (30, 1.0, _edit_row),
    "new": (6, 0.8, _new_row),
    "delete": (3, 0.5, _delete),
    "merge": (3, 0.6, _merge),
    "duplicate": (4, 0.5, _duplicate),
    "move": (5, 0.6, _move),
    "bulk": (2, 0.4, _bulk),
    "mail": (6, 0.7, _mail),
    "address": (2, 0.5, _address),
    "order": (10, 0.7, _order_person),
    "state": (3, 0.45, _order_workflow),
    "result": (8, 0.7, _result),
    "suppress": (1, 0.4, _suppress),
    "project": (3, 0.5, _edit_project),
    "date": (2, 0.4, _date),
    "user": (2, 0.4, _user),
}
"""Kinds of steps: their weight, the share of seeds that has them, and what they do."""
