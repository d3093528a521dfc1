"""Stories: all that a workspace holds of each customer, in a form that two runs can share.

Left out is what may differ between runs that decided alike: positions in the log, and the
bytes of mails, whose links carry each installation's own address and signature.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import Connection

from tsunagu.storage import in_workspace

Story = dict[str, list[tuple[Any, ...]]]

# Each query tells, per customer (by the identifier that names them), one chapter.
_CHAPTERS: Mapping[str, LiteralString] = {
    "profile": """
        select c.first_value, p.traits::text, p.audiences::text, p.first_seen, p.last_seen, p.events
        from profiles as p join customers as c using (workspace_id, customer_id)
    """,
    "consents": """
        select c.first_value, k.channel, k.purpose, k.granted, k.at
        from consents as k join customers as c using (workspace_id, customer_id)
        order by 1, 2, 3
    """,
    "timeline": """
        select c.first_value, t.name, t.type, t.source, t.at
        from timeline as t join customers as c using (workspace_id, customer_id)
        order by 1, 5, 2, 3, 4
    """,
    "enrolments": """
        select c.first_value, e.enrolment_id, e.journey, e.arm, e.node, e.status, e.entered_at,
            e.steps, e.goal_at, e.ended_at, e.end_reason
        from enrolments as e join customers as c using (workspace_id, customer_id)
        order by 1, 2
    """,
    "steps": """
        select c.first_value, s.enrolment_id, s.step, s.node, s.outcome, s.at
        from journey_steps as s join customers as c using (workspace_id, customer_id)
        order by 1, 2, 3
    """,
    "ledger": """
        select c.first_value, l.send_key, l.state, l.reason, l.decided_at, l.result_at
        from send_ledger as l join customers as c using (workspace_id, customer_id)
        order by 1, 2
    """,
    "refusals": """
        select c.first_value, r.send_key, r.reason, r.detail, r.at
        from send_refusals as r join customers as c using (workspace_id, customer_id)
        order by 1, 2
    """,
    "archive": """
        select c.first_value, a.send_id, a.message, a.message_version, a.address, a.subject
        from archive as a join customers as c using (workspace_id, customer_id)
        order by 1, 2
    """,
}


def read_stories(connection: Connection[Any], workspace_id: int) -> dict[str, Story]:
    """The story of each customer of a workspace, by the value of their first identifier."""
    found: dict[str, Story] = defaultdict(dict)
    for chapter, query in _CHAPTERS.items():
        with in_workspace(connection, workspace_id) as cursor:
            for customer, *line in cursor.execute(query).fetchall():
                found[customer].setdefault(chapter, []).append(tuple(line))
    return found


def unknown_customers(connection: Connection[Any], workspace_id: int) -> dict[str, int]:
    """Who has messages of which nobody knows whether they arrived, and how many."""
    query = """
        select c.first_value, count(*)
        from send_ledger as l join customers as c using (workspace_id, customer_id)
        where l.state = 'unknown' group by 1
    """
    with in_workspace(connection, workspace_id) as cursor:
        return dict(cursor.execute(query).fetchall())


def differing(one: Mapping[str, Story], other: Mapping[str, Story]) -> dict[str, list[str]]:
    """The customers whose stories differ, with the chapters in which they do."""
    chapters = {
        customer: [
            chapter
            for chapter in _CHAPTERS
            if one.get(customer, {}).get(chapter) != other.get(customer, {}).get(chapter)
        ]
        for customer in {*one, *other}
    }
    return {customer: found for customer, found in chapters.items() if found}
