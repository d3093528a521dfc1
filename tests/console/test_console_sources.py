"""The sources page: what one sees of a source, and how a new one is tried and added."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml
from browsing import OpenPage, Site
from playwright.sync_api import expect

from tsunagu.access import workspace_by_id
from tsunagu.collect.sources import Vault, put_source, remove, standing
from tsunagu.collect.sources.running import Errand, run_source
from tsunagu.storage import Database, in_workspace

MAPPING = {
    "name": "orders",
    "message_id": ["id", "updated_at"],
    "at": "updated_at",
    "identifiers": {"email": "email"},
    "events": [{"name": "Order Completed", "properties": {"amount": "amount"}}],
}


class Theirs:
    """Sources of the seeded workspace."""

    def __init__(self, database: Database, site: Site, folder: Path) -> None:
        self.database = database
        self.workspace = site.seeded.workspace_id
        self.vault = Vault(site.home)
        self.file = folder / "theirs.db"
        with sqlite3.connect(self.file) as made:
            made.execute("create table orders (id int, email text, amount int, updated_at text)")
            made.executemany(
                "insert into orders values (?, 'hana@shop.jp', 1200, '2026-05-04 12:00:00')",
                [(number,) for number in range(3)],
            )

    def add(self, name: str, settings: dict[str, Any], **secrets: str) -> None:
        document = {"from": settings, "mapping": MAPPING, "schedule": {"every": "15 minutes"}}
        with (
            self.database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            found = workspace_by_id(cursor, self.workspace)
            put_source(cursor, found, name, document, secrets, self.vault, "test")

    def run(self, name: str) -> None:
        errand = Errand(self.workspace, name, "schedule")
        run_source(self.database, self.vault, errand, Event(), lambda _: None)

    @property
    def table(self) -> dict[str, Any]:
        url = f"sqlite:///{self.file}"
        return {"kind": "sql", "url": url, "table": "orders", "cursor": "updated_at"}


@pytest.fixture
def theirs(database: Database, site: Site, tmp_path: Path) -> Iterator[Theirs]:
    found = Theirs(database, site, tmp_path)
    yield found
    with (
        database.connect("app") as connection,
        in_workspace(connection, found.workspace) as cursor,
    ):
        names = cursor.execute("select name from sources").fetchall()
        for (name,) in names:
            remove(cursor, found.workspace, name)


def test_no_source_yet(theirs: Theirs, signed_in: OpenPage) -> None:
    page = signed_in("data/sources", language="ja")
    expect(page.locator(".main")).to_contain_text("取り込み元がまだありません")
    assert signed_in("data/sources", width=390).locator(".main").inner_text()


def test_a_source_with_its_error_and_runs(theirs: Theirs, signed_in: OpenPage) -> None:
    theirs.add("shop", theirs.table)
    theirs.add("crm", {**theirs.table, "table": "contacts"}, token="never-shown")
    theirs.run("shop")
    theirs.run("crm")
    page = signed_in("data/sources")
    rows = page.locator(".row-link")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="shop")).to_contain_text("3 events today")
    rows.filter(has_text="crm").click()
    detail = page.locator(".detail-side")
    expect(detail.get_by_role("alert")).to_contain_text("no such table")
    expect(detail).to_contain_text("Run now")
    expect(detail.locator("table")).to_contain_text("Failed")
    assert "never-shown" not in page.content()
    wide = signed_in("data/sources/shop", language="ja", width=390)
    expect(wide.locator(".detail-side")).to_contain_text("完了")
    over = wide.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert over <= 0


def test_pause_resume_and_run_now(theirs: Theirs, signed_in: OpenPage) -> None:
    theirs.add("shop", theirs.table)
    page = signed_in("data/sources/shop")
    detail = page.locator(".detail-side")
    detail.get_by_role("button", name="Pause").click()
    expect(detail).to_contain_text("Paused")
    detail.get_by_role("button", name="Resume").click()
    expect(detail.get_by_role("button", name="Pause")).to_be_visible()
    detail.get_by_role("button", name="Run now").click()
    expect(page.locator("body")).to_contain_text("begin in a moment")
    with (
        theirs.database.connect("app") as connection,
        in_workspace(connection, theirs.workspace) as cursor,
    ):
        assert standing(cursor, theirs.workspace, "shop").asked_by is not None


def test_a_new_source_is_tried_and_saved(theirs: Theirs, signed_in: OpenPage) -> None:
    page = signed_in("data/sources")
    page.get_by_role("button", name="Add a source").click()
    form = page.locator(".dialog")
    form.get_by_label("Name (small letters").fill("shop")
    form.get_by_label("Database URL").fill(f"sqlite:///{theirs.file}")
    form.get_by_label("Table or view").fill("contacts")
    form.get_by_label("Mapping (YAML)").fill(yaml.safe_dump(MAPPING))
    form.get_by_role("button", name="Try it").click()
    expect(form.get_by_role("alert")).to_contain_text("contacts", timeout=30_000)
    form.get_by_label("Table or view").fill("orders")
    form.get_by_label("Column that grows").fill("updated_at")
    form.get_by_role("button", name="Try it").click()
    expect(form).to_contain_text("email:hana@shop.jp", timeout=30_000)
    form.get_by_role("button", name="Save").click()
    expect(page.locator(".detail-side")).to_contain_text("Every 15 minutes")
