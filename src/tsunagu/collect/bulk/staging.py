"""A chunk on its way to the lake: checked as a whole, without repeats, as files for each month.

One `Stage` belongs to one worker: a DuckDB of its own with a bound on its memory. Nothing it
writes is part of the lake until the load commits it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tsunagu.collect.bulk.checking import (
    STAGED,
    call_query,
    lines_query,
    spec_columns,
    table_query,
)
from tsunagu.collect.bulk.keys import Keys
from tsunagu.collect.bulk.models import BadLine
from tsunagu.collect.bulk.reading import Chunk, bad_of
from tsunagu.collect.mapping import map_table
from tsunagu.collect.service import read_line
from tsunagu.core import Invalid, NewEvent, decode_body
from tsunagu.eventlog import copy_rows
from tsunagu.storage import Arrow
from tsunagu.storage.lake import EVENTS, DataFile, lake_connection, literal, write_files

MEMORY = "512MB"
_NEWLINE = 10
_PIECE = 1 << 18
_COLUMNS = ", ".join(name for name, _ in STAGED)
Places = npt.NDArray[np.int64]

_ROWS = """
select n, least(coalesce(epoch_us(happened_at), {received}), {received}),
    coalesce(epoch_us(happened_at), {received}),
    message_id, type, name, user_id, anonymous_id, previous_id, group_id,
    properties, traits, context
from staged anti join left_out using (n)
where usual
order by n
"""
_STAGE_ALL = f"create table staged as select {_COLUMNS}, true as usual from rows"  # noqa: S608 - constants
_JOIN = f"insert into staged select {_COLUMNS}, true as usual from chosen"  # noqa: S608 - constants
_EVENTS = """
select {base} + 1 + n as position, make_timestamptz({received}) as received_at,
    least(happened_at, make_timestamptz({received})) as known_at, happened_at,
    message_id, type, name, user_id, anonymous_id, previous_id, group_id, {source} as source,
    properties, traits, context,
    strftime(least(happened_at, make_timestamptz({received})), '%Y-%m') as month
