"""The tables of the benchmark: `records` to match and `truth` to judge by.

The same seed makes the same tables. The author of this package read nothing of the matcher.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa

from tsunagu.core import Invalid
from tsunagu.runtime.bench.identity_japan.beliefs import beliefs
from tsunagu.runtime.bench.identity_japan.homes import Homes
from tsunagu.runtime.bench.identity_japan.households import population
from tsunagu.runtime.bench.identity_japan.mistaken import make_mistakes
from tsunagu.runtime.bench.identity_japan.names import Names
from tsunagu.runtime.bench.identity_japan.people import Person
from tsunagu.runtime.bench.identity_japan.records import Record, write
from tsunagu.runtime.bench.identity_japan.spoilt import spoil
from tsunagu.runtime.bench.identity_japan.towns import Towns

FIELDS = ("name", "kana", "address", "postcode", "phone", "birth_date", "email")


def make_records(
    connection: duckdb.DuckDBPyConnection, people: int = 100_000, seed: int = 1
) -> None:
    """Make the tables `records` and `truth`, about two records a person.

    `records` has unique_id (1 to n, in no order of persons), source and seven columns of text, a
    missing value being null. `truth` has for each unique_id the person, the household the person
    lives in now, and what was done to the record, names joined by commas (none: an empty text).

    Raises:
        Invalid: there would be nobody.
    """
    if people < 1:
        raise Invalid("A population needs at least one person: say people=1 or more.")
    chance = Random(seed)  # noqa: S311 - the same population each time is the point
    names = Names()
    everybody = population(names, Homes(Towns(chance), chance), chance, people)
    rows = list(_rows(everybody, names, chance))
    chance.shuffle(rows)
    ids = pa.array(range(1, len(rows) + 1), pa.int64())
    written = [record for _, record in rows]
    _keep(connection, "records", _records(ids, written))
    _keep(connection, "truth", _truth(ids, [person for person, _ in rows], written))


def write_parquet(folder: Path, people: int = 100_000, seed: int = 1) -> None:
    """Write `records.parquet` and `truth.parquet` into a folder, to try another matcher on."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        make_records(connection, people, seed)
        for table in ("records", "truth"):
            connection.table(table).write_parquet(str(folder / f"{table}.parquet"))


def _rows(everybody: list[Person], names: Names, chance: Random) -> Iterator[tuple[Person, Record]]:
    for person in everybody:
        for belief in beliefs(person, chance):
            make_mistakes(belief, names, chance)
            record = write(belief, chance)
            spoil(record, chance)
            yield person, record


def _records(ids: Any, rows: list[Record]) -> Any:
    columns = {
        field: pa.array([r.values.get(field) for r in rows], pa.string()) for field in FIELDS
    }
    source = pa.array([r.source for r in rows], pa.string())
    return pa.table({"unique_id": ids, "source": source, **columns})


def _truth(ids: Any, people: list[Person], rows: list[Record]) -> Any:
    return pa.table(
        {
            "unique_id": ids,
            "person": pa.array([person.number for person in people], pa.int64()),
            "household": pa.array([person.household for person in people], pa.int64()),
            "damage": pa.array([",".join(row.damage) for row in rows], pa.string()),
        }
    )


def _keep(connection: duckdb.DuckDBPyConnection, table: str, rows: Any) -> None:
    connection.register("made_rows", rows)
    connection.execute(f"create or replace table {table} as select * from made_rows")  # noqa: S608
    connection.unregister("made_rows")
