"""Rules as DuckDB SQL: all rules of a workspace over one batch, or one rule over the lake.

Both write the same condition over the same columns, so live and bulk cannot drift apart:
only where the columns come from differs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from tsunagu.core.rule_model import (
    LARGEST_AMOUNT,
    Feature,
    Rule,
    ValueType,
    cast_column,
    quote,
    text,
    trait_column,
)
from tsunagu.core.times import HOUR

_ARROW = {"count": pa.int64(), "sum": pa.float64(), "first": pa.int64(), "last": pa.int64()}
_ZONED = r"\d:\d\d.*(Z|[+-]\d\d(:?\d\d)?)$"
_local = threading.local()


class _Engine:
    """One in-memory DuckDB of a thread, which can reach nothing but the batch given to it."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(
            ":memory:",
            config={
                "enable_external_access": "false",
                "python_enable_replacements": "false",
                "threads": "1",
                "lock_configuration": "true",
            },
        )
        self.queries: dict[tuple[str, ...], tuple[str, Any]] = {}


def evaluate(
    rules: Mapping[str, Rule], columns: Mapping[str, Sequence[Any]]
) -> dict[str, list[bool]]:
    """Which customers satisfy which rules, in one SELECT.

    `columns` has one value per customer: traits as text or None, counts, sums, and first and
    last times in microseconds, under `Feature.column` and `trait_column`. Unknown is False.
    """
    if not rules:
        return {}
    engine: _Engine | None = getattr(_local, "engine", None)
    if engine is None:
        engine = _local.engine = _Engine()
    key = tuple(rule.condition for rule in rules.values())
    if key not in engine.queries:
        if len(engine.queries) >= 64:
            engine.queries.clear()
        engine.queries[key] = _live_query(list(rules.values()))
    query, schema = engine.queries[key]
    arrays = [pa.array(columns[field.name], field.type) for field in schema]
    engine.connection.register("batch", pa.Table.from_arrays(arrays, schema=schema))
    try:
        answers = engine.connection.execute(query).fetchnumpy()
    finally:
        engine.connection.unregister("batch")
    return {name: answers[f"r{i}"].tolist() for i, name in enumerate(rules)}


def _live_query(rules: Sequence[Rule]) -> tuple[str, Any]:
    features = {f.column: f for rule in rules for f in rule.features}
    casts = sorted({cast for rule in rules for cast in rule.casts})
    fields = [pa.field(name, _ARROW[f.kind]) for name, f in sorted(features.items())]
    fields += [pa.field(name, pa.string()) for name in _trait_columns(casts)]
    inner = [quote(name) for name in sorted(features)] + _cast_list(casts)
    answers = [f"coalesce({rule.condition}, false) as r{i}" for i, rule in enumerate(rules)]
    query = f"select {', '.join(answers)} from (select {', '.join(inner)} from batch)"  # noqa: S608 - written from checked trees
    return query, pa.schema(fields)


def _trait_columns(casts: Iterable[tuple[str, ValueType]]) -> list[str]:
    return sorted({trait_column(name) for name, _ in casts})


def _cast_list(casts: Iterable[tuple[str, ValueType]]) -> list[str]:
    return [f"{_cast(name, kind)} as {quote(cast_column(name, kind))}" for name, kind in casts]


def _cast(trait: str, kind: ValueType) -> str:
    column = quote(trait_column(trait))
    if kind == "text":
        return column
    if kind == "number":
        number = f"try_cast({column} as double)"
        return f"case when isfinite({number}) then {number} end"
    if kind == "boolean":
        return f"case {column} when 'true' then true when 'false' then false end"
    # A text without a zone is UTC, whatever zone the session has.
    return (
        f"case when regexp_matches({column}, {text(_ZONED)}) "
        f"then epoch_us(try_cast({column} as timestamptz)) "
        f"else epoch_us(try_cast({column} as timestamp)) end"
    )


def bulk_sql(rule: Rule) -> str:
    """A DuckDB SELECT of the `customer_id`s that satisfy the rule.

    It reads the relations `events(customer_id, name, at timestamptz, properties json)` and
    `traits(customer_id, name, value)` (value as `trait_text` gives it), with the parameters
    `$now` (timestamptz) and `$zone` (the workspace's zone).
    """
    features = sorted(rule.features, key=lambda f: f.column)
    casts = sorted(rule.casts)
    inner = [quote(f.column) for f in features] + _cast_list(casts)
    behaviour = "".join(f",\n        {_aggregate(f)} as {quote(f.column)}" for f in features)
    names = ", ".join(sorted({text(f.event) for f in features})) or "null"
    traits = "".join(
        f",\n        any_value(value) filter (where name = {text(name)})"
        f" as {quote(trait_column(name))}"
        for name in sorted(rule.traits)
    )
    known = ", ".join(sorted(text(name) for name in rule.traits)) or "null"
    return f"""
with clock as (
    select
        timezone($zone, $now::timestamptz)::date as today,
        epoch_us($now::timestamptz) // {HOUR} as this_hour
),
happened as (
    select
        customer_id, name, properties, epoch_us(at) as at_us,
        timezone($zone, at)::date as day, epoch_us(at) // {HOUR} as hour
    from events where name in ({names})
),
behaviour as (
    select customer_id{behaviour}
    from happened cross join clock group by customer_id
),
described as (
    select customer_id{traits}
    from traits where name in ({known}) group by customer_id
),
everyone as (
    select customer_id from events union select customer_id from traits
)
select customer_id from (
    select customer_id, {", ".join(inner)}
    from everyone
    cross join clock
    left join behaviour using (customer_id)
    left join described using (customer_id)
)
where {rule.condition}
"""  # noqa: S608 - written from checked trees


def _aggregate(feature: Feature) -> str:
    chosen = f"name = {text(feature.event)}"
    if feature.unit == "hour":
        chosen += f" and hour between this_hour - {feature.buckets - 1} and this_hour"
    elif feature.unit == "day":
        chosen += f" and day between today - {feature.buckets - 1} and today"
    if feature.kind == "count":
        figure = "count(*)"
    elif feature.kind == "sum":
        figure = f"sum({_amount(feature.property or '')})"
    else:
        figure = "min(at_us)" if feature.kind == "first" else "max(at_us)"
    return f"{figure} filter (where {chosen})"


def _amount(name: str) -> str:
    path = text(f'$."{name}"')
    value = f"try_cast(json_extract_string(properties, {path}) as double)"
    numeric = f"json_type(properties, {path}) in ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')"
    return f"case when {numeric} and abs({value}) < {LARGEST_AMOUNT:.0f} then {value} end"
