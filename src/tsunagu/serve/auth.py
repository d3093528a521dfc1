"""Who asks: an API key as a bearer token, or as the user name of basic authentication.

Keys are remembered for some seconds; one that was revoked or made just now takes effect when
the memory of it has passed.
"""

from __future__ import annotations

from time import monotonic
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.security import (
    HTTPAuthorizationCredentials,
    HTTPBasic,
    HTTPBasicCredentials,
    HTTPBearer,
)
from psycopg import Connection
from psycopg_pool import ConnectionPool

from tsunagu.access import Key, find_key
from tsunagu.core import Denied
from tsunagu.serve.errors import Unauthorized

Row = tuple[Any, ...]

KNOWN_SECONDS = 5.0
MAX_REMEMBERED = 10_000
_ANALYST_KEY = "tsunagu key create NAME --kind analyst"

_bearer = HTTPBearer(auto_error=False, description="An API key (`tsa_…`).")
_basic = HTTPBasic(auto_error=False, description="The API key as user name, no password.")


def stated_key(
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    basic: Annotated[HTTPBasicCredentials | None, Security(_basic)],
) -> str:
    """The key that a request carries.

    Raises:
        Unauthorized: it carries none.
    """
    if bearer is not None:
        return bearer.credentials
    if basic is not None:
        return basic.username
    raise Unauthorized("An API key is missing; send it as `Authorization: Bearer <key>`.")


StatedKey = Annotated[str, Depends(stated_key)]


class KeyMemory:
    """Known API keys, for some seconds each."""

    def __init__(self, pool: ConnectionPool[Connection[Row]]) -> None:
        self._pool = pool
        self._known: dict[str, tuple[Key, float]] = {}

    def reader(self, key: str) -> Key:
        """Whom an API key stands for.

        Raises:
            Unauthorized: it is not an API key in use.
        """
        found, until = self._known.get(key, (None, 0.0))
        if found is None or until < monotonic() or found.kind != "api":
            found = self._look_up(key)
        return found

    def analyst(self, key: str) -> Key:
        """Whose lake an analyst's key may ask.

        Raises:
            Unauthorized: it is no key in use.
            Denied: it is a key for something else.
        """
        found, until = self._known.get(key, (None, 0.0))
        if found is None or until < monotonic():
            with self._pool.connection() as connection:
                found = find_key(connection, key)
            if found is None:
                raise Unauthorized("This is not a key in use; make one with: " + _ANALYST_KEY)
            if found.kind == "analyst":
                self._remember(key, found)
        if found.kind != "analyst":
            raise Denied("SQL over the lake needs an analyst's key. Make one with: " + _ANALYST_KEY)
        return found

    def _look_up(self, key: str) -> Key:
        with self._pool.connection() as connection:
            found = find_key(connection, key)
        if found is None or found.kind != "api":
            self._known.pop(key, None)
            raise Unauthorized(
                "This is not an API key in use; make one in the console under settings, "
                "write keys only send events."
            )
        self._remember(key, found)
        return found

    def _remember(self, key: str, found: Key) -> None:
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        self._known[key] = (found, monotonic() + KNOWN_SECONDS)
