"""Merging two customers as operators do it: choose, see what changes, decide, and see it done."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browsing import OpenPage, Site, settle
from playwright.sync_api import Page, expect

from tsunagu import access, eventlog
from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.core.events import IDENTITY_MERGED
from tsunagu.core.times import DAY, parse_time
from tsunagu.identity import Decision, customers_of
from tsunagu.identity.household_queries import compute_households
from tsunagu.runtime import pipeline_loop
from tsunagu.runtime.desk import Desk
from tsunagu.serve import identity
from tsunagu.storage import Database, in_workspace

AT = parse_time("2025-04-01T09:00:00Z")
PICTURES = os.environ.get("TSUNAGU_PICTURES")


@dataclass
class Shop:
    """A workspace of its own, whose pipeline the test moves."""

    database: Database
    workspace: int
    desk: Desk
    said: int = 0

    def tell(self, user: str, name: str, at: int, /, **told: Any) -> None:
        """An event of a customer; `identify` carries traits."""
        self.said += 1
        known = name == "identify"
        body = encode_body(Body(traits=told) if known else Body(properties=told))
        kind = "identify" if known else "track"
        event = NewEvent(f"m{self.said}", kind, name, user, None, at, "pos", body, known_at=at)
        with (
            self.database.connect("pipeline") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            eventlog.append(cursor, self.workspace, [event], received_at=at, now=AT)

    def work(self) -> None:
        """Let the pipeline take all that waits."""
        with self.database.connect("pipeline") as connection:
            while pipeline_loop.next_batch(connection, self.desk).more:
                pass

    def customer(self, user: str) -> int:
        """Who a user id belongs to now."""
        with (
            self.database.connect("app") as connection,
            in_workspace(connection, self.workspace) as cursor,
        ):
            return customers_of(cursor, self.workspace, [("user_id", user)])["user_id", user]


@pytest.fixture
def shop(site: Site, database: Database, request: pytest.FixtureRequest) -> Shop:
    """Two customers who are one person, and disagree about some traits and about consent."""
    with database.connect("app") as connection:
        workspace = access.create_workspace(
            connection,
            f"Merging {request.node.name}",
            zone="Asia/Tokyo",
            clock="driven",
            clock_now=AT + 9 * DAY,
        )
    made = Shop(database, workspace, Desk(workspace, "Asia/Tokyo", driven=True))
    consent = {"channel": "email", "purpose": "marketing"}
    made.tell(
        "shop-1", "identify", AT, name="佐藤 美咲", city="横浜市", email="m.sato@shop.example"
    )
    made.tell("shop-1", "Consent Given", AT + 1, **consent)
    made.tell("web-7", "identify", AT + DAY, name="佐藤 美咲", city="東京都港区", language="ja")
    made.tell("web-7", "Consent Withdrawn", AT + DAY + 1, **consent)
    made.work()
    return made


def at(page: Page, site: Site, shop: Shop, path: str) -> None:
    """Opens a page of the shop."""
    page.goto(f"{site.url}/w/{shop.workspace}/{path}")
    settle(page)


def picture(page: Page, name: str) -> None:
    """Keeps a picture where `TSUNAGU_PICTURES` says, for people to look at."""
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def test_two_customers_become_one(signed_in: OpenPage, site: Site, shop: Shop) -> None:
    one, other = shop.customer("shop-1"), shop.customer("web-7")
    page = signed_in("customers")
    at(page, site, shop, f"customers/{other}/evidence")
    page.get_by_role("link", name="Merge with another customer").click()
    settle(page)
    expect(page.locator("table.list tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Compare").click()
    settle(page)
    expect(page.get_by_text(f"They become customer {one}.")).to_be_visible()
    expect(page.get_by_text("1 of 4 traits differs.")).to_be_visible()
    consent = page.get_by_role("row", name="email · marketing")
    expect(consent.locator("td").nth(2)).to_contain_text("Withdrawn")
    page.get_by_role("button", name="Merge them").click()
    page.get_by_role("dialog").get_by_role("button", name="Merge them").click()
    expect(page.get_by_text("The merge is on its way.")).to_be_visible()
    shop.work()
    expect(page.get_by_text("They are one customer now.")).to_be_visible()
    assert f"/customers/{one}/evidence" in page.url
    assert shop.customer("web-7") == one
    at(page, site, shop, f"customers/{one}/part")
    page.get_by_text("web-7").click()
    page.get_by_role("button", name="Part them").click()
    page.get_by_role("dialog").get_by_role("button", name="Part them").click()
    expect(page.get_by_text("The parting is on its way.")).to_be_visible()
    shop.work()
    expect(page.get_by_text("They are two customers now.")).to_be_visible()
    assert (shop.customer("shop-1"), shop.customer("web-7")) == (one, other)
    # Consent that was withdrawn by the one they were stays withdrawn for both.
    for customer in (one, other):
        at(page, site, shop, f"customers/{customer}")
        expect(page.locator(".chip.red")).to_contain_text("Withdrawn")


def test_a_decision_is_taken_back(signed_in: OpenPage, site: Site, shop: Shop) -> None:
    one, other = shop.customer("shop-1"), shop.customer("web-7")
    page = signed_in("customers")
    at(page, site, shop, f"customers/{one}/decisions")
    expect(page.get_by_text("Nobody has decided anything")).to_be_visible()
    with (
        shop.database.connect("pipeline") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        a, b = ("user_id", "shop-1"), ("user_id", "web-7")
        identity.merge(cursor, shop.workspace, a, b, "hana", identity.OPERATOR)
    shop.work()
    at(page, site, shop, f"customers/{one}/decisions")
    expect(page.get_by_text("shop-1 and web-7")).to_be_visible()
    at(page, site, shop, f"customers/{one}/evidence")
    expect(page.get_by_role("cell", name="decided by hana")).to_be_visible()
    at(page, site, shop, f"customers/{one}/decisions")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The undo is on its way.")).to_be_visible()
    shop.work()
    expect(page.get_by_text("The decision was taken back.")).to_be_visible()
    expect(page.get_by_text("No longer holds")).to_be_visible()
    assert shop.customer("web-7") == other
    picture(page, "decisions-undone")
    at(page, site, shop, f"customers/{one}/evidence")
    expect(page.get_by_text("cut by a parting")).to_be_visible()
    expect(page.get_by_text("held together by 1 record.")).to_be_visible()
    picture(page, "evidence-cut")


def test_a_merged_id_leads_on(signed_in: OpenPage, site: Site, shop: Shop) -> None:
    one, other = shop.customer("shop-1"), shop.customer("web-7")
    with (
        shop.database.connect("pipeline") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        a, b = ("user_id", "shop-1"), ("user_id", "web-7")
        identity.merge(cursor, shop.workspace, a, b, "hana", identity.OPERATOR)
    shop.work()
    page = signed_in("customers")
    at(page, site, shop, f"customers/{other}")
    assert shop.customer("web-7") == one
    expect(page.get_by_text(f"Id {other} was merged into this customer.")).to_be_visible()
    expect(page.locator(".chip.red")).to_contain_text("Withdrawn")


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_of_a_merge_fit(
    signed_in: OpenPage, site: Site, shop: Shop, language: str, width: int
) -> None:
    one, other = shop.customer("shop-1"), shop.customer("web-7")
    ask(shop, 1.8)
    page = signed_in("customers", language, width)
    for name, path in (
        ("merge-choose", f"customers/{one}/merge"),
        ("merge-preview", f"customers/{one}/merge?with={other}"),
        ("part", f"customers/{one}/part"),
        ("decisions-none", f"customers/{one}/decisions"),
        ("reviews", "customers/reviews"),
        ("merge-same", f"customers/{one}/merge?with={one}"),
    ):
        page.goto(f"{site.url}/w/{shop.workspace}/{path}")
        page.wait_for_selector("main .card, main .notice")
        page.wait_for_timeout(300)
        over = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        picture(page, f"{name}-{language}-{width}")
        assert over == 0, f"{path} is {over} px too wide"


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("width", [1440, 390])
def test_who_lives_together_is_shown_without_a_merge(
    signed_in: OpenPage, site: Site, shop: Shop, language: str, width: int
) -> None:
    home = {
        "address": "神奈川県横浜市西区みなとみらい2-3-1 港ハイツ101",
        "company": "株式会社みなと商事 横浜支店",
    }
    shop.tell("shop-1", "identify", AT + 2 * DAY, **home)
    shop.tell("kid-3", "identify", AT + 2 * DAY, name="佐藤 健", **home)
    shop.work()
    with (
        shop.database.connect("pipeline") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        compute_households(cursor, shop.workspace)
    one = shop.customer("shop-1")
    page = signed_in("customers", language, width)
    at(page, site, shop, f"customers/{one}")
    words = {"ja": ("世帯", "同じ部屋・同じ姓"), "en": ("Household", "same room, same family name")}
    heading, why = words[language]
    card = page.locator(".card", has=page.get_by_role("heading", name=heading))
    expect(card.get_by_text(why)).to_have_count(2)
    expect(page.get_by_text("株式会社 みなと商事 横浜支店")).to_be_visible()
    over = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    picture(page, f"together-{language}-{width}")
    assert over == 0
    card.get_by_role("link", name="佐藤 健").click()
    settle(page)
    expect(page.get_by_role("heading", name="佐藤 健")).to_be_visible()
    assert shop.customer("kid-3") != one


def ask(shop: Shop, weight: float) -> None:
    """Asks people about the two customers, as a plan that was applied would have."""
    one, other = shop.customer("shop-1"), shop.customer("web-7")
    reasons = [
        {"comparison": "name", "label": "equal", "level": 1, "weight": 9.5}
        | {"value_a": "佐藤美咲", "value_b": "佐藤美咲"},
        {"comparison": "city", "label": "different", "level": 0, "weight": -2.25}
        | {"value_a": "横浜市", "value_b": "東京都港区"},
    ]
    with (
        shop.database.connect("pipeline") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        cursor.execute(
            """insert into match_reviews (workspace_id, customer_a, customer_b, kind_a, value_a,
            kind_b, value_b, weight, probability, model, reasons) values (%s, %s, %s, 'user_id',
            'shop-1', 'user_id', 'web-7', %s, 0.78, 1, %s)""",
            (shop.workspace, one, other, weight, json.dumps(reasons)),
        )


def test_a_review_is_worked_by_keyboard(signed_in: OpenPage, site: Site, shop: Shop) -> None:
    page = signed_in("customers")
    at(page, site, shop, "customers/reviews")
    expect(page.get_by_text("Nothing waits for review")).to_be_visible()
    one, other = shop.customer("shop-1"), shop.customer("web-7")
    ask(shop, 1.8)
    at(page, site, shop, "customers/reviews")
    expect(page.get_by_text("The model says 78.0% (weight +1.8). 3 fields differ.")).to_be_visible()
    expect(page.get_by_text("1 left · 0 answered")).to_be_visible()
    expect(page.locator(".weight-bar")).to_have_count(4)
    page.keyboard.press("l")
    expect(page.get_by_text("1 left · 0 answered")).to_be_visible()
    page.keyboard.press("s")
    expect(page.get_by_text("0 left · 1 answered")).to_be_visible()
    shop.work()
    assert shop.customer("web-7") == one
    page.keyboard.press("z")
    expect(page.get_by_text("1 left · 0 answered")).to_be_visible()
    shop.work()
    assert shop.customer("web-7") == other
    page.keyboard.press("d")
    expect(page.get_by_text("0 left · 1 answered")).to_be_visible()
    shop.work()
    assert shop.customer("web-7") == other


def test_two_whom_a_model_made_one_are_parted_by_an_answer(
    signed_in: OpenPage, site: Site, shop: Shop
) -> None:
    one, other = shop.customer("shop-1"), shop.customer("web-7")
    a, b = ("user_id", "shop-1"), ("user_id", "web-7")
    by_model = Decision(IDENTITY_MERGED, (a,), b, "model 1", "model", 9.0)
    with (
        shop.database.connect("pipeline") as connection,
        in_workspace(connection, shop.workspace) as cursor,
    ):
        identity.enter(cursor, shop.workspace, by_model)
    shop.work()
    assert shop.customer("web-7") == one
    ask(shop, 1.8)
    page = signed_in("customers")
    at(page, site, shop, "customers/reviews")
    expect(page.get_by_text("An earlier model made these two records one customer")).to_be_visible()
    page.keyboard.press("d")
    expect(page.get_by_text("0 left · 1 answered")).to_be_visible()
    shop.work()
    assert shop.customer("web-7") == other
