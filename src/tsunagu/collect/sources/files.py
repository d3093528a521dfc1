"""Files of a folder, a bucket or a server, listed by dlt's `filesystem` over fsspec.

New and changed files are taken one after another, the oldest first. Each is copied to a scratch
folder before it is read, so that a slow or broken line never leaves half a file behind. How far
a file was taken is kept with its rows; one that cannot be read is set aside and stops no other.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
from dlt.sources.filesystem import filesystem

from tsunagu.collect.files import open_tables
from tsunagu.collect.sources.models import Files
from tsunagu.collect.sources.reading import FileMark, Page, Reading, chunk_pages
from tsunagu.collect.sources.stores import store_of
from tsunagu.collect.sources.through_dlt import with_state
from tsunagu.core import Invalid
from tsunagu.core.times import SECOND, micros, wall

DONE, FAILED, READING = "done", "failed", "reading"


@dataclass(frozen=True)
class Folder:
    """Where the files lie: the file system, the folder's URL, and how to treat them."""

    store: Any
    url: str
    settings: Files

    def put_aside(self, listed: Listed, to: str) -> None:
        """Move a file into `done` or `failed` beside it, under its time and name."""
        path = PurePosixPath(listed.path)
        folder = path.parent / to
        self.store.makedirs(str(folder), exist_ok=True)
        self.store.mv(listed.path, str(folder / f"{listed.changed_at // SECOND}-{path.name}"))


@dataclass(frozen=True)
class Listed:
    """A file as the listing tells it; `version` changes when the file does."""

    url: str
    path: str
    name: str
    version: str
    changed_at: int


def pages(reading: Reading, settings: Files) -> Iterator[Page]:
    """The rows of every file that is new, has changed, or was not read to its end."""
    store, url = store_of(reading, settings)
    folder = Folder(store, url, settings)
    for listed in listing(folder):
        taken = reading.files.get(listed.url)
        skip = _rows_to_skip(listed, taken, settings)
        if skip is not None:
            yield from _rows_of(reading, folder, listed, skip)
        elif taken is not None and settings.after == "move" and not reading.trial:
            folder.put_aside(listed, taken[2])  # it was killed between commit and move


def _rows_to_skip(
    listed: Listed, taken: tuple[str, int, str, str | None] | None, settings: Files
) -> int | None:
    """How many rows of a file are there already; None when there is nothing to do."""
    if taken is None:
        return 0
    version, rows, status, _ = taken
    if version == listed.version:
        return rows if status == READING else None
    if settings.changed == "ignore":
        return None
    return rows if settings.changed == "appended" else 0


def _rows_of(reading: Reading, folder: Folder, listed: Listed, skip: int) -> Iterator[Page]:
    # Only a file that may come again changed has to have its rows remembered one by one.
    remember = folder.settings.changed == "whole"
    rows, status, reason = skip, DONE, None
    try:
        with _copied(folder, listed, reading.scratch) as local:
            chunks = open_tables(local, reading.mapping.file, skip={str(local): skip})
            for chunk in chunks:
                parts = chunk_pages(chunk, reading, listed.name, remember=remember)
                for part in parts:
                    rows = chunk.first_row + chunk.rows if part is parts[-1] else rows
                    yield replace(part, mark=FileMark(listed.url, listed.version, rows, READING))
    except (Invalid, pa.ArrowInvalid, UnicodeDecodeError, EOFError) as error:
        # The copy's place says nothing to whoever reads this.
        told = str(error).replace(f"{reading.scratch}/", "")
        status, reason = FAILED, f"{listed.name}: {told}"
    mark = FileMark(listed.url, listed.version, rows, status, reason)
    moves = folder.settings.after == "move" and not reading.trial
    after = (lambda: folder.put_aside(listed, status)) if moves else None
    yield Page(pa.table({}), listed.name, rows + 1, mark=mark, after=after)


@contextmanager
def _copied(folder: Folder, listed: Listed, scratch: Path) -> Generator[Path]:
    """The file as a local one, with its own name's endings."""
    local = scratch / PurePosixPath(listed.path).name
    try:
        with folder.store.open(listed.path, "rb") as theirs, local.open("wb") as ours:
            shutil.copyfileobj(theirs, ours, 1 << 20)
        yield local
    finally:
        local.unlink(missing_ok=True)


def listing(folder: Folder) -> list[Listed]:
    """The files that match and have not changed for a while, the oldest first."""
    settings = folder.settings
    ripe = wall() - settings.settle * SECOND
    found: list[Listed] = []
    listed = filesystem(folder.url, credentials=folder.store, file_glob=settings.glob)
    for items, _ in with_state(listed, "{}"):
        for item in items:
            changed_at, name = micros(item["modification_date"]), str(item["relative_path"])
            if changed_at <= ripe and not {DONE, FAILED} & set(PurePosixPath(name).parts[:-1]):
                url = str(item["file_url"])
                path = str(folder.store._strip_protocol(url))  # fsspec's own name for the path
                version = f"{item['size_in_bytes']}/{changed_at}"
                found.append(Listed(url, path, name, version, changed_at))
    return sorted(found, key=lambda one: (one.changed_at, one.url))
