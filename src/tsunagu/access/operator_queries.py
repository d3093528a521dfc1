"""Operators, who sign in to the console, and the log of what they did."""

from __future__ import annotations

import secrets
from functools import cache

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from psycopg import Connection, Cursor, errors

from tsunagu.access.models import Operator
from tsunagu.core import Invalid, Json, NotFound
from tsunagu.core.times import micros
from tsunagu.storage import Row

_SHORTEST_PASSWORD = 8


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
