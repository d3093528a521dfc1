"""What the pages read about one send: its message, its customer and the customer's last word."""

from __future__ import annotations

from typing import LiteralString

from psycopg import Cursor

from tsunagu.core.times import micros
from tsunagu.public.models import Recipient
from tsunagu.storage import Row

# Customers are followed by their first identifier, which a merge leaves with the survivor.
_RECIPIENT: LiteralString = """
select
    l.send_id, l.message, l.journey, l.node, l.channel, l.purpose, l.address,
    c.first_kind, c.first_value, p.traits ->> 'language', s.granted, s.at
from send_ledger as l
join customers as c using (workspace_id, customer_id)
left join identifiers as i
    on i.workspace_id = l.workspace_id and i.kind = c.first_kind and i.value = c.first_value
left join profiles as p
    on p.workspace_id = l.workspace_id
    and p.customer_id = coalesce(i.customer_id, l.customer_id)
left join consents as s
    on s.workspace_id = l.workspace_id
    and s.customer_id = coalesce(i.customer_id, l.customer_id)
    and s.channel = l.channel
    and s.purpose = l.purpose
where l.workspace_id = %s and l.send_id = %s
"""


def recipient_of(cursor: Cursor[Row], workspace_id: int, send_id: int) -> Recipient | None:
    """Who was sent what, or None when the send is not known (any more)."""
    row = cursor.execute(_RECIPIENT, (workspace_id, send_id)).fetchone()
    if row is None:
        return None
    return Recipient(*row[:-1], said_at=0 if row[-1] is None else micros(row[-1]))
