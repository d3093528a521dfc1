"""Matching one record: blocking keys find candidates in PostgreSQL, the model's own SQL scores.

The index holds each customer's record and keys as the model last saw them; it is written when a
plan is made. The same functions prepare and score as in bulk, so the weights are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from tsunagu.identity.linking import Model
from tsunagu.identity.linking.blocking import key_value
from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.scoring import score
from tsunagu.identity.linking.service import PREPARED, prepare_for
from tsunagu.identity.matching import RECORDS, Proposal, explain_pairs, into_duckdb
from tsunagu.storage import Row

ASKED = -1
_STEP = 50_000


def keys_of(model: Model) -> str:
    """The expression of a prepared record's keys: a list of bigint, distinct among the rules."""
    made = [
        f"((hash({n}, {key_value(key.parts)})::hugeint - 9223372036854775808)::bigint)"
        for n, key in enumerate(model.keys)
    ]
    filled = [
        f"case when {key_value(key.parts)} is not null then {one} end"
        for key, one in zip(model.keys, made, strict=True)
    ]
    return f"list_filter([{', '.join(filled)}], k -> k is not null)"


def indexed(connection: duckdb.DuckDBPyConnection, model: Model) -> Iterator[list[Row]]:
    """Customer id, texts in the order of the model's columns, and keys, of all prepared records."""
    texts = ", ".join(f"r.{quoted(c.name)}" for c in model.columns)
    found = connection.execute(
        f"""
        select r.unique_id, [{texts}], p.keys
        from {RECORDS} as r
        join (select unique_id, {keys_of(model)} as keys from {PREPARED}) as p
            on p.unique_id = r.unique_id
        """  # noqa: S608 - quoted names
    )
    while rows := found.fetchmany(_STEP):
        yield rows


def keys_of_record(
    connection: duckdb.DuckDBPyConnection, model: Model, record: Mapping[str, str]
) -> list[int]:
    """The blocking keys of one record, which is told by the model's columns."""
    _fill(connection, model, [(ASKED, *(record.get(c.name) for c in model.columns))])
    row: Any = connection.execute(f"select {keys_of(model)} from {PREPARED}").fetchone()  # noqa: S608
    return list(row[0])


def scored(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    record: Mapping[str, str],
    candidates: list[Row],
    limit: int,
) -> list[Proposal]:
    """The candidates (id, texts) that weigh at least the lower threshold, the heaviest first."""
    asked = (ASKED, *(record.get(c.name) for c in model.columns))
    _fill(connection, model, [asked, *((one, *told) for one, told in candidates)])
    pairs = pa.table(
        {
            "left_id": pa.array([ASKED] * len(candidates), pa.int64()),
            "right_id": pa.array([one for one, _ in candidates], pa.int64()),
        }
    )
    connection.register("live_pairs", pairs)
    score(
        connection,
        model.comparisons,
        PREPARED,
        "live_pairs",
        "live_scored",
        prior=model.prior,
        least=model.lower,
    )
    connection.unregister("live_pairs")
    found = connection.execute(
        "select right_id, weight from live_scored order by weight desc, right_id limit ?", [limit]
    ).fetchall()
    reasons = explain_pairs(connection, model, [(ASKED, one) for one, _ in found])
    return [
        Proposal(
            "merge" if weight >= model.upper else "review", ASKED, one, weight, reasons[ASKED, one]
        )
        for one, weight in found
    ]


def _fill(connection: duckdb.DuckDBPyConnection, model: Model, rows: list[Row]) -> None:
    into_duckdb(connection, [c.name for c in model.columns], [rows])
    prepare_for(connection, model, RECORDS)
