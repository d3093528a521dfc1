"""Deterministic resolution: which customer each event of a batch belongs to, in log order.

Identifiers that arrive together in one event are linked by an edge. A link between two
customers merges the younger into the older, unless both own an identifier of a kind that is
unique, or one would hold more than its kinds allow: a shared device or family address must not
glue people together. An identifier that too many state is held back: it counts for nothing
beside another one. The result depends on the log alone, not on how it was cut into batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tsunagu.core import Body, Event, stable_id
from tsunagu.identity.decided import MODEL, Decision
from tsunagu.identity.kinds import (
    ANONYMOUS_ID,
    BUILT_IN,
    EMAIL,
    USER_ID,
    Identifier,
    Kinds,
)

__all__ = ["ANONYMOUS_ID", "EMAIL", "USER_ID", "Identifier"]

Reason = Literal["blocked", "full", "apart", "shared"]
_UNDECIDED: Mapping[int, Decision] = {}


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """A customer first seen in this batch; `first` is the identifier that names it forever."""

    customer_id: int
    first: Identifier
    position: int
    at: int


@dataclass(frozen=True, slots=True)
class Edge:
    """Evidence that two identifiers belong together."""

    a: Identifier
    b: Identifier
    source: str
    message_id: str
    position: int
    at: int
    decided: Decision | None = None

    @property
    def by_model(self) -> bool:
        """Whether nothing but a model's judgement stands behind it."""
        return self.decided is not None and self.decided.reason == MODEL


@dataclass(frozen=True, slots=True)
class Merge:
    """`loser` becomes part of `survivor` just before the event at `position`."""

    loser: int
    survivor: int
    position: int


@dataclass
class Known:
    """What the database knows of the identifiers of a batch.

    `owners` maps an identifier to its customer, `ages` a customer to the position that created
    it, `user_ids` the customers that own a user id. `counts` says how many identifiers of each
    kind a customer holds; it must be there for those that `gaining` names. `stated_by` holds what
    other customers' identifiers (`text_of`) stated an identifier, where any did. `apart` has the
    customers that somebody decided to keep apart from another one.
    """

    owners: dict[Identifier, int] = field(default_factory=dict[Identifier, int])
    ages: dict[int, int] = field(default_factory=dict[int, int])
    user_ids: set[int] = field(default_factory=set[int])
    counts: dict[int, dict[str, int]] = field(default_factory=dict[int, dict[str, int]])
    stated_by: dict[Identifier, tuple[str, ...]] = field(
        default_factory=dict[Identifier, tuple[str, ...]]
    )
    apart: dict[int, set[int]] = field(default_factory=dict[int, set[int]])


@dataclass(slots=True)
class HeldBack:
    """An identifier that did not count, by the first and last event that stated it so."""

    customer: int | None
    position: int
    at: int
    last_at: int
    times: int = 1


@dataclass
class Resolution:
    """The outcome for one batch; `customers[i]` belongs to `events[i]`.

    `named[i]` is the identifier by which the event was given to its customer. `stated_by` has
    what is new in `Known.stated_by`, `shared` the positions at which identifiers came to be held
    back, `held` what did not count in this batch and why.
    """

    customers: list[int] = field(default_factory=list[int])
    named: list[Identifier] = field(default_factory=list[Identifier])
    merges: list[Merge] = field(default_factory=list[Merge])
    created: list[NewCustomer] = field(default_factory=list[NewCustomer])
    identifiers: dict[Identifier, tuple[int, int]] = field(
        default_factory=dict[Identifier, tuple[int, int]]
    )
    edges: dict[tuple[Identifier, Identifier], Edge] = field(
        default_factory=dict[tuple[Identifier, Identifier], Edge]
    )
    stated_by: dict[Identifier, tuple[str, ...]] = field(
        default_factory=dict[Identifier, tuple[str, ...]]
    )
    shared: dict[Identifier, int] = field(default_factory=dict[Identifier, int])
    held: dict[tuple[Identifier, Reason], HeldBack] = field(
        default_factory=dict[tuple[Identifier, Reason], HeldBack]
    )

    def note(self, other: Resolution) -> None:
        """Add what was held back elsewhere in the same batch."""
        for key, more in other.held.items():
            held = self.held.get(key)
            if held is None:
                self.held[key] = more
                continue
            held.times += more.times
            held.last_at = max(held.last_at, more.last_at)
            if more.position < held.position:
                held.position, held.at = more.position, more.at


def identifiers_of(event: Event, body: Body) -> list[Identifier]:
    """The usable identifiers of one event by the built-in kinds, strongest first."""
    return BUILT_IN.identifiers_of(event, body)


