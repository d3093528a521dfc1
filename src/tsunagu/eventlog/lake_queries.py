"""The lake writer's statements: what is promised, what is copied, what is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

from psycopg import Connection, Cursor, sql

from tsunagu.core.times import micros, moment
from tsunagu.storage import Row, in_workspace

LAKE = "lake"
IDENTITY = "identity"

_TRY_LEASE: LiteralString = "select pg_try_advisory_lock(1818323813)"  # "lake"
_TRY_UPKEEP: LiteralString = "select pg_try_advisory_lock(1801807216)"  # "keep"

_POSITION: LiteralString = """
select coalesce(max(position), 0) from cursors where workspace_id = %s and consumer = %s
"""

_RANGE: LiteralString = """
from inbox as i
where i.workspace_id = {workspace} and i.position > {after} and i.position <= {upto}
    and not exists (
        select from left_out as l
        where l.workspace_id = i.workspace_id and l.position = i.position
    )
"""

_COLUMNS: LiteralString = """
select i.position,
    (date_part('epoch', i.received_at) * 1000000)::bigint,
    (date_part('epoch', i.known_at) * 1000000)::bigint,
    (date_part('epoch', i.at) * 1000000)::bigint,
    i.message_id, i.type, i.name, i.user_id, i.anonymous_id, i.source, i.body
"""

_IDENTITY: LiteralString = """
select kind, value, customer_id, first_position
from identifiers
where workspace_id = {workspace}
order by kind, value
"""


@dataclass(frozen=True)
class Promise:
    """A version of the lake and the range of the log that is exactly in it."""

    version: int
    after: int
    upto: int


def take_lease(connection: Connection[Row]) -> bool:
    """Become the lake writer until the connection ends; False while another one lives."""
    row = connection.execute(_TRY_LEASE).fetchone()
    return bool(row and row[0])


def take_upkeep(connection: Connection[Row]) -> bool:
    """Become the lake's upkeep until the connection ends; False while another one lives."""
    row = connection.execute(_TRY_UPKEEP).fetchone()
    return bool(row and row[0])


def task_done_at(connection: Connection[Row], workspace_id: int, task: str) -> int | None:
    """When a task of the lake was last done, in microseconds."""
    with in_workspace(connection, workspace_id) as cursor:
        row = cursor.execute(
            "select done_at from lake_tasks where workspace_id = %s and task = %s",
            (workspace_id, task),
        ).fetchone()
    return None if row is None else micros(row[0])


def lake_tasks(connection: Connection[Row], workspace_id: int) -> list[tuple[str, int]]:
    """What was done to the lake, by name, and when last in microseconds."""
    with in_workspace(connection, workspace_id) as cursor:
        found = cursor.execute(
            "select task, done_at from lake_tasks where workspace_id = %s order by task",
            (workspace_id,),
        ).fetchall()
    return [(task, micros(done_at)) for task, done_at in found]


def task_mark(cursor: Cursor[Row], workspace_id: int, task: str) -> str | None:
    """What a task of the lake noted when it was last done."""
    row = cursor.execute(
        "select mark from lake_tasks where workspace_id = %s and task = %s", (workspace_id, task)
    ).fetchone()
    return None if row is None else row[0]


def note_task(cursor: Cursor[Row], workspace_id: int, task: str, at: int, mark: str = "") -> None:
    """Note that a task of the lake was done, what was there at `at` included."""
    cursor.execute(
        """
        insert into lake_tasks (workspace_id, task, mark, done_at) values (%s, %s, %s, %s)
        on conflict (workspace_id, task) do update
        set mark = excluded.mark, done_at = excluded.done_at
        """,
        (workspace_id, task, mark, moment(at)),
    )


@dataclass(frozen=True)
class Standing:
    """How far customers are: the pipeline's position, and how often others changed them."""

    position: int
    epoch: int

    @property
    def mark(self) -> str:
        """A text that changes when any customer may have changed."""
        return f"{self.position}:{self.epoch}"


def standing(cursor: Cursor[Row], workspace_id: int) -> Standing:
    """How far the customers of a workspace are."""
    row = cursor.execute(
        """
        select coalesce(max(position), 0), coalesce(max(epoch), 0) from cursors
        where workspace_id = %s and consumer = 'pipeline'
        """,
        (workspace_id,),
    ).fetchone()
    assert row is not None
    return Standing(*row)


