"""The pipeline over a real database: what events become, and what a bad one cannot spoil."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from shop import DOCUMENTS, START, Shop, consenting

from tsunagu import access
from tsunagu.core import Body, Figures, NewEvent, encode_body
from tsunagu.core.times import DAY, HOUR
from tsunagu.runtime import pipeline_loop
from tsunagu.storage import Database, in_workspace


@pytest.fixture
def shop(database: Database, make_workspace: Callable[..., int]) -> Shop:
    return Shop(database, make_workspace(clock="driven", clock_now=START - 30 * DAY))


def test_an_order_becomes_a_member_an_enrolment_and_one_mail(shop: Shop) -> None:
    shop.publish(*DOCUMENTS)
    consenting(shop, "u1", START)
    shop.tell("u1", "Order Completed", START + HOUR, total=10)
    shop.tell("u1", "Order Completed", START + 2 * HOUR, total=20)
    shop.drain()
    assert shop.rows("select audience from audience_members") == [("regulars",)]
    assert shop.rows("select journey, node, status from enrolments") == [
        ("reminder", "wait", "active")
    ]
    assert shop.rows("select message, channel, address, state from send_ledger") == [
        ("reminder", "email", "u1@example.com", "queued")
    ]
    ((data, not_before),) = shop.rows("select data, not_before from outbox")
    assert data["identifier"] == {"kind": "user_id", "value": "u1"}
    assert data["traits"]["language"] == "en"
    assert not_before.isoformat() == "2017-11-01T14:00:00+00:00"
    ((granted, evidence),) = shop.rows("select granted, evidence from consents")
    assert granted
    assert evidence["properties"]["form"] == "sign-up v2"
    names = [name for (name,) in shop.rows("select name from timeline order by position")]
    assert names == [
        "identify",
        "Consent Given",
        "Order Completed",
        "Order Completed",
        "Audience Entered",
        "Journey Entered",
    ]


def test_who_never_consented_is_refused_with_the_reason(shop: Shop) -> None:
    shop.publish(*DOCUMENTS)
    shop.tell("u1", "identify", START, email="u1@example.com")
    shop.tell("u1", "Order Completed", START)
    shop.tell("u1", "Order Completed", START)
    shop.drain()
    assert shop.rows("select count(*) from outbox") == [(0,)]
    assert shop.rows("select reason, detail from send_refusals") == [
        ("no_consent", "email/marketing: never given")
    ]


def test_a_repeat_counts_once_and_is_left_out(shop: Shop) -> None:
    shop.publish(*DOCUMENTS)
    body = encode_body(Body())
    event = NewEvent("same", "track", "Order Completed", "u1", None, START, "shop", body, START)
    shop.append(event, event)
    shop.drain()
    shop.append(event)
    reports = shop.drain()
    assert reports[0].repeats == 1
    left_out = "select reason from left_out where workspace_id = %s"
    assert shop.rows(left_out, shop.workspace) == [("repeat",), ("repeat",)]
    assert shop.rows("select events from profiles") == [(1,)]
    assert shop.rows("select count(*) from audience_members") == [(0,)]


def test_timers_end_waits_and_leave_audiences_without_an_event(shop: Shop) -> None:
    shop.publish(*DOCUMENTS)
    consenting(shop, "u1", START)
    shop.tell("u1", "Order Completed", START)
    shop.tell("u1", "Order Completed", START)
    shop.drain(START + 10 * DAY)
    assert shop.rows("select status, end_reason from enrolments") == [("completed", "no goal")]
    assert shop.rows("select count(*) from audience_members") == [(0,)]
    assert shop.rows("select count(*) from profiles where wake_at is not null") == [(0,)]


def test_two_who_turn_out_to_be_one_keep_one_profile(shop: Shop) -> None:
    shop.publish(*DOCUMENTS)
    body = encode_body(Body())
    device = NewEvent("d", "track", "Order Completed", None, "d1", START, "shop", body, START)
    signed = NewEvent("s", "track", "Order Completed", "u1", None, START, "shop", body, START)
    both = NewEvent("b", "track", "Signed In", "u1", "d1", START, "shop", body, START)
    shop.append(device, signed)
    shop.drain()
    assert shop.rows("select count(*) from profiles") == [(2,)]
    shop.append(both)
    shop.drain()
    assert shop.rows("select events, audiences from profiles") == [(3, ["regulars"])]
    owners = shop.rows("select distinct customer_id from identifiers")
    assert len(owners) == 1


def test_a_bad_event_goes_to_dead_letters_and_the_rest_proceeds(shop: Shop) -> None:
    shop.publish(*DOCUMENTS)
    good = encode_body(Body())
    events = [
        NewEvent(f"e{n}", "track", "Order Completed", f"u{n}", None, START, "shop", good, START)
        for n in range(40)
    ]
    bad = NewEvent("bad", "track", "Order Completed", "u99", None, START, "shop", b"{broken", START)
    shop.append(*events[:17], bad, *events[17:])
    shop.drain()
    assert shop.rows("select count(*) from profiles") == [(40,)]
    letters = shop.rows(
        "select message_id, stage, reason from dead_letters where workspace_id = %s", shop.workspace
    )
    ((message, stage, reason),) = letters
    assert (message, stage) == ("bad", "pipeline")
    assert "DecodeError" in reason


def test_new_rules_are_answered_for_everybody_at_once(shop: Shop) -> None:
    consenting(shop, "u1", START)
    consenting(shop, "u2", START)
    shop.tell("u2", "identify", START, language="ja")
    shop.drain()
    rule = {"title": {"en": "Readers of Japanese"}, "rule": "language = 'ja'"}
    shop.publish(("audience", "japanese", rule))
    shop.drain(START + DAY)
    assert shop.rows("select audience from audience_members") == [("japanese",)]


def test_an_audience_published_late_counts_what_happened_before(shop: Shop) -> None:
    for user, orders in (("u1", 3), ("u2", 1)):
        consenting(shop, user, START)
        for number in range(orders):
            shop.tell(user, "Order Completed", START + number * HOUR, total=10)
    shop.drain()
    shop.publish(*DOCUMENTS)
    shop.drain(START + DAY)
    assert shop.rows("select audience from audience_members") == [("regulars",)]
    shop.tell("u2", "Order Completed", START + DAY)
    shop.drain()
    assert shop.rows("select count(*) from audience_members") == [(2,)]


def test_a_workspace_that_cannot_work_stops_no_other(
    shop: Shop, database: Database, make_workspace: Callable[..., int]
) -> None:
    broken = make_workspace()
    with database.connect("app") as connection, in_workspace(connection, broken) as cursor:
        access.publish(cursor, broken, "audience", "broken", {"rule": "no such thing"}, "tester")
    shop.publish(*DOCUMENTS)
    shop.tell("u1", "Order Completed", START)
    stop = threading.Event()
    worker = threading.Thread(target=pipeline_loop.run, args=(database, Figures(), stop))
    worker.start()
    try:
        until = time.monotonic() + 30
        while not shop.rows("select 1 from profiles") and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        stop.set()
        worker.join(30)
    assert shop.rows("select events from profiles") == [(1,)]
