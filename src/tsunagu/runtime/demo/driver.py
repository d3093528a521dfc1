"""The driver: it owns the business time of one workspace and moves it in steps.

It posts the events of a step while the clock stands at its start, waits until nothing is left
to do, sets the clock to the step's end, waits again, lets the customers react, and only then
notes the step as done. Where it stands lies in the database, so that a driver that was killed
goes on where it stopped and posts the same message ids again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import psycopg
from msgspec.structs import replace
from psycopg import Connection, Cursor

from tsunagu.access import business_now, set_clock
from tsunagu.core import Json, NewEvent, Retryable
from tsunagu.core.times import HOUR, wall
from tsunagu.eventlog import append, idle
from tsunagu.runtime.demo.place_queries import read_place, write_place
from tsunagu.storage import Database, Row, in_workspace

Result = TypeVar("Result")
Facts = Callable[[int, int], Sequence[NewEvent]]
React = Callable[[int], bool]
Progress = Callable[[int, int], None]

PATIENCE = 120.0
_CHUNK = 5_000
_LOST = (psycopg.OperationalError, psycopg.InterfaceError)
_GLANCE = 0.5  # a notice that was missed costs at most this


class Driver:
    """The one driver of a workspace; a context manager that holds a database connection."""

    def __init__(self, database: Database, workspace_id: int) -> None:
        self._database = database
        self.workspace_id = workspace_id
        self._connection: Connection[Row] | None = None

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def within(self, work: Callable[[Cursor[Row]], Result]) -> Result:
        """Do work in one transaction of the workspace, again if the database went away.

        Raises:
            Retryable: the database could not be reached for two minutes.
        """
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with in_workspace(self._connected(), self.workspace_id) as cursor:
                    return work(cursor)
            except _LOST as error:
                self._forget()
                if time.monotonic() > until:
                    raise Retryable(
                        f"The database did not answer for {PATIENCE:.0f} s: {error}. "
                        "Run the same command again when it does: it goes on here."
                    ) from error
                time.sleep(0.1)

    def load(self, events: Iterable[NewEvent], total: int, progress: Progress) -> None:
        """Load history in chunks through the inbox, each event known at its own time.

        A chunk and the note of how many are loaded are one transaction.
        """
        done = int(self.place().get("loaded", 0))
        seen = 0
        for chunk in _chunks(events):
            seen += len(chunk)
            if seen > done:
                self.within(lambda cursor, chunk=chunk, seen=seen: self._put(cursor, chunk, seen))
                progress(seen, total)

    def _put(self, cursor: Cursor[Row], chunk: Sequence[NewEvent], seen: int) -> None:
        write_place(cursor, self.workspace_id, {"loaded": seen})
        known = [replace(event, known_at=event.at) for event in chunk]
        now = business_now(cursor, self.workspace_id)
        append(cursor, self.workspace_id, known, received_at=wall(), now=now)

    def place(self) -> Json:
        """What the driver has noted: how far it loaded, up to when customers have reacted."""
        return self.within(lambda cursor: read_place(cursor, self.workspace_id))

    def note(self, **found: object) -> None:
        """Add to the place."""
        self.within(lambda cursor: write_place(cursor, self.workspace_id, found))

    def now(self) -> int:
        """The workspace's business time."""
        return self.within(lambda cursor: business_now(cursor, self.workspace_id))

    def move(self, now: int) -> None:
        """Set the clock, unless it stands there or further, and wait until all is done."""

        def forward(cursor: Cursor[Row]) -> None:
            if business_now(cursor, self.workspace_id) < now:
                set_clock(cursor, self.workspace_id, now)

        self.within(forward)
        self.wait()

    def replay(
        self,
        post: Callable[[Sequence[NewEvent]], None],
        facts: Facts,
        react: React,
        *,
        start: int,
        stop: int,
        step: int,
        progress: Progress,
    ) -> None:
        """Play the time from `start` to `stop` in steps, or what is left of it.

        Args:
            post: makes events durable.
            facts: the events of [from, to), asked for in order of time.
            react: what customers do at a time, once everything up to it has happened, and
                whether they did anything; the same time may be asked twice.
            progress: told in hours of business time.
        """
        now = self.now()
        if int(self.place().get("reacted", start)) < now:
            self.wait()
            self._let_react(react, now)
        while now < stop:
            progress((now - start) // HOUR, (stop - start) // HOUR)
            until = min(start + ((now - start) // step + 1) * step, stop)
            post(facts(now, until))
            self.wait()
            self.move(until)
            now = until
            self._let_react(react, now)

    def _let_react(self, react: React, now: int) -> None:
        if react(now):
            self.wait()
        self.note(reacted=now)

    def wait(self, patience: float = PATIENCE) -> None:
        """Wait until nothing is left to do at the workspace's time.

        Raises:
            Retryable: it took too long; the message says where to look.
        """
        until = time.monotonic() + patience
        while not self.within(lambda cursor: idle(cursor, self.workspace_id)):
            if time.monotonic() > until:
                raise Retryable(
                    f"The work of workspace {self.workspace_id} did not come to rest within "
                    f"{patience:.0f} s. `tsunagu doctor` says which process is behind."
                )
            self._listen()

    def _listen(self) -> None:
        try:
            for notice in self._connected().notifies(timeout=_GLANCE):
                if notice.payload == str(self.workspace_id):
                    return
        except _LOST:
            self._forget()

    def _connected(self) -> Connection[Row]:
        if self._connection is None or self._connection.closed:
            self._connection = self._database.connect("pipeline")
            self._connection.execute("listen tsunagu_done")
        return self._connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _chunks(events: Iterable[NewEvent]) -> Iterator[list[NewEvent]]:
    left = iter(events)
    while chunk := list(islice(left, _CHUNK)):
        yield chunk
