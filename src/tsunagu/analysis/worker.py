"""The process of one question: takes it, locks itself in, answers, and ends.

It starts without the platform's environment, so it knows no password and no address. Before
the question runs it gives up what a question must not have: memory beyond its bound, files
beyond its tables, every setting. Whoever asked may kill it at any time.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import duckdb
import pyarrow as pa

from tsunagu.analysis.models import OUT_OF_MEMORY, Refused
from tsunagu.analysis.protocol import (
    ARROW,
    DONE,
    FAULT,
    LENGTH_BYTES,
    Done,
    Fault,
    Task,
    encode,
    read_task,
    write_frame,
)
from tsunagu.analysis.statements import check
from tsunagu.storage.lake import TABLES, make_views

BATCH_ROWS = 20_000
# What Python, Arrow and DuckDB take beside the memory that DuckDB counts.
_BESIDE = 768 << 20
_NICE = 5
_IDLE_SECONDS = 600.0
_DISK_SIGNS = ("File too large", "No space left", "temporary", "Disk quota")


class _Pieces:
    """A sink for Arrow's writer that passes each piece on as a frame."""

    closed = False

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink

    def write(self, piece: bytes | memoryview) -> int:
        """Passes a piece on."""
        body = bytes(piece)
        write_frame(self._sink, ARROW, body)
        return len(body)

    def flush(self) -> None:
        """Every piece has left already."""


def answer(task: Task, sink: BinaryIO) -> Done:
    """Answer one question; the rows go to the sink as they come.

    Raises:
        Refused: it cannot be answered.
        duckdb.Error: DuckDB says why it cannot.
    """
    with connect(task) as connection:
        check(connection, task.sql)
        reader = connection.execute(task.sql).to_arrow_reader(BATCH_ROWS)
        rows, size, truncated = 0, 0, False
        with pa.ipc.new_stream(_Pieces(sink), reader.schema) as stream:
            for batch in reader:
                size += batch.nbytes
                if size > task.result:
                    raise Refused(
                        f"The result is larger than {task.result >> 20:,} MB. Ask for fewer "
                        "columns or rows, or sum up first.",
                        "result",
                        f"{task.result >> 20:,} MB",
                    )
                if rows + batch.num_rows > task.rows:
                    batch, truncated = batch.slice(0, task.rows - rows), True
                rows += batch.num_rows
                stream.write_batch(batch)
                if truncated:
                    break
    return Done(rows, truncated)


def connect(task: Task) -> duckdb.DuckDBPyConnection:
    """A DuckDB that sees one workspace's tables and can never see more."""
    connection = duckdb.connect(
        config={
            "threads": task.threads,
            "memory_limit": f"{task.memory >> 20}MB",
            "temp_directory": task.place,
            "max_temp_directory_size": f"{task.spill >> 20}MB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
        }
    )
    connection.execute("set timezone = 'UTC'; set enable_progress_bar = false")
    home = Path(task.home)
    make_views(connection, home, known_at=task.known_at)
    folders = [f"{home / layout.name}/" for layout in TABLES]
    connection.execute("set allowed_directories = $folders", {"folders": folders})
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def plain(error: duckdb.Error) -> Refused:
    """What DuckDB says, as an analyst can use it."""
    text = str(error).strip()
    if isinstance(error, duckdb.OutOfMemoryException):
        return Refused(OUT_OF_MEMORY, "memory")
    if isinstance(error, duckdb.PermissionException):
        return Refused(
            "The question reaches outside this workspace's tables, which is not possible here.",
            "outside",
        )
    if isinstance(error, duckdb.IOException):
        if any(sign in text for sign in _DISK_SIGNS):
            return Refused(
                "The question needs more room on the disk than it may have. Ask about less at a "
                "time, or sort and join fewer rows.",
                "disk",
            )
        return Refused(
            "A file of the lake could not be read. Ask again; if it stays: tsunagu doctor", "file"
        )
    return Refused(text)


def main() -> None:
    """Give up what a question must not have, answer it, and end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.nice(_NICE)
    _be_the_first_to_go()
    source, sink = sys.stdin.buffer, _only_way_out()
    if not select.select([source], [], [], _IDLE_SECONDS)[0]:
        return  # nobody asks at this time of day: the next question starts its own process
    header = source.read(LENGTH_BYTES + 1)
    if not header:
        return
    task = read_task(source.read(int.from_bytes(header[:LENGTH_BYTES])))
    threading.Thread(target=_end_with, args=(source,), daemon=True).start()
    most = task.memory + task.memory // 2 + _BESIDE
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (task.spill, task.spill))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        done = answer(task, sink)
    except Refused as refusal:
        _refuse(sink, refusal)
    except MemoryError:
        _refuse(sink, Refused(OUT_OF_MEMORY, "memory"))
    except duckdb.Error as error:
        _refuse(sink, plain(error))
    else:
        write_frame(sink, DONE, encode(done))


def _refuse(sink: BinaryIO, refusal: Refused) -> None:
    write_frame(sink, FAULT, encode(Fault(str(refusal), refusal.why, refusal.about)))


def _only_way_out() -> BinaryIO:
    """Standard output for the frames alone: what a library prints goes nowhere."""
    sink = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return sink


def _end_with(source: BinaryIO) -> None:
    """End at once when whoever asked is gone: nobody waits for the answer any more."""
    source.read(1)
    os._exit(3)


def _be_the_first_to_go() -> None:
    """When the machine runs out of memory, a question goes before the database does."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        return  # not Linux, or not allowed: the bound on memory holds all the same


if __name__ == "__main__":
    main()
