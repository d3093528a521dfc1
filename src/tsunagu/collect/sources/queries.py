"""The SQL of sources: where each stands, its runs, the files and rows it has brought.

Times are microseconds in Python; nothing asks the database for the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection, Cursor

from tsunagu.core import NotFound
from tsunagu.core.times import micros, moment
from tsunagu.storage import Row, notify, text_array

CHANNEL = "tsunagu_sources"

Session = Connection[Row] | Cursor[Row]


@dataclass(frozen=True)
class Standing:
    """Where a source stands. Times are microseconds or None."""

    name: str
    kind: str
    paused: bool
    secrets: bytes | None
    state: str
    next_run_at: int | None
    asked_by: str | None
    failures: int
    last_run_at: int | None
    last_ok_at: int | None
    last_error: str | None
    newest_at: int | None


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


_STANDING = """
select name, kind, paused, secrets, state, next_run_at, asked_by, failures, last_run_at,
    last_ok_at, last_error, newest_at
from sources
"""


def _standing(row: Row) -> Standing:
    name, kind, paused, secrets, state, due, asked_by, failures, ran, went_well, error, newest = row
    return Standing(
        name,
        kind,
        paused,
        None if secrets is None else bytes(secrets),
        state,
        _maybe(due),
        asked_by,
        failures,
        _maybe(ran),
        _maybe(went_well),
        error,
        _maybe(newest),
    )


def _maybe(value: object) -> int | None:
    return None if value is None else micros(value)  # type: ignore[arg-type]


def insert_source(
    cursor: Cursor[Row], workspace_id: int, name: str, kind: str, due: int | None, now: int
) -> None:
    """Let a source stand at its beginning; one that is there keeps its place unless its kind
    is another now."""
    cursor.execute(
        """
        insert into sources (workspace_id, name, kind, next_run_at, created_at)
        values (%(workspace)s, %(name)s, %(kind)s, %(due)s, %(now)s)
        on conflict (workspace_id, name) do update set
            next_run_at = excluded.next_run_at,
            state = case sources.kind when excluded.kind then sources.state else '{}' end,
            kind = excluded.kind
        """,
        {
            "workspace": workspace_id,
            "name": name,
            "kind": kind,
            "due": None if due is None else moment(due),
            "now": moment(now),
        },
    )
    # what could not be read may be readable by the document as it is now
    cursor.execute(
        "delete from source_files where workspace_id = %s and name = %s and status = 'failed'",
        (workspace_id, name),
    )
    notify(cursor, CHANNEL, workspace_id)


def set_secrets(cursor: Cursor[Row], workspace_id: int, name: str, sealed: bytes | None) -> None:
    """Keep a source's encrypted secrets."""
    cursor.execute(
        "update sources set secrets = %s where workspace_id = %s and name = %s",
        (sealed, workspace_id, name),
    )


def standing(session: Session, workspace_id: int, name: str) -> Standing:
    """Where one source stands.

    Raises:
        NotFound: there is none of this name.
    """
    found = session.execute(
        _STANDING + "where workspace_id = %s and name = %s", (workspace_id, name)
    ).fetchone()
    if found is None:
        raise NotFound(f"There is no source called {name!r} in this workspace.")
    return _standing(found)


def standings(session: Session, workspace_id: int) -> list[Standing]:
    """Where all sources of a workspace stand, by name."""
    found = session.execute(_STANDING + "where workspace_id = %s order by name", (workspace_id,))
    return [_standing(row) for row in found.fetchall()]


def due_sources(session: Session, workspace_id: int, now: int) -> list[tuple[str, str | None, int]]:
    """The sources that should run by now, the longest waiting first: name, who asked, since."""
    found = session.execute(
        """
        select name, asked_by, next_run_at from sources
        where workspace_id = %s and not paused and next_run_at <= %s
        order by next_run_at, name
        """,
        (workspace_id, moment(now)),
    )
    return [(name, asked_by, micros(due)) for name, asked_by, due in found.fetchall()]


def ask_to_run(cursor: Cursor[Row], workspace_id: int, name: str, now: int, by: str) -> None:
    """Let a source run as soon as the role `sources` gets to it."""
    _one(
        cursor.execute(
            """
            update sources set next_run_at = %s, asked_by = %s, paused = false
            where workspace_id = %s and name = %s
            """,
            (moment(now), by, workspace_id, name),
        ).rowcount,
        name,
    )
    notify(cursor, CHANNEL, workspace_id)


def set_paused(
    cursor: Cursor[Row], workspace_id: int, name: str, paused: bool, due: int | None
) -> None:
    """Stop a source from running by itself, or let it run again."""
    _one(
        cursor.execute(
            """
            update sources set paused = %s, next_run_at = %s, asked_by = null
            where workspace_id = %s and name = %s
            """,
            (paused, None if due is None else moment(due), workspace_id, name),
        ).rowcount,
        name,
    )
    cursor.execute(
        "update webhook_doors set open = %s where workspace_id = %s and name = %s",
        (not paused, workspace_id, name),
    )
    notify(cursor, CHANNEL, workspace_id)


