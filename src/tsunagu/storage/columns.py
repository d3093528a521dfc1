"""Whole columns in and out of PostgreSQL, without a Python object for each value.

Bulk work has its rows as Arrow arrays. They become `COPY`'s text format by joining whole
columns; answers of numbers alone come back in the binary format, which is an array already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psycopg import Cursor, sql

from tsunagu.storage.staging import create_stage

Row = tuple[Any, ...]

Arrow = Any
"""An array of Arrow, whole or in chunks; its library has no types that a checker can read."""
Numbers = Any
"""An array of NumPy. Both libraries load when used: most processes never do bulk work."""

_SLICE = 50_000
_ESCAPES = (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))


def make_stage(cursor: Cursor[Row], table: str, columns: Mapping[str, str]) -> None:
    """Make the session's temporary table `table`, if it is not there, with no rows.

    Its rows go with the transaction.
    """
    create_stage(cursor, table, columns)
    cursor.execute(sql.SQL("truncate {}").format(sql.Identifier("pg_temp", table)))


def stage_columns(
    cursor: Cursor[Row], table: str, columns: Mapping[str, str], arrays: Sequence[Arrow]
) -> None:
    """Fill the session's temporary table `table` with these rows and no others.

    Args:
        cursor: inside a transaction.
        columns: name to PostgreSQL type, in the order of the arrays.
        arrays: of equal length; texts hold no U+0000.
    """
    make_stage(cursor, table, columns)
    with cursor.copy(_copy_into(table)) as copy:
        for lines in copy_lines(arrays):
            copy.write(lines)


def stage_lines(cursor: Cursor[Row], table: str, columns: Mapping[str, str], lines: Arrow) -> None:
    """The same with rows that are lines of `COPY`'s text format already."""
    make_stage(cursor, table, columns)
    with cursor.copy(_copy_into(table)) as copy:
        copy.write(_bytes(lines))


def _copy_into(table: str) -> sql.Composed:
    return sql.SQL("copy {} from stdin").format(sql.Identifier("pg_temp", table))


def copy_lines(arrays: Sequence[Arrow]) -> Iterator[memoryview]:
    """The rows in `COPY`'s text format, many at a time."""
    for start in range(0, len(arrays[0]), _SLICE):
        yield joined_lines([array.slice(start, _SLICE) for array in arrays])


def joined_lines(arrays: Sequence[Arrow]) -> memoryview:
    """The rows of arrays of equal length in `COPY`'s text format."""
    texts = [_text(array) for array in arrays]
    joined = _compute().binary_join_element_wise(
        *texts, "\t", null_handling="replace", null_replacement="\\N"
    )
    return _bytes(_compute().binary_join_element_wise(joined, "", "\n"))


def _text(array: Arrow) -> Arrow:
    import pyarrow as pa

    pc = _compute()
    if not pa.types.is_string(array.type):
        return array.cast(pa.string())
    for character, escape in _ESCAPES:
        if pc.any(pc.match_substring(array, character)).as_py():
            array = pc.replace_substring(array, character, escape)
    return array


def _compute() -> Any:
    import pyarrow.compute as pc

    return pc


def _bytes(lines: Arrow) -> memoryview:
    """The lines one after the other, as they lie in memory."""
    import numpy as np

    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, np.int32)
    start, end = int(ends[lines.offset]), int(ends[lines.offset + len(lines)])
    return memoryview(data)[start:end] if data is not None else memoryview(b"")


def fetch_numbers(
    cursor: Cursor[Row], query: sql.Composed, columns: Mapping[str, str]
) -> dict[str, Numbers]:
    """The rows of a query as arrays, column by column.

    Args:
        query: its columns are never null and have the types named here, in this order.
        columns: name to `int8`, `int4` or `bool`.
    """
    import numpy as np

    kinds = {"int8": ">i8", "int4": ">i4", "bool": "?"}
    layout = np.dtype([(name, kinds[kind]) for name, kind in columns.items()])
    # All rows come as one value: row by row, reading them took longer than finding them.
    packed = sql.SQL(" || ").join(
        sql.SQL("{}({})").format(sql.Identifier(f"{kind}send"), sql.Identifier(name))
        for name, kind in columns.items()
    )
    named = sql.SQL(", ").join(map(sql.Identifier, columns))
    cursor.execute(
        sql.SQL("select string_agg({}, ''::bytea) from ({}) as found ({})").format(
            packed, query, named
        ),
        binary=True,
    )
    row = cursor.fetchone()
    raw: bytes = row[0] if row and row[0] else b""
    rows = np.frombuffer(raw, layout)
    return {name: rows[name].astype(rows[name].dtype.newbyteorder("=")) for name in columns}
