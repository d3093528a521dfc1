"""The store of definitions: documents with versions, of which one is published.

Publishing stops the version before; whoever is on its way in a stopped version goes on in it.
What a document means is checked by the rooms that own its kind.
"""

from __future__ import annotations

import msgspec
from psycopg import Connection, Cursor

from tsunagu.access.models import Definition
from tsunagu.core import Json, NotFound
from tsunagu.core.times import micros
from tsunagu.storage import Row, notify

_PUBLISHING = 0x7075626C  # "publ"


def publish(
    cursor: Cursor[Row], workspace_id: int, kind: str, name: str, document: Json, by: str
) -> int:
    """Publish a document as the next version and return it.

    A document equal to the published one makes no new version. The documents of a workspace
    are published one at a time.
    """
    cursor.execute("select pg_advisory_xact_lock(%s, %s)", (_PUBLISHING, workspace_id))
    text = msgspec.json.encode(document).decode()
    key = {"workspace": workspace_id, "kind": kind, "name": name, "document": text, "by": by}
    same = cursor.execute(
        """
        select version from definitions
        where workspace_id = %(workspace)s and kind = %(kind)s and name = %(name)s
            and status = 'published' and document = %(document)s::jsonb
        """,
        key,
    ).fetchone()
    if same is not None:
        return same[0]
    cursor.execute(
        """
        update definitions set status = 'stopped'
        where workspace_id = %(workspace)s and kind = %(kind)s and name = %(name)s
            and status = 'published'
        """,
        key,
    )
    row = cursor.execute(
        """
        insert into definitions (
            workspace_id, kind, name, version, document, status, created_by
        )
        select %(workspace)s, %(kind)s, %(name)s, coalesce(max(version), 0) + 1,
            %(document)s::jsonb, 'published', %(by)s
        from definitions
        where workspace_id = %(workspace)s and kind = %(kind)s and name = %(name)s
        returning version
        """,
        key,
    ).fetchone()
    assert row is not None
    notify(cursor, "tsunagu_definitions", workspace_id)
    return row[0]


def stop(cursor: Cursor[Row], workspace_id: int, kind: str, name: str) -> None:
    """Take the published version of a document out of use.

    Raises:
        NotFound: nothing of this name is published.
    """
    done = cursor.execute(
        """
        update definitions set status = 'stopped'
        where workspace_id = %s and kind = %s and name = %s and status = 'published'
        """,
        (workspace_id, kind, name),
    )
    if done.rowcount == 0:
        raise NotFound(f"No {kind} called {name!r} is published.")
    notify(cursor, "tsunagu_definitions", workspace_id)


def all_versions(session: Connection[Row] | Cursor[Row], workspace_id: int) -> list[Definition]:
    """Every version of every document, by kind, name and version."""
    found = session.execute(
        """
        select kind, name, version, document, status, created_at, created_by
        from definitions
        where workspace_id = %s
        order by kind, name, version
        """,
        (workspace_id,),
    )
    return [
        Definition(kind, name, version, document, status, micros(created_at), created_by)
        for kind, name, version, document, status, created_at, created_by in found.fetchall()
    ]


def published(session: Connection[Row] | Cursor[Row], workspace_id: int) -> list[Definition]:
    """The published version of each document."""
    return [d for d in all_versions(session, workspace_id) if d.status == "published"]


def published_version(
    session: Connection[Row] | Cursor[Row], workspace_id: int, kind: str, name: str
) -> int | None:
    """Which version of one document is published; None if none is."""
    row = session.execute(
        """
        select version from definitions
        where workspace_id = %s and kind = %s and name = %s and status = 'published'
        """,
        (workspace_id, kind, name),
    ).fetchone()
    return None if row is None else row[0]


def document_of(
    session: Connection[Row] | Cursor[Row], workspace_id: int, kind: str, name: str, version: int
) -> Json:
    """One version of a document.

    Raises:
        NotFound: there is no such version.
    """
    row = session.execute(
        """
        select document from definitions
        where workspace_id = %s and kind = %s and name = %s and version = %s
        """,
        (workspace_id, kind, name, version),
    ).fetchone()
    if row is None:
        raise NotFound(f"There is no version {version} of the {kind} {name!r}.")
    return row[0]


def fingerprint(session: Connection[Row] | Cursor[Row], workspace_id: int) -> str:
    """A text that changes whenever what is published or stopped changes."""
    row = session.execute(
        """
        select md5(coalesce(string_agg(
            concat_ws('/', kind, name, version, status), ',' order by kind, name, version
        ), ''))
        from definitions
        where workspace_id = %s and status <> 'draft'
        """,
        (workspace_id,),
    ).fetchone()
    assert row is not None
    return row[0]
