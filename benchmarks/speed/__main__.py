"""Everything side by side, in one table.

    python -m benchmarks.speed --scale 0.1 --workflows 500

Scale 1 is 1 million accounts with 28 million related rows. Each row is the median of the repetitions, each of which ran
in a process of its own. `(x)` marks what was measured on a sample and multiplied. CPU seconds are user and system time of
all threads: they hardly move when a machine is shared, wall seconds do. A ratio is the row's CPU time to that of the row
named behind it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.meter import machine
from benchmarks.speed.jobs import DEFAULT, PARTS, Job, Wanted, jobs_of, run
from benchmarks.speed.table import compared_count, differences, fill_page, lines_of, markdown


def main(
    scale: Annotated[float, typer.Option(help="1 is 1 million accounts")] = 0.02,
    workflows: Annotated[int, typer.Option(help="how many workflows, of six conditions each")] = 500,
    parts: Annotated[str, typer.Option(help=f"which of {', '.join(PARTS)}")] = ",".join(DEFAULT),
    repeats: Annotated[int, typer.Option(help="how often each is measured")] = 3,
    sample: Annotated[int, typer.Option(help="conditions and steps of which others' ways are measured")] = 200,
    execution: Annotated[str | None, typer.Option(help="force an execution: written into project.yaml")] = None,
    increments: Annotated[str | None, typer.Option(help="force increments or not: written into project.yaml")] = None,
    seed: Annotated[int, typer.Option(help="decides rows and workflows")] = 7,
    folder: Annotated[Path | None, typer.Option(help="where to work; kept, and what is there is used again")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="also write all that was found to this file")] = None,
    page: Annotated[Path | None, typer.Option(help="also put the table into this page, between its two marks")] = None,
    profile: Annotated[int, typer.Option(help="also list so many of the slowest statements of each evaluation")] = 0,
) -> None:
    """Measure, and print the table."""
    chosen = tuple(part.strip() for part in parts.split(","))
    unknown = sorted(set(chosen) - set(PARTS))
    if unknown:
        raise typer.BadParameter(f"there is no part `{unknown[0]}`; there are {', '.join(PARTS)}")
    home = Path(tempfile.mkdtemp(prefix="drumbeat-speed-")) if folder is None else folder.absolute()
    home.mkdir(parents=True, exist_ok=True)
    before = machine()
    forced = {"execution": execution, "increments": increments}
    how = ",".join(f"{name}={value}" for name, value in forced.items() if value) or None
    try:
        results = _measured(jobs_of(Wanted(scale, workflows, chosen, how, seed, sample)), repeats, home)
    finally:
        if folder is None:
            shutil.rmtree(home)
    about = before | {"load_afterwards": round(os.getloadavg()[0], 1)}
    lines = lines_of(results)
    print(markdown(lines))
    found = _told(results, about, profile) | {"lines": [asdict(line) for line in lines]}
    if page is not None:
        shown = {name: value for name, value in about.items() if name != "system"}
        fill_page(page, f"{markdown(lines)}\n\nMedians of {repeats}, by `{_command()}`; {_about(shown)}.")
    if json_path is not None:
        json_path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if found["differences"] or found["failed"]:
        raise typer.Exit(1)


def _measured(jobs: list[Job], repeats: int, home: Path) -> dict[Job, list[dict[str, Any]]]:
    """All jobs, round after round, so that a busy minute of the machine does not fall on one of them alone."""
    results: dict[Job, list[dict[str, Any]]] = {job: [] for job in jobs}
    for round_ in range(repeats):
        for job in jobs:
            if (job.once and round_) or any("failed" in found for found in results[job]):
                continue
            print(f"round {round_ + 1}: {job.label}", file=sys.stderr)
            results[job].append(run(job, home))
    return results


def _told(results: dict[Job, list[dict[str, Any]]], about: dict[str, Any], profile: int) -> dict[str, Any]:
    """Print what else was found; the same as data."""
    failed = {job.label: f["failed"] for job, found in results.items() for f in found if "failed" in f}
    differing = differences(results)
    print(f"\n{_about(about)}")
    print(f"\n{compared_count(results)} counts and hashes compared, {len(differing)} differ")
    for name, text in (differing | failed).items():
        print(f"- {name}: {text}")
    statements = {
        job.label: found[-1]["statements"] for job, found in results.items() if found and found[-1].get("statements")
    }
    for label, ran in statements.items() if profile else ():
        print(f"\n| {label} | stage | CPU s | wall s |\n|---|---|---:|---:|")
        for one in ran[:profile]:
            print(f"| {one['name']} | {one['stage']} | {one['cpu']:.2f} | {one['wall']:.2f} |")
    return {
        "machine": about,
        "results": [asdict(job) | {"found": found} for job, found in results.items()],
        "differences": differing,
        "failed": failed,
    }


def _about(about: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in about.items())


def _command() -> str:
    """The command as it was given, without what decides nothing."""
    given, kept = sys.argv[1:], list[str]()
    while given:
        option = given.pop(0)
        if option.split("=")[0] in ("--folder", "--json", "--page", "--profile"):
            given = given if "=" in option else given[1:]
        else:
            kept.append(option)
    return " ".join(["python -m benchmarks.speed", *kept])


if __name__ == "__main__":
    typer.run(main)
