"""A server of one's own, named by URL: the roles are made, or asked for in plain SQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tsunagu.core import Denied, Invalid
from tsunagu.storage import Database, migrate
from tsunagu.storage.account import account_for, binaries, settle


@pytest.fixture
def foreign(open_folder: Path) -> Iterator[str]:
    """The administrator's URL of a fresh server that knows nothing of the platform."""
    account = account_for(open_folder / "foreign")
    folder = settle(open_folder / "foreign", account)
    programs = binaries(folder, account)
    data = folder / "data"
    options = ["-U", "admin", "--auth=trust", "--no-sync", "--encoding=UTF8"]
    made = account.run([str(programs / "initdb"), "-D", str(data), *options], cwd=folder)
    assert made.returncode == 0, made.stdout
    control = [str(programs / "pg_ctl"), "-D", str(data), "-w"]
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    log = str(folder / "log")
    started = account.run([*control, "-l", log, "-o", options, "start"], cwd=folder)
    assert started.returncode == 0, started.stdout
    yield f"postgresql://admin@/postgres?host={folder}"
    account.run([*control, "-m", "immediate", "stop"], cwd=folder)


def prepare(admin: str, login: str) -> Database:
    """What a company's administrator gives: a login and a database."""
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(login.encode())
        connection.execute("create database crm owner guest")
        connection.execute("create database old owner guest encoding 'EUC_JP' template template0")
    return Database(admin.replace("admin@/postgres", "guest@/crm"))


def works(database: Database) -> bool:
    with database.connect("app") as connection:
        connection.execute("insert into workspaces (name) values ('first')")
        row = connection.execute("select current_user, count(*) from workspaces").fetchone()
    return row == ("tsunagu_app", 1)


def test_a_login_that_may_create_roles_needs_nothing_else(foreign: str) -> None:
    database = prepare(foreign, "create role guest login createrole")
    with pytest.raises(Invalid, match="EUC_JP"):
        migrate(Database(database.url.replace("/crm?", "/old?")))
    migrate(database)
    migrate(database)
    assert works(database)


def test_a_login_without_rights_is_told_what_an_administrator_has_to_run(foreign: str) -> None:
    database = prepare(foreign, "create role guest login")
    with pytest.raises(Denied) as refused:
        migrate(database)
    statements = str(refused.value).partition("\n")[2]
    admin = foreign.replace("/postgres?", "/crm?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(statements.encode())
    migrate(database)
    assert works(database)


def test_a_superuser_as_login_still_works_as_a_role_that_is_none(foreign: str) -> None:
    database = prepare(foreign, "create role guest login superuser")
    migrate(database)
    assert works(database)
    with database.connect("pipeline") as connection:
        connection.execute("reset role")
        row = connection.execute(
            "select rolsuper from pg_roles where rolname = current_user"
        ).fetchone()
    assert row == (False,)
