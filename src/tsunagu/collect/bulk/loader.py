"""The run of a load: workers bring parts on their way side by side, and settle them in order.

A part goes through four steps: it is read and checked (any worker), its repeats are found and
its positions taken (in order, because the first of equal message ids stays), it is written as
Parquet (any worker), it is promised and committed (in order). Only the promise moves the load's
cursor, so a kill anywhere costs at most the parts that were on their way.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from psycopg import Connection, Cursor, errors

from tsunagu.collect.bulk import queries
from tsunagu.collect.bulk.commit import deliver, deliver_promised, staging_folder, sync_files
from tsunagu.collect.bulk.holding import Held, hold_part
from tsunagu.collect.bulk.keys import Run, repeated
from tsunagu.collect.bulk.known import KnownKeys
from tsunagu.collect.bulk.models import (
    MOST_BAD,
    BadLine,
    Counts,
    Load,
    Promised,
    data_as_json,
)
from tsunagu.collect.bulk.reading import CHUNK_BYTES, Chunk, read_chunks
from tsunagu.collect.bulk.staging import Checked, Places, Stage
from tsunagu.collect.bulk.turns import GivenUp, Turns
from tsunagu.collect.mapping import Mapping
from tsunagu.collect.plan import PlanBook
from tsunagu.core import Invalid
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import wall
from tsunagu.eventlog import ensure_partitions
from tsunagu.storage import Database, Row, in_workspace
from tsunagu.storage.lake import DataFile

# Positions are taken in stretches, so that what is fed at once is one range.
STRETCH = 4_000_000
# A part that has this many rows, all bad, is of the wrong kind of file.
_HOPELESS = 100
_TOLD_OF_TOO_MANY = 1000
_MOST_WORKERS = 4
_LEAST_CHUNK = 8 << 20
Tell = Callable[[Counts], None]
Item = TypeVar("Item")


@dataclass(eq=False)
class _Part:
    """A part on its way: what is in it, and since when it has not listened to HTTP."""

    number: int
    chunk: Chunk
    checked: Checked
    out: Places
    base: int
    run: Run
    news: int
    held: Held = field(default_factory=Held)
    files: list[DataFile] = field(default_factory=list[DataFile])
    key_file: str = ""

    @property
    def loaded(self) -> int:
        """How many of its events enter the lake; what the plan blocks is known but not loaded."""
        return len(self.run) - len(self.held.places)


class Loader:
    """Runs one load to the end of its files, or until it is told to stop.

    Args:
        home: the workspace's lake folder.
        mapping: how rows become events; None for the Segment spec.
        book: the workspace's tracking plan, if it has one.
        most_bad: at how many bad rows the load stops.
        tell: hears after each part what the load came to.
        chunk_bytes: about how much of a file is one part; None suits it to the files.
    """

    def __init__(
        self,
        database: Database,
        home: Path,
        load: Load,
        mapping: Mapping | None,
        *,
        book: PlanBook | None = None,
        most_bad: int = MOST_BAD,
        tell: Tell = lambda _: None,
        chunk_bytes: int | None = None,
    ) -> None:
        self._database = database
        self._home = home
        self._load = load
        self._book = book
        self._most_bad = most_bad
        self._tell = tell
        self._workers = min(_MOST_WORKERS, os.cpu_count() or 1)
        self._folder = staging_folder(home, load).parent
        self._counts = load.counts
        self._stop = threading.Event()
        self._staging = Turns(load.part + 1)
        self._settling = Turns(load.part + 1)
        size = chunk_bytes or _suited(load.bytes, self._workers)
        chunks = read_chunks(load.files, load.cursor, mapping, size=size)
        self._chunks = _Shared(enumerate(chunks, load.part + 1))
        self._taken = (0, 0)
        self._bytes_staged = load.counts.bytes
        self._known = KnownKeys(home, self._folder / "known")

    def run(self, connection: Connection[Row]) -> None:
        """Load what is left.

        Args:
            connection: of the role `pipeline`; it holds the workspace's turn to load.

        Raises:
            Invalid: a file cannot be read or holds too many bad rows; what is promised stays.
        """
        deliver_promised(connection, self._home, self._load)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        since = self._load.received_at - queries.REPEATS_FOR
        self._known.open(connection, self._load.workspace_id, since)
        with (
            self._database.connect("pipeline") as self._log,
            ThreadPoolExecutor(self._workers, "load") as pool,
        ):
            working = [
                pool.submit(self._worker, number, connection) for number in range(self._workers)
            ]
            try:
                for one in as_completed(working):
                    one.result()
            finally:
                self._give_up()
        shutil.rmtree(self._folder)

    def _give_up(self) -> None:
        """Let no part go on: what is promised stays, the rest is for the next run."""
        self._stop.set()
        self._staging.give_up()
        self._settling.give_up()

    def _worker(self, number: int, connection: Connection[Row]) -> None:
        """Take part after part, until there is none or the work is given up."""
        load = self._load
        stage = Stage(self._folder / f"spill-{number}", load.source, load.received_at)
        try:
            while not self._stop.is_set():
                found = self._chunks.next()
                if found is None:
                    return
                self._bring(stage, *found, connection)
                stage.clear()
        except GivenUp:
            return
        finally:
            stage.close()

    def _bring(self, stage: Stage, number: int, chunk: Chunk, connection: Connection[Row]) -> None:
        checked = stage.check(chunk)
        with self._staging.turn(number):
            part = self._staged(number, chunk, checked)
        self._write(stage, part)
        failpoint("load.staged")
        with self._settling.turn(number):
            self._settle(stage, part, connection)

    def _staged(self, number: int, chunk: Chunk, checked: Checked) -> _Part:
        """Find the repeats of a part and take its positions."""
        news = self._known.news  # before the look: what comes meanwhile is looked at later
        again = repeated(checked.keys)
        again |= self._known.holds(checked.keys)
        run = Run.of(checked.keys.take(~again))
        self._known.add_staged(run)
        self._bytes_staged += chunk.bytes
        base = self._positions(checked.rows if len(run) else 0, chunk.bytes)
        return _Part(number, chunk, checked, checked.places[again], base, run, news)

    def _positions(self, count: int, size: int) -> int:
        """The position before the part's first one; `size` is what the part takes of its file."""
        used, end = self._taken
        if used + count > end:
            to_come = self._load.bytes - self._bytes_staged
            ahead = int(1.1 * count * to_come / size) if size else 0
            wanted = count + min(STRETCH, max(0, ahead))
            with in_workspace(self._log, self._load.workspace_id) as cursor:
                used = queries.take_positions(cursor, self._load, wanted)
            end = used + wanted
            self._make_partitions()
        self._taken = (used + count, end)
        return used

    def _make_partitions(self) -> None:
        """The log's next events have partitions of their own, though positions ran ahead."""
        try:
            with self._database.connect("owner") as owner:
                ensure_partitions(owner)
        except errors.LockNotAvailable:
            return  # the lake writer's housekeeping makes them at its next look

    def _write(self, stage: Stage, part: _Part) -> None:
        if not len(part.run):
            return
        if self._book is not None:
            source, received = self._load.source, self._load.received_at
            part.held = hold_part(stage, self._book, part.out, part.base, source, received)
        if part.loaded:
            out = np.union1d(part.out, part.held.places)
            part.files = stage.write(out, part.base, staging_folder(self._home, self._load))
            sync_files(part.files)
        part.key_file = self._known.write(part.run)

    def _settle(self, stage: Stage, part: _Part, connection: Connection[Row]) -> None:
        """Promise a part, bring it into the lake, and say so."""
        self._refuse_too_bad(part, connection)
        self._bury(part, part.checked.bad, connection)
        counts = self._promise(stage, part, connection)
        failpoint("load.promised")
        if part.key_file:
            self._known.promised(part.run, part.key_file, self._load.received_at)
        if part.files:
            deliver(connection, self._home, self._load, Promised(part.number, tuple(part.files)))
        self._known.join(connection, self._load.workspace_id)
        self._counts.add(counts)
        self._tell(self._counts)

    def _promise(self, stage: Stage, part: _Part, connection: Connection[Row]) -> Counts:
        """One transaction that settles what the part is; the pipeline waits meanwhile."""
        load = self._load
        while True:
            with in_workspace(connection, load.workspace_id) as cursor:
                standing = queries.hold_pipeline(cursor, load.workspace_id)
                self._known.listen(cursor, load.workspace_id, standing)
                late = self._known.heard_since(part.news, part.run.keys)
                if not late.any():
                    return self._note(cursor, part)
            self._take_out(stage, part)

    def _take_out(self, stage: Stage, part: _Part) -> None:
        """Write a part anew without what came over HTTP since its repeats were found."""
        late = self._known.heard_since(part.news, part.checked.keys)
        part.news = self._known.news
        gone = part.checked.places[late]
        part.out = np.union1d(part.out, gone)
        for file in part.files:
            file.path.unlink()
        keep = ~np.isin(part.checked.places, part.out)
        rest = Run.of(part.checked.keys.take(keep))
        self._known.replace_staged(part.run, part.key_file, rest)
        part.run, part.held, part.files, part.key_file = rest, Held(), [], ""
        self._write(stage, part)

    def _note(self, cursor: Cursor[Row], part: _Part) -> Counts:
        load, checked, chunk, now = self._load, part.checked, part.chunk, wall()
        counts = Counts(
            chunk.bytes,
            checked.lines,
            part.loaded,
            len(checked.places) - len(part.run),
            len(checked.bad),
            len(part.held.places),
        )
        part.held.store(cursor, load.workspace_id)
        queries.promise_part(
            cursor,
            load,
            part.number,
            (part.base + 1, part.base + checked.rows),
            counts,
            data_as_json(part.files, staging_folder(self._home, load)),
            chunk.upto,
            now,
        )
        if part.key_file:
            queries.add_key_file(
                cursor, load.workspace_id, part.key_file, 0, len(part.run), load.received_at
            )
        failpoint("load.before_promise")
        return counts

    def _bury(self, part: _Part, bad: list[BadLine], connection: Connection[Row]) -> None:
        """Put bad lines into dead letters: once, however often the part is brought."""
        if bad:
            path = self._load.files[part.chunk.file].path
            with in_workspace(connection, self._load.workspace_id) as cursor:
                queries.bury_lines(cursor, self._load, path, bad, wall())

    def _refuse_too_bad(self, part: _Part, connection: Connection[Row]) -> None:
        """Stop before a part that holds too many bad rows; some of them are told."""
        rows = self._counts.rows + part.checked.lines
        bad = self._counts.bad + len(part.checked.bad)
        hopeless = rows == bad and bad >= _HOPELESS
        if hopeless or bad > self._most_bad:
            self._bury(part, part.checked.bad[:_TOLD_OF_TOO_MANY], connection)
            which = "All rows so far are" if hopeless else f"{bad:,} rows are"
            raise Invalid(
                f"{which} bad, so the load stops here; what was good before is loaded. See why: "
                "tsunagu dead-letters list. A file that is not in the form of the Segment spec "
                "needs --map; more bad rows are taken with --most-bad."
            )


def _suited(whole: int, workers: int) -> int:
    """A size of parts that gives all workers something to do."""
    return min(CHUNK_BYTES, max(_LEAST_CHUNK, whole // (2 * workers) + 1))


class _Shared(Generic[Item]):
    """An iterator that several threads draw from."""

    def __init__(self, inner: Iterator[Item]) -> None:
        self._inner = inner
        self._lock = threading.Lock()

    def next(self) -> Item | None:
        """The next item; None at the end."""
        with self._lock:
            return next(self._inner, None)
