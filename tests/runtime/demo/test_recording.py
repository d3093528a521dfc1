"""The recorded year holds what its publishers state, and becomes events in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tsunagu.core import NewEvent, decode_body
from tsunagu.core.times import DAY, zone
from tsunagu.core.times import local as local_time
from tsunagu.runtime.demo.recording import CUT_OFF, END, START, ZONE, Recording


@pytest.fixture(scope="module")
def recording() -> Iterator[Recording]:
    with Recording() as opened:
        yield opened


@pytest.fixture(scope="module")
def replayed(recording: Recording) -> list[NewEvent]:
    return list(recording.events(CUT_OFF, END))


def test_the_data_is_what_it_is_said_to_be(recording: Recording) -> None:
    facts = recording.facts()
    assert (facts.households, facts.campaigns, facts.redemptions) == (2469, 27, 2102)
    assert (facts.purchase_lines, facts.baskets) == (1_469_307, 155_848)


def test_campaign_18_reaches_1133_households_and_214_redeem(replayed: list[NewEvent]) -> None:
    received: set[str | None] = set()
    redeemed: set[str | None] = set()
    found = {"Campaign Received": received, "Coupon Redeemed": redeemed}
    for event in replayed:
        if event.name in found and decode_body(event.body).properties["campaign"] == "18":
            found[event.name].add(event.user_id)
    assert (len(received), len(redeemed)) == (1133, 214)
    assert redeemed <= received


def test_events_come_in_order_once_and_in_any_cut(
    recording: Recording, replayed: list[NewEvent]
) -> None:
    times = [event.at or 0 for event in replayed]
    assert times == sorted(times)
    assert CUT_OFF <= times[0] <= times[-1] < END
    assert len({event.message_id for event in replayed}) == len(replayed)
    assert recording.count(CUT_OFF, END) == len(replayed)
    middle = CUT_OFF + 10 * DAY + 12_345
    parts = [*recording.events(CUT_OFF, middle), *recording.events(middle, END)]
    assert parts == replayed


def test_a_redemption_stands_at_a_basket_of_its_day(replayed: list[NewEvent]) -> None:
    baskets = {
        (event.user_id, event.message_id.removeprefix("order-")): event.at
        for event in replayed
        if event.name == "Order Completed"
    }
    redemptions = [event for event in replayed if event.name == "Coupon Redeemed"]
    assert len(redemptions) > 700
    for event in redemptions:
        basket = decode_body(event.body).properties["order_id"]
        assert baskets[event.user_id, basket] == event.at
        day = local_time(event.at or 0, zone(ZONE)).date()
        assert event.message_id.endswith(day.isoformat())


def test_an_order_has_its_products_and_totals(replayed: list[NewEvent]) -> None:
    order = next(event for event in replayed if event.name == "Order Completed")
    properties = decode_body(order.body).properties
    lines = [line["price"] * line["quantity"] for line in properties["products"]]
    assert properties["total"] == pytest.approx(sum(lines), abs=0.01)
    assert {"product_id", "category", "quantity", "price"} == set(properties["products"][0])


def test_synthetic_contact_data_says_so_and_some_never_agreed(recording: Recording) -> None:
    first = list(recording.events(START, START + 60 * DAY))
    again = list(recording.events(START, START + 60 * DAY))
    assert first == again
    seen = Counter(event.name or event.type for event in first)
    identified = [e for e in first if e.message_id.startswith("identify-")]
    assert 0.7 < seen["Consent Given"] / len(identified) < 0.95
    for event in identified:
        body = decode_body(event.body)
        assert body.traits["synthetic"] is True
        assert body.context == {"synthetic": True}
        assert body.traits["email"].endswith("@example.com")
        assert body.traits["language"] in ("ja", "en")
