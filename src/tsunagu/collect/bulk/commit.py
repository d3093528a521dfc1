"""The exactly-once hand-over of a part: promised in PostgreSQL first, then one Delta commit.

The promise and the part's keys enter the database in one transaction, under the pipeline's
lease: from that moment an HTTP event with one of these message ids is a repeat, and what came
over HTTP before has been taken out of the part. Killed after the promise, the next run of the
load asks the lake whether it has the part, and commits the same files if not.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from psycopg import Connection

from tsunagu.collect.bulk import queries
from tsunagu.collect.bulk.models import Load, Promised, data_from
from tsunagu.core import Retryable
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import wall
from tsunagu.storage import Row, in_workspace
from tsunagu.storage.lake import EVENTS, DataFile, LakeTable

_TURNS = 60
_TURN_SECONDS = 0.05


def staging_folder(home: Path, load: Load) -> Path:
    """Where a load's files wait until they are in the lake; on the lake's disk."""
    return home / "loading" / str(load.load_id) / "staged"


def deliver_promised(connection: Connection[Row], home: Path, load: Load) -> None:
    """Bring into the lake what was promised before a process died."""
    with in_workspace(connection, load.workspace_id) as cursor:
        found = queries.open_parts(cursor, load)
    folder = staging_folder(home, load)
    for part, told in found:
        deliver(connection, home, load, Promised(part, data_from(told, folder)))


def deliver(connection: Connection[Row], home: Path, load: Load, promised: Promised) -> None:
    """Commit a promised part to the lake, unless the lake has it, and note that it is there.

    Raises:
        Retryable: others kept committing to the lake; run the load again.
    """
    folder = staging_folder(home, load)
    for turn in range(_TURNS):
        table = LakeTable(home / EVENTS.name, EVENTS)
        if table.committed_by(load.application) >= promised.part:
            break
        files = [_moved(file, folder, table.folder) for file in promised.data]
        failpoint("load.moved")
        try:
            table.commit(promised.part, files, application=load.application)
        except Retryable:
            time.sleep(_TURN_SECONDS * (1 + turn % 10))
            continue
        break
    else:
        raise Retryable("Others keep committing to the lake. Run the load again to go on.")
    failpoint("load.committed")
    with in_workspace(connection, load.workspace_id) as cursor:
        queries.settle_part(cursor, load, promised, wall())
    failpoint("load.settled")


def _moved(file: DataFile, staging: Path, table: Path) -> DataFile:
    """A staged file in the table's folder, where it is no part of the table yet."""
    target = table / file.path.relative_to(staging)
    if not target.exists():
        if not target.parent.exists():
            target.parent.mkdir()
            sync(table)
        os.utime(file.path)  # the lake's upkeep deletes files that long belonged to nothing
        file.path.rename(target)
    return DataFile(target, file.rows, file.size, file.partition, file.columns)


def sync_files(files: list[DataFile]) -> None:
    """Make staged files survive a power cut, before anybody promises them."""
    months = {file.path.parent for file in files}
    for path in (*(file.path for file in files), *months, *{month.parent for month in months}):
        sync(path)


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
