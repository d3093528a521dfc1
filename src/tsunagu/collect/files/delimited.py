"""CSV and its like: blocks of records, parsed by Arrow.

The normal path has no loop over rows. A block whose quotes are not in order (one that is never
closed, or in the midst of a value) is read by Python's reader instead, which forgives more:
a record over several lines that has the wrong number of values costs its first line alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from tsunagu.collect.files.arrow import Table
from tsunagu.collect.files.batches import Batch, faulty, shown, with_lines
from tsunagu.collect.files.chunk import BadRow
from tsunagu.collect.files.form import FileForm
from tsunagu.collect.files.lines import Block
from tsunagu.collect.files.records import cut, joined, well_quoted
from tsunagu.core import Invalid

# A quoted value longer than that is a quote that nobody closed.
_LONGEST = 1 << 20


def delimited(blocks: Iterable[Block], form: FileForm, called: str) -> Iterator[Batch]:
    """The rows of a CSV file.

    Args:
        blocks: the file in UTF-8.
        form: settled, with a delimiter.
        called: the file's name, for errors.

    Raises:
        Invalid: the file has no header.
    """
    reader: _Reader | None = None
    rest = Block(b"", 1)
    for block in blocks:
        whole = _together(rest, block)
        if reader is None:
            begun = _headed(whole, form, called)
            if begun is None:
                rest = whole
                continue
            reader, whole = begun
        batch, rest = reader.read(whole, last=False)
        if batch is not None:
            yield batch
    if reader is None and rest.data:
        raise Invalid(f"{called} has no header that ends; is it a CSV file?")
    if reader is not None and rest.data:
        batch, _ = reader.read(rest, last=True)
        if batch is not None:
            yield batch


def _together(rest: Block, block: Block) -> Block:
    if not rest.data:
        return block
    return Block(rest.data + block.data, rest.first_line, rest.faults | block.faults)


def _headed(block: Block, form: FileForm, called: str) -> tuple[_Reader, Block] | None:
    """The reader for the columns that the header names, and the block behind it."""
    data, line = block.data, block.first_line
    for _ in range(form.skip_lines):
        data, line = data[data.find(b"\n") + 1 :], line + 1
    names = list(form.columns)
    if form.header:
        found = cut(data, line, form.quote)
        if not len(found.starts):
            return None
        head = data[int(found.starts[0]) : int(found.ends[0])].decode()
        told = _next_record(csv.reader([head], **_dialect(form)))
        if told is None:
            raise Invalid(
                f"{called}: the header cannot be read (line {line}); give its lines the ends LF or"
                " CRLF, and close every quote"
            )
        names = names or told
        data = data[int(found.ends[0]) :]
        line = int(found.last_lines[0]) + 1
    return _Reader(form, _unlike(names), called), Block(data, line, block.faults)


def _unlike(names: list[str]) -> list[str]:
    """The columns' names, none empty and none twice."""
    seen: dict[str, int] = {}
    unlike: list[str] = []
    for at, told in enumerate(names, start=1):
        name = told.strip(" \t　\r\n") or f"column_{at}"
        seen[name] = seen.get(name, 0) + 1
        unlike.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return unlike


def _mark(form: FileForm) -> str:
    return form.delimiter or ","


def _dialect(form: FileForm) -> dict[str, Any]:
    quoting = csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE
    return {"delimiter": _mark(form), "quotechar": form.quote or None, "quoting": quoting}


