"""The data room in a real browser: events as they come, what was stopped, what was agreed."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from browsing import OpenPage, Site, settle
from playwright.sync_api import Page, expect

from tsunagu import collect, eventlog
from tsunagu.access import published
from tsunagu.core import Body, NewEvent, encode_body
from tsunagu.core.times import wall
from tsunagu.eventlog import LetterFilter
from tsunagu.storage import Database, in_workspace


@pytest.fixture
def workspace(site: Site) -> int:
    """The seeded workspace."""
    return site.seeded.workspace_id


def send(database: Database, workspace: int, name: str, **properties: Any) -> None:
    event = NewEvent(
        uuid4().hex, "track", name, "household-1", None, wall(), "kiosk",
        encode_body(Body(properties)),
    )  # fmt: skip
    with database.connect("pipeline") as connection, in_workspace(connection, workspace) as cursor:
        eventlog.append(cursor, workspace, [event], received_at=wall(), now=None)


def letters(database: Database, workspace: int, **wanted: Any) -> list[eventlog.DeadLetter]:
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        return eventlog.dead_letters(cursor, workspace, LetterFilter(**wanted), limit=50)


def logged(database: Database, workspace: int, name: str) -> list[dict[str, Any]]:
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        found = cursor.execute(
            "select body from live_events where workspace_id = %s and name = %s order by position",
            (workspace, name),
        ).fetchall()
    return [json.loads(body) for (body,) in found]


def test_an_event_appears_as_it_is_accepted(
    signed_in: OpenPage, database: Database, workspace: int
) -> None:
    page = signed_in("data/live")
    rows = page.locator(".row-link")
    send(database, workspace, "Kiosk Opened", secret="<b>bold</b>")
    expect(rows.first).to_contain_text("Kiosk Opened", timeout=5_000)
    expect(rows.first).to_contain_text("kiosk")
    expect(page.locator(".row-link .chip.amber").first).to_be_visible()
    rows.first.click()
    detail = page.locator(".detail-side")
    expect(detail.get_by_role("link", name="household-1")).to_be_visible()
    expect(detail).to_contain_text("<b>bold</b>")
    page.get_by_label("Source").fill("kiosk")
    expect(rows).to_have_count(len(logged(database, workspace, "Kiosk Opened")))
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused.")).to_be_visible()
    send(database, workspace, "Kiosk Closed")
    page.wait_for_timeout(2_200)
    expect(page.get_by_text("Kiosk Closed")).to_have_count(0)
    page.get_by_role("button", name="Resume").click()
    expect(rows.first).to_contain_text("Kiosk Closed")
    page.get_by_label("User id").fill("nobody")
    expect(page.get_by_text("No event fits")).to_be_visible()
    page.get_by_role("button", name="Look further back").click()
    expect(page.get_by_text("Among the latest 20,000 events")).to_be_visible()


def test_a_dead_letter_is_mended_and_goes_in_again(
    signed_in: OpenPage, database: Database, workspace: int
) -> None:
    letter = letters(database, workspace, stage="plan")[0]
    before = len(logged(database, workspace, "Order Completed"))
    page = signed_in(f"data/dead-letters/{letter.letter_id}")
    editor = page.get_by_label("The event")
    editor.fill("{no json")
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("This is no JSON")
    call = eventlog.call_of(letter)
    editor.fill(json.dumps(call | {"properties": {"order_id": "O-0", "total": "x"}}))
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("would block it again")
    editor.fill(json.dumps(call | {"properties": {"order_id": "O-0", "total": 77}}))
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.locator(".detail-side")).to_contain_text("Entered as")
    expect(page.locator(".detail-side")).to_contain_text("hana")
    orders = logged(database, workspace, "Order Completed")
    assert len(orders) == before + 1
    assert orders[-1]["properties"]["total"] == 77
    assert orders[-1]["context"]["replayOf"]["letter"] == letter.letter_id
    page.get_by_role("link", name="Replayed").click()
    settle(page)
    expect(page.locator(".row-link")).to_have_count(1)


def test_many_dead_letters_are_discarded_after_a_question(
    signed_in: OpenPage, database: Database, workspace: int
) -> None:
    page = signed_in("data/dead-letters?stage=fold&name=Product%20Viewed")
    expect(page.locator(".row-link")).to_have_count(1)
    page.get_by_role("button", name="Discard 1").click()
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text("They stay out of profiles and the lake")
    dialog.get_by_role("button", name="Discard 1").click()
    expect(page.get_by_role("status").get_by_text("Discarding")).to_be_visible()
    with database.connect("pipeline") as connection:
        while collect.work_once(connection, workspace):
            pass
    expect(page.get_by_role("status").get_by_text("Done")).to_be_visible(timeout=8_000)
    assert letters(database, workspace, stage="fold", name="Product Viewed") == []
    (gone,) = letters(database, workspace, state="discarded", name="Product Viewed")
    page.goto(page.url.partition("?")[0] + f"/{gone.letter_id}")
    settle(page)
    page.get_by_role("button", name="Reopen").click()
    expect(page.get_by_role("button", name="Replay", exact=True)).to_be_visible()
    assert len(letters(database, workspace, stage="fold", name="Product Viewed")) == 1


def schema_of(database: Database, workspace: int, name: str) -> dict[str, Any]:
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        found = published(cursor, workspace)
    return next(d.document for d in found if (d.kind, d.name) == ("event-schema", name))


def test_a_change_is_tried_named_and_published(
    signed_in: OpenPage, database: Database, workspace: int
) -> None:
    page = signed_in("data/plan/product-viewed/edit")
    page.get_by_role("button", name="Add a property").click()
    rows = page.locator(".property-row")
    expect(rows).to_have_count(2)
    row = rows.last
    row.get_by_label("Property").fill("colour")
    row.get_by_label("Values").fill("red, blue")
    row.get_by_text("Required").click()
    page.get_by_role("button", name="Try on recent events").click()
    expect(page.get_by_text("of the latest 24 differ")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("properties.colour")
    page.get_by_role("button", name="JSON Schema").click()
    written = page.get_by_label("JSON Schema").last
    expect(written).to_have_value(re.compile("colour"))
    raw = json.loads(written.input_value())
    assert raw["properties"]["colour"] == {"enum": ["red", "blue"]}
    assert raw["required"] == ["colour"]
    page.get_by_role("button", name="Publish", exact=True).click()
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text("properties.colour added (– → red, blue, required)")
    expect(dialog).to_contain_text("breaks senders")
    dialog.get_by_role("button", name="Publish all the same").click()
    page.wait_for_url("**/data/plan/product-viewed")
    expect(page.get_by_text("red, blue")).to_be_visible()
    assert schema_of(database, workspace, "product-viewed")["schema"]["required"] == ["colour"]


def test_a_wrong_schema_is_not_published(signed_in: OpenPage) -> None:
    page = signed_in("data/plan/order-completed/edit")
    page.get_by_role("button", name="JSON Schema").click()
    text = page.get_by_label("JSON Schema").last
    text.fill('{"type": "object", "properties": {"total": {"type": "money"}}}')
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("properties.total.type")
    text.fill("{")
    page.get_by_role("button", name="Form").click()
    expect(page.get_by_role("alert")).to_contain_text("This is no JSON")


def test_a_plan_starts_from_traffic(
    signed_in: OpenPage, database: Database, workspace: int
) -> None:
    page: Page = signed_in("data/plan")
    expect(page.get_by_text("Ordr Completed").first).to_be_visible()
    page.get_by_role("button", name="Start from traffic").click()
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text("Newsletter Opened")
    dialog.get_by_role("button", name="Start from traffic").click()
    expect(page.get_by_role("link", name="Newsletter Opened")).to_be_visible()
    made = schema_of(database, workspace, "newsletter-opened")
    assert made["mode"] == "observe"
    assert made["schema"]["properties"] == {"issue": {"type": "integer"}}


def test_stopping_everything_asks_first(
    signed_in: OpenPage, database: Database, workspace: int
) -> None:
    page = signed_in("data/plan")
    page.get_by_label("When it differs").click()
    page.get_by_role("option", name="Stop").click()
    page.get_by_role("button", name="Save").click()
    dialog = page.locator(".dialog")
    expect(dialog).to_contain_text("Events that differ will go to dead letters")
    dialog.get_by_role("button", name="Cancel").click()
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        (rules,) = [d.document for d in published(cursor, workspace) if d.kind == "tracking-plan"]
    assert rules["mode"] == "flag"
