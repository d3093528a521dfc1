"""The first start: a workspace, an operator and keys, so that a fresh installation has ways in.

The password and keys exist in readable form only here, to be shown once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from tsunagu.access import (
    audit,
    create_key,
    create_operator,
    create_workspace,
    list_workspaces,
    operators_exist,
)
from tsunagu.runtime.settings import Settings
from tsunagu.storage import Database

WORKSPACE = "main"
OPERATOR = "admin"
_FIRST_START = 0x66697273  # "firs"


@dataclass(frozen=True)
class WaysIn:
    """What the person who started the installation has to keep."""

    workspace: str
    operator: str
    password: str = field(repr=False)
    write_key: str = field(repr=False)
    api_key: str = field(repr=False)


def new_password() -> str:
    """A password that can be read out and typed: 96 random bits in groups."""
    letters = secrets.token_hex(12)
    return "-".join(letters[at : at + 6] for at in range(0, len(letters), 6))


def first_start(database: Database, settings: Settings) -> WaysIn | None:
    """Makes the ways in, in one transaction; None when somebody has been here before."""
    with database.connect("app") as connection, connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (_FIRST_START,))
        if operators_exist(connection) or list_workspaces(connection):
            return None
        workspace = create_workspace(
            connection, WORKSPACE, zone=settings.zone, currency=settings.currency
        )
        password = new_password()
        create_operator(connection, OPERATOR, password)
        write_key = create_key(connection, workspace, "write", "first", "api")
        api_key = create_key(connection, workspace, "api", "first", "api")
        with connection.cursor() as cursor:
            audit(cursor, workspace, "tsunagu", "first start", WORKSPACE)
    return WaysIn(WORKSPACE, OPERATOR, password, write_key, api_key)
