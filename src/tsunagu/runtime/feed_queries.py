"""What a feed reads: a range of the lake, and in PostgreSQL how far it has come."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
from psycopg import Cursor

from tsunagu.core import Body, Event
from tsunagu.identity import NONE, Kinds, Told
from tsunagu.profiles import IDENTIFY, TRACK, WORDS, Ints, Plan
from tsunagu.storage import Arrow, stage_columns

Row = tuple[Any, ...]
Json = dict[str, Any]

_HEADS = """
select
    position, epoch_us(known_at) as known_at, epoch_us(happened_at) as happened_at,
    type = 'alias' as alias,
    case type when 'identify' then {identify} when 'track' then {track} else 0 end::tinyint as kind,
    user_id, anonymous_id,
    case when type = 'alias' then previous_id end as previous_id,
    source,
    case when type in ('identify', 'alias') or {others}
        or (user_id is not null and anonymous_id is not null) then message_id end as message_id,
    case when type = 'identify' then traits end as traits,
    watched, word,
    case when watched >= 0 or word >= 0 then properties end as properties,
    case when word >= 0 then context end as context
    {columns}
from (
    select *,
        case when type = 'track' then coalesce(list_position($watched, name), 0) else 0 end - 1
            as watched,
        case when type = 'track' then coalesce(list_position($words, name), 0) else 0 end - 1
            as word
        {drawn}
    from events
    where position > $after and position <= $upto
)
order by position
"""

_WHOLE = """
select
    position, epoch_us(received_at), epoch_us(known_at), message_id, type, name, user_id,
    anonymous_id, epoch_us(happened_at), source, properties, traits, context, previous_id,
    group_id
from events
where position > $after and position <= $upto
    and position in (select position from wanted)
order by position
"""

# Lines of `COPY`'s text format for the timeline. A body is as `core.encode_body` writes it: what
# is empty is left out. Only few texts hold anything to escape.
_TOLD = """
select concat(
    o.customer_id, chr(9), position, chr(9), happened_at, chr(9), type, chr(9),
    {name}, chr(9), {source}, chr(9), {body}, chr(9),
    coalesce({user_id}, '\\N'), chr(9), coalesce({anonymous_id}, '\\N'), chr(10)
) as line
from (
    select
        position, epoch_us(happened_at) as happened_at, type, name, source, user_id, anonymous_id,
        '{{' || concat_ws(
            ',',
            case when properties <> '{{}}' then '"properties":' || properties end,
            case when traits <> '{{}}' then '"traits":' || traits end,
            case when context <> '{{}}' then '"context":' || context end,
            case when previous_id is not null then '"previousId":' || to_json(previous_id) end,
            case when group_id is not null then '"groupId":' || to_json(group_id) end
        ) || '}}' as body
    from events
    where position > $after and position <= $upto
)
join owned as o using (position)
"""
_ESCAPED = ("name", "source", "body", "user_id", "anonymous_id")
_SPECIAL = (("'\\'", "'\\\\'"), ("chr(10)", "'\\n'"), ("chr(9)", "'\\t'"), ("chr(13)", "'\\r'"))


def _escaped(column: str) -> str:
    """SQL that escapes a text for `COPY`, where it has to be."""
    special = " or ".join(f"contains({column}, {character})" for character, _ in _SPECIAL)
    escaped = column
    for character, escape in _SPECIAL:
        escaped = f"replace({escaped}, {character}, {escape})"
    return f"case when {special} then {escaped} else {column} end"


@dataclass(frozen=True)
class Owned:
    """Whom the events of a range belong to (-1 is nobody), by rising position.

    `plan` is the key of the rules by which they were counted, None if that is not known;
    `stale` the customers whom other rules had answered.
    """

    position: Ints
    customer: Ints
    plan: str | None = None
    stale: Sequence[int] = ()


@dataclass(frozen=True)
class Heads:
    """What a part says, in log order, as far as identities and folds look at it."""

    told: Told
    at: Ints
    table: Arrow


def read_heads(
    lake: duckdb.DuckDBPyConnection, plan: Plan, kinds: Kinds, after: int, upto: int
) -> Heads:
    """The events of a range; identifiers are drawn as `kinds` says where they stand."""
    drawn = {f"path_{n}": _text_at(room, path) for n, (_, room, path) in enumerate(kinds.paths)}
    drawn["external"] = _EXTERNAL
    query = _HEADS.format(
        identify=IDENTIFY,
        track=TRACK,
        drawn="".join(f", {text} as {name}" for name, text in drawn.items()),
        columns="".join(f", {name}" for name in drawn),
        others=" or ".join(f"{name} is not null" for name in drawn),
    )
    words = {"watched": list(plan.needs) or [""], "words": list(WORDS)}
    table = lake.execute(query, {"after": after, "upto": upto, **words}).to_arrow_table()
    told = Told(
        _numbers(table, "position"),
        _numbers(table, "known_at"),
        table["alias"].to_numpy(),
        table["user_id"],
        table["anonymous_id"],
        table["previous_id"],
        [table[name] for name in drawn if name != "external"],
        table["external"],
    )
    return Heads(told, _numbers(table, "happened_at"), table)


# Most events have nothing there: a name is looked for before JSON is read. It may be written
# with escapes, which begin with a backslash and a u.
_EXTERNAL = """
case when contains(context, '"externalIds"') or contains(context, '\\u')
    then nullif(json_extract(context, '$.externalIds')::varchar, 'null') end
