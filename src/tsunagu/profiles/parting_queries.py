"""The rows of a customer who is parted: read in order, and moved to their side."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import LiteralString

from psycopg import Cursor

from tsunagu.core import Event
from tsunagu.storage import Row, int_array

_ROWS: LiteralString = """
select customer_id, position, (date_part('epoch', at) * 1000000)::bigint, type, name, source,
    user_id, anonymous_id, convert_to(body, 'UTF8')
from timeline
where workspace_id = %s and customer_id = any(%s)
order by position
"""

_MOVE_TIMELINE: LiteralString = """
update timeline set customer_id = %s where workspace_id = %s and position = any(%s)
"""
_MOVE_ENROLMENTS: LiteralString = """
update enrolments set customer_id = %s where workspace_id = %s and entered_position = any(%s)
"""

_COPY_CONSENTS: LiteralString = """
insert into consents (
    workspace_id, customer_id, channel, purpose, granted, at, position, evidence
)
select workspace_id, %(other)s, channel, purpose, granted, at, position, evidence
from consents where workspace_id = %(workspace)s and customer_id = %(customer)s
on conflict (workspace_id, customer_id, channel, purpose) do update
set granted = excluded.granted, at = excluded.at, position = excluded.position,
    evidence = excluded.evidence
"""

_CUT_CONSENTS: LiteralString = """
delete from consents
where workspace_id = %s and customer_id = %s and not channel || '/' || purpose = any(%s)
"""

_SET_CONSENTS: LiteralString = """
update consents as c
set granted = s.granted
from unnest(%(keys)s::text[], %(granted)s::bool[]) as s (key, granted)
where c.workspace_id = %(workspace)s and c.customer_id = %(customer)s
    and c.channel || '/' || c.purpose = s.key
"""


@dataclass(frozen=True, slots=True)
class Lived:
    """A row of the timeline, and the id under which it lies."""

    customer: int
    event: Event


def lived_by(cursor: Cursor[Row], workspace_id: int, customers: Collection[int]) -> list[Lived]:
    """All rows of these ids, in log order."""
    cursor.execute(_ROWS, (workspace_id, int_array(customers)), binary=True)
    return [
        Lived(customer, Event(position, at, at, "", kind, name, user, device, at, source, body))
        for customer, position, at, kind, name, source, user, device, body in cursor.fetchall()
    ]


def move_rows(cursor: Cursor[Row], workspace_id: int, positions: Collection[int], to: int) -> None:
    """Let these rows of the timeline be a customer's, and the enrolments that began at them."""
    for statement in (_MOVE_TIMELINE, _MOVE_ENROLMENTS):
        cursor.execute(statement, (to, workspace_id, int_array(positions)))


def part_consents(
    cursor: Cursor[Row],
    workspace_id: int,
    customer: int,
    other: int,
    granted: Mapping[int, Mapping[str, bool]],
) -> None:
    """Let both sides have the consents of the whole, and each of those what it may.

    Args:
        granted: for both customers, by channel and purpose, whether it is granted.
    """
    both = {"workspace": workspace_id, "customer": customer, "other": other}
    cursor.execute(_COPY_CONSENTS, both)
    for side, words in granted.items():
        cursor.execute(_CUT_CONSENTS, (workspace_id, side, list(words)))
        told = {"keys": list(words), "granted": list(words.values())}
        cursor.execute(_SET_CONSENTS, {"workspace": workspace_id, "customer": side, **told})
