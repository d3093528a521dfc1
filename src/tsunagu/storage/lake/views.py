"""The views of a workspace's lake: what SQL sees, in insights, for analysts and in exports.

`events` is the log, `customer_events` the same with the customer who owns each row's
identifiers now, so a merge moves no rows. `customers` are the customers as last written,
`customer_history` all their versions, `identity` who owns each identifier. `events_known_at(t)`
and `customers_known_at(t)` show what was known at a time.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import duckdb
from deltalake import DeltaTable

from tsunagu.storage.lake.files import parquet
from tsunagu.storage.lake.table import CUSTOMERS, EVENTS, IDENTITY, Layout

VIEWS = ("events", "customer_events", "customers", "customer_history", "identity")
MACROS = ("events_known_at", "customers_known_at")

_KINDS = {"long": "bigint", "timestamp": "timestamptz", "string": "varchar"}
_OWNED = """
create view customer_events as
select e.*, coalesce(u.customer_id, a.customer_id) as customer_id
from events as e
left join identity as u on u.kind = 'user_id' and u.value = e.user_id
left join identity as a on a.kind = 'anonymous_id' and a.value = e.anonymous_id
"""
_HISTORY = """
create view customer_history as
select
    customer_id, valid_from,
    lead(valid_from) over (partition by customer_id order by version) as valid_to,
    merged_into, first_seen, last_seen, events,
    traits::json as traits, audiences::json::varchar[] as audiences
from customer_versions
"""
_LATEST = """
select
    customer_id, valid_from, merged_into, first_seen, last_seen, events,
    traits::json as traits, audiences::json::varchar[] as audiences
from customer_versions
where {condition}
qualify row_number() over (partition by customer_id order by version desc) = 1
"""
_KNOWN_AT = """
create macro events_known_at(moment) as table
select * from customer_events where known_at <= moment::timestamptz
"""


def make_views(
    connection: duckdb.DuckDBPyConnection, home: Path, *, known_at: int | None = None
) -> None:
    """Make the views over the files of this moment; a view never sees half a flush.

    Args:
        home: the workspace's folder in the lake.
        known_at: show events and customers as known then, in microseconds; None shows all.
    """
    until = _until("known_at", known_at)
    _view(connection, home / EVENTS.name, EVENTS, EVENTS.name, until)
    _view(connection, home / IDENTITY.name, IDENTITY, IDENTITY.name, "true")
    since = _until("valid_from", known_at)
    _view(connection, home / CUSTOMERS.name, CUSTOMERS, "customer_versions", since)
    then = _LATEST.format(condition="valid_from <= moment::timestamptz")
    for statement in (
        _OWNED,
        _HISTORY,
        f"create view customers as from ({_LATEST.format(condition='true')})"
        " where merged_into is null",
        _KNOWN_AT,
        f"create macro customers_known_at(moment) as table from ({then}) where merged_into is null",
    ):
        connection.execute(statement)


def _until(column: str, at: int | None) -> str:
    return "true" if at is None else f"{column} <= make_timestamptz({int(at)})"


def _view(
    connection: duckdb.DuckDBPyConnection, folder: Path, layout: Layout, name: str, condition: str
) -> None:
    files = files_of(folder)
    columns = ", ".join(column for column, _ in layout.columns)
    if files:
        query = f"from {parquet(files)} select {columns} where {condition}"
    else:
        empty = ", ".join(f"null::{_KINDS[kind]} as {column}" for column, kind in layout.columns)
        query = f"select {empty} where false"
    connection.execute(f"create view {name} as {query}")


def files_of(folder: Path) -> list[str]:
    """The Parquet files that make up a table now; none where there is no table yet."""
    if not DeltaTable.is_deltatable(str(folder)):
        return []
    return sorted(map(unquote, DeltaTable(str(folder)).file_uris()))
