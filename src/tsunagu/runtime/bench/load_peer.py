"""The peer of bench `load`: DuckDB alone, the same deduplication, partitioning and codec.

It runs in a process of its own with DuckDB's own bounds (all cores, most of the memory). Of two
ways to write the query the quicker one counts. It checks nothing, remembers nothing, syncs
nothing and cannot be interrupted.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import msgspec

_COLUMNS = (
    *("type", "messageId", "event", "userId", "anonymousId", "previousId", "groupId"),
    *("timestamp", "receivedAt", "properties", "traits", "context"),
)
_KINDS = {"timestamp": "TIMESTAMPTZ", "receivedAt": "TIMESTAMPTZ"} | dict.fromkeys(
    ("properties", "traits", "context"), "JSON"
)
FIRST_OF_KEY = "select distinct on ({key}) * from {source}"
NUMBERED = "select * from {source} qualify row_number() over (partition by {key}) = 1"

_COPY = """
copy (select *, strftime({at}, '%Y-%m') as month from ({query})) to '{out}'
(format parquet, compression zstd, partition_by (month))
"""


class Task(msgspec.Struct):
    """A file and the way to write the query; where to write, and where to spill."""

    file: str
    query: str
    folder: str


class Answer(msgspec.Struct):
    """What it took."""

    rows: int
    seconds: float
    peak_bytes: int


def run_peer(file: Path, query: str, folder: Path) -> Answer:
    """Run DuckDB over a file in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tsunagu.runtime.bench.load_peer"],
        input=msgspec.json.encode(Task(str(file), query, str(folder))),
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Answer)


def _work(task: Task) -> Answer:
    if task.file.endswith(".parquet"):
        source, key, at = f"'{task.file}'", "message_id", "happened_at"
    else:
        kinds = ", ".join(f"{name}: '{_KINDS.get(name, 'VARCHAR')}'" for name in _COLUMNS)
        source = f"read_json('{task.file}', format = 'newline_delimited', columns = {{{kinds}}})"
        key, at = '"messageId"', "timestamp"
    query = task.query.format(source=source, key=key)
    out = Path(task.folder) / "out"
    with duckdb.connect(config={"temp_directory": str(Path(task.folder) / "spill")}) as connection:
        connection.execute("set timezone = 'UTC'")
        started = time.monotonic()
        row = connection.execute(_COPY.format(at=at, query=query, out=out)).fetchone()
        seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Answer(row[0] if row else 0, seconds, peak)


if __name__ == "__main__":
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    os.makedirs(wanted.folder)
    try:
        sys.stdout.buffer.write(msgspec.json.encode(_work(wanted)))
    finally:
        shutil.rmtree(wanted.folder)
