"""Partitions of the log: made ahead, dropped when every reader has passed and time has too.

Inbox and timeline are cut by position, the memory of message ids by 15 days of receipt. Each
has a default partition as a net under a late housekeeper, who puts right what fell into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from psycopg import Connection, sql

from tsunagu.core.times import DAY, moment, wall
from tsunagu.storage import Row, in_workspace, partitions_are_free

INBOX_STEP = 2_000_000
TIMELINE_STEP = 16_000_000
SEEN_STEP = 15 * DAY
AHEAD = 2
REPEATS_REMEMBERED = 30 * DAY

_LOCK: LiteralString = "select pg_advisory_xact_lock(1886549364)"  # "part"

_PARTITIONS: LiteralString = """
select c.relname
from pg_inherits as i
join pg_class as c on c.oid = i.inhrelid
where i.inhparent = %s::regclass
"""


@dataclass(frozen=True)
class _Part:
    """A partition to be: its range of a column, and whether rows of it may be there already."""

    table: str
    number: int
    column: str
    bounds: tuple[sql.Literal, sql.Literal]
    in_use: bool

    @property
    def name(self) -> str:
        return f"{self.table}_{self.number}"


def ensure_partitions(connection: Connection[Row], *, after: int | None = None) -> None:
    """Make the partitions that the log will need; call it under the role `owner`.

    A second call, also at the same time, changes nothing.

    Args:
        after: make the timeline's from this position on too: a load took positions ahead of it.
    """
    with connection.transaction():
        connection.execute(_LOCK)
        last = _last_position(connection)
        for table, step in (("inbox", INBOX_STEP), ("timeline", TIMELINE_STEP)):
            first = last if after is None or table != "timeline" else min(after, last)
            for number in range(first // step, last // step + AHEAD + 1):
                bounds = (sql.Literal(number * step), sql.Literal((number + 1) * step))
                part = _Part(table, number, "position", bounds, in_use=number * step <= last)
                _ensure(connection, part)
        newest = wall() // SEEN_STEP
        for number in range(newest - 3, newest + AHEAD + 1):
            bounds = (_day(number * SEEN_STEP), _day((number + 1) * SEEN_STEP))
            in_use = number <= newest
            _ensure(connection, _Part("seen_messages", number, "received_at", bounds, in_use))


def drop_passed_partitions(connection: Connection[Row], *, keep: int = 35 * DAY) -> list[str]:
    """Drop what no reader needs any more; returns the names of the dropped partitions.

    Args:
        keep: how long an event stays in the inbox after its receipt, in microseconds; the
            lake keeps it further.
    """
    dropped: list[str] = []
    with connection.transaction():
        connection.execute(_LOCK)
        if not partitions_are_free(connection):
            return []  # a backup reads them; the next look drops them
        for name in _partitions(connection, "inbox"):
            number = name.rpartition("_")[2]
            if number.isdigit() and _passed(connection, name, (int(number) + 1) * INBOX_STEP, keep):
                dropped.append(name)
        oldest = (wall() - REPEATS_REMEMBERED) // SEEN_STEP - 1
        for name in _partitions(connection, "seen_messages"):
            number = name.rpartition("_")[2]
            if number.isdigit() and int(number) < oldest:
                dropped.append(name)
        connection.execute("set local lock_timeout = '2s'")
        for name in dropped:
            connection.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
    return dropped


def _last_position(connection: Connection[Row]) -> int:
    row = connection.execute(
        """
        select coalesce(last_value, 0) from pg_sequences
        where format('%I.%I', schemaname, sequencename)
            = pg_get_serial_sequence('inbox', 'position')
        """
    ).fetchone()
    return row[0] if row else 0


def _partitions(connection: Connection[Row], table: str) -> list[str]:
    return [name for (name,) in connection.execute(_PARTITIONS, (table,)).fetchall()]


def _ensure(connection: Connection[Row], part: _Part) -> None:
    if part.name in _partitions(connection, part.table):
        return
    parent, partition = sql.Identifier(part.table), sql.Identifier(part.name)
    default = sql.Identifier(f"{part.table}_default")
    connection.execute("set local lock_timeout = '5s'")
    # Made apart and attached: that, unlike `partition of`, lets writers go on.
    connection.execute(
        sql.SQL("create table {} (like {} including defaults)").format(partition, parent)
    )
    if part.table == "timeline":
        _force(connection, default, sql.SQL("no force"))
    if part.in_use:
        _empty_net(connection, part)
    connection.execute(
        sql.SQL("alter table {} attach partition {} for values from ({}) to ({})").format(
            parent, partition, *part.bounds
        )
    )
    if part.table == "timeline":
        _force(connection, default, sql.SQL("force"))
        _force(connection, partition, sql.SQL("force"))


def _empty_net(connection: Connection[Row], part: _Part) -> None:
    """Move what the default partition caught of a range.

    Readers are kept out meanwhile: a plan made before the new partition was attached would
    find the rows neither here nor there, and a cursor would pass over them.
    """
    parent, partition = sql.Identifier(part.table), sql.Identifier(part.name)
    default, key = sql.Identifier(f"{part.table}_default"), sql.Identifier(part.column)
    connection.execute(sql.SQL("lock table {} in access exclusive mode").format(parent))
    connection.execute(
        sql.SQL(
            "with caught as (delete from {} where {key} >= {} and {key} < {} returning *) "
            "insert into {} select * from caught"
        ).format(default, *part.bounds, partition, key=key)
    )


def _force(connection: Connection[Row], table: sql.Identifier, force: sql.SQL) -> None:
    """Close a table to everybody, its owner included, or open it to its owner alone.

    Nobody is granted anything on a partition: its rows are reached through the parent.
    """
    connection.execute(sql.SQL("alter table {} enable row level security").format(table))
    connection.execute(sql.SQL("alter table {} {} row level security").format(table, force))


def _day(at: int) -> sql.Literal:
    return sql.Literal(moment(at).isoformat())


def _passed(connection: Connection[Row], name: str, end: int, keep: int) -> bool:
    """Whether the partition is old and every workspace's readers have read its part of it."""
    partition = sql.Identifier(name)
    if _last_position(connection) < end:
        return False
    newest = connection.execute(
        sql.SQL("select received_at from {} order by position desc limit 1").format(partition)
    ).fetchone()
    if newest is not None and newest[0] > moment(wall() - keep):
        return False
    workspaces = connection.execute("select workspace_id from workspaces").fetchall()
    return all(_read(connection, partition, workspace_id) for (workspace_id,) in workspaces)


def _read(connection: Connection[Row], partition: sql.Identifier, workspace_id: int) -> bool:
    with in_workspace(connection, workspace_id) as cursor:
        row = cursor.execute(
            sql.SQL(
                """
                select not exists (
                    select from {} as i
                    where i.workspace_id = %(workspace)s and i.position > (
                        select case when count(*) = 2 then min(c.position) else 0 end
                        from cursors as c
                        where c.workspace_id = %(workspace)s
                            and c.consumer in ('pipeline', 'lake')
                    )
                )
                """
            ).format(partition),
            {"workspace": workspace_id},
        ).fetchone()
    return bool(row and row[0])
