"""A customer parted in two: identifiers, ids and evidence, each to its side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from psycopg import Cursor

from tsunagu.core import Event, stable_id
from tsunagu.core.times import moment
from tsunagu.identity.decided import Decision
from tsunagu.identity.decided_queries import keep_apart, owners_of
from tsunagu.identity.kinds import Identifier
from tsunagu.identity.queries import current_customer
from tsunagu.storage import Row, int_array, text_array

_FAMILY: LiteralString = """
with recursive family (customer_id) as (
    select %(customer)s::bigint
    union
    select c.customer_id
    from family as f
    join customers as c on c.workspace_id = %(workspace)s and c.merged_into = f.customer_id
)
select c.customer_id, c.first_kind, c.first_value
from family as f
join customers as c on c.workspace_id = %(workspace)s and c.customer_id = f.customer_id
order by c.created_position, c.customer_id
"""

_CUT: LiteralString = """
update identity_edges as e
set cut_position = %(position)s
from unnest(%(kinds)s::text[], %(values)s::text[], %(moved)s::bool[]) as a (kind, value, moved),
    unnest(%(kinds)s::text[], %(values)s::text[], %(moved)s::bool[]) as b (kind, value, moved)
where e.workspace_id = %(workspace)s and a.moved <> b.moved
    and e.kind_a = a.kind and e.value_a = a.value and e.kind_b = b.kind and e.value_b = b.value
    and e.cut_position is null
"""

_MOVE: LiteralString = """
update identifiers as i
set customer_id = %(other)s
from unnest(%(kinds)s::text[], %(values)s::text[]) as m (kind, value)
where i.workspace_id = %(workspace)s and i.kind = m.kind and i.value = m.value
"""


@dataclass(frozen=True)
class Parted:
    """`customer` stays with its identifiers, `other` has those that are `moved`.

    `family` are all ids that led to the customer before, each with the side it leads to now.
    """

    customer: int
    other: int
    moved: frozenset[Identifier]
    stayed: frozenset[Identifier]
    family: dict[int, int]


def part(cursor: Cursor[Row], workspace_id: int, event: Event, decision: Decision) -> Parted | None:
    """Let identifiers leave their customer; None where they are not with the one that stays.

    The side of the identifier that named the customer first keeps its id. The other side gets
    the id it had before it was merged, or one that its oldest identifier names. Ids that led to
    the customer follow the identifier that named them, so every id ever given out still leads to
    somebody.
    """
    owner = current_customer(cursor, workspace_id, *decision.right)
    if owner is None:
        return None
    held = owners_of(cursor, workspace_id, owner)
    leaving = frozenset(decision.left) & {identifier for identifier, _ in held}
    if not leaving:
        return None
    family = cursor.execute(_FAMILY, {"workspace": workspace_id, "customer": owner}).fetchall()
    firsts: dict[int, Identifier] = {row[0]: (row[1], row[2]) for row in family}
    everything = frozenset(identifier for identifier, _ in held)
    moved = everything - leaving if firsts[owner] in leaving else leaving
    # Who was somebody before the merge is that again, the oldest of them first.
    named = next((first for first in firsts.values() if first in moved), None)
    oldest, position = next((i, p) for i, p in held if i in moved and named in (None, i))
    other = stable_id(workspace_id, *oldest)
    _give_id(cursor, workspace_id, other, oldest, position, event)
    sides = {c: other if first in moved or c == other else owner for c, first in firsts.items()}
    sides[owner], sides[other] = owner, other
    _redirect(cursor, workspace_id, sides)
    named = {
        "kinds": text_array([k for k, _ in moved]),
        "values": text_array([v for _, v in moved]),
    }
    cursor.execute(_MOVE, {"workspace": workspace_id, "other": other, **named})
    listed = sorted(everything)
    cursor.execute(
        _CUT,
        {
            "workspace": workspace_id,
            "position": event.position,
            "kinds": text_array([kind for kind, _ in listed]),
            "values": text_array([value for _, value in listed]),
            "moved": [identifier in moved for identifier in listed],
        },
    )
    keep_apart(cursor, workspace_id, event, decision)
    return Parted(owner, other, frozenset(moved), everything - moved, sides)


def _give_id(
    cursor: Cursor[Row],
    workspace_id: int,
    customer: int,
    first: Identifier,
    position: int,
    event: Event,
) -> None:
    """Make the customer, or let one that was merged stand for itself again."""
    cursor.execute(
        """
        insert into customers (
            workspace_id, customer_id, first_kind, first_value, created_position, created_at
        )
        values (%s, %s, %s, %s, %s, %s)
        on conflict (workspace_id, customer_id) do update
        set merged_into = null, merged_position = null
        """,
        (workspace_id, customer, *first, position, moment(event.known_at)),
    )


def _redirect(cursor: Cursor[Row], workspace_id: int, sides: dict[int, int]) -> None:
    led = {customer: side for customer, side in sides.items() if customer != side}
    cursor.execute(
        """
        update customers as c set merged_into = s.side
        from unnest(%s::bigint[], %s::bigint[]) as s (customer_id, side)
        where c.workspace_id = %s and c.customer_id = s.customer_id
        """,
        (int_array(led), int_array(led.values()), workspace_id),
    )
