"""Bench `identity`, part live: how long one record takes among so many people in PostgreSQL.

The people are those of the part scale. Their records and blocking keys are written to the index as
a plan writes them; then records that were made dirty once more are asked for, one after the other,
through the function that the API calls.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
from psycopg import Connection

from tsunagu import access
from tsunagu.identity import matching_index_queries as index
from tsunagu.identity import matching_live as live
from tsunagu.identity.linking import Model, train
from tsunagu.identity.linking.service import prepare_for
from tsunagu.identity.matching import MATCH_MODEL, MATCH_MODEL_NAME
from tsunagu.runtime.bench.identity_scale import make_records
from tsunagu.runtime.bench.installation import bench_folder
from tsunagu.runtime.bench.measures import Measure, quantile
from tsunagu.serve.matching_one import match_record
from tsunagu.storage import Database, EmbeddedServer, Row, in_workspace, migrate

RECORDS = 1_000_000
LIMIT_MS = 20.0
_ASKED, _WARM = 2_000, 20
_TRAINED_ON = 100_000

_CUSTOMERS = """
insert into customers (
    workspace_id, customer_id, first_kind, first_value, created_position, created_at
)
select workspace_id, customer_id, 'userId', customer_id, customer_id, now()
from match_records where workspace_id = %(w)s
"""

Record = dict[str, str]


def measure(size: int | None) -> Iterator[Measure]:
    """The time of one record against `size` records, and how many of the people are found."""
    records = size or RECORDS
    with (
        bench_folder("live") as folder,
        EmbeddedServer(folder / "postgres") as server,
        tempfile.TemporaryDirectory(prefix="tsunagu-live-", dir=folder) as own,
        duckdb.connect(str(Path(own) / "records.duckdb")) as duck,
    ):
        duck.execute("set threads = 2; set memory_limit = '2GB'")
        database = Database(server.start() if not server.running else server.url)
        migrate(database)
        with database.connect("app") as connection:
            workspace = access.create_workspace(connection, "bench")
        began = time.monotonic()
        model = _fill(duck, database, workspace, records)
        yield Measure("identity.live.records", records, "records")
        yield Measure("identity.live.fill", records / (time.monotonic() - began), "records/s")
        asked = _asked(duck, model)
        with database.connect("app") as connection:
            _matched(connection, workspace, asked[:_WARM])
            took, found = _matched(connection, workspace, asked[_WARM:])
    yield Measure("identity.live.p50", quantile(took, 0.5), "ms")
    yield Measure("identity.live.p99", quantile(took, 0.99), "ms", bar=LIMIT_MS, below=True)
    yield Measure("identity.live.found", found, "share")


def _fill(
    duck: duckdb.DuckDBPyConnection, database: Database, workspace: int, records: int
) -> Model:
    """Learn a model, publish it and write the index of all records."""
    make_records(duck, records)
    some = min(records, _TRAINED_ON)
    chosen = f"select * from records order by hash(unique_id) limit {some}"  # noqa: S608 - a number
    duck.execute(f"create table sampled as {chosen}")
    model = train(duck, "sampled")
    prepare_for(duck, model, "records")
    with (
        database.connect("pipeline") as connection,
        in_workspace(connection, workspace) as cursor,
    ):
        version = access.publish(
            cursor, workspace, MATCH_MODEL, MATCH_MODEL_NAME, model.model_dump(mode="json"), "bench"
        )
        names = [column.name for column in model.columns]
        rows = live.indexed(duck, model, "records")
        index.store_index(cursor, workspace, version, names, rows)
        cursor.execute(_CUSTOMERS, {"w": workspace})
    with database.connect("owner") as connection:
        connection.execute("vacuum analyze match_keys, match_records, customers")
    return model


def _asked(duck: duckdb.DuckDBPyConnection, model: Model) -> list[tuple[int, Record]]:
    """Records of people that are there, with one more character lost in one of their values."""
    names = ", ".join(f'"{column.name}"' for column in model.columns)
    chosen = f"order by hash(unique_id, 3) limit {_ASKED + _WARM}"
    rows: list[Row] = duck.execute(
        f"select unique_id, {names} from records {chosen}"  # noqa: S608 - quoted names
    ).fetchall()
    chance = random.Random(3)  # noqa: S311 - the same each time
    return [(row[0], _spoiled(chance, model, row[1:])) for row in rows]


def _spoiled(chance: random.Random, model: Model, told: Sequence[str | None]) -> Record:
    record = {c.name: value for c, value in zip(model.columns, told, strict=True) if value}
    name = chance.choice(sorted(record))
    at = chance.randrange(len(record[name]))
    record[name] = record[name][:at] + record[name][at + 1 :]
    return record


def _matched(
    connection: Connection[Row], workspace: int, asked: Sequence[tuple[int, Record]]
) -> tuple[list[float], float]:
    """Milliseconds of each record, and the share of them that was found again."""
    took: list[float] = []
    found = 0
    for wanted, record in asked:
        began = time.perf_counter()
        with in_workspace(connection, workspace) as cursor:
            answers = match_record(cursor, workspace, record)
        took.append((time.perf_counter() - began) * 1e3)
        found += any(answer.b == wanted for answer in answers)
    return took, found / max(1, len(asked))
