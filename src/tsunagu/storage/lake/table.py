"""A Delta table on disk: files written by DuckDB, listed by one commit each.

A commit carries an application version. delta-rs records it and does not enforce it, so the
look and the commit go through one handle that may not retry: if anybody committed between the
two, the commit fails and nothing is in the table twice. Several writers share a table: each has
an application name of its own, and upkeep, which changes no row for a reader, has none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pyarrow as pa
from deltalake import DeltaTable, Schema
from deltalake.exceptions import CommitFailedError
from deltalake.schema import Field, PrimitiveType
from deltalake.transaction import AddAction, CommitProperties, RemoveAction, Transaction

from tsunagu.core import Retryable
from tsunagu.core.times import wall

WRITER = "tsunagu"
# The log of a table is kept this long; its files longer than any reader may need them.
_CONFIGURATION: dict[str, str | None] = {"delta.logRetentionDuration": "interval 14 days"}
_SWAPS = 20
_SWAP_SECONDS = 0.05

Column = tuple[str, str]


@dataclass(frozen=True)
class Layout:
    """A table's columns with their Delta types, and the column it is partitioned by.

    `order` is the column by whose ranges the files lie one behind the other.
    """

    name: str
    columns: tuple[Column, ...]
    partition: str | None = None
    order: str | None = None

    def schema(self) -> Schema:
        """The columns as Delta knows them."""
        return Schema([Field(name, PrimitiveType(kind)) for name, kind in self.columns])


EVENTS = Layout(
    "events",
    (
        ("position", "long"),
        ("received_at", "timestamp"),
        ("known_at", "timestamp"),
        # the event's own time; `at` is a word of DuckDB's grammar
        ("happened_at", "timestamp"),
        ("message_id", "string"),
        ("type", "string"),
        ("name", "string"),
        ("user_id", "string"),
        ("anonymous_id", "string"),
        ("previous_id", "string"),
        ("group_id", "string"),
        ("source", "string"),
        ("properties", "string"),
        ("traits", "string"),
        ("context", "string"),
        # of known_at, in UTC: a day would cut history that is loaded into crumbs
        ("month", "string"),
    ),
    partition="month",
    order="position",
)
IDENTITY = Layout(
    "identity",
    (("kind", "string"), ("value", "string"), ("customer_id", "long"), ("first_position", "long")),
)
# What the platform knew of a customer from `valid_from` until the customer's next version.
CUSTOMERS = Layout(
    "customers",
    (
        ("customer_id", "long"),
        ("version", "long"),
        ("valid_from", "timestamp"),
        ("merged_into", "long"),
        ("first_seen", "timestamp"),
        ("last_seen", "timestamp"),
        ("events", "long"),
        ("traits", "string"),
        ("audiences", "string"),
        # of all that stands above but the version and its time: equal content is one version
        ("digest", "long"),
    ),
    order="version",
)
TABLES = (EVENTS, CUSTOMERS, IDENTITY)


@dataclass(frozen=True)
class DataFile:
    """One Parquet file that DuckDB wrote into the table's folder."""

    path: Path
    rows: int
    size: int
    partition: str | None
    columns: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Part:
    """One Parquet file of the table; `order` is the lowest value of the layout's order column."""

    path: str
    rows: int
    size: int
    partition: str | None
    order: int


