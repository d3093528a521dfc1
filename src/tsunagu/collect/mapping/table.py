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

from tsunagu.collect.files import JSON, LINE, BadRow, runs
from tsunagu.collect.files.arrow import Array, Schema, Table, compute
from tsunagu.collect.mapping.columns import BLANKS, COUNT, ROW, RUN
from tsunagu.collect.mapping.compile import EVENT_COLUMNS, Compiled, compiled
from tsunagu.collect.mapping.document import Mapping
from tsunagu.collect.mapping.oddities import oddity
from tsunagu.core import Invalid

_MEMORY = "512MB"
_REMEMBERED = 64
_BODIES = ("properties", "traits", "context")
# What only the query itself shows: a format that is none, a condition over unlike types.
_WRONGLY_TOLD = (
    duckdb.BinderException,
    duckdb.ConversionException,
    duckdb.InvalidInputException,
    duckdb.ParserException,
)
Places = np.ndarray[Any, np.dtype[np.int64]]
Truths = np.ndarray[Any, np.dtype[np.bool_]]
_local = threading.local()


@dataclass(frozen=True)
class Mapped:
    """The events of a table with the columns `EVENT_COLUMNS`, in the order of their rows.

    `lines` has the line of each event's row; `passed_over` counts the rows that `where` leaves
    out. `at` is NULL only where the mapping states no time: the event happens when it is loaded.
    """

    events: Table
    lines: Array
    bad: Sequence[BadRow]
    passed_over: int


def map_table(mapping: Mapping, table: Table, *, first_row: int = 1) -> Mapped:
    """The events of a table.

    Args:
        table: what a reader of `tsunagu.collect.files` gives, or any table of Arrow.
        first_row: the number of the first row, for a table without lines of its own.

    Raises:
        Invalid: the mapping names a column that the table does not have, or holds a format or
            condition that cannot be run.
    """
    table = _prepared(mapping, table, first_row)
    query = _compiled(mapping, table.schema)
    session = connection()
    session.register("rows", trimmed(table))
    try:
        answered = session.execute(query.sql).to_arrow_table()
    except _WRONGLY_TOLD as error:
        told = str(error).partition("\n")[0]
        raise Invalid(
            f"The mapping {mapping.name!r} cannot be run: {told}; look at its formats of times"
            " and its conditions"
        ) from error
    finally:
        session.unregister("rows")
    faulty = ~_numpy(compute.is_null(answered["fault"]))
    odd = _oddities(answered, ~faulty, query.events)
    faulty[list(odd)] = True
    events, rows = _events(answered, faulty, query.events)
    bad = _bad(table, answered, np.flatnonzero(faulty), odd)
    used = _distinct(answered, rows)
    passed_over = table.num_rows - used - sum(count for _, count in bad)
    lines = answered["line"].take(pa.array(rows))
    return Mapped(events, lines, [row for row, _ in bad], passed_over)


def trimmed(table: Table) -> Table:
    """The table without blanks around its texts."""
    for at, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(at, field, compute.utf8_trim(table.column(at), BLANKS))
    return table


def _oddities(answered: Table, sound: Truths, count: int) -> dict[int, str]:
    """What is wrong with rows whose events had to be looked at one by one."""
    found: dict[int, str] = {}
    for index in range(count):
        suspects = _numpy(answered[f"odd{index}"]) & _numpy(answered[f"keep{index}"]) & sound
        places = np.flatnonzero(suspects)
        bodies = answered.select([f"{part}{index}" for part in _BODIES]).take(pa.array(places))
        for place, event in zip(places.tolist(), bodies.to_pylist(), strict=True):
            reason = oddity(event.values())
            if reason is not None:
                found[place] = reason
    return found


def _events(answered: Table, faulty: Truths, count: int) -> tuple[Table, Places]:
    """The events of the rows without fault, in the order of the rows, and each one's row."""
    parts: list[Table] = []
    order: list[Places] = []
    for index in range(count):
        chosen = _numpy(answered[f"keep{index}"]) & ~faulty
        taken = answered.select([f"{field.name}{index}" for field in EVENT_COLUMNS])
        if not chosen.all():
            taken = taken.filter(pa.array(chosen))
        parts.append(taken.rename_columns(EVENT_COLUMNS.names).cast(EVENT_COLUMNS))
        order.append(np.flatnonzero(chosen) * count + index)
    if count == 1:
        return parts[0], order[0]
    places = np.concatenate(order)
    sorting = np.argsort(places, kind="stable")
    return pa.concat_tables(parts).take(pa.array(sorting)), places[sorting] // count


def _prepared(mapping: Mapping, table: Table, first_row: int) -> Table:
    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(at).cast(field.type.value_type)
            table = table.set_column(at, field.name, plain)
        elif pa.types.is_large_string(field.type) or pa.types.is_string_view(field.type):
            table = table.set_column(at, field.name, table.column(at).cast(pa.string()))
    if LINE not in table.column_names:
        numbers = np.arange(first_row, first_row + table.num_rows)
        table = table.append_column(LINE, pa.array(numbers, pa.int64()))
    if mapping.gather is not None:
        numbers = runs(table, mapping.gather.by)
        table = table.append_column(RUN, pa.array(numbers, pa.int64()))
        table = table.append_column(ROW, pa.array(np.arange(table.num_rows), pa.int64()))
    return table


def _numpy(truths: Array) -> Truths:
    return np.asarray(truths.to_numpy(), np.bool_)


def _counts(answered: Table) -> Places:
    """How many rows of the table each row of the answer stands for."""
    if COUNT in answered.column_names:
        return answered[COUNT].to_numpy()
    return np.ones(answered.num_rows, np.int64)


def _distinct(answered: Table, rows: Places) -> int:
    """How many rows of the table became the events of these rows of the answer."""
    chosen = np.zeros(answered.num_rows, np.bool_)
    chosen[rows] = True
    return int(_counts(answered)[chosen].sum())


def _bad(
    table: Table, answered: Table, places: Places, odd: dict[int, str]
) -> list[tuple[BadRow, int]]:
    """The bad rows, and for how many rows of the table each stands."""
    if not len(places):
        return []
    told = answered.select(["line", "fault"]).take(pa.array(places)).to_pylist()
    counts = _counts(answered)[places].tolist()
    firsts = answered[ROW].to_numpy()[places] if ROW in answered.column_names else places
    plain = table.drop_columns([name for name in (LINE, RUN, ROW) if name in table.column_names])
    return [
        (
            BadRow(
                one["line"],
                one["fault"] or odd[place],
                _text(plain.slice(first, count).to_pylist()),
            ),
            count,
        )
        for place, one, first, count in zip(
            places.tolist(), told, firsts.tolist(), counts, strict=True
        )
    ]


def _text(rows: list[dict[str, Any]]) -> str:
    """Rows as JSON: a line of NDJSON as it was, one row as an object, several as a list."""
    if JSON in rows[0]:
        return rows[0][JSON].strip()
    return msgspec.json.encode(rows[0] if len(rows) == 1 else rows, enc_hook=str).decode()


def _compiled(mapping: Mapping, schema: Schema) -> Compiled:
    known: dict[tuple[str, str], Compiled] = _local.__dict__.setdefault("compiled", {})
    key = (mapping.model_dump_json(), schema.to_string(show_schema_metadata=False))
    if key not in known:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[key] = compiled(mapping, schema, "rows")
    return known[key]


def connection() -> duckdb.DuckDBPyConnection:
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
