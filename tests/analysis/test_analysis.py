"""An analyst asks the lake by SQL and gets rows, a file, or a plain word why not."""

from __future__ import annotations

import io
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from asking import LIMITS, NOON

from tsunagu.analysis import (
    Analysts,
    Busy,
    Format,
    Limits,
    QueryRun,
    Refused,
    Stopped,
    forget_query,
    format_of,
    last_runs,
    note_run,
    plain_rows,
    save_query,
    saved_queries,
    write_result,
)
from tsunagu.core import Invalid, NotFound
from tsunagu.core.times import HOUR
from tsunagu.storage import Database, in_workspace


def ask(analysts: Analysts, sql: str, limits: Limits | None = None, **options: Any) -> list[Any]:
    with analysts.ask(1, sql, limits=limits, **options) as asking:
        return list(plain_rows(asking))


def test_rows_come_with_the_customer_of_each_event(analysts: Analysts) -> None:
    found = ask(
        analysts,
        """
        select name, count(*), min(customer_id), sum((properties->>'price')::int)
        from customer_events where name < 'Event 2' group by 1 order by 1
        """,
    )
    assert found == [["Event 0", 250, 100, 124500], ["Event 1", 250, 101, 124750]]


def test_what_was_known_at_a_time(analysts: Analysts) -> None:
    asked = "select count(*) from events_known_at('2026-05-01 15:00:00Z')"
    assert ask(analysts, asked) == [[4]]
    assert ask(analysts, "select count(*) from events", known_at=NOON + 3 * HOUR) == [[4]]
    assert ask(analysts, "select count(*) from events", known_at=NOON - 1) == [[0]]


def test_a_long_result_ends_at_the_limit_and_says_so(analysts: Analysts) -> None:
    with analysts.ask(1, "select position from events order by position") as asking:
        rows = list(plain_rows(asking))
    assert rows == [[n] for n in range(500)]
    assert (asking.result.rows, asking.result.truncated) == (500, True)
    with analysts.ask(1, "from events limit 500") as asking:
        assert len(list(plain_rows(asking))) == 500
    assert not asking.result.truncated


def test_values_keep_their_meaning(analysts: Analysts) -> None:
    sql = """
    select null, true, 'é', 1.25::decimal(9,2), 12345678901234567::bigint, 1e300::double,
        'nan'::double, date '2026-05-01', timestamptz '2026-05-01 12:00:00Z', [1, null],
        {'a': 'b'}, '\\xFF'::blob, 40::hugeint, interval 1 day
    """
    row = ask(analysts, sql)[0]
    assert row[:9] == [
        None, True, "é", 1.25, "12345678901234567", 1e300, "nan", "2026-05-01",
        "2026-05-01T12:00:00Z",
    ]  # fmt: skip
    assert row[9:13] == [[1, None], {"a": "b"}, "ff", 40]


@pytest.mark.parametrize("kind", ["parquet", "arrow", "csv"])
def test_files_hold_all_rows(analysts: Analysts, kind: Format) -> None:
    sink, told = io.BytesIO(), list[int]()
    sql = "select *, [position, 1] as pair from events order by position"
    with analysts.ask(1, sql, limits=replace(LIMITS, rows=10_000)) as asking:
        result = write_result(asking, sink, kind, told.append)
    assert (result.rows, told[-1]) == (1000, 1000)
    sink.seek(0)
    readers = {"parquet": pq.read_table, "arrow": read_stream, "csv": pc.read_csv}
    table = readers[kind](sink)
    assert table["position"].to_pylist() == list(range(1000))
    assert table["pair"].to_pylist()[7] == ("[7, 1]" if kind == "csv" else [7, 1])


def read_stream(source: io.BytesIO) -> pa.Table:
    return pa.ipc.open_stream(source).read_all()


def test_the_name_of_a_file_says_its_format() -> None:
    assert format_of(Path("a/b.Parquet")) == "parquet"
    with pytest.raises(Refused, match=r"\.parquet, \.arrow or \.csv"):
        format_of(Path("b.xlsx"))


def test_a_question_can_be_stopped(analysts: Analysts) -> None:
    endless = "select sum(a.position) from events a, events b, events c, events d"
    began = time.monotonic()
    with analysts.ask(1, endless) as asking:
        threading.Timer(0.3, asking.stop).start()
        with pytest.raises(Stopped, match="stopped"):
            list(asking.batches)
    assert time.monotonic() - began < 10


def test_others_wait_for_a_place_and_are_told(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsunagu.analysis.process.WAIT_SECONDS", 0.1)
    with Analysts(lake, limits=LIMITS, places=1) as analysts:
        with analysts.ask(1, "select 1") as asking:
            with pytest.raises(Busy, match="Ask again"):
                ask(analysts, "select 2")
            list(asking.batches)
        assert ask(analysts, "select 3") == [[3]]


def test_a_process_that_waits_answers_the_next_question(analysts: Analysts) -> None:
    analysts.warm_up()
    time.sleep(2)
    began = time.monotonic()
    assert ask(analysts, "select count(*) from events") == [[1000]]
    assert time.monotonic() - began < 2


def test_an_empty_lake_says_so(analysts: Analysts) -> None:
    with pytest.raises(Refused, match="is empty"), analysts.ask(99, "select 1"):
        raise AssertionError("answered")


def test_questions_are_kept_by_name_and_the_last_ones_by_person(
    database: Database, workspace: int
) -> None:
    with database.connect("app") as connection, in_workspace(connection, workspace) as cursor:
        save_query(cursor, workspace, " Orders ", "select 1", "mari", NOON)
        save_query(cursor, workspace, "Orders", "select 2", "ken", NOON + 1)
        save_query(cursor, workspace, "Calls", "select 3", "ken", NOON)
        kept = [(q.name, q.sql, q.saved_by) for q in saved_queries(cursor, workspace)]
        assert kept == [("Calls", "select 3", "ken"), ("Orders", "select 2", "ken")]
        forget_query(cursor, workspace, "Calls")
        with pytest.raises(NotFound):
            forget_query(cursor, workspace, "Calls")
        with pytest.raises(Invalid):
            save_query(cursor, workspace, " ", "select 1", "ken", NOON)
        for n in range(130):
            run = QueryRun(f"select {n // 2}", NOON + n, "done", n, 0.5)
            note_run(cursor, workspace, "mari", run)
        note_run(cursor, workspace, "ken", QueryRun("select 9", NOON, "refused", 0, 0.1))
        last = last_runs(cursor, workspace, "mari", limit=500)
        assert len(last) == 50
        assert last[0] == QueryRun("select 64", NOON + 129, "done", 129, 0.5)
        assert [run.sql for run in last_runs(cursor, workspace, "ken", limit=5)] == ["select 9"]
