"""Rows of databases: the same story on each one that can run here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy
from sourcing import ORDERS, Shop

from tsunagu.collect.sources import models, sql
from tsunagu.core import Invalid

NOON = datetime(2026, 5, 4, 12)
PAGE = 50


@dataclass
class Theirs:
    """Somebody's database with a table of orders."""

    url: str
    engine: sqlalchemy.Engine
    table: str

    def do(self, statement: str, *rows: dict[str, Any]) -> None:
        """Run a statement about `{t}`, once for each row."""
        with self.engine.begin() as connection:
            text = sqlalchemy.text(statement.format(t=self.table))
            connection.execute(text, list(rows) or None)

    def order(self, *ids: int, minute: int = 0) -> None:
        """Orders that changed at the same moment."""
        at = NOON + timedelta(minutes=minute)
        rows = [{"id": i, "email": f"u{i}@shop.jp", "amount": i, "at": at} for i in ids]
        self.do(
            "insert into {t} (id, email, amount, updated_at) values (:id, :email, :amount, :at)",
            *rows,
        )

    @property
    def settings(self) -> dict[str, Any]:
        told = {"kind": "sql", "url": self.url, "table": self.table}
        return {**told, "cursor": "updated_at"}


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def theirs(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Theirs]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'theirs.db'}"
    elif request.param == "postgresql":
        url = str(request.getfixturevalue("postgres"))
    else:
        url = str(request.getfixturevalue("mariadb"))
    monkeypatch.setattr(sql, "PAGE_ROWS", PAGE)
    settings = models.Sql(kind="sql", url=url, table="x", mode="full")
    engine = sqlalchemy.create_engine(sql.address(settings, None))
    found = Theirs(url, engine, f"orders_{uuid4().hex[:8]}")
    found.do(
        """
        create table {t} (
            id integer primary key, email varchar(80), amount numeric(10, 2),
            updated_at timestamp not null
        )
        """
    )
    yield found
    found.do("drop table {t}")
    engine.dispose()


def test_new_and_changed_rows_come_once(shop: Shop, theirs: Theirs) -> None:
    theirs.order(1, 2, 3)
    shop.add("orders", theirs.settings)
    assert shop.run("orders").counts.events == 3
    assert shop.run("orders").counts.events == 0
    # the same moment as the last one, and a changed row
    theirs.order(4, 5)
    theirs.do("update {t} set amount = 99, updated_at = '2026-05-04 12:30:00' where id = 1")
    ended = shop.run("orders")
    assert (ended.outcome, ended.counts.events) == ("done", 3)
    assert shop.ids("orders") == [1, 1, 2, 3, 4, 5]
    changed = shop.events("orders")[-1]
    assert changed["properties"] == {"id": 1, "amount": 99.0}
    assert changed["anonymous_id"] == "email:u1@shop.jp"
    assert changed["at"].isoformat() == "2026-05-04T12:30:00+00:00"


