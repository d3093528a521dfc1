"""Matching customers of a workspace: which traits make a record, and what a model would change.

A record is what one customer's profile says that can be compared with another's. A proposal
never joins two who are kept apart: where a cluster holds such a pair, people are asked instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from tsunagu.identity.kinds import Identifier
from tsunagu.identity.linking import Model, Tell, link, probability
from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.scoring import outcome, reasons_of
from tsunagu.identity.linking.service import PREPARED
from tsunagu.storage import Row

MATCHING, MATCHING_NAME = "matching", "records"
MATCH_MODEL, MATCH_MODEL_NAME = "match-model", "customers"
RECORDS = "matching_records"
_ASKED = "matching_asked"

TRAITS: dict[str, tuple[str, ...]] = {
    "name": ("name", "full_name"),
    "family": ("lastName", "last_name", "family_name"),
    "given": ("firstName", "first_name", "given_name"),
    "name_kana": ("name_kana", "nameKana", "kana"),
    "company": ("company.name", "company"),
    "address": ("address.street", "address"),
    "city": ("address.city", "city"),
    "region": ("address.state", "prefecture"),
    "postcode": ("address.postalCode", "postcode", "postal_code"),
    "phone": ("phone",),
    "email": ("email",),
    "birth_date": ("birthday", "birth_date"),
    "gender": ("gender",),
}
"""Column of a record: where it is taken from, the first that has a value. The Segment spec's."""


class Matching(BaseModel):
    """Which traits make a customer's record; the document of the kind `matching`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[str, list[str]] = Field(
        default_factory=lambda: {name: list(paths) for name, paths in TRAITS.items()},
        min_length=1,
        max_length=40,
        description="Columns of a record, each with the traits to take it from, by preference; "
        "a dot leads into an object.",
    )


@dataclass(frozen=True, slots=True)
class Why:
    """One comparison's part in the weight of a pair; a bar of the waterfall."""

    comparison: str
    label: str
    level: int
    weight: float
    value_a: str
    value_b: str


@dataclass(frozen=True, slots=True)
class Merged:
    """Two identifiers that a model made one customer's, and what the record of each side tells."""

    a: Identifier
    b: Identifier
    told_a: Mapping[str, str]
    told_b: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """That two customers are one person (`merge`), or that people should say so (`review`).

    Where `merged` is there, both are one customer: that an older model was wrong to make them
    one (`part`), or that people should say so.
    """

    action: str
    a: int
    b: int
    weight: float
    reasons: tuple[Why, ...]
    merged: Merged | None = None

    @property
    def probability(self) -> float:
        """How likely the two are one person."""
        return probability(self.weight)


def into_duckdb(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str], batches: Iterable[list[Row]]
) -> int:
    """Make the table of records; each row is a customer id and a text for each column."""
    fields = ", ".join(f"{quoted(name)} varchar" for name in columns)
    connection.execute(f"create or replace table {RECORDS} (unique_id bigint, {fields})")
    total = 0
    schema = pa.schema([("unique_id", pa.int64()), *((name, pa.string()) for name in columns)])
    for rows in batches:
        arrays = [
            pa.array(values, field.type)
            for values, field in zip(zip(*rows, strict=True), schema, strict=True)
        ]
        connection.register("matching_batch", pa.Table.from_arrays(arrays, schema=schema))
        connection.execute(f"insert into {RECORDS} select * from matching_batch")  # noqa: S608
        connection.unregister("matching_batch")
        total += len(rows)
    return total


def propose(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    apart: set[tuple[int, int]],
    *,
    tell: Tell = lambda _: None,
) -> list[Proposal]:
    """What a model would change of the records in `RECORDS`, the surest first.

    Args:
        apart: pairs of customers, the smaller id first, that somebody keeps apart.
        tell: told each step as it begins.
    """
    links = link(connection, model, RECORDS, tell=tell)
    cluster_of = dict(zip(links.records.tolist(), links.clusters.tolist(), strict=True))
    torn = {
        cluster_of[a] for a, b in apart if a in cluster_of and cluster_of[a] == cluster_of.get(b)
    }
    asked: list[tuple[str, int, int, float]] = []
    joined: dict[int, int] = {}
    pairs = sorted(
        zip(links.left.tolist(), links.right.tolist(), links.weight.tolist(), strict=True),
        key=lambda pair: (-pair[2], pair[0], pair[1]),
    )
    for a, b, weight in pairs:
        if weight < model.lower:
            break
        if (min(a, b), max(a, b)) in apart:
            continue
        together = cluster_of[a] == cluster_of[b]
        if together and cluster_of[a] not in torn:
            one, other = _root(joined, a), _root(joined, b)
            if one != other and weight >= model.upper:
                joined[max(one, other)] = min(one, other)
                asked.append(("merge", a, b, weight))
        else:
            asked.append(("review", a, b, weight))
    tell("reasons")
    reasons = explain_pairs(connection, model, [(a, b) for _, a, b, _ in asked])
    return [
        Proposal(action, a, b, weight, reasons.get((a, b), ())) for action, a, b, weight in asked
    ]


def explain_pairs(
    connection: duckdb.DuckDBPyConnection, model: Model, pairs: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[Why, ...]]:
    """The waterfall of each pair of prepared records, for all pairs in one query."""
    if not pairs:
        return {}
    listed = pa.table({"a": [a for a, _ in pairs], "b": [b for _, b in pairs]})
    connection.register(_ASKED, listed)
    told = [r[0] for r in connection.execute(f"describe {quoted(PREPARED)}").fetchall()]
    sides = ", ".join(
        f"{side}.{quoted(name)} as {quoted(f'{name}_{side}')}"
        for name in told
        if name != "unique_id"
        for side in ("l", "r")
    )
    wanted = ", ".join(
        f"{outcome(c)}, " + ", ".join(_shown(c.columns, side) for side in ("l", "r"))
        for c in model.comparisons
    )
    rows = connection.execute(
        f"""
        select a, b, {wanted} from (
            select p.a, p.b, {sides} from {_ASKED} as p
            join {quoted(PREPARED)} as l on l.unique_id = p.a
            join {quoted(PREPARED)} as r on r.unique_id = p.b
        )
        """  # noqa: S608 - quoted names and a model's conditions
    ).fetchall()
    connection.unregister(_ASKED)
    return {(row[0], row[1]): _whys(model, row[2:]) for row in rows}


def _shown(columns: Sequence[str], side: str) -> str:
    return "concat_ws(' ', " + ", ".join(quoted(f"{name}_{side}") for name in columns) + ")"


def _whys(model: Model, told: Row) -> tuple[Why, ...]:
    return tuple(
        Why(r.comparison, r.label, r.level, r.weight, r.left, r.right)
        for r in reasons_of(model, told)
    )


def _root(joined: dict[int, int], one: int) -> int:
    while one in joined:
        one = joined[one]
    return one
