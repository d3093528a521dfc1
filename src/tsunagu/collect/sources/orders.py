"""What a child process is asked, and what it answers, as lines of JSON."""

from __future__ import annotations

import msgspec

from tsunagu.core import Json


class Shown(msgspec.Struct):
    """One event as it would be stored."""

    type: str
    name: str
    user_id: str | None
    anonymous_id: str | None
    at: str | None
    message_id: str
    body: Json


class Look(msgspec.Struct):
    """What the first page holds: its columns, its first events, and rows that make none."""

    place: str = ""
    columns: list[str] = []
    rows: int = 0
    events: list[Shown] = []
    refused: list[str] = []


class Order(msgspec.Struct, kw_only=True):
    """What the child is asked to do; a look has a document, an errand has not."""

    home: str
    url: str = ""
    workspace_id: int = 0
    name: str = ""
    cause: str = ""
    forbidden: tuple[str, ...] = ()
    document: Json | None = None
    secrets: dict[str, str] = {}


class Progress(msgspec.Struct, kw_only=True):
    """A line of the child: how much it has taken, and at the end how it ended."""

    rows: int = 0
    events: int = 0
    known: int = 0
    refused: int = 0
    outcome: str = ""
    error: str = ""
    look: Look | None = None
