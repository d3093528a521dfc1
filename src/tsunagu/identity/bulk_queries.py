"""Identity in bulk in the database: owners of a million identifiers in, what was linked out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import LiteralString

import numpy as np
import pyarrow as pa
from psycopg import Cursor, sql

from tsunagu.identity.bulk import Linked, Owners, gaining
from tsunagu.identity.bulk_names import NONE, Bools, Ints, Names, Told
from tsunagu.identity.decided_queries import OBSERVED_AGAIN, load_apart
from tsunagu.identity.held_queries import store_held
from tsunagu.identity.queries import Row, load_counts, store
from tsunagu.identity.resolve import HeldBack, Resolution
from tsunagu.storage import Arrow, fetch_numbers, stage_columns

_Share = tuple[int, int, int]
"""Which part, and from where to where."""

_NAME_COLUMNS = {"number": "int4", "kind": "text", "value": "text"}

# Looked up row by row: `offset 0` keeps the planner from joining all rows of the workspace.
_OWNERS: LiteralString = """
select wanted.number, i.customer_id, i.stated
from names_in as wanted
cross join lateral (
    select customer_id, stated_by is not null as stated from identifiers
    where workspace_id = {workspace} and kind = wanted.kind and value = wanted.value
    offset 0
) as i
"""

# A customer with several of the identifiers is looked up once.
_AGES: LiteralString = """
select
    wanted.customer_id, c.created_position,
    c.first_kind = 'user_id' or exists (
        select from identifiers as u
        where u.workspace_id = {workspace} and u.customer_id = wanted.customer_id
            and u.kind = 'user_id'
    )
from owners_in as wanted
cross join lateral (
    select first_kind, created_position from customers
    where workspace_id = {workspace} and customer_id = wanted.customer_id
    offset 0
) as c
"""

_STATED: LiteralString = """
select wanted.number, i.stated_by, i.held_position
from unnest(%(numbers)s::bigint[], %(kinds)s::text[], %(values)s::text[])
    as wanted (number, kind, value)
join identifiers as i
    on i.workspace_id = %(workspace)s and i.kind = wanted.kind and i.value = wanted.value
"""

# All rows come in the order of their keys, so that an index is filled page by page.
_STORE_CUSTOMERS: LiteralString = """
insert into customers (
    workspace_id, customer_id, first_kind, first_value, created_position, created_at,
    merged_into, merged_position
)
select
    %s, customer_id, first_kind, first_value, created_position,
    timestamptz 'epoch' + created_at * interval '1 microsecond', merged_into, merged_position
from bulk_customers_in
"""
_CUSTOMER_COLUMNS = {
    "customer_id": "int8",
    "first_kind": "text",
    "first_value": "text",
    "created_position": "int8",
    "created_at": "int8",
    "merged_into": "int8",
    "merged_position": "int8",
}

_STORE_IDENTIFIERS: LiteralString = """
insert into identifiers (workspace_id, kind, value, customer_id, first_position)
select %s, kind, value, customer_id, first_position
from bulk_identifiers_in
"""
_IDENTIFIER_COLUMNS = {
    "kind": "text",
    "value": "text",
    "customer_id": "int8",
    "first_position": "int8",
}

_STORE_EDGES: LiteralString = """
insert into identity_edges (
    workspace_id, kind_a, value_a, kind_b, value_b, source, message_id, position, at
)
select
    %s, kind_a, value_a, kind_b, value_b, source, message_id, position,
    timestamptz 'epoch' + at * interval '1 microsecond'
