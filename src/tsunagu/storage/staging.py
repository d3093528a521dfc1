"""Staging: many rows of one batch into a temporary table, so that SQL can work set-based.

Row-level security refuses `COPY` into the real tables; a temporary table is the session's own.
Times travel as integer microseconds and become timestamptz in the statement that follows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from psycopg import Cursor, sql

Row = tuple[Any, ...]


def int_array(values: Iterable[int]) -> str:
    """A PostgreSQL array literal; psycopg's own dumping of long lists costs ten times more."""
    return "{" + ",".join(map(str, values)) + "}"


def text_array(values: Collection[str]) -> str:
    """A PostgreSQL array literal of texts without U+0000."""
    if not values:
        return "{}"
    every = "".join(values)
    if "\\" in every or '"' in every:
        values = [v.replace("\\", "\\\\").replace('"', '\\"') for v in values]
    return '{"' + '","'.join(values) + '"}'


def create_stage(cursor: Cursor[Row], table: str, columns: Mapping[str, str]) -> None:
    """Make the session's temporary table `table`, if it is not there."""
    fields = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))  # type: ignore[arg-type]
        for column, kind in columns.items()
    )
    cursor.execute(
        sql.SQL("create temporary table if not exists {} ({}) on commit delete rows").format(
            sql.Identifier(table), fields
        )
    )


def stage(
    cursor: Cursor[Row], table: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]
) -> None:
    """Fill the session's temporary table `table` with these rows and no others.

    They go with the transaction.

    Args:
        cursor: inside a transaction.
        table: the name of the temporary table, made when it is not there.
        columns: name to PostgreSQL type, in the order of the rows' values.
        rows: values that fit the types in psycopg's binary format.
    """
    name = sql.Identifier("pg_temp", table)
    create_stage(cursor, table, columns)
    # Most often there are none; a truncation would cost more than that.
    cursor.execute(sql.SQL("delete from {}").format(name))
    with cursor.copy(sql.SQL("copy {} from stdin (format binary)").format(name)) as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)
