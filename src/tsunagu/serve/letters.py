"""What people do with dead letters, from the console, the API and the command line alike.

Entering events and settling letters is the pipeline's right, not the console's: each act takes
a connection of that role for its one transaction, and is noted in the audit log.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from psycopg import Cursor

from tsunagu import collect, eventlog
from tsunagu.access import audit, published, workspace_by_id
from tsunagu.collect.plan import PlanBook, make_book
from tsunagu.core import Json
from tsunagu.core.times import zone
from tsunagu.eventlog import DeadLetter, LetterFilter, LetterJob
from tsunagu.storage import Database, Row, in_workspace


@contextmanager
def _acting(database: Database, workspace_id: int) -> Generator[Cursor[Row]]:
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, workspace_id) as cursor,
    ):
        yield cursor


def plan_book(cursor: Cursor[Row], workspace_id: int) -> PlanBook | None:
    """The tracking plan that is in force; None when nothing was announced."""
    documents = ((d.kind, d.name, d.document) for d in published(cursor, workspace_id))
    return make_book(documents, _zone_of(cursor, workspace_id))


def _zone_of(cursor: Cursor[Row], workspace_id: int) -> ZoneInfo:
    return zone(workspace_by_id(cursor, workspace_id).zone)


def read_letter(database: Database, workspace_id: int, letter_id: int) -> DeadLetter:
    """A letter as it is now.

    Raises:
        NotFound: there is none of this number.
    """
    with _acting(database, workspace_id) as cursor:
        return eventlog.dead_letter(cursor, workspace_id, letter_id)


def replay_letter(
    database: Database, workspace_id: int, letter_id: int, by: str, call: Json | None = None
) -> str:
    """Enter a letter into the log again, as it is or as `call`; returns its new message id.

    Raises:
        NotFound: there is no such letter.
        Invalid: it is not open, is no event, or the tracking plan would block it again.
    """
    with _acting(database, workspace_id) as cursor:
        book = plan_book(cursor, workspace_id)
        message_id = collect.replay(cursor, workspace_id, letter_id, by, call=call, book=book)
        audit(cursor, workspace_id, by, "replayed a dead letter", str(letter_id))
    return message_id


def discard_letter(database: Database, workspace_id: int, letter_id: int, by: str) -> bool:
    """Say that a letter will not be replayed; False when it is not open.

    Raises:
        NotFound: there is no such letter.
    """
    with _acting(database, workspace_id) as cursor:
        eventlog.dead_letter(cursor, workspace_id, letter_id)
        done = eventlog.discard(cursor, workspace_id, [letter_id], by) > 0
        if done:
            audit(cursor, workspace_id, by, "discarded a dead letter", str(letter_id))
    return done


def reopen_letter(database: Database, workspace_id: int, letter_id: int, by: str) -> bool:
    """Take back that a letter was discarded; False when it was not."""
    with _acting(database, workspace_id) as cursor:
        done = eventlog.reopen(cursor, workspace_id, letter_id)
        if done:
            audit(cursor, workspace_id, by, "reopened a dead letter", str(letter_id))
    return done


def ask_for_letters(
    database: Database, workspace_id: int, action: str, wanted: LetterFilter, by: str
) -> LetterJob:
    """Have all open letters of a filter replayed or discarded, in the background."""
    with _acting(database, workspace_id) as cursor:
        job = eventlog.ask_for_job(cursor, workspace_id, action, wanted, by)
        audit(cursor, workspace_id, by, f"asked to {action} dead letters", str(job.total))
    return job


def stop_letters(database: Database, workspace_id: int, job_id: int, by: str) -> bool:
    """End a job where it stands; False when it had ended."""
    with _acting(database, workspace_id) as cursor:
        done = eventlog.stop_job(cursor, workspace_id, job_id)
        if done:
            audit(cursor, workspace_id, by, "stopped work on dead letters", str(job_id))
    return done
