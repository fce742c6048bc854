"""The page that says what random histories covered: written by the command, read by people."""

from __future__ import annotations

from support.soak.directed import FROM
from support.soak.fleet import Summary
from support.soak.tally import EXPECTED

COMMAND = "PYTHONPATH=.:tests python -m support.soak --seeds {seeds} --steps {steps} --engines {engines} --report docs/soak.md"


def page(summary: Summary, seeds: str) -> str:
    """The page as Markdown; `seeds` as they were asked for."""
    command = COMMAND.format(seeds=seeds, steps=summary.steps, engines=",".join(summary.engines))
    lines = [
        "# Random histories",
        "",
        "Small random projects are played through random histories: rows that change, operators' orders, results, edits of the",
        "project, clocks that change. After every evaluation the engine is compared with a second meaning of the language in plain",
        "Python, and its invariants are checked. A seed decides everything; what fails is shortened and becomes a case.",
        f"From seed {FROM} on some seeds lean far towards what chance hardly ever does (`tests/support/soak/directed.py`).",
        "",
        f"    {command}",
        "",
        f"{summary.seeds} seeds of {summary.steps} steps, {summary.evaluations} evaluations, {len(summary.failures)} failures.",
        f"{summary.declined} histories ended early, at something that the second meaning does not know.",
        "",
        "Bugs that were found this way are cases in `tests/cases/found.yaml`. `python -m support.soak.mutants` plants bugs in a copy of the",
        "sources, one at a time; each must be found within 50 seeds.",
        "",
        "What fired in how many seeds, and how often altogether; every guard should also have seeds in which it did not fire.",
        "",
        "| guard | | seeds with | without | times |",
        "|---|---|---|---|---|",
    ]
    for guard, names in EXPECTED.items():
        for name in names:
            key = f"{guard}: {name}"
            fired = summary.fired[key]
            lines.append(f"| {guard} | `{name}` | {fired} | {summary.seeds - fired} | {summary.times[key]} |")
    silent = never_fired(summary)
    told = ", ".join(f"`{key}`" for key in silent)
    lines += ["", f"Never fired: {told}." if silent else "Everything fired in some seed."]
    return "\n".join(lines) + "\n"


def never_fired(summary: Summary) -> list[str]:
    """Guards that no seed made fire."""
    keys = [f"{guard}: {name}" for guard, names in EXPECTED.items() for name in names]
    return [key for key in keys if not summary.fired[key]]
