"""The first benchmark: so many workflows over so many accounts with their related rows, the whole way.

    python -m benchmarks.first --workflows 200 --accounts 50000

Rows and workflows are generated from the seed. The first evaluation judges everybody; before the second one about 1 % of
the rows change; for those after it only time moves on. Prints what each part took; `--json` writes the same for machines.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.crm_rows import Size, first_state, second_state, write_state
from benchmarks.meter import Meter, MeteredSession, machine
from benchmarks.project_files import write_project
from benchmarks.tables import print_report
from connectors import Source, open_source
from definitions import load_project, read_folder
from definitions.connections import FileSourceSettings
from pipelines.apply import apply_project
from pipelines.evaluation import broken_invariants, evaluate
from pipelines.live import live_plan, live_project
from pipelines.snapshot import take_snapshot
from sql import Plan

NOW = datetime(2026, 11, 2, 11, 0, tzinfo=UTC)
LATER = (timedelta(days=1), timedelta(days=4), timedelta(days=8), timedelta(days=15), timedelta(days=22))
"""When the evaluations after the first one are; further ones follow weekly."""


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    workflows: int
    accounts: int
    evaluations: int
    everyone: float
    seed: int
    timezone: str


@dataclass
class Run:
    """One run: the folder it works in, its meter, and the numbers it found."""

    settings: Settings
    folder: Path
    meter: Meter = field(default_factory=Meter)
    counts: dict[str, Any] = field(default_factory=dict[str, Any])
    evaluations: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def main(
    workflows: Annotated[int, typer.Option(help="how many workflows")] = 200,
    accounts: Annotated[int, typer.Option(help="how many accounts")] = 50_000,
    evaluations: Annotated[int, typer.Option(help="how many evaluations, the first included")] = 4,
    everyone: Annotated[float, typer.Option(help="share of workflows with `launch: everyone`")] = 0.5,
    seed: Annotated[int, typer.Option(help="decides rows and workflows")] = 7,
    timezone: Annotated[str, typer.Option(help="the project's timezone")] = "America/New_York",
    folder: Annotated[Path | None, typer.Option(help="where to work; must be new or empty, and is kept")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="also write the numbers to this file")] = None,
    statements: Annotated[int, typer.Option(help="how many of the slowest statements to list")] = 15,
    check: Annotated[bool, typer.Option(help="check the invariants at the end")] = False,
) -> None:
    """Measure a whole run on generated data."""
    settings = Settings(workflows, accounts, evaluations, everyone, seed, timezone)
    made = Path(tempfile.mkdtemp(prefix="drumbeat-benchmark-")) if folder is None else _empty(folder)
    try:
        run = Run(settings, made)
        with _prepared(run) as session:
            for number, instant in enumerate(_instants(settings.evaluations), start=1):
                _evaluate(run, session, number, instant)
            found = _result(run, session)
            broken = broken_invariants(session) if check else {}
    finally:
        if folder is None:
            shutil.rmtree(made)
    print_report(found, statements)
    if json_path is not None:
        json_path.write_text(json.dumps(found, indent=2, default=str) + "\n", encoding="utf-8")
    if broken:
        raise typer.Exit(_complain(broken))


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise typer.BadParameter(f"`{folder}` is not empty")
    return folder


def _complain(broken: dict[str, list[dict[str, Any]]]) -> int:
    for name, rows in broken.items():
        print(f"invariant broken: {name}, {len(rows)} rows, such as {rows[0]}")
    return 1


def _prepared(run: Run) -> MeteredSession:
    """Generate, load, apply and compile; the warehouse is ready to be evaluated."""
    settings, measure = run.settings, run.meter.measure
    with measure("generate rows"):
        _generate(run)
    with measure("generate workflows"):
        write_project(run.folder, settings.workflows, settings.seed, settings.everyone, settings.timezone)
    with measure("load and check"):
        project = load_project(read_folder(run.folder))
    session = MeteredSession(run.folder / "warehouse.duckdb", timezone=settings.timezone)
    session.migrate()
    with measure("apply"):
        apply_project(session, project, at=NOW, by="benchmark")
    with measure("load the live project"):
        live_project(session)
    with measure("compile the live plan"):
        _, plan = live_plan(session, NOW)
    run.counts |= _plan_counts(plan)
    return session


def _plan_counts(plan: Plan) -> dict[str, Any]:
    objects = plan.truths.objects.values()
    groups = [group for made in objects for group in made.needs.aggregates.groups]
    return {
        "statements": len(plan.statements),
        "sql_kb": round(sum(len(statement.sql) for statement in plan.statements) / 1000),
        "entry_conditions": sum(len(made.expressions["entry"]) for made in objects),
        "other_conditions": sum(len(made.expressions["inside"]) for made in objects),
        "held_conditions": sum(len(made.needs.held) for made in objects),
        "values": sum(len(made.expressions["value"]) for made in objects),
        "relations_grouped": len(groups),
        "aggregates": sum(len(group.columns) for group in groups),
    }


def _generate(run: Run) -> None:
    settings = run.settings
    size = Size(settings.accounts)
    tables = first_state(settings.seed, size, NOW)
    rows = write_state(run.folder / "data" / "first", tables)
    if settings.evaluations > 1:
        changed = second_state(settings.seed, size, NOW, NOW + LATER[0], tables)
        write_state(run.folder / "data" / "second", changed)
    run.counts |= {"rows": rows}


def _instants(count: int) -> Iterator[datetime]:
    yield NOW
    yield from (NOW + later for later in LATER[: count - 1])
    yield from (NOW + LATER[-1] + timedelta(weeks=week) for week in range(1, count - len(LATER)))


def _evaluate(run: Run, session: MeteredSession, number: int, instant: datetime) -> None:
    """One evaluation; the first two read a snapshot of their own."""
    if number <= 2:
        _, project = live_project(session)
        session.during = f"snapshot {number}"
        with run.meter.measure(session.during):
            take_snapshot(session, project, _sources(run, "first" if number == 1 else "second"), instant)
    session.during = f"evaluation {number}"
    with run.meter.measure(session.during):
        made = evaluate(session, instant)
    totals = {
        name: sum(getattr(workflow, f"{name}_count") for workflow in made.workflows)
        for name in ("qualifying", "entered", "refused", "left", "completed", "inside", "planned")
    }
    run.evaluations.append({"evaluation": number, "as_of": instant, "chain_hash": made.chain_hash, **totals})


def _sources(run: Run, state: str) -> dict[str, Source]:
    settings = FileSourceSettings(kind="files", path=f"data/{state}", format="parquet")
    return {"crm": open_source(settings, run.folder)}


def _result(run: Run, session: MeteredSession) -> dict[str, Any]:
    first = run.evaluations[0]
    pairs = run.settings.workflows * run.settings.accounts
    run.counts |= {
        "entry_selectivity": round(first["qualifying"] / pairs, 3),
        "episodes": session.count("state.episodes"),
        "participants": session.count("state.participants"),
        "actions": session.count("outbox.actions"),
        "refusals": session.count("state.refusals"),
        "warehouse_mb": round((run.folder / "warehouse.duckdb").stat().st_size / 1e6),
    }
    return {
        "settings": asdict(run.settings),
        "machine": machine(),
        "work": [asdict(spent) for spent in run.meter.spent],
        "counts": run.counts,
        "evaluations": run.evaluations,
        "statements": [asdict(ran) for ran in session.ran],
    }


if __name__ == "__main__":
    typer.run(main)
