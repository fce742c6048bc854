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

What `expect` names is compared exactly; `expect: nothing` says that nothing at all is decided.
`sends: {a1/hello: {between: [from, to], zone: .., rule: .., why: ..}}` is about planned messages, times local to the zone and half open.
`calendars` hold blackouts, `suppress` puts recipients on the list, `edit: {calendars: ..}` changes calendars.
`edit: {world: {workflows: {..}, segments: {..}}}` takes the place of whole parts of the case, as random histories need it.
`refuses: code` beside `edit` says that the edit is refused, with that problem.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from definitions import Project, load_project
from pipelines.testing import NOTHING, Played, play
from pipelines.worlds import Engine

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
    case = replace(case, data=case.data | overrides.pop("world", {}))
    settings |= case.world.get("project", {}) | case.data.get("project", {})
    files = {"project.yaml": _dump(settings)}
    for name, spec in (case.world["catalog"] | case.data.get("catalog", {})).items():
        files[f"catalog/{name}.yaml"] = _dump({"object": name, "table": f"crm.{name}", "key": "id", **spec})
    for name, spec in (case.world.get("segments", {}) | case.data.get("segments", {})).items():
        files[f"segments/{name}.yaml"] = _dump({"object": "account", **spec})
    for name, spec in (case.world.get("journeys", {}) | case.data.get("journeys", {})).items():
        files[f"journeys/{name}.yaml"] = _dump({"object": "account", **spec})
    for name, spec in (
        case.world.get("calendars", {}) | case.data.get("calendars", {}) | overrides.pop("calendars", {})
    ).items():
        files[f"calendars/{name}.yaml"] = _dump(spec)
    several = case.data.get("workflows") or {"w": case.data.get("workflow", {})}
    for name, spec in several.items():
        made = (
            BASE
            | case.world.get("workflow", {})
            | spec
            | overrides.get(name, {} if case.data.get("workflows") else overrides)
        )
        files[f"workflows/{name}.yaml"] = _dump({k: v for k, v in made.items() if v != "absent"})
    return load_project(files | case.world.get("messages", {}) | case.data.get("messages", {}))


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


def run_case(case: Case, engine: Callable[[Project], Engine]) -> None:
    """Play the case's timeline through the product's own tests; raises AssertionError at the first difference."""
    project = project_of(case, {})
    zone = ZoneInfo(project.settings.timezone)
    timeline = [_moment(case, moment, zone) for moment in case.data["timeline"]]
    failure = play(engine(project), _rows(case.data.get("given", {})), timeline, every_invariant=True)
    assert failure is None, f"{case.name}: {failure.text()}"


def _moment(case: Case, moment: dict[str, Any], zone: ZoneInfo) -> Played:
    expect = moment.get("expect", {})
    return Played(
        at=_instant(moment["at"], zone),
        changes=_rows(moment.get("set", {})),
        orders=moment.get("commands", ()),
        suppress=moment.get("suppress", {}),
        results={action: _results(found, zone) for action, found in moment.get("results", {}).items()},
        expect=NOTHING if expect == "nothing" else {k: _expected(k, v) for k, v in expect.items()},
        project=project_of(case, dict(moment["edit"])) if "edit" in moment else None,
        refuses=moment.get("refuses"),
        place=f"{case.file}.yaml",
    )


def _results(found: Any, zone: ZoneInfo) -> list[dict[str, Any]]:
    many = found if isinstance(found, list) else [found]
    plain = [one if isinstance(one, dict) else {"result": one} for one in many]
    return [one | ({"at": _instant(one["at"], zone)} if "at" in one else {}) for one in plain]


def _instant(written: str, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _expected(key: str, wanted: Any) -> Any:
    return {k: float(v) for k, v in wanted.items()} if key == "measures" else wanted


def _rows(data: dict[str, Any]) -> dict[str, Any]:
    def value(text: Any) -> Any:
        return None if text in ("null", "") else text

    return {
        object_: {key: None if row == "gone" else {k: value(v) for k, v in row.items()} for key, row in rows.items()}
        for object_, rows in data.items()
    }
