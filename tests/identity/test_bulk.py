"""Linking in bulk gives what the resolver gives event by event, whatever the log and its cut."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tsunagu.core import Body, Event, stable_id
from tsunagu.identity import (
    NONE,
    Identifier,
    Known,
    Names,
    Owners,
    Resolution,
    Told,
    identifiers_of,
    link,
    number_names,
    resolve,
)
from tsunagu.identity.bulk import Linked, new_ids

WORKSPACE = 7
USERS = [None, "u1", "u2", "u3", "u'4", "Anonymous", "x" * 513]
DEVICES = [None, "d1", "d2", "d3", "d4", "null", ""]
EMAILS = [None, "a@example.com", " A@Example.com ", "İ@example.com", "no address", "b@example.com"]

entries = st.tuples(
    st.sampled_from(["track", "track", "identify", "alias"]),
    st.sampled_from(USERS),
    st.sampled_from(DEVICES),
    st.sampled_from(DEVICES),
    st.sampled_from(EMAILS),
)
Entry = tuple[str, str | None, str | None, str | None, str | None]


def log_of(drawn: list[Entry]) -> list[tuple[Event, Body]]:
    log: list[tuple[Event, Body]] = []
    for number, (kind, user, device, previous, email) in enumerate(drawn):
        position = 10 + 3 * number
        at = 1_000_000 * number
        body = Body(
            traits={"email": email} if email is not None else {},
            previous_id=previous if kind == "alias" else None,
        )
        event = Event(position, at, at, f"m{position}", kind, "n", user, device, at, "shop", b"")
        log.append((event, body))
    return log


def told_of(log: list[tuple[Event, Body]]) -> Told:
    def texts(values: list[str | None]) -> pa.Array:
        return pa.array(values, pa.string())

    return Told(
        np.array([e.position for e, _ in log], np.int64),
        np.array([e.known_at for e, _ in log], np.int64),
        np.array([e.type == "alias" for e, _ in log]),
        texts([e.user_id for e, _ in log]),
        texts([e.anonymous_id for e, _ in log]),
        texts([b.previous_id for _, b in log]),
        texts([b.traits.get("email") if e.type == "identify" else None for e, b in log]),
    )


@dataclass
class World:
    """What the database would keep: owners, ages, user ids, and everything that was written."""

    known: Known = field(default_factory=Known)
    created: dict[int, tuple[Identifier, int, int]] = field(default_factory=dict)
    claims: dict[Identifier, int] = field(default_factory=dict)
    edges: dict[tuple[Identifier, Identifier], tuple[str, int]] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    events: list[int] = field(default_factory=list)

    def current(self, customer: int) -> int:
        while customer in self.merged:
            customer = self.merged[customer]
        return customer

    def one_by_one(self, log: list[tuple[Event, Body]]) -> None:
        stated = [identifiers_of(*pair) for pair in log]
        chosen = [(e, s) for (e, _), s in zip(log, stated, strict=True) if s]
        found: Resolution = resolve(
            WORKSPACE, [e for e, _ in chosen], [s for _, s in chosen], self.known
        )
        owners = iter(found.customers)
        self.events += [next(owners) if s else NONE for s in stated]
        self.claims |= {i: position for i, (_, position) in found.identifiers.items()}
        for pair, edge in found.edges.items():
            self.edges.setdefault(pair, (edge.message_id, edge.position))
        for made in found.created:
            self.created[made.customer_id] = (made.first, made.position, made.at)
        self.merged |= {m.loser: m.survivor for m in found.merges}
        self._settle()

    def all_at_once(self, log: list[tuple[Event, Body]]) -> None:
        told = told_of(log)
        names, stated = number_names(told)
        pairs = [names.pair(number) for number in range(len(names))]
        linked = link(WORKSPACE, told, names, stated, self._owners(names, pairs))
        self.events += linked.at_first.tolist()
        self._take(linked, told, pairs, log)
        assert [self.current(c) if c != NONE else NONE for c in linked.at_first.tolist()] == (
            linked.customer.tolist()
        )

    def _take(
        self, linked: Linked, told: Told, pairs: list[Identifier], log: list[tuple[Event, Body]]
    ) -> None:
        for customer, name, row in zip(
            linked.created.tolist(),
            linked.created_name.tolist(),
            linked.created_row.tolist(),
            strict=True,
        ):
            position = int(told.position[row])
            self.created[customer] = (pairs[name], position, int(told.known_at[row]))
            self.known.ages[customer] = position
        for number in np.flatnonzero(linked.claimed != NONE).tolist():
            self.claims[pairs[number]] = int(linked.claimed[number])
        for number, customer in enumerate(linked.owner.tolist()):
            self.known.owners[pairs[number]] = customer
            if pairs[number][0] == "user_id":
                self.known.user_ids.add(customer)
        for a, b, row in zip(
            linked.edge_a.tolist(), linked.edge_b.tolist(), linked.edge_row.tolist(), strict=True
        ):
            event = log[row][0]
            self.edges.setdefault((pairs[a], pairs[b]), (event.message_id, event.position))
        self.merged |= {m.loser: m.survivor for m in linked.merges}
        self._settle()

    def _owners(self, names: Names, pairs: list[Identifier]) -> Owners:
        held = [self.known.owners.get(pair, NONE) for pair in pairs]
        return Owners(
            np.array(held, np.int64),
            np.array([self.known.ages.get(c, NONE) for c in held], np.int64),
            np.array([c in self.known.user_ids for c in held], np.bool_),
        )

    def _settle(self) -> None:
        owners = self.known.owners
        self.known.owners = {i: self.current(c) for i, c in owners.items()}
        self.known.user_ids = {self.current(c) for c in self.known.user_ids}

    def story(self) -> dict[str, object]:
        return {
            "events": self.events,
            "created": self.created,
            "claims": self.claims,
            "owners": self.known.owners,
            "edges": self.edges,
            "merged": {c: self.current(c) for c in self.merged},
        }


@settings(max_examples=300, deadline=None)
@given(st.lists(entries, min_size=1, max_size=25), st.data())
def test_all_at_once_is_one_by_one(drawn: list[Entry], data: st.DataObject) -> None:
    log = log_of(drawn)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(log)), max_size=3)))
    expected, found = World(), World()
    expected.one_by_one(log)
    for start, stop in zip([0, *cuts], [*cuts, len(log)], strict=True):
        if start < stop and data.draw(st.booleans()):
            found.all_at_once(log[start:stop])
        elif start < stop:
            found.one_by_one(log[start:stop])
    assert found.story() == expected.story()


def test_new_ids_are_the_platforms_stable_ids() -> None:
    values = ["u1", "名前", "a@example.com"]
    names = Names(np.array([2, 0, 1], np.uint8), pa.array(values))
    kinds = ["user_id", "anonymous_id", "email"]
    expected = [stable_id(WORKSPACE, *pair) for pair in zip(kinds, values, strict=True)]
    assert new_ids(WORKSPACE, names, np.arange(3)).tolist() == expected
