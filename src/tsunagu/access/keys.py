"""API keys, operators and the audit log. Keys are random, shown once, and stored as a hash."""

from __future__ import annotations

import secrets
from functools import cache
from hashlib import sha256

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from psycopg import Connection, Cursor, errors

from tsunagu.access.models import Key, KeyKind, KeyListing, Operator
from tsunagu.core import Invalid, Json, NotFound
from tsunagu.core.times import micros
from tsunagu.storage import Row

_PREFIXES: dict[KeyKind, str] = {"write": "tsw_", "api": "tsa_"}
_SHORTEST_PASSWORD = 8


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
) -> str:
    """Make a key and return it: it is shown this once.

    Args:
        kind: `write` for events, `api` for reading profiles and sending.
        source: what its events say they come from, such as `web` or `pos`.
        key: a key chosen by the caller, at least 24 characters, instead of a random one.
    """
    if key is not None and len(key) < 24:
        raise Invalid("A key of your own needs at least 24 characters.")
    made = key or _PREFIXES[kind] + secrets.token_urlsafe(24)
    session.execute(
        """
        insert into api_keys (key_hash, workspace_id, kind, name, source)
        values (%s, %s, %s, %s, %s)
        """,
        (_hash(made), workspace_id, kind, name, source),
    )
    return made


def find_key(session: Connection[Row] | Cursor[Row], key: str) -> Key | None:
    """Whom a key stands for; None if it is unknown or revoked."""
    row = session.execute(
        """
        select k.workspace_id, k.kind, k.source, w.clock
        from api_keys as k
        join workspaces as w using (workspace_id)
        where k.key_hash = %s and k.revoked_at is null
        """,
        (_hash(key),),
    ).fetchone()
    return None if row is None else Key(*row)


def list_keys(session: Connection[Row] | Cursor[Row], workspace_id: int) -> list[KeyListing]:
    """The keys of a workspace, the newest first."""
    found = session.execute(
        """
        select name, kind, source, created_at, revoked_at
        from api_keys where workspace_id = %s
        order by created_at desc, name
        """,
        (workspace_id,),
    )
    return [
        KeyListing(name, kind, source, micros(created), None if gone is None else micros(gone))
        for name, kind, source, created, gone in found.fetchall()
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


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)


def create_operator(session: Connection[Row] | Cursor[Row], name: str, password: str) -> None:
    """Let a person sign in to the console.

    Raises:
        Invalid: the name is taken or the password too short.
    """
    if len(password) < _SHORTEST_PASSWORD:
        raise Invalid(f"A password needs at least {_SHORTEST_PASSWORD} characters.")
    try:
        session.execute(
            "insert into operators (name, password_hash) values (%s, %s)",
            (name, _hasher().hash(password)),
        )
    except errors.UniqueViolation:
        raise Invalid(f"There is already an operator called {name!r}.") from None


def verify_operator(session: Connection[Row] | Cursor[Row], name: str, password: str) -> bool:
    """Whether name and password belong together; takes as long for an unknown name."""
    row = session.execute("select password_hash from operators where name = %s", (name,)).fetchone()
    try:
        _hasher().verify(row[0] if row else _nobodys_hash(), password)
    except VerifyMismatchError:
        return False
    return row is not None


@cache
def _nobodys_hash() -> str:
    return _hasher().hash(secrets.token_hex(16))


def operators_exist(session: Connection[Row] | Cursor[Row]) -> bool:
    """Whether anybody can sign in yet."""
    return session.execute("select from operators limit 1").fetchone() is not None


def list_operators(session: Connection[Row] | Cursor[Row]) -> list[Operator]:
    """Who can sign in, by name."""
    found = session.execute("select name, created_at from operators order by name")
    return [Operator(name, micros(created)) for name, created in found.fetchall()]


def revoke_operator(session: Connection[Row] | Cursor[Row], name: str) -> None:
    """Let a person no longer sign in.

    Raises:
        NotFound: there is no such operator.
        Invalid: it is the last one; nobody could sign in any more.
    """
    session.execute("select from operators order by operator_id for update")
    names = [operator.name for operator in list_operators(session)]
    if name not in names:
        raise NotFound(f"There is no operator called {name!r}.")
    if len(names) == 1:
        raise Invalid(f"{name!r} is the last operator. Create another one first.")
    session.execute("delete from operators where name = %s", (name,))


def audit(
    cursor: Cursor[Row],
    workspace_id: int | None,
    actor: str,
    action: str,
    subject: str,
    detail: Json | None = None,
) -> None:
    """Note who did what to what; part of the caller's transaction, in that workspace."""
    cursor.execute(
        """
        insert into audit_log (workspace_id, actor, action, subject, detail)
        values (%s, %s, %s, %s, %s)
        """,
        (workspace_id, actor, action, subject, msgspec.json.encode(detail or {}).decode()),
    )
