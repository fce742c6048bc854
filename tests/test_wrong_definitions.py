"""Wrong files say what is wrong, where, all at once: each carries its problems as comments on the wrong lines.

    seats: many  # error: [type] "part of the message"

A comment on a line of its own speaks of the next line.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from definitions import Problem, ProblemsFound, ProjectSettings, load_project, read_folder
from definitions.loader import FOLDERS as MODELS
from definitions.shapes import shape_problems
from definitions.source import read_source

STARTER = Path(__file__).parent.parent / "definitions" / "starter"
WRONG = Path(__file__).parent / "wrong"
FOLDERS = sorted(p for p in WRONG.iterdir() if p.is_dir())
_NOTE = re.compile(r'# (?:error|warning): \[([a-z-]+)\] "([^"]*)"')


def found_in(folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(ProblemsFound) as caught:
        load_project(read_folder(folder))
    return caught.value.problems


def noted_in(folder: Path) -> dict[tuple[str, int, str], str]:
    notes: dict[tuple[str, int, str], str] = {}
    for path in sorted(folder.rglob("*.yaml")):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            own = line.lstrip().startswith("#")
            for code, text in _NOTE.findall(line):
                notes[path.relative_to(folder).as_posix(), number + own, code] = text
    return notes


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_every_problem_is_found_at_its_line_and_nothing_else(folder: Path) -> None:
    problems = found_in(folder)
    notes = noted_in(folder)
    assert {(p.span.file, p.span.line, p.code) for p in problems} == set(notes)
    for problem in problems:
        assert notes[problem.span.file, problem.span.line, problem.code] in problem.message


def test_a_problem_reads_like_a_compilers_message() -> None:
    rendered = [p.render() for p in found_in(WRONG / "conditions") if p.code == "unknown-value"]
    assert rendered[0] == (
        "workflows/types.yaml:5:29: unknown-value: `pour` is not a value of account.health\n"
        "  5 |     - health in ('at_risk', 'pour')  # error: [unknown-value] \"`pour` is not a value\"\n"
        "    |                             ^\n"
        "hint: did you mean `poor`?"
    )


def test_files_that_are_not_utf8_are_told_with_the_problems_of_the_others(tmp_path: Path) -> None:
    shutil.copytree(WRONG.parent / "hostile", tmp_path, dirs_exist_ok=True)
    (tmp_path / "workflows").mkdir()
    (tmp_path / "messages").mkdir()
    (tmp_path / "workflows" / "early.yaml").write_bytes("object: account\n# caf\u00e9\n".encode("latin-1"))
    (tmp_path / "messages" / "hello.txt").write_bytes(b"Hello \xff")
    (tmp_path / "workflows" / "later.yaml").write_text("object: acount\n")
    told = {(p.span.file, p.span.line, p.span.column, p.code) for p in found_in(tmp_path)}
    assert {("workflows/early.yaml", 2, 6, "encoding"), ("messages/hello.txt", 1, 7, "encoding")} < told
    assert ("workflows/later.yaml", 1, 1, "missing-key") in told


@pytest.mark.parametrize(
    ("written", "line", "column"),
    [
        ("  when: helth = 'x'", 3, 9),
        ("  when: \"helth = 'x'\"", 3, 10),
        ("  when: >-\n    seats > 1 and\n    helth = 'x'", 5, 5),
        ("  when: |\n    seats > 1\n    and helth = 'x'", 5, 9),
        ("  when: {any: [seats > 1, helth is null]}", 3, 27),
    ],
)
def test_the_caret_finds_its_place_in_every_style_of_text(written: str, line: int, column: int) -> None:
    files = read_folder(WRONG / "conditions") | {"workflows/w.yaml": f"object: account\nentry:\n{written}\nsteps: []\n"}
    kept = {
        k: v for k, v in files.items() if k == "project.yaml" or k.startswith("catalog/") or k == "workflows/w.yaml"
    }
    with pytest.raises(ProblemsFound) as caught:
        load_project(kept)
    assert [(p.span.line, p.span.column, p.code) for p in caught.value.problems] == [(line, column, "unknown-field")]


@pytest.mark.parametrize("starter", ["starter", "sales_starter"])
def test_the_examples_have_neither_problems_nor_warnings(starter: str) -> None:
    root = Path(__file__).resolve().parents[1] / "definitions" / starter
    assert load_project(read_folder(root)).warnings == ()


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x]\nb: [*a, *a]\n",
        "a: '" + "x" * 300_000 + "'",
        "(" * 500,
        "\x00",
        "a: !!python/object/apply:os.system ['id']",
        "- 1",
        "",
        "a: .inf",
    ],
)
def test_hostile_files_are_refused_with_a_problem(text: str) -> None:
    files = read_folder(WRONG.parent / "hostile") | {"workflows/later.yaml": text}
    with pytest.raises(ProblemsFound):
        load_project(files)


@pytest.mark.parametrize(
    "sql",
    [
        "exists(select 1 from read_csv('/etc/passwd'))",
        "1=1 union select 1",
        "(" * 500 + "1" + ")" * 500,
        "unnest(range(10000000000)) is null",
        "json_execute_serialized_sql('{}')",
        "x ; attach 'y'",
        "copy (select 1) to 'x'",
        "random() < 0.5",
        "$1 = 1",
    ],
)
def test_hostile_sql_is_refused_with_a_problem(sql: str) -> None:
    workflow = f"object: account\nentry:\n  when: |-\n    {sql}\nsteps: []\n"
    with pytest.raises(ProblemsFound):
        load_project(
            read_folder(WRONG.parent / "hostile")
            | {"workflows/later.yaml": workflow, "workflows/functions.yaml": workflow}
        )


@pytest.mark.parametrize(
    ("line", "hint"), [("priorty: 3", "did you mean `priority`?"), ("subject: x", "it is a key in another place")]
)
def test_a_key_that_is_none_here_is_hinted_at(line: str, hint: str) -> None:
    files = read_folder(WRONG.parent / "hostile") | {"workflows/later.yaml": f"object: account\n{line}\n"}
    with pytest.raises(ProblemsFound) as refused:
        load_project(files)
    assert f"`{line.split(':')[0]}` is not a key here\n" in str(refused.value)
    assert f"hint: {hint}" in str(refused.value)


def test_two_files_of_one_name_are_one_too_many() -> None:
    files = read_folder(WRONG / "tests_of_workflows")
    files = {name: text for name, text in files.items() if not name.startswith("tests/")}
    with pytest.raises(ProblemsFound) as caught:
        load_project(files | {"workflows/care.yml": files["workflows/care.yaml"]})
    (problem,) = caught.value.problems
    assert (problem.span.file, problem.code) == ("workflows/care.yml", "file-name")
    assert "`workflows/care.yaml` is there too" in problem.message


@pytest.mark.parametrize("name", ["My Flow", "care-plan", "1", "a" * 64, "Care"])
def test_definitions_have_names(name: str) -> None:
    files = read_folder(WRONG / "tests_of_workflows")
    files = {file: text for file, text in files.items() if not file.startswith("tests/")}
    with pytest.raises(ProblemsFound) as caught:
        load_project(files | {f"workflows/{name}.yaml": files["workflows/care.yaml"]})
    assert [(p.span.file, p.code) for p in caught.value.problems] == [(f"workflows/{name}.yaml", "file-name")]


@pytest.mark.parametrize(
    ("lines", "column", "message", "hint"),
    [
        ("    wait: 3", 11, "`3` is not a duration", "write a number and a unit, such as `3 days` or `1 month`"),
        ("    wait: {until: seats > 3, at_most: 7}", 39, "`7` is not a duration", "write a number and a unit"),
        ("    wait: {until: seats > 3, for: 3 days}", 30, "`for` is not a key here", "`at_most:`, `otherwise:`, `until:`"),
        ("    wait: 3 days\n    foo: 1", 5, "`foo` is not a key here", "keys here are `id:`, `wait:`"),
        ("    task: call them", 11, "a mapping belongs here, not `call them`", "write under it `title:`"),
        ("    task: {title: true}", 19, "text belongs here, not `true`", 'quote it: "true"'),
        ("    update: {plan: [a]}", 20, "a plain value belongs here, not a list", ""),
        ("    branch: {if: seats > 3}", 13, "a list belongs here, not a mapping", "write each on a line of its own"),
        ("    tag: []", 10, "at least 1 element belongs here, not 0", ""),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_told_in_the_words_of_the_language(lines: str, column: int, message: str, hint: str) -> None:
    text = f"object: account\nentry: {{when: seats > 1}}\nsteps:\n  - id: one\n{lines}\n"
    files = read_folder(WRONG.parent / "hostile") | {"workflows/later.yaml": text}
    with pytest.raises(ProblemsFound) as refused:
        load_project(files)
    told = [p for p in refused.value.problems if p.message == message]
    assert [(p.span.line, p.span.column) for p in told] == [(4 + len(lines.split("\n")), column)]
    assert hint in (told[0].hint or "")


@pytest.mark.parametrize(
    "file", ["project.yaml", "catalog/account.yaml", "workflows/onboarding.yaml", "tests/renewal.yaml"]
)
def test_whatever_stands_in_the_wrong_place_is_never_told_in_pydantics_words(file: str) -> None:
    model = MODELS.get(file.split("/")[0], ProjectSettings)
    source, _ = read_source(file, (STARTER / file).read_text())
    assert source is not None
    told: set[str] = set()
    for path in source.values:
        for odd in (5, True, None, "x", [], {}, ["x"], {"a": 1}):
            changed, _ = read_source(file, json.dumps(_with(source.data, path, odd)))
            assert changed is not None
            try:
                model.model_validate(changed.data)
            except ValidationError as error:
                told.update(p.message for p in shape_problems(changed, model, error, []))
    assert {"text belongs here, not a list", "a mapping belongs here, not `5`"} <= told
    assert not [message for message in told if re.search("input|valid|NoneType|instance", message)]


def _with(data: Any, path: tuple[str | int, ...], value: Any) -> Any:
    if not path:
        return value
    made = copy.copy(data)
    made[path[0]] = _with(data[path[0]], path[1:], value)
    return made
