"""The lake keeps what was known of each customer when, and writes only what is new."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from psycopg import Connection
from psycopg.types.json import Jsonb

from tsunagu.access import set_clock
from tsunagu.core.times import DAY, HOUR, moment, parse_time
from tsunagu.eventlog import request_flush, run_lake
from tsunagu.profiles import write_customers
from tsunagu.storage import Database, Row, in_workspace
from tsunagu.storage.lake import LakeReader

NOON = parse_time("2026-05-01T12:00:00Z")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def shop(make_workspace: Callable[..., int]) -> int:
    """A workspace whose time a test moves."""
    return make_workspace(clock="driven", clock_now=NOON)


def know(database: Database, shop: int, customer: int, **traits: Any) -> None:
    """Have the pipeline's tables say this of a customer, as after another batch."""
    row = (shop, customer, Jsonb(traits), moment(NOON - DAY), moment(NOON))
    with database.connect("pipeline") as connection, in_workspace(connection, shop) as cursor:
        cursor.execute(
            """
            insert into customers values (%s, %s, 'user_id', %s, 1, now()) on conflict do nothing
            """,
            (shop, customer, f"u{customer}"),
        )
        cursor.execute(
            """
            insert into profiles (
                workspace_id, customer_id, traits, first_seen, last_seen, audiences, state,
                events, position
            )
            values (%s, %s, %s, %s, %s, '{loyal,"with, comma"}', '', 1, 1)
            on conflict (workspace_id, customer_id) do update set traits = excluded.traits
            """,
            row,
        )
        batch(cursor, shop)


def merge(database: Database, shop: int, loser: int, survivor: int) -> None:
    with database.connect("pipeline") as connection, in_workspace(connection, shop) as cursor:
        cursor.execute(
            "update customers set merged_into = %s where workspace_id = %s and customer_id = %s",
            (survivor, shop, loser),
        )
        cursor.execute("delete from profiles where customer_id = %s", (loser,))
        batch(cursor, shop)


def batch(cursor: Any, shop: int) -> None:
    cursor.execute(
        "update cursors set position = position + 1 where workspace_id = %s"
        " and consumer = 'pipeline'",
        (shop,),
    )


def write_at(connection: Connection[Row], lake: Path, shop: int, at: int) -> bool:
    with in_workspace(connection, shop) as cursor:
        set_clock(cursor, shop, at)
    return write_customers(connection, lake, shop)


def ask(lake: Path, shop: int, question: str) -> list[Any]:
    with LakeReader(lake, shop) as reader:
        return reader.connection.execute(question).fetchall()


def test_each_change_is_a_version_and_nothing_is_copied_again(
    database: Database, shop: int, lake: Path
) -> None:
    with database.connect("pipeline") as connection:
        for customer in range(1, 6):
            know(database, shop, customer, city="Osaka", n=customer)
        assert write_at(connection, lake, shop, NOON)
        assert not write_at(connection, lake, shop, NOON + HOUR)
        know(database, shop, 2, city="Kyoto", n=2)
        know(database, shop, 3, city="Osaka", n=3)  # written anew, and says the same
        assert write_at(connection, lake, shop, NOON + 2 * HOUR)
    stored = DeltaTable(str(lake / str(shop) / "customers")).to_pyarrow_table()
    assert stored.num_rows == 6
    history = ask(
        lake,
        shop,
        "select traits->>'city', epoch_us(valid_from), epoch_us(valid_to), audiences"
        " from customer_history where customer_id = 2 order by valid_from",
    )
    audiences = ["loyal", "with, comma"]
    assert history == [
        ("Osaka", NOON, NOON + 2 * HOUR, audiences),
        ("Kyoto", NOON + 2 * HOUR, None, audiences),
    ]
    cities = "select traits->>'city', count(*) from {} group by 1 order by 1"
    assert ask(lake, shop, cities.format("customers")) == [("Kyoto", 1), ("Osaka", 4)]
    then = cities.format(f"customers_known_at('{moment(NOON + HOUR).isoformat()}')")
    assert ask(lake, shop, then) == [("Osaka", 5)]


def test_a_merged_customer_stays_in_the_history_only(
    database: Database, shop: int, lake: Path
) -> None:
    with database.connect("pipeline") as connection:
        know(database, shop, 1, name="A")
        know(database, shop, 2, name="B")
        write_at(connection, lake, shop, NOON)
        merge(database, shop, 2, 1)
        write_at(connection, lake, shop, NOON + HOUR)
    assert ask(lake, shop, "select customer_id from customers") == [(1,)]
    then = "select customer_id from customers_known_at('2026-05-01 12:30:00Z') order by 1"
    assert ask(lake, shop, then) == [(1,), (2,)]
    versions = "select traits->>'name', merged_into from customer_history where customer_id = 2"
    assert ask(lake, shop, versions + " order by valid_from") == [("B", None), (None, 1)]


def test_a_restored_database_is_compared_whole(database: Database, shop: int, lake: Path) -> None:
    with database.connect("pipeline") as connection:
        for customer in range(1, 4):
            know(database, shop, customer, n=customer)
        write_at(connection, lake, shop, NOON)
        with in_workspace(connection, shop) as cursor:
            cursor.execute(
                """
                update lake_tasks set mark = jsonb_set(
                    jsonb_set(mark::jsonb, '{system}', '1'), '{horizon}', '9000000000000'
                )::text
                where task = 'customers'
                """
            )
        know(database, shop, 3, n=33)
        write_at(connection, lake, shop, NOON + HOUR)
    assert ask(lake, shop, "select count(*) from customer_history") == [(4,)]


CRASH = """
import sys
from pathlib import Path
from tsunagu.profiles import write_customers
from tsunagu.storage import Database
with Database(sys.argv[1]).connect("pipeline") as connection:
    write_customers(connection, Path(sys.argv[2]), int(sys.argv[3]))
"""


@pytest.mark.parametrize("place", ["lake.customers.written", "lake.customers.committed"])
def test_a_kill_leaves_no_version_out_and_none_twice(
    database: Database, shop: int, lake: Path, place: str
) -> None:
    for customer in range(1, 8):
        know(database, shop, customer, n=customer)
    command = [sys.executable, "-c", CRASH, database.url, str(lake), str(shop)]
    died = subprocess.run(command, env={**os.environ, "TSUNAGU_FAILPOINT": place}, check=False)
    assert died.returncode == -signal.SIGKILL
    subprocess.run(command, check=True)
    found = ask(lake, shop, "select customer_id from customer_history order by 1")
    assert found == [(customer,) for customer in range(1, 8)]


def test_the_lake_role_writes_customers_beside_the_events(
    database: Database, shop: int, lake: Path
) -> None:
    know(database, shop, 1, city="Osaka")
    stop = threading.Event()
    role = threading.Thread(
        target=run_lake, args=(database, lake, stop), kwargs={"snapshots": (write_customers,)}
    )
    role.start()
    try:
        with database.connect("app") as connection:
            request_flush(connection, shop, timeout=30)
            assert ask(lake, shop, "select traits->>'city' from customers") == [("Osaka",)]
            know(database, shop, 1, city="Kobe")
            request_flush(connection, shop, timeout=30)
    finally:
        stop.set()
        role.join()
    assert ask(lake, shop, "select traits->>'city' from customers") == [("Kobe",)]
    assert ask(lake, shop, "select count(*) from customer_history") == [(2,)]
