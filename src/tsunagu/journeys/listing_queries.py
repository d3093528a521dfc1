"""Journeys as the console lists them: totals of each, and who stands at a node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import Cursor

from tsunagu.core import Json

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class JourneyFigures:
    """One journey's totals over all its versions."""

    journey: str
    entered: int
    active: int
    treated: int
    holdout: int
    treated_goals: int
    holdout_goals: int


@dataclass(frozen=True, slots=True)
class Standing:
    """One customer at a node of a journey; `wake_at` is 0 when no time ends the stay."""

    enrolment_id: int
    customer_id: int
    first_value: str
    traits: Json
    node: str
    arm: str
    node_since: int
    wake_at: int


def journey_figures(cursor: Cursor[Row], workspace_id: int) -> list[JourneyFigures]:
    """The totals of every journey that anybody entered."""
    found = cursor.execute(
        """
        select
            journey,
            count(*),
            count(*) filter (where status = 'active'),
            count(*) filter (where arm = 'treated'),
            count(*) filter (where arm = 'holdout'),
            count(*) filter (where arm = 'treated' and goal_at is not null),
            count(*) filter (where arm = 'holdout' and goal_at is not null)
        from enrolments
        where workspace_id = %s
        group by journey
        order by journey
        """,
        (workspace_id,),
    )
    return [JourneyFigures(*row) for row in found.fetchall()]


def standing_in(
    cursor: Cursor[Row], workspace_id: int, journey: str, node: str | None, *, limit: int
) -> list[Standing]:
    """Customers who are in a journey now, or at one of its nodes; the latest arrivals first."""
    found = cursor.execute(
        """
        select
            e.enrolment_id, e.customer_id, c.first_value, coalesce(p.traits, '{}'),
            e.node, e.arm,
            (date_part('epoch', e.node_since) * 1000000)::bigint,
            coalesce((date_part('epoch', e.wake_at) * 1000000)::bigint, 0)
        from enrolments as e
        join customers as c using (workspace_id, customer_id)
        left join profiles as p using (workspace_id, customer_id)
        where e.workspace_id = %(workspace)s and e.journey = %(journey)s
            and e.status = 'active' and (%(node)s::text is null or e.node = %(node)s)
        order by e.node_since desc, e.enrolment_id
        limit %(limit)s
        """,
        {"workspace": workspace_id, "journey": journey, "node": node, "limit": limit},
    )
    return [Standing(*row) for row in found.fetchall()]
