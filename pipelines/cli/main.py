"""`drumbeat`: the command line.

Exit codes: 0 fine, 1 problems found, 2 wrong usage, 3 the environment is not as needed. Engines and connectors are
imported by the commands that use them, so that `check` starts at once.
"""

from __future__ import annotations

import sys

import typer

from definitions.errors import EnvironmentFault, UserError
from pipelines.cli import (
    asking,
    authoring,
    cataloguing,
    delivering,
    duplicating,
    operating,
    receiving,
    running,
    testing,
    verifying,
)
from pipelines.collector import collect_rarely

app = typer.Typer(
    name="drumbeat",
    help="CRM workflows on your warehouse: every decision explained as data.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    authoring.init,
    authoring.templates,
    duplicating.duplicate,
    authoring.check,
    testing.test,
    authoring.compile_,
    authoring.schema,
    asking.plan,
    asking.preview,
    asking.explain,
    running.apply,
    running.snapshot,
    running.evaluate,
    delivering.deliver,
    delivering.stop,
    delivering.uncertain,
    delivering.resolve,
    receiving.receive,
    receiving.collect,
    running.report,
    running.status,
    verifying.verify,
    running.demo,
):
    app.command(command.__name__.strip("_"))(command)
app.add_typer(cataloguing.app, name="catalog")
for name, taking, words in operating.ORDERS:
    app.command(name, help=words, rich_help_panel="Orders")(taking(name))
app.command(operating.orders.__name__, rich_help_panel="Orders")(operating.orders)


def run() -> None:
    """Run the command line and leave with its exit code."""
    collect_rarely()
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    except EnvironmentFault as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(3)


if __name__ == "__main__":
    run()