"""


def _text_at(room: str, path: Sequence[str]) -> str:
    """SQL that draws a text out of an event's JSON, as a kind's source says (`Kinds.paths`)."""
    where = "'$" + "".join(f'."{name}"' for name in path) + "'"
    named = f"(contains({room}, '\"{path[0]}\"') or contains({room}, '\\u'))"
    if room == "traits":
        named += " and type = 'identify'"
    return (
        f"case when {named} and json_type({room}, {where}) = 'VARCHAR' "
        f"then json_extract_string({room}, {where}) end"
    )


def _numbers(table: Arrow, column: str) -> Ints:
    return table[column].to_numpy().astype(np.int64, copy=False)


def read_whole(
    lake: duckdb.DuckDBPyConnection, after: int, upto: int, positions: Collection[int] | Ints
) -> list[tuple[Event, Body]]:
    """Some events of a range as the pipeline knows them, in log order."""
    wanted = pa.table({"position": pa.array(np.asarray(positions, np.int64))})
    lake.register("wanted", wanted)
    try:
        rows = lake.execute(_WHOLE, {"after": after, "upto": upto}).fetchall()
    finally:
        lake.unregister("wanted")
    return [_event(*row) for row in rows]


def _event(*row: Any) -> tuple[Event, Body]:
    envelope, (properties, traits, context, previous_id, group_id) = row[:10], row[10:]
    body = Body(_json(properties), _json(traits), _json(context), previous_id, group_id)
    return Event(*envelope, body=b""), body


def _json(text: str | None) -> Json:
    try:
        return msgspec.json.decode(text, type=Json) if text else {}
    except msgspec.DecodeError:  # counts as empty, as everywhere in a feed
        return {}


def read_told(
    lake: duckdb.DuckDBPyConnection, after: int, upto: int, owned: Owned, rows: int
) -> Iterator[Arrow]:
    """The timeline's rows of a range as lines for `COPY`, some `rows` at a time, in any order.

    The connection is this reading's own.
    """
    somebody = owned.customer != NONE
    arrays = (owned.position[somebody], owned.customer[somebody])
    lake.register("owned", pa.table(dict(zip(("position", "customer_id"), arrays, strict=True))))
    query = _TOLD.format(**{name: _escaped(name) for name in _ESCAPED})
    reader = lake.execute(query, {"after": after, "upto": upto}).to_arrow_reader(rows)
    for batch in reader:
        yield batch.column(0)


@dataclass(frozen=True)
class Standing:
    """How far a range is fed: positions up to which profiles and timeline have everything."""

    fed: int
    told: int
    events: int
    customers: int


def begin(cursor: Cursor[Row], workspace_id: int, after: int, upto: int) -> Standing:
    """Note a range to be fed, or find where it stands; its row is locked."""
    key = {"workspace": workspace_id, "after": after, "upto": upto}
    cursor.execute(
        """
        insert into load_feeds (
            workspace_id, after_position, upto_position, fed_position, told_position
        )
        values (%(workspace)s, %(after)s, %(upto)s, %(after)s, %(after)s)
        on conflict do nothing
        """,
        key,
    )
    row = cursor.execute(
        """
        select fed_position, told_position, events, customers from load_feeds
        where workspace_id = %(workspace)s and after_position = %(after)s
        for update
        """,
        key,
    ).fetchone()
    assert row is not None
    return Standing(*row)


def note_fed(
    cursor: Cursor[Row], workspace_id: int, after: int, upto: int, events: int, customers: int
) -> None:
    """Say that profiles have everything up to a position."""
    cursor.execute(
        """
        update load_feeds
        set fed_position = %s, events = events + %s, customers = customers + %s,
            updated_at = clock_timestamp()
        where workspace_id = %s and after_position = %s
        """,
        (upto, events, customers, workspace_id, after),
    )


def note_told(cursor: Cursor[Row], workspace_id: int, after: int, upto: int) -> None:
    """Say that the timeline has everything up to a position."""
    cursor.execute(
        """
        update load_feeds set told_position = %s, updated_at = clock_timestamp()
        where workspace_id = %s and after_position = %s
        """,
        (upto, workspace_id, after),
    )


_NEXT_UNREAD: LiteralString = """
select (date_part('epoch', i.known_at) * 1000000)::bigint
from inbox as i
where i.workspace_id = %s and i.position > %s
order by i.position
limit 1
"""


def next_unread(cursor: Cursor[Row], workspace_id: int, after: int) -> int | None:
    """When the next event that the pipeline has not taken was known."""
    row = cursor.execute(_NEXT_UNREAD, (workspace_id, after)).fetchone()
    return None if row is None else row[0]


def plan_of(cursor: Cursor[Row], workspace_id: int) -> str | None:
    """The key of the rules by which the pipeline answers."""
    row = cursor.execute(
        "select plan from cursors where workspace_id = %s and consumer = 'pipeline'",
        (workspace_id,),
    ).fetchone()
    return None if row is None else row[0]


def enrolment_wakes(cursor: Cursor[Row], workspace_id: int, customers: Ints) -> dict[int, int]:
    """When the next enrolment timers of these customers are due, of those who have one."""
    if not len(customers):
        return {}
    stage_columns(cursor, "customers_wanted", {"customer_id": "int8"}, [pa.array(customers)])
    cursor.execute(
        """
        select wanted.customer_id, (date_part('epoch', e.wake_at) * 1000000)::bigint
        from customers_wanted as wanted
        cross join lateral (
            select min(wake_at) as wake_at from enrolments
            where workspace_id = %s and customer_id = wanted.customer_id and status = 'active'
            offset 0
        ) as e
        where e.wake_at is not null
        """,
        (workspace_id,),
        binary=True,
    )
    return dict(cursor.fetchall())