from bulk_edges_in
"""
_STORE_EDGES_AGAIN: LiteralString = _STORE_EDGES + OBSERVED_AGAIN
_EDGE_COLUMNS = {
    "kind_a": "text",
    "value_a": "text",
    "kind_b": "text",
    "value_b": "text",
    "source": "text",
    "message_id": "text",
    "position": "int8",
    "at": "int8",
}


def load_owners(
    cursor: Cursor[Row],
    workspace_id: int,
    names: Names,
    stated: Ints,
    beside: Cursor[Row] | None = None,
) -> Owners:
    """What the database knows of the identifiers of a part, set-based.

    Args:
        beside: of another connection that looks up half of them at the same time.
    """
    owners = Owners.unknown(len(names))
    anybody = cursor.execute(
        "select from identifiers where workspace_id = %s limit 1", (workspace_id,)
    ).fetchone()
    if anybody is None:
        return owners
    cursors = (cursor,) if beside is None else (cursor, beside)

    def found(part: _Share) -> dict[str, Ints]:
        return _found(cursors[part[0]], workspace_id, names, *part[1:])

    def counted(part: _Share) -> dict[int, dict[str, int]]:
        some = customers[part[1] : part[2]].tolist()
        return load_counts(cursors[part[0]], workspace_id, some)

    with ThreadPoolExecutor(len(cursors), "look-ups") as pool:
        for columns in list(pool.map(found, _shares(len(names), len(cursors)))):
            numbers = columns["number"]
            owners.customer[numbers] = columns["customer"]
            owners.age[numbers] = columns["age"]
            owners.named[numbers] = columns["named"]
            contested = numbers[columns["stated"]]
            if len(contested):
                _load_stated(cursor, workspace_id, names, contested, owners)
        customers = gaining(stated, owners)
        for counts in pool.map(counted, _shares(len(customers), len(cursors))):
            owners.counts.update(counts)
    owners.apart.update(load_apart(cursor, workspace_id, customers.tolist()))
    return owners


def _shares(count: int, parts: int) -> list[_Share]:
    """Which part takes what range of so many."""
    ends = [count * part // parts for part in range(parts + 1)]
    return [(part, ends[part], ends[part + 1]) for part in range(parts)]


def _found(
    cursor: Cursor[Row], workspace_id: int, names: Names, start: int, stop: int
) -> dict[str, Ints]:
    numbers = np.arange(start, stop, dtype=np.int64)
    arrays = [
        pa.array(numbers.astype(np.int32)),
        kinds_of(names, numbers),
        names.value.slice(start, stop - start),
    ]
    stage_columns(cursor, "names_in", _NAME_COLUMNS, arrays)
    found = fetch_numbers(
        cursor,
        sql.SQL(_OWNERS).format(workspace=workspace_id),
        {"number": "int4", "customer": "int8", "stated": "bool"},
    )
    customers, place = np.unique(found["customer"], return_inverse=True)
    stage_columns(cursor, "owners_in", {"customer_id": "int8"}, [pa.array(customers)])
    aged = fetch_numbers(
        cursor,
        sql.SQL(_AGES).format(workspace=workspace_id),
        {"customer": "int8", "age": "int8", "named": "bool"},
    )
    order = np.argsort(aged["customer"])
    assert len(order) == len(customers)
    return found | {"age": aged["age"][order][place], "named": aged["named"][order][place]}


def _load_stated(
    cursor: Cursor[Row], workspace_id: int, names: Names, numbers: Ints, owners: Owners
) -> None:
    pairs = [names.pair(number) for number in numbers.tolist()]
    wanted = {
        "numbers": numbers.tolist(),
        "kinds": [kind for kind, _ in pairs],
        "values": [value for _, value in pairs],
        "workspace": workspace_id,
    }
    for number, stated_by, position in cursor.execute(_STATED, wanted):
        owners.stated_by[number] = tuple(stated_by)
        if position is not None:
            owners.shared[number] = position


def kinds_of(names: Names, numbers: Ints | None = None) -> Arrow:
    """The kinds of identifiers, as texts."""
    chosen = names.kind if numbers is None else names.kind[numbers]
    return pa.DictionaryArray.from_arrays(
        pa.array(chosen, pa.uint16()), pa.array(names.kinds)
    ).cast(pa.string())


def store_named(cursor: Cursor[Row], workspace_id: int, linked: Linked, told: Told) -> None:
    """Write the new customers and their identifiers.

    Where nobody merges they may be committed a moment before all else of the part: who finds
    them links the same events to the same customers again.
    """
    _store_customers(cursor, workspace_id, linked, told)
    _store_identifiers(cursor, workspace_id, linked)


def store_absorbed(cursor: Cursor[Row], workspace_id: int, linked: Linked) -> None:
    """Let customers who were there before the part go up in their survivors."""
    fresh = set(linked.created.tolist()) if linked.merges else set[int]()
    final = linked.final()
    older = [replace(m, survivor=final[m.loser]) for m in linked.merges if m.loser not in fresh]
    store(cursor, workspace_id, Resolution(merges=older))


def store_withheld(cursor: Cursor[Row], workspace_id: int, linked: Linked, told: Told) -> None:
    """Write what did not count and why; after the identifiers."""
    withheld = linked.withheld
    for identifier, (times, row) in linked.names.blocked.items():
        position, at = int(told.position[row]), int(told.known_at[row])
        withheld.held[identifier, "blocked"] = HeldBack(None, position, at, at, times)
    store_held(cursor, workspace_id, withheld)


def _store_customers(cursor: Cursor[Row], workspace_id: int, linked: Linked, told: Told) -> None:
    if not len(linked.created):
        return
    order = np.argsort(linked.created)
    names, rows = linked.created_name[order], linked.created_row[order]
    merged = {merge.loser: merge for merge in linked.merges}
    final = linked.final()
    losers = [merged.get(c) for c in linked.created[order].tolist()] if merged else []
    into = [None if m is None else final[m.loser] for m in losers]
    at = [None if m is None else m.position for m in losers]
    nothing = pa.nulls(len(order), pa.int64())
    arrays = [
        pa.array(linked.created[order]),
        kinds_of(linked.names, names),
        linked.names.value.take(pa.array(names)),
        pa.array(told.position[rows]),
        pa.array(told.known_at[rows]),
        pa.array(into, pa.int64()) if merged else nothing,
        pa.array(at, pa.int64()) if merged else nothing,
    ]
    stage_columns(cursor, "bulk_customers_in", _CUSTOMER_COLUMNS, arrays)
    cursor.execute(_STORE_CUSTOMERS, (workspace_id,))


def _store_identifiers(cursor: Cursor[Row], workspace_id: int, linked: Linked) -> None:
    numbers = np.flatnonzero(linked.claimed != NONE)
    if not len(numbers):
        return
    arrays = [
        kinds_of(linked.names, numbers),
        linked.names.value.take(pa.array(numbers)),
        pa.array(linked.owner[numbers]),
        pa.array(linked.claimed[numbers]),
    ]
    stage_columns(cursor, "bulk_identifiers_in", _IDENTIFIER_COLUMNS, arrays)
    cursor.execute(_STORE_IDENTIFIERS, (workspace_id,))


def store_evidence(
    cursor: Cursor[Row],
    workspace_id: int,
    linked: Linked,
    told: Told,
    source: Arrow,
    message_id: Arrow,
) -> None:
    """Write the new edges.

    Args:
        source: of each event.
        message_id: of each event that names at least two identifiers.
    """
    # Only between identifiers that were known before can there be an edge already.
    old = (linked.claimed[linked.edge_a] == NONE) & (linked.claimed[linked.edge_b] == NONE)
    ways: list[tuple[Bools, LiteralString]] = [(~old, _STORE_EDGES), (old, _STORE_EDGES_AGAIN)]
    for chosen, statement in ways:
        if not chosen.any():
            continue
        order = np.flatnonzero(chosen)
        order = order[np.lexsort((linked.edge_b[order], linked.edge_a[order]))]
        rows = linked.edge_row[order]
        arrays: list[Arrow] = []
        for numbers in (linked.edge_a[order], linked.edge_b[order]):
            arrays += [kinds_of(linked.names, numbers), linked.names.value.take(pa.array(numbers))]
        arrays += [_plain(source.take(pa.array(rows))), _plain(message_id.take(pa.array(rows)))]
        arrays += [pa.array(told.position[rows]), pa.array(told.known_at[rows])]
        stage_columns(cursor, "bulk_edges_in", _EDGE_COLUMNS, arrays)
        cursor.execute(statement, (workspace_id,))


def _plain(texts: Arrow) -> Arrow:
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
