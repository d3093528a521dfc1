"""Random histories of events, merges, partings, keeping apart and consent, against a rebuild.

The pipeline takes the log in batches of any length, over real PostgreSQL; beside it the log is
replayed by rules that are written here anew, one event at a time and without a database. Set
`TSUNAGU_IDENTITY_STEPS` to the number of steps for the long run (10,000).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar
from uuid import uuid4

from feeding import Feeding
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tsunagu import eventlog
from tsunagu.core import Body, NewEvent, encode_body, stable_id
from tsunagu.core.events import (
    DECISION_SOURCE,
    IDENTITY_KEPT_APART,
    IDENTITY_MERGED,
    IDENTITY_PARTED,
)
from tsunagu.core.times import SECOND, parse_time
from tsunagu.identity import DEFAULTS, IDENTIFIER, Decision, Identifier, as_properties
from tsunagu.profiles import decode_state
from tsunagu.storage import Database, in_workspace

START = parse_time("2024-05-01T00:00:00Z")
CONSENT = {"channel": "email", "purpose": "marketing"}
KEY = "email/marketing"
STEPS = int(os.environ.get("TSUNAGU_IDENTITY_STEPS", "400"))
LENGTH = 25
USERS = ["u1", "u2", "u3", "u4"]
DEVICES = ["d1", "d2", "d3"]
ADDRESSES = ["a@shop.example", "b@shop.example", "c@shop.example"]
ORDERS = 2
Word = tuple[bool, int]


@dataclass
class Row:
    """One event of the log, and the customer that it is with now."""

    at: int
    stated: list[Identifier]
    customer: int
    name: str
    traits: dict[str, Any]


@dataclass
class Rebuild:
    """The customers as the log makes them, one event after another."""

    workspace: int
    owners: dict[Identifier, int] = field(default_factory=dict)
    since: dict[Identifier, int] = field(default_factory=dict)
    first: dict[int, Identifier] = field(default_factory=dict)
    age: dict[int, int] = field(default_factory=dict)
    into: dict[int, int] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    words: dict[int, Word] = field(default_factory=dict)
    apart: list[tuple[Identifier, Identifier]] = field(default_factory=list)

    def current(self, customer: int) -> int:
        while customer in self.into:
            customer = self.into[customer]
        return customer

    def held(self, customer: int) -> list[Identifier]:
        return [i for i, owner in self.owners.items() if owner == customer]

    def living(self) -> list[int]:
        return [c for c in self.first if c not in self.into]

    def happened(self, at: int, stated: list[Identifier], name: str, traits: Any) -> None:
        customer = next((self.owners[i] for i in stated if i in self.owners), None)
        if customer is None or (
            stated[0] not in self.owners and not self.fits(customer, stated[0])
        ):
            customer = self.create(stated[0], at)
        for identifier in stated:
            owner = self.owners.get(identifier)
            if owner is None:
                if self.fits(customer, identifier):
                    self.owners[identifier], self.since[identifier] = customer, at
            elif owner != customer and not self.stay_two(owner, customer):
                customer = self.merge(owner, customer)
        self.rows.append(Row(at, stated, customer, name, traits))
        if name in ("Consent Given", "Consent Withdrawn"):
            self.words[customer] = (name == "Consent Given", at)

    def create(self, first: Identifier, at: int) -> int:
        customer = stable_id(self.workspace, *first)
        self.first[customer], self.age[customer] = first, at
        return customer

    def fits(self, customer: int, identifier: Identifier) -> bool:
        return identifier[0] != "user_id" or not self.has_user(customer)

    def has_user(self, customer: int) -> bool:
        return any(kind == "user_id" for kind, _ in self.held(customer))

    def kept_apart(self, a: int, b: int) -> bool:
        return any({self.owners[x], self.owners[y]} == {a, b} for x, y in self.apart)

    def stay_two(self, a: int, b: int) -> bool:
        return self.kept_apart(a, b) or (self.has_user(a) and self.has_user(b))

    def merge(self, a: int, b: int) -> int:
        older, younger = sorted((a, b), key=lambda c: (self.age[c], c))
        self.into[younger] = older
        for identifier in self.held(younger):
            self.owners[identifier] = older
        for row in self.rows:
            row.customer = older if row.customer == younger else row.customer
        said = [self.words[c] for c in (older, younger) if c in self.words]
        self.words.pop(younger, None)
        if said:
            self.words[older] = (all(granted for granted, _ in said), max(at for _, at in said))
        return older

    def decided_one(self, a: Identifier, b: Identifier, reason: str) -> None:
        one, other = self.owners[a], self.owners[b]
        if one == other or (reason == "model" and self.kept_apart(one, other)):
            return
        one = self.merge(one, other)
        self.apart = [(x, y) for x, y in self.apart if not self.owners[x] == self.owners[y] == one]

    def part(self, leaving: set[Identifier], right: Identifier) -> None:
        whole = self.owners[right]
        everything = self.held(whole)
        moved = set(everything) - leaving if self.first[whole] in leaving else leaving
        family = [c for c in self.first if self.current(c) == whole]
        family.sort(key=lambda c: (self.age[c], c))
        before = [self.first[c] for c in family if self.first[c] in moved]
        oldest = before[0] if before else min(moved, key=lambda i: (self.since[i], i))
        other = stable_id(self.workspace, *oldest)
        if other not in self.first:
            self.first[other], self.age[other] = oldest, self.since[oldest]
        for c in family:
            self.into[c] = other if self.first[c] in moved else whole
        self.into.pop(whole, None)
        self.into.pop(other, None)
        for identifier in moved:
            self.owners[identifier] = other
        word = self.words.get(whole)
        for side in (whole, other):
            self.words.pop(side, None)
        for row in self.rows:
            if row.customer == whole:
                row.customer = other if row.stated[0] in moved else whole
                if row.name in ("Consent Given", "Consent Withdrawn"):
                    self.words[row.customer] = (row.name == "Consent Given", row.at)
        if word and not word[0]:
            for side in (whole, other):
                self.words[side] = (False, self.words.get(side, word)[1])
        self.apart.append((sorted(leaving)[0], right))

    def expected(self) -> dict[int, Any]:
        """What is to be known of each customer."""
        found: dict[int, Any] = {}
        for customer in self.living():
            rows = [row for row in self.rows if row.customer == customer]
            traits: dict[str, Any] = {}
            for row in rows:
                traits |= row.traits
            orders = sum(row.name == "Order Completed" for row in rows)
            found[customer] = {
                "events": len(rows),
                "seen": [rows[0].at, rows[-1].at] if rows else None,
                "traits": traits,
                "orders": orders,
                "consent": self.words[customer][0] if customer in self.words else None,
                "audiences": ["buyers"] if orders >= ORDERS else [],
            }
        return found


class Machine(RuleBasedStateMachine):
    """One workspace and its log."""

    make: ClassVar[Callable[[], Feeding]]

    def __init__(self) -> None:
        super().__init__()
        self.feeding = self.make()
        self.now = START
        self.waiting: list[NewEvent] = []
        self.rebuild = Rebuild(self.feeding.workspace)
        self.given: set[int] = set()

    def tell(self, name: str, source: str, body: Body, **ids: str | None) -> None:
        self.now += SECOND
        kind = "identify" if name == "identify" else "track"
        self.waiting.append(
            NewEvent(
                str(uuid4()), kind, name, ids.get("user"), ids.get("device"), self.now, source,
                encode_body(body), known_at=self.now,
            )
        )  # fmt: skip

    def decide(self, decision: Decision) -> None:
        self.tell(decision.name, DECISION_SOURCE, Body(properties=as_properties(decision)))
        self.given |= set(self.rebuild.first)

    def people(self, least: int) -> list[int]:
        """Who holds so many identifiers, in an order that is the same in every workspace."""
        held = {c: sorted(self.rebuild.held(c)) for c in self.rebuild.living()}
        return sorted((c for c in held if len(held[c]) >= least), key=lambda c: held[c])

    @rule(
        user=st.sampled_from([None, *USERS]),
        device=st.sampled_from(DEVICES),
        email=st.sampled_from([None, None, *ADDRESSES]),
        name=st.sampled_from(["identify", "Order Completed", "Consent Given", "Consent Withdrawn"]),
        alone=st.booleans(),
    )
    def happens(
        self, user: str | None, device: str | None, email: str | None, name: str, *, alone: bool
    ) -> None:
        if user and alone:
            device = None
        stated = [(k, v) for k, v in (("user_id", user), ("anonymous_id", device)) if v]
        traits: dict[str, Any] = {}
        if name == "identify":
            traits = {"nick": f"{len(self.rebuild.rows)}", **({"email": email} if email else {})}
            stated += [("email", email)] if email else []
        properties = CONSENT if name.startswith("Consent") else {}
        self.tell(
            name, "shop", Body(properties=properties, traits=traits), user=user, device=device
        )
        self.rebuild.happened(self.now, stated, name, traits)

    @rule(data=st.data(), reason=st.sampled_from(["operator", "review", "model"]))
    def merges(self, data: st.DataObject, reason: str) -> None:
        known = sorted(self.rebuild.owners)
        if len(known) < 2:
            return
        a, b = data.draw(st.lists(st.sampled_from(known), min_size=2, max_size=2, unique=True))
        weight = 7.5 if reason == "model" else None
        self.decide(Decision(IDENTITY_MERGED, (a,), b, "hana", reason, weight))
        before = self.rebuild.words.copy()
        sides = {self.rebuild.owners[a], self.rebuild.owners[b]}
        self.rebuild.decided_one(a, b, reason)
        after = self.rebuild.words.get(self.rebuild.owners[a])
        if any(not before[side][0] for side in sides & before.keys()) and len(sides) == 2:
            joined = self.rebuild.owners[a] == self.rebuild.owners[b]
            assert not joined or (after is not None and not after[0])

    @rule(data=st.data())
    def keeps_apart(self, data: st.DataObject) -> None:
        living = self.people(1)
        if len(living) < 2:
            return
        two = data.draw(st.lists(st.sampled_from(living), min_size=2, max_size=2, unique=True))
        a, b = (data.draw(st.sampled_from(sorted(self.rebuild.held(c)))) for c in two)
        self.decide(Decision(IDENTITY_KEPT_APART, (a,), b, "hana", "operator"))
        self.rebuild.apart.append((a, b))

    @rule(data=st.data())
    def parts(self, data: st.DataObject) -> None:
        some = self.people(2)
        if not some:
            return
        held = sorted(self.rebuild.held(data.draw(st.sampled_from(some))))
        right = data.draw(st.sampled_from(held))
        rest = [i for i in held if i != right]
        leaving = data.draw(st.sets(st.sampled_from(rest), min_size=1))
        self.decide(Decision(IDENTITY_PARTED, tuple(sorted(leaving)), right, "hana", "operator"))
        self.rebuild.part(leaving, right)

    @rule()
    def is_taken(self) -> None:
        self.take()

    def take(self) -> None:
        if self.waiting:
            feeding = self.feeding
            with (
                feeding.database.connect("pipeline") as connection,
                in_workspace(connection, feeding.workspace) as cursor,
            ):
                eventlog.append(
                    cursor, feeding.workspace, self.waiting, received_at=self.now, now=None
                )
            self.waiting = []
            feeding.clock(self.now)
        self.feeding.drain()

    @invariant()
    def every_id_leads_to_somebody(self) -> None:
        self.given |= set(self.rebuild.first)
        living = set(self.rebuild.living())
        assert all(self.rebuild.current(c) in living for c in self.given)

    def teardown(self) -> None:
        self.take()
        found, expected = stored(self.feeding), rebuilt(self.rebuild)
        for what in expected:
            assert found[what] == expected[what], what
        ids = {c for (c,) in self.feeding.rows("select customer_id from customers")}
        assert self.given <= ids


def rebuilt(rebuild: Rebuild) -> dict[str, Any]:
    return {
        "owners": rebuild.owners,
        "leads": {c: rebuild.current(c) for c in rebuild.first},
        "known": rebuild.expected(),
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


def test_a_history_of_decisions_equals_its_rebuild(
    database: Database, make_workspace: Callable[..., int]
) -> None:
    def make() -> Feeding:
        workspace = make_workspace(clock="driven", clock_now=START)
        feeding = Feeding(database, workspace, Path(mkdtemp(prefix="tsunagu-lake-")))
        for kind in ("anonymous_id", "email"):
            wide = DEFAULTS[kind].model_copy(update={"per_identifier": 50})
            feeding.publish(IDENTIFIER, kind, wide.model_dump())
        feeding.publish(
            "audience",
            "buyers",
            {
                "title": {"en": "Buyers", "ja": "購入者"},
                "rule": f"did('Order Completed') >= {ORDERS}",
            },
        )
        return feeding

    case = type("Case", (Machine,), {"make": staticmethod(make)})
    run_state_machine_as_test(
        case,
        settings=settings(
            max_examples=max(STEPS // LENGTH, 1),
            stateful_step_count=LENGTH,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
