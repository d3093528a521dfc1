"""Shared by the collector's tests: a workspace with a write key, and what lies in its inbox."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from typing import Any

import httpx

from tsunagu.storage import Database


@dataclass(frozen=True)
class Sent:
    """Who sends, and what arrived in the log."""

    database: Database
    workspace: int
    key: str

    def rows(self) -> list[dict[str, Any]]:
        """The workspace's events in log order, with their bodies read."""
        with self.database.connect("pipeline") as connection:
            cursor = connection.execute(
                """
                select message_id, type, name, user_id, anonymous_id, at, known_at, received_at,
                    source, body
                from inbox where workspace_id = %s order by position
                """,
                (self.workspace,),
            )
            names = [column.name for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return [{**row, "body": json.loads(row["body"])} for row in rows]


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str) -> None:
    """Until the collector at `url` says that it is well."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/v1/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError(url)
