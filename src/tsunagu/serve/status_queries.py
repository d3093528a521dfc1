"""SQL for the state of the installation and its workspaces."""

from __future__ import annotations

from typing import LiteralString

PROCESSES: LiteralString = """
select role, host, pid, extract(epoch from clock_timestamp() - started_at)::float,
    extract(epoch from clock_timestamp() - beat_at)::float, figures
from processes
order by role, host, pid
"""

DATABASE: LiteralString = """
select current_setting('server_version'), pg_database_size(current_database()),
    current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on',
    current_setting('synchronous_commit'),
    extract(epoch from clock_timestamp())::float
"""

CURSORS: LiteralString = """
select consumer, position from cursors where workspace_id = %s
"""

# Counting stops at a number that is surely too many: doctor must answer at once.
BEHIND: LiteralString = """
select count(*),
    coalesce(extract(epoch from clock_timestamp() - min(received_at)), 0)::float
from (
    select received_at from inbox
    where workspace_id = %(workspace)s and position > %(after)s
    order by position
    limit 100000
) as unread
"""

OUTBOX: LiteralString = """
select count(*) filter (where state <> 'handing'),
    count(*) filter (where state = 'handing'),
    count(*) filter (where state <> 'handing' and not_before <= %(now)s),
    coalesce(extract(epoch from %(now)s - min(not_before)
        filter (where state <> 'handing' and not_before <= %(now)s)), 0)::float
from outbox
where workspace_id = %(workspace)s
"""

UNKNOWN_SENDS: LiteralString = """
select count(*) from send_ledger where workspace_id = %s and state = 'unknown'
"""

DEAD_LETTERS: LiteralString = """
select count(*) from dead_letters where workspace_id = %s and state = 'open'
"""