class LakeTable:
    """One handle on one Delta table; made where there is none."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.layout = layout
        partitions = [layout.partition] if layout.partition else None
        if not DeltaTable.is_deltatable(str(folder)):
            folder.mkdir(parents=True, exist_ok=True)
            DeltaTable.create(
                str(folder),
                schema=layout.schema(),
                partition_by=partitions,
                mode="ignore",
                configuration=_CONFIGURATION,
            )
        self._table = DeltaTable(str(folder))

    @property
    def committed(self) -> int:
        """The newest version that the lake writer committed."""
        return self.committed_by(WRITER)

    def committed_by(self, application: str) -> int:
        """The newest version that an application committed; 0 before its first."""
        return self._table.transaction_version(application) or 0

    @property
    def delta_version(self) -> int:
        """The number of the newest Delta commit that this handle sees."""
        return self._table.version()

    def files(self) -> list[str]:
        """Paths of the Parquet files that make up the table as this handle sees it."""
        return [unquote(uri) for uri in self._table.file_uris()]

    def commit(
        self,
        version: int,
        added: Sequence[DataFile],
        *,
        overwrite: bool = False,
        application: str = WRITER,
    ) -> None:
        """Make files part of the table as an application's `version`, in one Delta commit.

        Args:
            overwrite: the added files are the whole table from now on.
            application: who commits; another name than the lake writer's for another writer.

        Raises:
            Retryable: somebody else committed since this handle was opened; open a new one.
        """
        _sync_files(added)
        actions: list[AddAction | RemoveAction] = [self._add(file, True) for file in added]
        properties = CommitProperties(
            max_commit_retries=0, app_transactions=[Transaction(application, version)]
        )
        self._commit(actions, "overwrite" if overwrite else "append", properties)

    def swap(self, removed: Sequence[Part], added: Sequence[DataFile], *, changed: bool) -> bool:
        """Let files stand for others, whoever else commits meanwhile; False if one had gone.

        What others added in between stays; the files to remove must all still be there.

        Args:
            changed: rows went, rather than only moved.

        Raises:
            Retryable: others committed again and again; nothing was changed.
        """
        _sync_files(added)
        actions: list[AddAction | RemoveAction] = [self._add(file, changed) for file in added]
        actions += [self._remove(part, changed) for part in removed]
        for turn in range(_SWAPS):
            self._table = DeltaTable(str(self.folder))
            if not {part.path for part in removed} <= set(self.files()):
                return False
            try:
                self._commit(actions, "append", CommitProperties(max_commit_retries=0))
            except Retryable:
                time.sleep(_SWAP_SECONDS * (turn + 1))
                continue
            return True
        raise Retryable(f"Others keep committing to {self.folder}; its upkeep waits until later.")

    def _commit(
        self, actions: list[AddAction | RemoveAction], mode: str, properties: CommitProperties
    ) -> None:
        try:
            self._table.create_write_transaction(
                actions,
                mode,
                self.layout.schema(),
                [self.layout.partition] if self.layout.partition else None,
                commit_properties=properties,
            )
        except CommitFailedError as lost:
            raise Retryable(
                f"Another writer committed to {self.folder} at the same time; look again."
            ) from lost
        for entry in sorted((self.folder / "_delta_log").glob("*.json"))[-1:]:
            _sync(entry)
        _sync(self.folder / "_delta_log")

    def parts(self) -> list[Part]:
        """The table's files with what the log says of them, in the layout's order."""
        order = f"min.{self.layout.order}" if self.layout.order else None
        partition = f"partition.{self.layout.partition}" if self.layout.partition else None
        found = [
            Part(
                str(self.folder / unquote(row["path"])),
                row["num_records"] or 0,
                row["size_bytes"],
                row[partition] if partition else None,
                (row.get(order) or 0) if order else 0,
            )
            for row in pa.table(self._table.get_add_actions(flatten=True)).to_pylist()
        ]
        return sorted(found, key=lambda part: (part.order, part.path))

    def vacuum(self, keep_hours: int) -> list[str]:
        """Delete files that left the table, or never entered it, more than that ago."""
        return self._table.vacuum(
            keep_hours, dry_run=False, enforce_retention_duration=False, full=True
        )

    def checkpoint(self) -> None:
        """Sum the log up in one file, and let entries go that are older than it is kept."""
        self._table.create_checkpoint()
        self._table.cleanup_metadata()

    def _add(self, file: DataFile, changed: bool) -> AddAction:
        partition = self.layout.partition
        return AddAction(
            path=file.path.relative_to(self.folder).as_posix(),
            size=file.size,
            partition_values={partition: file.partition} if partition else {},
            modification_time=wall() // 1000,
            data_change=changed,
            stats=_statistics(file, dict(self.layout.columns)),
        )

    def _remove(self, part: Part, changed: bool) -> RemoveAction:
        partition = self.layout.partition
        return RemoveAction(
            path=Path(part.path).relative_to(self.folder).as_posix(),
            data_change=changed,
            deletion_timestamp=wall() // 1000,
            size=part.size,
            partition_values={partition: part.partition} if partition else {},
        )


def _statistics(file: DataFile, kinds: dict[str, str]) -> str:
    """Row count and ranges, by which readers leave files out."""
    ranges: dict[str, dict[str, Any]] = {"minValues": {}, "maxValues": {}}
    for name, found in file.columns.items():
        for side, key in (("minValues", "min"), ("maxValues", "max")):
            value = found.get(key)
            if value is not None and kinds[name] == "long":
                ranges[side][name] = int(value)
            elif value is not None and kinds[name] == "timestamp":
                ranges[side][name] = value.replace(" ", "T").replace("+00", "Z")
    return msgspec.json.encode({"numRecords": file.rows, **ranges}).decode()


def _sync_files(files: Sequence[DataFile]) -> None:
    for file in files:
        _sync(file.path)
        _sync(file.path.parent)


def _sync(path: Path) -> None:
    """Make a file or folder survive a power cut, as the promise in PostgreSQL does."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
