"""What was held back, in the database: which identifiers too many state, and what did not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple

import msgspec
from psycopg import Cursor

from tsunagu.core.times import micros, moment
from tsunagu.identity.kinds import Blocked, Identifier
from tsunagu.identity.resolve import HeldBack, Reason, Resolution
from tsunagu.storage import stage

Row = tuple[Any, ...]

MOST_ROWS = 100_000
"""So many rows for people to read are kept of a workspace."""
_PRUNED_EVERY = 64

# A list of lists does not pass as an array, so each comes as the JSON of its texts.
_STORE_STATED: LiteralString = """
update identifiers as i
set stated_by = (select array_agg(t) from jsonb_array_elements_text(s.stated_by::jsonb) as t),
    held_position = coalesce(i.held_position, s.position)
from unnest(
    %(kinds)s::text[], %(values)s::text[], %(stated_by)s::text[], %(positions)s::bigint[]
) as s (kind, value, stated_by, position)
where i.workspace_id = %(workspace)s and i.kind = s.kind and i.value = s.value
"""

_HELD_COLUMNS = {
    "kind": "text",
    "value": "text",
    "reason": "text",
    "customer_id": "int8",
    "first_position": "int8",
    "first_at": "timestamptz",
    "last_at": "timestamptz",
    "times": "int8",
}
_STORE_HELD: LiteralString = """
insert into held_identifiers as h (
    workspace_id, kind, value, reason, customer_id, first_position, first_at, last_at, times
)
select %s, kind, value, reason, customer_id, first_position, first_at, last_at, times
from held_in
on conflict (workspace_id, kind, value, reason) do update
set times = h.times + excluded.times, last_at = greatest(h.last_at, excluded.last_at)
"""

_PRUNE: LiteralString = """
delete from held_identifiers
where workspace_id = %(workspace)s and last_at < (
    select last_at from held_identifiers where workspace_id = %(workspace)s
    order by last_at desc offset %(most)s limit 1
)
"""


def note_blocked(resolution: Resolution, blocked: Mapping[Identifier, Blocked]) -> None:
    """Add what was blocked in a batch to what it held back."""
    for identifier, held in blocked.items():
        event = held.event
        resolution.held[identifier, "blocked"] = HeldBack(
            None, event.position, event.known_at, event.known_at, held.times
        )


def store_held(cursor: Cursor[Row], workspace_id: int, resolution: Resolution) -> None:
    """Write who stated what of others, and what did not count in a batch."""
    if resolution.stated_by:
        stated = resolution.stated_by
        parameters = {
            "workspace": workspace_id,
            "kinds": [kind for kind, _ in stated],
            "values": [value for _, value in stated],
            "stated_by": [msgspec.json.encode(texts).decode() for texts in stated.values()],
            "positions": [resolution.shared.get(identifier) for identifier in stated],
        }
        cursor.execute(_STORE_STATED, parameters)
    if resolution.held:
        rows = (
            (*i, reason, h.customer, h.position, moment(h.at), moment(h.last_at), h.times)
            for (i, reason), h in resolution.held.items()
        )
        stage(cursor, "held_in", _HELD_COLUMNS, rows)
        cursor.execute(_STORE_HELD, (workspace_id,))
        first = next(iter(resolution.held.values()))
        if first.position % _PRUNED_EVERY == 0:
            cursor.execute(_PRUNE, {"workspace": workspace_id, "most": MOST_ROWS})


class HeldPlace(NamedTuple):
    """Where an identifier stands in the list of those held back: the latest first."""

    last_at: int
    kind: str
    value: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Held:
    """An identifier that did not count `times` times, and why; times are microseconds."""

    kind: str
    value: str
    reason: Reason
    customer_id: int | None
    first_at: int
    last_at: int
    times: int
    stated_by: list[Identifier]

    @property
    def place(self) -> HeldPlace:
        """Where it stands in the list."""
        return HeldPlace(self.last_at, self.kind, self.value, self.reason)


_LISTED: LiteralString = """
select h.kind, h.value, h.reason, coalesce(i.customer_id, h.customer_id), h.first_at, h.last_at,
    h.times, coalesce(i.stated_by, '{}')
from held_identifiers as h
left join identifiers as i using (workspace_id, kind, value)
where h.workspace_id = %(workspace)s
    and (%(kind)s::text is null or h.kind = %(kind)s)
    and (%(reason)s::text is null or h.reason = %(reason)s)
    and (%(value)s::text is null or h.value = %(value)s)
    and (
        %(at)s::timestamptz is null or h.last_at < %(at)s
        or (h.last_at = %(at)s and (h.kind, h.value, h.reason)
            > (%(after_kind)s, %(after_value)s, %(after_reason)s))
    )
order by h.last_at desc, h.kind, h.value, h.reason
limit %(limit)s
"""


def list_held(
    cursor: Cursor[Row],
    workspace_id: int,
    *,
    kind: str | None = None,
    reason: str | None = None,
    value: str | None = None,
    after: HeldPlace | None = None,
    limit: int = 100,
) -> list[Held]:
    """What was held back, the latest first.

    Args:
        after: the place of the last one seen, to page on.
    """
    parameters = {
        "workspace": workspace_id,
        "kind": kind,
        "reason": reason,
        "value": value,
        "at": None if after is None else moment(after.last_at),
        "after_kind": after and after.kind,
        "after_value": after and after.value,
        "after_reason": after and after.reason,
        "limit": limit,
    }
    found = cursor.execute(_LISTED, parameters).fetchall()
    return [
        Held(a, b, c, customer, micros(first), micros(last), times, [_pair(t) for t in stated_by])
        for a, b, c, customer, first, last, times, stated_by in found
    ]


def _pair(text: str) -> Identifier:
    kind, _, value = text.partition("\x1f")
    return kind, value
