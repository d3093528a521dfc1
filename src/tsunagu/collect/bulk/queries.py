"""The statements of bulk loads: their rows, positions of the log, and keys of HTTP events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import LiteralString

import msgspec
import numpy as np
from psycopg import Connection, Cursor, sql

from tsunagu.collect.bulk.keys import Keys, joined, keys_from
from tsunagu.collect.bulk.models import (
    BadLine,
    Counts,
    FileEntry,
    Load,
    Place,
    Promised,
)
from tsunagu.core.events import PLATFORM_SOURCE
from tsunagu.core.times import DAY, micros, moment
from tsunagu.eventlog import LOCK_INBOX, PIPELINE, hold_cursor
from tsunagu.storage import Row

REPEATS_FOR = 30 * DAY
# In PostgreSQL's binary COPY: head, and a row with one value of 16 bytes.
_HEAD = 19
_ROW = 22

_LOADS: LiteralString = """
select load_id, workspace_id, state, files, mapping, source, part, file, place, line, bytes,
    bytes_done, rows_read, loaded, repeats, bad, blocked, reason, received_at, updated_at,
    ended_at
from loads
where workspace_id = %(workspace)s
"""


def take_turn(connection: Connection[Row], workspace_id: int) -> bool:
    """Become the workspace's one loader until the connection ends; False while another lives."""
    row = connection.execute(
        "select pg_try_advisory_lock(1819238756, %s)",
        (workspace_id,),  # "load"
    ).fetchone()
    return bool(row and row[0])


def insert_load(
    cursor: Cursor[Row],
    workspace_id: int,
    files: Sequence[FileEntry],
    mapping: str | None,
    source: str,
    fingerprint: str,
    now: int,
) -> int:
    """Begin a load; returns its number."""
    row = cursor.execute(
        """
        insert into loads (
            workspace_id, files, mapping, source, fingerprint, bytes, received_at, updated_at
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        returning load_id
        """,
        (
            workspace_id,
            msgspec.json.encode(files).decode(),
            mapping,
            source,
            fingerprint,
            sum(file.size for file in files),
            moment(now),
            moment(now),
        ),
    ).fetchone()
    assert row is not None
    return row[0]


def load_by_id(cursor: Cursor[Row], workspace_id: int, load_id: int) -> Load | None:
    """The load of this number."""
    found = cursor.execute(
        _LOADS + "and load_id = %(load)s", {"workspace": workspace_id, "load": load_id}
    ).fetchone()
    return None if found is None else _load(found)


def load_by_fingerprint(cursor: Cursor[Row], workspace_id: int, fingerprint: str) -> Load | None:
    """The newest load of the same files, mapping and source."""
    found = cursor.execute(
        _LOADS + "and fingerprint = %(fingerprint)s order by load_id desc limit 1",
        {"workspace": workspace_id, "fingerprint": fingerprint},
    ).fetchone()
    return None if found is None else _load(found)


def list_loads(cursor: Cursor[Row], workspace_id: int, limit: int = 50) -> list[Load]:
    """The latest loads, newest first."""
    found = cursor.execute(
        _LOADS + "order by load_id desc limit %(limit)s",
        {"workspace": workspace_id, "limit": limit},
    ).fetchall()
    return [_load(row) for row in found]


def _load(row: Row) -> Load:
    files = msgspec.convert(row[3], tuple[FileEntry, ...])
    counts = Counts(*row[11:17])
    ended = None if row[20] is None else micros(row[20])
    times = (micros(row[18]), micros(row[19]), ended)
    cursor = Place(*row[7:10])
    load_id, workspace_id, state, _, mapping, source, part = row[:7]
    return Load(
        *(load_id, workspace_id, state, files, mapping, source, part, cursor, row[10]),
        counts,
        row[17],
        *times,
    )


def set_state(
    cursor: Cursor[Row], load: Load, state: str, reason: str | None, now: int, ended_at: int | None
) -> None:
    """Say that a load goes on, rests or is done."""
    cursor.execute(
        """
        update loads set state = %s, reason = %s, updated_at = %s, ended_at = %s
        where workspace_id = %s and load_id = %s
        """,
        (
            state,
            reason,
            moment(now),
            None if ended_at is None else moment(ended_at),
            load.workspace_id,
            load.load_id,
        ),
    )


