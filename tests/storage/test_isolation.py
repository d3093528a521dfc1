"""Two workspaces cannot see each other, in any table; no role has more than it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from tsunagu.storage import Database, in_workspace, migrate

OPEN = {"workspaces", "api_keys", "operators", "processes", "alembic_version"}
LOG = {"inbox", "seen_messages", "left_out"}
# What a collector may read, of one workspace at a time: where webhooks come in.
DOORS = {"webhook_doors", "webhook_calls"}

# A value of each type that stands in the tables, to fill a row of any of them.
SAMPLES: dict[str, Any] = {
    "integer": 1,
    "bigint": 1,
    "text": "queued",
    "timestamp with time zone": "2026-01-01T00:00:00Z",
    "boolean": True,
    "jsonb": "{}",
    "bytea": b"x",
    "uuid": "00000000-0000-0000-0000-000000000001",
    "double precision": 0.5,
    "ARRAY": [],
    "int8multirange": "{}",
    "date": "2026-01-01",
}
WORDS = {("enrolments", "arm"): "treated", ("enrolments", "status"): "active"} | {
    ("definitions", "status"): "draft",
    ("dead_letters", "state"): "open",
    ("plan_violations", "action"): "observe",
    ("source_files", "status"): "done",
    ("source_runs", "outcome"): "done",
    ("letter_jobs", "action"): "replay",
    ("letter_jobs", "state"): "done",
    ("loads", "state"): "done",
    ("query_runs", "outcome"): "done",
    ("replays", "state"): "ready",
    ("held_identifiers", "reason"): "blocked",
    ("identity_edges", "kind"): "observed",
    ("match_plans", "status"): "planned",
    ("match_changes", "action"): "merge",
    ("match_reviews", "status"): "open",
}


def tables(connection: Connection[Any]) -> set[str]:
    found = connection.execute(
        """
        select relname from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
            and not relispartition
        """
    )
    return {name for (name,) in found.fetchall()}


def fill(connection: Connection[Any], table: str, workspace: int) -> None:
    """Insert one row with a value in every column that wants one."""
    with in_workspace(connection, workspace) as cursor:
        wanted = cursor.execute(
            """
            select column_name, data_type from information_schema.columns
            where table_schema = 'public' and table_name = %s and is_nullable = 'NO'
                and is_identity = 'NO' and column_name <> 'workspace_id'
            """,
            (table,),
        ).fetchall()
        values = [WORDS.get((table, name), SAMPLES[kind]) for name, kind in wanted]
        cursor.execute(
            sql.SQL("insert into {} ({}) values ({}) on conflict do nothing").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, [n for n, _ in wanted] + ["workspace_id"])),
                sql.SQL(", ").join([sql.Placeholder()] * (len(wanted) + 1)),
            ),
            [*values, workspace],
        )


def count(connection: Connection[Any], table: str, workspace: int | None) -> int:
    # the installation's own acts in the audit log have no workspace
    query = sql.SQL("select count(workspace_id) from {}").format(sql.Identifier(table))
    if workspace is None:
        row = connection.execute(query).fetchone()
    else:
        with in_workspace(connection, workspace) as cursor:
            row = cursor.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_two_workspaces_cannot_see_each_other_in_any_table(
    database: Database, make_workspace: Callable[..., int]
) -> None:
    ours, theirs = make_workspace(), make_workspace()
    with database.connect("pipeline") as pipeline, database.connect("app") as app:
        closed = tables(app) - OPEN - LOG
        assert {"profiles", "outbox", "dead_letters", "audit_log", "timeline"} <= closed
        for table in sorted(closed):
            fill(pipeline, table, theirs)
            assert count(app, table, theirs) > 0, table
            for session in (pipeline, app):
                seen = count(session, table, ours)
                assert seen == (2 if table == "cursors" else 0), table
                assert count(session, table, None) == 0, table
            update = sql.SQL("update {} set workspace_id = workspace_id")
            if table != "audit_log":
                with in_workspace(pipeline, ours) as cursor:
                    cursor.execute(update.format(sql.Identifier(table)))
                    assert cursor.rowcount == seen, table


def test_a_row_cannot_be_written_into_another_workspace(
    database: Database, make_workspace: Callable[..., int]
) -> None:
    ours, theirs = make_workspace(), make_workspace()
    with (
        database.connect("pipeline") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        in_workspace(connection, ours) as cursor,
    ):
        cursor.execute(
            "insert into suppressions values (%s, 'email', 'a@example.com', 'test', now())",
            (theirs,),
        )


def test_every_table_and_partition_is_forced_or_named(database: Database) -> None:
    with database.connect("owner") as connection:
        found = connection.execute(
            """
            select c.relname, coalesce(p.relname, c.relname),
                c.relrowsecurity and c.relforcerowsecurity
            from pg_class as c
            left join pg_inherits as i on i.inhrelid = c.oid
            left join pg_class as p on p.oid = i.inhparent
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            """
        ).fetchall()
    forced = {name: safe for name, rule_of, safe in found if rule_of not in OPEN | LOG}
    assert forced
    assert all(forced.values()), [name for name, safe in forced.items() if not safe]


def test_the_log_is_closed_to_the_app_and_unreadable_to_collectors(database: Database) -> None:
    with database.connect("app") as app, database.connect("ingest") as ingest:
        for table in LOG:
            for session in (app, ingest):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    count(session, table, None)
        for table in tables(app) - LOG - OPEN - DOORS:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                count(ingest, table, None)


def test_neither_login_nor_roles_are_superusers(database: Database) -> None:
    with database.connect("app") as connection:
        found = connection.execute(
            """
            select rolname, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb
            from pg_roles where rolname = session_user or rolname like 'tsunagu%'
            """
        ).fetchall()
        assert dict(found) == dict.fromkeys(
            ["tsunagu", *(f"tsunagu_{r}" for r in ("owner", "ingest", "pipeline", "app"))], False
        )
        connection.execute("reset role")
        row = connection.execute("select current_user").fetchone()
    assert row == ("tsunagu_app",)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database.url, user="postgres", dbname="postgres")


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)
    migrate(database)


def test_the_audit_log_only_grows(database: Database, workspace: int) -> None:
    for role in ("app", "pipeline"):
        with (
            database.connect(role) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            in_workspace(connection, workspace) as cursor,
        ):
            cursor.execute("delete from audit_log")
