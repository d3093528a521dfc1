"""The platform's PostgreSQL roles. None is a superuser, none can log in.

`owner` holds the tables and runs migrations; `ingest` writes the inbox; `pipeline` moves a
workspace's state (pipeline, senders, lake writer); `app` is the console and the APIs. The
login may become each of them but has no rights of its own.
"""

from __future__ import annotations

from psycopg import Connection, errors, sql

from tsunagu.core import Denied, Invalid
from tsunagu.storage.database import Row

ROLES = ("tsunagu_owner", "tsunagu_ingest", "tsunagu_pipeline", "tsunagu_app")
# The first with identity columns on partitioned tables.
_OLDEST_SERVER = 170_000


def setup_sql(login: str) -> str:
    """What an administrator runs once, connected to the database the platform shall use."""
    names = ", ".join(ROLES)
    lines = [f"create role {role} nologin noinherit;" for role in ROLES]
    lines.append(f'grant {names} to "{login}" with inherit false, set true;')
    lines.append("grant usage, create on schema public to tsunagu_owner;")
    lines.append(f"grant usage on schema public to {names};")
    return "\n".join(lines)


def ensure_roles(connection: Connection[Row]) -> None:
    """Create the roles, or find them there and open to this login.

    Args:
        connection: of the login itself, under no role, in autocommit.

    Raises:
        Invalid: the server is too old or the database is not in UTF-8.
        Denied: the login may not; the message holds the SQL for an administrator.
    """
    _check_server(connection)
    row = connection.execute("select current_user").fetchone()
    login = str(row[0]) if row else ""
    if _ready(connection):
        return
    names = sql.SQL(", ").join(map(sql.Identifier, ROLES))
    try:
        with connection.transaction():
            for role in ROLES:
                _create(connection, role)
            connection.execute(
                sql.SQL("grant {} to {} with inherit false, set true").format(
                    names, sql.Identifier(login)
                )
            )
            connection.execute("grant usage, create on schema public to tsunagu_owner")
            connection.execute(sql.SQL("grant usage on schema public to {}").format(names))
    except errors.InsufficientPrivilege as refused:
        raise Denied(
            f"The login {login!r} may not create the platform's roles "
            f"({refused.diag.message_primary}). Let an administrator run this in the "
            f"database, then start again:\n{setup_sql(login)}"
        ) from refused


def _check_server(connection: Connection[Row]) -> None:
    found = connection.info.server_version
    if found < _OLDEST_SERVER:
        raise Invalid(
            f"The server is PostgreSQL {found // 10_000}; {_OLDEST_SERVER // 10_000} or newer is "
            "needed. Upgrade it, or leave TSUNAGU_DATABASE_URL out to use the embedded one."
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise Invalid(
            f"The database is in {encoding}. Create it anew: "
            "create database tsunagu encoding 'UTF8' template template0"
        )


def _ready(connection: Connection[Row]) -> bool:
    row = connection.execute(
        """
        select count(*) filter (where pg_has_role(rolname, 'set')) = %s
            and bool_and(has_schema_privilege(oid, 'public', 'usage'))
            and bool_or(
                rolname = 'tsunagu_owner' and has_schema_privilege(oid, 'public', 'create')
            )
        from pg_roles
        where rolname = any(%s)
        """,
        (len(ROLES), list(ROLES)),
    ).fetchone()
    return bool(row and row[0])


def _create(connection: Connection[Row], role: str) -> None:
    found = connection.execute("select from pg_roles where rolname = %s", (role,)).fetchone()
    if found is None:
        connection.execute(sql.SQL("create role {} nologin noinherit").format(sql.Identifier(role)))
