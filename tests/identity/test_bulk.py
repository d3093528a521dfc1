"""Linking in bulk gives what the resolver gives event by event, whatever the log and its cut."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tsunagu.core import Body, Event, stable_id
from tsunagu.identity import (
    DEFAULTS,
    NONE,
    HeldBack,
    Identifier,
    IdentifierKind,
    Kinds,
    Known,
    Names,
    Owners,
    Resolution,
    Told,
    link,
    note_blocked,
    number_names,
    resolve,
)
from tsunagu.identity.bulk import Linked, gaining, new_ids

WORKSPACE = 7
USERS = [None, "u1", "u2", "u3", "u'4", "Anonymous", "x" * 513]
DEVICES = [None, "d1", "d2", "d3", "d4", "null", ""]
EMAILS = [None, "a@example.com", " A@Example.com ", "İ@example.com", "no address", "b@example.com"]
EXTERNALS: list[Any] = [
    None,
    None,
    [],
    "nothing",
    [{"type": "LINE", "id": "U1"}],
    [
        {"type": "line_id", "id": "U2"},
        {"type": "card", "id": "４２ "},
        {"type": "card", "id": "42"},
    ],
    [{"type": "crm-no", "id": "7"}, {"type": "email", "id": "A@example.com"}, {"id": "7"}, 3],
    [{"type": "crm no", "id": "8"}, {"type": "クラス", "id": "8"}, {"type": "x", "id": 9}],
    [{"type": "phone", "id": "090-1111-2222"}, {"type": "user_id", "id": "u2"}],
]
PHONES = [None, "090-1111-2222", "+81 90 1111 2222", "０９０００００００００", "12", "03-1111-2222"]
TABLETS = [None, None, None, "t1", "t2"]
STRICT = {
    "anonymous_id": DEFAULTS["anonymous_id"].model_copy(
        update={"per_customer": 2, "per_identifier": 1}
    ),
    "email": DEFAULTS["email"].model_copy(
        update={"per_customer": 1, "per_identifier": 2, "blocked": ["B@example.com"]}
    ),
    "line_id": DEFAULTS["line_id"].model_copy(update={"unique": True, "strength": 100}),
    "member": IdentifierKind(
        sources=["properties.member", "context.external.no"],
        normaliser="digits",
        strength=100,
        priority=9,
        unique=True,
        patterns=["9*"],
    ),
}
BOOKS = [Kinds(), Kinds(STRICT), Kinds({"user_id": IdentifierKind(sources=["user_id"])})]
MEMBERS = [None, None, None, "会員１", "no. 2", "99", "none"]

entries = st.tuples(
    st.sampled_from(["track", "track", "identify", "alias"]),
    st.sampled_from(USERS),
    st.sampled_from(DEVICES),
    st.sampled_from(DEVICES),
    st.sampled_from(EMAILS),
    st.sampled_from(EXTERNALS),
    st.sampled_from(PHONES),
    st.sampled_from(TABLETS),
    st.sampled_from(MEMBERS),
)
Entry = tuple[Any, ...]


def log_of(drawn: list[Entry]) -> list[tuple[Event, Body]]:
    log: list[tuple[Event, Body]] = []
    for number, drawing in enumerate(drawn):
        kind, user, device, previous, email, externals, phone, tablet, member = drawing
        position = 10 + 3 * number
        at = 1_000_000 * number
        traits = {"email": email, "phone": phone}
        context = {"externalIds": externals, "device": tablet and {"id": tablet}}
        body = Body(
            traits={name: said for name, said in traits.items() if said is not None},
            properties={"member": member} if member else {},
            context={name: said for name, said in context.items() if said is not None},
            previous_id=previous if kind == "alias" else None,
        )
        event = Event(position, at, at, f"m{position}", kind, "n", user, device, at, "shop", b"")
        log.append((event, body))
    return log


def told_of(log: list[tuple[Event, Body]], kinds: Kinds) -> Told:
    def texts(values: list[str | None]) -> pa.Array:
        return pa.array(values, pa.string())

    return Told(
        np.array([e.position for e, _ in log], np.int64),
        np.array([e.known_at for e, _ in log], np.int64),
        np.array([e.type == "alias" for e, _ in log]),
        texts([e.user_id for e, _ in log]),
        texts([e.anonymous_id for e, _ in log]),
        texts([b.previous_id for _, b in log]),
        [texts([_at(e, b, room, path) for e, b in log]) for _, room, path in kinds.paths],
        texts(
            [
                json.dumps(b.context["externalIds"]) if "externalIds" in b.context else None
                for _, b in log
            ]
        ),
    )


def _at(event: Event, body: Body, room: str, path: tuple[str, ...]) -> str | None:
    value: Any = getattr(body, room) if room != "traits" or event.type == "identify" else {}
    for name in path:
        value = value.get(name, {})
    return value if isinstance(value, str) else None


@dataclass
class World:
    """What the database would keep: owners, ages, user ids, and everything that was written."""

    kinds: Kinds = field(default_factory=Kinds)
    known: Known = field(default_factory=Known)
    shared: dict[Identifier, int] = field(default_factory=dict)
    held: dict[tuple[Identifier, str], list[Any]] = field(default_factory=dict)
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
        told = self.kinds.identifiers([e for e, _ in log], [b for _, b in log])
        stated = told.identifiers
        chosen = [(e, s) for (e, _), s in zip(log, stated, strict=True) if s]
        found: Resolution = resolve(
            WORKSPACE, [e for e, _ in chosen], [s for _, s in chosen], self.known, self.kinds
        )
        note_blocked(found, told.blocked)
        self._withhold(found)
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
        told = told_of(log, self.kinds)
        names, stated = number_names(told, self.kinds)
        pairs = [names.pair(number) for number in range(len(names))]
        owners = self._owners(stated, pairs)
        linked = link(WORKSPACE, told, names, stated, owners, self.kinds)
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
        withheld = linked.withheld
        self.known.stated_by |= withheld.stated_by
        for identifier, (times, row) in linked.names.blocked.items():
            position, at = int(told.position[row]), int(told.known_at[row])
            withheld.held[identifier, "blocked"] = HeldBack(None, position, at, at, times)
        self._withhold(withheld)
        for number, customer in enumerate(linked.owner.tolist()):
            if customer == NONE:
                continue
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

    def _withhold(self, found: Resolution) -> None:
        for identifier, position in found.shared.items():
            self.shared.setdefault(identifier, position)
        for key, held in found.held.items():
            before = self.held.setdefault(key, [held.position, 0])
            before[1] += held.times

    def _owners(self, stated: Any, pairs: list[Identifier]) -> Owners:
        held = [self.known.owners.get(pair, NONE) for pair in pairs]
        owners = Owners(
            np.array(held, np.int64),
            np.array([self.known.ages.get(c, NONE) for c in held], np.int64),
            np.array([c in self.known.user_ids for c in held], np.bool_),
        )
        for number, pair in enumerate(pairs):
            if pair in self.known.stated_by:
                owners.stated_by[number] = self.known.stated_by[pair]
        for customer in gaining(stated, owners).tolist():
            owners.counts[customer] = dict(self.known.counts[customer])
        return owners

    def _settle(self) -> None:
        owners = self.known.owners
        self.known.owners = {i: self.current(c) for i, c in owners.items()}
        self.known.user_ids = {self.current(c) for c in self.known.user_ids}
        self.known.counts = {}
        for (kind, _), customer in self.known.owners.items():
            counts = self.known.counts.setdefault(customer, {})
            counts[kind] = counts.get(kind, 0) + 1

    def story(self) -> dict[str, object]:
        return {
            "events": self.events,
            "created": self.created,
            "claims": self.claims,
            "owners": self.known.owners,
            "edges": self.edges,
            "stated_by": self.known.stated_by,
            "shared": self.shared,
            "held": self.held,
            "merged": {c: self.current(c) for c in self.merged},
        }


@settings(max_examples=300, deadline=None)
@given(st.lists(entries, min_size=1, max_size=25), st.data())
def test_all_at_once_is_one_by_one(drawn: list[Entry], data: st.DataObject) -> None:
    log = log_of(drawn)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(log)), max_size=3)))
    kinds = data.draw(st.sampled_from(BOOKS))
    expected, found = World(kinds), World(kinds)
    expected.one_by_one(log)
    for start, stop in zip([0, *cuts], [*cuts, len(log)], strict=True):
        if start < stop and data.draw(st.booleans()):
            found.all_at_once(log[start:stop])
        elif start < stop:
            found.one_by_one(log[start:stop])
    assert found.story() == expected.story()


def test_new_ids_are_the_platforms_stable_ids() -> None:
    values = ["u1", "名前", "a@example.com"]
    names = Names(np.array([2, 0, 1], np.uint16), pa.array(values))
    kinds = ["user_id", "anonymous_id", "email"]
    expected = [stable_id(WORKSPACE, *pair) for pair in zip(kinds, values, strict=True)]
    assert new_ids(WORKSPACE, names, np.arange(3)).tolist() == expected
