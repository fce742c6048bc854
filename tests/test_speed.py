"""The benchmark in small: it runs through, and all that is compared finds the same. How fast it is, is not asked here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks.crm_rows import TABLES, write_changes, write_rows
from benchmarks.project_files import Generated
from benchmarks.speed.jobs import Job, Wanted, asked, jobs_of, run
from benchmarks.speed.table import differences, fill_page, lines_of, markdown
from benchmarks.speed.tasks import answer

PARTS = ("conditions", "changes", "state", "exact")
PLAIN, FAST = "execution=sql,increments=never", "execution=bitmaps,increments=always"
Results = dict[Job, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """All jobs of a small world, in this process; the bounds in a process of their own, as the command does it."""
    home = tmp_path_factory.mktemp("speed")
    made: Results = {}
    for job in (j for j in jobs_of(Wanted(0.002, 5, PARTS, FAST, 7, 20)) if j.how in (PLAIN, FAST)):
        found = asdict(answer(asked(job, home))) if job.task != "bounds" else run(job, home)
        made[job] = [json.loads(json.dumps(found, default=str))]
    return made


def _line(results: Results, what: str, scale: float = 0.002, workflows: int = 5) -> Any:
    return next(x for x in lines_of(results) if (x.what, x.scale, x.workflows) == (what, scale, workflows))


def test_every_row_of_the_table_comes_out(small: Results) -> None:
    assert not [found for listed in small.values() for found in listed if "failed" in found]
    said = {line.what for line in lines_of(small)}
    assert {"bound: group every related table", "one SELECT a condition", "polars, lazily"} <= said
    assert "statements for each step" in said
    for name in (
        "first evaluation",
        "1% changed",
        "everybody judged",
        "1% changed, 1.5 GB for DuckDB",
        "beyond midnight",
    ):
        assert {f"{name}: {part}" for part in ("evaluation", "truths", "state", "actions")} <= said
    rows = markdown(lines_of(small)).splitlines()[2:]
    assert len(rows) == len(lines_of(small))
    assert all(row.count("|") == 10 for row in rows)


def test_bits_and_increments_are_compared_with_full_evaluations_in_sql(small: Results) -> None:
    noted = {(line.what, line.how): line.note for line in lines_of(small) if line.what.endswith(": evaluation")}
    for name in ("1% changed", "beyond midnight"):
        assert noted[f"{name}: evaluation", PLAIN] == ""
        assert noted[f"{name}: evaluation", FAST] == "an increment"


def test_others_find_what_the_product_finds(small: Results) -> None:
    judged = [f["counts"] for found in small.values() for f in found]
    entries = next(c["entries"] for c in judged if "entries" in c)
    alone, frames = (c["conditions"] for c in judged if "conditions" in c)
    assert len(alone) == 20
    assert alone.items() <= frames.items()
    assert any(alone.get(f"{workflow} entry") == count for workflow, count in entries.items())
    assert differences(small) == {}


def test_a_difference_is_told(small: Results) -> None:
    changed: Results = json.loads(json.dumps([[asdict(job), found] for job, found in small.items()]))
    again = {Job(**job): found for job, found in changed}
    plain = next(found for job, found in again.items() if job.task == "first" and job.how == PLAIN)
    plain[0]["counts"]["hashes"]["first"]["state.participants"] = "other"
    alone = next(found for job, found in again.items() if job.task == "alone")
    name = next(iter(alone[0]["counts"]["conditions"]))
    alone[0]["counts"]["conditions"][name] += 1
    assert sorted(differences(again)) == sorted(
        [f"{name} at scale 0.002", "state.participants, first, scale 0.002, 5 workflows"]
    )


def test_ratios_name_what_they_are_of(small: Results) -> None:
    plain, ours = _line(small, "one SELECT a condition"), _line(small, "first evaluation: truths")
    assert (plain.ratio, plain.of) == (pytest.approx(plain.cpu / ours.cpu), "first evaluation: truths")
    assert plain.sampled
    assert plain.note == "20 of 30"
    assert _line(small, "1% changed: state").of == "everybody judged: state"


def test_worlds_of_other_sizes_are_compared_with_the_smallest() -> None:
    def took(scale: float, workflows: int, everyone: int, cpu: float) -> Results:
        rows = [{"name": "first evaluation: truths", "cpu": cpu, "wall": cpu, "sampled": False, "note": ""}]
        return {Job("first", scale, workflows, everyone): [{"rows": rows, "peak_mb": 1.0}]}

    sizes = (
        (0.1, 500, 210, 2.0),
        (0.3, 500, 210, 5.0),
        (0.1, 100, 100, 1.0),
        (0.1, 500, 100, 1.5),
        (0.1, 2000, 100, 3.0),
    )
    results: Results = {}
    for size in sizes:
        results |= took(*size)
    found = [(line.scale, line.workflows, line.everyone, line.ratio, line.of) for line in lines_of(results)]
    assert found == [
        (0.1, 500, 210, None, ""),
        (0.3, 500, 210, 2.5, "the same with a third of the data"),
        (0.1, 100, 100, None, ""),
        (0.1, 500, 100, 1.5, "the same for 100 workflows"),
        (0.1, 2000, 100, 3.0, "the same for 100 workflows"),
    ]


def test_a_page_takes_the_table_and_keeps_the_rest(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- begin table -->\nold\n<!-- end table -->\nbelow\n")
    fill_page(page, "new")
    assert page.read_text() == "above\n<!-- begin table -->\n\nnew\n\n<!-- end table -->\nbelow\n"
    page.write_text("nothing here\n")
    with pytest.raises(ValueError, match="no place for the table"):
        fill_page(page, "new")


def test_what_fails_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    job = Job("first", 0.0001, 1, 1, how="increments=perhaps")
    found = run(job, tmp_path)
    assert "perhaps" in found["failed"]
    assert lines_of({job: [found]}) == []


def test_the_same_seed_makes_the_same_world(tmp_path: Path) -> None:
    def world(name: str, seed: int) -> dict[str, str]:
        folder = tmp_path / name
        write_rows(folder / "rows", 0.001, seed)
        write_changes(folder / "changes", 0.001, seed, 0.05)
        Generated(8, seed, 4).write(folder / "project")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest() for path in files}

    first, again, other = world("first", 7), world("again", 7), world("other", 8)
    assert first == again
    assert {name for name in first if first[name] == other[name] and name.startswith(("rows", "changes"))} <= {
        "rows/users.parquet"
    }
    assert {f"changes/{table}.parquet" for table in TABLES} <= set(first)


def test_more_workflows_begin_with_the_same_ones() -> None:
    few, many = Generated(8, 7, 4).asked(), Generated(16, 7, 4).asked()
    assert many[: len(few)] == few
    assert len(many) == 16 * 6
