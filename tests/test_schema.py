"""What editors are told is what the loader reads: the examples fit, mistakes do not, and every key is described."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from definitions.loader import FOLDERS
from definitions.schema import kinds, schema_of
from definitions.source import read_source
from pipelines.cli.authoring import copy_starter, write_schemas

ROOT = Path(__file__).resolve().parents[1] / "definitions"
STARTERS = [path for name in ("starter", "sales_starter") for path in sorted((ROOT / name).rglob("*.yaml"))]


def kind_of(path: Path) -> str:
    return "project" if path.name == "project.yaml" else path.parent.name.removesuffix("s")


def fits(kind: str, text: str) -> bool:
    return Draft202012Validator(schema_of(kind)).is_valid(yaml.safe_load(text))


@pytest.mark.parametrize("kind", kinds())
def test_a_schema_is_a_schema(kind: str) -> None:
    Draft202012Validator.check_schema(schema_of(kind))


def test_every_folder_has_its_kind() -> None:
    assert list(kinds()) == ["project", *(folder.removesuffix("s") for folder in FOLDERS)]


@pytest.mark.parametrize("path", STARTERS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_the_files_of_the_examples_fit(path: Path) -> None:
    source, problems = read_source(path.name, path.read_text())
    assert source is not None
    assert problems == []
    found = Draft202012Validator(schema_of(kind_of(path))).iter_errors(source.data)
    assert [error.message for error in found] == []


@pytest.mark.parametrize("path", STARTERS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_the_files_of_the_examples_tell_editors_their_schema(path: Path) -> None:
    up = "" if path.name == "project.yaml" else "../"
    first = path.read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={up}.drumbeat/{kind_of(path)}.schema.json"


def test_the_files_of_the_templates_fit() -> None:
    readers = {kind: Draft202012Validator(schema_of(kind)) for kind in kinds()}
    for path in sorted((ROOT / "templates").glob("*/**/*.yaml")):
        if path.name != "template.yaml":
            source, problems = read_source(path.name, path.read_text())
            assert source is not None, path
            assert problems == [], path
            assert [error.message for error in readers[kind_of(path)].iter_errors(source.data)] == [], path


def test_a_new_project_holds_the_schemas_that_are_current(tmp_path: Path) -> None:
    copy_starter(tmp_path / "mine")
    written = {p.name: json.loads(p.read_text()) for p in (tmp_path / "mine" / ".drumbeat").iterdir()}
    assert written == {f"{kind}.schema.json": schema_of(kind) for kind in kinds()}


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    first = [path.read_text() for path in write_schemas(tmp_path)]
    assert [path.read_text() for path in write_schemas(tmp_path)] == first


WORKFLOW = "object: account\nentry: {when: seats > 1}\nsteps: []\n"
CATALOG = "object: account\ntable: crm.accounts\nkey: account_id\nfields: {seats: integer}\n"
PROJECT = "name: mine\n"
STEP = "object: account\nentry: {when: seats > 1}\nsteps:\n  - "


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("workflow", WORKFLOW + "reentry: {wait: 2 weeks}\nholdout: 10%\n"),
        ("workflow", "object: account\nentry: {when: [a, {any: [b, {none: [c]}]}]}\nsteps: []\n"),
        ("workflow", "object: account\nentry: {when: {all: a}}\nsteps: []\n"),
        ("workflow", STEP + "{id: a, wait: 3 days}"),
        ("workflow", STEP + "{id: a, wait: {until: seats > 2, at_most: 3 days}}"),
        ("workflow", STEP + "{id: a, update: {seats: 3, plan: {expression: upper(plan)}, x: null}}"),
        ("workflow", STEP + "{id: a, split: {x: 50%, y: 50%}, arms: {x: [{id: b, exit: done}]}}"),
        ("workflow", STEP + "{id: a, tag: hot}"),
        ("workflow", STEP + "{id: a, untag: [hot, new]}"),
        ("workflow", STEP + "{id: a, enroll: follow_up}"),
        ("workflow", WORKFLOW + "communication: {window: {days: mon, from: '09:00', to: '16:00'}}\n"),
        ("workflow", WORKFLOW + "communication: {window: [{days: mon, from: '09:00', to: '16:00'}]}\n"),
        ("calendar", "dates: ['2026-07-03', {date: '2026-12-25', yearly: true}]\n"),
        ("test", "workflow: w\ntimeline: [{at: '2026-01-05 09:00', results: {a1/hi: opened, a1/ring: [completed]}}]\n"),
        ("catalog", CATALOG + "computed: {twice: seats * 2, one: 1}\n"),
        ("catalog", CATALOG.replace("integer", "{type: text, values: [a]}")),
        ("segment", "object: account\nwhen: seats > 1\n"),
        ("project", PROJECT),
    ],
)
def test_what_the_language_allows_fits(kind: str, text: str) -> None:
    assert fits(kind, text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("workflow", WORKFLOW + "colour: red\n"),
        ("workflow", WORKFLOW + "state: on_hold\n"),
        ("workflow", WORKFLOW + "launch: nobody\n"),
        ("workflow", WORKFLOW + "priority: high\n"),
        ("workflow", WORKFLOW + "priority: 2000\n"),
        ("workflow", WORKFLOW + "description: 12\n"),
        ("workflow", WORKFLOW + "holdout: 0.1\n"),
        ("workflow", WORKFLOW + "reentry: {wait: 30}\n"),
        ("workflow", WORKFLOW + "reentry: {wait: 3 fortnights}\n"),
        ("workflow", WORKFLOW + "reentry: {wait: {months: 0, days: 3, minutes: 0, text: 3 days}}\n"),
        ("workflow", WORKFLOW + "reentry: {after: sometimes}\n"),
        ("workflow", WORKFLOW + "recipient: {where: a}\n"),
        ("workflow", WORKFLOW + "objective: {when: a}\n"),
        ("workflow", WORKFLOW + "exit: {on_objective: go}\n"),
        ("workflow", "entry: {when: a}\nsteps: []\n"),
        ("workflow", "object: account\nsteps: []\n"),
        ("workflow", "object: account\nentry: {when: a}\n"),
        ("workflow", "object: Account\nentry: {when: a}\nsteps: []\n"),
        ("workflow", "object: account\nentry: {when: []}\nsteps: []\n"),
        ("workflow", "object: account\nentry: {when: {all: [a], any: [b]}}\nsteps: []\n"),
        ("workflow", "object: account\nentry: {when: {some: [a]}}\nsteps: []\n"),
        ("workflow", "object: account\nentry: {when: true}\nsteps: []\n"),
        ("workflow", STEP + "{id: a}"),
        ("workflow", STEP + "{wait: 3 days}"),
        ("workflow", STEP + "{id: a, wait: 3 days, exit: done}"),
        ("workflow", STEP + "{id: a, task: {title: x}, notify: {channel: x, text: y}}"),
        ("workflow", STEP + "{id: a, task: {}}"),
        ("workflow", STEP + "{id: a, task: {title: x, due: 3}}"),
        ("workflow", STEP + "{id: a, email: {template: x, subject: y, from_: z}}"),
        ("workflow", STEP + "{id: a, wait: {duration: 3 days}}"),
        ("workflow", STEP + "{id: a, wait: {until: x}}"),
        ("workflow", STEP + "{id: a, wait: {until: x, at_most: 3 days, otherwise: stop}}"),
        ("workflow", STEP + "{id: a, branch: [{name: x, if_: y, steps: []}]}"),
        ("workflow", STEP + "{id: a, split: {x: half}}"),
        ("workflow", STEP + "{id: a, tag: 3}"),
        ("workflow", STEP + "{id: a, enroll: {name: follow_up}}"),
        ("workflow", STEP + "{id: a, update: {Seats: 3}}"),
        ("workflow", STEP + "{id: a, update: {seats: {sql: x}}}"),
        ("catalog", CATALOG + "shape: round\n"),
        ("catalog", CATALOG.replace("integer", "whole")),
        ("catalog", CATALOG.replace("integer", "{values: [a]}")),
        ("catalog", CATALOG + "relations: {owner: user}\n"),
        ("catalog", CATALOG + "computed: {x: [1]}\n"),
        ("catalog", CATALOG + "track: seats\n"),
        ("segment", "object: account\n"),
        ("segment", "object: account\nwhen: {not: [a]}\n"),
        ("project", "timezone: UTC\n"),
        ("project", PROJECT + "sources: {crm: {kind: magic, path: x}}\n"),
        ("project", PROJECT + "sinks: {out: {kind: files}}\n"),
        ("project", PROJECT + "routes: [out]\n"),
    ],
)
def test_mistakes_do_not_fit(kind: str, text: str) -> None:
    assert not fits(kind, text)


def properties_of(schema: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, made in schema.get("properties", {}).items():
        yield f"{where}.{name}", made
    for name, made in schema.get("$defs", {}).items():
        yield from properties_of(made, name)


@pytest.mark.parametrize("kind", kinds())
def test_every_key_is_described_and_none_is_ours_alone(kind: str) -> None:
    groups = {"AllOf.all", "AnyOf.any", "NoneOf.none"}  # their descriptions are their objects'
    found = dict(properties_of(schema_of(kind), kind))
    assert [name for name, made in found.items() if "description" not in made and name not in groups] == []
    assert not {"fixed", "tree", "place", "minutes", "from_", "if_", "else_"} & {n.split(".")[1] for n in found}


@pytest.mark.parametrize("kind", kinds())
def test_every_object_refuses_keys_it_does_not_know(kind: str) -> None:
    schema = schema_of(kind)
    shapes = {kind: schema, **schema.get("$defs", {})}
    assert [n for n, made in shapes.items() if "properties" in made and made["additionalProperties"] is not False] == []
