"""How good the data of each source is, as operators see it: what to mend, bars, and nothing."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from browsing import OpenPage, Site, settle
from playwright.sync_api import Page, expect

from tsunagu import access
from tsunagu.core.times import DAY, wall
from tsunagu.identity import quality_queries
from tsunagu.storage import Database
from tsunagu.storage.lake import EVENTS, LakeTable, events_from_csv

PICTURES = os.environ.get("TSUNAGU_PICTURES")
PEOPLE = 300


def picture(page: Page, name: str) -> None:
    """Keeps a picture where `TSUNAGU_PICTURES` says, for people to look at."""
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def row(number: int, source: str, user: str, kind: str, traits: dict[str, Any]) -> list[Any]:
    at = wall() - 2 * DAY
    name = "" if kind == "identify" else "Seen"
    body = json.dumps({"traits": traits})
    return [number, at, at, at, f"m{number}", kind, name, user, None, source, body]


def rows() -> Iterator[list[Any]]:
    """A till with made-up addresses and a form; an app that tells no traits."""
    draw = Random(3)
    for n in range(PEOPLE):
        mail = f"u{n}@shop.example" if n % 3 else "なし"
        till = {
            "lastName": draw.choice(["佐藤", "鈴木", "高橋"]),
            "firstName": "テスト" if n % 20 == 0 else "花子",
            "phone": "090-0000-0000" if n % 10 == 0 else f"080-{n:04}-7391",
            "email": mail,
            "address": {"postalCode": "160-0023" if n % 4 else "160-9999"},
        }
        yield row(n, "till", f"u{n}", "identify", till)
        form = {
            "email": f"v{n}@shop.example" if n % 25 else "v@",
            "birthday": "2000-01-01" if n % 2 else f"19{n % 40 + 50}-{n % 12 + 1:02}-11",
        }
        yield row(1000 + n, "ウェブ登録フォーム", f"u{n + 200}", "identify", form)
        yield row(2000 + n, "app", f"u{n}", "track", {})


@pytest.fixture(scope="module")
def shop(site: Site, database: Database) -> int:
    """A workspace whose lake holds what three sources told."""
    with database.connect("app") as connection:
        workspace = access.create_workspace(connection, "Quality", zone="Asia/Tokyo")
    home = site.home / "lake" / str(workspace)
    home.mkdir(parents=True)
    with (home / "events.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows())
    table = LakeTable(home / EVENTS.name, EVENTS)
    table.commit(1, events_from_csv(home / "events.csv", table.folder, home))
    return workspace


def opened(
    signed_in: OpenPage, site: Site, workspace: int, language: str = "en", width: int = 1440
) -> Page:
    page = signed_in("settings", language, width)
    page.goto(f"{site.url}/w/{workspace}/data/quality")
    settle(page)
    return page


def test_what_to_mend_first_is_said_in_words(signed_in: OpenPage, site: Site, shop: int) -> None:
    page = opened(signed_in, site, shop)
    first = page.locator(".quality-first li")
    expect(first.nth(0)).to_contain_text("Date of birth: 50% have a value that many share")
    expect(first.nth(0)).to_contain_text("ウェブ登録フォーム")
    expect(first.nth(0)).to_contain_text("150 customers")
    expect(first.nth(0)).to_contain_text("a default of the form")
    expect(first.nth(1)).to_contain_text("E-mail address: 33% are placeholders")
    expect(page.locator(".answer")).to_contain_text("Begin with the date of birth")


def test_each_source_has_its_bars(signed_in: OpenPage, site: Site, shop: int) -> None:
    page = opened(signed_in, site, shop)
    cards = page.locator(".quality-source")
    expect(cards).to_have_count(3)
    till = cards.filter(has=page.get_by_role("heading", name="till"))
    postcode = till.locator(".quality-row").filter(has_text="Postcode")
    expect(postcode).to_contain_text("Unreadable 25%")
    expect(postcode).to_contain_text("75%")
    width = postcode.locator(".quality-part.good").get_attribute("style")
    assert width == "width:75.00%"
    expect(till).to_contain_text("Never told: Name, Reading of the name, Company")
    form = cards.filter(has=page.get_by_role("heading", name="ウェブ登録フォーム"))
    elsewhere = form.locator(".quality-figures > div", has_text="Known elsewhere too")
    expect(elsewhere).to_contain_text("100 customers")
    app = cards.filter(has=page.get_by_role("heading", name="app"))
    expect(app).to_contain_text("It tells no traits")
    page.get_by_role("link", name="7 days").click()
    expect(page.locator(".chip.teal")).to_have_text("7 days")


def test_nothing_yet_and_too_much_say_what_to_do(
    signed_in: OpenPage, site: Site, shop: int, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.connect("app") as connection:
        nobody = access.create_workspace(connection, "Quality nobody")
    page = opened(signed_in, site, nobody)
    expect(page.get_by_text("No events in this period")).to_be_visible()
    expect(page.get_by_role("link", name="Go to sources")).to_be_visible()
    picture(page, "quality-nothing")
    with monkeypatch.context() as hurried:
        hurried.setattr(site.analysts, "limits", replace(site.analysts.limits, seconds=0.01))
        page.goto(f"{site.url}/w/{shop}/data/quality")
        settle(page)
        expect(page.get_by_text("Choose a shorter period")).to_be_visible()
        picture(page, "quality-too-much")
    monkeypatch.setattr("tsunagu.analysis.process.WAIT_SECONDS", 0.1)
    with site.analysts.ask(shop, "select 1"), site.analysts.ask(shop, "select 1"):
        page.reload()
        settle(page)
        expect(page.get_by_text("Open this page again in a moment")).to_be_visible()


def test_a_sample_is_said_to_be_one(
    signed_in: OpenPage, site: Site, shop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality_queries, "SAMPLE", 60)
    page = opened(signed_in, site, shop)
    till = page.locator(".quality-source", has=page.get_by_role("heading", name="till"))
    expect(till).to_contain_text("60 customers, drawn from the 300 it told of")
    expect(page.locator(".quality-first li").nth(0)).to_contain_text("about 1")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_it_fits_in_both_languages(
    signed_in: OpenPage, site: Site, shop: int, language: str, width: int
) -> None:
    page = opened(signed_in, site, shop, language, width)
    over = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert over == 0
    picture(page, f"quality-{language}-{width}")
