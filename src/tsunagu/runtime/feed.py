"""Feeding a load to identities and profiles: the pipeline's stages, for millions of events at once.

A load has written events to the lake, under a range of positions of its own. The feed takes the
range in parts. One transaction a part holds the pipeline's lease: it links identities, folds
profiles, answers audiences and notes how far the range is fed (`feed_part.py`). When all parts
are fed, each one's rows of the timeline follow, outside the lease, in a transaction of their own.
A kill repeats at most one part of either kind.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from psycopg import Connection, Cursor

from tsunagu import access, eventlog, identity, profiles
from tsunagu.core import Retryable
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import wall, zone
from tsunagu.identity import NONE
from tsunagu.profiles import make_plan
from tsunagu.runtime import feed_queries as queries
from tsunagu.runtime.feed_part import Part, read_part, store_part
from tsunagu.runtime.feed_queries import Owned, Standing
from tsunagu.serve import definitions
from tsunagu.serve.definitions import Definitions
from tsunagu.storage import LOOK_UPS, Database, in_workspace, notify
from tsunagu.storage.lake import LakeReader

Row = tuple[Any, ...]
Progress = Callable[[int, int], None]

PART = 1_000_000
"""Positions a part: so long the pipeline waits (some ten seconds), and so much memory it takes."""
FIRST_PART = 250_000
"""The first part is small, so that soon one is stored while the next is read; they double."""
TOLD_ROWS = 50_000
MEMORY = "384MB"
THREADS = 2


@dataclass
class FeedReport:
    """What a feed did in this run.

    `customers` counts the profiles written (a customer of two parts twice), `nobody` the events
    that name no usable identifier and stay in the lake alone. Profiles stood after
    `profile_seconds`, the timeline after `seconds`.
    """

    events: int = 0
    customers: int = 0
    nobody: int = 0
    profile_seconds: float = 0.0
    seconds: float = 0.0


def feed(
    database: Database,
    lake_folder: Path,
    workspace_id: int,
    *,
    after: int,
    upto: int,
    part: int = PART,
    progress: Progress | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> FeedReport:
    """Feed what the lake holds of a load's own range of positions; go on where it stands.

    Args:
        after: the last position before the range.
        upto: the last position of it. All its events must be committed to the lake by now, and
            hold nothing that PostgreSQL refuses (U+0000) and no JSON but objects.
        part: how many positions one transaction takes.
        progress: told how many positions are fed, and how many there are in all.
        stop: asked between parts; the rest is fed when called again.

    Raises:
        Retryable: another feed of the same range is at work.
        psycopg.OperationalError: the database went away. Nothing is lost; call again.
    """
    with database.connect("owner") as owner:
        eventlog.ensure_partitions(owner, after=after)
    with LakeReader(lake_folder, workspace_id, memory=MEMORY, threads=THREADS) as lake:
        feeder = _Feeder(database, lake.connection, workspace_id, after, upto)
        with _for_bulk_work():
            feeder.run(part, progress, stop)
    return feeder.report


@contextmanager
def _for_bulk_work() -> Generator[None]:
    """Python's own settings for millions of objects and threads that wait for each other.

    There are no cycles: reference counts free all, and the collector's walks took as long as the
    folding (measured). A thread that sends rows gives way at every full socket and gets its turn
    back after the switch interval: a tenth of it doubled what passes (measured).
    """
    collecting, interval = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(interval / 10)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        if collecting:
            gc.enable()


def _ranges(after: int, upto: int, most: int) -> Iterator[tuple[int, int]]:
    """The parts of a range, the first ones smaller."""
    size = min(FIRST_PART, most)
    while after < upto:
        yield after, min(after + size, upto)
        after, size = after + size, min(size * 2, most)


class _Feeder:
    """One call of `feed`."""

    def __init__(
        self,
        database: Database,
        lake: duckdb.DuckDBPyConnection,
        workspace_id: int,
        after: int,
        upto: int,
    ) -> None:
        self.report = FeedReport()
        self._database, self._lake, self._workspace = database, lake, workspace_id
        self._after, self._upto = after, upto
        self._definitions: Definitions | None = None

    def run(self, size: int, progress: Progress | None, stop: Callable[[], bool]) -> None:
        """The profiles of all parts, one after the other; then their rows of the timeline."""
        started = time.monotonic()
        standing = self._standing()
        waiting: list[tuple[int, int, Owned | None]] = [
            (after, min(after + size, standing.fed), None)
            for after in range(standing.told, standing.fed, size)
        ]
        ranges = deque(_ranges(standing.fed, self._upto, size))
        with ThreadPoolExecutor(1, "feed-reading") as ahead:
            reading = ahead.submit(self._read, *ranges.popleft()) if ranges else None
            while reading is not None and not stop():
                part = reading.result()
                reading = ahead.submit(self._read, *ranges.popleft()) if ranges else None
                waiting.append((part.after, part.upto, self._feed(part)))
                if progress is not None:
                    progress(part.upto - self._after, self._upto - self._after)
        self.report.profile_seconds = time.monotonic() - started
        self._tell_all(waiting)
        self.report.seconds = time.monotonic() - started

    def _standing(self) -> Standing:
        with self._connection() as connection, self._work(connection) as cursor:
            return queries.begin(cursor, self._workspace, self._after, self._upto)

    def _connection(self) -> Connection[Row]:
        connection = self._database.connect("pipeline")
        connection.execute(LOOK_UPS)
        return connection

    def _work(self, connection: Connection[Row]) -> AbstractContextManager[Cursor[Row]]:
        return in_workspace(connection, self._workspace)

    def _read(self, after: int, upto: int) -> Part:
        """What takes long and asks nobody is read before the pipeline has to wait."""
        with self._connection() as connection, self._work(connection) as cursor:
            current = self._published(cursor)
        return read_part(self._lake.cursor(), current.plan, current.kinds, after, upto)

    def _feed(self, part: Part) -> Owned:
        """Link and fold one part, in one transaction under the pipeline's lease."""
        with (
            self._connection() as first,
            self._connection() as second,
            self._connection() as third,
            self._work(first) as cursor,
        ):
            with self._work(third) as reader, self._work(second) as beside:
                owned = self._feed_held((cursor, beside, reader), part)
                failpoint("feed.before_commit")
            failpoint("feed.between_commits")
        failpoint("feed.after_commit")
        return owned

    def _feed_held(self, cursors: tuple[Cursor[Row], ...], part: Part) -> Owned:
        cursor, beside, reader = cursors
        workspace = self._workspace
        lease = eventlog.hold_cursor(cursor, workspace, eventlog.PIPELINE)
        if queries.begin(cursor, workspace, self._after, self._upto).fed != part.after:
            raise Retryable("Another process feeds the same load. Wait until it is done.")
        clock = access.business_now(cursor, workspace)
        unread = queries.next_unread(cursor, workspace, lease.position)
        current = self._published(cursor)
        if (current.plan.key, current.kinds.key) != (part.plan.key, part.kinds.key):
            part = read_part(self._lake, current.plan, current.kinds, part.after, part.upto)
        if eventlog.heed_plan(cursor, workspace, eventlog.PIPELINE, current.plan.key):
            profiles.wake_everyone(cursor, workspace, clock)
        closing = clock if unread is None else min(clock, unread)
        stored = store_part(
            cursor, beside, reader, self._lake, workspace, part, current.book, closing
        )
        queries.note_fed(cursor, workspace, self._after, part.upto, stored.events, stored.customers)
        eventlog.disturb(cursor, workspace)
        notify(cursor, "tsunagu_inbox", workspace)
        eventlog.append(cursor, workspace, stored.reactions, received_at=wall(), now=clock)
        self.report.events += stored.events
        self.report.customers += stored.customers
        self.report.nobody += stored.nobody
        return stored.owned

    def _published(self, cursor: Cursor[Row]) -> Definitions:
        where = access.workspace_by_id(cursor, self._workspace)
        held = self._definitions
        self._definitions = definitions.load(cursor, self._workspace, zone(where.zone), held)
        return self._definitions

    def _tell_all(self, waiting: Sequence[tuple[int, int, Owned | None]]) -> None:
        """Write the rows of the timeline, two parts at a time; they are committed in order."""
        before: Future[None] | None = None
        with ThreadPoolExecutor(2, "feed-timeline") as pool:
            for after, upto, owned in waiting:
                owned = self._owned(after, upto) if owned is None else owned
                before = pool.submit(self._tell, after, upto, owned, before)
            if before is not None:
                before.result()

    def _tell(self, after: int, upto: int, owned: Owned, before: Future[None] | None) -> None:
        """Write a part's rows of the timeline in one transaction, once the part before is in."""
        lake = self._lake.cursor()
        with self._connection() as connection, self._work(connection) as cursor:
            for lines in queries.read_told(lake, after, upto, owned, TOLD_ROWS):
                profiles.store_told(cursor, self._workspace, lines)
            if before is not None:
                before.result()
            failpoint("feed.before_told")
            self._settle(cursor, upto, owned)
        failpoint("feed.after_told")

    def _settle(self, cursor: Cursor[Row], upto: int, owned: Owned) -> None:
        """Note the timeline as written; have counted anew who was counted without it.

        The pipeline counts from the timeline when rules are new, and may have done so since the
        part was fed and before these rows were there.
        """
        workspace = self._workspace
        eventlog.hold_cursor(cursor, workspace, eventlog.PIPELINE)
        anew = owned.stale
        if owned.plan is None or queries.plan_of(cursor, workspace) != owned.plan:
            anew = np.unique(owned.customer)
        if len(anew):
            now = access.business_now(cursor, workspace)
            profiles.count_anew(cursor, workspace, anew, now)
            eventlog.disturb(cursor, workspace)
            notify(cursor, "tsunagu_inbox", workspace)
        queries.note_told(cursor, workspace, self._after, upto)

    def _owned(self, after: int, upto: int) -> Owned:
        """Whom the events of a part belong to that was fed before a process died."""
        with self._connection() as connection, self._work(connection) as cursor:
            kinds = self._published(cursor).kinds
            part = read_part(self._lake.cursor(), make_plan({}, zone(None)), kinds, after, upto)
            owners = identity.load_owners(cursor, self._workspace, part.names, part.stated)
        heard = identity.heard(part.stated, part.heads.told.position, owners.shared)
        customer = np.append(owners.customer, NONE)[identity.strongest(heard)]
        return Owned(part.heads.told.position, customer)
