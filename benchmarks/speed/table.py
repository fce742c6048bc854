"""What the jobs found, as rows: medians, ratios, and one Markdown table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.speed.jobs import Job

Results = Mapping[Job, Sequence[dict[str, Any]]]
BEGIN, END = "<!-- begin table -->", "<!-- end table -->"
TRUTHS = "first evaluation: truths"
EVERYBODY = "everybody judged"
HELD = ", 1.5 GB for DuckDB"
PASSED = ", nine of ten passages over"
_OURS = {
    "bound: hash every referenced column": TRUTHS,
    "bound: group every related table": TRUTHS,
    "one SELECT a condition": TRUTHS,
    "polars, lazily": TRUTHS,
    "json-logic, record by record": TRUTHS,
    "rule-engine, record by record": TRUTHS,
    "statements for each step": "1% changed: state",
    "snapshot of whole tables": "1% changed: snapshot",
}
"""The rows of others, and the row of ours that does the same work."""
_VARIANTS = {HELD: "the same with half of the machine's", PASSED: "the same with none over"}
"""What the names of rows of a variant hold more than those that they are compared with, and how these are named."""


@dataclass(frozen=True)
class Line:
    """One line of the table, with the medians of all repetitions."""

    what: str
    scale: float
    workflows: int
    everyone: int
    how: str | None
    cpu: float
    wall: float
    peak_mb: float | None
    sampled: bool
    note: str
    ratio: float | None = None
    of: str = ""


def lines_of(results: Results) -> list[Line]:
    """All lines, in the order of the jobs, with their ratios."""
    made = [line for job, found in results.items() for line in _lines(job, found)]
    return [_compared(line, made) for line in _unique(made) if _is_shown(line, made[0])]


def _is_shown(line: Line, base: Line) -> bool:
    """Of other scales and numbers of workflows only what is compared: the evaluation, its judging, truths and state."""
    if (line.scale, line.workflows, line.everyone) == (base.scale, base.workflows, base.everyone):
        return True
    if line.what in ("apply", "compile") and line.scale == base.scale:
        return True
    shown = (": evaluation", ": judging", ": truths", ": state", "snapshot and evaluation", "a condition")
    return line.what.endswith(shown)


def _unique(lines: Iterable[Line]) -> list[Line]:
    found: dict[tuple[Any, ...], Line] = {}
    for line in lines:
        found.setdefault((line.what, line.scale, line.workflows, line.everyone, line.how), line)
    return list(found.values())


def _lines(job: Job, found: Sequence[dict[str, Any]]) -> Iterable[Line]:
    there = [f for f in found if "failed" not in f]
    for number, first in enumerate(there[0]["rows"] if there else []):
        rows = [f["rows"][number] for f in there]
        yield Line(
            what=first["name"],
            scale=job.scale,
            workflows=job.workflows,
            everyone=job.everyone,
            how=job.how,
            cpu=median(row["cpu"] for row in rows),
            wall=median(row["wall"] for row in rows),
            peak_mb=median(f["peak_mb"] for f in there) if number == 0 else None,
            sampled=first["sampled"],
            note=first["note"],
        )


def _compared(line: Line, lines: Sequence[Line]) -> Line:
    """The ratio to what does the same otherwise, on less data, or for fewer workflows; else to evaluating everything."""
    base = lines[0]

    def at(what: str, scale: float, workflows: int, everyone: int) -> Line | None:
        place = (what, scale, workflows, everyone, line.how)
        return next(
            (x for x in lines if (x.what, x.scale, x.workflows, x.everyone, x.how) == place and x.cpu > 0), None
        )

    here = (line.scale, line.workflows, line.everyone)
    part = line.what.partition(": ")[2]
    others: list[tuple[Line | None, str]] = []
    if line.what in _OURS:
        others = [(at(_OURS[line.what], *here), _OURS[line.what])]
    elif (variant := next((name for name in _VARIANTS if name in line.what), None)) is not None:
        others = [(at(line.what.replace(variant, ""), *here), _VARIANTS[variant])]
    elif line.scale > base.scale:
        others = [(at(line.what, base.scale, line.workflows, line.everyone), "the same with a third of the data")]
    elif line.workflows > line.everyone and line.everyone < base.everyone:
        smaller = at(line.what, line.scale, line.everyone, line.everyone)
        others = [(smaller, f"the same for {line.everyone} workflows")]
    elif "changed: " in line.what:
        others = [(at(name, *here), name) for name in (f"{EVERYBODY}: {part}", f"first evaluation: {part}")]
    for other, name in others:
        if other is not None and other is not line:
            return Line(**{**vars(line), "ratio": line.cpu / other.cpu, "of": name})
    return line


def differences(results: Results) -> dict[str, str]:
    """Where two ways to find the same did not: counts of conditions, and hashes of tables."""
    found: dict[str, str] = {}
    counts: dict[tuple[float, int], dict[str, tuple[str, int]]] = {}
    for job, made in results.items():
        for one in made:
            for name, count in _counts(one):
                told, known = counts.setdefault((job.scale, job.workflows), {}).setdefault(name, (job.task, count))
                if known != count:
                    found[f"{name} at scale {job.scale:g}"] = f"{told} {known}, {job.task} {count}"
            for engine in ("json-logic", "rule-engine"):
                if one.get("counts", {}).get(engine):
                    found[engine] = f"{one['counts'][engine]} conditions"
    return found | _hashed(results)


def _counts(one: dict[str, Any]) -> Iterable[tuple[str, int]]:
    counts = one.get("counts", {})
    yield from counts.get("conditions", {}).items()
    yield from ((f"{workflow} entry", count) for workflow, count in counts.get("entries", {}).items())


def _hashed(results: Results) -> dict[str, str]:
    """Tables that came out otherwise, by another execution or when it was done again."""
    known: dict[tuple[Any, ...], str] = {}
    found: dict[str, str] = {}
    for job, made in results.items():
        for one in made:
            for when, tables in one.get("counts", {}).get("hashes", {}).items():
                for table, value in tables.items():
                    place = (job.scale, job.workflows, job.everyone, when, table)
                    if known.setdefault(place, value) != value:
                        found[f"{table}, {when}, scale {job.scale:g}, {job.workflows} workflows"] = "differs"
    return found


def compared_count(results: Results) -> int:
    """How many counts and hashes were there to be compared."""
    ones = [one for made in results.values() for one in made]
    hashed = sum(len(tables) for one in ones for tables in one.get("counts", {}).get("hashes", {}).values())
    return hashed + sum(len(list(_counts(one))) for one in ones)


def markdown(lines: Sequence[Line]) -> str:
    """The table."""
    head = (
        "| what | accounts | workflows | launched | CPU s | wall s | peak MB | ratio | to |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    )
    return "\n".join((*head, *map(_row, lines)))


def _row(line: Line) -> str:
    sampled = " (x)" if line.sampled else ""
    cells = (
        line.what + (f", {line.how}" if line.how else ""),
        f"{line.scale * 1_000_000:,.0f}",
        f"{line.workflows:,}",
        f"{line.everyone:,}",
        f"{line.cpu:,.2f}{sampled}",
        f"{line.wall:,.2f}{sampled}" if line.wall else "",
        f"{line.peak_mb:,.0f}" if line.peak_mb is not None else "",
        _plain(line.ratio) if line.ratio is not None else "",
        ", ".join(text for text in (line.of, line.note) if text),
    )
    return f"| {' | '.join(cells)} |"


def _plain(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.2g}" if ratio < 1 else f"{ratio:.1f}"


def fill_page(page: Path, text: str) -> None:
    """Put a text between the two marks of a page."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"`{page}` has no place for the table: it is between `{BEGIN}` and `{END}`")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
