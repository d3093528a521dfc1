"""SQL for the customers' history: which customers were written since the last look.

A row's `xmin` is the transaction that wrote it. Every transaction below a snapshot's own xmin
had ended when it was taken, so the rows to look at next time are those from there on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import msgspec
from psycopg import Cursor, sql

from tsunagu.core.times import moment, wall
from tsunagu.storage import Row

TASK = "customers"

_LOOK: LiteralString = """
select
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
    (select system_identifier from pg_control_system()),
    coalesce(max(position), 0), coalesce(max(epoch), 0)
from cursors
where workspace_id = %s and consumer = 'pipeline'
"""

# xmin has 32 bits; what a snapshot can see is younger than its horizon, so the rest follows.
_WRITTEN: LiteralString = """
{row}.xmin::text::bigint + h.horizon - (h.horizon & 4294967295)
    - case
        when {row}.xmin::text::bigint > (h.horizon & 4294967295) then 4294967296
        else 0
    end
"""

_CUSTOMERS: LiteralString = """
select
    c.customer_id, c.merged_into,
    (date_part('epoch', p.first_seen) * 1000000)::bigint,
    (date_part('epoch', p.last_seen) * 1000000)::bigint,
    p.events, p.traits::text, to_json(p.audiences)::text
from customers as c
cross join (
    select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as horizon
) as h
left join profiles as p on p.workspace_id = c.workspace_id and p.customer_id = c.customer_id
where c.workspace_id = {workspace}
    and (p.customer_id is not null or c.merged_into is not null)
    and greatest({customer_written}, {profile_written}) >= {since}
"""


@dataclass(frozen=True)
class Look:
    """What stood when the customers were looked at.

    Args:
        horizon: all transactions below it had ended.
        system: the database cluster's own number; another one counts transactions anew.
        position: how far the pipeline had come.
        epoch: how often somebody else had changed customers.
    """

    horizon: int
    system: int
    position: int
    epoch: int

    def same_state(self, later: Look) -> bool:
        """Whether no customer can have changed until a later look."""
        mine = (self.system, self.position, self.epoch)
        return mine == (later.system, later.position, later.epoch)

    def in_reach_of(self, later: Look) -> bool:
        """Whether a later look can tell what changed since; not after a restore."""
        return self.system == later.system and self.horizon <= later.horizon


def last_look(cursor: Cursor[Row], workspace_id: int) -> Look | None:
    """The look that was noted last."""
    row = cursor.execute(
        "select mark from lake_tasks where workspace_id = %s and task = %s", (workspace_id, TASK)
    ).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Look)


def look(cursor: Cursor[Row], workspace_id: int) -> Look:
    """What stands now."""
    row = cursor.execute(_LOOK, (workspace_id,)).fetchone()
    assert row is not None
    return Look(*row)


def note_look(cursor: Cursor[Row], workspace_id: int, look: Look) -> None:
    """Note that the lake has all that a look could see."""
    cursor.execute(
        """
        insert into lake_tasks (workspace_id, task, mark, done_at) values (%s, %s, %s, %s)
        on conflict (workspace_id, task) do update
        set mark = excluded.mark, done_at = excluded.done_at
        """,
        (workspace_id, TASK, msgspec.json.encode(look).decode(), moment(wall())),
    )


def copy_customers(cursor: Cursor[Row], workspace_id: int, since: int, target: Path) -> None:
    """Write the customers whose rows a transaction from `since` on wrote, as CSV."""
    select = sql.SQL(_CUSTOMERS).format(
        workspace=workspace_id,
        since=since,
        customer_written=sql.SQL(_WRITTEN).format(row=sql.Identifier("c")),
        profile_written=sql.SQL(_WRITTEN).format(row=sql.Identifier("p")),
    )
    statement = sql.SQL("copy ({}) to stdout (format csv)").format(select)
    with target.open("wb") as file, cursor.copy(statement) as copy:
        for block in copy:
            file.write(block)