def position_of(cursor: Cursor[Row], workspace_id: int, consumer: str) -> int:
    """How far a consumer has come; 0 before its first step."""
    row = cursor.execute(_POSITION, (workspace_id, consumer)).fetchone()
    return row[0] if row else 0


def open_promise(cursor: Cursor[Row], workspace_id: int) -> Promise | None:
    """The version that was promised and is not done, if the last writer left one."""
    row = cursor.execute(
        """
        select version, from_position, to_position from lake_commits
        where workspace_id = %s and done_at is null
        order by version limit 1
        """,
        (workspace_id,),
    ).fetchone()
    return None if row is None else Promise(*row)


def make_promise(cursor: Cursor[Row], workspace_id: int, most: int) -> Promise | None:
    """Promise the next range: at most `most` events, none that the pipeline has yet to take."""
    pipeline = position_of(cursor, workspace_id, "pipeline")
    after = position_of(cursor, workspace_id, LAKE)
    if pipeline <= after:
        return None
    row = cursor.execute(
        """
        insert into lake_commits (workspace_id, version, from_position, to_position)
        select %(workspace)s,
            coalesce((
                select max(version) from lake_commits where workspace_id = %(workspace)s
            ), 0) + 1,
            %(after)s,
            least(%(pipeline)s, coalesce((
                select position from inbox
                where workspace_id = %(workspace)s and position > %(after)s
                order by position
                offset %(most)s - 1 limit 1
            ), %(pipeline)s))
        returning version, from_position, to_position
        """,
        {"workspace": workspace_id, "after": after, "pipeline": pipeline, "most": most},
    ).fetchone()
    assert row is not None
    return Promise(*row)


def keep_promise(cursor: Cursor[Row], workspace_id: int, promise: Promise, rows: int) -> None:
    """Note that a version is in the lake and move the lake's cursor behind it."""
    cursor.execute(
        """
        update lake_commits set done_at = clock_timestamp(), rows = %s
        where workspace_id = %s and version = %s
        """,
        (rows, workspace_id, promise.version),
    )
    advance(cursor, workspace_id, LAKE, promise.upto)


def advance(cursor: Cursor[Row], workspace_id: int, consumer: str, position: int) -> None:
    """Move a cursor of the lake forward and wake who waits for it."""
    cursor.execute(
        """
        insert into cursors (workspace_id, consumer, position) values (%s, %s, %s)
        on conflict (workspace_id, consumer) do update
        set position = greatest(cursors.position, excluded.position),
            updated_at = clock_timestamp()
        """,
        (workspace_id, consumer, position),
    )


def copy_events(
    connection: Connection[Row], workspace_id: int, promise: Promise, target: Path
) -> None:
    """Write the promised range as CSV, without the positions that were left out."""
    with in_workspace(connection, workspace_id) as cursor:
        select = _ranged(_COLUMNS + _RANGE + "order by i.position", workspace_id, promise)
        _copy(cursor, select, target)


def count_events(connection: Connection[Row], workspace_id: int, promise: Promise) -> int:
    """How many events the promised range holds."""
    statement = _ranged("select count(*) " + _RANGE, workspace_id, promise)
    with in_workspace(connection, workspace_id) as cursor:
        row = cursor.execute(statement).fetchone()
    return row[0] if row else 0


def _ranged(statement: LiteralString, workspace_id: int, promise: Promise) -> sql.Composed:
    return sql.SQL(statement).format(workspace=workspace_id, after=promise.after, upto=promise.upto)


def copy_identity(connection: Connection[Row], workspace_id: int, target: Path) -> None:
    """Write the identifiers as CSV."""
    with in_workspace(connection, workspace_id) as cursor:
        _copy(cursor, sql.SQL(_IDENTITY).format(workspace=workspace_id), target)


def _copy(cursor: Cursor[Row], select: sql.Composed, target: Path) -> None:
    statement = sql.SQL("copy ({}) to stdout (format csv)").format(select)
    with target.open("wb") as file, cursor.copy(statement) as copy:
        for block in copy:
            file.write(block)
