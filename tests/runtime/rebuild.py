"""The customers as a log makes them, by rules that are written here anew: the machine's measure.

One event at a time and without a database. It also tells which merges of models a judge of the
test would not make.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Any

from judges import Judge

from tsunagu.core import stable_id
from tsunagu.identity import MODEL, Identifier

ORDERS = 2
Word = tuple[bool, int]
Edge = tuple[Identifier, Identifier]


def pair(a: Identifier, b: Identifier) -> Edge:
    return (a, b) if a < b else (b, a)


def reached(one: Identifier, edges: Iterable[Edge]) -> set[Identifier]:
    found = {one}
    edges = list(edges)
    while True:
        more = {i for edge in edges if found & set(edge) for i in edge} - found
        if not more:
            return found
        found |= more


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
    edges: dict[Edge, tuple[str, bool]] = field(default_factory=dict)

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
        for other in stated[1:]:
            if self.owners.get(other) == customer:
                self.shown(stated[0], other)
        self.rows.append(Row(at, stated, customer, name, traits))
        if name in ("Consent Given", "Consent Withdrawn"):
            self.words[customer] = (name == "Consent Given", at)

    def shown(self, a: Identifier, b: Identifier) -> None:
        """An event shows two identifiers together: more than a model's word."""
        if self.edges.get(pair(a, b), (MODEL, False)) == (MODEL, False):
            self.edges[pair(a, b)] = ("observed", False)

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
        if reason == MODEL and (one == other or self.kept_apart(one, other)):
            return
        self.edges[pair(a, b)] = (reason, False)
        if one == other:
            return
        one = self.merge(one, other)
        self.apart = [(x, y) for x, y in self.apart if not self.owners[x] == self.owners[y] == one]

    def part(self, left: tuple[Identifier, ...], right: Identifier) -> None:
        whole = self.owners[right]
        everything = self.held(whole)
        leaving = set(left) & set(everything)
        if not leaving:
            return
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
        for (a, b), (kind, _) in self.edges.items():
            if {a, b} <= set(everything) and (a in moved) != (b in moved):
                self.edges[a, b] = (kind, True)
        self.apart.append((left[0], right))

    def doubted(self, judge: Judge) -> dict[Edge, float]:
        """The merges of models that a judge would not make: what their likeliest reading weighs."""
        found: dict[Edge, float] = {}
        for edge, told in self.edges.items():
            held = self.held(self.owners[edge[0]])
            if told != (MODEL, False) or edge[1] not in held:
                continue
            joined = [e for e, (_, cut) in self.edges.items() if not cut and set(e) <= set(held)]
            shown = [e for e in joined if self.edges[e][0] != MODEL]
            others = [e for e in joined if e != edge]
            first, second = (reached(one, others) for one in edge)
            if edge[1] in first:
                continue
            # Fewer identifiers leave; who is joined with neither by evidence stays.
            leaves = first if len(first) < len(second) else second
            stays = set(held) - leaves
            parts = {frozenset(reached(one, shown)) for one in held}
            left = [part for part in parts if part <= leaves]
            right = [part for part in parts if not part <= leaves]
            readings = [(a, b) for a in left for b in right] + [(leaves, stays)]
            weights = [judge.weight(self.said_by(a), self.said_by(b)) for a, b in readings]
            known = [weight for weight in weights if weight is not None]
            if known and max(known) < judge.upper:
                found[edge] = max(known)
        return found

    def said_by(self, some: Set[Identifier]) -> dict[str, Any]:
        """The traits that these identifiers would have alone."""
        traits: dict[str, Any] = {}
        for row in self.rows:
            if row.stated[0] in some:
                traits |= row.traits
        return traits

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
