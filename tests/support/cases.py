"""Cases: YAML that states a meaning. Each file holds a world and a list of cases over it.

    catalog:    objects, as in catalog files
    workflow:   the workflow under test, as in a workflow file (a case may replace keys of it)
    cases:
      - name: a sentence
        rule: where the rule comes from
        workflow: {..}     keys that replace those above
        given: {account: {a1: {..}}}
        timeline:
          - {at: 2026-01-10 09:00, set: {..}, expect: {entered: [a1], actions: [a1/hello]}}

`refuses: code` beside `edit` says that the edit is refused, with that problem. What `expect` names is compared exactly; `expect: nothing` says that nothing at all is decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from definitions import ProblemsFound, Project, load_project
from pipelines.testing import Observed, World
from sql import DuckDBSession

NOTHING = {"entered": [], "exited": {}, "completed": [], "actions": [], "refused": {}}
BASE = {"state": "enabled", "launch": "everyone", "object": "account"}


@dataclass(frozen=True)
class Case:
    """One case with the world of its file."""

    file: str
    name: str
    world: dict[str, Any]
    data: dict[str, Any]


def load_cases(folder: Path) -> list[Case]:
    """Every case of every file of a folder."""
    found: list[Case] = []
    for path in sorted(folder.glob("*.yaml")):
        # cases are test data, not definitions: dates stay text
        world = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        found.extend(Case(path.stem, case["name"], world, case) for case in world["cases"])
    return found


def project_of(case: Case, overrides: dict[str, Any]) -> Project:
    """The case's project, built from the same files that authors write."""
    settings = {
        "name": "case",
        "timezone": "UTC",
        "seed": "case",
        "sources": {"crm": {"kind": "files", "path": "data"}},
    }
    settings |= {"sinks": {"out": {"kind": "files", "path": "out"}}, "routes": {"default": "out"}}
    settings |= case.world.get("project", {}) | case.data.get("project", {})
    files = {"project.yaml": _dump(settings)}
    for name, spec in (case.world["catalog"] | case.data.get("catalog", {})).items():
        files[f"catalog/{name}.yaml"] = _dump({"object": name, "table": f"crm.{name}", "key": "id", **spec})
    for name, spec in (case.world.get("segments", {}) | case.data.get("segments", {})).items():
        files[f"segments/{name}.yaml"] = _dump({"object": "account", **spec})
    for name, spec in (case.world.get("journeys", {}) | case.data.get("journeys", {})).items():
        files[f"journeys/{name}.yaml"] = _dump({"object": "account", **spec})
    several = case.data.get("workflows") or {"w": case.data.get("workflow", {})}
    for name, spec in several.items():
        made = (
            BASE
            | case.world.get("workflow", {})
            | spec
            | overrides.get(name, {} if case.data.get("workflows") else overrides)
        )
        files[f"workflows/{name}.yaml"] = _dump({k: v for k, v in made.items() if v != "absent"})
    return load_project(files | case.data.get("messages", {}))


def _dump(data: Any) -> str:
    """YAML in which only what must be text is quoted: numbers and truths of the case stay what they are."""
    return _Plain.dump_plain(data)


class _Plain(yaml.SafeDumper):
    @classmethod
    def dump_plain(cls, data: Any) -> str:
        return yaml.dump(data, Dumper=cls, sort_keys=False, width=10_000)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    plain = value.lstrip("-").isdigit() or value in ("true", "false", "null")
    return (
        dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if not plain else "")
        if not plain
        else _scalar(value)
    )


def _scalar(value: str) -> yaml.ScalarNode:
    kind = "int" if value.lstrip("-").isdigit() else "null" if value == "null" else "bool"
    return yaml.ScalarNode(f"tag:yaml.org,2002:{kind}", value)


_Plain.add_representer(str, _text)


def run_case(case: Case) -> None:
    """Play the case's timeline; raises AssertionError at the first instant that decides otherwise."""
    project = project_of(case, {})
    zone = ZoneInfo(project.settings.timezone)
    with DuckDBSession(timezone=project.settings.timezone) as session:
        session.migrate()
        world = World(project, session)
        world.apply()
        world.set(_rows(case.data.get("given", {})))
        for moment in case.data["timeline"]:
            as_of = datetime.fromisoformat(moment["at"]).replace(tzinfo=zone)
            if "edit" in moment:
                _edit(world, project_of(case, moment["edit"]), moment.get("refuses"))
            world.set(_rows(moment.get("set", {})))
            for order in moment.get("commands", ()):
                world.order(order, as_of)
            world.receive(moment.get("results", {}), as_of)
            world.evaluate(as_of)
            _compare(case, moment, world.observe(as_of))
            assert world.broken() == {}, f"{case.name}, {moment['at']}: an invariant is broken"


def _edit(world: World, edited: Project, code: str | None) -> None:
    """Make an edit live; or, with a code, see it refused for that reason and the live project stay."""
    live = world.project
    try:
        world.apply(edited)
    except ProblemsFound as refused:
        assert {p.code for p in refused.problems} == {code}, f"the edit is refused: {refused}"
        world.project = live
    else:
        assert code is None, f"the edit was not refused with {code}"


def _rows(data: dict[str, Any]) -> dict[str, Any]:
    def value(text: Any) -> Any:
        return None if text in ("null", "") else text

    return {
        object_: {key: None if row == "gone" else {k: value(v) for k, v in row.items()} for key, row in rows.items()}
        for object_, rows in data.items()
    }


def _compare(case: Case, moment: dict[str, Any], observed: Observed) -> None:
    expected = moment.get("expect", {})
    expected = NOTHING if expected == "nothing" else expected
    for key, wanted in expected.items():
        found = getattr(observed, key)
        plain = sorted(found) if isinstance(found, tuple) else _plain(found)
        wanted = (
            sorted(wanted)
            if isinstance(wanted, list)
            else {k: float(v) for k, v in wanted.items()}
            if key == "measures"
            else wanted
        )
        assert plain == wanted, f"{case.name}, {moment['at']}: {key} are {plain}, expected {wanted}"


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """Carried values as text, like everything in a case."""
    return {
        name: {k: "null" if v is None else str(v) for k, v in one.items()} if isinstance(one, dict) else one
        for name, one in found.items()
    }
