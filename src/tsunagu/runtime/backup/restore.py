"""`tsunagu restore`: a new installation from a backup, checked before and whole or not at all.

Everything is made beside its place and moved there in the last step. A restored installation
does not know what the old one sent after the backup was taken: its sends are stopped, and what
waited in its outbox is unknown and never sent by itself.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tsunagu.access import audit, list_workspaces, pause_sends
from tsunagu.core import Invalid
from tsunagu.core.failpoints import failpoint
from tsunagu.eventlog import ensure_partitions
from tsunagu.runtime.backup import manifest as names
from tsunagu.runtime.backup.keys import fingerprint, unlock
from tsunagu.runtime.backup.manifest import Entry, Manifest
from tsunagu.runtime.backup.places import Source, open_source
from tsunagu.runtime.backup.progress import Advance, Stages
from tsunagu.runtime.backup.take import LOCAL_CONFIGURATION
from tsunagu.runtime.secrets import load_secrets
from tsunagu.runtime.settings import Settings
from tsunagu.runtime.words import Say
from tsunagu.sending import settle
from tsunagu.storage import Database, EmbeddedServer, Filling, in_workspace, migrate

Passphrase = Callable[[], str]

_UNFINISHED = ".restoring"


def check_backup(path: Path, stages: Stages, say: Say) -> Manifest:
    """Read all of a backup and compare it with its manifest.

    Raises:
        Invalid: it is none, or damaged; the message names the file.
    """
    source = open_source(path)
    manifest = source.manifest()
    with stages.stage(say("check of the backup", "バックアップの検査"), manifest.size) as advance:
        for entry in manifest.files:
            for block in source.blocks(entry):
                advance(len(block))
    return manifest


def restore_backup(
    settings: Settings, path: Path, passphrase: Passphrase, stages: Stages, say: Say
) -> tuple[Manifest, int]:
    """Make the installation of the settings' folder from a backup.

    Args:
        passphrase: asked when the keys are locked.

    Returns:
        What the backup says of itself, and how many messages became unknown.

    Raises:
        Invalid: there is an installation already, or the backup is damaged.
        Denied: the passphrase is wrong.
    """
    home = settings.folder
    _refuse_living(settings)
    source = open_source(path)
    keys = _unlocked(source, source.manifest(), passphrase)
    manifest = check_backup(path, stages, say)
    fresh = home.with_name(home.name + _UNFINISHED)
    _clear(fresh)
    fresh.mkdir(mode=0o711, parents=True)
    _copy_files(source, manifest, fresh, keys, stages, say)
    _check_keys(manifest, fresh)
    failpoint("restore.files")
    with _database(settings, fresh, source, manifest) as database:
        unknown = _fill(database, source, manifest, stages, say)
        failpoint("restore.filled")
    _sync_tree(fresh)
    failpoint("restore.before_rename")
    fresh.replace(home)
    _sync(home.parent)
    return manifest, unknown


def _refuse_living(settings: Settings) -> None:
    home = settings.folder
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise Invalid(
            f"{home} is not empty, and a restore overwrites nothing. Set TSUNAGU_HOME to a "
            "folder that is not there yet, or move this one away."
        )
    if home.is_mount():
        raise Invalid(f"{home} is a mount point. Set TSUNAGU_HOME to a folder below it.")
    if settings.database_url is None:
        return
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        row = connection.execute("select to_regclass('public.workspaces')").fetchone()
    if row is not None and row[0] is not None:
        raise Invalid(
            "The database of TSUNAGU_DATABASE_URL has tables of an installation, and a restore "
            "overwrites nothing. Name an empty database, or drop and create this one."
        )


def _clear(fresh: Path) -> None:
    """Remove what a killed restore left, its server included."""
    if not fresh.exists():
        return
    server = EmbeddedServer(fresh / "postgres")
    if server.folder.exists():
        if server.running:
            server.start()
        server.destroy()
    shutil.rmtree(fresh)


def _unlocked(source: Source, manifest: Manifest, passphrase: Passphrase) -> dict[str, bytes]:
    """The files with keys, readable, by their names."""
    entries = [entry for entry in manifest.files if _kind(entry) == names.KEYS]
    found = {e.name.partition("/")[2]: b"".join(source.blocks(e)) for e in entries}
    if not found or not manifest.keys.locked:
        return found
    said = passphrase()
    return {name: unlock(raw, said) for name, raw in found.items()}


def _copy_files(
    source: Source,
    manifest: Manifest,
    fresh: Path,
    keys: Mapping[str, bytes],
    stages: Stages,
    say: Say,
) -> None:
    places = {names.LAKE: fresh / "lake", names.HOME: fresh}
    wanted = [(e, place) for e in manifest.files if (place := places.get(_kind(e)))]
    total = sum(entry.size for entry, _ in wanted)
    with stages.stage(say("lake and files", "レイクとファイル"), total) as advance:
        for entry, place in wanted:
            target = place / entry.name.partition("/")[2]
            _write(target, _told(source.blocks(entry), advance))
    for name, raw in keys.items():
        _write(fresh / name, [raw])


def _kind(entry: Entry) -> str:
    return entry.name.partition("/")[0]


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def _told(blocks: Iterable[bytes], advance: Advance) -> Generator[bytes]:
    for block in blocks:
        advance(len(block))
        yield block


def _check_keys(manifest: Manifest, fresh: Path) -> None:
    """The secrets that will hold must be those of the backup, in its file or the environment."""
    if fingerprint(load_secrets(fresh).signing) != manifest.keys.fingerprint:
        raise Invalid(
            "TSUNAGU_SIGNING_SECRET is not the one of the installation that was backed up. Set "
            "it as it was there: links in mails and the archive's seals depend on it."
        )


@contextmanager
def _database(
    settings: Settings, fresh: Path, source: Source, manifest: Manifest
) -> Generator[Database]:
    """The database to fill: a server of its own beside its later place, or that of the URL."""
    if settings.database_url is not None:
        yield Database(settings.database_url.get_secret_value())
        return
    server = EmbeddedServer(fresh / "postgres")
    with server:
        yield Database(server.url)
    for entry in manifest.files:
        if _kind(entry) == names.SERVER:
            own = server.folder.resolve() / "data" / LOCAL_CONFIGURATION
            own.write_bytes(b"".join(source.blocks(entry)))
            shutil.chown(own, own.parent.stat().st_uid, own.parent.stat().st_gid)


def _fill(database: Database, source: Source, manifest: Manifest, stages: Stages, say: Say) -> int:
    entries = {entry.name: entry for entry in manifest.files}
    total = sum(entry.size for entry in manifest.files if _kind(entry) == names.DATABASE)
    migrate(database, manifest.shape.revision)
    with (
        stages.stage(say("database", "データベース"), total) as advance,
        database.connect("owner") as connection,
        connection.transaction(),
    ):
        filling = Filling(connection, manifest.shape, (rows.part.table for rows in manifest.rows))
        for rows in manifest.rows:
            entry = entries[rows.file]
            found = filling.add(rows.part, source.blocks(entry, packed=True))
            if found != rows.rows:
                raise Invalid(f"{rows.file} holds {found} rows and should hold {rows.rows}.")
            advance(entry.size)
        filling.finish()
        for workspace in list_workspaces(connection):
            pause_sends(connection, workspace.id, True)
    migrate(database)
    with database.connect("owner") as connection:
        ensure_partitions(connection)
        connection.execute("analyze")
    return _settle_sends(database, manifest)


def _settle_sends(database: Database, manifest: Manifest) -> int:
    """End what waited as unknown; the sends were stopped as the rows came in."""
    unknown = 0
    with database.connect("pipeline") as connection:
        for workspace in list_workspaces(connection):
            with in_workspace(connection, workspace.id) as cursor:
                detail = {"taken_at": manifest.taken_at}
                audit(cursor, workspace.id, "command line", "restore", workspace.name, detail)
                unknown += settle(cursor, workspace.id)
    return unknown


def _sync_tree(folder: Path) -> None:
    for above, _, _ in os.walk(folder):
        _sync(Path(above))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
