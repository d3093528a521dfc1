"""Questions of data quality: to the lake what sources brought, to PostgreSQL what is held back.

The lake is asked because it holds the whole log by column: a period of it is read in one set-based
question, whose answer is bounded by the sample.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from psycopg import Cursor

from tsunagu.core.events import OWN_SOURCES
from tsunagu.core.times import DAY
from tsunagu.identity.kinds import Kinds
from tsunagu.identity.quality import Brought, Value
from tsunagu.identity.quality_values import ValueKind
from tsunagu.identity.resolve import Identifier
from tsunagu.storage import Row
from tsunagu.storage.lake import literal

MOST_SOURCES = 30
"""The sources that tell of most customers are looked at."""
SAMPLE = 2_000
"""Of so many customers of each source the values are judged, chosen by a hash of their ids."""
JOINED_PERIODS, JOINED_DAYS = 12, 365
"""Another source counts that told of a customer within so many periods, and so many days."""
# What the platform did itself, and how customers answered to it, is no source of their data.
_ANSWERS = ("public", "email")
_LONGEST = 500
_FIGURES = 6

# An external id names who an event is about where it states nothing else.
_EXTERNAL = """case when e.user_id is null and e.anonymous_id is null
    then json_extract_string(e.context, '/externalIds/0/{}') end"""
# Who an event is about: who owns its identifiers now, or what it states while nobody does.
_PERSON = """coalesce(
    u.customer_id::varchar, a.customer_id::varchar, x.customer_id::varchar,
    'u' || e.user_id, 'a' || e.anonymous_id, 'x' || e.external_kind || ' ' || e.external_value
)"""
_OWNERS = """
left join identity as u on u.kind = 'user_id' and u.value = e.user_id
left join identity as a on a.kind = 'anonymous_id' and a.value = e.anonymous_id
left join identity as x on x.kind = e.external_kind and x.value = e.external_value
"""

# The traits of an event are read once for all columns: `types` and `texts` of all their paths.
_BROUGHT = """
with pairs as (
    select e.source, e.user_id, e.anonymous_id,
        {external_kind} as external_kind, {external_value} as external_value,
        count(*) filter (where e.known_at >= make_timestamptz({since})) as events,
        count(*) filter (
            where e.known_at >= make_timestamptz({since}) and e.type = 'identify'
        ) as identifies
    from events as e
    where e.known_at >= make_timestamptz({long_ago}) and e.source not in ({own})
    group by all
),
people as (
    select e.source, {person} as person, sum(e.events) as events, sum(e.identifies) as identifies
    from pairs as e {owners}
    group by all
),
elsewhere as (
    select person from people where person is not null
    group by person having count(distinct source) > 1
),
figures as (
    select p.source, sum(p.events)::bigint as events, sum(p.identifies)::bigint as identifies,
        count(distinct p.person) filter (where p.events > 0) as customers,
        count(distinct p.person) filter (where p.identifies > 0) as told,
        count(distinct o.person) filter (where p.events > 0) as joined
    from people as p
    left join elsewhere as o on o.person = p.person
    group by p.source
    having sum(p.events) > 0
    order by told desc, customers desc, p.source
    limit {sources}
),
said as (
    select e.source, e.user_id, e.anonymous_id, e.happened_at,
        {external_kind} as external_kind, {external_value} as external_value,
        json_type(e.traits, [{paths}]) as types, json_extract_string(e.traits, [{paths}]) as texts
    from events as e
    where e.type = 'identify' and e.known_at >= make_timestamptz({since})
        and e.source in (select source from figures)
),
told as (
    select e.source, {person} as person, e.happened_at, {values}
    from said as e {owners}
),
records as (
    select source, person, {newest}
    from told
    where person is not null
    group by source, person
),
counted as (
    select *, {shared},
        row_number() over (partition by source order by hash(person), person) as place
    from records
)
select f.source, f.events, f.identifies, f.customers, f.told, f.joined, {shown}
from figures as f
left join counted as c on c.source = f.source and c.place <= {sample}
order by f.told desc, f.customers desc, f.source, c.place
"""


def brought_question(
    columns: Mapping[str, Sequence[str]],
    value_kinds: Sequence[ValueKind],
    kinds: Kinds,
    *,
    now: int,
    days: int,
) -> str:
    """The question, in DuckDB's SQL over the lake's views, what each source brought.

    Args:
        columns: of each column the traits to take it from, by preference.
        value_kinds: what its values are, in the same order.
        kinds: tells which type of an external id is of which kind.
        now: the workspace's time in microseconds; the period is the `days` before it.
    """
    told = list(zip(range(len(columns)), columns.values(), value_kinds, strict=True))
    places = {path: n for n, path in enumerate(sorted({p for c in columns.values() for p in c}), 1)}
    return _BROUGHT.format(
        external_kind=_external_kind(kinds),
        external_value=_EXTERNAL.format("id"),
        long_ago=now - min(JOINED_PERIODS * days, JOINED_DAYS) * DAY,
        since=now - days * DAY,
        own=", ".join(map(literal, sorted({*OWN_SOURCES, *_ANSWERS}))),
        person=_PERSON,
        owners=_OWNERS,
        sources=MOST_SOURCES,
        sample=SAMPLE,
        paths=", ".join(map(_pointer, places)),
        values=", ".join(
            f"{_first_of([places[path] for path in paths])} as v{n}" for n, paths, _ in told
        ),
        newest=", ".join(f"arg_max(v{n}, happened_at) as v{n}" for n, _, _ in told),
        shared=", ".join(f"{_customers(kind, n)} as n{n}" for n, _, kind in told),
        shown=", ".join(f"c.v{n}, c.n{n}" for n, _, _ in told),
    )


def _external_kind(kinds: Kinds) -> str:
    """The kind of the first external id, by its type."""
    named = " ".join(
        f"when {literal(text)} then {literal(kind.name)}"
        for text, kind in sorted(kinds.typed.items())
        if text != kind.name
    )
    typed = f"lower({_EXTERNAL.format('type')})"
    return f"case {typed} {named} else {typed} end" if named else typed


def _first_of(places: Sequence[int]) -> str:
    """The first trait that holds a text that is not blank, or a number."""
    found = ", ".join(
        f"case when types[{n}] in ('VARCHAR', 'UBIGINT', 'BIGINT', 'DOUBLE') "
        f"then nullif(trim(left(texts[{n}], {_LONGEST})), '') end"
        for n in places
    )
    return f"coalesce({found or 'null'})"


def _pointer(path: str) -> str:
    """A trait's path as a JSON pointer, which any name can stand in."""
    parts = (part.replace("~", "~0").replace("/", "~1") for part in path.split("."))
    return literal("".join(f"/{part}" for part in parts))


