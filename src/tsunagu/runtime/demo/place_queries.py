"""SQL for the driver's place: one report row of its workspace."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from psycopg import Cursor

from tsunagu.core import Json
from tsunagu.storage import Row

_REPORT = "driver"


def read_place(cursor: Cursor[Row], workspace_id: int) -> Json:
    """What a driver has noted, or nothing."""
    row = cursor.execute(
        "select document from reports where workspace_id = %s and report = %s",
        (workspace_id, _REPORT),
    ).fetchone()
    return {} if row is None else row[0]


def write_place(cursor: Cursor[Row], workspace_id: int, found: Mapping[str, object]) -> None:
    """Add to what the driver has noted."""
    cursor.execute(
        """
        insert into reports (workspace_id, report, document, at)
        values (%s, %s, %s::jsonb, clock_timestamp())
        on conflict (workspace_id, report) do update
        set document = reports.document || excluded.document, at = excluded.at
        """,
        (workspace_id, _REPORT, msgspec.json.encode(found).decode()),
    )
