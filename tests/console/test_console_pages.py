"""The console as operators see it: real pages in a real browser over a real database."""

from __future__ import annotations

import httpx
import pytest
import seeding
from browsing import SESSION_SECRET, OpenPage, Site, settle
from playwright.sync_api import Page, expect

from tsunagu.access import workspace_by_id
from tsunagu.console.session import SESSION_COOKIE, Sessions
from tsunagu.storage import Database, in_workspace


def paths(site: Site) -> list[str]:
    """Every page, with details that exist."""
    customer, send = site.seeded.customers[0], site.seeded.sends[1]
    return [
        "",
        "customers",
        f"customers/{customer}",
        "audiences",
        "audiences/coupons_unused",
        "journeys",
        "journeys/coupon_reminder",
        "journeys/coupon_reminder?node=wait_for_coupon",
        "content/messages",
        "content/messages/coupon_reminder",
        "content/archive",
        f"content/archive/{send}",
        "content/mailbox",
        "content/mailbox/2",
        "insights",
        "data",
        "data/quality",
        "data/live",
        "data/live/999999",
        "data/plan",
        "data/plan/order-completed",
        "data/plan/order-completed/edit",
        "data/plan/new?type=track&event=Newsletter%20Opened",
        "data/dead-letters",
        "data/dead-letters?state=all&period=week&stage=fold",
        "settings",
    ]


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize(("language", "heading"), [("ja", "概要"), ("en", "Overview")])
def test_every_page_opens_without_errors_and_fits(
    signed_in: OpenPage, site: Site, language: str, heading: str, width: int
) -> None:
    page = signed_in("", language, width)
    expect(page.locator("h1")).to_have_text(heading)
    assert page.locator("html").get_attribute("lang") == ("ja" if language == "ja" else "en-US")
    problems: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    for path in paths(site):
        page.goto(site.to(path))
        settle(page)
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert over == 0, f"{path} is {over} px too wide"
        assert problems == [], path


def test_search_finds_a_customer_by_name_and_identifier(signed_in: OpenPage, site: Site) -> None:
    page = signed_in("customers")
    field = page.get_by_label("Search")
    field.fill("美咲")
    expect(page.get_by_role("link", name="佐藤 美咲", exact=True)).to_be_visible()
    expect(page.get_by_text("Olivia Bennett", exact=True)).to_have_count(0)
    field.fill("household-2@customers.example")
    page.get_by_role("link", name="Olivia Bennett", exact=True).click()
    expect(page.locator("h1")).to_have_text("Olivia Bennett")
    expect(page.get_by_text("Placed an order").first).to_be_visible()
    page.goto(site.to("customers?q=nobody-like-this"))
    expect(page.get_by_text("Nothing matches")).to_be_visible()


def test_a_name_is_never_markup(signed_in: OpenPage, site: Site) -> None:
    page = signed_in(f"customers/{site.seeded.customers[8]}")
    expect(page.locator("h1")).to_contain_text("<script>alert(1)</script>")


def test_lists_go_on_where_they_stopped(signed_in: OpenPage) -> None:
    page = signed_in("customers")
    rows = page.locator("table.list tbody tr")
    expect(rows).to_have_count(40)
    page.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(80)
    page.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(120)


def test_the_frame_of_a_mail_can_run_nothing(signed_in: OpenPage, site: Site) -> None:
    page = signed_in("content/archive")
    # A request that the policy blocks may be seen as wanted; none may be answered.
    answered: list[str] = []
    page.on("response", lambda response: answered.append(response.url))
    page.goto(site.to(f"content/archive/{site.seeded.sends[0]}"))
    frame = page.frame_locator("iframe.mailframe")
    expect(frame.locator("h1")).to_be_visible()
    expect(frame.locator("body")).not_to_have_text("owned")
    assert "owned" not in page.title()
    assert page.locator("iframe.mailframe").get_attribute("sandbox") == ""
    expect(page.get_by_text("Unchanged since it was kept")).to_be_visible()
    assert answered
    assert not [url for url in answered if "from-mail" in url]
    page.get_by_role("tab", name="Headers").click()
    expect(page.get_by_text("List-Unsubscribe-Post", exact=True)).to_be_visible()


def test_a_row_opens_beside_its_list(signed_in: OpenPage) -> None:
    page = signed_in("content/archive")
    page.locator(".row-link").nth(2).click()
    expect(page.locator(".row-link.on")).to_have_count(1)
    expect(page.locator("iframe.mailframe")).to_be_visible()
    assert "/content/archive/" in page.url


def test_a_changed_archive_shows(signed_in: OpenPage, site: Site, database: Database) -> None:
    workspace, send = site.seeded.workspace_id, site.seeded.sends[2]
    with database.connect("owner") as connection, in_workspace(connection, workspace) as cursor:
        cursor.execute(
            "update archive set content = content || 'x' where send_id = %s and workspace_id = %s",
            (send, workspace),
        )
    page = signed_in(f"content/archive/{send}")
    expect(page.get_by_text("This is not what was kept")).to_be_visible()


