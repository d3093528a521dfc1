"""Matching one record: blocking keys find candidates in PostgreSQL, the model's judge scores them.

The index holds each customer's record and keys as the model last saw them; it is written when a
plan is made. The judge prepares and scores as the bulk does, so the weights are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import duckdb

from tsunagu.identity.linking import Judge, Judged, Model, keys_of
from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.forms import READ
from tsunagu.identity.linking.service import PREPARED
from tsunagu.identity.matching import RECORDS, Proposal, Why
from tsunagu.storage import Row

ASKED = -1
_STEP = 50_000


def indexed(
    connection: duckdb.DuckDBPyConnection, model: Model, records: str = RECORDS
) -> Iterator[list[Row]]:
    """Customer id, read texts in the order of the model's columns, and keys, of all records.

    The records were prepared before.
    """
    source = READ if model.forms else records
    texts = ", ".join(f"r.{quoted(c.name)}" for c in model.columns)
    found = connection.execute(
        f"""
        select r.unique_id, [{texts}], p.keys
        from {quoted(source)} as r
        join (select unique_id, {keys_of(model)} as keys from {PREPARED}) as p
            on p.unique_id = r.unique_id
        """  # noqa: S608 - quoted names
    )
    while rows := found.fetchmany(_STEP):
        yield rows


def scored(
    judge: Judge,
    model: Model,
    record: Mapping[str, str | None],
    candidates: Sequence[Row],
    limit: int,
) -> list[Proposal]:
    """The candidates (id, texts) that weigh at least the lower threshold, the heaviest first.

    Args:
        record: as the judge has read it; so are the candidates' texts, as they are indexed.
    """
    names = [column.name for column in model.columns]
    others = [dict(zip(names, told, strict=True)) for _, told in candidates]
    judged = zip((one for one, _ in candidates), judge.compare(record, others), strict=True)
    likely = [(one, said) for one, said in judged if said.weight >= model.lower]
    likely.sort(key=lambda pair: (-pair[1].weight, pair[0]))
    return [_proposal(model, one, said) for one, said in likely[:limit]]


def _proposal(model: Model, customer: int, said: Judged) -> Proposal:
    action = "merge" if said.weight >= model.upper else "review"
    reasons = tuple(
        Why(r.comparison, r.label, r.level, r.weight, r.left, r.right) for r in said.reasons
    )
    return Proposal(action, ASKED, customer, said.weight, reasons)
