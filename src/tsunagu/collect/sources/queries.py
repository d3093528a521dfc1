"""The SQL of sources: where each stands, when it is due, and how it is forgotten.

Times are microseconds in Python; nothing asks the database for the time.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import Connection, Cursor

from tsunagu.core import NotFound
from tsunagu.core.times import micros, moment
from tsunagu.storage import Row, notify

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
        perhaps(due),
        asked_by,
        failures,
        perhaps(ran),
        perhaps(went_well),
        error,
        perhaps(newest),
    )


def perhaps(value: object) -> int | None:
    """Microseconds of a time that may be missing."""
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


def postpone(cursor: Cursor[Row], workspace_id: int, name: str, due: int) -> None:
    """Let a source that could not begin wait."""
    cursor.execute(
        """
        update sources set next_run_at = %s
        where workspace_id = %s and name = %s and next_run_at is not null
        """,
        (moment(due), workspace_id, name),
    )
