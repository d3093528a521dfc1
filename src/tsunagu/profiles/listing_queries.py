"""Profiles as the console lists them: search, audience sizes and members, totals.

Lists are paged by key: a page starts after the last row of the page before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import Cursor

from tsunagu.core import Json
from tsunagu.core.events import (
    AUDIENCE_ENTERED,
    AUDIENCE_EXITED,
    EMAIL_OPENED,
    LINK_CLICKED,
    UNSUBSCRIBED,
)
from tsunagu.core.times import moment

Row = tuple[Any, ...]

# What follows from our own work stands under these sources; the index `timeline_told` has them.
ANSWERS = (EMAIL_OPENED, LINK_CLICKED, UNSUBSCRIBED)


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer in a list. `first_value` is the identifier by which it became known."""

    customer_id: int
    first_kind: str
    first_value: str
    traits: Json
    audiences: list[str]
    events: int
    last_seen: int


@dataclass(frozen=True, slots=True)
class ProfileFigures:
    """Totals of a workspace. `events` are those folded into profiles."""

    profiles: int
    events: int
    last_seen: int


@dataclass(frozen=True, slots=True)
class DayChange:
    """How many customers joined and left an audience on one day; `day` is its start."""

    day: int
    entered: int
    exited: int


_COLUMNS: LiteralString = """
    p.customer_id, c.first_kind, c.first_value, p.traits, p.audiences, p.events,
    (date_part('epoch', p.last_seen) * 1000000)::bigint
"""

_SEARCH: LiteralString = f"""
select {_COLUMNS}
from profiles as p
join customers as c using (workspace_id, customer_id)
where p.workspace_id = %(workspace)s
    and (%(words)s = '' or p.customer_id in (
        select i.customer_id from identifiers as i
        where i.workspace_id = %(workspace)s and i.value ilike %(begins)s
    )
    or concat_ws(
        ' ', p.traits ->> 'name', p.traits ->> 'lastName', p.traits ->> 'firstName',
        p.traits ->> 'last_name', p.traits ->> 'first_name', p.traits ->> 'email',
        p.traits ->> 'phone'
    ) ilike %(contains)s)
    and (%(seen)s::timestamptz is null
        or (p.last_seen, p.customer_id) < (%(seen)s, %(customer)s))
order by p.last_seen desc, p.customer_id desc
limit %(limit)s
"""  # noqa: S608 - only the columns above stand in it


def search_customers(
    cursor: Cursor[Row],
    workspace_id: int,
    words: str,
    *,
    limit: int,
    after: tuple[int, int] | None = None,
) -> list[CustomerRow]:
    """Customers whose identifier begins with `words`, or whose name or e-mail contains them.

    The latest seen come first; `after` is (last_seen, customer_id) of the last row before.
    """
    cursor.execute(
        _SEARCH,
        {
            "workspace": workspace_id,
            "words": words,
            "begins": f"{_literal(words)}%",
            "contains": f"%{_literal(words)}%",
            "seen": moment(after[0]) if after else None,
            "customer": after[1] if after else None,
            "limit": limit,
        },
    )
    return [CustomerRow(*row) for row in cursor.fetchall()]


def _literal(words: str) -> str:
    """The words as a pattern that means just them."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def profile_figures(cursor: Cursor[Row], workspace_id: int) -> ProfileFigures:
    """The totals of a workspace."""
    row = cursor.execute(
        """
        select
            count(*), coalesce(sum(events), 0)::bigint,
            coalesce((date_part('epoch', max(last_seen)) * 1000000)::bigint, 0)
        from profiles
        where workspace_id = %s
        """,
        (workspace_id,),
    ).fetchone()
    assert row is not None
    return ProfileFigures(*row)


def audience_sizes(cursor: Cursor[Row], workspace_id: int) -> dict[str, int]:
    """How many customers are in each audience now."""
    found = cursor.execute(
        "select audience, count(*) from audience_members where workspace_id = %s group by audience",
        (workspace_id,),
    )
    return dict(found.fetchall())


def members_of(
    cursor: Cursor[Row],
    workspace_id: int,
    audience: str,
    *,
    limit: int,
    after: tuple[int, int] | None = None,
) -> list[tuple[int, CustomerRow]]:
    """Members with the time they joined, the latest first; `after` as (joined, customer_id)."""
    cursor.execute(
        f"""
        select (date_part('epoch', m.entered_at) * 1000000)::bigint, {_COLUMNS}
        from audience_members as m
        join customers as c using (workspace_id, customer_id)
        join profiles as p using (workspace_id, customer_id)
        where m.workspace_id = %(workspace)s and m.audience = %(audience)s
            and (%(entered)s::timestamptz is null
                or (m.entered_at, m.customer_id) < (%(entered)s, %(customer)s))
        order by m.entered_at desc, m.customer_id desc
        limit %(limit)s
        """,  # noqa: S608 - only the columns above stand in it
        {
            "workspace": workspace_id,
            "audience": audience,
            "entered": moment(after[0]) if after else None,
            "customer": after[1] if after else None,
            "limit": limit,
        },
    )
    return [(row[0], CustomerRow(*row[1:])) for row in cursor.fetchall()]


def audience_changes(
    cursor: Cursor[Row], workspace_id: int, audience: str, zone: str
) -> list[DayChange]:
    """Joins and leaves of an audience per day in a zone, in the order of days."""
    found = cursor.execute(
        """
        select
            (date_part('epoch', date_trunc('day', at, %(zone)s)) * 1000000)::bigint as day,
            count(*) filter (where name = %(entered)s),
            count(*) filter (where name = %(exited)s)
        from timeline
        where workspace_id = %(workspace)s and source in ('tsunagu', 'public', 'email')
            and name in (%(entered)s, %(exited)s)
            and body::jsonb -> 'properties' ->> 'audience' = %(audience)s
        group by day
        order by day
        """,
        {
            "workspace": workspace_id,
            "zone": zone,
            "entered": AUDIENCE_ENTERED,
            "exited": AUDIENCE_EXITED,
            "audience": audience,
        },
    )
    return [DayChange(*row) for row in found.fetchall()]


def told_counts(cursor: Cursor[Row], workspace_id: int) -> dict[str, int]:
    """How often customers joined audiences and answered: opens, clicks, unsubscriptions."""
    found = cursor.execute(
        """
        select name, count(*) from timeline
        where workspace_id = %s and source in ('tsunagu', 'public', 'email') and name = any(%s)
        group by name
        """,
        (workspace_id, [AUDIENCE_ENTERED, *ANSWERS]),
    )
    return dict(found.fetchall())
