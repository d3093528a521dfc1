"""The customers' history in the lake: a version whenever a customer is found changed.

PostgreSQL tells which rows were written since the last look, by their transaction; the lake
tells which of them say something new. So nothing is copied whole, and a writer that was killed
after its commit finds on the next look that it has nothing to add.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

from psycopg import Connection

from tsunagu.access import business_now
from tsunagu.core.failpoints import failpoint
from tsunagu.profiles import lake_queries
from tsunagu.storage import Row, in_workspace
from tsunagu.storage.lake import CUSTOMERS, LakeTable, customers_from_csv


def write(connection: Connection[Row], lake_folder: Path, workspace_id: int) -> bool:
    """Write a new version of each customer who changed; False if nothing can have changed.

    Raises:
        Retryable: another writer was at work on the same lake.
    """
    home = lake_folder / str(workspace_id)
    with in_workspace(connection, workspace_id) as cursor:
        before = lake_queries.last_look(cursor, workspace_id)
        look = lake_queries.look(cursor, workspace_id)
        valid_from = business_now(cursor, workspace_id)
    if before is not None and before.same_state(look):
        return False
    since = before.horizon if before is not None and before.in_reach_of(look) else 0
    place = home / "upkeep" / uuid4().hex
    place.mkdir(parents=True)
    try:
        _add(connection, workspace_id, home / CUSTOMERS.name, place, since, valid_from)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    failpoint("lake.customers.committed")
    with in_workspace(connection, workspace_id) as cursor:
        lake_queries.note_look(cursor, workspace_id, look)
    return True


def _add(
    connection: Connection[Row],
    workspace_id: int,
    folder: Path,
    place: Path,
    since: int,
    valid_from: int,
) -> None:
    csv = place / "customers.csv"
    with in_workspace(connection, workspace_id) as cursor:
        lake_queries.copy_customers(cursor, workspace_id, since, csv)
    if not csv.stat().st_size:
        return
    table = LakeTable(folder, CUSTOMERS)
    version = table.committed + 1
    files = customers_from_csv(
        csv, table.files(), folder, place, version=version, valid_from=valid_from
    )
    failpoint("lake.customers.written")
    if files:
        table.commit(version, files)
