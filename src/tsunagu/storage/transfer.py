"""Carrying all rows of a database out of one server and into another, of any major version.

The rows leave as PostgreSQL's own `COPY` text, all as of one snapshot, while everybody else
goes on reading and writing; only the snapshot lives long, the locks on a table just for as
long as its own rows take. They arrive in tables that the migrations made.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from graphlib import TopologicalSorter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from psycopg import Connection, IsolationLevel, sql

from tsunagu.storage import transfer_queries as queries
from tsunagu.storage.database import Database, Row

# Who runs is nobody's data, the version of the tables comes with the tables, and a replay is
# worth nothing without its shadow, which can be made again.
_NOT_DATA = (
    "alembic_version",
    "processes",
    "replays",
    "replay_owners",
    "replay_differences",
)
_BOUNDS = re.compile(r"^FOR VALUES FROM \((.+)\) TO \((.+)\)$")
_PROTECT = Path(__file__).parent / "migrations" / "protect.sql"
_BLOCK = 1 << 20


class Partition(msgspec.Struct, frozen=True):
    """A partition as the catalog tells it; `bound` is null for the net that catches the rest."""

    parent: str
    name: str
    column: str
    bound: str | None


class Part(msgspec.Struct, frozen=True):
    """Rows that are carried together: of one table, one workspace, one partition.

    `workspace` is null for tables that are open and for rows that belong to none.
    """

    table: str
    columns: tuple[str, ...]
    secured: bool
    workspace: int | None = None
    partition: Partition | None = None

    @property
    def name(self) -> str:
        """A name that no other part has and that a file can bear."""
        words = [self.table if self.partition is None else self.partition.name]
        if self.secured:
            words.append("none" if self.workspace is None else str(self.workspace))
        return ".".join(words)


class Shape(msgspec.Struct, frozen=True):
    """What the rows need to be there before them."""

    revision: str
    server: int
    partitions: tuple[Partition, ...]
    sequences: dict[str, int]


class Snapshot:
    """All rows of a database as of one moment. Use it as a context manager.

    Partitions that are no longer needed stay until it is closed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holder = _reading(database)
        self._reader = _reading(database)
        self._holder.execute("begin")
        self._holder.execute(queries.HOLD_PARTITIONS)
        # It only holds the snapshot and waits, longer than others may.
        self._holder.execute("set local idle_in_transaction_session_timeout = 0")
        self._snapshot = str(_one(self._holder, "select pg_export_snapshot()"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the snapshot go."""
        self._reader.close()
        self._holder.close()

    def shape(self) -> Shape:
        """Revision of the tables, partitions and sequences.

        A sequence knows no snapshot: it is read afterwards and is never behind the rows.
        """
        partitions = self._holder.execute(queries.PARTITIONS).fetchall()
        return Shape(
            str(_one(self._holder, queries.REVISION)),
            self._holder.info.server_version // 10_000,
            tuple(Partition(*row) for row in partitions),
            dict(self._holder.execute(queries.SEQUENCES).fetchall()),
        )

    def size(self) -> int:
        """About how many bytes the tables take on the server's disk."""
        return int(_one(self._holder, queries.SIZE))

    def parts(self) -> list[Part]:
        """Everything there is to carry, in an order in which it can arrive."""
        tables = self._holder.execute(queries.TABLES, (list(_NOT_DATA),)).fetchall()
        spaces = self._holder.execute("select workspace_id from workspaces order by 1").fetchall()
        workspaces = [None, *(workspace for (workspace,) in spaces)]
        partitions = self.shape().partitions
        found: dict[str, list[Part]] = {}
        for table, secured, columns in tables:
            cut = [p for p in partitions if p.parent == table] or [None]
            found[table] = [
                Part(table, tuple(columns), secured, workspace, partition)
                for partition in cut
                for workspace in (workspaces if secured else [None])
            ]
        return [part for table in self._ordered(found) for part in found[table]]

    def read(self, part: Part) -> Generator[bytes, None, int]:
        """The rows of a part in blocks of about a mebibyte; returns how many they were."""
        with self._reader.transaction(), self._reader.cursor() as cursor:
            cursor.execute(
                sql.SQL("set transaction snapshot {}").format(sql.Literal(self._snapshot))
            )
            name = "" if part.workspace is None else str(part.workspace)
            cursor.execute(queries.NAME_WORKSPACE, (name,))
            block: list[bytes] = []
            size = 0
            with cursor.copy(_select(part)) as copy:
                for row in copy:
                    block.append(bytes(row))
                    size += len(row)
                    if size >= _BLOCK:
                        yield b"".join(block)
                        block, size = [], 0
            if block:
                yield b"".join(block)
            return cursor.rowcount

    def _ordered(self, tables: Iterable[str]) -> Iterable[str]:
        needs: dict[str, set[str]] = {table: set() for table in tables}
        for child, parent in self._holder.execute(queries.REFERENCES).fetchall():
            if child in needs and parent in needs:
                needs[child].add(parent)
        return TopologicalSorter(needs).static_order()


class Filling:
    """Filling a database that has this shape's tables and no rows, in one transaction."""

    def __init__(self, connection: Connection[Row], shape: Shape, tables: Iterable[str]) -> None:
        """Open the tables to their owner; call it inside a transaction of the role `owner`.

        Args:
            connection: that of the transaction.
            shape: what the snapshot told.
            tables: all that will be filled; what is in them goes.
        """
        self._connection = connection
        self._shape = shape
        for partition in shape.partitions:
            self._make(partition)
        names = sorted({*tables})
        for name in names:
            connection.execute(
                sql.SQL("alter table {} no force row level security").format(sql.Identifier(name))
            )
        # Made empty in the transaction that fills them: such rows need no log of their own.
        connection.execute(
            sql.SQL("truncate {}").format(sql.SQL(", ").join(map(sql.Identifier, names)))
        )

    def add(self, part: Part, blocks: Iterable[bytes]) -> int:
        """Put the rows of a part in; returns how many there were."""
        columns = sql.SQL(", ").join(map(sql.Identifier, part.columns))
        statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(part.table), columns)
        with self._connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for block in blocks:
                    copy.write(block)
            return cursor.rowcount

    def finish(self) -> None:
        """Set the sequences and close the tables again."""
        for name, value in self._shape.sequences.items():
            self._connection.execute("select setval(%s::regclass, %s)", (f'"{name}"', value))
        self._connection.execute(_PROTECT.read_text().encode())

    def _make(self, partition: Partition) -> None:
        name, parent = sql.Identifier(partition.name), sql.Identifier(partition.parent)
        there = _one(self._connection, "select to_regclass(%s)", f'public."{partition.name}"')
        if partition.bound is None or there is not None:
            return
        bound = sql.SQL(partition.bound)  # pyright: ignore[reportArgumentType]
        self._connection.execute(
            sql.SQL("create table {} partition of {} {}").format(name, parent, bound)
        )


def partitions_are_free(connection: Connection[Row]) -> bool:
    """Whether nobody is reading a snapshot; then none begins before the transaction ends."""
    return bool(_one(connection, queries.TRY_PARTITIONS))


def _reading(database: Database) -> Connection[Row]:
    connection = database.connect("owner")
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute("set default_transaction_isolation = 'repeatable read'")
    connection.execute("set default_transaction_read_only = on")
    return connection


def _select(part: Part) -> sql.Composed:
    """A net is read itself; any other partition by its range, which locks no other."""
    columns = sql.SQL(", ").join(map(sql.Identifier, part.columns))
    table, condition = part.table, sql.SQL("")
    if part.partition is not None and part.partition.bound is None:
        table = part.partition.name
    elif part.partition is not None and part.partition.bound is not None:
        bounds = _BOUNDS.match(part.partition.bound)
        assert bounds is not None, part.partition.bound
        condition = sql.SQL("where {column} >= {low} and {column} < {high}").format(
            column=sql.Identifier(part.partition.column),
            low=sql.SQL(bounds[1]),  # pyright: ignore[reportArgumentType]
            high=sql.SQL(bounds[2]),  # pyright: ignore[reportArgumentType]
        )
    return sql.SQL("copy (select {} from {} {}) to stdout").format(
        columns, sql.Identifier(table), condition
    )


def _one(connection: Connection[Row], statement: str, *given: object) -> Any:
    row = connection.execute(statement.encode(), given or None).fetchone()
    return row[0] if row else None
