"""What the machine of identities compares: the rebuild's customers, and the database's."""

from __future__ import annotations

from typing import Any

from feeding import Feeding
from rebuild import Rebuild

from tsunagu.profiles import decode_state

KEY = "email/marketing"


def rebuilt(rebuild: Rebuild) -> dict[str, Any]:
    return {
        "owners": rebuild.owners,
        "leads": {c: rebuild.current(c) for c in rebuild.first},
        "known": rebuild.expected(),
        "edges": rebuild.edges,
        "timeline": sorted((row.at, row.customer) for row in rebuild.rows),
    }


def stored(feeding: Feeding) -> dict[str, Any]:
    """The same out of the database."""
    into = dict(feeding.rows("select customer_id, merged_into from customers"))

    def current(customer: int) -> int:
        while into[customer] is not None:
            customer = into[customer]
        return customer

    living = {c for c in into if into[c] is None}
    return {
        "owners": {
            (kind, value): current(c)
            for kind, value, c in feeding.rows("select kind, value, customer_id from identifiers")
        },
        "leads": {c: current(c) for c in into},
        "known": known_of(feeding, living),
        "edges": {
            ((ka, va), (kb, vb)): (kind, cut)
            for ka, va, kb, vb, kind, cut in feeding.rows(
                "select kind_a, value_a, kind_b, value_b, kind, cut_position is not null "
                "from identity_edges"
            )
        },
        "timeline": sorted(
            (at, current(c))
            for at, c in feeding.rows(
                "select (date_part('epoch', at) * 1000000)::bigint, customer_id from timeline "
                "where source = 'shop'"
            )
        ),
    }


def known_of(feeding: Feeding, living: set[int]) -> dict[int, Any]:
    consents = dict(feeding.rows("select customer_id, granted from consents"))
    members: dict[int, list[str]] = {}
    for audience, customer in feeding.rows("select audience, customer_id from audience_members"):
        members.setdefault(customer, []).append(audience)
    found: dict[int, Any] = {}
    for customer, raw in feeding.rows("select customer_id, state from profiles"):
        state = decode_state(raw)
        assert customer in living
        word = state.consents.get(KEY)
        assert consents.get(customer) == (None if word is None else word.granted)
        counter = state.counters.get("Order Completed")
        found[customer] = {
            "events": state.events,
            "seen": [state.first_seen, state.last_seen] if state.events else None,
            "traits": state.values(),
            "orders": counter.total if counter else 0,
            "consent": consents.get(customer),
            "audiences": members.get(customer, []),
        }
    return found
