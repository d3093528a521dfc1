"""Holding the lake and the other files of the data folder as they are at one moment.

Files of the lake never change, but upkeep deletes those that left a table. A hard link costs
nothing and keeps the bytes while they are copied, however long that takes.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable

from tsunagu.core import Retryable
from tsunagu.core.failpoints import failpoint
from tsunagu.runtime.secrets import FILE as SECRETS
from tsunagu.storage import Database, Snapshot

_LOG = "_delta_log"
_ENTRY = re.compile(r"^(\d{20})\.(?:json|checkpoint.*\.parquet)$")
_COMMIT = re.compile(r"^(\d{20})\.json$")
# What is on its way, not there yet: a writer empties these folders when it starts.
_PASSING = ("spill", "reading")
_PINS = ".backup"
_APART = ("postgres", "locks", "lake", _PINS, SECRETS)
_TRIES = 50

Versions = dict[Path, int]


def lake_versions(lake: Path) -> Versions:
    """The newest Delta commit of each table in the lake."""
    found: Versions = {}
    for log in sorted(lake.glob(f"*/**/{_LOG}")):
        commits = [int(match[1]) for name in os.listdir(log) if (match := _COMMIT.match(name))]
        if commits:
            found[log.parent] = max(commits)
    return found


@contextmanager
def one_moment(database: Database, lake: Path) -> Generator[tuple[Snapshot, Versions]]:
    """A snapshot of the database and the lake's versions that belong together.

    Whoever writes the lake promises it in the database first and notes it there afterwards. If
    no table changed from before the snapshot to after it, then all that the snapshot notes is
    in these versions, and all that is in them was promised to the snapshot.

    Raises:
        Retryable: the lake never stood still for a moment.
    """
    for _ in range(_TRIES):
        before = lake_versions(lake)
        with Snapshot(database) as snapshot:
            if lake_versions(lake) == before:
                failpoint("backup.snapshot")
                yield snapshot, before
                return
    raise Retryable("The lake is written without a pause. Try again when fewer loads run.")


@contextmanager
def pinned(home: Path, lake: Path, versions: Versions) -> Generator[tuple[Path, Path]]:
    """Folders with the lake at these versions and with the other files of the data folder."""
    pins = home / _PINS
    shutil.rmtree(pins, ignore_errors=True)
    try:
        for path in _lake_files(lake, versions):
            _pin(path, pins / "lake" / path.relative_to(lake))
        for path in _home_files(home):
            _pin(path, pins / "home" / path.relative_to(home))
        yield pins / "lake", pins / "home"
    finally:
        shutil.rmtree(pins, ignore_errors=True)


def files_of(folder: Path) -> list[Path]:
    """All files below a folder, in the order of their names."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _lake_files(lake: Path, versions: Versions) -> Iterator[Path]:
    tables = set(versions)
    for table, version in versions.items():
        yield from _data_files(table, version)
        for entry in sorted((table / _LOG).iterdir()):
            match = _ENTRY.match(entry.name)
            if match and int(match[1]) <= version:
                yield entry
    for path in _walk(lake):
        if not tables.intersection(path.parents) and not set(_PASSING) & set(path.parts):
            yield path


def _data_files(table: Path, version: int) -> Iterator[Path]:
    for uri in DeltaTable(str(table), version=version).file_uris():
        yield Path(unquote(uri))


def _home_files(home: Path) -> Iterator[Path]:
    for entry in sorted(home.iterdir()):
        if entry.name in _APART or entry.name.startswith(f".{SECRETS}"):
            continue
        if entry.is_dir():
            yield from _walk(entry)
        elif entry.is_file():
            yield entry


def _walk(folder: Path) -> Iterator[Path]:
    for above, _, names in os.walk(folder):
        yield from (path for name in sorted(names) if (path := Path(above, name)).is_file())


def _pin(path: Path, pin: Path) -> None:
    """A link to the file; a copy where the lake lies on another disk than the data folder."""
    pin.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, pin)
    except FileNotFoundError:
        # Whoever keeps it has just removed it: a mail that was deleted, a key file that expired.
        if path.parent.name == _LOG or path.suffix == ".parquet":
            raise Retryable(f"{path} went while it was looked at. Start again.") from None
    except OSError:
        shutil.copy2(path, pin)
