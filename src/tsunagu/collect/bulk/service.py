"""Opening loads: a new one for new files, the one that was interrupted for the same again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

from psycopg import Cursor

from tsunagu.collect.bulk import queries
from tsunagu.collect.bulk.models import FileEntry, Load
from tsunagu.collect.files import matching
from tsunagu.core import Invalid, NotFound
from tsunagu.core.events import check_source
from tsunagu.core.times import wall
from tsunagu.storage import Row


@dataclass(frozen=True)
class Wanted:
    """What somebody asks to have loaded; `mapping` is the text of the document."""

    files: tuple[FileEntry, ...]
    mapping: str | None
    source: str

    @property
    def fingerprint(self) -> str:
        """The same for the same files, unchanged, with the same mapping and source."""
        told = [
            [[file.path, file.size, file.modified] for file in self.files],
            self.mapping,
            self.source,
        ]
        return md5(json.dumps(told).encode(), usedforsecurity=False).hexdigest()


def wanted(patterns: Sequence[str], mapping: str | None, source: str) -> Wanted:
    """The files of paths and globs as they are now, each once.

    Raises:
        NotFound: a path or glob names no file.
        Invalid: the source is one of the platform's own.
    """
    paths = dict.fromkeys(path.resolve() for pattern in patterns for path in matching(pattern))
    check_source(source)
    return Wanted(tuple(map(_entry, paths)), mapping, source)


def open_load(cursor: Cursor[Row], workspace_id: int, want: Wanted, *, again: bool) -> Load:
    """The load of these files: the one there is, or a new one.

    Args:
        again: begin a new one even if these files are loaded.
    """
    found = queries.load_by_fingerprint(cursor, workspace_id, want.fingerprint)
    if found is not None and not (again and found.state == "done"):
        return found
    load_id = queries.insert_load(
        cursor, workspace_id, want.files, want.mapping, want.source, want.fingerprint, wall()
    )
    made = queries.load_by_id(cursor, workspace_id, load_id)
    assert made is not None
    return made


def load_to_resume(cursor: Cursor[Row], workspace_id: int, load_id: int) -> Load:
    """The load of this number, whose files are as they were.

    Raises:
        NotFound: there is none.
        Invalid: a file has changed or is gone.
    """
    found = queries.load_by_id(cursor, workspace_id, load_id)
    if found is None:
        raise NotFound(f"There is no load {load_id}. See: tsunagu loads")
    for file in found.files[found.cursor.file :] if found.state != "done" else ():
        path = Path(file.path)
        if not path.is_file() or _entry(path) != file:
            raise Invalid(
                f"{path} has changed or gone since load {load_id} began. Put it back, or load "
                "what there is now: tsunagu load FILES; what is loaded already counts once."
            )
    return found


def _entry(path: Path) -> FileEntry:
    status = path.stat()
    return FileEntry(str(path), status.st_size, status.st_mtime_ns)
