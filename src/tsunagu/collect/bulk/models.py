"""What a load is made of: its files, its cursor, its parts, and what it has come to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from tsunagu.storage.lake import DataFile

State = Literal["open", "stopped", "done"]

# Bad rows at which a load stops and asks, unless it is told another number.
MOST_BAD = 100_000


class FileEntry(msgspec.Struct, frozen=True):
    """A file as it was when the load began; `modified` is its time of change in nanoseconds."""

    path: str
    size: int
    modified: int


@dataclass(frozen=True)
class Place:
    """Where a load stands: a file, the byte or row in it, and its next line, from 1."""

    file: int = 0
    place: int = 0
    line: int = 1


@dataclass
class Counts:
    """What became of the rows. `bytes` are those of the files as they lie on disk."""

    bytes: int = 0
    rows: int = 0
    loaded: int = 0
    repeats: int = 0
    bad: int = 0
    blocked: int = 0

    def add(self, other: Counts) -> None:
        """Count in what another part came to."""
        self.bytes += other.bytes
        self.rows += other.rows
        self.loaded += other.loaded
        self.repeats += other.repeats
        self.bad += other.bad
        self.blocked += other.blocked


@dataclass(frozen=True)
class Load:
    """A load as its row tells. Times are microseconds."""

    load_id: int
    workspace_id: int
    state: State
    files: tuple[FileEntry, ...]
    mapping: str | None
    source: str
    part: int
    cursor: Place
    bytes: int
    counts: Counts
    reason: str | None
    received_at: int
    updated_at: int
    ended_at: int | None

    @property
    def application(self) -> str:
        """The name under which the load commits to the lake."""
        return f"load {self.load_id}"


@dataclass(frozen=True)
class Promised:
    """A part whose rows and keys are settled: these files and no others enter the lake."""

    part: int
    data: tuple[DataFile, ...]


@dataclass(frozen=True)
class BadLine:
    """A row that is no event: where it stands, why, and what stands there."""

    line: int
    reason: str
    text: str


def data_as_json(files: list[DataFile], home: Path) -> str:
    """Data files as the row of a part keeps them, by their paths below `home`."""
    told = [
        {
            "path": file.path.relative_to(home).as_posix(),
            "rows": file.rows,
            "size": file.size,
            "partition": file.partition,
            "columns": file.columns,
        }
        for file in files
    ]
    return msgspec.json.encode(told).decode()


def data_from(told: list[dict[str, object]], home: Path) -> tuple[DataFile, ...]:
    """The data files of the row of a part."""
    return tuple(
        msgspec.convert({**one, "path": home / str(one["path"])}, DataFile) for one in told
    )