def text_of(identifier: Identifier) -> str:
    """An identifier as one text, as it stands in `Known.stated_by`."""
    return "\x1f".join(identifier)


def gaining(identifiers: Sequence[list[Identifier]], known: Known) -> set[int]:
    """The known customers that may gain identifiers in a batch or be absorbed.

    Nobody gains but by an event that names one of their identifiers beside one that is not.
    """
    found: set[int | None] = set()
    owner_of = known.owners.get
    for stated in identifiers:
        if len(stated) > 1:
            owners = [owner_of(identifier) for identifier in stated]
            if owners.count(owners[0]) < len(owners):
                found.update(owners)
    return {customer for customer in found if customer is not None}


def resolve(
    workspace_id: int,
    events: Sequence[Event],
    identifiers: Sequence[list[Identifier]],
    known: Known,
    kinds: Kinds = BUILT_IN,
    decided: Mapping[int, Decision] = _UNDECIDED,
) -> Resolution:
    """Give every event its customer.

    Args:
        workspace_id: part of the new customers' ids.
        events: the batch in log order.
        identifiers: for each event its identifiers, strongest first; at least one.
        known: what is stored of all of them; it is changed in place.
        kinds: the limits of their kinds.
        decided: merges that were decided upon, by the position of the event that tells it.
    """
    walk = _Walk(workspace_id, known, kinds)
    customers, named = walk.result.customers, walk.result.named
    owner_of = known.owners.get
    for event, stated in zip(events, identifiers, strict=True):
        if event.position in decided:
            customers.append(walk.decide(event, decided[event.position]))
            named.append(stated[0])
            continue
        if known.stated_by and len(stated) > 1:
            stated = walk.heard(event, stated)
        owner = None if len(stated) > 1 else owner_of(stated[0])
        owner = walk.owner(event, stated) if owner is None else walk.current(owner)
        customers.append(owner)
        named.append(stated[0])
    return walk.result


