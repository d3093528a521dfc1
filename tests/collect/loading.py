"""Files to load, and what became of them, for the tests of bulk loads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tsunagu.collect import bulk
from tsunagu.collect.bulk import Load, LoadedKeys
from tsunagu.core import NewEvent
from tsunagu.core.times import wall
from tsunagu.eventlog import append
from tsunagu.runtime.load import LoadReport, Watching, run_load
from tsunagu.runtime.pipeline import Desk
from tsunagu.runtime.pipeline_loop import next_batch
from tsunagu.serve.definitions import publish_document
from tsunagu.storage import Database, in_workspace
from tsunagu.storage.lake import LakeReader


def call(number: int, **told: Any) -> dict[str, Any]:
    """A call of the Segment spec about customer `number % 10`."""
    minute = f"2024-{1 + number % 3:02}-05T10:{number // 60 % 60:02}:{number % 60:02}.000Z"
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"m{number}",
        "userId": f"u{number % 10}",
        "timestamp": minute,
        "properties": {"total": number, "note": "髙橋"},
        **told,
    }


def lines(calls: Iterable[dict[str, Any] | str]) -> str:
    return "".join(
        (one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)) + "\n"
        for one in calls
    )


class Loads:
    """Loads into one workspace and lake."""

    def __init__(self, database: Database, workspace: int, lake: Path) -> None:
        self.database = database
        self.workspace = workspace
        self.lake = lake
        self.desk = Desk(workspace, "UTC", loaded=LoadedKeys(lake))

    def publish(self, kind: str, name: str, **document: Any) -> None:
        with (
            self.database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            publish_document(cursor, self.workspace, kind, name, document, "tests")

    def open(self, *files: Path, mapping: str | None = None, again: bool = False) -> Load:
        want = bulk.wanted([str(file) for file in files], mapping, "files")
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return bulk.open_load(cursor, self.workspace, want, again=again)

    def run(self, *files: Path, mapping: str | None = None, **options: Any) -> LoadReport:
        again = options.pop("again", False)
        load = self.open(*files, mapping=mapping, again=again)
        return run_load(self.database, self.lake, load, Watching(), **options)

    def append(self, *message_ids: str) -> None:
        """Events as HTTP brings them."""
        events = [
            NewEvent(i, "track", "Posted", "u1", None, None, "web", b"{}") for i in message_ids
        ]
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            append(cursor, self.workspace, events, received_at=wall(), now=None)

    def post(self, *message_ids: str) -> None:
        """Events as HTTP brings them; the pipeline takes them."""
        self.append(*message_ids)
        self.take()

    def take(self) -> int:
        """Let the pipeline take what there is; returns how many events were repeats."""
        repeats = 0
        with self.database.connect("pipeline") as connection:
            while True:
                report = next_batch(connection, self.desk)
                repeats += report.repeats
                if not report.more:
                    return repeats

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        """An answer of the lake."""
        with LakeReader(self.lake, self.workspace) as reader:
            return reader.connection.execute(query).fetchall()

    def message_ids(self) -> list[str]:
        """Of all events in the lake, in order; one that is there twice comes twice."""
        found = self.asked("select message_id from events order by message_id")
        return [message_id for (message_id,) in found]

    def selected(self, query: str) -> list[tuple[Any, ...]]:
        """An answer of PostgreSQL in the workspace."""
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return cursor.execute(query.encode()).fetchall()
