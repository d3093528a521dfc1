"""Shared by the API's tests: a shop with an API key, and what happens in it."""

from __future__ import annotations

import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import httpx
from fastapi import FastAPI

from tsunagu import access, eventlog
from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.core.times import parse_time
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.desk import Desk
from tsunagu.runtime.web import serve_app
from tsunagu.storage import Database, in_workspace

NOON = parse_time("2026-05-04T12:00:00Z")


@contextmanager
def served(app: FastAPI) -> Generator[httpx.Client]:
    """A client of an application that really listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stop = Event()
    thread = Thread(target=serve_app, args=(app, "127.0.0.1", port, stop))
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            for _ in range(200):
                try:
                    client.get("/v1/health")
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield client
    finally:
        stop.set()
        thread.join(20)


@dataclass
class Shop:
    """One workspace, its API key, and what happens in it."""

    database: Database
    workspace: int
    key: str
    said: int = 0

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    def tell(
        self,
        name: str,
        user: str | None = None,
        /,
        *,
        kind: str = "track",
        anonymous: str | None = None,
        at: int = NOON,
        **words: Any,
    ) -> None:
        """An event about somebody, processed by the pipeline before this returns."""
        self.said += 1
        body = Body(traits=words) if kind == "identify" else Body(properties=words)
        event = NewEvent(
            f"m{self.said}", kind, name, user, anonymous, at, "pos", encode_body(body), known_at=at
        )
        desk = Desk(self.workspace, "UTC", driven=True)
        with self.database.connect("pipeline") as connection:
            with in_workspace(connection, self.workspace) as cursor:
                eventlog.append(cursor, self.workspace, [event], received_at=NOON, now=NOON)
            while pipeline_loop.next_batch(connection, desk).more:
                pass

    def pass_time(self, until: int) -> None:
        """Move the shop's clock, and let what is due by then happen."""
        with self.database.connect("pipeline") as connection:
            with in_workspace(connection, self.workspace) as cursor:
                access.set_clock(cursor, self.workspace, until)
            while pipeline_loop.next_batch(connection, Desk(self.workspace, "UTC", True)).more:
                pass
