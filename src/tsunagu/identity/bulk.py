"""Linking in bulk: which customer each of millions of events belongs to, in log order.

The outcome is the resolver's (`resolve.py`). Most people are simple: all that is said of them
leads to one customer, whatever the order. These are found by components of identifiers, worked
out for all at once; only the others are resolved event by event, by the resolver itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from tsunagu.core import Event
from tsunagu.identity.bulk_names import NONE, Bools, Ints, Names, Told, strongest, without
from tsunagu.identity.kinds import BUILT_IN, USER_ID, Identifier, Kinds
from tsunagu.identity.resolve import HeldBack, Known, Merge, Resolution, resolve

_ABSENT = -2


@dataclass(frozen=True)
class Owners:
    """What the database knows, by identifier number; `customer` is -1 where it knows nothing.

    `age` is the position that created the customer, `named` whether it has a user id. `counts`
    says how many identifiers of each kind the customers hold that `gaining` names, `stated_by`
    and `shared` what `Known.stated_by` says and from which position on an identifier is held back,
    `apart` what `Known.apart` says.
    """

    customer: Ints
    age: Ints
    named: Bools
    counts: dict[int, dict[str, int]] = field(default_factory=dict[int, dict[str, int]])
    stated_by: dict[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])
    shared: dict[int, int] = field(default_factory=dict[int, int])
    apart: dict[int, set[int]] = field(default_factory=dict[int, set[int]])

    @staticmethod
    def unknown(count: int) -> Owners:
        """Of a workspace without customers."""
        nobody = np.full(count, NONE, np.int64)
        return Owners(nobody, nobody.copy(), np.zeros(count, np.bool_))


@dataclass
class Linked:
    """The outcome. Numbers are of `names`, rows of the events.

    `customer` is whom each event belongs to after all merges of the part, -1 where nobody is
    named; `at_first` is whom it belonged to at that point. `owner` is the final customer of each
    identifier, -1 if nobody's, `claimed` the position at which it was first seen, -1 if it was
    known. `withheld` has what did not count and why.
    """

    names: Names
    customer: Ints
    at_first: Ints
    owner: Ints
    claimed: Ints
    created: Ints
    created_name: Ints
    created_row: Ints
    edge_a: Ints
    edge_b: Ints
    edge_row: Ints
    merges: list[Merge] = field(default_factory=list[Merge])
    withheld: Resolution = field(default_factory=Resolution)

    def final(self) -> dict[int, int]:
        """Where each absorbed customer ended up."""
        return _final(self.merges)


def gaining(stated: Ints, owners: Owners) -> Ints:
    """The known customers that may gain identifiers in a part or be absorbed, as live."""
    customer = np.append(owners.customer, _ABSENT)[stated]
    least = np.where(customer == _ABSENT, np.iinfo(np.int64).max, customer).min(axis=1)
    found = np.unique(customer[least < customer.max(axis=1)])
    return found[found >= 0]


def link(
    workspace_id: int,
    told: Told,
    names: Names,
    stated: Ints,
    owners: Owners,
    kinds: Kinds = BUILT_IN,
) -> Linked:
    """Give every event its customer, as the resolver would.

    Args:
        workspace_id: part of the new customers' ids.
        told: the events in log order.
        names: their identifiers.
        stated: the numbers of each event's identifiers, as `number_names` gives them.
        owners: what the database knows of them.
        kinds: the limits of their kinds.
    """
    stated, held = _heard(told, names, stated, owners, kinds)
    rows = np.flatnonzero((stated != NONE).any(axis=1))
    best = strongest(stated)
    component = _components(stated, best, rows, owners)
    first = _first_rows(stated, len(names))
    founding = _founding(stated, rows, first, owners)
    simple = _simple(component, founding, best, names, owners, kinds)
    linked = _link_simple(
        workspace_id, told, names, best, component, founding, first, simple, owners
    )
    easy = np.zeros(len(stated), np.bool_)
    easy[rows] = simple[component[best[rows]]]
    _edges(linked, told, stated, best, np.flatnonzero(easy))
    hard = rows[~easy[rows]]
    if len(hard):
        _link_hard(workspace_id, told, linked, stated, hard, owners, kinds)
    linked.withheld.note(held)
    return linked


def _heard(
    told: Told, names: Names, stated: Ints, owners: Owners, kinds: Kinds
) -> tuple[Ints, Resolution]:
    """The numbers of each event without those that were held back before the part."""
    shared = np.zeros(len(names) + 1, np.bool_)
    for number, by in owners.stated_by.items():
        most = kinds.kind(names.kinds[names.kind[number]]).per_identifier
        shared[number] = most is not None and len(by) >= most
    held = Resolution()
    if not shared.any():
        return stated, held
    several = (stated != NONE).sum(axis=1) > 1
    gone = shared[stated] & several[:, None]
    rows, columns = np.nonzero(gone)
    for row, number in zip(rows.tolist(), stated[rows, columns].tolist(), strict=True):
        at = int(told.known_at[row])
        owner = int(owners.customer[number])
        one = HeldBack(owner, int(told.position[row]), at, at)
        held.note(Resolution(held={(names.pair(number), "shared"): one}))
    return without(stated, gone), held


def _components(stated: Ints, best: Ints, rows: Ints, owners: Owners) -> Ints:
    """The component of each identifier: what events or the database hold together."""
    # SciPy takes memory that no process needs which only looks customers up.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(owners.customer)
    known = np.flatnonzero(owners.customer != NONE)
    _, customer = np.unique(owners.customer[known], return_inverse=True)
    left, right = [known], [customer + count]
    for column in range(1, stated.shape[1]):
        other = stated[rows, column]
        linked = (other != NONE) & (other != best[rows])
        left.append(best[rows][linked])
        right.append(other[linked])
    a, b = np.concatenate(left), np.concatenate(right)
    size = count + (int(customer.max()) + 1 if len(customer) else 0)
    graph = coo_array((np.ones(len(a), np.bool_), (a, b)), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return labels[:count].astype(np.int64)


def _first_rows(stated: Ints, count: int) -> Ints:
    """The first event of each identifier."""
    first = np.full(count, len(stated), np.int64)
    backwards = np.arange(len(stated) - 1, -1, -1)
    for column in range(stated.shape[1]):
        seen = np.full(count, len(stated), np.int64)
        numbers = stated[::-1, column]
        said = numbers != NONE
        seen[numbers[said]] = backwards[said]  # the last write is the earliest event
        np.minimum(first, seen, out=first)
    return first


def _founding(stated: Ints, rows: Ints, first: Ints, owners: Owners) -> Bools:
    """Whether an event names only identifiers that nobody owns and no event named before."""
    fresh = np.append((owners.customer == NONE), True)
    started = np.append(first, 0)
    founding = np.zeros(len(stated), np.bool_)
    new = np.ones(len(rows), np.bool_)
    for column in range(stated.shape[1]):
        numbers = stated[rows, column]
        new &= (numbers == NONE) | (fresh[numbers] & (started[numbers] == rows))
    founding[rows] = new
    return founding


def _simple(
    component: Ints, founding: Bools, best: Ints, names: Names, owners: Owners, kinds: Kinds
) -> Bools:
    """Whether a component leads to one customer whatever the order, by component.

    That is so when nothing but one founding event or one known customer starts it, all that is
    in it is within the limits of its kinds, and nothing in it was ever stated by others: then
    nothing merges, nobody stays apart, and nothing is held back.
    """
    count = int(component.max()) + 1 if len(component) else 0
    founders = np.bincount(component[best[founding]], minlength=count)
    known = np.flatnonzero(owners.customer != NONE)
    held, place = np.unique(owners.customer[known], return_index=True)
    place = known[place]
    holders = np.bincount(component[place], minlength=count)
    simple = founders + holders == 1
    fresh = owners.customer == NONE
    of_customer = dict(zip(held.tolist(), component[place].tolist(), strict=True))
    for number, name in enumerate(names.kinds):
        kind = kinds.kind(name)
        if kind.per_customer is None and not kind.unique:
            continue
        before = np.zeros(count, np.int64)
        for customer, counts in owners.counts.items():
            if name in counts and customer in of_customer:
                before[of_customer[customer]] = counts[name]
        if name == USER_ID:
            named = np.bincount(component[place[owners.named[place]]], minlength=count)
            np.maximum(before, named, out=before)
        total = before + np.bincount(component[fresh & (names.kind == number)], minlength=count)
        if kind.unique:
            simple &= total <= np.maximum(before, 1)
        if kind.per_customer is not None:
            simple &= total <= kind.per_customer
    if owners.stated_by:
        simple[component[np.fromiter(owners.stated_by, np.int64)]] = False
    return simple


def _link_simple(
    workspace_id: int,
    told: Told,
    names: Names,
    best: Ints,
    component: Ints,
    founding: Bools,
    first: Ints,
    simple: Bools,
    owners: Owners,
) -> Linked:
    """The customers of the simple components, for all of them at once."""
    founders = np.flatnonzero(founding)
    founders = founders[simple[component[best[founders]]]]
    created = new_ids(workspace_id, names, best[founders])
    of_component = np.full(len(simple), NONE, np.int64)
    of_component[component[best[founders]]] = created
    known = np.flatnonzero(owners.customer != NONE)
    known = known[simple[component[known]]]
    of_component[component[known]] = owners.customer[known]
    owner = np.where(simple[component], of_component[component], owners.customer)
    fresh = simple[component] & (owners.customer == NONE)
    claimed = np.where(fresh, told.position[np.minimum(first, len(told.position) - 1)], NONE)
    customer = np.where(best == NONE, NONE, np.append(owner, NONE)[best])
    nothing = np.zeros(0, np.int64)
    return Linked(
        names,
        customer,
        customer.copy(),
        owner,
        claimed,
        created,
        best[founders],
        founders,
        nothing,
        nothing,
        nothing,
    )


def new_ids(workspace_id: int, names: Names, numbers: Ints) -> Ints:
    """The ids of customers named by these identifiers: `core.stable_id`, many at a time."""
    heads = [f"{workspace_id}\x1f{kind}\x1f".encode() for kind in names.kinds]
    kinds = names.kind[numbers].tolist()
    values = names.value.take(pa.array(numbers)).cast(pa.binary()).to_pylist()
    digests = b"".join(
        [
            blake2b(heads[kind] + value, digest_size=8).digest()
            for kind, value in zip(kinds, values, strict=True)
        ]
    )
    return (np.frombuffer(digests, ">u8") >> np.uint64(1)).astype(np.int64)


def _edges(linked: Linked, told: Told, stated: Ints, best: Ints, rows: Ints) -> None:
    """The first evidence of each pair of identifiers, of events whose customer is simple."""
    a, b, row = [], [], []
    for column in range(stated.shape[1]):
        other = stated[rows, column]
        first = best[rows]
        pairs = (other != NONE) & (other != first)
        a.append(first[pairs])
        b.append(other[pairs])
        row.append(rows[pairs])
    one, two, at = np.concatenate(a), np.concatenate(b), np.concatenate(row)
    if not len(one):
        return
    low, high = np.minimum(one, two), np.maximum(one, two)
    order = np.argsort(at, kind="stable")
    key = low[order] * len(linked.names) + high[order]
    _, place = np.unique(key, return_index=True)
    chosen = order[place]
    low, high, at = low[chosen], high[chosen], at[chosen]
    linked.edge_a, linked.edge_b, linked.edge_row = low, high, at


def _link_hard(
    workspace_id: int,
    told: Told,
    linked: Linked,
    stated: Ints,
    rows: Ints,
    owners: Owners,
    kinds: Kinds,
) -> None:
    """Resolve the other events one by one, and add what comes of it."""
    names = linked.names
    numbers = np.unique(stated[rows])
    numbers = numbers[numbers != NONE]
    pairs = dict(zip(numbers.tolist(), _pairs(names, numbers), strict=True))
    number_of = {pair: number for number, pair in pairs.items()}
    known = _known(owners, numbers, pairs)
    row_of = dict(zip(told.position[rows].tolist(), rows.tolist(), strict=True))
    events = [_event(told, row) for row in rows.tolist()]
    said = [[pairs[n] for n in line if n != NONE] for line in stated[rows].tolist()]
    found = resolve(workspace_id, events, said, known, kinds)
    final = _final(found.merges)
    linked.at_first[rows] = found.customers
    linked.customer[rows] = [final.get(c, c) for c in found.customers]
    for pair, (customer, position) in found.identifiers.items():
        linked.claimed[number_of[pair]] = position
        linked.owner[number_of[pair]] = customer
    held: list[int] = linked.owner[numbers].tolist()
    linked.owner[numbers] = np.asarray([final.get(c, c) for c in held], np.int64)
    linked.merges = found.merges
    linked.withheld = Resolution(stated_by=found.stated_by, shared=found.shared, held=found.held)
    linked.created = _extended(linked.created, [c.customer_id for c in found.created])
    names_of = [number_of[c.first] for c in found.created]
    linked.created_name = _extended(linked.created_name, names_of)
    rows_of = [row_of[c.position] for c in found.created]
    linked.created_row = _extended(linked.created_row, rows_of)
    edges = list(found.edges.values())
    linked.edge_a = _extended(linked.edge_a, [number_of[e.a] for e in edges])
    linked.edge_b = _extended(linked.edge_b, [number_of[e.b] for e in edges])
    linked.edge_row = _extended(linked.edge_row, [row_of[e.position] for e in edges])


def _pairs(names: Names, numbers: Ints) -> list[Identifier]:
    values = names.value.take(pa.array(numbers)).to_pylist()
    return [(names.kinds[k], v) for k, v in zip(names.kind[numbers].tolist(), values, strict=True)]


def _known(owners: Owners, numbers: Ints, pairs: dict[int, Identifier]) -> Known:
    known = Known()
    held = numbers[owners.customer[numbers] != NONE]
    columns = owners.customer[held], owners.age[held], owners.named[held]
    for number, customer, age, named in zip(
        held.tolist(), *(c.tolist() for c in columns), strict=True
    ):
        known.owners[pairs[number]] = customer
        known.ages[customer] = age
        if named:
            known.user_ids.add(customer)
        if customer in owners.counts:
            known.counts[customer] = dict(owners.counts[customer])
        if number in owners.stated_by:
            known.stated_by[pairs[number]] = owners.stated_by[number]
    known.apart = {c: set(others) for c, others in owners.apart.items()}
    return known


def _event(told: Told, row: int) -> Event:
    """An event as far as the resolver looks at it."""
    kind = "alias" if told.alias[row] else "track"
    position, known_at = int(told.position[row]), int(told.known_at[row])
    return Event(position, known_at, known_at, "", kind, "", None, None, known_at, "", b"")


def _final(merges: Sequence[Merge]) -> dict[int, int]:
    """Where each absorbed customer ended up."""
    final = {merge.loser: merge.survivor for merge in merges}
    for loser in final:
        while final[loser] in final:
            final[loser] = final[final[loser]]
    return final


def _extended(held: Ints, more: list[int]) -> Ints:
    return np.concatenate([held, np.asarray(more, np.int64)])
