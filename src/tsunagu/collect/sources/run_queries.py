"""The SQL of a run: its pages, the files and rows it has brought, its dead letters and its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection, Cursor

from tsunagu.collect.sources.queries import perhaps
from tsunagu.core.times import micros, moment
from tsunagu.storage import Row, text_array

Session = Connection[Row] | Cursor[Row]


@dataclass(frozen=True)
class Run:
    """One run of a source."""

    run_id: int
    cause: str
    started_at: int
    ended_at: int | None
    outcome: str
    rows: int
    events: int
    known: int
    refused: int
    error: str | None


@dataclass(frozen=True)
class Counts:
    """What a run or a part of it has taken: rows read, events stored, rows known before,
    rows refused."""

    rows: int = 0
    events: int = 0
    known: int = 0
    refused: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.rows + other.rows,
            self.events + other.events,
            self.known + other.known,
            self.refused + other.refused,
        )


@dataclass(frozen=True)
class Letter:
    """A row that makes no event: where it stood, why, and what there is of it as JSON.

    `origin` is the same whenever the same row is met again.
    """

    place: str
    reason: str
    row: str
    origin: str


def begin_run(cursor: Cursor[Row], workspace_id: int, name: str, cause: str, now: int) -> int:
    """Open a run; what was left running before was killed. Returns its id."""
    cursor.execute(
        """
        update source_runs set outcome = 'killed', ended_at = %s
        where workspace_id = %s and name = %s and outcome = 'running'
        """,
        (moment(now), workspace_id, name),
    )
    row = cursor.execute(
        """
        insert into source_runs (workspace_id, name, cause, started_at)
        values (%s, %s, %s, %s)
        returning run_id
        """,
        (workspace_id, name, cause, moment(now)),
    ).fetchone()
    assert row is not None
    return row[0]


def count_run(
    cursor: Cursor[Row],
    workspace_id: int,
    run_id: int,
    name: str,
    counts: Counts,
    *,
    state: str | None,
    newest_at: int | None,
) -> None:
    """Add a page to a run and move the source's cursor, in the page's own transaction."""
    cursor.execute(
        """
        update source_runs set rows = rows + %(rows)s, events = events + %(events)s,
            known = known + %(known)s, refused = refused + %(refused)s
        where workspace_id = %(workspace)s and run_id = %(run)s
        """,
        {
            "rows": counts.rows,
            "events": counts.events,
            "known": counts.known,
            "refused": counts.refused,
            "workspace": workspace_id,
            "run": run_id,
        },
    )
    cursor.execute(
        """
        update sources set state = coalesce(%s, state), newest_at = greatest(newest_at, %s)
        where workspace_id = %s and name = %s
        """,
        (state, None if newest_at is None else moment(newest_at), workspace_id, name),
    )


def end_run(
    cursor: Cursor[Row],
    workspace_id: int,
    run_id: int,
    name: str,
    outcome: str,
    error: str | None,
    *,
    now: int,
    due: int | None,
) -> None:
    """Close a run and say when the next one is due."""
    at = moment(now)
    cursor.execute(
        """
        update source_runs set outcome = %s, error = %s, ended_at = %s
        where workspace_id = %s and run_id = %s
        """,
        (outcome, error, at, workspace_id, run_id),
    )
    well = outcome in ("done", "stopped")
    cursor.execute(
        """
        update sources set
            failures = case when %(well)s then 0 else failures + 1 end,
            last_run_at = %(at)s,
            last_ok_at = case when %(well)s then %(at)s else last_ok_at end,
            last_error = %(error)s,
            -- asked again meanwhile: that wish stays
            next_run_at = case when asked_by is null then %(due)s else next_run_at end
        where workspace_id = %(workspace)s and name = %(name)s
        """,
        {
            "well": well,
            "at": at,
            "error": error,
            "due": None if due is None else moment(due),
            "workspace": workspace_id,
            "name": name,
        },
    )


def take_wish(cursor: Cursor[Row], workspace_id: int, name: str, due: int | None) -> None:
    """A run begins: whoever asked for it is served, and the next one is due at `due`."""
    cursor.execute(
        """
        update sources set asked_by = null, next_run_at = %s
        where workspace_id = %s and name = %s
        """,
        (None if due is None else moment(due), workspace_id, name),
    )


def runs(session: Session, workspace_id: int, name: str, limit: int) -> list[Run]:
    """The latest runs of a source, the newest first."""
    found = session.execute(
        """
        select run_id, cause, started_at, ended_at, outcome, rows, events, known, refused, error
        from source_runs
        where workspace_id = %s and name = %s
        order by run_id desc
        limit %s
        """,
        (workspace_id, name, limit),
    )
    columns = found.fetchall()
    return [
        Run(
            run_id,
            cause,
            micros(started),
            perhaps(ended),
            outcome,
            rows,
            events,
            known,
            refused,
            error,
        )
        for run_id, cause, started, ended, outcome, rows, events, known, refused, error in columns
    ]


def events_since(session: Session, workspace_id: int, since: int) -> dict[str, tuple[int, bool]]:
    """By source: events that runs begun since then have stored, and whether one runs now."""
    found = session.execute(
        """
        select name, sum(events) filter (where started_at >= %s), bool_or(outcome = 'running')
        from source_runs
        where workspace_id = %s and (started_at >= %s or outcome = 'running')
        group by name
        """,
        (moment(since), workspace_id, moment(since)),
    )
    return {name: (int(events or 0), running) for name, events, running in found.fetchall()}


def forget_old_runs(cursor: Cursor[Row], workspace_id: int, before: int) -> None:
    """Drop the history of runs that ended long ago."""
    cursor.execute(
        "delete from source_runs where workspace_id = %s and ended_at < %s",
        (workspace_id, moment(before)),
    )


def files_taken(
    session: Session, workspace_id: int, name: str
) -> dict[str, tuple[str, int, str, str | None]]:
    """By file: the version that was taken, how many rows of it, its status, and why it failed."""
    found = session.execute(
        """
        select file, version, rows, status, reason from source_files
        where workspace_id = %s and name = %s
        """,
        (workspace_id, name),
    )
    return {file: (version, rows, status, reason) for file, version, rows, status, reason in found}


def note_file(
    cursor: Cursor[Row],
    workspace_id: int,
    name: str,
    file: str,
    version: str,
    rows: int,
    status: str,
    reason: str | None,
    now: int,
) -> None:
    """Say how far a file was taken."""
    cursor.execute(
        """
        insert into source_files (
            workspace_id, name, file, version, rows, status, reason, at
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (workspace_id, name, file) do update set
            version = excluded.version, rows = excluded.rows, status = excluded.status,
            reason = excluded.reason, at = excluded.at
        """,
        (workspace_id, name, file, version, rows, status, reason, moment(now)),
    )


def remember_rows(
    cursor: Cursor[Row], workspace_id: int, name: str, message_ids: Sequence[str]
) -> set[int]:
    """Remember rows by their message ids; returns the places in the list that are new."""
    found = cursor.execute(
        """
        with given as (
            select md5(message_id)::uuid as row_key, min(place) as place
            from unnest(%(ids)s::text[]) with ordinality as t (message_id, place)
            group by 1
        ),
        fresh as (
            insert into source_rows (workspace_id, name, row_key)
            select %(workspace)s, %(name)s, row_key from given order by row_key
            on conflict do nothing
            returning row_key
        )
        select g.place - 1 from given as g join fresh as f on f.row_key = g.row_key
        """,
        {"ids": text_array(message_ids), "workspace": workspace_id, "name": name},
    )
    return {place for (place,) in found.fetchall()}


def bury_rows(
    cursor: Cursor[Row], workspace_id: int, letters: Sequence[Letter], source: str, at: int
) -> None:
    """Put rows that make no event into dead letters; a row that is there already stays one."""
    cursor.executemany(
        """
        insert into dead_letters (
            workspace_id, message_id, type, name, source, stage, reason, event, origin, at
        )
        values (%s, %s, '', '', %s, 'source', %s, %s, %s, %s)
        on conflict do nothing
        """,
        [
            (
                workspace_id,
                letter.place,
                source,
                letter.reason.replace("\x00", "\ufffd")[:2000],
                letter.row,
                letter.origin,
                moment(at),
            )
            for letter in letters
        ],
    )


def try_lock(connection: Connection[Row], workspace_id: int, name: str) -> bool:
    """Make this session the only one that runs the source; the lock ends with the session."""
    row = connection.execute(
        "select pg_try_advisory_lock(hashtextextended(%s, 0))", (f"source {workspace_id}/{name}",)
    ).fetchone()
    return bool(row and row[0])


def close_killed(
    cursor: Cursor[Row], workspace_id: int, name: str, error: str, *, now: int, due: int | None
) -> None:
    """Write the end of a run whose process could not; none may have begun yet."""
    row = cursor.execute(
        """
        select run_id from source_runs
        where workspace_id = %s and name = %s and outcome = 'running'
        order by run_id desc
        limit 1
        """,
        (workspace_id, name),
    ).fetchone()
    run_id = row[0] if row else begin_run(cursor, workspace_id, name, "schedule", now)
    take_wish(cursor, workspace_id, name, due)
    end_run(cursor, workspace_id, run_id, name, "killed", error, now=now, due=due)
