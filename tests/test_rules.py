"""The page of rules names every rule once, and only what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.cases import load_cases

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PAGE = (ROOT / "docs" / "rules.md").read_text()
ROWS = [tuple(c.strip() for c in line.strip("|").split("|")) for line in PAGE.splitlines() if line.startswith("|")]
RULES = [row for row in ROWS if re.match(r"[ST]\d", row[0])]
SHOWN = [(row[0], part) for row in RULES for part in row[2].split("<br>") if row[2][0] == "`"]

SCREENS, ADVICE = {1, 7, 58, 133}, {77, 126, 198}


def listed(beginning: str) -> set[int]:
    """The numbers of the line that lists a class."""
    line = next(line for line in PAGE.splitlines() if line.startswith(f"- {beginning}"))
    numbers = [int(n) for n in re.findall(r"\bS(\d+)\b", line)]
    assert len(numbers) == len(set(numbers))
    return set(numbers)


def test_every_rule_and_every_example_is_there_once() -> None:
    assert (listed("Screens"), listed("Advice")) == (SCREENS, ADVICE)
    mapped = set(range(1, 312)) - SCREENS - ADVICE
    assert sorted(row[0] for row in RULES) == sorted([f"S{n}" for n in mapped] + [f"T{n}" for n in range(1, 34)])
    assert len(ROWS) == len(RULES) + 2 * PAGE.count("\n## ")


@pytest.mark.parametrize("row", RULES, ids=lambda row: row[0])
def test_a_row_says_the_rule_and_shows_it_or_says_why_not(row: tuple[str, ...]) -> None:
    _, words, shown = row
    assert words
    if not re.match(r"(later|left out): \w+", shown):
        assert 1 <= len(shown.split("<br>")) <= 3
        assert all(re.fullmatch(r"`[^`]+`|`wrong/\w+` `[a-z-]+`", part) for part in shown.split("<br>")), shown


def test_every_case_named_is_there() -> None:
    there = {f"{case.file}: {case.name}" for case in load_cases(TESTS / "cases")}
    named = {(rule, part.strip("`")) for rule, part in SHOWN if "::" not in part and "wrong/" not in part}
    assert [(rule, name) for rule, name in sorted(named) if name not in there] == []


def test_every_problem_named_is_noted_in_its_folder() -> None:
    named = {(rule, *part.replace("`", "").split()) for rule, part in SHOWN if part.startswith("`wrong/")}
    for rule, folder, code in sorted(named):
        files = (TESTS / folder).rglob("*.yaml")
        assert any(f": [{code}]" in path.read_text() for path in files), f"{rule}: {folder} {code}"


def test_every_test_named_is_there() -> None:
    for rule, part in SHOWN:
        if "::" in part:
            path, name = part.strip("`").split("::")
            assert f"\ndef {name}(" in (ROOT / path).read_text(), f"{rule}: {part}"