def test_the_journey_shows_who_is_where_and_why_others_were_refused(signed_in: OpenPage) -> None:
    page = signed_in("journeys/coupon_reminder")
    expect(page.get_by_text("Nothing is sent")).to_be_visible()
    expect(page.get_by_text("Why were others not sent?")).to_be_visible()
    page.locator(".box", has_text="Wait for Coupon Redeemed").click()
    expect(page.get_by_text("Who is at “Wait for Coupon Redeemed")).to_be_visible()


def is_stopped(database: Database, site: Site) -> bool:
    with database.connect("app") as connection:
        return workspace_by_id(connection, site.seeded.workspace_id).sends_paused


def test_the_emergency_stop_asks_works_and_is_undone(
    signed_in: OpenPage, site: Site, database: Database
) -> None:
    page = signed_in("settings")
    page.get_by_role("button", name="Stop all sends").click()
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text("3 waiting messages to 3 customers")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert not is_stopped(database, site)
    page.get_by_role("button", name="Stop all sends").click()
    page.locator(".dialog").get_by_role("button", name="Stop all sends").click()
    expect(page.get_by_role("button", name="Resume sends")).to_be_visible()
    assert is_stopped(database, site)
    page.goto(site.to("customers"))
    expect(page.get_by_role("status")).to_contain_text("All sends are stopped")
    page.goto(site.to("settings"))
    page.get_by_role("button", name="Resume sends").click()
    expect(page.get_by_role("button", name="Stop all sends")).to_be_visible()
    assert not is_stopped(database, site)
    expect(page.get_by_text("resumed sends")).to_be_visible()


def test_a_key_is_shown_once_and_can_be_revoked(signed_in: OpenPage) -> None:
    page = signed_in("settings")
    page.get_by_role("button", name="Create a key").click()
    dialog = page.locator(".dialog")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Name").fill("shop till")
    dialog.get_by_label("Source").fill("pos")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".secret")).to_contain_text("tsw_")
    page.get_by_role("button", name="I have kept it").click()
    expect(page.locator(".secret")).to_have_count(0)
    row = page.locator(".split.row", has_text="shop till")
    row.get_by_role("button", name="Revoke").click()
    page.locator(".dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("Revoked")


def test_a_removed_operator_is_out_at_once(
    signed_in: OpenPage, site: Site, database: Database
) -> None:
    page = signed_in("settings")
    page.get_by_role("button", name="Add an operator").click()
    dialog = page.locator(".dialog")
    dialog.get_by_label("Operator name").fill("temp")
    dialog.get_by_label("Password").fill("short")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("at least 8 characters")
    dialog.get_by_label("Password").fill("long enough now")
    dialog.get_by_role("button", name="Create", exact=True).click()
    remove = page.get_by_role("button", name="Remove")
    row = page.locator(".fact-row", has=remove, has_text="temp")
    expect(row).to_have_count(1)
    cookies = {SESSION_COOKIE: Sessions(SESSION_SECRET).seal("temp")}
    assert httpx.get(site.to("customers"), cookies=cookies).status_code == 200
    row.get_by_role("button", name="Remove").click()
    page.locator(".dialog").get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    answer = httpx.get(site.to("customers"), cookies=cookies)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in"


def test_language_and_workspace_are_switched_where_one_stands(
    signed_in: OpenPage, site: Site
) -> None:
    page = signed_in("audiences")
    page.get_by_role("link", name="日本語").click()
    settle(page)
    expect(page.locator("h1")).to_have_text("オーディエンス")
    assert page.url == site.to("audiences")
    page.goto(site.to("customers"))
    settle(page)
    expect(page.locator("h1")).to_have_text("お客様")
    page.get_by_label("ワークスペース").select_option(label="Empty shop")
    page.wait_for_url(lambda url: not url.startswith(site.to("")))
    settle(page)
    expect(page.get_by_text("最初のイベントを送ってみましょう")).to_be_visible()


def test_an_empty_workspace_says_what_to_do_next(signed_in: OpenPage, site: Site) -> None:
    page = signed_in("")
    page.get_by_label("Workspace").select_option(label="Empty shop")
    page.wait_for_url(lambda url: not url.startswith(site.to("")))
    empty = page.url
    for path, words in (
        ("customers", "There are no customers yet"),
        ("audiences", "There are no audiences yet"),
        ("journeys", "There are no journeys yet"),
        ("content/messages", "There are no messages yet"),
        ("content/archive", "Nothing has been sent yet"),
        ("insights", "There are no results yet"),
        ("data/dead-letters", "No dead letters"),
    ):
        page.goto(empty + path)
        expect(page.get_by_text(words)).to_be_visible()


def test_signing_out_ends_the_session(signed_in: OpenPage, site: Site) -> None:
    page: Page = signed_in("")
    page.locator("details.who summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto(site.to("customers"))
    assert "/sign-in" in page.url
    assert seeding.OPERATOR not in page.content()


def test_the_former_address_of_dead_letters_leads_to_the_data_room(
    signed_in: OpenPage, site: Site
) -> None:
    page = signed_in("dead-letters?q=total")
    assert page.url == site.to("data/dead-letters?q=total")
    expect(page.get_by_role("link", name="Dead letters")).to_have_attribute("aria-current", "page")
