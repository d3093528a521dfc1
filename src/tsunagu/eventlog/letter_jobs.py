"""Work on many dead letters: replay or discard all that a filter finds, batch by batch.

A job is a row; whoever has the rights works it off in small transactions that move the letters
and the job's place together, so that a kill at any line repeats nothing. It takes letters up to
the last one that there was when it was asked for: what dies again is not taken again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

import msgspec
from psycopg import Cursor

from tsunagu.core import Invalid, Json, NewEvent, NotFound
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import wall
from tsunagu.eventlog.dead_letters import (
    SELECT_LETTERS,
    DeadLetter,
    discard,
    event_of,
    mark_replayed,
)
from tsunagu.eventlog.letter_queries import MATCH, LetterFilter, settled_words
from tsunagu.eventlog.log import append
from tsunagu.eventlog.rows import copy_rows
from tsunagu.storage import Row, notify

CHANNEL = "tsunagu_letters"

_SELECT: LiteralString = """
select job_id, action, filter, upto, after, total, done, skipped, state, asked_by,
    (date_part('epoch', asked_at) * 1000000)::bigint,
    (date_part('epoch', ended_at) * 1000000)::bigint
from letter_jobs
"""
_ONE: LiteralString = _SELECT + "where workspace_id = %s and job_id = %s"
_LATEST: LiteralString = _SELECT + "where workspace_id = %s order by job_id desc limit %s"
_OLDEST: LiteralString = (
    _SELECT
    + """
where workspace_id = %s and state = 'running'
order by job_id
limit 1
for update skip locked
"""
)
_ASK: LiteralString = (
    """
with matching as (
    """
    + SELECT_LETTERS
    + MATCH
    + """
)
insert into letter_jobs (workspace_id, action, filter, upto, total, asked_by)
select %(workspace)s, %(action)s, %(filter)s::jsonb, coalesce(max(letter_id), 0), count(*), %(by)s
from matching
returning job_id
"""
)
_NEXT: LiteralString = (
    SELECT_LETTERS
    + MATCH
    + """
    and letter_id > %(after)s and letter_id <= %(upto)s
order by letter_id
limit %(most)s
for update
"""
)


@dataclass(frozen=True, slots=True)
class LetterJob:
    """One job. `skipped` letters cannot enter the log as they are: rows, broken bodies."""

    job_id: int
    action: str
    filter: Json
    upto: int
    after: int
    total: int
    done: int
    skipped: int
    state: str
    asked_by: str
    asked_at: int
    ended_at: int | None


def ask_for_job(
    cursor: Cursor[Row], workspace_id: int, action: str, wanted: LetterFilter, by: str
) -> LetterJob:
    """Ask that all open letters of a filter are replayed or discarded."""
    told = msgspec.json.encode(wanted.as_json() | {"state": "open"}).decode()
    asked = {"state": "open", "action": action, "filter": told, "by": by}
    row = cursor.execute(_ASK, settled_words(cursor, workspace_id, wanted) | asked).fetchone()
    assert row is not None
    notify(cursor, CHANNEL, workspace_id)
    return job_by_id(cursor, workspace_id, row[0])


def job_by_id(cursor: Cursor[Row], workspace_id: int, job_id: int) -> LetterJob:
    """One job.

    Raises:
        NotFound: there is none of this number.
    """
    row = cursor.execute(_ONE, (workspace_id, job_id)).fetchone()
    if row is None:
        raise NotFound(f"There is no work on dead letters of number {job_id}.")
    return LetterJob(*row)


def letter_jobs(cursor: Cursor[Row], workspace_id: int, *, limit: int = 5) -> list[LetterJob]:
    """The latest jobs."""
    found = cursor.execute(_LATEST, (workspace_id, limit))
    return [LetterJob(*row) for row in found.fetchall()]


def stop_job(cursor: Cursor[Row], workspace_id: int, job_id: int) -> bool:
    """End a job where it stands; False when it had ended."""
    done = cursor.execute(
        """
        update letter_jobs set state = 'stopped', ended_at = clock_timestamp()
        where workspace_id = %s and job_id = %s and state = 'running'
        """,
        (workspace_id, job_id),
    )
    return done.rowcount > 0


def work_on_jobs(cursor: Cursor[Row], workspace_id: int, now: int | None, *, most: int) -> bool:
    """One batch of the workspace's oldest running job, in the caller's transaction.

    Args:
        now: the clock of a driven workspace, None on the wall clock.

    Returns:
        Whether there was a job: call again.
    """
    row = cursor.execute(_OLDEST, (workspace_id,)).fetchone()
    if row is None:
        return False
    job = LetterJob(*row)
    letters = _next_letters(cursor, workspace_id, job, most)
    skipped = _settle(cursor, workspace_id, job, letters, now)
    failpoint("letters.before_commit")
    cursor.execute(
        """
        update letter_jobs
        set after = %(after)s, done = done + %(done)s, skipped = skipped + %(skipped)s,
            state = case when %(last)s then 'done' else state end,
            ended_at = case when %(last)s then clock_timestamp() end
        where workspace_id = %(workspace)s and job_id = %(job)s
        """,
        {
            "workspace": workspace_id,
            "job": job.job_id,
            "after": letters[-1].letter_id if letters else job.upto,
            "done": len(letters) - skipped,
            "skipped": skipped,
            "last": len(letters) < most,
        },
    )
    return True


def _next_letters(
    cursor: Cursor[Row], workspace_id: int, job: LetterJob, most: int
) -> list[DeadLetter]:
    wanted = settled_words(cursor, workspace_id, LetterFilter.from_json(job.filter))
    place = {"after": job.after, "upto": job.upto, "most": most}
    found = cursor.execute(_NEXT, wanted | place)
    return [DeadLetter(*row) for row in found.fetchall()]


def _settle(
    cursor: Cursor[Row],
    workspace_id: int,
    job: LetterJob,
    letters: list[DeadLetter],
    now: int | None,
) -> int:
    """Do with the letters what the job is for; returns how many had to be skipped."""
    if job.action == "discard":
        discard(cursor, workspace_id, [letter.letter_id for letter in letters], job.asked_by)
        return 0
    events: list[NewEvent] = []
    replayed: list[DeadLetter] = []
    for letter in letters:
        if not letter.was_event:
            continue
        try:
            event = event_of(letter)
            copy_rows(workspace_id, [event], wall(), now)
        except (msgspec.DecodeError, Invalid):
            continue  # it has to be mended by a person
        events.append(event)
        replayed.append(letter)
    mark_replayed(cursor, workspace_id, replayed, job.asked_by)
    append(cursor, workspace_id, events, received_at=wall(), now=now)
    return len(letters) - len(replayed)
