"""A database's url -> an engine whose transactions begin where we begin them, and whose errors repeat no values."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from definitions import EnvironmentFault

_DRIVERS = {"postgresql": "postgresql+psycopg"}


def engine_of(secret: SecretStr, seconds: int) -> Engine:
    """The engine of a url; nothing is connected yet."""
    try:
        url = make_url(secret.get_secret_value())
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=_limits(url, seconds))
    except ModuleNotFoundError as error:
        message = f"a `database` sink needs `{error.name}`, which is not installed"
        raise EnvironmentFault("missing-extra", message, "install `drumbeat-crm[database]`") from error
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise EnvironmentFault(
            "secret-unusable", "a database's url is not one", "write such as postgresql://user:password@host/database"
        ) from None
    if url.get_backend_name() == "sqlite":
        _begin_for_real(engine)
    return engine


def _limits(url: URL, seconds: int) -> dict[str, Any]:
    match url.get_backend_name():
        case "postgresql":
            return {"connect_timeout": min(seconds, 10), "options": f"-c statement_timeout={seconds * 1000}"}
        case "sqlite":
            return {"timeout": seconds}
        case _:
            return {}


def _begin_for_real(engine: Engine) -> None:
    """Python's sqlite3 begins a transaction at the first change only, so that a savepoint before it would be one itself."""

    def plain(connection: Any, _: object) -> None:
        connection.isolation_level = None

    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", plain)
    event.listen(engine, "begin", begin)