@dataclass
class _Reader:
    form: FileForm
    names: list[str]
    called: str

    def read(self, block: Block, *, last: bool) -> tuple[Batch | None, Block]:
        """The records that end in the block, and the rest of it."""
        form = self.form
        if not well_quoted(block.data, _mark(form), form.quote):
            return self._forgiving(block, last=last)
        found = cut(block.data, block.first_line, form.quote)
        if len(block.data) - found.tail > (0 if last else _LONGEST):
            return self._forgiving(block, last=last)
        rest = Block(block.data[found.tail :], found.tail_line, _from(block, found.tail_line))
        if not len(found.starts):
            return None, rest
        whole, bad = faulty(block.data, found, block.faults)
        rows = np.flatnonzero(whole)
        table, ragged = self._parsed(joined(block.data, found, whole))
        if table.num_rows + len(ragged) != len(rows):
            return self._forgiving(block, last=last)
        for number, reason, text in ragged:
            at = int(rows[number])
            bad.append((at, BadRow(int(found.lines[at]), reason, text.rstrip("\r\n"))))
        rows = np.delete(rows, [number for number, _, _ in ragged])
        table = with_lines(table, found.lines[rows])
        return Batch(len(found.starts), table, rows, sorted(bad, key=_place)), rest

    def _parsed(self, data: bytes) -> tuple[Table, list[tuple[int, str, str]]]:
        """The rows, and those with another number of values: place, reason, text."""
        ragged: list[tuple[int, str, str]] = []

        def refuse(row: Any) -> str:
            ragged.append((row.number - 1, self._uneven(row.actual_columns), row.text))
            return "skip"

        types = dict.fromkeys(self.names, pa.string())
        if not data:
            return pa.table({name: pa.array([], kind) for name, kind in types.items()}), ragged
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, column_names=self.names, block_size=len(data) + 1
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=_mark(self.form),
                quote_char=self.form.quote or False,
                newlines_in_values=self.form.quote.encode() in data if self.form.quote else False,
                invalid_row_handler=refuse,
            ),
            convert_options=arrow_csv.ConvertOptions(
                check_utf8=False, column_types=types, strings_can_be_null=False
            ),
        )
        return table, ragged

    def _uneven(self, values: int) -> str:
        return (
            f"the row has {values} values where there are {len(self.names)} columns;"
            " put quotes around values that hold the delimiter"
        )

    def _forgiving(self, block: Block, *, last: bool) -> tuple[Batch | None, Block]:
        lines = [f"{line}\n" for line in block.data.decode()[:-1].split("\n")]
        read = list(self._records(lines, last=last))
        places, numbers, rows = [], [], []
        bad: list[tuple[int, BadRow]] = []
        for place, (start, end, values) in enumerate(read):
            number = block.first_line + start
            told = [block.faults.get(at) for at in range(number, block.first_line + end)]
            reason = "; ".join(filter(None, told)) or self._wrong(values)
            if values is not None and not reason:
                places.append(place)
                numbers.append(number)
                rows.append(values)
            else:
                bad.append((place, BadRow(number, reason, shown("".join(lines[start:end])))))
        through = read[-1][1] if read else 0
        line = block.first_line + through
        rest = Block("".join(lines[through:]).encode(), line, _from(block, line))
        if not read:
            return None, rest
        table = with_lines(self._table(rows), np.asarray(numbers, np.int64))
        return Batch(len(read), table, np.asarray(places, np.int64), bad), rest

    def _wrong(self, values: list[str] | None) -> str:
        if values is None:
            return (
                "a quote opens in this line and does not close where a row ends; double a quote"
                " within a value, or state another `quote`"
            )
        return "" if len(values) == len(self.names) else self._uneven(len(values))

    def _fits(self, text: str, values: list[str]) -> bool:
        """Whether lines that were read as one record are one."""
        proper = well_quoted(text.encode(), _mark(self.form), self.form.quote)
        return proper and len(values) == len(self.names)

    def _table(self, rows: list[list[str]]) -> Table:
        columns = zip(*rows, strict=True) if rows else [()] * len(self.names)
        arrays = [pa.array(column, pa.string()) for column in columns]
        return pa.table(dict(zip(self.names, arrays, strict=True)))

    def _records(
        self, lines: list[str], *, last: bool
    ) -> Iterator[tuple[int, int, list[str] | None]]:
        """First line, the line behind the last, and the values (None: unreadable) of records.

        But for the last block the record at its end is left, since it may go on.
        """
        feed = _Feed(lines)
        reader = csv.reader(feed, **_dialect(self.form))
        while feed.at < len(lines):
            start = feed.at
            values = _next_record(reader)
            end = feed.at
            at_end = end == len(lines)
            if at_end and not last and sum(map(len, lines[start:])) <= _LONGEST:
                return
            text = "".join(lines[start:end])
            if at_end and self.form.quote and text.count(self.form.quote) % 2:
                values = None
            if values is None or (end - start > 1 and not self._fits(text, values)):
                values, end = None, start + 1
                feed.at = end
                reader = csv.reader(feed, **_dialect(self.form))
            if lines[start].strip("\r\n") or end - start > 1:
                yield start, end, values


class _Feed:
    """Lines for a reader that may be sent back."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self.at = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self.at == len(self._lines):
            raise StopIteration
        self.at += 1
        return self._lines[self.at - 1]


def _next_record(reader: Iterator[list[str]]) -> list[str] | None:
    try:
        return next(reader)
    except (csv.Error, StopIteration):
        return None


def _from(block: Block, line: int) -> dict[int, str]:
    return {at: reason for at, reason in block.faults.items() if at >= line}


def _place(told: tuple[int, BadRow]) -> int:
    return told[0]