def test_a_run_that_was_killed_goes_on(
    shop: Shop, theirs: Theirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # two pages and a bit; the page's edge lies within rows of the same moment
    for minute in range(0, 11):
        theirs.order(*range(minute * 1000, minute * 1000 + 1000), minute=minute)
    shop.add("orders", theirs.settings)
    shop.killed("orders", "sources.after_commit", monkeypatch)
    assert len(shop.events("orders")) == models.PAGE_ROWS
    shop.killed("orders", "sources.before_commit", monkeypatch)
    assert len(shop.events("orders")) == models.PAGE_ROWS
    assert shop.run_child("orders").outcome == "done"
    assert len(shop.ids("orders")) == len(set(shop.ids("orders"))) == 11_000
    assert [run.outcome for run in shop.runs("orders")] == ["done", "killed", "killed"]


def test_a_new_column_comes_along(shop: Shop, theirs: Theirs) -> None:
    mapping = {**ORDERS, "events": [{"name": "Order Completed", "keep_others": True}]}
    theirs.order(1)
    shop.add("orders", theirs.settings, mapping)
    shop.run("orders")
    theirs.do("alter table {t} add column shop varchar(20)")
    theirs.order(2, minute=1)
    theirs.do("update {t} set shop = 'Ginza' where id = 2")
    assert shop.run("orders").counts.events == 1
    first, second = shop.events("orders")
    assert "shop" not in first["properties"]
    assert second["properties"]["shop"] == "Ginza"


def test_a_column_that_is_gone_stops_the_source_and_says_so(shop: Shop, theirs: Theirs) -> None:
    theirs.order(1)
    shop.add("orders", theirs.settings)
    shop.run("orders")
    theirs.do("alter table {t} drop column amount")
    theirs.do("insert into {t} (id, email, updated_at) values (2, 'b@x.jp', '2026-05-04 13:00')")
    ended = shop.run("orders")
    assert ended.outcome == "failed"
    assert "amount" in (ended.error or "")
    # the cursor stands where it stood: what was missed comes once the column is back
    theirs.do("alter table {t} add column amount numeric(10, 2)")
    assert shop.run("orders").counts.events == 1
    assert shop.ids("orders") == [1, 2]


def test_a_cursor_that_is_gone_is_named(shop: Shop, theirs: Theirs) -> None:
    theirs.order(1)
    shop.add("orders", {**theirs.settings, "cursor": "changed_at"})
    ended = shop.run("orders")
    assert ended.outcome == "failed"
    assert "changed_at" in (ended.error or "")


def test_a_changed_type_goes_on(shop: Shop, theirs: Theirs) -> None:
    theirs.order(1)
    mapping = {
        **ORDERS,
        "events": [
            {
                "name": "Order Completed",
                "properties": {"id": "id", "amount": {"column": "amount", "type": "number"}},
            }
        ],
    }
    shop.add("orders", theirs.settings, mapping)
    shop.run("orders")
    theirs.do("alter table {t} drop column amount")
    theirs.do("alter table {t} add column amount varchar(20)")
    rows = [
        {"id": 2, "amount": "1,200", "at": NOON + timedelta(minutes=2)},
        {"id": 3, "amount": "many", "at": NOON + timedelta(minutes=3)},
    ]
    theirs.do(
        "insert into {t} (id, email, amount, updated_at) values (:id, 'x@x.jp', :amount, :at)",
        *rows,
    )
    ended = shop.run("orders")
    assert (ended.outcome, ended.counts.events, ended.counts.refused) == ("done", 1, 1)
    assert shop.events("orders")[-1]["properties"]["amount"] == 1200
    [(reason, row)] = shop.letters("orders")
    assert "amount" in reason
    assert '"many"' in row


def test_a_whole_table_is_compared(shop: Shop, theirs: Theirs) -> None:
    settings = {**theirs.settings, "mode": "full", "cursor": None}
    mapping = {name: told for name, told in ORDERS.items() if name != "message_id"}
    theirs.order(*range(120))
    shop.add("orders", settings, mapping)
    assert shop.run("orders").counts.events == 120
    ended = shop.run("orders")
    assert (ended.counts.events, ended.counts.known) == (0, 120)
    theirs.do("update {t} set amount = 7 where id = 100")
    theirs.order(500)
    assert shop.run("orders").counts.events == 2


@pytest.mark.parametrize("theirs", ["sqlite"], indirect=True)
def test_a_killed_comparison_counts_nothing_twice(
    shop: Shop, theirs: Theirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs.order(*range(6000))
    shop.add("orders", {**theirs.settings, "mode": "full", "cursor": None})
    shop.killed("orders", "sources.after_commit", monkeypatch)
    ended = shop.run("orders")
    assert (ended.counts.events, ended.counts.known) == (1000, 5000)
    assert len(set(shop.ids("orders"))) == 6000


def test_an_empty_cursor_is_refused_or_skipped(shop: Shop, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'holes.db'}"
    theirs = Theirs(url, sqlalchemy.create_engine(url), "orders")
    theirs.do("create table {t} (id integer, email text, amount integer, updated_at timestamp)")
    theirs.order(1)
    theirs.do("insert into {t} (id, email) values (2, 'b@x.jp')")
    shop.add("orders", theirs.settings)
    assert "empty_cursor: skip" in (shop.run("orders").error or "")
    shop.add("orders", {**theirs.settings, "empty_cursor": "skip"})
    assert shop.run("orders").outcome == "done"
    assert shop.ids("orders") == [1]


@pytest.mark.parametrize("theirs", ["postgresql"], indirect=True)
def test_late_rows_come_within_the_lag(shop: Shop, theirs: Theirs) -> None:
    theirs.order(1, minute=10)
    shop.add("orders", {**theirs.settings, "lag": 600})
    shop.run("orders")
    theirs.order(2, minute=5)  # a transaction that was slow to commit
    shop.run("orders")
    assert set(shop.ids("orders")) == {1, 2}


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("mssql://reader@db.example/crm?driver=ODBC+Driver+18+for+SQL+Server", "mssql+pyodbc"),
        ("oracle://reader@db.example/?service_name=crm", "oracle+oracledb"),
        ("postgresql://reader@db.example/shop", "postgresql+psycopg"),
        ("mysql://reader@db.example/shop", "mysql+pymysql"),
    ],
)
def test_what_cannot_run_here_is_at_least_understood(shop: Shop, url: str, driver: str) -> None:
    settings = models.Sql(kind="sql", url=url, table="contacts", mode="full")
    found = sql.address(settings, "s3cret")
    assert (found.drivername, found.password) == (driver, "s3cret")
    assert found.get_dialect() is not None
    shop.add("far", settings.model_dump(exclude_none=True, by_alias=True))


def test_a_missing_driver_is_named(shop: Shop) -> None:
    shop.add("far", {"kind": "sql", "url": "oracle://u@db/x", "table": "t", "mode": "full"})
    ended = shop.run("far")
    assert "pip install oracledb" in (ended.error or "")


def test_the_installations_own_database_is_closed(shop: Shop) -> None:
    shop.forbidden = (str(shop.home), "/run/ours")
    for url in ("postgresql://tsunagu@/tsunagu?host=/run/ours", f"sqlite:///{shop.home}/x.db"):
        shop.add("own", {"kind": "sql", "url": url, "table": "profiles", "mode": "full"})
        assert "this installation" in (shop.run("own").error or "")


def test_a_cursor_needs_a_mode() -> None:
    with pytest.raises(ValueError, match="needs `cursor`"):
        models.Sql(kind="sql", url="sqlite://", table="t")


def test_no_url_is_no_source(shop: Shop) -> None:
    with pytest.raises(Invalid, match="database URL"):
        sql.address(models.Sql(kind="sql", url="nonsense", table="t", mode="full"), None)
