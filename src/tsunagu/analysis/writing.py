"""Writing a question's rows: to a Parquet, Arrow or CSV file, or as plain values for a page.

Rows are written as they come, so a large export needs little memory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import pyarrow as pa
from pyarrow import csv, parquet

from tsunagu.analysis.models import Batch, Column, DataType, Refused, Result, Schema
from tsunagu.analysis.process import Asking

Format = Literal["parquet", "arrow", "csv"]
FORMATS: dict[Format, str] = {
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
    "csv": "text/csv; charset=utf-8",
}
_ENDINGS: dict[str, Format] = {".parquet": "parquet", ".arrow": "arrow", ".csv": "csv"}
_EXACT = 2**53
_DIGITS = 15

Progress = Callable[[int], None]


class _Writer(Protocol):
    def write_batch(self, batch: Batch) -> None: ...


def format_of(path: Path) -> Format:
    """The format that a file's name asks for.

    Raises:
        Refused: it names none of ours.
    """
    found = _ENDINGS.get(path.suffix.lower())
    if found is None:
        raise Refused(f"{path.name} must end in .parquet, .arrow or .csv.")
    return found


def write_result(
    asking: Asking, sink: BinaryIO, kind: Format, progress: Progress | None = None
) -> Result:
    """Write all rows of a question.

    Args:
        progress: told how many rows have been written, after each batch.

    Raises:
        Refused: the question went over one of its bounds; what was written is no whole file.
    """
    schema = _flat(asking.schema) if kind == "csv" else asking.schema
    rows = 0
    with _writer(sink, schema, kind) as writer:
        for batch in asking.batches:
            writer.write_batch(_as_text(batch, schema) if kind == "csv" else batch)
            rows += batch.num_rows
            if progress is not None:
                progress(rows)
    return asking.result


def columns(schema: Schema) -> list[Column]:
    """The columns of a result."""
    return [Column(field.name, str(field.type)) for field in schema]


def plain_rows(asking: Asking) -> Iterator[list[Any]]:
    """The rows as values that JSON has: times as ISO 8601 text, numbers too long for it as text."""
    for batch in asking.batches:
        arrays = [column.to_pylist() for column in batch.columns]
        for number in range(batch.num_rows):
            yield [_plain(array[number]) for array in arrays]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, date):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value.hex() if isinstance(value, bytes) else str(value)


def _number(value: Decimal) -> int | float | str:
    """A number as JSON has it where that loses nothing, else its digits."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value():
        whole = int(value)
        return whole if abs(whole) <= _EXACT else str(value)
    return float(value) if len(value.as_tuple().digits) <= _DIGITS else str(value)


def _writer(sink: BinaryIO, schema: Schema, kind: Format) -> AbstractContextManager[_Writer]:
    if kind == "parquet":
        return parquet.ParquetWriter(sink, schema, compression="zstd")
    if kind == "arrow":
        return pa.ipc.new_stream(sink, schema)
    return csv.CSVWriter(sink, schema)


def _nested(kind: DataType) -> bool:
    return pa.types.is_nested(kind) or pa.types.is_interval(kind) or pa.types.is_binary(kind)


def _flat(schema: Schema) -> Schema:
    """A schema that CSV can hold: lists and structures become text."""
    return pa.schema(
        [pa.field(f.name, pa.string()) if _nested(f.type) else f for f in schema],
    )


def _as_text(batch: Batch, schema: Schema) -> Batch:
    arrays = [
        column
        if column.type == field.type
        else pa.array(
            [
                None if value is None else json.dumps(_plain(value), ensure_ascii=False)
                for value in column.to_pylist()
            ],
            pa.string(),
        )
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.record_batch(arrays, schema=schema)