def forget_progress(cursor: Cursor[Row], workspace_id: int, name: str) -> None:
    """Put the cursor back to the beginning: the next run reads everything again."""
    cursor.execute(
        "update sources set state = '{}' where workspace_id = %s and name = %s",
        (workspace_id, name),
    )
    cursor.execute(
        "delete from source_files where workspace_id = %s and name = %s", (workspace_id, name)
    )
    cursor.execute(
        "delete from source_rows where workspace_id = %s and name = %s", (workspace_id, name)
    )


def delete_source(cursor: Cursor[Row], workspace_id: int, name: str) -> None:
    """Forget a source with its secrets, cursor, runs and what it remembers."""
    standing(cursor, workspace_id, name)
    forget_progress(cursor, workspace_id, name)
    key = (workspace_id, name)
    cursor.execute("delete from webhook_doors where workspace_id = %s and name = %s", key)
    cursor.execute("delete from source_runs where workspace_id = %s and name = %s", key)
    cursor.execute("delete from webhook_calls where workspace_id = %s and name = %s", key)
    cursor.execute("delete from sources where workspace_id = %s and name = %s", key)


def _one(changed: int, name: str) -> None:
    if changed == 0:
        raise NotFound(f"There is no source called {name!r} in this workspace.")


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
            _maybe(ended),
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


def put_door(
    cursor: Cursor[Row],
    door: str,
    workspace_id: int,
    name: str,
    clock: str,
    document: str,
    sealed: bytes,
) -> None:
    """Open the door of a webhook; an address once given stays."""
    cursor.execute(
        """
        insert into webhook_doors (door, workspace_id, name, clock, document, secrets)
        values (%s, %s, %s, %s, %s, %s)
        on conflict (workspace_id, name) do update set
            clock = excluded.clock, document = excluded.document, secrets = excluded.secrets
        """,
        (door, workspace_id, name, clock, document, sealed),
    )


@dataclass(frozen=True)
class Door:
    """Where a webhook comes in, as the collector finds it."""

    workspace_id: int
    name: str
    clock: str
    document: str
    secrets: bytes


def door_of(session: Session, workspace_id: int, name: str) -> str | None:
    """The address part of a webhook, if the source has one."""
    row = session.execute(
        "select door from webhook_doors where workspace_id = %s and name = %s",
        (workspace_id, name),
    ).fetchone()
    return row[0] if row else None


def open_door(cursor: Cursor[Row], workspace_id: int, door: str) -> Door | None:
    """What stands behind an address; None for an unknown or closed one."""
    row = cursor.execute(
        """
        select name, clock, document::text, secrets from webhook_doors
        where workspace_id = %s and door = %s and open
        """,
        (workspace_id, door),
    ).fetchone()
    if row is None:
        return None
    name, clock, document, sealed = row
    return Door(workspace_id, name, clock, document, bytes(sealed))


def reseal_door(cursor: Cursor[Row], workspace_id: int, name: str, sealed: bytes) -> None:
    """Keep a webhook's secrets under another key."""
    cursor.execute(
        "update webhook_doors set secrets = %s where workspace_id = %s and name = %s",
        (sealed, workspace_id, name),
    )


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


def postpone(cursor: Cursor[Row], workspace_id: int, name: str, due: int) -> None:
    """Let a source that could not begin wait."""
    cursor.execute(
        """
        update sources set next_run_at = %s
        where workspace_id = %s and name = %s and next_run_at is not null
        """,
        (moment(due), workspace_id, name),
    )


@dataclass(frozen=True)
class Calls:
    """What came through a webhook's door: calls, events stored, what went to dead letters, and
    calls that did not prove who sent them. `last_at` is in microseconds."""

    calls: int = 0
    events: int = 0
    refused: int = 0
    forged: int = 0
    last_at: int = 0

    def __add__(self, other: Calls) -> Calls:
        return Calls(
            self.calls + other.calls,
            self.events + other.events,
            self.refused + other.refused,
            self.forged + other.forged,
            max(self.last_at, other.last_at),
        )


def count_calls(cursor: Cursor[Row], workspace_id: int, name: str, calls: Calls) -> None:
    """Add to what came through a door on the day of its last call."""
    at = moment(calls.last_at)
    cursor.execute(
        """
        insert into webhook_calls as w (
            workspace_id, name, day, calls, events, refused, forged, last_at
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (workspace_id, name, day) do update set
            calls = w.calls + excluded.calls, events = w.events + excluded.events,
            refused = w.refused + excluded.refused, forged = w.forged + excluded.forged,
            last_at = greatest(w.last_at, excluded.last_at)
        """,
        (
            *(workspace_id, name, at.date(), calls.calls, calls.events),
            *(calls.refused, calls.forged, at),
        ),
    )


def calls_since(session: Session, workspace_id: int, since: int) -> dict[str, Calls]:
    """By webhook: what came through its door since the day of `since`."""
    found = session.execute(
        """
        select name, sum(calls), sum(events), sum(refused), sum(forged), max(last_at)
        from webhook_calls
        where workspace_id = %s and day >= %s
        group by name
        """,
        (workspace_id, moment(since).date()),
    )
    return {
        name: Calls(int(calls), int(events), int(refused), int(forged), micros(last_at))
        for name, calls, events, refused, forged, last_at in found.fetchall()
    }
