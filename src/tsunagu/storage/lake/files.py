"""Writing the lake's Parquet files: PostgreSQL's CSV in, one file a partition out, by DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from tsunagu.storage.lake.table import CUSTOMERS, EVENTS, IDENTITY, DataFile, Layout

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
CUSTOMERS_CSV = (
    ("customer_id", "bigint"),
    ("merged_into", "bigint"),
    ("first_seen", "bigint"),
    ("last_seen", "bigint"),
    ("events", "bigint"),
    ("traits", "varchar"),
    ("audiences", "varchar"),
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
_CUSTOMERS = """
with told as (
    select *, (md5_number_lower(
        row(merged_into, first_seen, last_seen, events, traits, audiences)::varchar
    ) >> 1)::bigint as digest
    from {source}
),
held as (
    select customer_id, arg_max(digest, version) as digest
    from {known}
    where customer_id in (select customer_id from told)
    group by customer_id
)
select
    t.customer_id,
    {version}::bigint as version,
    make_timestamptz({valid_from}) as valid_from,
    t.merged_into,
    make_timestamptz(t.first_seen) as first_seen,
    make_timestamptz(t.last_seen) as last_seen,
    t.events, t.traits, t.audiences, t.digest
from told as t
left join held as h using (customer_id)
where h.digest is distinct from t.digest
"""
_NOTHING_KNOWN = "(select 0::bigint as customer_id, 0::bigint as digest, 0::bigint as version)"
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


def customers_from_csv(
    csv: Path, known: Sequence[str], folder: Path, spill: Path, *, version: int, valid_from: int
) -> list[DataFile]:
    """Write the customers of a CSV file whose content is another than in their last version.

    Args:
        known: the table's files as they are.
        version: the number of the versions to write; higher than any before.
        valid_from: when the platform knew this, in microseconds.
    """
    query = _CUSTOMERS.format(
        source=_csv(csv, CUSTOMERS_CSV),
        known=parquet(known) if known else _NOTHING_KNOWN,
        version=version,
        valid_from=valid_from,
    )
    return _write(query, folder, CUSTOMERS, spill)


def rewritten(
    files: Sequence[str], folder: Path, layout: Layout, spill: Path, *, without: str | None = None
) -> list[DataFile]:
    """Write the rows of several files of one partition anew as one, in the order given.

    Args:
        without: a condition of DuckDB's SQL; the rows for which it is true are left out.
    """
    columns = ", ".join(name for name, _ in layout.columns)
    condition = f" where ({without}) is not true" if without else ""
    return _write(f"from {parquet(files)} select {columns}{condition}", folder, layout, spill)


def parquet(files: Sequence[str], *, named: bool = False) -> str:
    """A table of DuckDB's SQL over Parquet files; `named` adds the column `filename`."""
    listed = ", ".join(map(literal, files))
    more = ", filename = true" if named else ""
    return f"read_parquet([{listed}], hive_partitioning = true, hive_types_autocast = 0{more})"


def _csv(path: Path, columns: tuple[tuple[str, str], ...]) -> str:
    kinds = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns)
    return (
        f"read_csv({literal(str(path))}, columns = {{{kinds}}}, auto_detect = false,"
        " header = false, delim = ',', quote = '\"', escape = '\"', nullstr = '',"
        " allow_quoted_nulls = false, parallel = false,"
        " max_line_size = 2000000, buffer_size = 8000000)"
    )


def _write(query: str, folder: Path, layout: Layout, spill: Path) -> list[DataFile]:
    with lake_connection(spill=spill) as connection:
        return write_files(connection, query, folder, layout)


def write_files(
    connection: duckdb.DuckDBPyConnection, query: str, folder: Path, layout: Layout
) -> list[DataFile]:
    """Write what a query of this connection gives into a folder, a file for each partition.

    Args:
        query: has the layout's columns in their order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = "format parquet, compression zstd, return_stats, append"
    options += ", filename_pattern 'part-{uuid}'"
    options += f", partition_by ({layout.partition})" if layout.partition else ", per_thread_output"
    written = connection.execute(f"copy ({query}) to {literal(str(folder))} ({options})").fetchall()
    return [_data_file(row, layout) for row in written if row[1]]


def _data_file(row: tuple[Any, ...], layout: Layout) -> DataFile:
    path, rows, size, _, columns, keys = row
    named = {name.strip('"'): found for name, found in columns.items()}
    partition = keys[layout.partition] if layout.partition else None
    return DataFile(Path(path), rows, size, partition, named)


def literal(text: str) -> str:
    """A text as a literal of DuckDB's SQL."""
    return "'" + text.replace("'", "''") + "'"
