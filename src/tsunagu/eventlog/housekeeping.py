"""What the log needs now and then: partitions ahead of it, old ones dropped, the lake tidied."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from psycopg import errors

from tsunagu.eventlog.partitions import drop_passed_partitions, ensure_partitions
from tsunagu.storage import Database
from tsunagu.storage.lake import EVENTS, IDENTITY, LakeTable, merged

PARTITION_SECONDS = 10.0
TIDY_SECONDS = 3600.0
# Readers hold a list of files for as long as their question takes.
KEEP_HOURS = {EVENTS: 24 * 7, IDENTITY: 1}
CRUMB_BYTES = 16_000_000
MOST_CRUMBS = 40
_log = logging.getLogger("tsunagu.housekeeping")


class Housekeeping:
    """Does what is due when it is looked at; the lake writer looks every second."""

    def __init__(self, database: Database, lake_folder: Path, keep_inbox: int) -> None:
        self._database = database
        self._folder = lake_folder
        self._keep_inbox = keep_inbox
        self._partitioned = float("-inf")
        self._tidied = time.monotonic()

    def look(self) -> None:
        """Make partitions every ten seconds; drop and tidy every hour."""
        now = time.monotonic()
        if now - self._partitioned < PARTITION_SECONDS:
            return
        self._partitioned = now
        try:
            with self._database.connect("owner") as connection:
                ensure_partitions(connection)
                if now - self._tidied >= TIDY_SECONDS:
                    self._tidied = now
                    for name in drop_passed_partitions(connection, keep=self._keep_inbox):
                        _log.info("Dropped partition %s: the lake has it", name)
                    tidy(self._folder)
        except errors.LockNotAvailable:
            _log.info("The log is busy; partitions are made at the next look")


def tidy(lake_folder: Path) -> None:
    """Join small files and delete those that nobody reads any more, in every lake."""
    for layout in (EVENTS, IDENTITY):
        for folder in sorted(lake_folder.glob(f"*/{layout.name}")):
            if layout.partition:
                join_crumbs(folder)
            LakeTable(folder, layout).vacuum(KEEP_HOURS[layout])


def join_crumbs(folder: Path, *, most: int = MOST_CRUMBS) -> int:
    """Make one file of a month's small ones where there are many; returns how many went.

    Raises:
        Retryable: another writer committed meanwhile; the lake is as it was.
    """
    table = LakeTable(folder, EVENTS)
    crumbs: dict[str, list[str]] = {}
    for path in sorted(table.files()):
        if Path(path).stat().st_size < CRUMB_BYTES:
            crumbs.setdefault(Path(path).parent.name, []).append(path)
    gone = [path for paths in crumbs.values() if len(paths) >= most for path in paths]
    if gone:
        spill = folder.parent / "spill"
        table.commit(table.committed, merged(gone, folder, EVENTS, spill), removed=gone)
    return len(gone)