class _Walk:
    """One batch on its way through the events."""

    def __init__(self, workspace_id: int, known: Known, kinds: Kinds) -> None:
        self.workspace_id, self.known, self.kinds = workspace_id, known, kinds
        self.result = Resolution()
        self.merged: dict[int, int] = {}

    def heard(self, event: Event, stated: list[Identifier]) -> list[Identifier]:
        """What of these still counts; the strongest alone, where all are held back."""
        heard: list[Identifier] = []
        for identifier in stated:
            if self._is_shared(identifier):
                self._note(event, identifier, "shared")
            else:
                heard.append(identifier)
        return heard or stated[:1]

    def _is_shared(self, identifier: Identifier) -> bool:
        by = self.known.stated_by.get(identifier)
        if not by:
            return False
        most = self.kinds.kind(identifier[0]).per_identifier
        return most is not None and len(by) >= most

    def owner(self, event: Event, stated: list[Identifier]) -> int:
        """The customer of an event; whoever is linked by it is linked now.

        It owns the strongest identifier, before and after.
        """
        owners, first = self.known.owners, stated[0]
        found = [owners.get(identifier) for identifier in stated]
        customer = next((self.current(o) for o in found if o is not None), None)
        if customer is not None and found.count(found[0]) == len(found):
            self._record_edges(event, stated, customer)
            return customer
        if customer is None or (first not in owners and not self._fits(customer, first)):
            # Where somebody was found: another person, on a device or address of theirs.
            customer = self._create(event, first)
        for identifier in stated:
            owner = owners.get(identifier)
            if owner is None:
                if self._fits(customer, identifier):
                    self._claim(identifier, customer, event)
                else:
                    self._note(event, identifier, "full", customer)
                    self._contest(event, first, identifier)
                continue
            owner = self.current(owner)
            if owner == customer:
                continue
            if self._apart(owner, customer, event):
                self._contest(event, identifier, first)
                self._contest(event, first, identifier)
            else:
                customer = self.merge(owner, customer, event)
        if len(stated) > 1:
            self._record_edges(event, stated, customer)
        return customer

    def decide(self, event: Event, decision: Decision) -> int:
        """Make the owners of two identifiers one, whatever keeps others apart.

        A model is no person: it does not join what somebody decided to keep apart, and adds
        nothing to what joins two who are one already.
        """
        owners, left, right = self.known.owners, decision.left[0], decision.right
        found = [self.current(owners[i]) for i in (left, right) if i in owners]
        if not found:  # nobody is known by either yet: no customer stands there without a name
            customer = self._create(event, left)
            self._claim(left, customer, event)
            return customer
        one, other = found[0], found[-1]
        model = decision.reason == MODEL
        held = model and (one == other or other in self.known.apart.get(one, ()))
        if held or len(found) < 2:
            return one
        pair = (left, right) if left < right else (right, left)
        self.result.edges[pair] = Edge(
            *pair, event.source, event.message_id, event.position, event.known_at, decision
        )
        return one if one == other else self.merge(one, other, event)

    def current(self, customer: int) -> int:
        """Where a customer is after the merges so far."""
        while customer in self.merged:
            customer = self.merged[customer]
        return customer

    def _create(self, event: Event, first: Identifier) -> int:
        customer = stable_id(self.workspace_id, *first)
        self.result.created.append(NewCustomer(customer, first, event.position, event.known_at))
        self.known.ages[customer] = event.position
        self.known.counts[customer] = {}
        return customer

    def _fits(self, customer: int, identifier: Identifier) -> bool:
        """Whether a customer may hold one more of this kind."""
        kind, known = self.kinds.kind(identifier[0]), self.known
        holds = known.counts.get(customer, _NOTHING).get(kind.name, 0)
        if kind.unique and (holds or (kind.name == USER_ID and customer in known.user_ids)):
            return False
        return kind.per_customer is None or holds < kind.per_customer

    def _claim(self, identifier: Identifier, customer: int, event: Event) -> None:
        known, kind = self.known, identifier[0]
        known.owners[identifier] = customer
        self.result.identifiers[identifier] = (customer, event.position)
        counts = known.counts.setdefault(customer, {})
        counts[kind] = counts.get(kind, 0) + 1
        if kind == USER_ID:
            known.user_ids.add(customer)

    def _apart(self, a: int, b: int, event: Event) -> bool:
        """Whether two customers must not become one.

        An alias joins what each has a unique identifier of, and nothing else does.
        """
        known, alias = self.known, event.type == "alias"
        if known.apart and b in known.apart.get(a, ()):
            return True
        both = a in known.user_ids and b in known.user_ids
        if both and not alias and self.kinds.kind(USER_ID).unique:
            return True
        of_b = known.counts.get(b, _NOTHING)
        for name, count in known.counts.get(a, _NOTHING).items():
            if name not in of_b:
                continue
            kind = self.kinds.kind(name)
            if kind.unique and not alias:
                return True
            if kind.per_customer is not None and count + of_b[name] > kind.per_customer:
                return True
        return False

    def merge(self, a: int, b: int, event: Event) -> int:
        """Make two customers one; the older one survives."""
        known = self.known
        older, younger = sorted((a, b), key=lambda c: (known.ages[c], c))
        self.merged[younger] = older
        if younger in known.user_ids:
            known.user_ids.add(older)
        counts = known.counts.setdefault(older, {})
        for name, count in known.counts.pop(younger, _NOTHING).items():
            counts[name] = counts.get(name, 0) + count
        for other in known.apart.pop(younger, ()):
            known.apart[other].discard(younger)
            if other != older:
                known.apart[other].add(older)
                known.apart.setdefault(older, set()).add(other)
        self.result.merges.append(Merge(younger, older, event.position))
        return older

    def _contest(self, event: Event, identifier: Identifier, by: Identifier) -> None:
        """Note that an identifier came with one that belongs to somebody else."""
        most = self.kinds.kind(identifier[0]).per_identifier
        if most is None:
            return
        known, result, text = self.known, self.result, text_of(by)
        self._note(event, identifier, "apart")
        others = known.stated_by.get(identifier, ())
        if text in others or len(others) >= most:
            return
        others = (*others, text)
        known.stated_by[identifier] = result.stated_by[identifier] = others
        if len(others) == most:
            result.shared[identifier] = event.position

    def _note(
        self, event: Event, identifier: Identifier, reason: Reason, customer: int | None = None
    ) -> None:
        key = (identifier, reason)
        held = self.result.held.get(key)
        if held is None:
            owner = self.known.owners.get(identifier) if customer is None else customer
            self.result.held[key] = HeldBack(owner, event.position, event.known_at, event.known_at)
        else:
            held.times += 1
            held.last_at = event.known_at

    def _record_edges(self, event: Event, stated: list[Identifier], customer: int) -> None:
        first, edges, owners = stated[0], self.result.edges, self.known.owners
        for other in stated[1:]:
            owner = owners.get(other)
            if other == first or owner is None or self.current(owner) != customer:
                continue
            pair = (first, other) if first < other else (other, first)
            if pair not in edges or edges[pair].by_model:
                edges[pair] = Edge(
                    *pair, event.source, event.message_id, event.position, event.known_at
                )


_NOTHING: dict[str, int] = {}
