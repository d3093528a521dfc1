"""The statements that write the log and ask how far it has been read."""

from __future__ import annotations

from typing import LiteralString

COPY_INBOX: LiteralString = """
copy inbox (
    workspace_id, received_at, known_at, message_id, type, name, user_id, anonymous_id, at,
    source, body
) from stdin
"""

LOCK_INBOX: LiteralString = "select pg_advisory_xact_lock(1768841583)"  # "inbo"
NOTIFY_INBOX: LiteralString = "select pg_notify('tsunagu_inbox', %s)"

# The newest position is one look into each partition's index; "is there a later one" was
# planned as a scan of the log (measured: 25 ms with 144,000 events).
IDLE: LiteralString = """
select coalesce(
        (
            select i.position from inbox as i
            where i.workspace_id = w.workspace_id
            order by i.position desc
            limit 1
        ) <= coalesce(c.position, 0),
        true
    )
    and coalesce(c.closed_at >= due.now, false)
    and not exists (
        select from profiles as p
        where p.workspace_id = w.workspace_id and p.wake_at <= due.now
    )
    and not exists (
        select from outbox as o
        where o.workspace_id = w.workspace_id and o.not_before <= due.now
    )
from workspaces as w
cross join lateral (
    select case w.clock when 'driven' then w.clock_now else clock_timestamp() end as now
) as due
left join cursors as c on c.workspace_id = w.workspace_id and c.consumer = 'pipeline'
where w.workspace_id = %s
"""

DRAINED: LiteralString = """
select coalesce(
    (
        select i.position from inbox as i
        where i.workspace_id = c.workspace_id
        order by i.position desc
        limit 1
    ) <= c.position,
    true
)
from cursors as c
where c.workspace_id = %s and c.consumer = 'pipeline'
"""
