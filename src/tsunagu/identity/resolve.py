"""Deterministic resolution: which customer each event of a batch belongs to, in log order.

Identifiers that arrive together in one event are linked by an edge. A link between two
customers merges the younger into the older, unless both have a user id of their own: a shared
device or family address must not glue two people together. The result depends on the log
alone, not on how it was cut into batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tsunagu.core import Body, Event, stable_id

Identifier = tuple[str, str]

USER_ID = "user_id"
ANONYMOUS_ID = "anonymous_id"
EMAIL = "email"
MAX_VALUE = 512

# Addresses and placeholders that many people share and that therefore identify nobody.
BLOCKED = frozenset({"", "0", "null", "undefined", "none", "unknown", "anonymous", "test@test.com"})


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
    it, `user_ids` the customers that own a user id.
    """

    owners: dict[Identifier, int] = field(default_factory=dict[Identifier, int])
    ages: dict[int, int] = field(default_factory=dict[int, int])
    user_ids: set[int] = field(default_factory=set[int])


@dataclass
class Resolution:
    """The outcome for one batch; `customers[i]` belongs to `events[i]`."""

    customers: list[int] = field(default_factory=list[int])
    merges: list[Merge] = field(default_factory=list[Merge])
    created: list[NewCustomer] = field(default_factory=list[NewCustomer])
    identifiers: dict[Identifier, tuple[int, int]] = field(
        default_factory=dict[Identifier, tuple[int, int]]
    )
    edges: dict[tuple[Identifier, Identifier], Edge] = field(
        default_factory=dict[tuple[Identifier, Identifier], Edge]
    )


def identifiers_of(event: Event, body: Body) -> list[Identifier]:
    """The usable identifiers of one event, strongest first."""
    found: list[Identifier] = []
    for kind, value in _stated(event, body):
        if value and len(value) <= MAX_VALUE and value.lower() not in BLOCKED:
            found.append((kind, value))
    return found


def _stated(event: Event, body: Body) -> Iterable[tuple[str, str | None]]:
    yield USER_ID, event.user_id
    yield ANONYMOUS_ID, event.anonymous_id
    if event.type == "alias":
        yield ANONYMOUS_ID, body.previous_id
    email = body.traits.get("email")
    if event.type == "identify" and isinstance(email, str) and "@" in email:
        yield EMAIL, email.strip().lower()


def resolve(
    workspace_id: int,
    events: Sequence[Event],
    identifiers: Sequence[list[Identifier]],
    known: Known,
) -> Resolution:
    """Give every event its customer.

    Args:
        workspace_id: part of the new customers' ids.
        events: the batch in log order.
        identifiers: for each event its identifiers, strongest first; at least one.
        known: owners and ages of all of them as stored; it is changed in place.
    """
    result = Resolution()
    merged: dict[int, int] = {}
    for event, stated in zip(events, identifiers, strict=True):
        owner = _owner(workspace_id, event, stated, known, result, merged)
        result.customers.append(owner)
    return result


def _owner(
    workspace_id: int,
    event: Event,
    stated: list[Identifier],
    known: Known,
    result: Resolution,
    merged: dict[int, int],
) -> int:
    owners = [_current(known.owners.get(i), merged) for i in stated]
    customer = next((o for o in owners if o is not None), None)
    if customer is None:
        customer = _create(workspace_id, event, stated[0], known, result)
    elif owners[0] is None and stated[0][0] == USER_ID and customer in known.user_ids:
        # A new user id on a device or address that belongs to somebody else: another person.
        customer = _create(workspace_id, event, stated[0], known, result)
    for identifier, before in zip(stated, owners, strict=True):
        owner = _current(before, merged)  # this event may have merged it a moment ago
        if owner is None:
            _claim(identifier, customer, event, known, result)
        elif owner != customer and not _apart(owner, customer, event, known):
            customer = _merge(owner, customer, event, known, result, merged)
    _record_edges(event, stated, customer, known, result, merged)
    return customer


def _current(customer: int | None, merged: dict[int, int]) -> int | None:
    while customer is not None and customer in merged:
        customer = merged[customer]
    return customer


def _create(
    workspace_id: int, event: Event, first: Identifier, known: Known, result: Resolution
) -> int:
    customer = stable_id(workspace_id, *first)
    result.created.append(NewCustomer(customer, first, event.position, event.known_at))
    known.ages[customer] = event.position
    return customer


def _claim(
    identifier: Identifier, customer: int, event: Event, known: Known, result: Resolution
) -> None:
    known.owners[identifier] = customer
    result.identifiers[identifier] = (customer, event.position)
    if identifier[0] == USER_ID:
        known.user_ids.add(customer)


def _apart(a: int, b: int, event: Event, known: Known) -> bool:
    """Two customers with user ids of their own stay apart unless an alias says otherwise."""
    return event.type != "alias" and a in known.user_ids and b in known.user_ids


def _merge(
    a: int, b: int, event: Event, known: Known, result: Resolution, merged: dict[int, int]
) -> int:
    older, younger = sorted((a, b), key=lambda c: (known.ages[c], c))
    merged[younger] = older
    if younger in known.user_ids:
        known.user_ids.add(older)
    result.merges.append(Merge(younger, older, event.position))
    return older


def _record_edges(
    event: Event,
    stated: list[Identifier],
    customer: int,
    known: Known,
    result: Resolution,
    merged: dict[int, int],
) -> None:
    if len(stated) < 2:
        return
    first = stated[0]
    for other in stated[1:]:
        if other == first or _current(known.owners[other], merged) != customer:
            continue
        pair = (first, other) if first < other else (other, first)
        if pair not in result.edges:
            result.edges[pair] = Edge(
                *pair, event.source, event.message_id, event.position, event.known_at
            )
