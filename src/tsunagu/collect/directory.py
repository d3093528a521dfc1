"""What the collector asks the database beside storing: who sends, and what time it is there.

Keys are remembered for some seconds; one that was revoked or made just now takes effect when
the memory of it has passed.
"""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Callable
from functools import lru_cache
from time import monotonic
from typing import TypeVar

import psycopg
from psycopg import Connection, Cursor

from tsunagu.access import Key, Origins, business_now, find_key, pages_admitted
from tsunagu.collect.errors import Unauthorized, Unavailable
from tsunagu.collect.queries import sever
from tsunagu.storage import Database, Row

KNOWN_SECONDS = 5.0
UNKNOWN_SECONDS = 1.0
CONNECT_SECONDS = 3
# How long an answer is waited for, and how long nobody asks again after it did not come.
ANSWER_SECONDS = 3.0
AWAY_SECONDS = 0.5
MAX_REMEMBERED = 10_000

Answer = TypeVar("Answer")

_AWAY = "The database cannot be reached; send the request again"
_HOW = "send the write key as the user name of basic authentication, with an empty password"


@lru_cache(maxsize=4096)
def key_of(authorization: str) -> str:
    """The key in an Authorization header, basic or bearer.

    Raises:
        Unauthorized: the header has another form.
    """
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        raise Unauthorized(f"The Authorization header is not understood; {_HOW}")
    try:
        user, _, _ = b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthorized(f"The basic authentication cannot be decoded; {_HOW}") from None
    return user


class Directory:
    """Answers over a connection of its own, one question at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection[Row] | None = None
        self._lock = asyncio.Lock()
        self._remembered: dict[str, tuple[Key | None, float]] = {}
        self._away_until = 0.0
        self._severed = False
        self._pages: tuple[Origins, float] = ((), 0.0)

    async def writer(self, key: str | None) -> Key:
        """The write key's workspace and source.

        Raises:
            Unauthorized: no key, or not a write key in use.
            Unavailable: the database cannot be asked.
        """
        if not key:
            raise Unauthorized(f"The write key is missing; {_HOW}")
        found, until = self._remembered.get(key, (None, 0.0))
        if until < monotonic():
            found = await self._look_up(key)
        if found is None or found.kind != "write":
            raise Unauthorized("The write key is not known or was revoked; see the console")
        return found

    async def _look_up(self, key: str) -> Key | None:
        async with self._lock:
            found, until = self._remembered.get(key, (None, 0.0))
            if until < monotonic():  # else another request has asked while this one waited
                found = await self._answer_of(lambda cursor: find_key(cursor, key))
                self._remember(key, found)
        return found

    async def pages(self) -> Origins:
        """The web pages that any write key in use admits.

        Raises:
            Unavailable: the database cannot be asked.
        """
        found, until = self._pages
        if until < monotonic():
            found = await self.ask(pages_admitted)
            self._pages = (found, monotonic() + KNOWN_SECONDS)
        return found

    async def business_now(self, workspace_id: int) -> int:
        """The business time of a workspace, in microseconds.

        Raises:
            Unavailable: the database cannot be asked.
        """
        return await self.ask(lambda cursor: business_now(cursor, workspace_id))

    async def check(self) -> None:
        """Ask the database anything.

        Raises:
            Unavailable: it does not answer.
        """
        await self.ask(lambda cursor: cursor.execute("select 1").fetchone())

    def close(self) -> None:
        """End the connection; the next question opens one again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _remember(self, key: str, found: Key | None) -> None:
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        until = monotonic() + (UNKNOWN_SECONDS if found is None else KNOWN_SECONDS)
        self._remembered[key] = (found, until)

    async def ask(self, question: Callable[[Cursor[Row]], Answer]) -> Answer:
        """What a question answers; each statement is a transaction of its own.

        Raises:
            Unavailable: the database cannot be asked.
        """
        async with self._lock:
            return await self._answer_of(question)

    async def _answer_of(self, question: Callable[[Cursor[Row]], Answer]) -> Answer:
        if monotonic() < self._away_until:
            raise Unavailable(_AWAY)
        asking = asyncio.create_task(asyncio.to_thread(self._answer, question))
        done, _ = await asyncio.wait({asking}, timeout=ANSWER_SECONDS)
        if not done:
            self._severed = True
            if self._connection is not None:
                sever(self._connection)
        try:
            return await asking
        except Unavailable:
            self._away_until = monotonic() + AWAY_SECONDS
            raise
        finally:
            self._severed = False

    def _answer(self, question: Callable[[Cursor[Row]], Answer]) -> Answer:
        try:
            if self._connection is not None and not self._connection.closed:
                try:
                    return self._put(self._connection, question)
                except psycopg.OperationalError:  # it was lost meanwhile
                    if self._severed:
                        raise
            self.close()
            self._connection = Connection.connect(
                self._database.conninfo("ingest"), autocommit=True, connect_timeout=CONNECT_SECONDS
            )
            return self._put(self._connection, question)
        except psycopg.Error as error:  # a disk that went read-only is told as many kinds
            self.close()
            raise Unavailable(_AWAY) from error

    def _put(
        self, connection: Connection[Row], question: Callable[[Cursor[Row]], Answer]
    ) -> Answer:
        with connection.cursor() as cursor:
            return question(cursor)
