"""Reading a workspace's lake: a DuckDB with views over the files of one moment.

The file lists come from the Delta log, so a view never sees half a flush. Times are
`timestamptz`; `epoch_us(happened_at)` gives the platform's microseconds.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from deltalake import DeltaTable

from tsunagu.storage.lake.files import lake_connection, literal
from tsunagu.storage.lake.table import EVENTS, IDENTITY, Layout

_KINDS = {"long": "bigint", "timestamp": "timestamptz", "string": "varchar"}

# A row's customer is whoever owns its identifiers in the snapshot, so a merge moves no rows.
_CUSTOMER_EVENTS = """
create view customer_events as
select e.*, coalesce(u.customer_id, a.customer_id) as customer_id
from events as e
left join identity as u on u.kind = 'user_id' and u.value = e.user_id
left join identity as a on a.kind = 'anonymous_id' and a.value = e.anonymous_id
"""


class LakeReader:
    """A DuckDB connection with the views `events`, `identity` and `customer_events`.

    Args:
        lake_folder: the folder of all workspaces' lakes.
        workspace_id: whose lake.
        known_at: show the events as the business knew them then (inclusive), in microseconds;
            None shows all.
        memory: DuckDB's bound, beyond which it spills to disk.
    """

    def __init__(
        self,
        lake_folder: Path,
        workspace_id: int,
        *,
        known_at: int | None = None,
        memory: str = "512MB",
        threads: int = 1,
    ) -> None:
        home = lake_folder / str(workspace_id)
        spill = home / "reading" / uuid4().hex  # made by DuckDB if it needs it, and removed
        self.connection = lake_connection(memory=memory, threads=threads, spill=spill)
        until = "" if known_at is None else f" where known_at <= make_timestamptz({int(known_at)})"
        self._view(home, EVENTS, until)
        self._view(home, IDENTITY, "")
        self.connection.execute(_CUSTOMER_EVENTS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def _view(self, home: Path, layout: Layout, condition: str) -> None:
        files = _files(home / layout.name)
        columns = ", ".join(name for name, _ in layout.columns)
        if files:
            listed = ", ".join(map(literal, files))
            source = f"read_parquet([{listed}], hive_partitioning = true, hive_types_autocast = 0)"
            query = f"from {source} select {columns}{condition}"
        else:
            empty = ", ".join(f"null::{_KINDS[kind]} as {name}" for name, kind in layout.columns)
            query = f"select {empty} where false"
        self.connection.execute(f"create view {layout.name} as {query}")


def _files(folder: Path) -> list[str]:
    if not DeltaTable.is_deltatable(str(folder)):
        return []
    return sorted(DeltaTable(str(folder)).file_uris())
