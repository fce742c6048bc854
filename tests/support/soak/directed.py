"""Themes that lean far towards what chance alone hardly ever does. They join the others from a seed on; those before stay as
they were."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

from support.soak.catalogs import Spec
from support.soak.edits import build_edit, walk
from support.soak.histories import Moment, Story
from support.soak.themes import THEMES, Theme, approve_first, begins, often, rest

FROM = 1000
"""The first seed that may have a directed theme."""
DOORS = (("01:00", "01:30"), ("02:00", "02:15"), ("08:00", "09:00"), ("15:00", "15:32"), ("15:40", "16:00"))
"""Windows that close at the minutes at which histories begin."""


def _archive(rng: Random, name: str, workflow: Spec) -> None:
    """Everybody is inside and waits for long, and nothing but orders moves anybody."""
    rest(rng, name, workflow)
    workflow["entry"] = {"when": "id <> ''"}
    workflow["steps"][0]["wait"] = rng.choice(["1 week", "1 month"])
    for end in ("exit", "goals", "objective"):
        workflow.pop(end, None)


def _thaw(story: Story, moment: Moment) -> None:
    """A workflow goes into the archive, or comes back."""
    name = story.rng.choice(list(story.world.data["workflows"]))
    moment.order(f"{story.rng.choice(['archive', 'enable'])} {name}")


def _restart(rng: Random, name: str, workflow: Spec) -> None:
    approve_first(rng, name, workflow)
    workflow["on_structural_change"] = "restart"


def _rebuild(story: Story, moment: Moment) -> None:
    """A step comes on top, and everybody inside begins anew."""

    def edit(data: Spec) -> None:
        workflow = story.rng.choice(list(data["workflows"].values()))
        step = {"id": f"r{len(list(walk(workflow['steps'])))}", "notify": {"channel": "#cs", "text": "x"}}
        workflow["steps"].insert(1, step)
        workflow["on_structural_change"] = "restart"

    _edit(story, moment, edit)


def _closing(rng: Random, name: str, workflow: Spec) -> None:
    """Evaluations come at the very minute at which a window closes."""
    workflow["recipient"] = {"relation": "main"}
    begins(
        workflow, {"id": "z1", "sms": {"text": "x"}}, {"id": "z2", "wait": "1 day"}, {"id": "z3", "sms": {"text": "x"}}
    )
    windows = [{"days": "mon-sun", "from": opens, "to": closes} for opens, closes in DOORS]
    workflow["communication"] = {"window": windows}
    workflow["entry"] = {"when": "id <> ''"}
    often(rng, workflow)


def _long(rng: Random, name: str, workflow: Spec) -> None:
    """Messages after waits of a day, with the rest of the day to be sent in."""
    workflow["recipient"] = {"relation": "main"}
    begins(workflow, {"id": "z1", "wait": rng.choice(["1 day", "2 days"])}, {"id": "z2", "sms": {"text": "x"}})
    workflow["communication"] = {"window": {"days": "mon-sun", "from": "00:00", "to": "24:00"}}
    often(rng, workflow)


def _weekly(rng: Random, name: str, workflow: Spec) -> None:
    """A message a day, and few a week allowed."""
    workflow["recipient"] = {"relation": "main"}
    begins(
        workflow, {"id": "z1", "sms": {"text": "x"}}, {"id": "z2", "wait": "1 day"}, {"id": "z3", "sms": {"text": "x"}}
    )
    workflow["communication"] = {"window": {"days": "mon-sun", "from": "00:00", "to": "24:00"}}
    often(rng, workflow)


def _planned(rng: Random, name: str, workflow: Spec) -> None:
    """Messages that wait for a window for days."""
    workflow["entry"] = {"when": "id <> ''"}
    workflow["recipient"] = {"relation": "main"}
    begins(
        workflow, {"id": "z1", "sms": {"text": "x"}}, {"id": "z2", "wait": "1 day"}, {"id": "z3", "sms": {"text": "x"}}
    )
    days = rng.choice(["sat, sun", "mon, thu", "wed"])
    workflow["communication"] = {"window": {"days": days, "from": "09:00", "to": "16:00"}, "blackouts": ["closed"]}
    often(rng, workflow)


def _close(story: Story, moment: Moment) -> None:
    """A calendar closes days to come: a few, or nearly two years. Each year keeps a day, or the checker would refuse it."""
    first = story.now.date() + timedelta(days=story.rng.choice([1, 2, 3]))
    ends = [first + timedelta(days=1), first + timedelta(days=4), date(first.year + 1, 12, 15)]
    last = story.rng.choices(ends, [5, 3, 4])[0]

    def edit(data: Spec) -> None:
        data["calendars"]["closed"]["dates"].append({"from": first.isoformat(), "to": last.isoformat()})

    _edit(story, moment, edit)


def _nobody(rng: Random, name: str, workflow: Spec) -> None:
    """Nobody is there to choose, and who stands in is named in half of the workflows."""
    made: Spec = {"relation": "owner", "by": "round_robin", "where": "quota >= 999"}
    made |= {"fallback": "u2"} if rng.random() < 0.5 else {}
    begins(workflow, {"id": "z1", "assign": made}, {"id": "z2", "task": {"title": "x", "assign": "z1"}})
    often(rng, workflow)


def _dateless(rng: Random, name: str, workflow: Spec) -> None:
    begins(workflow, {"id": "z1", "wait": {"for_date": "event_on", "missing": "error"}})


def _retry(story: Story, moment: Moment) -> None:
    """Somebody who is stopped by an error is to try again; or dates get lost."""
    if story.stopped and story.rng.random() < 0.7:
        workflow, _, record = story.rng.choice(story.stopped).rpartition(":")
        workflow = workflow or next(iter(story.world.data["workflows"]))
        moment.order(f"retry {workflow} {record.split('+')[0]}")
        return
    found = story.pick("account")
    if found:
        story.put(moment, *found, {"event_on": None})


def _doors(rng: Random, name: str, workflow: Spec) -> None:
    """By hand into what is paused, or where it was once."""
    rest(rng, name, workflow)
    workflow["reentry"] = {"after": "never"}
    workflow["steps"] = workflow["steps"][:2] if rng.random() < 0.5 else workflow["steps"]


def _knock(story: Story, moment: Moment) -> None:
    """Somebody is enrolled by hand; or a whole workflow is paused or goes on."""
    name = story.rng.choice(list(story.world.data["workflows"]))
    if story.rng.random() < 0.2:
        moment.order(f"{story.rng.choice(['pause', 'resume'])} {name}")
        return
    found = story.pick(story.world.data["workflows"][name]["object"])
    if found:
        moment.order(f"enroll {name} {found[1]}")


def _won(rng: Random, name: str, workflow: Spec) -> None:
    workflow["recipient"], workflow["goals"] = {"relation": "main"}, ["outcome('won')"]
    begins(workflow, {"id": "z1", "wait": rng.choice(["3 days", "1 week"])})


def _win(story: Story, moment: Moment) -> None:
    """A letter that somebody wins by."""
    sent = (story.now - timedelta(minutes=story.rng.choice([0, 1, 60]))).replace(tzinfo=None).isoformat(sep=" ")
    row = {"contact_id": story.draw_key("contact"), "sent_at": sent, "direction": "out", "disposition": "won"}
    story.put(moment, "mail", f"m{story.rng.randint(1, 9)}", row)


def _leaving(rng: Random, name: str, workflow: Spec) -> None:
    rest(rng, name, workflow)
    workflow["steps"] = [step for step in workflow["steps"] if "enroll" not in step][:2]


def _take_away(story: Story, moment: Moment) -> None:
    """A workflow that was disabled goes, after somebody asked for something in it."""
    workflows = story.world.data["workflows"]
    gone = [name for name, workflow in workflows.items() if workflow["state"] == "disabled"]
    if len(workflows) < 3:
        return
    if not gone:
        name = story.rng.choice(list(workflows))
        _edit(story, moment, lambda data: data["workflows"][name].update(state="disabled"))
        return
    _edit(story, moment, lambda data: data["workflows"].pop(gone[0]))
    if moment.world is not None:
        moment.early = [f"{command} {gone[0]} a1" for command in ("remove", "approve", "enroll")]


def _edit(story: Story, moment: Moment, change: Callable[[Spec], Any]) -> None:
    if moment.world is None:
        data = copy.deepcopy(story.world.data)
        change(data)
        project = build_edit(data)
        if project is not None:
            moment.world, moment.project = data, project


DIRECTED: tuple[Theme, ...] = (
    Theme("archive", _archive, own={"thaw": (16, _thaw)}, workflows=1),
    Theme("restart", _restart, own={"rebuild": (14, _rebuild)}, workflows=1),
    Theme("closing", _closing, ("contact",), workflows=1, limits={"recipient": {"at_most": "9 per day"}}),
    Theme("long", _long, ("contact",), workflows=1),
    Theme("weekly", _weekly, ("contact",), workflows=1, limits={"recipient": {"at_most": "2 per week"}}),
    Theme("closed days", _planned, ("contact",), own={"close": (12, _close)}, workflows=1, calendar=True),
    Theme("nobody", _nobody, ("user",), workflows=1),
    Theme("errors", _dateless, fields=("event_on",), deeds={"date": 10}, own={"retry": (20, _retry)}, workflows=1),
    Theme("doors", _doors, own={"knock": (40, _knock)}, workflows=1),
    Theme("won", _won, ("contact", "mail"), own={"win": (24, _win)}, workflows=1),
    Theme("leaving", _leaving, own={"take away": (14, _take_away)}, workflows=4),
)


def theme_of(seed: int) -> Theme:
    """The theme of a seed: that of its number."""
    themes = THEMES if seed < FROM else (*THEMES, *DIRECTED)
    return themes[seed % len(themes)]
