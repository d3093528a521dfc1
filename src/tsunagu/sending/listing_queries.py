"""Sends as the console lists them: totals, refusals by reason, and the archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Cursor

from tsunagu.core.times import moment

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class SendFigures:
    """Totals of a workspace: ledger rows by state, waiting in the outbox, refused, archived."""

    states: dict[str, int]
    waiting: int
    refused: int
    archived: int


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """An archived message in a list."""

    send_id: int
    customer_id: int
    channel: str
    message: str
    message_version: int
    address: str
    subject: str
    archived_at: int
    state: str


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """One archived message whole, with the hash taken when it was stored."""

    row: ArchiveRow
    content: bytes
    sha256: bytes
    seal: bytes
    journey: str
    node: str
    reason: str
    provider_id: str
    decided_at: int
    result_at: int


def send_figures(cursor: Cursor[Row], workspace_id: int) -> SendFigures:
    """The totals of a workspace."""
    states = cursor.execute(
        "select state, count(*) from send_ledger where workspace_id = %s group by state",
        (workspace_id,),
    ).fetchall()
    row = cursor.execute(
        """
        select
            (select count(*) from outbox where workspace_id = %(workspace)s),
            (select count(*) from send_refusals where workspace_id = %(workspace)s),
            (select count(*) from archive where workspace_id = %(workspace)s)
        """,
        {"workspace": workspace_id},
    ).fetchone()
    assert row is not None
    return SendFigures(dict(states), *row)


def waiting_sends(cursor: Cursor[Row], workspace_id: int) -> tuple[int, int]:
    """How many messages wait to leave, and for how many customers."""
    row = cursor.execute(
        """
        select count(*), count(distinct l.customer_id)
        from outbox as o
        join send_ledger as l using (workspace_id, send_id)
        where o.workspace_id = %s and o.state <> 'handing'
        """,
        (workspace_id,),
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def refusal_reasons(cursor: Cursor[Row], workspace_id: int) -> list[tuple[str, int]]:
    """Why messages were not sent, the most frequent reason first."""
    cursor.execute(
        """
        select reason, count(*) from send_refusals
        where workspace_id = %s
        group by reason
        order by count(*) desc, reason
        """,
        (workspace_id,),
    )
    return cursor.fetchall()


def sends_by_day(
    cursor: Cursor[Row], workspace_id: int, zone: str, since: int
) -> list[tuple[int, int, int]]:
    """(start of the day in `zone`, sent, refused) for each day since then that has any."""
    cursor.execute(
        """
        with said (at, refused) as (
            select decided_at, state = 'refused' from send_ledger
            where workspace_id = %(workspace)s and decided_at >= %(since)s
            union all
            select at, true from send_refusals
            where workspace_id = %(workspace)s and at >= %(since)s
        )
        select
            (date_part('epoch', date_trunc('day', at, %(zone)s)) * 1000000)::bigint as day,
            count(*) filter (where not refused),
            count(*) filter (where refused)
        from said
        group by day
        order by day
        """,
        {"workspace": workspace_id, "zone": zone, "since": moment(since)},
    )
    return cursor.fetchall()


def message_states(cursor: Cursor[Row], workspace_id: int) -> dict[str, dict[str, int]]:
    """For each message, how many of its sends are in which state."""
    cursor.execute(
        """
        select message, state, count(*) from send_ledger
        where workspace_id = %s
        group by message, state
        """,
        (workspace_id,),
    )
    found: dict[str, dict[str, int]] = {}
    for message, state, count in cursor.fetchall():
        found.setdefault(message, {})[state] = count
    return found


def search_archive(
    cursor: Cursor[Row],
    workspace_id: int,
    words: str,
    *,
    limit: int,
    after: tuple[int, int] | None = None,
) -> list[ArchiveRow]:
    """Archived messages whose subject, address or message name contains `words`.

    The latest come first; `after` is (archived_at, send_id) of the last row before.
    """
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    cursor.execute(
        """
        select
            a.send_id, a.customer_id, a.channel, a.message, a.message_version, a.address,
            a.subject, (date_part('epoch', a.archived_at) * 1000000)::bigint, l.state
        from archive as a
        join send_ledger as l using (workspace_id, send_id)
        where a.workspace_id = %(workspace)s
            and (%(words)s = '' or a.subject ilike %(contains)s or a.address ilike %(contains)s
                or a.message ilike %(contains)s)
            and (%(at)s::timestamptz is null
                or (a.archived_at, a.send_id) < (%(at)s, %(send)s))
        order by a.archived_at desc, a.send_id desc
        limit %(limit)s
        """,
        {
            "workspace": workspace_id,
            "words": words,
            "contains": f"%{escaped}%",
            "at": moment(after[0]) if after else None,
            "send": after[1] if after else None,
            "limit": limit,
        },
    )
    return [ArchiveRow(*row) for row in cursor.fetchall()]


def archived_message(
    cursor: Cursor[Row], workspace_id: int, send_id: int
) -> ArchivedMessage | None:
    """One archived message with its content, or None."""
    row = cursor.execute(
        """
        select
            a.send_id, a.customer_id, a.channel, a.message, a.message_version, a.address,
            a.subject, (date_part('epoch', a.archived_at) * 1000000)::bigint, l.state,
            a.content, a.sha256, a.seal, coalesce(l.journey, ''), coalesce(l.node, ''),
            coalesce(l.reason, ''), coalesce(l.provider_id, ''),
            (date_part('epoch', l.decided_at) * 1000000)::bigint,
            coalesce((date_part('epoch', l.result_at) * 1000000)::bigint, 0)
        from archive as a
        join send_ledger as l using (workspace_id, send_id)
        where a.workspace_id = %s and a.send_id = %s
        """,
        (workspace_id, send_id),
    ).fetchone()
    return None if row is None else ArchivedMessage(ArchiveRow(*row[:9]), *row[9:])
