"""A Delta table on disk: files written by DuckDB, listed by one commit each.

A commit carries an application version. delta-rs records it and does not enforce it, so the
look and the commit go through one handle that may not retry: if anybody committed between the
two, the commit fails and nothing is in the table twice.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from deltalake import DeltaTable, Schema
from deltalake.exceptions import CommitFailedError
from deltalake.schema import Field, PrimitiveType
from deltalake.transaction import AddAction, CommitProperties, RemoveAction, Transaction

from tsunagu.core import Retryable
from tsunagu.core.times import wall

_APPLICATION = "tsunagu"

Column = tuple[str, str]


@dataclass(frozen=True)
class Layout:
    """A table's columns with their Delta types, and the column it is partitioned by."""

    name: str
    columns: tuple[Column, ...]
    partition: str | None = None

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
)
IDENTITY = Layout(
    "identity",
    (("kind", "string"), ("value", "string"), ("customer_id", "long"), ("first_position", "long")),
)


@dataclass(frozen=True)
class DataFile:
    """One Parquet file that DuckDB wrote into the table's folder."""

    path: Path
    rows: int
    size: int
    partition: str | None
    columns: dict[str, dict[str, str]]


class LakeTable:
    """One handle on one Delta table; made where there is none."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        self.folder = folder
        self.layout = layout
        partitions = [layout.partition] if layout.partition else None
        if not DeltaTable.is_deltatable(str(folder)):
            folder.mkdir(parents=True, exist_ok=True)
            DeltaTable.create(
                str(folder), schema=layout.schema(), partition_by=partitions, mode="ignore"
            )
        self._table = DeltaTable(str(folder))

    @property
    def committed(self) -> int:
        """The newest application version in the table."""
        return self._table.transaction_version(_APPLICATION) or 0

    def files(self) -> list[str]:
        """Paths of the Parquet files that make up the table as this handle sees it."""
        return self._table.file_uris()

    def commit(
        self,
        version: int,
        added: Sequence[DataFile],
        *,
        removed: Sequence[str] = (),
        overwrite: bool = False,
    ) -> None:
        """Make files part of the table as application version `version`, in one Delta commit.

        Args:
            removed: paths that `files` gave and whose rows stand in the added files.
            overwrite: the added files are the whole table from now on.

        Raises:
            Retryable: somebody else committed since this handle was opened; open a new one.
        """
        for file in added:
            _sync(file.path)
            _sync(file.path.parent)
        actions: list[AddAction | RemoveAction] = [
            self._add(file, data_change=not removed) for file in added
        ]
        actions += [self._remove(path) for path in removed]
        properties = CommitProperties(
            max_commit_retries=0, app_transactions=[Transaction(_APPLICATION, version)]
        )
        try:
            self._table.create_write_transaction(
                actions,
                "overwrite" if overwrite else "append",
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

    def vacuum(self, keep_hours: int) -> list[str]:
        """Delete files that left the table, or never entered it, more than that ago."""
        return self._table.vacuum(
            keep_hours, dry_run=False, enforce_retention_duration=False, full=True
        )

    def _add(self, file: DataFile, *, data_change: bool) -> AddAction:
        partition = self.layout.partition
        return AddAction(
            path=file.path.relative_to(self.folder).as_posix(),
            size=file.size,
            partition_values={partition: file.partition} if partition else {},
            modification_time=wall() // 1000,
            data_change=data_change,
            stats=_statistics(file, dict(self.layout.columns)),
        )

    def _remove(self, path: str) -> RemoveAction:
        file = Path(path)
        partition = self.layout.partition
        values: dict[str, str | None] = {}
        if partition:
            values[partition] = file.parent.name.partition("=")[2]
        return RemoveAction(
            path=file.relative_to(self.folder).as_posix(),
            data_change=False,
            deletion_timestamp=wall() // 1000,
            size=file.stat().st_size,
            partition_values=values,
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


def _sync(path: Path) -> None:
    """Make a file or folder survive a power cut, as the promise in PostgreSQL does."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
