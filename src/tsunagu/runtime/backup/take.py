"""`tsunagu backup`: database, lake, archive, mailbox and keys as of one moment, while all runs.

The database's rows are read in one snapshot, which holds nobody up; the lake at the versions
that belong to it (see `pins`). Nothing has a name that looks like a backup before the end.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path

import tsunagu
from tsunagu.access import list_workspaces
from tsunagu.core import Invalid, Retryable
from tsunagu.core.failpoints import failpoint
from tsunagu.core.times import iso, wall
from tsunagu.runtime.backup import manifest as names
from tsunagu.runtime.backup.keys import fingerprint, lock
from tsunagu.runtime.backup.manifest import Entry, Keys, Manifest, Rows
from tsunagu.runtime.backup.pins import files_of, key_files, one_moment
from tsunagu.runtime.backup.places import Target, open_target, read_blocks
from tsunagu.runtime.backup.progress import Advance, Stages
from tsunagu.runtime.database import embedded_server, open_database
from tsunagu.runtime.locks import FolderLock
from tsunagu.runtime.secrets import load_secrets
from tsunagu.runtime.settings import Settings
from tsunagu.runtime.words import Say
from tsunagu.storage import Snapshot

_LOCK = "backup"
LOCAL_CONFIGURATION = "local.conf"


def take_backup(
    settings: Settings, to: Path, passphrase: str | None, stages: Stages, say: Say
) -> Manifest:
    """Write a backup to a folder or a `.tar` file.

    Args:
        passphrase: what the installation's keys are locked by; None leaves them readable.

    Raises:
        Invalid: the place is taken, or there is no installation to back up.
        Retryable: another backup is at work, or the lake never stood still.
    """
    if not settings.folder.is_dir():
        raise Invalid(f"There is no installation in {settings.folder}. Set TSUNAGU_HOME to it.")
    if to.expanduser().absolute().is_relative_to(settings.folder):
        raise Invalid(f"{to} lies inside of what is backed up. Name a place outside of it.")
    with FolderLock(settings.folder, _LOCK) as alone:
        if not alone.take(shared=False):
            raise Retryable("Another backup of this installation is at work. Wait for its end.")
        target = open_target(to)
        with open_database(settings) as database, database.connect("app") as connection:
            lake = settings.folder / "lake"
            with one_moment(database, settings.folder, lake) as (snapshot, pins):
                taken_at = wall()
                spaces = tuple(w.name for w in list_workspaces(connection))
                rows, files = _read_database(target, snapshot, stages, say)
                failpoint("backup.database")
                files += _copy_files(target, pins, stages, say)
                keys, kept = _keep_keys(target, settings, passphrase)
                made = Manifest(
                    names.FORMAT,
                    tsunagu.__version__,
                    iso(taken_at),
                    snapshot.shape(),
                    spaces,
                    tuple(rows),
                    (*files, *kept),
                    keys,
                )
            target.finish(made)
    return made


def _read_database(
    target: Target, snapshot: Snapshot, stages: Stages, say: Say
) -> tuple[list[Rows], list[Entry]]:
    found: list[Rows] = []
    files: list[Entry] = []
    with stages.stage(say("database", "データベース"), snapshot.size()) as advance:
        for part in snapshot.parts():
            reader = _Reader(snapshot.read(part), advance)
            first = next(reader, None)
            if first is None:
                continue
            name = f"{names.DATABASE}/{part.name}.copy.zst"
            files.append(target.add(name, _with(first, reader), packed=True))
            found.append(Rows(part, name, reader.rows))
    return found, files


class _Reader:
    """The blocks of a part, and once they are through the number of rows."""

    def __init__(self, blocks: Generator[bytes, None, int], advance: Advance) -> None:
        self._blocks = blocks
        self._advance = advance
        self.rows = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            block = next(self._blocks)
        except StopIteration as end:
            self.rows = self.rows or int(end.value or 0)
            raise
        self._advance(len(block))
        return block


def _with(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _copy_files(target: Target, pins: Path, stages: Stages, say: Say) -> list[Entry]:
    listed = [
        (path.relative_to(pins).as_posix(), path)
        for kind in (names.LAKE, names.HOME)
        for path in files_of(pins / kind)
    ]
    total = sum(path.stat().st_size for _, path in listed)
    entries: list[Entry] = []
    with stages.stage(say("lake and files", "レイクとファイル"), total) as advance:
        for name, path in listed:
            entries.append(_copy(target, name, path, advance))
    return entries


def _copy(target: Target, name: str, path: Path, advance: Advance) -> Entry:
    with path.open("rb") as file:
        return target.add(name, _told(read_blocks(file), advance))


def _told(blocks: Iterable[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    for block in blocks:
        advance(len(block))
        yield block


def _keep_keys(
    target: Target, settings: Settings, passphrase: str | None
) -> tuple[Keys, list[Entry]]:
    """The files with keys, and the server's own settings that somebody wrote."""
    files: list[Entry] = []
    own = embedded_server(settings).folder / "data" / LOCAL_CONFIGURATION
    if settings.database_url is None and own.exists():
        files.append(target.add(f"{names.SERVER}/{LOCAL_CONFIGURATION}", [own.read_bytes()]))
    mark = fingerprint(load_secrets(settings.folder).signing)
    found = key_files(settings.folder)
    for path in found:
        secrets = path.read_bytes()
        if passphrase is not None:
            secrets = lock(secrets, passphrase)
        files.append(target.add(f"{names.KEYS}/{path.name}", [secrets]))
    locked = passphrase is not None
    return Keys(tuple(path.name for path in found), locked, mark), files
