"""Shared by the tests of sources: a workspace that has some, and what they have brought."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tsunagu.access import workspace_by_id
from tsunagu.collect.sources import Child, Order, Run, Vault, list_runs, put_source
from tsunagu.collect.sources.orders import Progress
from tsunagu.collect.sources.queries import Standing, standing
from tsunagu.collect.sources.running import Ended, Errand, run_source
from tsunagu.storage import Database, in_workspace

ORDERS = {
    "name": "orders",
    "message_id": ["id", "updated_at"],
    "at": "updated_at",
    "identifiers": {"email": "email"},
    "events": [{"name": "Order Completed", "properties": {"id": "id", "amount": "amount"}}],
}


@dataclass
class Shop:
    """A workspace, the data folder with the vault's keys, and its sources."""

    database: Database
    workspace: int
    home: Path
    forbidden: tuple[str, ...] = field(default=())

    @property
    def vault(self) -> Vault:
        return Vault(self.home)

    def add(
        self, name: str, settings: dict[str, Any], mapping: Any = ORDERS, /, **more: Any
    ) -> None:
        """Put a source; `secrets` are its secrets, all else belongs to the document."""
        secrets = more.pop("secrets", {})
        document = {"from": settings, "mapping": mapping, **more}
        with (
            self.database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            found = workspace_by_id(cursor, self.workspace)
            put_source(cursor, found, name, document, secrets, self.vault, "test")

    def run(self, name: str) -> Ended:
        """Run a source here."""
        errand = Errand(self.workspace, name, "test", self.forbidden)
        return run_source(self.database, self.vault, errand, Event(), lambda _: None)

    def run_child(self, name: str, *, silence: float = 120) -> Progress:
        """Run a source in a child process, as the role does."""
        order = Order(
            home=str(self.home),
            url=self.database.url,
            workspace_id=self.workspace,
            name=name,
            cause="test",
        )
        return Child(order).run(lambda _: None, seconds=120, silence=silence)

    def killed(self, name: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Run a source in a child that dies by SIGKILL at a failpoint."""
        with monkeypatch.context() as patch:
            patch.setenv("TSUNAGU_FAILPOINT", place)
            ended = self.run_child(name)
        assert (ended.outcome, "signal 9" in ended.error) == ("killed", True), ended

    def events(self, name: str) -> list[dict[str, Any]]:
        """What a source has put into the log, in log order."""
        with self.database.connect("pipeline") as connection:
            found = connection.execute(
                """
                select message_id, type, name, user_id, anonymous_id, at, body from inbox
                where workspace_id = %s and source = %s order by position
                """,
                (self.workspace, name),
            ).fetchall()
        columns = ("message_id", "type", "name", "user_id", "anonymous_id", "at")
        return [dict(zip(columns, row, strict=False)) | json.loads(row[6]) for row in found]

    def ids(self, name: str) -> list[int]:
        """The property `id` of each event of a source, sorted."""
        return sorted(int(event["properties"]["id"]) for event in self.events(name))

    def letters(self, name: str) -> list[tuple[str, str]]:
        """The dead letters of a source: reason and the row."""
        with (
            self.database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            found = cursor.execute(
                "select reason, event ->> 'text' from dead_letters where source = %s order by 1",
                (name,),
            ).fetchall()
        return [(reason, text) for reason, text in found]

    def standing(self, name: str) -> Standing:
        """Where a source stands."""
        with (
            self.database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return standing(cursor, self.workspace, name)

    def runs(self, name: str) -> list[Run]:
        """The runs of a source, the newest first."""
        with (
            self.database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return list_runs(cursor, self.workspace, name)
