"""Reading: what every kind of source gives, and which module knows how.

A reader yields pages. A page is stored in one transaction together with the cursor that stands
after it, so a kill between two pages loses nothing and brings nothing twice. The modules of the
kinds, and the libraries they stand on, are imported only when one of them runs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tsunagu.collect.files import BadRow, Chunk
from tsunagu.collect.files.arrow import Table
from tsunagu.collect.mapping import Mapping, map_table
from tsunagu.collect.sources.models import PAGE_ROWS, Files, Imap, Rest, Source, Sql
from tsunagu.collect.sources.vault import Secrets
from tsunagu.core import Invalid


@dataclass(frozen=True)
class FileMark:
    """How far a file is taken when the page is stored."""

    file: str
    version: str
    rows: int
    status: str
    reason: str | None = None


@dataclass(frozen=True)
class Page:
    """Some rows, and what is true once they are stored.

    `state` is the cursor after them (None: as before), `remember` asks to leave out rows that
    came before, `bad` are rows that could not be read, `trouble` says what else could not be
    and becomes a dead letter, `after` is done when the page is committed.
    """

    table: Table
    place: str
    first_row: int = 1
    state: str | None = None
    remember: bool = False
    mark: FileMark | None = None
    bad: Sequence[BadRow] = ()
    trouble: str | None = None
    after: Callable[[], None] | None = None


@dataclass(frozen=True)
class Reading:
    """What a reader is given.

    `files` says how far files were taken: version, rows, status, reason. `forbidden` are
    folders and hosts that belong to the installation itself. `trial` reads and changes nothing.
    """

    source: Source
    mapping: Mapping
    secrets: Secrets = field(repr=False)
    state: str = "{}"
    files: dict[str, tuple[str, int, str, str | None]] = field(default_factory=dict)
    scratch: Path = Path()
    forbidden: tuple[str, ...] = ()
    trial: bool = False


def pages(reading: Reading) -> Generator[Page]:
    """The pages of a source from its cursor on.

    Raises:
        Invalid: a setting is wrong or the rows have changed their form.
        Retryable: the other side is away for now.
    """
    match reading.source.settings:
        case Sql() as settings:
            from tsunagu.collect.sources import sql as kind
        case Files() as settings:
            from tsunagu.collect.sources import files as kind
        case Rest() as settings:
            from tsunagu.collect.sources import rest as kind
        case Imap() as settings:
            from tsunagu.collect.sources import mail as kind
        case _:
            raise Invalid("A webhook is not run: its events come in when the other side sends.")
    yield from kind.pages(reading, settings)  # pyright: ignore[reportArgumentType]


def chunk_pages(chunk: Chunk, reading: Reading, place: str, *, remember: bool) -> list[Page]:
    """A file's chunk as pages; the last one has the chunk's bad rows, and may have no others.

    Raises:
        Invalid: the mapping names a column that the file does not have.
    """
    map_table(reading.mapping, chunk.table.slice(0, 0))
    # rows that are one event together stand in one chunk, and must stand in one page
    size = PAGE_ROWS if reading.mapping.gather is None else max(chunk.table.num_rows, 1)
    starts = range(0, chunk.table.num_rows, size) or [0]
    return [
        Page(
            chunk.table.slice(start, size),
            place,
            chunk.first_row + start + 1,
            remember=remember,
            bad=chunk.bad if start == starts[-1] else (),
        )
        for start in starts
    ]
