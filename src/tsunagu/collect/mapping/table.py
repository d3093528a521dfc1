"""Tables into events: Arrow in, Arrow out, by one DuckDB query a table."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tsunagu.collect.files import JSON, LINE, BadRow
from tsunagu.collect.mapping.compile import EVENT_COLUMNS, Compiled, compiled
from tsunagu.collect.mapping.document import Mapping

_MEMORY = "512MB"
_REMEMBERED = 64
_local = threading.local()


@dataclass(frozen=True)
class Mapped:
    """The events of a table with the columns `EVENT_COLUMNS`, in the order of their rows.

    `lines` has the line of each event's row; `passed_over` counts the rows that `where` leaves
    out. `at` is NULL only where the mapping states no time: the event happens when it is loaded.
    """

    events: pa.Table
    lines: pa.ChunkedArray
    bad: Sequence[BadRow]
    passed_over: int


def map_table(mapping: Mapping, table: pa.Table, *, first_row: int = 1) -> Mapped:
    """The events of a table.

    Args:
        table: what a reader of `tsunagu.collect.files` gives, or any table of Arrow.
        first_row: the number of the first row, for a table without lines of its own.

    Raises:
        Invalid: the mapping names a column that the table does not have.
    """
    table = _prepared(table, first_row)
    query = _compiled(mapping, table.schema)
    connection = _connection()
    connection.register("rows", table)
    try:
        answered = connection.execute(query.sql).to_arrow_table()
    finally:
        connection.unregister("rows")
    good = pc.is_null(answered["fault"])
    parts, order = [], []
    for index in range(query.events):
        chosen = pc.and_(good, answered[f"keep{index}"])
        parts.append(_columns(answered.filter(chosen), index))
        order.append(np.flatnonzero(_numpy(chosen)) * query.events + index)
    places = np.concatenate(order)
    events = pa.concat_tables(parts)
    if query.events > 1:
        events = events.take(pa.array(np.argsort(places, kind="stable")))
        places = np.sort(places)
    rows = places // query.events
    lines = answered["line"].take(pa.array(rows))
    bad = _bad(table, answered, _numpy(good))
    passed = table.num_rows - len(bad) - len(np.unique(rows))
    return Mapped(events, lines, bad, passed)


def _prepared(table: pa.Table, first_row: int) -> pa.Table:
    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(at).cast(field.type.value_type)
            table = table.set_column(at, field.name, plain)
    if LINE not in table.column_names:
        numbers = np.arange(first_row, first_row + table.num_rows)
        table = table.append_column(LINE, pa.array(numbers, pa.int64()))
    return table


def _columns(answered: pa.Table, index: int) -> pa.Table:
    taken = answered.select([f"{field.name}{index}" for field in EVENT_COLUMNS])
    return taken.rename_columns(EVENT_COLUMNS.names).cast(EVENT_COLUMNS)


def _numpy(truths: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(truths.combine_chunks().to_numpy(zero_copy_only=False), dtype=bool)


def _bad(
    table: pa.Table, answered: pa.Table, good: np.ndarray[Any, np.dtype[np.bool_]]
) -> list[BadRow]:
    places = pa.array(np.flatnonzero(~good))
    if not len(places):
        return []
    rows = table.drop_columns([LINE]).take(places).to_pylist()
    told = answered.select(["line", "fault"]).take(places).to_pylist()
    return [
        BadRow(one["line"], one["fault"], row[JSON] if JSON in row else _written(row))
        for one, row in zip(told, rows, strict=True)
    ]


def _written(row: dict[str, Any]) -> str:
    return msgspec.json.encode(row, enc_hook=str).decode()


def _compiled(mapping: Mapping, schema: pa.Schema) -> Compiled:
    known: dict[tuple[str, str], Compiled] = _local.__dict__.setdefault("compiled", {})
    key = (mapping.model_dump_json(), schema.to_string(show_schema_metadata=False))
    if key not in known:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[key] = compiled(mapping, schema, "rows")
    return known[key]


def _connection() -> duckdb.DuckDBPyConnection:
    """This thread's DuckDB: in memory, one thread, and no way out of it."""
    found: duckdb.DuckDBPyConnection | None = getattr(_local, "connection", None)
    if found is None:
        found = duckdb.connect(
            config={
                "threads": 1,
                "memory_limit": _MEMORY,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        found.execute("set timezone = 'UTC'")
        found.execute("set enable_external_access = false")
        found.execute("set lock_configuration = true")
        _local.connection = found
    return found
