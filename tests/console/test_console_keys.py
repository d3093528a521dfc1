"""A developer makes a key for the shop's site and says which pages may use it."""

from __future__ import annotations

import os

from browsing import OpenPage, Site
from playwright.sync_api import Page, expect

from tsunagu.access import list_keys
from tsunagu.storage import Database


def pages_of(database: Database, site: Site, name: str) -> tuple[str, ...] | None:
    with database.connect("app") as connection:
        keys = list_keys(connection, site.seeded.workspace_id)
    return next(key.origins for key in keys if key.name == name)


def look(page: Page, name: str) -> None:
    """Keep a picture for whoever wants to see it."""
    if folder := os.environ.get("TSUNAGU_TEST_PICTURES"):
        page.wait_for_timeout(400)
        page.screenshot(path=f"{folder}/{name}.png")


def test_a_key_is_made_for_the_pages_of_a_shop(
    signed_in: OpenPage, site: Site, database: Database
) -> None:
    page = signed_in("settings")
    page.get_by_role("button", name="Create a key").click()
    page.get_by_label("Name").fill("shop site")
    page.get_by_label("Source").fill("web")
    page.get_by_label("Web pages that may use it").fill("shop.example")
    look(page, "key-new")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("not the origin of a page")
    page.get_by_label("Web pages that may use it").fill(
        "https://*.Shop.example/\nhttp://localhost:3000"
    )
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator("[data-key]")).to_be_visible()
    page.get_by_role("button", name="I have kept it").click()
    row = page.locator(".split.row", has_text="shop site")
    expect(row).to_contain_text("https://*.shop.example, http://localhost:3000")
    admitted = ("https://*.shop.example", "http://localhost:3000")
    assert pages_of(database, site, "shop site") == admitted
    row.get_by_role("button", name="Change pages").click()
    page.get_by_text("Servers only, no web page").click()
    look(page, "key-pages")
    page.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("servers only")
    assert pages_of(database, site, "shop site") == ()


def test_the_forms_stand_on_a_phone_in_japanese(signed_in: OpenPage) -> None:
    page = signed_in("settings", language="ja", width=390)
    look(page, "settings-phone")
    page.get_by_role("button", name="キーを作る").click()
    field = page.get_by_label("使ってよいウェブページ")
    expect(field).to_be_visible()
    box = field.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    look(page, "key-new-phone")
    page.get_by_label("種類").click()
    page.get_by_role("option", name="API").click()
    expect(field).to_be_hidden()
