"""One record against a few others, with the same weights as in bulk.

The model's own SQL is evaluated in a DuckDB in memory that holds nothing but its frequent values,
so a pair weighs live exactly what it weighs among millions. Keys are whole numbers that an index
of any database can hold; records that share one are worth comparing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.forms import read
from tsunagu.identity.linking.model import Comparison, Model, Nature
from tsunagu.identity.linking.preparing import derived, plain, rarity
from tsunagu.identity.linking.scoring import (
    Reason,
    outcome,
    prior_weight,
    probability,
    reasons_of,
)

Record = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model says of two records; the reasons and `prior` add up to the weight."""

    weight: float
    probability: float
    prior: float
    reasons: tuple[Reason, ...]


class Judge:
    """Compares single records by a model. For one thread at a time; close it after use."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._names = [column.name for column in model.columns]
        self._connection = duckdb.connect(config={"threads": 1, "memory_limit": "256MB"})
        for number, column in enumerate(c for c in model.columns if c.classes):
            self._connection.execute(f"create table frequent{number} (value varchar, rarity int)")
            for place, values in enumerate(column.classes):
                self._connection.execute(
                    f"insert into frequent{number} select unnest($1::varchar[]), $2",
                    [list(values), place],
                )
        # Planned once: planning takes longer than the comparison of a few records.
        self._connection.execute("create table given (told varchar[][])")
        self._connection.execute(f"prepare keys as {self._keys_query()}")
        self._connection.execute(f"prepare compare as {self._compare_query()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def read(self, records: Sequence[Record]) -> list[Record]:
        """Records as the model reads them; a column that a record has not is missing."""
        forms = self._model.forms
        if not forms:
            return list(records)
        told = [[record.get(name) for record in records] for name in self._model.fields]
        columns = [pa.array(values, pa.string()) for values in told]
        return read(pa.table(columns, list(self._model.fields)), forms).to_pylist()

    def blocking_keys(self, records: Sequence[Record]) -> list[list[int]]:
        """The keys of each record that was read."""
        if not records:
            return []
        return [list(row[0]) for row in self._asked("keys", records)]

    def compare(self, record: Record, others: Sequence[Record]) -> list[Judged]:
        """What the model says of a record and each of the others, all read, in their order."""
        if not others:
            return []
        return [self._judged(row) for row in self._asked("compare", [record, *others])]

    def _judged(self, row: Sequence[Any]) -> Judged:
        prior = prior_weight(self._model.prior)
        reasons = reasons_of(self._model, row)
        weight = prior + sum(reason.weight for reason in reasons)
        return Judged(weight, probability(weight), prior, reasons)

    def _asked(self, query: str, records: Sequence[Record]) -> list[tuple[Any, ...]]:
        """The answer of a prepared query about some records."""
        told = [[record.get(name) for name in self._names] for record in records]
        self._connection.execute("truncate given")
        self._connection.execute("insert into given values (?)", [told])
        return self._connection.execute(f"execute {query}").fetchall()

    def _prepared(self) -> str:
        """The prepared records of what is given: values in the order of the columns."""
        plains = ", ".join(
            f"{plain(f'v[{n}]', column.nature)} as {quoted(column.name)}"
            for n, column in enumerate(self._model.columns, 1)
        )
        return (
            f"select place, {plains} from (select generate_subscripts(g, 1) as place, "  # noqa: S608
            "unnest(g) as v from (select told as g from given))"
        )

    def _compare_query(self) -> str:
        rated = [column for column in self._model.columns if column.classes]
        rarities = "".join(
            f", coalesce(f{n}.rarity, {len(column.classes)}) as {quoted(rarity(column.name))}"
            for n, column in enumerate(rated)
        )
        joins = " ".join(
            f"left join frequent{n} as f{n} on f{n}.value = p.{quoted(column.name)}"
            for n, column in enumerate(rated)
        )
        named = [*self._names, *(rarity(column.name) for column in rated)]
        sides = ", ".join(
            f"{side}.{quoted(name)} as {quoted(f'{name}_{side}')}"
            for name in named
            for side in ("l", "r")
        )
        told = ", ".join(_outcome_and_values(c) for c in self._model.comparisons)
        return f"""
            with prepared as materialized (
                select p.*{rarities} from ({self._prepared()}) as p {joins}
            )
            select {told} from (
                select r.place as place, {sides} from prepared as l, prepared as r
                where l.place = 1 and r.place > 1
            ) order by place
        """  # noqa: S608 - quoted names and a model's conditions

    def _keys_query(self) -> str:
        return f"""
            select {keys_of(self._model)} from (
                select *{_derived(self._model)} from ({self._prepared()})
            ) order by place
        """  # noqa: S608 - quoted names and a model's keys


def keys_of(model: Model) -> str:
    """The expression of the list of keys of a prepared record; for the bulk as well as live.

    A key is half an MD5 of the place of the model's key and of the values, as a signed number of
    64 bits: the same in any version.
    """
    made: list[str] = []
    for n, key in enumerate(model.keys):
        filled = " and ".join(f"{quoted(part)} is not null" for part in key.parts)
        values = ", ".join(f"{quoted(part)}::varchar" for part in key.parts)
        hashed = f"md5_number_lower(concat_ws(chr(31), '{n}', {values}))"
        made.append(f"case when {filled} then ({hashed}::hugeint - {1 << 63})::bigint end")
    return f"list_filter([{', '.join(made)}], k -> k is not null)"


def _derived(model: Model) -> str:
    columns: list[tuple[str, Nature]] = [(c.name, c.nature) for c in model.columns]
    return "".join(f", {made} as {quoted(part)}" for part, made in derived(columns).items())


def _outcome_and_values(comparison: Comparison) -> str:
    shown = [
        "concat_ws(' ', " + ", ".join(quoted(f"{n}_{side}") for n in comparison.columns) + ")"
        for side in ("l", "r")
    ]
    return f"{outcome(comparison)}, {', '.join(shown)}"
