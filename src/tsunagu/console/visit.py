"""A visit: who looks at which workspace, in which language and zone, at one page.

Page builders take a visit and nothing else; it knows how to say a phrase, write a figure,
reach the database and name a place of the console.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, unquote, urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request

from tsunagu.access import Workspace
from tsunagu.analysis import Analysts
from tsunagu.console.formats import Formats
from tsunagu.console.phrases import Language, Phrase, language_of, preferred
from tsunagu.console.reader import Cursor, Reader
from tsunagu.console.session import LANGUAGE_COOKIE, ZONE_COOKIE, Sessions

T = TypeVar("T")


@dataclass(frozen=True)
class Desk:
    """What the console stands on: one per process."""

    reader: Reader
    sessions: Sessions
    home: Path
    mailbox: Path | None
    collect_url: str
    signing_secret: bytes
    closed: tuple[str, ...]
    analysts: Analysts


@dataclass(frozen=True)
class Visit:
    """One page being looked at."""

    desk: Desk
    operator: str
    workspace: Workspace
    workspaces: list[Workspace]
    language: Language
    formats: Formats
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    query: dict[str, str] = field(default_factory=dict[str, str])
    here: str = "/"

    def say(self, phrase: Phrase, *, count: int | None = None, **values: object) -> str:
        """A phrase in the viewer's language; figures among `values` come formatted."""
        return phrase.say(self.language, count=count, **values)

    def count(self, phrase: Phrase, number: int) -> str:
        """A phrase about `{n}` things."""
        return phrase.say(self.language, count=number, n=self.formats.number(number))

    async def read(self, work: Callable[[Cursor], T]) -> T:
        """Database work in this workspace, off the event loop."""
        return await self.desk.reader.read(self.workspace.id, work)

    async def shared(self, name: str, work: Callable[[Cursor], T]) -> T:
        """As `read`, with the answer shared among viewers for a moment."""
        return await self.desk.reader.shared(self.workspace.id, name, work)

    def to(self, *parts: str | int, **query: str | int | None) -> str:
        """The address of a page in this workspace."""
        path = "/".join(quote(str(part), safe="") for part in parts)
        given = {name: value for name, value in query.items() if value not in (None, "")}
        return f"/w/{self.workspace.id}/{path}" + (f"?{urlencode(given)}" if given else "")


def language_for(request: Request) -> Language:
    """The language chosen before, else the browser's."""
    chosen = language_of(request.cookies.get(LANGUAGE_COOKIE))
    return chosen or preferred(request.headers.get("accept-language", ""))


def zone_for(request: Request, otherwise: str) -> ZoneInfo:
    """The browser's zone, which a script of ours left in a cookie, else the workspace's."""
    for name in (unquote(request.cookies.get(ZONE_COOKIE, "")), otherwise):
        try:
            if name:
                return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return ZoneInfo("UTC")
