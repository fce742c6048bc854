"""Wrong files say what is wrong, where, all at once: each carries its problems as comments on the wrong lines.

    seats: many  # error: [type] "part of the message"

A comment on a line of its own speaks of the next line.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from definitions import Problem, ProblemsFound, load_project, read_folder

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