def _customers(kind: ValueKind, place: int) -> str:
    """How many of the source's customers have the value, where it should be one person's own."""
    alike = {
        "email": f"lower(v{place})",
        "phone": f"regexp_replace(v{place}, '[^0-9]', '', 'g')",
        "birth_date": f"v{place}",
    }.get(kind)
    return "1" if alike is None else f"count(v{place}) over (partition by source, {alike})"


def read_brought(rows: Iterable[Sequence[Any]]) -> list[Brought]:
    """What each source brought, from the rows that answer the question."""
    found: dict[str, Brought] = {}
    for row in rows:
        figures, told = row[:_FIGURES], row[_FIGURES:]
        one = found.setdefault(figures[0], Brought(*figures))
        record = tuple(
            None if text is None else Value(text, customers)
            for text, customers in zip(told[::2], told[1::2], strict=True)
        )
        if one.told:
            one.records.append(record)
    return list(found.values())


def held_among(
    cursor: Cursor[Row], workspace_id: int, identifiers: Collection[Identifier]
) -> set[Identifier]:
    """Which of these identifiers do not count: blocked, of a full customer, or shared by many."""
    found = cursor.execute(
        """
        select asked.kind, asked.value
        from unnest(%(kinds)s::text[], %(values)s::text[]) as asked (kind, value)
        where exists (
            select from held_identifiers as h
            where h.workspace_id = %(workspace)s and h.kind = asked.kind
                and h.value = asked.value and h.reason in ('blocked', 'full', 'shared')
        ) or exists (
            select from identifiers as i
            where i.workspace_id = %(workspace)s and i.kind = asked.kind
                and i.value = asked.value and i.held_position is not null
        )
        """,
        {
            "workspace": workspace_id,
            "kinds": [kind for kind, _ in identifiers],
            "values": [value for _, value in identifiers],
        },
    ).fetchall()
    return {(kind, value) for kind, value in found}
