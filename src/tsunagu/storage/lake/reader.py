"""Reading a workspace's lake: a DuckDB with views over the files of one moment.

The file lists come from the Delta log, so a view never sees half a flush. Times are
`timestamptz`; `epoch_us(happened_at)` gives the platform's microseconds.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from tsunagu.storage.lake.files import lake_connection
from tsunagu.storage.lake.views import make_views


class LakeReader:
    """A DuckDB connection with the views of `make_views`.

    Args:
        lake_folder: the folder of all workspaces' lakes.
        workspace_id: whose lake.
        known_at: show events and customers as the business knew them then (inclusive), in
            microseconds; None shows all.
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
        make_views(self.connection, home, known_at=known_at)

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
