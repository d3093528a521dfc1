"""Households and companies in the database: read from profiles in bulk, stored beside them.

What is stored names customers as they were; reading follows the redirects of later merges, so a
member is shown once whatever was merged since.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import msgspec
from psycopg import Cursor

from tsunagu.access import published
from tsunagu.core import Json
from tsunagu.identity.households import (
    HOUSEHOLD,
    HOUSEHOLD_NAME,
    Group,
    HouseholdRules,
    LeftOut,
    Resident,
    companies,
    households,
)
from tsunagu.identity.residents import residents_of
from tsunagu.storage import stage

Row = tuple[Any, ...]

_AT_ONCE = 50_000
_MEMBER = {"group_id": "int8", "customer_id": "int8", "branch": "text", "grounds": "text"}
_GROUP = {"group_id": "int8", "label": "text", "detail": "text", "members": "int4"}

_STORE_HOUSEHOLDS: tuple[LiteralString, ...] = (
    "delete from household_members where workspace_id = %(workspace)s",
    """
    delete from households as h where workspace_id = %(workspace)s
        and not exists (select from groups_in as g where g.group_id = h.household_id)
    """,
    """
    insert into households (workspace_id, household_id, family, address, members)
    select %(workspace)s, group_id, label, detail, members from groups_in
    on conflict (workspace_id, household_id) do update
    set family = excluded.family, address = excluded.address, members = excluded.members,
        updated_at = now()
    """,
    """
    insert into household_members (workspace_id, household_id, customer_id, grounds)
    select %(workspace)s, group_id, customer_id, grounds::jsonb from members_in
    """,
)
_STORE_COMPANIES: tuple[LiteralString, ...] = (
    "delete from company_members where workspace_id = %(workspace)s",
    """
    delete from companies as c where workspace_id = %(workspace)s
        and not exists (select from groups_in as g where g.group_id = c.company_id)
    """,
    """
    insert into companies (workspace_id, company_id, core, form, members)
    select %(workspace)s, group_id, label, detail, members from groups_in
    on conflict (workspace_id, company_id) do update
    set members = excluded.members, updated_at = now()
    """,
    """
    insert into company_members (workspace_id, company_id, customer_id, branch, grounds)
    select %(workspace)s, group_id, customer_id, branch, grounds::jsonb from members_in
    """,
)


@dataclass(frozen=True, slots=True)
class Household:
    """A household: its members are customers of today, each with the grounds (rule: value)."""

    id: int
    family: str
    address: str
    members: dict[int, dict[str, str]]


@dataclass(frozen=True, slots=True)
class CompanyGroup:
    """A company that a customer is of, at which branch, and how many customers it has."""

    id: int
    core: str
    form: str
    branch: str
    members: int


@dataclass(frozen=True, slots=True)
class HouseholdFigures:
    """What a computation found, in numbers."""

    customers: int
    households: int
    in_households: int
    companies: int
    in_companies: int
    crowded: int
    excluded: int


def household_rules(cursor: Cursor[Row], workspace_id: int) -> HouseholdRules:
    """The published rules of a workspace, or the built-in ones."""
    for found in published(cursor, workspace_id):
        if found.kind == HOUSEHOLD and found.name == HOUSEHOLD_NAME:
            return HouseholdRules.model_validate(found.document)
    return HouseholdRules()


def compute_households(cursor: Cursor[Row], workspace_id: int) -> HouseholdFigures:
    """Compute and store the households and companies of a workspace anew.

    Holds one row of about 500 bytes a customer in memory.
    """
    cursor.execute("select pg_advisory_xact_lock(hashtext('households'), %s)", (workspace_id,))
    rules = household_rules(cursor, workspace_id)
    residents = list(_residents(cursor, workspace_id, rules))
    before = dict(
        cursor.execute(
            "select customer_id, household_id from household_members where workspace_id = %s",
            (workspace_id,),
        ).fetchall()
    )
    groups, left = households(workspace_id, residents, rules, before)
    firms = companies(workspace_id, residents)
    _store(cursor, workspace_id, groups, _STORE_HOUSEHOLDS)
    _store(cursor, workspace_id, firms, _STORE_COMPANIES)
    return _figures(residents, groups, firms, left)


def _figures(
    residents: Sequence[Resident], groups: Sequence[Group], firms: Sequence[Group], left: LeftOut
) -> HouseholdFigures:
    return HouseholdFigures(
        *(len(residents), len(groups), sum(len(g.grounds) for g in groups)),
        *(len(firms), sum(len(f.grounds) for f in firms), left.crowded, left.excluded),
    )


def _residents(cursor: Cursor[Row], workspace_id: int, rules: HouseholdRules) -> Iterable[Resident]:
    after = -1
    while rows := _traits(cursor, workspace_id, after):
        yield from residents_of(rows, rules.traits)
        after = rows[-1][0]


def _traits(
    cursor: Cursor[Row], workspace_id: int, after: int
) -> list[tuple[int, dict[str, Json]]]:
    found = cursor.execute(
        """
        select customer_id, traits from profiles
        where workspace_id = %s and customer_id > %s
        order by customer_id limit %s
        """,
        (workspace_id, after, _AT_ONCE),
    )
    return [(customer, traits) for customer, traits in found.fetchall()]


def _store(
    cursor: Cursor[Row],
    workspace_id: int,
    groups: Sequence[Group],
    statements: Iterable[LiteralString],
) -> None:
    cursor.execute("drop table if exists pg_temp.groups_in, pg_temp.members_in")
    stage(cursor, "groups_in", _GROUP, ((g.id, g.label, g.detail, len(g.grounds)) for g in groups))
    stage(
        cursor,
        "members_in",
        _MEMBER,
        (
            (g.id, customer, why.get("branch", ""), msgspec.json.encode(dict(why)).decode())
            for g in groups
            for customer, why in g.grounds.items()
        ),
    )
    for statement in statements:
        cursor.execute(statement, {"workspace": workspace_id})


# All ids that lead to a customer, through whatever number of merges.
_FAMILY: LiteralString = """
with recursive family (customer_id) as (
    select %(customer)s::bigint
    union
    select c.customer_id
    from family as f
    join customers as c on c.workspace_id = %(workspace)s and c.merged_into = f.customer_id
)
"""
_HOUSEHOLD: LiteralString = (
    _FAMILY  # noqa: S608 - both are texts of this file
    + """,
