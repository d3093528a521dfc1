"""Profiles in bulk in the database: stored states in, folded ones, members and timeline out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, LiteralString

import numpy as np
import pyarrow as pa
from psycopg import Cursor

from tsunagu.core.times import moment
from tsunagu.profiles.bulk import Folded, Ints
from tsunagu.profiles.bulk_answers import COPY_HEAD, COPY_TAIL, Answers
from tsunagu.profiles.queries import store_consents
from tsunagu.storage import Arrow, make_stage, stage_columns, stage_lines

Row = tuple[Any, ...]

# Looked up row by row: `offset 0` keeps the planner from joining all rows of the workspace.
_HELD: LiteralString = """
select wanted.customer_id, p.state, p.plan is distinct from %(plan)s
from customers_wanted as wanted
cross join lateral (
    select state, plan from profiles
    where workspace_id = %(workspace)s and customer_id = wanted.customer_id
    offset 0
) as p
"""

FOLDED_COLUMNS = {
    "customer_id": "int8",
    "wake_at": "int8",
    "first_seen": "int8",
    "last_seen": "int8",
    "events": "int8",
    "position": "int8",
    "stale": "bool",
    "traits": "text",
    "audiences": "text",
    "state": "bytea",
}
_STORE: LiteralString = """
insert into profiles (
    workspace_id, customer_id, traits, audiences, state, wake_at, first_seen, last_seen, events,
    position, plan
)
select
    %(workspace)s, customer_id, coalesce(traits::jsonb, '{}'), audiences::text[], state,
    timestamptz 'epoch' + nullif(wake_at, 0) * interval '1 microsecond',
    timestamptz 'epoch' + first_seen * interval '1 microsecond',
    timestamptz 'epoch' + last_seen * interval '1 microsecond',
    events, position, case when stale then null else %(plan)s end
from folded_in
"""
_OVER_STORED: LiteralString = """
on conflict (workspace_id, customer_id) do update set
    traits = case when excluded.traits = '{}' then profiles.traits else excluded.traits end,
    audiences = excluded.audiences, state = excluded.state, wake_at = excluded.wake_at,
    first_seen = excluded.first_seen, last_seen = excluded.last_seen,
    events = excluded.events, position = excluded.position, plan = excluded.plan
"""

_TOLD_COLUMNS = {
    "customer_id": "int8",
    "position": "int8",
    "at": "int8",
    "type": "text",
    "name": "text",
    "source": "text",
    "body": "text",
    "user_id": "text",
    "anonymous_id": "text",
}
_STORE_TOLD: LiteralString = """
insert into timeline (
    workspace_id, customer_id, position, at, type, name, source, body, user_id, anonymous_id
)
select
    %s, customer_id, position, timestamptz 'epoch' + at * interval '1 microsecond', type, name,
    source, body, user_id, anonymous_id
from told_in
"""


def load_held(
    cursor: Cursor[Row], workspace_id: int, customers: Ints, plan: str
) -> tuple[dict[int, bytes], set[int]]:
    """The stored states of these customers, and whose audiences another plan answered."""
    if not len(customers):
        return {}, set()
    stage_columns(cursor, "customers_wanted", {"customer_id": "int8"}, [pa.array(customers)])
    cursor.execute(_HELD, {"workspace": workspace_id, "plan": plan}, binary=True)
    rows = cursor.fetchall()
    return {c: state for c, state, _ in rows}, {c for c, _, other in rows if other}


def store_folded(
    cursor: Cursor[Row], workspace_id: int, rows: bytes, plan: str, *, stored: bool
) -> None:
    """Write folded profiles; `rows` are `bulk_answers.rows_of` them.

    `stored` says that there may be a row of some of these customers already.
    """
    if not rows:
        return
    make_stage(cursor, "folded_in", FOLDED_COLUMNS)
    with cursor.copy("copy pg_temp.folded_in from stdin (format binary)") as copy:
        copy.write(COPY_HEAD)
        copy.write(rows)
        copy.write(COPY_TAIL)
    statement = _STORE + _OVER_STORED if stored else _STORE
    cursor.execute(statement, {"workspace": workspace_id, "plan": plan})


def store_answers(cursor: Cursor[Row], workspace_id: int, answers: Answers) -> None:
    """Bring the audiences' member lists to what was answered."""
    columns = {"audience": "text", "customer_id": "int8", "entered_at": "int8"}
    if answers.left:
        audiences, customers = zip(*answers.left, strict=True)
        arrays = [pa.array(audiences), pa.array(customers), pa.nulls(len(customers), pa.int64())]
        stage_columns(cursor, "members_in", columns, arrays)
        cursor.execute(
            """
            delete from audience_members as m
            using members_in as gone
            where m.workspace_id = %s and m.audience = gone.audience
                and m.customer_id = gone.customer_id
            """,
            (workspace_id,),
        )
    if answers.entered:
        arrays = [pa.array(column) for column in zip(*answers.entered, strict=True)]
        stage_columns(cursor, "members_in", columns, arrays)
        cursor.execute(
            """
            insert into audience_members (workspace_id, audience, customer_id, entered_at)
            select
                %s, audience, customer_id,
                timestamptz 'epoch' + entered_at * interval '1 microsecond'
            from members_in
            on conflict do nothing
            """,
            (workspace_id,),
        )


def store_spoken(cursor: Cursor[Row], workspace_id: int, folded: Sequence[Folded]) -> None:
    """Write the last words on consent of the customers who spoke about it, or were absorbed."""
    states = {one.customer: one.state for one in folded if one.evidence is not None}
    evidence = {one.customer: one.evidence for one in folded if one.evidence is not None}
    store_consents(cursor, workspace_id, states, evidence)


def store_told(cursor: Cursor[Row], workspace_id: int, lines: Arrow) -> None:
    """Write rows of the timeline.

    Args:
        lines: of `COPY`'s text format: customer, position, time in microseconds, type, name,
            source, body, user and anonymous id.
    """
    stage_lines(cursor, "told_in", _TOLD_COLUMNS, lines)
    cursor.execute(_STORE_TOLD, (workspace_id,))


def count_anew(
    cursor: Cursor[Row], workspace_id: int, customers: Collection[int] | Ints, now: int
) -> None:
    """Have the pipeline count these customers' behaviour anew from the timeline."""
    if not len(customers):
        return
    ids = pa.array(np.fromiter(customers, np.int64, len(customers)))
    stage_columns(cursor, "customers_wanted", {"customer_id": "int8"}, [ids])
    cursor.execute(
        """
        update profiles as p
        set plan = null, wake_at = least(coalesce(p.wake_at, %(now)s), %(now)s)
        from customers_wanted as wanted
        where p.workspace_id = %(workspace)s and p.customer_id = wanted.customer_id
        """,
        {"workspace": workspace_id, "now": moment(now)},
    )
