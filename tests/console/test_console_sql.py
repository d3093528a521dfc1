"""Analysts ask the lake in the console, see rows and charts, and keep their questions."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
from browsing import OpenPage, Site
from playwright.sync_api import Page, expect

from tsunagu.analysis import Column
from tsunagu.console.sql_chart import picture
from tsunagu.core.times import DAY, parse_time
from tsunagu.storage.lake import EVENTS, LakeTable, events_from_csv

START = parse_time("2017-11-20T10:00:00Z")
NAMES = ("Page Viewed", "Order Completed", "Coupon Redeemed")


@pytest.fixture(scope="module")
def lake(site: Site) -> None:
    """Three weeks of events in the lake of the seeded workspace."""
    home = site.home / "lake" / str(site.seeded.workspace_id)
    home.mkdir(parents=True)
    rows = [
        f'{n},{at},{at},{at},m{n},track,{NAMES[n % 3]},u{n % 9},,web,"{{}}"\n'
        for n, at in enumerate(START + (n % 21) * DAY for n in range(400))
    ]
    (home / "events.csv").write_text("".join(rows))
    table = LakeTable(home / EVENTS.name, EVENTS)
    table.commit(1, events_from_csv(home / "events.csv", table.folder, home))


def write(page: Page, text: str) -> None:
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def ask(page: Page, text: str) -> None:
    write(page, text)
    page.wait_for_timeout(300)
    page.keyboard.press("Control+Enter")


@pytest.mark.usefixtures("lake")
def test_rows_a_chart_and_a_file(signed_in: OpenPage) -> None:
    page = signed_in("data/sql")
    ask(page, "select date_trunc('day', known_at) as day, count(*) as n from events group by 1")
    expect(page.locator(".sql-answer")).to_be_visible(timeout=20_000)
    expect(page.locator(".sql-answer")).to_contain_text("21 rows")
    expect(page.locator(".sql-table tbody tr")).to_have_count(21)
    with page.expect_download() as download:
        page.get_by_text("Download CSV").click()
    stored = list(csv.reader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    assert stored[0] == ["day", "n"]
    assert sum(int(n) for _, n in stored[1:]) == 400
    page.get_by_role("button", name="Chart", exact=True).click()
    expect(page.locator(".sql-chart svg")).to_be_visible()
    expect(page.locator(".sql-chart")).to_contain_text("Highest at")
    expect(page.locator(".sql-list").nth(1)).to_contain_text("select date_trunc")


@pytest.mark.usefixtures("lake")
def test_a_question_is_saved_chosen_and_removed(signed_in: OpenPage) -> None:
    page = signed_in("data/sql", "ja")
    write(page, "select 41 + 1 as answer")
    page.wait_for_timeout(300)
    page.get_by_text("名前を付けて保存").click()
    page.locator(".dialog input").fill("こたえ")
    page.get_by_role("button", name="保存する").click()
    expect(page.locator(".sql-line")).to_contain_text("こたえ")
    write(page, "select 1")
    page.locator(".sql-line .sql-choice").click()
    expect(page.locator(".cm-content")).to_contain_text("41 + 1")
    page.get_by_role("button", name="実行").click()
    expect(page.locator(".sql-table tbody")).to_contain_text("42", timeout=20_000)
    page.get_by_role("button", name="削除: こたえ").click()
    page.locator(".dialog").get_by_role("button", name="削除").click()
    expect(page.locator(".sql-line")).to_have_count(0)


@pytest.mark.usefixtures("lake")
def test_what_is_not_answered_says_why_in_the_viewers_language(signed_in: OpenPage) -> None:
    page = signed_in("data/sql", "ja")
    ask(page, "drop view events")
    expect(page.get_by_role("alert")).to_contain_text("SELECT だけ", timeout=20_000)
    ask(page, "select nothing_here from events")
    expect(page.get_by_role("alert")).to_contain_text("nothing_here", timeout=20_000)
    ask(page, "select * from events where name = 'Nobody did this'")
    expect(page.get_by_text("該当する行はありません")).to_be_visible(timeout=20_000)


@pytest.mark.usefixtures("lake")
def test_a_long_question_is_stopped(signed_in: OpenPage) -> None:
    page = signed_in("data/sql")
    ask(page, "select sum(a.position) from events a, events b, events c, events d")
    page.get_by_role("button", name="Stop").click(timeout=20_000)
    expect(page.get_by_role("alert")).to_contain_text("Stopped", timeout=20_000)
    ask(page, "select 7 as seven")
    expect(page.locator(".sql-table tbody")).to_contain_text("7", timeout=20_000)


def columns(*named: tuple[str, str]) -> list[Column]:
    return [Column(name, kind) for name, kind in named]


def test_the_chart_follows_from_the_columns() -> None:
    day, n, name = ("day", "timestamp[us, tz=UTC]"), ("n", "int64"), ("name", "string")
    over_time = picture(columns(day, n), [["2026-05-02T00:00:00Z", 2], ["2026-05-01T00:00:00Z", 5]])
    assert over_time is not None
    assert (over_time.kind, over_time.names) == ("line", ["2026-05-01", "2026-05-02"])
    assert over_time.series == [("n", [5.0, 2.0])]
    assert over_time.ends == (("2026-05-01", 5.0), ("2026-05-02", 2.0))
    by_name = picture(columns(name, n), [["b", 3], ["a", 1], [None, 2]])
    assert by_name is not None
    assert (by_name.kind, by_name.names) == ("bars", ["b", "a", "–"])
    split = picture(
        columns(day, name, n),
        [["2026-05-01", "a", 1], ["2026-05-01", "b", 2], ["2026-05-02", "a", 3]],
    )
    assert split is not None
    assert split.series == [("a", [1.0, 3.0]), ("b", [2.0, None])]
    several = [["2026-05-01", "a", 1], ["2026-05-01", "a", 2]]
    assert picture(columns(day, name, n), several) is None
    hours = picture(columns(day, n), [["2026-05-01T10:00:00Z", 1], ["2026-05-01T11:30:00Z", 2]])
    assert hours is not None
    assert hours.names == ["2026-05-01 10:00", "2026-05-01 11:30"]
    months = picture(columns(("month", "string"), n), [["2026-05", 1], ["2026-04", 2]])
    assert months is not None
    assert (months.kind, months.names) == ("line", ["2026-04", "2026-05"])


@pytest.mark.parametrize(
    "rows", [[], [["a", None]], [["a", "not a figure"]]], ids=["none", "empty", "text"]
)
def test_no_chart_of_rows_without_figures(rows: list[list[str | None]]) -> None:
    assert picture(columns(("name", "string"), ("n", "decimal128(38, 0)")), rows) is None
    assert picture(columns(("name", "string")), [["a"]]) is None


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.usefixtures("lake")
def test_nothing_is_wider_than_the_page(signed_in: OpenPage, language: str, width: int) -> None:
    page = signed_in("data/sql", language, width)
    ask(
        page,
        "select name, known_at, min(user_id) as user_id, count(*) as n from events group by 1, 2",
    )
    expect(page.locator(".sql-answer")).to_be_visible(timeout=20_000)
    overflow = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0
    if folder := os.environ.get("TSUNAGU_TEST_PICTURES"):
        page.screenshot(path=f"{folder}/sql-{language}-{width}.png", full_page=True)
        page.get_by_role("button", name="Chart" if language == "en" else "グラフ").click()
        page.wait_for_timeout(800)
        page.screenshot(path=f"{folder}/sql-chart-{language}-{width}.png", full_page=True)
