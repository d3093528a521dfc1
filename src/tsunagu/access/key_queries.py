"""API keys: random, shown once, and stored as a hash."""

from __future__ import annotations

import secrets
from hashlib import sha256

from psycopg import Connection, Cursor

from tsunagu.access.models import Key, KeyKind, KeyListing
from tsunagu.access.origins import Origins
from tsunagu.core import Invalid, NotFound
from tsunagu.core.events import check_source
from tsunagu.core.times import micros
from tsunagu.storage import Row

_PREFIXES: dict[KeyKind, str] = {"write": "tsw_", "api": "tsa_", "analyst": "tsq_"}


def _hash(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def create_key(
    session: Connection[Row] | Cursor[Row],
    workspace_id: int,
    kind: KeyKind,
    name: str,
    source: str,
    *,
    key: str | None = None,
    origins: Origins = None,
) -> str:
    """Make a key and return it: it is shown this once.

    Args:
        kind: `write` for events, `api` for reading profiles and sending, `analyst` for SQL
            over the lake.
        source: what its events say they come from, such as `web` or `pos`.
        key: a key chosen by the caller, at least 24 characters, instead of a random one.
        origins: the web pages that may use it, as `origin_patterns` gives them; None for all.

    Raises:
        Invalid: the key is too short, or the source is the platform's own.
    """
    if key is not None and len(key) < 24:
        raise Invalid("A key of your own needs at least 24 characters.")
    check_source(source)
    made = key or _PREFIXES[kind] + secrets.token_urlsafe(24)
    session.execute(
        """
        insert into api_keys (key_hash, workspace_id, kind, name, source, origins)
        values (%s, %s, %s, %s, %s, %s)
        """,
        (_hash(made), workspace_id, kind, name, source, _array(origins)),
    )
    return made


def find_key(session: Connection[Row] | Cursor[Row], key: str) -> Key | None:
    """Whom a key stands for; None if it is unknown or revoked."""
    row = session.execute(
        """
        select k.workspace_id, k.kind, k.source, w.clock, k.origins
        from api_keys as k
        join workspaces as w using (workspace_id)
        where k.key_hash = %s and k.revoked_at is null
        """,
        (_hash(key),),
    ).fetchone()
    if row is None:
        return None
    workspace, kind, source, clock, origins = row
    return Key(workspace, kind, source, clock, _origins(origins))


def pages_admitted(session: Connection[Row] | Cursor[Row]) -> Origins:
    """The patterns of all write keys in use together; None if one of them admits every page."""
    row = session.execute(
        """
        select coalesce(bool_or(k.origins is null), false),
            coalesce(array_agg(distinct o.pattern) filter (where o.pattern is not null), '{}')
        from api_keys as k
        left join lateral unnest(k.origins) as o (pattern) on true
        where k.kind = 'write' and k.revoked_at is null
        """
    ).fetchone()
    return () if row is None else None if row[0] else tuple(row[1])


def admit_pages(
    session: Connection[Row] | Cursor[Row], workspace_id: int, name: str, origins: Origins
) -> None:
    """Say which web pages may use the keys of this name. It takes effect within seconds.

    Raises:
        NotFound: no key in use has this name.
    """
    done = session.execute(
        """
        update api_keys set origins = %s
        where workspace_id = %s and name = %s and revoked_at is null
        """,
        (_array(origins), workspace_id, name),
    )
    if done.rowcount == 0:
        raise NotFound(f"No key in use is called {name!r}.")


def _array(origins: Origins) -> list[str] | None:
    return None if origins is None else list(origins)


def _origins(stored: list[str] | None) -> Origins:
    return None if stored is None else tuple(stored)


def list_keys(session: Connection[Row] | Cursor[Row], workspace_id: int) -> list[KeyListing]:
    """The keys of a workspace, the newest first."""
    found = session.execute(
        """
        select name, kind, source, created_at, revoked_at, origins
        from api_keys where workspace_id = %s
        order by created_at desc, name
        """,
        (workspace_id,),
    )
    return [
        KeyListing(
            name,
            kind,
            source,
            micros(created),
            None if gone is None else micros(gone),
            _origins(origins),
        )
        for name, kind, source, created, gone, origins in found.fetchall()
    ]


def revoke_key(session: Connection[Row] | Cursor[Row], workspace_id: int, name: str) -> None:
    """End every key of this name. Whoever remembers keys forgets them within seconds.

    Raises:
        NotFound: no key in use has this name.
    """
    done = session.execute(
        """
        update api_keys set revoked_at = now()
        where workspace_id = %s and name = %s and revoked_at is null
        """,
        (workspace_id, name),
    )
    if done.rowcount == 0:
        raise NotFound(f"No key in use is called {name!r}.")
