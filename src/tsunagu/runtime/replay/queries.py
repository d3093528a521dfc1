"""The statements of replays: their rows, both sides of a comparison, the exchange."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import LiteralString

import msgspec
from psycopg import Connection, Cursor, sql
from psycopg.types.multirange import Multirange

from tsunagu.core import NotFound
from tsunagu.core.events import IDENTITY_PARTED
from tsunagu.core.times import micros, moment, wall
from tsunagu.runtime.replay.models import Difference, Replay, State
from tsunagu.storage import Row, in_workspace, stage

_REPLAY: LiteralString = """
select workspace_id, replay_id, shadow, stages, from_at, to_at, plan, state, done, events,
    compared is not null
from replays
"""
# The tables that a replay fills, with the columns that make a row the same one.
IDENTITY = {
    "customers": ("customer_id",),
    "identifiers": ("kind", "value"),
    "identity_edges": ("kind_a", "value_a", "kind_b", "value_b"),
    "identity_apart": ("kind_a", "value_a", "kind_b", "value_b"),
}
PROFILES = ("profiles", "audience_members", "consents")


def _replay(row: Row) -> Replay:
    from_at, to_at = (None if at is None else micros(at) for at in row[4:6])
    return Replay(row[0], row[1], row[2], tuple(row[3]), from_at, to_at, *row[6:])


@contextmanager
def both_sides(
    connection: Connection[Row], workspace_id: int, shadow: int
) -> Generator[Cursor[Row]]:
    """One transaction of the role `owner` that sees the workspace and the shadow."""
    with in_workspace(connection, workspace_id) as cursor:
        cursor.execute("select set_config('tsunagu.shadow', %s, true)", (str(shadow),))
        yield cursor


def create(
    cursor: Cursor[Row],
    workspace_id: int,
    stages: Sequence[str],
    from_at: int | None,
    to_at: int | None,
    plan: str,
) -> Replay:
    """A new replay with a shadow of its own."""
    cursor.execute(
        """
        insert into replays (
            workspace_id, shadow, stages, from_at, to_at, plan, state, created_at
        )
        values (%s, nextval('workspace_ids'), %s, %s, %s, %s, 'running', %s)
        returning replay_id
        """,
        (
            workspace_id,
            list(stages),
            None if from_at is None else moment(from_at),
            None if to_at is None else moment(to_at),
            plan,
            moment(wall()),
        ),
    )
    row = cursor.fetchone()
    assert row is not None
    return find(cursor, workspace_id, row[0])


def find(cursor: Cursor[Row], workspace_id: int, replay_id: int) -> Replay:
    """A replay by its number.

    Raises:
        NotFound: there is none.
    """
    row = cursor.execute(
        _REPLAY + "where workspace_id = %s and replay_id = %s", (workspace_id, replay_id)
    ).fetchone()
    if row is None:
        raise NotFound(
            f"There is no replay {replay_id} in this workspace. See: tsunagu replay show"
        )
    return _replay(row)


def every(cursor: Cursor[Row], workspace_id: int) -> list[Replay]:
    """All replays of a workspace, the oldest first."""
    cursor.execute(_REPLAY + "where workspace_id = %s order by replay_id", (workspace_id,))
    return [_replay(row) for row in cursor.fetchall()]


def set_state(cursor: Cursor[Row], replay: Replay, state: State) -> Replay:
    """Write what state a replay is in; the replay as it is then."""
    cursor.execute(
        """
        update replays set state = %(state)s,
            swapped_at = case when %(state)s = 'swapped' then %(now)s else swapped_at end
        where workspace_id = %(workspace)s and replay_id = %(replay)s
        """,
        {
            "state": state,
            "now": moment(wall()),
            "workspace": replay.workspace_id,
            "replay": replay.replay_id,
        },
    )
    return find(cursor, replay.workspace_id, replay.replay_id)


def note_read(cursor: Cursor[Row], replay: Replay, low: int, high: int, events: int) -> None:
    """Note that the positions from `low` to before `high` are read."""
    cursor.execute(
        """
        update replays
        set done = done + int8multirange(int8range(%s, %s)), events = events + %s
        where workspace_id = %s and replay_id = %s
        """,
        (low, high, events, replay.workspace_id, replay.replay_id),
    )


def note_compared(cursor: Cursor[Row], replay: Replay, compared: bool) -> Replay:
    """Note that all customers were compared by what is read now, or that they were not."""
    cursor.execute(
        """
        update replays set compared = case when %s then done end
        where workspace_id = %s and replay_id = %s
        """,
        (compared, replay.workspace_id, replay.replay_id),
    )
    return find(cursor, replay.workspace_id, replay.replay_id)


def unread(cursor: Cursor[Row], replay: Replay) -> list[tuple[int, int]]:
    """What is live and not read yet: positions from the first to before the second, in order.

    Live is what the pipeline has taken, and of loads what was fed to profiles; a load owns
    positions that the pipeline may not have come to, or passed long ago.
    """
    row = cursor.execute(
        """
        select int8multirange(int8range(1, c.position + 1)) - l.owned + l.fed - r.done
        from replays as r
        join cursors as c on c.workspace_id = r.workspace_id and c.consumer = 'pipeline'
        cross join lateral (
            select coalesce(range_agg(place), '{}'::int8multirange) as owned,
                coalesce(
                    range_agg(place) filter (where fed_at is not null), '{}'::int8multirange
                ) as fed
            from (
                select int8range(after_position + 1, upto_position + 1) as place, fed_at
                from load_ranges where workspace_id = r.workspace_id
            ) as ranges
        ) as l
        where r.workspace_id = %s and r.replay_id = %s
        """,
        (replay.workspace_id, replay.replay_id),
    ).fetchone()
    found: Multirange[int] = row[0] if row else Multirange()
    return [(part.lower, part.upper) for part in found if part.lower and part.upper]


def drop(cursor: Cursor[Row], replay: Replay) -> None:
    """Remove a replay and its shadow; call it in a transaction that sees both sides."""
    for table in (*IDENTITY, *PROFILES):
        cursor.execute(
            sql.SQL("delete from {} where workspace_id = %s").format(sql.Identifier(table)),
            (replay.shadow,),
        )
    for table in ("replay_owners", "replay_differences", "replays"):
        cursor.execute(
            sql.SQL("delete from {} where workspace_id = %s and replay_id = %s").format(
                sql.Identifier(table)
            ),
            (replay.workspace_id, replay.replay_id),
        )


def logged(
    cursor: Cursor[Row], workspace_id: int, low: int, high: int, limit: int, platform: str
) -> list[Row]:
    """Events of the inbox from `low` to before `high`, without those that were left out."""
    cursor.execute(
        """
        select position, (date_part('epoch', received_at) * 1000000)::bigint,
            (date_part('epoch', known_at) * 1000000)::bigint, message_id, type, name, user_id,
            anonymous_id, (date_part('epoch', at) * 1000000)::bigint, source,
            convert_to(body, 'UTF8')
        from inbox as i
        where workspace_id = %s and position >= %s and position < %s and source <> %s
            and not exists (
                select from left_out as l
                where l.workspace_id = i.workspace_id and l.position = i.position
            )
        order by position
        limit %s
        """,
        (workspace_id, low, high, platform, limit),
        binary=True,
    )
    return cursor.fetchall()


def reached(cursor: Cursor[Row], workspace_id: int, consumer: str) -> tuple[int, int]:
    """Where a reader of the log is, and the business time to which it has closed its timers."""
    row = cursor.execute(
        """
        select position, coalesce((date_part('epoch', closed_at) * 1000000)::bigint, 0)
        from cursors where workspace_id = %s and consumer = %s
        """,
        (workspace_id, consumer),
    ).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def parted(cursor: Cursor[Row], workspace_id: int) -> bool:
    """Whether anybody was ever parted in two here."""
    row = cursor.execute(
        """
        select exists (
            select from audit_log where workspace_id = %(workspace)s and action = %(parted)s
        ) or exists (
            select from identity_edges
            where workspace_id = %(workspace)s and cut_position is not null
        )
        """,
        {"workspace": workspace_id, "parted": IDENTITY_PARTED},
    ).fetchone()
    return bool(row and row[0])


def note_owners(cursor: Cursor[Row], replay: Replay, owners: Iterable[tuple[int, int]]) -> None:
    """Note the events (position, customer) that the timeline does not give to this customer."""
    stage(cursor, "owners_in", {"position": "int8", "customer_id": "int8"}, owners)
    cursor.execute(
        """
        insert into replay_owners (workspace_id, replay_id, position, customer_id)
        select %(workspace)s, %(replay)s, o.position, o.customer_id
        from owners_in as o
        where not exists (
            select from timeline as t
            where t.workspace_id = %(workspace)s and t.customer_id = o.customer_id
                and t.position = o.position
        )
        on conflict do nothing
        """,
        {"workspace": replay.workspace_id, "replay": replay.replay_id},
    )


def find_owners(cursor: Cursor[Row], replay: Replay) -> None:
    """Look up whose the noted events are in the timeline, which is read from end to end."""
    cursor.execute("set local enable_seqscan = on; set local enable_hashjoin = on")
    key = {"workspace": replay.workspace_id, "replay": replay.replay_id}
    cursor.execute(
        """
        update replay_owners as o set was = t.customer_id
        from timeline as t
        where o.workspace_id = %(workspace)s and o.replay_id = %(replay)s and o.was is null
            and t.workspace_id = %(workspace)s and t.position = o.position
            and t.position >= (
                select min(position) from replay_owners
                where workspace_id = %(workspace)s and replay_id = %(replay)s and was is null
            )
        """,
        key,
    )
    # The timeline no longer has these: there is nothing to give to anybody.
    cursor.execute(
        """
        delete from replay_owners
        where workspace_id = %(workspace)s and replay_id = %(replay)s and was is null
        """,
        key,
    )
    cursor.execute("set local enable_seqscan = off; set local enable_hashjoin = off")


def forget_differences(cursor: Cursor[Row], replay: Replay) -> None:
    """Start a comparison anew."""
    cursor.execute(
        "delete from replay_differences where workspace_id = %s and replay_id = %s",
        (replay.workspace_id, replay.replay_id),
    )


def keep_differences(cursor: Cursor[Row], replay: Replay, found: Sequence[Difference]) -> None:
    """Keep what a comparison found."""
    cursor.executemany(
        """
        insert into replay_differences (workspace_id, replay_id, customer_id, what, detail)
        values (%s, %s, %s, %s, %s)
        on conflict (workspace_id, replay_id, customer_id) do update
        set what = excluded.what, detail = excluded.detail
        """,
        [
            (
                replay.workspace_id,
                replay.replay_id,
                one.customer_id,
                list(one.what),
                msgspec.json.encode(one.detail).decode(),
            )
            for one in found
        ],
    )


def differing(cursor: Cursor[Row], replay: Replay) -> set[int]:
    """The customers that the last comparison found to differ."""
    cursor.execute(
        "select customer_id from replay_differences where workspace_id = %s and replay_id = %s",
        (replay.workspace_id, replay.replay_id),
    )
    return {customer for (customer,) in cursor.fetchall()}


def counted(cursor: Cursor[Row], replay: Replay) -> dict[str, int]:
    """How many customers differ in what."""
    cursor.execute(
        """
        select kind, count(*)
        from replay_differences as d cross join lateral unnest(d.what) as kind
        where d.workspace_id = %s and d.replay_id = %s group by kind order by kind
        """,
        (replay.workspace_id, replay.replay_id),
    )
    return dict(cursor.fetchall())


def samples(cursor: Cursor[Row], replay: Replay, limit: int) -> list[Difference]:
    """Some of the differences."""
    cursor.execute(
        """
        select customer_id, what, detail from replay_differences
        where workspace_id = %s and replay_id = %s order by customer_id limit %s
        """,
        (replay.workspace_id, replay.replay_id, limit),
    )
    return [Difference(customer, tuple(what), detail) for customer, what, detail in cursor]
