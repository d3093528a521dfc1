"""Rows of a database, by dlt's `sql_table` over SQLAlchemy.

With a cursor column the rows come in its order, so that each page moves the cursor; rows that
share the cursor's last value are told apart by their key, or else by all they hold. Without one
the whole table is read and rows that came before are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dlt
import sqlalchemy
from dlt.common.exceptions import DltException
from dlt.extract.incremental.exceptions import IncrementalCursorPathHasValueNone
from dlt.sources.sql_database import TableLoader, sql_table
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from tsunagu.collect.sources.guard import refuse_own_database
from tsunagu.collect.sources.models import PAGE_ROWS, Sql
from tsunagu.collect.sources.reading import Page, Reading
from tsunagu.collect.sources.through_dlt import with_state
from tsunagu.core import Invalid

# The drivers we ship or name in the documentation.
DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mssql": "mssql+pyodbc",
    "oracle": "oracle+oracledb",
}
CONNECT_SECONDS = 10
_TIMEOUTS = {
    "postgresql": "connect_timeout",
    "mysql": "connect_timeout",
    "mariadb": "connect_timeout",
}


def address(settings: Sql, password: str | None) -> URL:
    """The URL with its driver and password.

    Raises:
        Invalid: it is no SQLAlchemy URL.
    """
    try:
        url = make_url(settings.url)
    except ArgumentError:
        raise Invalid(
            "`url` is no database URL; write for example "
            "postgresql+psycopg://reader@db.example/shop"
        ) from None
    url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
    return url if password is None else url.set(password=password)


def pages(reading: Reading, settings: Sql) -> Iterator[Page]:
    """The rows after the cursor, or all of them."""
    engine = _engine(reading, settings)
    place, seen = f"table {settings.table}", 0
    try:
        with engine.connect() as connection:
            rows = _rows(engine, connection, settings)
            for table, state in with_state(rows, reading.state):
                if table.num_rows:
                    kept = state if settings.cursor else None
                    yield Page(table, place, seen + 1, kept, remember=settings.mode == "full")
                seen += table.num_rows
    except DltException as wrapped:
        raise _told(wrapped, settings) or wrapped from None
    finally:
        engine.dispose()


def _rows(engine: sqlalchemy.Engine, connection: sqlalchemy.Connection, settings: Sql) -> Any:
    """dlt's resource, reading through a connection that ends when we say so."""

    class Loader(TableLoader):
        """dlt's own loader, but for the connection."""

        def _load_rows(self, query: Any, backend_kwargs: dict[str, Any]) -> Iterator[Any]:
            streamed = connection.execution_options(yield_per=self.chunk_size)
            yield from self._convert_result(streamed.execute(query), backend_kwargs)

    return sql_table(
        engine,
        settings.table,
        schema=settings.schema_name,
        included_columns=settings.columns,
        incremental=_incremental(settings),
        primary_key=settings.primary_key or None,  # pyright: ignore[reportArgumentType]
        backend="pyarrow",
        chunk_size=PAGE_ROWS,
        table_adapter_callback=_times_as_written if engine.name == "sqlite" else None,
        table_loader_class=Loader,
    )


def _told(error: BaseException, settings: Sql) -> Invalid | None:
    """What an error of dlt means for whoever wrote the source."""
    step: BaseException | None = error
    while step is not None:
        if isinstance(step, IncrementalCursorPathHasValueNone):
            return Invalid(
                f"Some rows of {settings.table!r} have no value in {settings.cursor!r}. Leave "
                "them out with `empty_cursor: skip`, or read the whole table with `mode: full`."
            )
        if isinstance(step, KeyError):
            return Invalid(
                f"The table {settings.table!r} has no column {settings.cursor!r}. "
                "Name another cursor in the source."
            )
        step = step.__cause__ or step.__context__
    return None


def _engine(reading: Reading, settings: Sql) -> sqlalchemy.Engine:
    url = address(settings, reading.secrets.get("password"))
    refuse_own_database(url, reading.forbidden)
    dialect = url.get_backend_name()
    timeout = _TIMEOUTS.get(dialect)
    try:
        return sqlalchemy.create_engine(
            url,
            connect_args={timeout: CONNECT_SECONDS} if timeout else {},
            hide_parameters=True,
            pool_pre_ping=False,
            poolclass=sqlalchemy.NullPool,
        )
    except NoSuchModuleError:
        raise Invalid(f"SQLAlchemy knows no database {url.drivername!r}.") from None
    except ModuleNotFoundError as missing:
        raise Invalid(
            f"The driver {missing.name!r} for {url.drivername} is not installed. "
            f"Install it beside Tsunagu: pip install {missing.name}"
        ) from None


def _times_as_written(table: sqlalchemy.Table) -> None:
    """SQLite keeps times as texts, each program in its own form: compared in another form, rows
    that share the cursor's last moment would be missed."""
    for column in table.columns:
        if isinstance(column.type, (sqlalchemy.DateTime, sqlalchemy.Date, sqlalchemy.Time)):
            column.type = sqlalchemy.String()


def _incremental(settings: Sql) -> Any:
    if settings.cursor is None:
        return None
    return dlt.sources.incremental(
        settings.cursor,
        initial_value=None if settings.start is None else typed(settings.start),
        row_order="asc",
        lag=settings.lag or None,
        on_cursor_value_missing="exclude" if settings.empty_cursor == "skip" else "raise",
    )


def typed(text: str) -> Any:
    """The beginning of a cursor as a number, a time, or the text itself."""
    for kind in (int, float, datetime.fromisoformat):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
