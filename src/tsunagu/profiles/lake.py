"""Putting the customers into the lake; the libraries for it load only where it is done."""

from __future__ import annotations

from pathlib import Path

from psycopg import Connection

from tsunagu.storage import Row


def write_customers(connection: Connection[Row], lake_folder: Path, workspace_id: int) -> bool:
    """Write a new version of each customer who changed; False if nothing can have changed.

    Raises:
        Retryable: another writer was at work on the same lake.
    """
    # DuckDB and delta-rs take 100 MB that the pipeline does not need.
    from tsunagu.profiles.lake_history import write

    return write(connection, lake_folder, workspace_id)
