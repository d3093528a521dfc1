"""Holding events against the tracking plan: what is found, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsunagu.collect import plan
from tsunagu.collect.plan import PlanBook, check, make_book
from tsunagu.collect.plan.personal import shown
from tsunagu.core import Body, Invalid
from tsunagu.core.times import parse_time
from tsunagu.serve.definitions import check as check_document

NOON = parse_time("2026-05-04T12:00:00Z")
ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["order_id", "total"],
    "properties": {
        "order_id": {"type": "string", "minLength": 1},
        "total": {"type": "number"},
        "currency": {"enum": ["USD", "JPY"]},
        "email": {"type": "string", "format": "email"},
        "products": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["sku"],
                "properties": {"sku": {"type": "string"}, "price": {"type": "number"}},
            },
        },
    },
}


@dataclass(frozen=True)
class Seen:
    """An event as the check asks for it."""

    position: int
    name: str = "Order Completed"
    type: str = "track"
    source: str = "web"
    known_at: int = NOON


def book(mode: str = "block", **words: Any) -> PlanBook:
    plan_words = {"mode": mode} | words
    made = make_book(
        [
            ("tracking-plan", "plan", plan_words),
            ("event-schema", "order", {"event": "Order Completed", "schema": ORDER}),
        ],
        ZoneInfo("Asia/Tokyo"),
    )
    assert made is not None
    return made


def found(body: Body, *, name: str = "Order Completed", of: PlanBook | None = None) -> list[str]:
    used = of or book()
    return [v.words() for v in plan.look(used, used.announced("track", name, body.context), body)]


def test_a_valid_event_passes_and_is_counted() -> None:
    checked = check(book(), [Seen(1)], [Body({"order_id": "a", "total": 2})])
    assert (checked.blocked, checked.flagged, checked.violations) == ({}, {}, {})
    assert list(checked.traffic.values()) == [[1, 0]]


def test_a_reason_names_place_expectation_and_what_came() -> None:
    body = Body({"total": "12", "currency": "EUR", "products": [{"sku": "x"}, {"price": "9"}]})
    assert set(found(body)) == {
        "properties.order_id: expected a value, got none",
        "properties.total: expected number, got string of 2 characters",
        "properties.currency: expected one of USD, JPY, got string 'EUR'",
        "properties.products[1].sku: expected a value, got none",
        "properties.products[1].price: expected number, got string of 1 characters",
    }


def test_no_reason_holds_a_personal_value() -> None:
    secret = "mei sato at example"
    body = Body({"order_id": "a", "total": 1, "email": secret})
    (words,) = found(body)
    assert words == "properties.email: expected format email, got string of 19 characters"
    assert shown("09012345678", personal=False) == "string of 11 characters"
    assert shown(9012345678, personal=False) == "integer"
    assert shown("JP", personal=True) == "string of 2 characters"
    assert shown("JP", personal=False) == "string 'JP'"


def test_modes_of_plan_and_event_decide_what_a_violation_does() -> None:
    wrong = Body({"order_id": "a", "total": "x"})
    assert list(check(book("block"), [Seen(7)], [wrong]).blocked) == [7]
    flagged = check(book("flag"), [Seen(7)], [wrong])
    assert (flagged.blocked, list(flagged.flagged)) == ({}, [7])
    observed = check(book("observe"), [Seen(7)], [wrong])
    assert (observed.blocked, observed.flagged) == ({}, {})
    assert [tally.count for tally in observed.violations.values()] == [1]
    own = make_book(
        [
            ("tracking-plan", "plan", {"mode": "observe"}),
            (
                "event-schema",
                "order",
                {"event": "Order Completed", "mode": "block", "schema": ORDER},
            ),
        ],
        ZoneInfo("UTC"),
    )
    assert own is not None
    assert list(check(own, [Seen(7)], [wrong]).blocked) == [7]


def test_unknown_properties_have_a_policy_of_their_own() -> None:
    body = Body({"order_id": "a", "total": 1, "voucher": "x", "products": [{"sku": "a", "z": 1}]})
    assert found(body, of=book(unknown_properties="allow")) == []
    flagged = check(book(unknown_properties="flag"), [Seen(3)], [body])
    assert flagged.blocked == {}
    assert {v.place for v in flagged.flagged[3]} == {
        "properties.voucher",
        "properties.products[0].z",
    }
    blocked = check(book("observe", unknown_properties="block"), [Seen(3)], [body])
    assert "properties.voucher: expected no such property" in blocked.blocked[3]


def test_unknown_events_are_counted_flagged_or_blocked() -> None:
    seen = [Seen(1, "Ordr Completed"), Seen(2, "", "page"), Seen(3, "", "identify")]
    bodies = [Body(), Body(), Body()]
    assert check(book(unknown_events="allow"), seen, bodies).traffic == {}
    blocked = check(book(unknown_events="block"), seen, bodies)
    assert list(blocked.blocked) == [1]
    assert list(check(book(unknown_events="flag"), seen, bodies).flagged) == [1]


def test_an_event_is_held_against_the_version_that_it_states() -> None:
    second = {**ORDER, "required": ["order_id", "total", "currency"]}
    made = make_book(
        [
            ("event-schema", "one", {"event": "Order Completed", "version": 1, "schema": ORDER}),
            ("event-schema", "two", {"event": "Order Completed", "version": 2, "schema": second}),
        ],
        ZoneInfo("UTC"),
    )
    assert made is not None
    properties = {"order_id": "a", "total": 1}
    old = Body(properties, context={"protocols": {"event_version": 1}})
    text = Body(properties, context={"protocols": {"event_version": "1"}})
    assert found(old, of=made) == found(text, of=made) == []
    assert found(Body(properties), of=made) == ["properties.currency: expected a value, got none"]


def test_lists_count_as_one_place_and_days_are_the_workspaces() -> None:
    body = Body({"order_id": "a", "total": 1, "products": [{"sku": 1}, {"sku": 2}]})
    late = Seen(9, known_at=parse_time("2026-05-04T16:00:00Z"))
    checked = check(book(), [Seen(8), late], [body, body])
    places = {(key[0], place): t for (key, place, _, _), t in checked.violations.items()}
    days = sorted(day for day, _ in places)
    assert {place for _, place in places} == {"properties.products[*].sku"}
    assert days[1] - days[0] == 1
    assert [(t.count, t.position) for t in places.values()] == [(1, 8), (1, 9)]


def test_a_flood_of_names_does_not_grow_the_tables() -> None:
    seen = [Seen(n, f"Event {n}") for n in range(2_000)]
    checked = check(book(), seen, [Body()] * 2_000)
    assert len(checked.traffic) <= 501
    assert sum(count for count, _ in checked.traffic.values()) == 2_000
    assert sum(tally.count for tally in checked.violations.values()) == 2_000
    assert len(checked.violations) <= 502


def test_a_wrong_schema_is_refused_with_its_place() -> None:
    with pytest.raises(Invalid, match=r"properties\.total\.type"):
        check_document(
            "event-schema", {"event": "A", "schema": {"properties": {"total": {"type": "money"}}}}
        )
    with pytest.raises(Invalid, match="type"):
        check_document("event-schema", {"event": "A", "schema": {"type": "array"}})
    with pytest.raises(Invalid, match=r"cannot be used|not a JSON Schema"):
        check_document(
            "event-schema", {"event": "A", "schema": {"$ref": "https://example.com/a.json"}}
        )


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*ORDER["properties"], "other", "a.b['"]), _VALUES))
def test_whatever_comes_is_judged_and_told(properties: dict[str, Any]) -> None:
    used = book()
    violations = found(Body(properties), of=used)
    checked = check(used, [Seen(1)], [Body(properties)])
    assert bool(checked.blocked) == any("no such property" not in v for v in violations)
    assert all(len(v) < 1000 for v in violations)
