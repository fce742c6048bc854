"""`drumbeat test`: the project's workflow tests, on a warehouse in memory, through the very same evaluator."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from definitions.errors import UserError
from definitions.problems import did_you_mean
from pipelines.cli.authoring import Folder
from pipelines.cli.running import workspace_of

Names = Annotated[list[str] | None, typer.Argument(metavar="[TEST]...", help="Only these test files or workflows.")]


def test(names: Names = None, project: Folder = Path()) -> None:
    """Run the project's workflow tests."""
    from pipelines.evaluation import prepare
    from pipelines.testing import tests_of
    from sql import DuckDBSession

    loaded = workspace_of(project).project
    known = {*loaded.tests, *(test.workflow for test in loaded.tests.values())}
    for name in names or ():
        if name not in known:
            raise UserError("unknown-test", f"there is no test `{name}`", did_you_mean(name, known))
    passed = failed = 0
    with DuckDBSession(threads=1) as session:
        session.migrate(documented=False)
        prepare(session)
        for case in tests_of(loaded):
            if names and case.file not in names and case.workflow not in names:
                continue
            started = time.perf_counter()
            failure = case.run(session)
            spent = time.perf_counter() - started
            typer.echo(f"{'ok    ' if failure is None else 'failed'}  {case.title}  {spent:.2f} s")
            if failure is not None:
                typer.echo(failure.text())
            passed, failed = passed + (failure is None), failed + (failure is not None)
    typer.echo(
        f"{passed} passed, {failed} failed" if passed + failed else "there are no tests: write tests/<name>.yaml"
    )
    if failed:
        sys.exit(1)
