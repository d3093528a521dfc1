"""Questions that no room below owns: the processes that run, the reports, the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from tsunagu.console.reader import Connection, Cursor
from tsunagu.core import Json


@dataclass(frozen=True, slots=True)
class ProcessView:
    """A process that beats: since when, how long ago the last beat, its figures."""

    role: str
    host: str
    pid: int
    started_at: int
    silent_seconds: float
    figures: Json

    def figure(self, name: str) -> float | None:
        """A counter's or a gauge's value."""
        for kind in ("gauge", "counter"):
            found = self.figures.get(kind, {}).get(name)
            if found is not None:
                return float(found)
        return None


@dataclass(frozen=True, slots=True)
class Report:
    """A report of insights: what was asked, the figures, and when they were computed."""

    name: str
    document: Json
    at: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what."""

    actor: str
    action: str
    subject: str
    at: int


def processes(connection: Connection) -> list[ProcessView]:
    """All processes that wrote a heartbeat and did not say goodbye."""
    found = connection.execute(
        """
        select
            role, host, pid, (date_part('epoch', started_at) * 1000000)::bigint,
            date_part('epoch', now() - beat_at), figures
        from processes
        order by role, started_at
        """
    )
    return [ProcessView(*row) for row in found.fetchall()]


def server_version(connection: Connection) -> tuple[str, int]:
    """PostgreSQL's version and the database's size in bytes."""
    row = connection.execute(
        "select current_setting('server_version'), pg_database_size(current_database())"
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def reports(cursor: Cursor, workspace_id: int) -> list[Report]:
    """The latest version of each report of a workspace."""
    cursor.execute(
        """
        select report, document, (date_part('epoch', at) * 1000000)::bigint
        from reports
        where workspace_id = %s
        order by report
        """,
        (workspace_id,),
    )
    return [Report(*row) for row in cursor.fetchall()]


def audit_entries(cursor: Cursor, workspace_id: int, *, limit: int) -> list[AuditEntry]:
    """What operators did last in a workspace."""
    cursor.execute(
        """
        select actor, action, subject, (date_part('epoch', at) * 1000000)::bigint
        from audit_log
        where workspace_id = %s
        order by audit_id desc
        limit %s
        """,
        (workspace_id, limit),
    )
    return [AuditEntry(*row) for row in cursor.fetchall()]
