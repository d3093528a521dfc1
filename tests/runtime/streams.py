"""A stream over real connections, for the tests that cut the log into batches in flight."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tsunagu.runtime.stream import Stream
from tsunagu.storage import Database


@contextmanager
def streaming(database: Database) -> Iterator[Stream]:
    """The stream and its three connections, closed at the end."""
    with (
        database.connect("pipeline") as reader,
        database.connect("pipeline") as writer,
        database.connect("pipeline") as scout,
    ):
        flow = Stream(reader, writer, scout)
        try:
            yield flow
        finally:
            flow.close()
