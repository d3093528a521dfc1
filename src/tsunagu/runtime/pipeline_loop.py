"""The pipeline's loop: which workspace has work, and what to do when a batch fails.

Collectors, senders and drivers wake it through PostgreSQL's notifications, timers by their own
time; nothing polls quickly. A batch that fails twice without a retryable cause is halved until
the bad event stands alone; that one goes to dead letters and the rest proceeds.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from tsunagu import access, eventlog, profiles
from tsunagu.collect.bulk import LoadedKeys
from tsunagu.core import Figures, TsunaguError
from tsunagu.core.times import SECOND, wall
from tsunagu.runtime.desk import BATCH, TIMERS, Desk, Overtaken, Report
from tsunagu.runtime.pipeline import process_batch
from tsunagu.runtime.stream import Stream
from tsunagu.storage import LOOK_UPS, Database, in_workspace, notify

Row = tuple[Any, ...]

LOOK_ROUND = 5.0
REST = 30 * SECOND
SECONDS_AFTER_LOSS = 0.5
SECONDS_TO_STOP = 0.5
_log = logging.getLogger("tsunagu.pipeline")

# What a later try may mend: the server went away, a deadlock, a serialization failure.
_PASSING = (psycopg.OperationalError, psycopg.InterfaceError)


def run(
    database: Database,
    figures: Figures,
    stop: threading.Event,
    lake_folder: Path | None = None,
) -> None:
    """Work through all workspaces until told to stop.

    Args:
        lake_folder: of all workspaces' lakes, where bulk loads leave what they brought.
    """
    # Batches make many objects and no cycles: reference counts free them, and the collector's
    # walks over all of them cost as much as the work (measured: 20 of 40 microseconds an event).
    gc.disable()
    while not stop.is_set():
        try:
            with (
                database.connect("pipeline") as reader,
                database.connect("pipeline") as writer,
                database.connect("pipeline") as scout,
            ):
                for connection in (reader, writer, scout):
                    connection.execute(LOOK_UPS)
                reader.execute("listen tsunagu_inbox")
                reader.execute("listen tsunagu_definitions")
                stream = Stream(reader, writer, scout)
                try:
                    _Loop(reader, stream, figures, stop, lake_folder).work()
                finally:
                    stream.close()
        except _PASSING as error:
            _log.warning("The database does not answer (%s); trying again", type(error).__name__)
            stop.wait(SECONDS_AFTER_LOSS)


class _Loop:
    """One connection's life: the desks of all workspaces and their next timers."""

    def __init__(
        self,
        connection: Connection[Row],
        stream: Stream,
        figures: Figures,
        stop: threading.Event,
        lake_folder: Path | None,
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._figures = figures
        self._stop = stop
        self._lake_folder = lake_folder
        self._desks: dict[int, Desk] = {}
        self._wakes: dict[int, int] = {}

    def work(self) -> None:
        """Drain every workspace in turns, then sleep until something wakes one."""
        waiting = self._look_round()
        while not self._stop.is_set():
            for workspace_id in sorted(waiting):
                if not self._turn(self._desks[workspace_id]):
                    waiting.discard(workspace_id)
            waiting |= self._woken(0.0 if waiting else self._patience())

    def _look_round(self) -> set[int]:
        """All workspaces, for what nobody told: a new one, a missed notification."""
        for found in access.list_workspaces(self._connection):
            if found.id not in self._desks:
                keys = LoadedKeys(self._lake_folder) if self._lake_folder else None
                driven = found.clock == "driven"
                self._desks[found.id] = Desk(found.id, found.zone, driven, loaded=keys)
        return set(self._desks)

    def _patience(self) -> float:
        now = wall()
        seconds = [(wake - now) / 1e6 for wake in self._wakes.values() if wake]
        return max(0.0, min([LOOK_ROUND, *seconds]))

    def _woken(self, seconds: float) -> set[int]:
        """Wait for notifications; the workspaces that they or their timers name."""
        notes = self._notes(seconds)
        woken = {int(note.payload) for note in notes if note.payload.isdigit()}
        now = wall()
        woken |= {workspace for workspace, wake in self._wakes.items() if 0 < wake <= now}
        if (not woken and seconds) or not woken <= set(self._desks):
            gc.collect()
            woken |= self._look_round()
        return woken & set(self._desks)

    def _notes(self, seconds: float) -> list[psycopg.Notify]:
        """The next notifications; a stop is noticed soon, though nothing else happens."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            patience = max(0.0, min(left, SECONDS_TO_STOP))
            notes = list(self._connection.notifies(timeout=patience, stop_after=1))
            if notes or left <= patience or self._stop.is_set():
                return notes

    def _turn(self, desk: Desk) -> bool:
        """A few batches of one workspace; True when it has more."""
        if wall() < desk.rests_until:
            return False
        try:
            more = self._streamed(desk) if desk.limit == BATCH else self._single(desk)
        except TsunaguError as error:
            # One workspace that cannot work stops no other.
            _log.error("%s It is tried again in %d s.", error, REST // SECOND)
            desk.rests_until = self._wakes[desk.workspace_id] = wall() + REST
            return False
        if more:
            return True
        # The wall clock makes the next timer due; a driven clock tells when it moves.
        self._wakes[desk.workspace_id] = 0 if desk.driven else self._next_due(desk)
        return False

    def _streamed(self, desk: Desk) -> bool:
        """Batches of full size; one that fails is tried again alone, and halved if need be."""
        report = None
        try:
            for report in self._stream.turn(desk):
                self._tell(report)
        except _PASSING:
            raise
        except Overtaken:
            desk.forget()
            return True
        except Exception as error:  # noqa: BLE001 - whatever a bad event breaks, the rest proceeds
            desk.forget()
            _log.warning(
                "Workspace %d: a batch failed (%s)", desk.workspace_id, type(error).__name__
            )
            return self._single(desk)
        return report is not None and report.more

    def _single(self, desk: Desk) -> bool:
        report = next_batch(self._connection, desk)
        self._tell(report)
        return report.more

    def _next_due(self, desk: Desk) -> int:
        with in_workspace(self._connection, desk.workspace_id) as cursor:
            return profiles.next_due(cursor, desk.workspace_id)

    def _tell(self, report: Report) -> None:
        add = self._figures.add
        add("tsunagu.pipeline.events", report.events)
        add("tsunagu.pipeline.repeats", report.repeats)
        add("tsunagu.pipeline.timers", report.timers)
        add("tsunagu.journeys.entered", report.entered)
        add("tsunagu.decisions.allowed", report.queued)
        add("tsunagu.decisions.refused", report.refused)
        add("tsunagu.plan.blocked", report.blocked)
        add("tsunagu.plan.flagged", report.flagged)
        self._figures.set("tsunagu.pipeline.lag", report.lag)


def next_batch(connection: Connection[Row], desk: Desk) -> Report:
    """Process the workspace's next batch, however small it must become to succeed.

    Raises:
        psycopg.OperationalError: the database went away; nothing is lost, try again later.
    """
    failures = 0
    while True:
        try:
            report, cause = _try(connection, desk, desk.limit, min(TIMERS, desk.limit))
        except Overtaken:
            desk.forget()
            continue
        if report is not None:
            desk.limit = min(BATCH, desk.limit * 2)
            return report
        failures += 1
        if failures < 2:
            continue
        failures = 0
        if desk.limit > 1:
            desk.limit //= 2
        else:
            _put_aside(connection, desk, cause)


def _try(
    connection: Connection[Row], desk: Desk, limit: int, timers: int
) -> tuple[Report | None, str]:
    try:
        return process_batch(connection, desk, limit, timers), ""
    except (*_PASSING, Overtaken):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a bad event breaks, the rest proceeds
        desk.forget()
        kind = type(error).__name__
        _log.warning("Workspace %d: a batch of %d failed (%s)", desk.workspace_id, limit, kind)
        return None, f"{kind}: {error}"


def _put_aside(connection: Connection[Row], desk: Desk, cause: str) -> None:
    """Step over what fails alone: the next event, or else the customer whose timer is due.

    The event goes to dead letters whole; the customer's timers rest until their next event.

    Raises:
        TsunaguError: not even an empty batch succeeds, so no event is to blame.
    """
    workspace = desk.workspace_id
    empty, why = _try(connection, desk, limit=0, timers=0)
    if empty is None:
        raise TsunaguError(f"The pipeline cannot work in workspace {workspace}: {why}.")
    report, _ = _try(connection, desk, limit=0, timers=1)
    with in_workspace(connection, workspace) as cursor:
        after = eventlog.hold_cursor(cursor, workspace, eventlog.PIPELINE).position
        if report is None:
            due = profiles.due_customers(cursor, workspace, wall(), 1)
            _log.error("Workspace %d: the timers of customers %s rest", workspace, due)
            profiles.stop_timers(cursor, workspace, due)
            return
        events = eventlog.read_batch(cursor, workspace, after, 1).events
        if not events:
            return
        eventlog.bury(cursor, workspace, events, "pipeline", cause)
        eventlog.move_cursor(
            cursor,
            workspace,
            eventlog.PIPELINE,
            events[0].position,
            closed_at=None,
            received_at=events[0].received_at,
        )
        notify(cursor, "tsunagu_done", workspace)