def take_positions(cursor: Cursor[Row], load: Load, count: int) -> int:
    """Take the next `count` positions of the log for a load; returns the one before the first.

    Nobody else draws a position meanwhile: the lock is the one that every writer of the log
    holds. A kill leaves a gap, which means nothing.
    """
    cursor.execute(LOCK_INBOX)
    row = cursor.execute(
        """
        with log as (
            select s.name, coalesce(p.last_value, 0) as last
            from (select pg_get_serial_sequence('inbox', 'position') as name) as s
            join pg_sequences as p on format('%%I.%%I', p.schemaname, p.sequencename) = s.name
        )
        select last, setval(name, last + %s) from log
        """,
        (count,),
    ).fetchone()
    assert row is not None
    cursor.execute(
        """
        insert into load_ranges (workspace_id, load_id, after_position, upto_position)
        values (%s, %s, %s, %s)
        """,
        (load.workspace_id, load.load_id, row[0], row[1]),
    )
    return row[0]


def unfed_ranges(cursor: Cursor[Row], load: Load) -> list[tuple[int, int]]:
    """The ranges of positions of a load that are not fed to profiles yet, in order."""
    return cursor.execute(
        """
        select after_position, upto_position from load_ranges
        where workspace_id = %s and load_id = %s and fed_at is null
        order by after_position
        """,
        (load.workspace_id, load.load_id),
    ).fetchall()


def note_fed(cursor: Cursor[Row], load: Load, after: int, now: int) -> None:
    """Note that a range is fed whole."""
    cursor.execute(
        """
        update load_ranges set fed_at = %s
        where workspace_id = %s and load_id = %s and after_position = %s
        """,
        (moment(now), load.workspace_id, load.load_id, after),
    )


