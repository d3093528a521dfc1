"""Dead letters back into the log: mended by a person, or many at once; and their retention.

A mended event passes the same checks as a call over HTTP, and the tracking plan, before it is
entered, so that a person learns at once whether it would be refused again.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import msgspec
import psycopg
from psycopg import Connection, Cursor

from tsunagu import eventlog
from tsunagu.access import list_workspaces, workspace_by_id
from tsunagu.collect.errors import Refused
from tsunagu.collect.plan import PlanBook, look
from tsunagu.collect.plan.check import reason_of, worst
from tsunagu.collect.plan.queries import forget_before
from tsunagu.collect.service import read_events
from tsunagu.core import Invalid, Json, NewEvent, decode_body
from tsunagu.core.events import TYPES
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import DAY, wall
from tsunagu.eventlog import DeadLetter
from tsunagu.storage import Database, Row, in_workspace

FORGET_SECONDS = 3600.0
LOOK_SECONDS = 5.0
FORGOTTEN_AT_ONCE = 5_000
LETTERS_AT_ONCE = 500
# Marks of flagged events live as long as the log does, counts a little over a year.
KEEP_FLAGS = 35 * DAY
KEEP_COUNTS = 400 * DAY
_SECONDS_AFTER_LOSS = 1.0
_log = logging.getLogger("tsunagu.letters")


def mended(letter: DeadLetter, call: Json, book: PlanBook | None) -> NewEvent:
    """The event that a person made of a letter, checked as a call of a client is.

    Raises:
        Invalid: it is no call, or the tracking plan would block it; the message says why.
    """
    kind = call.get("type")
    if kind not in TYPES:
        raise Invalid(f"`type` is {kind!r}; it is one of {', '.join(TYPES)}.")
    raw = msgspec.json.encode(call)
    source = letter.source or "replay"
    try:
        (event,) = read_events(kind, raw, source, wall(), corrected=False)
    except Refused as refused:
        told = str(refused)
        raise Invalid(told.partition("nothing was stored: ")[2] or told) from refused
    body = decode_body(event.body)
    if book is not None and book.covers(event.type, event.name):
        announced = book.announced(event.type, event.name, body.context)
        found = look(book, announced, body)
        if found and worst(found) == "block":
            raise Invalid(f"The tracking plan would block it again. {reason_of(found)}.")
    return msgspec.structs.replace(
        event,
        message_id=eventlog.replay_id(letter),
        body=eventlog.linked(letter, event.body),
    )


def replay(
    cursor: Cursor[Row],
    workspace_id: int,
    letter_id: int,
    by: str,
    *,
    call: Json | None = None,
    book: PlanBook | None = None,
) -> str:
    """Enter an open letter into the log again; returns its new message id.

    Letter and log change in the caller's transaction, of the role `pipeline`.

    Args:
        call: the event as a person mended it; None for the letter as it is.
        book: the plan to which a mended event is held.

    Raises:
        NotFound: there is no such letter.
        Invalid: it is not open any more, or cannot be an event as it is.
    """
    letter = eventlog.take_open(cursor, workspace_id, letter_id)
    if letter is None:
        there = eventlog.dead_letter(cursor, workspace_id, letter_id)
        raise Invalid(f"The dead letter {letter_id} is {there.state} already; nothing was done.")
    if call is None and not letter.was_event:
        raise Invalid(
            "This was a row and no event. Write the event that it should become, or mend the "
            "mapping and load the file again."
        )
    if call is None and not eventlog.is_readable(letter):
        raise Invalid("Its body cannot be read. Write the event as it should be.")
    event = mended(letter, eventlog.call_of(letter) if call is None else call, book)
    eventlog.mark_replayed(cursor, workspace_id, [letter], by)
    failpoint("letters.marked")
    now = workspace_by_id(cursor, workspace_id).clock_now
    eventlog.append(cursor, workspace_id, [event], received_at=wall(), now=now)
    return event.message_id


def run_letters(database: Database, keep: int | None, stop: threading.Event) -> None:
    """Work off what was asked for of many letters, and forget what is past its time.

    Args:
        keep: how long letters stay, in microseconds; None for ever.
    """
    while not stop.is_set():
        try:
            with database.connect("pipeline") as connection:
                connection.execute("listen tsunagu_letters")
                _work(connection, keep, stop)
        except psycopg.OperationalError as error:
            _log.warning("The work on dead letters tries again (%s)", type(error).__name__)
            stop.wait(_SECONDS_AFTER_LOSS)


def _work(connection: Connection[Row], keep: int | None, stop: threading.Event) -> None:
    forgotten = float("-inf")
    while not stop.is_set():
        forget = time.monotonic() - forgotten >= FORGET_SECONDS
        for workspace in list_workspaces(connection):
            while not stop.is_set() and work_once(connection, workspace.id):
                pass
            if forget:
                forget_letters(connection, workspace.id, keep)
        if forget:
            forgotten = time.monotonic()
        _patience(connection, stop)


def _patience(connection: Connection[Row], stop: threading.Event) -> None:
    """Wait until somebody asks, or for a while; a stop is seen within a second."""
    until = time.monotonic() + LOOK_SECONDS
    while not stop.is_set() and time.monotonic() < until:
        if list(connection.notifies(timeout=1.0, stop_after=1)):
            return


def work_once(connection: Connection[Any], workspace_id: int, most: int = LETTERS_AT_ONCE) -> bool:
    """One batch of a workspace's running job; False when there is none."""
    with in_workspace(connection, workspace_id) as cursor:
        now = workspace_by_id(cursor, workspace_id).clock_now
        more = eventlog.work_on_jobs(cursor, workspace_id, now, most=most)
    failpoint("letters.after_commit")
    return more


def forget_letters(connection: Connection[Any], workspace_id: int, keep: int | None) -> int:
    """Delete letters, marks and counts that are past their time; returns how many letters."""
    gone = 0
    while keep is not None:
        with in_workspace(connection, workspace_id) as cursor:
            some = eventlog.forget_letters(cursor, workspace_id, wall() - keep, FORGOTTEN_AT_ONCE)
        gone += some
        if some < FORGOTTEN_AT_ONCE:
            break
    with in_workspace(connection, workspace_id) as cursor:
        forget_before(cursor, workspace_id, wall() - KEEP_FLAGS, wall() - KEEP_COUNTS)
    return gone
