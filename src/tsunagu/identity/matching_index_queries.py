"""SQL of the index by which one record finds its candidates."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import Cursor

from tsunagu.storage import Row, int_array, stage


def store_index(
    cursor: Cursor[Row],
    workspace_id: int,
    model: int,
    columns: list[str],
    batches: Iterable[list[Row]],
) -> None:
    """Replace the index by these records (customer id, texts, keys), batch by batch."""
    for table in ("match_keys", "match_records", "match_index"):
        cursor.execute(f"delete from {table} where workspace_id = %s", (workspace_id,))  # noqa: S608 # pyright: ignore[reportArgumentType]
    for rows in batches:
        shape = {"customer_id": "int8", "told": "text[]", "keys": "int8[]"}
        stage(cursor, "index_in", shape, ((one, told, keys) for one, told, keys in rows))
        cursor.execute(
            """
            insert into match_records (workspace_id, customer_id, told)
            select %s, customer_id, told from index_in
            """,
            (workspace_id,),
        )
        cursor.execute(
            """
            insert into match_keys (workspace_id, key, customer_id)
            select distinct %s::integer, k, customer_id from index_in, unnest(keys) as k
            """,
            (workspace_id,),
        )
    cursor.execute(
        "insert into match_index (workspace_id, model, columns) values (%s, %s, %s)",
        (workspace_id, model, columns),
    )


def index_model(cursor: Cursor[Row], workspace_id: int) -> int | None:
    """The version of the model by which the index was made."""
    row = cursor.execute(
        "select model from match_index where workspace_id = %s", (workspace_id,)
    ).fetchone()
    return None if row is None else row[0]


def candidates(
    cursor: Cursor[Row], workspace_id: int, keys: list[int], *, cap: int, most: int
) -> list[Row]:
    """Customers (id now, texts) that share a key; a key that more than `cap` share is none.

    Of a customer that was merged since the index was made, the record that shares most is told.
    """
    return cursor.execute(
        """
        with hits as (
            select h.key, h.customer_id
            from unnest(%(keys)s::bigint[]) as k (key)
            cross join lateral (
                select m.key, m.customer_id from match_keys as m
                where m.workspace_id = %(w)s and m.key = k.key
                limit %(cap)s + 1
            ) as h
        ),
        rare as (select key from hits group by key having count(*) <= %(cap)s),
        best as (
            select customer_id, count(*) as shared from hits join rare using (key)
            group by 1 order by 2 desc, 1 limit %(most)s
        )
        select distinct on (now.customer_id) now.customer_id, r.told
        from best as b
        join match_records as r on r.workspace_id = %(w)s and r.customer_id = b.customer_id
        cross join lateral (
            with recursive path (customer_id, merged_into) as (
                select customer_id, merged_into from customers
                where workspace_id = %(w)s and customer_id = b.customer_id
                union all
                select n.customer_id, n.merged_into from path
                join customers as n
                    on n.workspace_id = %(w)s and n.customer_id = path.merged_into
            )
            select customer_id from path where merged_into is null
        ) as now
        order by now.customer_id, b.shared desc
        """,
        {"w": workspace_id, "keys": int_array(keys), "cap": cap, "most": most},
    ).fetchall()
