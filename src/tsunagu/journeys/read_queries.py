"""Reading journeys for people: where customers are, and how far each has come.

Every function works inside a transaction of one workspace; times are microseconds, 0 is never.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from psycopg import Cursor

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class EnrolmentView:
    """One customer's way through one version of a journey, as it stands."""

    enrolment_id: int
    journey: str
    version: int
    arm: str
    node: str
    status: str
    entered_at: int
    node_since: int
    wake_at: int
    goal_at: int
    ended_at: int
    end_reason: str


@dataclass(frozen=True, slots=True)
class StepView:
    """One line of an enrolment's history."""

    enrolment_id: int
    step: int
    node: str
    outcome: str
    at: int


@dataclass(frozen=True, slots=True)
class NodeCount:
    """How many enrolments of an arm stand at a node with a status, and reached the goal."""

    node: str
    arm: str
    status: str
    enrolments: int
    reached_goal: int


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How often a node ended in an outcome: queued, refused: …, event: …, time passed."""

    node: str
    outcome: str
    times: int


def enrolments_of(
    cursor: Cursor[Row], workspace_id: int, customer_ids: Collection[int], *, limit: int
) -> list[EnrolmentView]:
    """A customer's enrolments, the running ones first, then the latest."""
    cursor.execute(
        """
        select
            enrolment_id, journey, version, arm, node, status,
            (date_part('epoch', entered_at) * 1000000)::bigint,
            (date_part('epoch', node_since) * 1000000)::bigint,
            coalesce((date_part('epoch', wake_at) * 1000000)::bigint, 0),
            coalesce((date_part('epoch', goal_at) * 1000000)::bigint, 0),
            coalesce((date_part('epoch', ended_at) * 1000000)::bigint, 0),
            coalesce(end_reason, '')
        from enrolments
        where workspace_id = %s and customer_id = any(%s)
        order by status = 'active' desc, entered_at desc, enrolment_id
        limit %s
        """,
        (workspace_id, list(customer_ids), limit),
    )
    return [EnrolmentView(*row) for row in cursor.fetchall()]


def steps_of(
    cursor: Cursor[Row], workspace_id: int, enrolment_ids: Collection[int]
) -> list[StepView]:
    """The history of these enrolments, in order."""
    cursor.execute(
        """
        select enrolment_id, step, node, outcome, (date_part('epoch', at) * 1000000)::bigint
        from journey_steps
        where workspace_id = %s and enrolment_id = any(%s)
        order by enrolment_id, step
        """,
        (workspace_id, list(enrolment_ids)),
    )
    return [StepView(*row) for row in cursor.fetchall()]


def node_counts(cursor: Cursor[Row], workspace_id: int, journey: str) -> list[NodeCount]:
    """Where the enrolments of a journey are, over all its versions."""
    cursor.execute(
        """
        select node, arm, status, count(*), count(goal_at)
        from enrolments
        where workspace_id = %s and journey = %s
        group by node, arm, status
        order by node, arm, status
        """,
        (workspace_id, journey),
    )
    return [NodeCount(*row) for row in cursor.fetchall()]


def outcome_counts(cursor: Cursor[Row], workspace_id: int, journey: str) -> list[OutcomeCount]:
    """What happened at the nodes of a journey, over all its versions."""
    cursor.execute(
        """
        select node, outcome, count(*)
        from journey_steps
        where workspace_id = %s and journey = %s
        group by node, outcome
        order by node, count(*) desc, outcome
        """,
        (workspace_id, journey),
    )
    return [OutcomeCount(*row) for row in cursor.fetchall()]
