"""The files of a load, cut into chunks of bounded size from any place on.

Lines of NDJSON stay raw bytes here and tables stay Arrow: a worker makes events of them. Rows
of a file that a mapping describes are read by `tsunagu.collect.files`.
"""

from __future__ import annotations

import codecs
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tsunagu.collect import files
from tsunagu.collect.bulk.checking import spec_columns
from tsunagu.collect.bulk.models import BadLine, FileEntry, Place
from tsunagu.collect.files.opening import Stream
from tsunagu.collect.mapping import Mapping, ready_mapping
from tsunagu.core import Invalid

CHUNK_BYTES = 96 << 20
_READ = 16 << 20
_BATCH = 1 << 16
_LONGEST_LINE = 64 << 20
_NEWLINE = ord("\n")


@dataclass(frozen=True)
class Chunk:
    """Some consecutive rows of one file, and the place behind them.

    Exactly one of `lines` (raw NDJSON), `table` (columns of the Segment spec) and `mapped`
    (tables as `mapping` takes them) is there. `bytes` are those of the file on the disk.
    """

    file: int
    first: Place
    upto: Place
    bytes: int
    lines: memoryview | None = None
    table: pa.Table | None = None
    mapped: Sequence[files.Chunk] = ()
    mapping: Mapping | None = None


def read_chunks(
    entries: Sequence[FileEntry],
    cursor: Place,
    mapping: Mapping | None,
    *,
    size: int = CHUNK_BYTES,
) -> Iterator[Chunk]:
    """All that lies behind the cursor, in order.

    Args:
        mapping: how rows become events; None takes files as the Segment spec writes them.
        size: about how many bytes a chunk may hold in memory.

    Raises:
        Invalid: a file is damaged, or of a kind that needs a mapping.
    """
    for index in range(cursor.file, len(entries)):
        start = cursor if index == cursor.file else Place(index)
        path = Path(entries[index].path)
        if mapping is not None:
            yield from _mapped(path, index, start, mapping, size)
            continue
        match files.settled(path, files.FileForm()).format:
            case "ndjson":
                yield from _lines(path, index, start, size)
            case "parquet":
                yield from _table(path, index, start, size)
            case _:
                yield from _calls(path, index, start, size)


def _lines(path: Path, index: int, start: Place, size: int) -> Generator[Chunk]:
    """NDJSON: the place is the byte after decompression."""
    stream = Stream(path)
    try:
        _skip(stream, start.place)
        first, before, rest = start, stream.position, b""
        while True:
            block = bytearray(len(rest) + size)
            block[: len(rest)] = rest
            held = len(rest) + stream.fill(memoryview(block)[len(rest) :])
            if not held:
                return
            ended = held < len(block)
            cut = held if ended else block.rfind(b"\n") + 1
            rest = bytes(block[cut:held])
            if not cut:
                _refuse_long(path, first.line, rest)
                continue
            lines = block.count(b"\n", 0, cut) + (block[cut - 1] != _NEWLINE)
            upto = Place(index, first.place + cut, first.line + lines)
            at = stream.position
            mark = (
                len(codecs.BOM_UTF8)
                if first.place == 0 and block.startswith(codecs.BOM_UTF8)
                else 0
            )
            yield Chunk(index, first, upto, at - before, lines=memoryview(block)[mark:cut])
            first, before = upto, at
    finally:
        stream.close()


def _refuse_long(path: Path, line: int, text: bytes) -> None:
    if len(text) > _LONGEST_LINE:
        raise Invalid(
            f"{path} line {line} has no end within {_LONGEST_LINE} bytes;"
            " write one JSON object a line"
        )


def _skip(stream: Stream, count: int) -> None:
    room = memoryview(bytearray(min(count, _READ)))
    while count:
        passed = stream.fill(room[: min(count, _READ)])
        if not passed:
            raise Invalid("The file is shorter than when its load began; load it anew")
        count -= passed


def _table(path: Path, index: int, start: Place, size: int) -> Generator[Chunk]:
    """Parquet: the place is the row."""
    try:
        with pq.ParquetFile(path) as file:
            yield from _batches(path, file, index, start, size)
    except pa.ArrowInvalid as error:
        raise Invalid(f"{path} is damaged ({error}); get the file again") from error


def _batches(
    path: Path, file: pq.ParquetFile, index: int, start: Place, size: int
) -> Generator[Chunk]:
    total, disk = file.metadata.num_rows, path.stat().st_size
    group, passed = 0, 0
    while group < file.num_row_groups and (
        passed + file.metadata.row_group(group).num_rows <= start.place
    ):
        passed += file.metadata.row_group(group).num_rows
        group += 1
    begin, held, waiting = start.place, 0, list[pa.RecordBatch]()
    groups = list(range(group, file.num_row_groups))
    for batch in file.iter_batches(_BATCH, row_groups=groups, use_threads=False):
        late = min(max(0, start.place - passed), batch.num_rows)
        passed += batch.num_rows
        waiting.append(batch.slice(late))
        held += waiting[-1].nbytes
        if held >= size or passed == total:
            upto = Place(index, passed, passed + 1)
            read = disk * passed // total - disk * begin // total
            table = pa.Table.from_batches(waiting)
            first = Place(index, begin, begin + 1)
            begin, held, waiting = passed, 0, []
            yield Chunk(index, first, upto, read, table=table)


def _calls(path: Path, index: int, start: Place, size: int) -> Generator[Chunk]:
    """A text table whose columns are the spec's fields."""
    for chunk in _mapped(path, index, start, ready_mapping("segment"), size):
        spec_columns(chunk.mapped[0].table.drop_columns([files.LINE]).schema)
        yield chunk


def _mapped(path: Path, index: int, start: Place, mapping: Mapping, size: int) -> Generator[Chunk]:
    """A file that a mapping describes: the place is the row."""
    waiting, held, first, before = list[files.Chunk](), 0, start, 0

    def gathered() -> Chunk:
        last = waiting[-1]
        upto = Place(index, last.first_row + last.rows)
        read = last.read_bytes - before
        return Chunk(index, first, upto, read, mapped=tuple(waiting), mapping=mapping)

    named, skip = escape(str(path)), {str(path): start.place}
    for chunk in files.open_tables(named, mapping.file, skip=skip):
        waiting.append(chunk)
        held += chunk.table.nbytes
        if held >= size:
            yield gathered()
            first = Place(index, chunk.first_row + chunk.rows)
            waiting, held, before = [], 0, chunk.read_bytes
    if waiting:
        yield gathered()


def bad_of(chunk: files.Chunk) -> list[BadLine]:
    """The rows that could not even be read."""
    return [BadLine(bad.row, bad.reason, bad.text) for bad in chunk.bad]
