"""What the log needs now and then: partitions ahead of it, old ones dropped."""

from __future__ import annotations

import logging
import time

from psycopg import errors

from tsunagu.eventlog.partitions import drop_passed_partitions, ensure_partitions
from tsunagu.storage import Database

PARTITION_SECONDS = 10.0
DROP_SECONDS = 3600.0
_log = logging.getLogger("tsunagu.housekeeping")


class Housekeeping:
    """Does what is due when it is looked at; the lake writer looks every second."""

    def __init__(self, database: Database, keep_inbox: int) -> None:
        self._database = database
        self._keep_inbox = keep_inbox
        self._partitioned = float("-inf")
        self._dropped = time.monotonic()

    def look(self) -> None:
        """Make partitions every ten seconds; drop old ones every hour."""
        now = time.monotonic()
        if now - self._partitioned < PARTITION_SECONDS:
            return
        self._partitioned = now
        try:
            with self._database.connect("owner") as connection:
                ensure_partitions(connection)
                if now - self._dropped >= DROP_SECONDS:
                    self._dropped = now
                    for name in drop_passed_partitions(connection, keep=self._keep_inbox):
                        _log.info("Dropped partition %s: the lake has it", name)
        except errors.LockNotAvailable:
            _log.info("The log is busy; partitions are made at the next look")