home as (
    select m.household_id
    from family as f
    join household_members as m
        on m.workspace_id = %(workspace)s and m.customer_id = f.customer_id
    order by m.customer_id <> %(customer)s, m.customer_id
    limit 1
),
members as (
    select m.customer_id, m.grounds
    from home
    join household_members as m
        on m.workspace_id = %(workspace)s and m.household_id = home.household_id
),
path (customer_id, today) as (
    select customer_id, customer_id from members
    union
    select p.customer_id, c.merged_into
    from path as p
    join customers as c on c.workspace_id = %(workspace)s and c.customer_id = p.today
    where c.merged_into is not null
)
select h.household_id, h.family, h.address, p.customer_id, m.grounds
from home
join households as h on h.workspace_id = %(workspace)s and h.household_id = home.household_id
cross join members as m
join path on path.customer_id = m.customer_id
join profiles as p on p.workspace_id = %(workspace)s and p.customer_id = path.today
order by p.customer_id, m.customer_id
"""
)
_COMPANIES: LiteralString = (
    _FAMILY
    + """
select distinct on (f.company_id) f.company_id, f.core, f.form, m.branch, f.members
from family as c
join company_members as m on m.workspace_id = %(workspace)s and m.customer_id = c.customer_id
join companies as f on f.workspace_id = %(workspace)s and f.company_id = m.company_id
order by f.company_id, m.branch desc
limit 20
"""
)


def household_of(cursor: Cursor[Row], workspace_id: int, customer: int) -> Household | None:
    """The household of a customer, who may have been merged since; None if there is none.

    Members that are one customer by now are shown as one; those without a profile are not.
    """
    told = {"workspace": workspace_id, "customer": customer}
    rows = cursor.execute(_HOUSEHOLD, told).fetchall()
    if not rows:
        return None
    members: dict[int, dict[str, str]] = {}
    for _, _, _, member, grounds in rows:
        members[member] = members.get(member, {}) | grounds
    home, family, address = rows[0][:3]
    return Household(home, family, address, members) if len(members) > 1 else None


def companies_of(cursor: Cursor[Row], workspace_id: int, customer: int) -> list[CompanyGroup]:
    """The companies of a customer and of those merged into it."""
    told = {"workspace": workspace_id, "customer": customer}
    return [CompanyGroup(*row) for row in cursor.execute(_COMPANIES, told).fetchall()]
