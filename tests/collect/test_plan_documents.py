"""A plan grows from traffic, and its changes are named with whom they break."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tsunagu.collect.plan import EventSchema, TrackingPlan, changes_of, infer, plan_changes
from tsunagu.core import Body


def orders(count: int) -> list[tuple[str, str, Body]]:
    return [
        (
            "track",
            "Order Completed",
            Body(
                {
                    "order_id": f"o-{n}",
                    "total": n * 1.5 if n % 2 else n,
                    "currency": "JPY" if n % 3 else "USD",
                    "email": f"hana{n}@example.com",
                    "name": "Hana" if n % 2 else "Mei",
                    "ordered_on": "2026-05-04",
                    "coupon": None if n % 2 else "SPRING",
                    "products": [{"sku": "a", "quantity": 1}, {"sku": "b"}],
                }
                | ({"note": "call me"} if n == 3 else {})
            ),
        )
        for n in range(count)
    ]


def test_a_schema_from_traffic_says_what_was_always_so() -> None:
    ((name, schema),) = infer(orders(60))
    assert (name, schema.mode, schema.event) == ("order-completed", "observe", "Order Completed")
    found = schema.contents["properties"]
    assert found["total"] == {"type": "number"}
    assert found["currency"] == {"enum": ["JPY", "USD"]}
    assert found["ordered_on"] == {"type": "string", "format": "date"}
    assert found["email"] == {"type": "string", "format": "email", "x-personal": True}
    assert found["coupon"] == {"type": ["null", "string"]}
    assert found["products"]["items"]["required"] == ["sku"]
    assert "note" not in schema.contents["required"]
    assert "order_id" in schema.contents["required"]


def test_no_person_stands_in_an_inferred_schema() -> None:
    text = json.dumps([schema.contents for _, schema in infer(orders(60))])
    for word in ("Hana", "Mei", "hana", "example.com", "call me", "o-1"):
        assert word not in text


def test_few_events_say_little() -> None:
    ((_, schema),) = infer(orders(5))
    assert "required" not in schema.contents
    assert "enum" not in schema.contents["properties"]["currency"]


def test_calls_without_a_name_and_equal_names_get_documents_of_their_own() -> None:
    seen = [
        ("identify", "", Body(traits={"plan": "free"})),
        ("page", "Home", Body({"path": "/"})),
        ("track", "Home", Body()),
        ("track", "home", Body()),
        ("alias", "", Body()),
    ]
    found = {name: schema.key for name, schema in infer(seen)}
    assert found == {
        "identify": ("identify", ""),
        "page-home": ("page", "Home"),
        "home": ("track", "Home"),
        "home-2": ("track", "home"),
    }


def schema(properties: dict[str, Any], required: tuple[str, ...] = (), **words: Any) -> EventSchema:
    contents = {"type": "object", "properties": properties, "required": list(required)}
    return EventSchema.model_validate({"event": "Order", "schema": contents} | words)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            schema({"a": {}}),
            schema({}),
            [("removed", "properties.a", "readers")],
        ),
        (
            schema({"a": {"type": "number"}}),
            schema({"a": {"type": "integer"}}),
            [("type narrowed", "properties.a", "senders")],
        ),
        (
            schema({"a": {"type": "integer"}}),
            schema({"a": {"type": ["number", "null"]}}),
            [("type widened", "properties.a", "readers")],
        ),
        (
            schema({"a": {}}),
            schema({"a": {}}, ("a",)),
            [("required", "properties.a", "senders")],
        ),
        (
            schema({"a": {}}, ("a",)),
            schema({"a": {}}),
            [("optional", "properties.a", "readers")],
        ),
        (
            schema({}),
            schema({"a": {"type": "string"}}, ("a",)),
            [("added", "properties.a", "senders")],
        ),
        (
            schema({"a": {"enum": ["x", "y"]}}),
            schema({"a": {"enum": ["x"]}}),
            [("values narrowed", "properties.a", "senders")],
        ),
        (
            schema({"a": {"type": "string", "maxLength": 9}}),
            schema({"a": {"type": "string", "maxLength": 5}}),
            [("limit tightened", "properties.a maxLength", "senders")],
        ),
        (
            schema({"l": {"type": "array", "items": {"properties": {"sku": {}}}}}),
            schema(
                {"l": {"type": "array", "items": {"properties": {"sku": {}}, "required": ["sku"]}}}
            ),
            [("required", "properties.l[*].sku", "senders")],
        ),
        (
            schema({"a": {}}),
            schema({"a": {}}, mode="block"),
            [("stricter", "mode", "senders")],
        ),
        (
            schema({"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}),
            schema({"a": {"anyOf": [{"type": "string"}]}}),
            [("other", "properties", "senders")],
        ),
    ],
)
def test_changes_name_the_place_and_whom_they_break(
    old: EventSchema, new: EventSchema, told: list[tuple[str, str, str]]
) -> None:
    assert [(c.kind, c.place, c.breaks) for c in changes_of(old, new)] == told
    assert changes_of(new, new) == []


def test_an_optional_property_breaks_nobody() -> None:
    (change,) = changes_of(schema({}), schema({"a": {"type": "string"}}))
    assert (change.kind, change.breaks) == ("added", "")


def test_a_stricter_plan_is_named() -> None:
    (change,) = plan_changes(None, TrackingPlan(unknown_events="block"))
    assert change.words() == "unknown_events: stricter (observe → block), breaks senders"
