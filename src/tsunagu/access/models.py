"""Workspaces, keys and definitions as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tsunagu.access.origins import Origins
from tsunagu.core import Json

Clock = Literal["wall", "driven"]
KeyKind = Literal["write", "api", "analyst"]
Status = Literal["draft", "published", "stopped"]


@dataclass(frozen=True)
class Workspace:
    """One tenant: its own customers, clock, zone and currency.

    `clock_now` is the business time of a driven workspace and None on the wall clock.
    """

    id: int
    name: str
    zone: str
    currency: str
    clock: Clock
    clock_now: int | None
    sends_paused: bool
    synthetic: bool


@dataclass(frozen=True)
class Key:
    """Whom an API key stands for. `source` names where its events come from.

    `origins` are the web pages that may use it, by `admits`.
    """

    workspace_id: int
    kind: KeyKind
    source: str
    clock: Clock
    origins: Origins = None


@dataclass(frozen=True)
class KeyListing:
    """A key as the console lists it; the key itself is nowhere kept."""

    name: str
    kind: KeyKind
    source: str
    created_at: int
    revoked_at: int | None
    origins: Origins = None


@dataclass(frozen=True)
class Operator:
    """A person who may sign in to the console."""

    name: str
    created_at: int


@dataclass(frozen=True)
class Definition:
    """One version of a document."""

    kind: str
    name: str
    version: int
    document: Json
    status: Status
    created_at: int
    created_by: str
