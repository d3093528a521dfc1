"""Journeys in the database: the enrolments of the touched customers and their steps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, LiteralString

from psycopg import Cursor

from tsunagu.journeys.advance import Step
from tsunagu.journeys.models import Enrolment
from tsunagu.storage import int_array, stage

Row = tuple[Any, ...]

_LOAD: LiteralString = """
select
    enrolment_id, journey, version, customer_id, entry, arm, node, status,
    (date_part('epoch', entered_at) * 1000000)::bigint,
    entered_position,
    (date_part('epoch', node_since) * 1000000)::bigint,
    coalesce((date_part('epoch', wake_at) * 1000000)::bigint, 0),
    steps,
    coalesce((date_part('epoch', goal_at) * 1000000)::bigint, 0),
    coalesce((date_part('epoch', ended_at) * 1000000)::bigint, 0),
    coalesce(end_reason, '')
from enrolments
where workspace_id = %s and customer_id = any(%s)
"""

_STORE: LiteralString = """
insert into enrolments (
    workspace_id, enrolment_id, journey, version, customer_id, entry, arm, node, status,
    entered_at, entered_position, node_since, wake_at, steps, goal_at, ended_at, end_reason
)
select
    %s, enrolment_id, journey, version, customer_id, entry, arm, node, status,
    timestamptz 'epoch' + entered_at * interval '1 microsecond',
    entered_position,
    timestamptz 'epoch' + node_since * interval '1 microsecond',
    timestamptz 'epoch' + nullif(wake_at, 0) * interval '1 microsecond',
    steps,
    timestamptz 'epoch' + nullif(goal_at, 0) * interval '1 microsecond',
    timestamptz 'epoch' + nullif(ended_at, 0) * interval '1 microsecond',
    nullif(end_reason, '')
from enrolments_in
on conflict (workspace_id, enrolment_id) do update set
    customer_id = excluded.customer_id, node = excluded.node, status = excluded.status,
    node_since = excluded.node_since, wake_at = excluded.wake_at, steps = excluded.steps,
    goal_at = excluded.goal_at, ended_at = excluded.ended_at, end_reason = excluded.end_reason
"""

_COLUMNS = {
    "enrolment_id": "int8",
    "journey": "text",
    "version": "int4",
    "customer_id": "int8",
    "entry": "int4",
    "arm": "text",
    "node": "text",
    "status": "text",
    "entered_at": "int8",
    "entered_position": "int8",
    "node_since": "int8",
    "wake_at": "int8",
    "steps": "int4",
    "goal_at": "int8",
    "ended_at": "int8",
    "end_reason": "text",
}

_STEP_COLUMNS = {
    "enrolment_id": "int8",
    "step": "int4",
    "journey": "text",
    "customer_id": "int8",
    "node": "text",
    "outcome": "text",
    "at": "int8",
    "position": "int8",
}


def load_enrolments(
    cursor: Cursor[Row], workspace_id: int, customers: Collection[int]
) -> list[Enrolment]:
    """All enrolments, running and ended, of these customers."""
    if not customers:
        return []
    cursor.execute(_LOAD, (workspace_id, int_array(customers)), binary=True)
    return [Enrolment(*row) for row in cursor.fetchall()]


def store_enrolments(
    cursor: Cursor[Row], workspace_id: int, enrolments: Collection[Enrolment]
) -> None:
    """Write new and moved enrolments."""
    if not enrolments:
        return
    ordered = sorted(enrolments, key=lambda e: e.enrolment_id)
    stage(cursor, "enrolments_in", _COLUMNS, map(_fields, ordered))
    cursor.execute(_STORE, (workspace_id,))


def _fields(enrolment: Enrolment) -> tuple[Any, ...]:
    return tuple(getattr(enrolment, name) for name in _COLUMNS)


def store_steps(cursor: Cursor[Row], workspace_id: int, steps: Sequence[Step]) -> None:
    """Append the lines of the enrolments' histories."""
    if not steps:
        return
    rows: Iterable[tuple[Any, ...]] = (
        tuple(getattr(step, name) for name in _STEP_COLUMNS) for step in steps
    )
    stage(cursor, "steps_in", _STEP_COLUMNS, rows)
    cursor.execute(
        """
        insert into journey_steps (
            workspace_id, enrolment_id, step, journey, customer_id, node, outcome, at, position
        )
        select
            %s, enrolment_id, step, journey, customer_id, node, outcome,
            timestamptz 'epoch' + at * interval '1 microsecond', position
        from steps_in
        """,
        (workspace_id,),
    )
