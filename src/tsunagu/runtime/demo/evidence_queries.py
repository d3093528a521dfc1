"""SQL that asks a workspace whether the loop closed: what was sent, kept, answered, refused."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import Cursor

from tsunagu.core.events import LINK_CLICKED, UNSUBSCRIBED
from tsunagu.storage import Row


@dataclass(frozen=True, slots=True)
class Evidence:
    """Counts of one workspace."""

    enrolled: int
    held_out: int
    sent: int
    unknown: int
    unsent: int
    archived: int
    refused: int
    clicks: int
    unsubscribes: int
    refused_after_unsubscribing: int
    sent_after_unsubscribing: int


_EVIDENCE = """
with left_us as (
    select customer_id, min(at) as at from timeline
    where workspace_id = %(workspace)s and name = %(unsubscribed)s
    group by customer_id
)
select
    (select count(*) from enrolments where workspace_id = %(workspace)s),
    (select count(*) from enrolments where workspace_id = %(workspace)s and arm = 'holdout'),
    (select count(*) from send_ledger where workspace_id = %(workspace)s and state = 'sent'),
    (select count(*) from send_ledger where workspace_id = %(workspace)s and state = 'unknown'),
    (
        select count(*) from send_ledger
        where workspace_id = %(workspace)s and state in ('queued', 'handing')
    ),
    (
        select count(*) from archive
        join send_ledger using (workspace_id, send_id)
        where workspace_id = %(workspace)s and state = 'sent'
    ),
    (select count(*) from send_refusals where workspace_id = %(workspace)s),
    (
        select count(*) from timeline
        where workspace_id = %(workspace)s and name = %(clicked)s
    ),
    (select count(*) from left_us),
    (
        select count(*) from send_refusals as r
        join left_us as l using (customer_id)
        where r.workspace_id = %(workspace)s and r.at >= l.at and r.reason = 'no_consent'
    ),
    (
        select count(*) from send_ledger as s
        join left_us as l using (customer_id)
        where s.workspace_id = %(workspace)s and s.decided_at > l.at and s.state = 'sent'
    )
"""


def evidence(cursor: Cursor[Row], workspace_id: int) -> Evidence:
    """What the workspace's tables hold now."""
    found = cursor.execute(
        _EVIDENCE,
        {"workspace": workspace_id, "unsubscribed": UNSUBSCRIBED, "clicked": LINK_CLICKED},
    ).fetchone()
    assert found is not None
    return Evidence(*found)
