"""The numbers of a run as tables for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table


def print_report(found: dict[str, Any], statements: int) -> None:
    """Print what a run took and did, evaluation by evaluation, and its slowest statements."""
    console = Console(width=140)  # wide enough for the stages, whatever the terminal
    settings, machine = found["settings"], found["machine"]
    title = f"{settings['workflows']} workflows, {settings['accounts']:,} accounts, {found['counts']['rows']:,} rows"
    console.print(_work(found, title))
    console.print(_stages(found))
    console.print(_evaluations(found))
    if statements:
        console.print(_slowest(found, statements))
    console.print(", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in found["counts"].items()))
    console.print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items()))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    return table


def _plain(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value else ""


def _work(found: dict[str, Any], title: str) -> Table:
    table = _table(title, "work", "wall s", "CPU s", "peak MB")
    for spent in found["work"]:
        table.add_row(spent["name"], _seconds(spent["wall"]), _seconds(spent["cpu"]), f"{spent['peak_mb']:,.0f}")
    return table


def _stages(found: dict[str, Any]) -> Table:
    """CPU seconds by stage; what a piece of work spends outside its statements is `other`, the commit above all."""
    works = [spent for spent in found["work"] if spent["name"].startswith(("snapshot", "evaluation"))]
    table = _table("CPU seconds by stage", "stage", *(spent["name"] for spent in works))
    ran = found["statements"]
    stages = sorted({r["stage"] for r in ran})
    for stage in stages:
        table.add_row(stage, *(_seconds(_cpu(r for r in ran if _is(r, w, stage))) for w in works))
    table.add_row("other", *(_seconds(w["cpu"] - _cpu(r for r in ran if r["during"] == w["name"])) for w in works))
    return table


def _is(ran: dict[str, Any], work: dict[str, Any], stage: str) -> bool:
    return ran["during"] == work["name"] and ran["stage"] == stage


def _cpu(ran: Iterable[dict[str, Any]]) -> float:
    return sum(r["cpu"] for r in ran)


def _evaluations(found: dict[str, Any]) -> Table:
    names = [name for name in found["evaluations"][0] if name not in ("evaluation", "as_of", "chain_hash")]
    table = _table("What the evaluations did", "evaluation", "as of", *names)
    for row in found["evaluations"]:
        instant = row["as_of"].strftime("%Y-%m-%d %H:%M")
        table.add_row(str(row["evaluation"]), instant, *(_plain(row[name]) for name in names))
    return table


def _slowest(found: dict[str, Any], count: int) -> Table:
    table = _table("Slowest statements", "statement", "during", "wall s", "CPU s")
    ran = sorted(found["statements"], key=lambda r: -r["cpu"])[:count]
    for r in ran:
        table.add_row(f"{r['stage']} {r['name']}", r["during"], _seconds(r["wall"]), _seconds(r["cpu"]))
    return table