from (
    select * replace (coalesce(happened_at, make_timestamptz({received})) as happened_at)
    from staged where usual
)
{without}
"""


@dataclass
class Checked:
    """What a chunk holds: `places` of its events in it, their keys, and the lines that are none.

    `rows` is how many places it has, `lines` the lines of the rows read, good or bad.
    """

    places: Places
    keys: Keys
    rows: int
    lines: int
    bad: list[BadLine] = field(default_factory=list[BadLine])


class Stage:
    """Checks chunks and writes them, one after the other."""

    def __init__(self, spill: Path, source: str, received_at: int) -> None:
        self._connection = lake_connection(memory=MEMORY, spill=spill)
        self._source = source
        self._received_at = received_at

    def close(self) -> None:
        """Let go of all memory."""
        self._connection.close()

    def check(self, chunk: Chunk) -> Checked:
        """Read a chunk into the stage.

        Raises:
            Invalid: the file's columns are not those of the spec or of the mapping.
        """
        if chunk.lines is not None:
            return self._check_lines(chunk.lines, chunk.first.line)
        if chunk.table is not None:
            return self._check_table(chunk.table, chunk.first.line)
        return self._check_mapped(chunk)

    def write(self, out: Places, base: int, folder: Path) -> list[DataFile]:
        """Write the staged events, without those at the places `out`, as files below a folder.

        Args:
            base: the position before the chunk's first place.
        """
        self._connection.register("left_out", pa.table({"n": pa.array(out, pa.int64())}))
        query = _EVENTS.format(
            base=base,
            received=self._received_at,
            source=literal(self._source),
            without="anti join left_out using (n)" if len(out) else "",
        )
        return write_files(self._connection, query, folder, EVENTS)

    def rows(self, out: Places, most: int) -> Iterator[list[tuple[Any, ...]]]:
        """The staged events without those at the places `out`, some at a time, in order.

        Each is its place, known_at, happened_at (in microseconds), message id, type, name, user
        and anonymous id, previous and group id, properties, traits, context.
        """
        self._connection.register("left_out", pa.table({"n": pa.array(out, pa.int64())}))
        found = self._connection.execute(_ROWS.format(received=self._received_at))
        while rows := found.fetchmany(most):
            yield rows

    def clear(self) -> None:
        """Let the chunk go."""
        self._connection.execute("drop table if exists staged")
        for name in ("lines", "rows", "left_out", "chosen"):
            self._connection.unregister(name)

    def _check_lines(self, raw: memoryview, first: int) -> Checked:
        ends = _line_ends(raw)
        starts = np.concatenate(([0], ends[:-1]))
        self._connection.register("lines", _lines(raw, starts, ends))
        self._stage(lines_query)
        unusual = self._unusual()
        texts = [bytes(raw[starts[n] : ends[n]]).rstrip(b"\r\n") for n in unusual]
        bad = self._one_by_one(unusual, texts, first)
        return self._checked(len(ends), len(ends), bad)

    def _check_table(self, table: Arrow, first: int) -> Checked:
        columns = spec_columns(table.schema)
        numbered = table.append_column("n", pa.array(np.arange(table.num_rows)))
        self._connection.register("rows", numbered)
        self._stage(partial(table_query, table.schema))
        unusual = self._unusual()
        self._connection.register("chosen", pa.table({"n": pa.array(unusual, pa.int64())}))
        texts = self._connection.execute(call_query(columns)).fetchall() if len(unusual) else []
        bad = self._one_by_one(unusual, [text.encode() for _, text in texts], first)
        return self._checked(table.num_rows, table.num_rows, bad)

    def _check_mapped(self, chunk: Chunk) -> Checked:
        assert chunk.mapping is not None
        tables: list[pa.Table] = []
        bad: list[BadLine] = []
        for part in chunk.mapped:
            mapped = map_table(chunk.mapping, part.table)
            tables.append(mapped.events.rename_columns({"at": "happened_at"}))
            bad += [*bad_of(part), *(BadLine(row.row, row.reason, row.text) for row in mapped.bad)]
        events = pa.concat_tables(tables)
        self._connection.register(
            "rows", events.append_column("n", pa.array(np.arange(events.num_rows)))
        )
        self._connection.execute(_STAGE_ALL)
        return self._checked(events.num_rows, sum(part.rows for part in chunk.mapped), bad)

    def _stage(self, query: Callable[[bool], str]) -> None:
        """Run the query that trusts what it reads; where it fails, the one that looks first."""
        try:
            self._connection.execute(f"create table staged as {query(True)}")
        except duckdb.InvalidInputException:
            self._connection.execute(f"create table staged as {query(False)}")

    def _unusual(self) -> Places:
        found = self._connection.execute("select n from staged where not usual order by n")
        return found.fetchnumpy()["n"].astype(np.int64)

    def _one_by_one(self, places: Places, texts: Sequence[bytes], first: int) -> list[BadLine]:
        """Have unusual rows read as calls are; the good ones join the stage."""
        bad: list[BadLine] = []
        good: list[tuple[int, NewEvent]] = []
        for place, text in zip(map(int, places), texts, strict=True):
            if not text.strip():
                continue
            try:
                event = read_line(text, self._source)
                copy_rows(0, [event], self._received_at, None)
            except Invalid as error:
                bad.append(BadLine(first + place, str(error), text.decode("utf-8", "replace")))
                continue
            good.append((place, event))
        if good:
            self._join(good)
        return bad

    def _join(self, good: Sequence[tuple[int, NewEvent]]) -> None:
        rows = [_row(place, event) for place, event in good]
        names = [name for name, _ in STAGED]
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        at = pa.array(columns.pop("happened_at"), pa.timestamp("us", tz="UTC"))
        n = pa.array(columns.pop("n"), pa.int64())
        texts = {name: pa.array(values, pa.string()) for name, values in columns.items()}
        self._connection.register("chosen", pa.table({"n": n, "happened_at": at, **texts}))
        self._connection.execute(_JOIN)

    def _checked(self, rows: int, lines: int, bad: list[BadLine]) -> Checked:
        found = self._connection.execute(
            """
            select n, (key & 18446744073709551615::uhugeint)::ubigint as first_half,
                (key >> 64)::ubigint as second_half
            from (select n, md5_number(message_id) as key from staged where usual)
            order by n
            """
        ).to_arrow_table()
        n, high, low = (pc.cast(found[i], kind).to_numpy() for i, kind in enumerate(_KINDS))
        return Checked(n, Keys(high, low), rows, lines, bad)


_KINDS = (pa.int64(), pa.uint64(), pa.uint64())


def _line_ends(raw: memoryview) -> Places:
    """The places behind the newlines, and the end of a last line without one."""
    whole = np.frombuffer(raw, np.uint8)
    # Piece by piece, in memory that stays in the cache: the flags of a whole chunk cost more to
    # get from the system than to compute.
    pieces = [
        np.flatnonzero(whole[at : at + _PIECE] == _NEWLINE) + at + 1
        for at in range(0, len(whole), _PIECE)
    ]
    ends = np.concatenate(pieces)
    return ends if len(ends) and ends[-1] == len(whole) else np.append(ends, len(whole))


def _lines(raw: memoryview, starts: Places, ends: Places) -> Arrow:
    """The lines that are not blank, without copying them."""
    offsets = pa.py_buffer(np.append(starts, len(raw)).astype(np.int64))
    lines = pa.LargeStringArray.from_buffers(len(starts), offsets, pa.py_buffer(raw))
    table = pa.table({"n": pa.array(np.arange(len(starts))), "line": lines})
    lengths = ends - starts
    if lengths.min() > 2:
        return table
    first = np.frombuffer(raw, np.uint8)[starts]
    blank = (lengths <= 1) & (first == _NEWLINE) | (lengths == 2) & (first == ord("\r"))
    return table.filter(pa.array(~blank)) if blank.any() else table


def _row(place: int, event: NewEvent) -> tuple[Any, ...]:
    body = decode_body(event.body)
    texts = map(_json, (body.properties, body.traits, body.context))
    ids = (event.user_id, event.anonymous_id, body.previous_id, body.group_id)
    return (place, event.at, event.message_id, event.type, event.name, *ids, *texts)


def _json(value: dict[str, Any]) -> str | None:
    return msgspec.json.encode(value).decode() if value else None
