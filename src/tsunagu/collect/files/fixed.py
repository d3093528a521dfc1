"""Fixed-width files, cut by bytes in CP932 and by characters in UTF-8; vectorised.

A block becomes a matrix, a record a row of it; a mark is put between the columns and Arrow
parses the whole. A line may be shorter than the layout (blanks at its end were cut off), but
not longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from tsunagu.collect.files.arrow import Table
from tsunagu.collect.files.batches import Batch, shown, with_lines
from tsunagu.collect.files.chunk import BadRow
from tsunagu.collect.files.encodings import bad_bytes, utf8
from tsunagu.collect.files.form import FileForm
from tsunagu.collect.files.lines import BLOCK, Block, decoded
from tsunagu.collect.files.opening import Stream
from tsunagu.collect.files.records import Places

Units = np.ndarray[Any, np.dtype[Any]]
_CONTROL = "the line holds a control character (1F or a lone 0D); take it out of the file"
_MARK, _BREAK, _RETURN, _SPACE = 0x1F, 0x0A, 0x0D, 0x20


def unbroken_blocks(stream: Stream, form: FileForm) -> Iterator[Block]:
    """Records that follow each other without line ends, as blocks with line ends."""
    width = sum(column.width for column in form.fixed)
    each = max(1, BLOCK // width) * width
    line, data = 1, b""
    while piece := stream.read(each - len(data)):
        data += piece
        if len(data) == each:
            yield _broken(data, width, line)
            line, data = line + each // width, b""
    if data.strip(b"\x1a\r\n"):
        yield _broken(data.rstrip(b"\x1a\r\n"), width, line)


def _broken(data: bytes, width: int, line: int) -> Block:
    whole = len(data) // width * width
    matrix = np.frombuffer(data[:whole], np.uint8).reshape(-1, width)
    ends = np.full((len(matrix), 1), _BREAK, np.uint8)
    rest = data[whole:] + b"\n" if whole < len(data) else b""
    return Block(np.hstack([matrix, ends]).tobytes() + rest, line)


def fixed(blocks: Iterable[Block], form: FileForm) -> Iterator[Batch]:
    """The rows of a fixed-width file.

    Args:
        blocks: the file as it is, not decoded.
        form: settled; lines before the data are its `skip_lines`.
    """
    layout = _Layout(form)
    skip = form.skip_lines
    for block in blocks:
        while skip and block.data:
            behind = block.data.find(b"\n") + 1
            block = Block(block.data[behind:], block.first_line + 1, block.faults)
            skip -= 1
        batch = layout.batch(block) if block.data else None
        if batch is not None:
            yield batch


class _Layout:
    def __init__(self, form: FileForm) -> None:
        self._names = [column.name for column in form.fixed]
        self._widths = [column.width for column in form.fixed]
        self._total = sum(self._widths)
        self._bytes = form.encoding == "cp932"
        self._unit = np.dtype(np.uint8) if self._bytes else np.dtype("<u4")

    def batch(self, block: Block) -> Batch | None:
        """The rows of a block of whole lines."""
        ready = block if self._bytes else decoded(block, "utf-8")
        units = self._units(ready.data)
        starts, lengths, lines = _lines(units, ready.first_line)
        if not len(starts):
            return None
        faults = {
            int(at): ready.faults[int(lines[at])]
            for at in np.flatnonzero(np.isin(lines, list(ready.faults)))
        }
        for at in np.flatnonzero(lengths > self._total).tolist():
            faults.setdefault(at, self._too_long(int(lengths[at])))
        rows = np.delete(np.arange(len(starts)), list(faults))
        matrix = _matrix(units, starts[rows], lengths[rows], self._total)
        marks = np.isin(matrix, (_MARK, _RETURN)).any(axis=1)
        faults |= dict.fromkeys(rows[marks].tolist(), _CONTROL)
        rows = rows[~marks]
        texts, broken = self._decoded(self._marked(matrix[~marks]))
        faults |= {int(rows[at]): reason for at, reason in broken.items()}
        rows = np.delete(rows, list(broken))
        table = with_lines(self._parsed(texts), lines[rows])
        bad = [
            (at, BadRow(int(lines[at]), faults[at], self._shown(units, starts[at], lengths[at])))
            for at in sorted(faults)
        ]
        return Batch(len(starts), table, rows, bad)

    def _units(self, data: bytes) -> Units:
        """Bytes, or characters as numbers."""
        raw = data if self._bytes else data.decode().encode("utf-32-le")
        return np.frombuffer(raw, self._unit)

    def _too_long(self, length: int) -> str:
        unit = "bytes" if self._bytes else "characters"
        return (
            f"the line has {length} {unit} where the columns have {self._total};"
            " check the widths in `fixed`"
        )

    def _marked(self, matrix: Units) -> Units:
        """The matrix with a mark behind each column and a line end behind the last."""
        marked = np.full((len(matrix), self._total + len(self._widths)), _MARK, self._unit)
        source = target = 0
        for width in self._widths:
            marked[:, target : target + width] = matrix[:, source : source + width]
            source, target = source + width, target + width + 1
        marked[:, -1] = _BREAK
        return marked

    def _decoded(self, marked: Units) -> tuple[bytes, dict[int, str]]:
        """The marked rows in UTF-8, without those that do not decode, and these with reasons."""
        encoding = "cp932" if self._bytes else "utf-32-le"
        try:
            return utf8(marked.tobytes(), encoding), {}
        except UnicodeDecodeError:
            pass
        texts: list[bytes] = []
        broken: dict[int, str] = {}
        for at, row in enumerate(marked):
            try:
                texts.append(utf8(row.tobytes(), encoding))
            except UnicodeDecodeError as error:
                broken[at] = self._broken(row.tobytes(), error)
        return b"".join(texts), broken

    def _broken(self, row: bytes, error: UnicodeDecodeError) -> str:
        if row[error.start + 1] in (_MARK, _BREAK):
            return "a column ends within a double-byte character; check the widths in `fixed`"
        at = error.start - row[: error.start].count(bytes([_MARK]))
        return bad_bytes(row[error.start : error.start + 2], at, "cp932")

    def _parsed(self, texts: bytes) -> Table:
        types = dict.fromkeys(self._names, pa.string())
        if not texts:
            return pa.table({name: pa.array([], kind) for name, kind in types.items()})
        return arrow_csv.read_csv(
            pa.BufferReader(texts),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, column_names=self._names, block_size=len(texts) + 1
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=chr(_MARK), quote_char=False),
            convert_options=arrow_csv.ConvertOptions(
                check_utf8=False, column_types=types, strings_can_be_null=False
            ),
        )

    def _shown(self, units: Units, start: int, length: int) -> str:
        raw = units[start : start + length].tobytes()
        return shown(raw.decode("cp932" if self._bytes else "utf-32-le", errors="replace"))


def _lines(units: Units, first_line: int) -> tuple[Places, Places, Places]:
    """Start, length without the line end and number of each line that is not blank."""
    breaks = np.flatnonzero(units == _BREAK).astype(np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), breaks[:-1] + 1])
    lengths = breaks - starts
    returned = (lengths > 0) & (units[np.maximum(breaks - 1, 0)] == _RETURN)
    lengths = lengths - returned
    lines = first_line + np.arange(len(breaks), dtype=np.int64)
    full = lengths > 0
    return starts[full], lengths[full], lines[full]


def _matrix(units: Units, starts: Places, lengths: Places, total: int) -> Units:
    """The lines as rows of equal length, filled up with spaces."""
    steps = np.diff(starts)
    if len(starts) > 1 and (lengths == total).all() and (steps == steps[0]).all():
        body = units[int(starts[0]) : int(starts[0]) + len(starts) * int(steps[0])]
        if len(body) == len(starts) * int(steps[0]):
            return body.reshape(len(starts), int(steps[0]))[:, :total]
    columns = np.arange(total)
    places = np.minimum(starts[:, None] + columns, len(units) - 1)
    return np.where(columns < lengths[:, None], units[places], _SPACE).astype(units.dtype)
