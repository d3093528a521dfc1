"""Writing the lake's Parquet files: PostgreSQL's CSV in, one file a partition out, by DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from tsunagu.storage.lake.table import EVENTS, IDENTITY, DataFile, Layout

MEMORY = "256MB"

# Columns of the CSV as the lake writer copies them out of the inbox; times in microseconds.
EVENTS_CSV = (
    ("position", "bigint"),
    ("received_at", "bigint"),
    ("known_at", "bigint"),
    ("happened_at", "bigint"),
    ("message_id", "varchar"),
    ("type", "varchar"),
    ("name", "varchar"),
    ("user_id", "varchar"),
    ("anonymous_id", "varchar"),
    ("source", "varchar"),
    ("body", "varchar"),
)
IDENTITY_CSV = (
    ("kind", "varchar"),
    ("value", "varchar"),
    ("customer_id", "bigint"),
    ("first_position", "bigint"),
)

_EVENTS = """
select
    position,
    make_timestamptz(received_at) as received_at,
    make_timestamptz(known_at) as known_at,
    make_timestamptz(happened_at) as happened_at,
    message_id, type, name, user_id, anonymous_id,
    json_extract_string(parts[4], '$') as previous_id,
    json_extract_string(parts[5], '$') as group_id,
    source,
    parts[1]::varchar as properties,
    parts[2]::varchar as traits,
    parts[3]::varchar as context,
    strftime(make_timestamptz(known_at), '%Y-%m') as month
from (
    select * exclude body, json_extract(
        try_cast(body as json),
        ['$.properties', '$.traits', '$.context', '$.previousId', '$.groupId']
    ) as parts
    from {source}
)
"""
_IDENTITY = "select kind, value, customer_id, first_position from {source}"


def lake_connection(
    *, memory: str = MEMORY, threads: int = 1, spill: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory with bounds, in UTC, that downloads nothing."""
    settings: dict[str, Any] = {
        "threads": threads,
        "memory_limit": memory,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if spill is not None:
        settings["temp_directory"] = str(spill)
    connection = duckdb.connect(config=settings)
    connection.execute("set timezone = 'UTC'")
    return connection


def events_from_csv(csv: Path, folder: Path, spill: Path) -> list[DataFile]:
    """Write the events of a CSV file into the table's folder, a file for each month."""
    query = _EVENTS.format(source=_csv(csv, EVENTS_CSV))
    return _write(query, folder, EVENTS, spill)


def identity_from_csv(csv: Path, folder: Path, spill: Path) -> list[DataFile]:
    """Write the identifiers of a CSV file into the table's folder."""
    query = _IDENTITY.format(source=_csv(csv, IDENTITY_CSV))
    return _write(query, folder, IDENTITY, spill)


def merged(files: list[str], folder: Path, layout: Layout, spill: Path) -> list[DataFile]:
    """Write the rows of several files of one partition anew as one, in their order."""
    listed = ", ".join(map(literal, files))
    source = f"read_parquet([{listed}], hive_partitioning = true, hive_types_autocast = false)"
    return _write(f"from {source} order by position", folder, layout, spill)


def _csv(path: Path, columns: tuple[tuple[str, str], ...]) -> str:
    kinds = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns)
    return (
        f"read_csv({literal(str(path))}, columns = {{{kinds}}}, auto_detect = false,"
        " header = false, delim = ',', quote = '\"', escape = '\"', nullstr = '',"
        " allow_quoted_nulls = false, parallel = false,"
        " max_line_size = 2000000, buffer_size = 8000000)"
    )


def _write(query: str, folder: Path, layout: Layout, spill: Path) -> list[DataFile]:
    folder.mkdir(parents=True, exist_ok=True)
    options = "format parquet, compression zstd, return_stats, append"
    options += ", filename_pattern 'part-{uuid}'"
    options += f", partition_by ({layout.partition})" if layout.partition else ", per_thread_output"
    with lake_connection(spill=spill) as connection:
        written = connection.execute(
            f"copy ({query}) to {literal(str(folder))} ({options})"
        ).fetchall()
    return [_data_file(row, layout) for row in written if row[1]]


def _data_file(row: tuple[Any, ...], layout: Layout) -> DataFile:
    path, rows, size, _, columns, keys = row
    named = {name.strip('"'): found for name, found in columns.items()}
    partition = keys[layout.partition] if layout.partition else None
    return DataFile(Path(path), rows, size, partition, named)


def literal(text: str) -> str:
    """A text as a literal of DuckDB's SQL."""
    return "'" + text.replace("'", "''") + "'"