def promise_part(
    cursor: Cursor[Row],
    load: Load,
    part: int,
    positions: tuple[int, int],
    counts: Counts,
    data: str,
    upto: Place,
    now: int,
) -> None:
    """Note a part, what it came to, and from where the load goes on after it."""
    cursor.execute(
        """
        insert into load_parts (
            workspace_id, load_id, part, first_position, last_position, loaded, data, settled_at
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            *(load.workspace_id, load.load_id, part, *positions, counts.loaded, data),
            None if counts.loaded else moment(now),
        ),
    )
    cursor.execute(
        """
        update loads set part = %s, file = %s, place = %s, line = %s,
            bytes_done = bytes_done + %s, rows_read = rows_read + %s, loaded = loaded + %s,
            repeats = repeats + %s, bad = bad + %s, blocked = blocked + %s, updated_at = %s
        where workspace_id = %s and load_id = %s
        """,
        (
            *(part, upto.file, upto.place, upto.line),
            *(counts.bytes, counts.rows, counts.loaded, counts.repeats),
            *(counts.bad, counts.blocked, moment(now), load.workspace_id, load.load_id),
        ),
    )


def open_parts(cursor: Cursor[Row], load: Load) -> list[tuple[int, list[dict[str, object]]]]:
    """The promised parts that are not settled, in order, with their data files."""
    return cursor.execute(
        """
        select part, data from load_parts
        where workspace_id = %s and load_id = %s and settled_at is null
        order by part
        """,
        (load.workspace_id, load.load_id),
    ).fetchall()


def settle_part(cursor: Cursor[Row], load: Load, promised: Promised, now: int) -> None:
    """Note that a part is in the lake."""
    cursor.execute(
        """
        update load_parts set settled_at = %s
        where workspace_id = %s and load_id = %s and part = %s
        """,
        (moment(now), load.workspace_id, load.load_id, promised.part),
    )


def bury_lines(
    cursor: Cursor[Row], load: Load, path: str, lines: Sequence[BadLine], now: int
) -> None:
    """Put the bad lines of a file into dead letters, each with its place and reason."""
    if not lines:
        return
    cursor.execute(
        """
        insert into dead_letters (
            workspace_id, message_id, type, name, stage, reason, event, at, source, origin
        )
        select %s, '', '', '', 'load', l.reason, l.event, %s, %s, l.origin
        from unnest(%s::text[], %s::jsonb[], %s::text[]) as l (reason, event, origin)
        on conflict do nothing
        """,
        (
            *(load.workspace_id, moment(now), load.source),
            [f"{path} line {line.line}: {line.reason}"[:2000] for line in lines],
            [_letter(path, line) for line in lines],
            [f"load {load.load_id}: {path}:{line.line}" for line in lines],
        ),
    )


def _letter(path: str, line: BadLine) -> str:
    """The line as a call to mend if it is an object, else as a text."""
    try:
        told = msgspec.json.decode(line.text)
    except (msgspec.DecodeError, RecursionError):
        told = None
    if not isinstance(told, dict) or "\\u0000" in line.text:
        told = {"file": path, "line": line.line, "text": line.text}
    return msgspec.json.encode(told).decode().replace("\\u0000", "\\ufffd")


def hold_pipeline(cursor: Cursor[Row], workspace_id: int) -> int:
    """Hold the workspace's pipeline where it stands until the transaction ends."""
    return hold_cursor(cursor, workspace_id, PIPELINE).position


def pipeline_position(cursor: Cursor[Row], workspace_id: int) -> int:
    """How far the pipeline has taken the log."""
    row = cursor.execute(
        "select position from cursors where workspace_id = %s and consumer = %s",
        (workspace_id, PIPELINE),
    ).fetchone()
    return row[0] if row else 0


def seen_over_http(cursor: Cursor[Row], workspace_id: int, since: int) -> Iterable[Keys]:
    """The keys of HTTP events that were received since then, a few million at a time."""
    return _copied(
        cursor,
        """
        copy (
            select message_key from seen_messages
            where workspace_id = {} and received_at >= {}
        ) to stdout (format binary)
        """,
        (workspace_id, moment(since)),
    )


def taken_over_http(cursor: Cursor[Row], workspace_id: int, after: int, upto: int) -> Keys:
    """The keys of HTTP events that the pipeline took between two positions."""
    if upto <= after:
        return joined([])
    found = _copied(
        cursor,
        """
        copy (
            select md5(message_id)::uuid from inbox
            where workspace_id = {} and position > {} and position <= {} and source <> {}
        ) to stdout (format binary)
        """,
        (workspace_id, after, upto, PLATFORM_SOURCE),
    )
    return joined(list(found))


def _copied(
    cursor: Cursor[Row], statement: LiteralString, values: Sequence[object]
) -> Iterable[Keys]:
    waiting = bytearray()
    head = _HEAD
    with cursor.copy(sql.SQL(statement).format(*map(sql.Literal, values))) as copy:
        for block in copy:
            waiting += block
            if head:
                if len(waiting) < head:
                    continue
                del waiting[:head]
                head = 0
            if len(waiting) >= _ROW << 22:
                yield _keys(waiting)
    if len(waiting) >= _ROW:
        yield _keys(waiting)


def _keys(waiting: bytearray) -> Keys:
    """Take all whole rows out of what was copied; the end mark is shorter than a row."""
    whole = len(waiting) // _ROW * _ROW
    rows = np.frombuffer(bytes(waiting[:whole]), np.uint8).reshape(-1, _ROW)
    del waiting[:whole]
    return keys_from(rows[:, 6:].tobytes())


def key_files(cursor: Cursor[Row], workspace_id: int) -> list[tuple[str, int, int, int]]:
    """The files of loaded keys, oldest first: name, level, keys, receipt."""
    found = cursor.execute(
        """
        select file, level, keys, received_at from loaded_keys
        where workspace_id = %s order by received_at, file
        """,
        (workspace_id,),
    ).fetchall()
    return [(file, level, keys, micros(at)) for file, level, keys, at in found]


def add_key_file(
    cursor: Cursor[Row], workspace_id: int, file: str, level: int, keys: int, received_at: int
) -> None:
    """Note a file of loaded keys: from the commit on, all look into it."""
    cursor.execute(
        """
        insert into loaded_keys (workspace_id, file, level, keys, received_at)
        values (%s, %s, %s, %s, %s)
        """,
        (workspace_id, file, level, keys, moment(received_at)),
    )


def drop_key_files(cursor: Cursor[Row], workspace_id: int, files: Sequence[str]) -> None:
    """Forget files of loaded keys."""
    cursor.execute(
        "delete from loaded_keys where workspace_id = %s and file = any(%s)",
        (workspace_id, list(files)),
    )
