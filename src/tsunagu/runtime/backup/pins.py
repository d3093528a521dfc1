"""Holding the lake and the other files of the data folder as they are at one moment.

Files of the lake never change, but upkeep deletes those that left a table. A hard link costs
nothing and keeps the bytes while they are copied, however long that takes.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Generator, Iterable, Iterator
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
_APART = ("postgres", "locks", "lake", _PINS)
_KEYS = ".keys"
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
def one_moment(database: Database, home: Path, lake: Path) -> Generator[tuple[Snapshot, Path]]:
    """A snapshot of the database, and a folder with the files that belong to it.

    Whoever writes the lake promises it in the database first and notes it there afterwards. If
    no table changed from before the snapshot to after it, then all that the snapshot notes is
    in these versions, and all that is in them was promised to the snapshot. Other files of the
    lake are written before the database knows of them and go after it forgets them, so those
    of before and after the snapshot are kept.

    Raises:
        Retryable: the lake never stood still for a moment.
    """
    pins = home / _PINS
    try:
        for _ in range(_TRIES):
            shutil.rmtree(pins, ignore_errors=True)
            before = lake_versions(lake)
            _pin_all(_loose_files(lake, before), lake, pins / "lake")
            with Snapshot(database) as snapshot:
                if lake_versions(lake) != before:
                    continue
                failpoint("backup.snapshot")
                _pin_all(_loose_files(lake, before), lake, pins / "lake")
                _pin_all(_table_files(before), lake, pins / "lake")
                _pin_all(_home_files(home), home, pins / "home")
                yield snapshot, pins
                return
    finally:
        shutil.rmtree(pins, ignore_errors=True)
    raise Retryable("The lake is written without a pause. Try again when fewer loads run.")


def key_files(home: Path) -> list[Path]:
    """The files of the data folder that hold keys, which a passphrase may lock."""
    return [path for path in sorted(home.iterdir()) if _is_key(path)]


def _is_key(path: Path) -> bool:
    return path.is_file() and (path.name == SECRETS or path.suffix == _KEYS)


def files_of(folder: Path) -> list[Path]:
    """All files below a folder, in the order of their names."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _table_files(versions: Versions) -> Iterator[Path]:
    for table, version in versions.items():
        yield from _data_files(table, version)
        for entry in sorted((table / _LOG).iterdir()):
            match = _ENTRY.match(entry.name)
            if match and int(match[1]) <= version:
                yield entry


def _loose_files(lake: Path, versions: Versions) -> Iterator[Path]:
    """What lies in the lake beside its tables."""
    tables = set(versions)
    for path in _walk(lake):
        if not tables.intersection(path.parents) and not set(_PASSING) & set(path.parts):
            yield path


def _data_files(table: Path, version: int) -> Iterator[Path]:
    for uri in DeltaTable(str(table), version=version).file_uris():
        yield Path(unquote(uri))


def _home_files(home: Path) -> Iterator[Path]:
    for entry in sorted(home.iterdir()):
        if entry.name in _APART or _is_key(entry) or entry.name.startswith(f".{SECRETS}"):
            continue
        if entry.is_dir():
            yield from _walk(entry)
        elif entry.is_file():
            yield entry


def _walk(folder: Path) -> Iterator[Path]:
    for above, _, names in os.walk(folder):
        yield from (path for name in sorted(names) if (path := Path(above, name)).is_file())


def _pin_all(paths: Iterable[Path], above: Path, pins: Path) -> None:
    for path in paths:
        _pin(path, pins / path.relative_to(above))


def _pin(path: Path, pin: Path) -> None:
    """A link to the file; a copy where the lake lies on another disk than the data folder."""
    pin.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, pin)
    except FileExistsError:
        return
    except FileNotFoundError:
        # Whoever keeps it has just removed it: a mail that was deleted, a key file that expired.
        if path.parent.name == _LOG or path.suffix == ".parquet":
            raise Retryable(f"{path} went while it was looked at. Start again.") from None
    except OSError:
        shutil.copy2(path, pin)
