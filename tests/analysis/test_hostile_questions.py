"""Nobody gets out of the lake's tables, whatever is asked; and what is refused is explained."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from asking import LIMITS

from tsunagu.analysis import Analysts, Refused
from tsunagu.analysis.process import ENVIRONMENT
from tsunagu.analysis.protocol import Task
from tsunagu.analysis.statements import check
from tsunagu.analysis.worker import connect

SECRET = "do-not-read-me"
ENDLESS = "select sum(a.position) from events a, events b, events c, events d"
READING = [
    "select * from read_csv('{secret}', header = false)",
    "select * from read_text('{secret}')",
    "select * from read_blob('{secret}')",
    "select * from '{secret}'",
    'select * from "{secret}"',
    "select * from glob('/*')",
    "select * from sniff_csv('{secret}')",
    "select * from parquet_schema('{theirs}')",
    "select * from read_parquet('{theirs}')",
    "select * from read_parquet('{ours}/../../2/events/*/*.parquet')",
    "select * from '{theirs}'",
    "from query('select * from read_text(''{secret}'')')",
    "from query_table(['{theirs}'])",
    "from duckdb_secrets()",
    "from duckdb_settings()",
    "from duckdb_views()",
    "from pragma_database_list()",
    "select sql from sqlite_master",
    "from information_schema.tables",
    "from customer_versions",
    "select (select content from read_text('{secret}'))",
    "select 1 where exists (from read_text('{secret}'))",
    "with t as (from read_text('{secret}')) from t",
    "select getenv('TSUNAGU_SECRET')",
    "select list_transform(['TSUNAGU_SECRET'], lambda x: getenv(x))",
    "select current_setting('temp_directory')",
    "describe (from read_text('{secret}'))",
    "show databases",
    "from outside_variable",
]
CHANGING = [
    "copy events to '{outside}'",
    "copy (select 1) to '{ours}/x.parquet' (format parquet)",
    "copy (select 1) to '{theirs}' (format parquet)",
    "create table t as select 1",
    "insert into events select * from events",
    "delete from identity",
    "drop view events",
    "attach '{outside}' as other",
    "attach '{theirs}'",
    "install httpfs",
    "load httpfs",
    "load '{secret}'",
    "set memory_limit = '100GB'",
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset memory_limit",
    "pragma enable_profiling = 'json'",
    "pragma database_size",
    "call pragma_version()",
    "export database '{outside}'",
    "import database '{outside}'",
    "create secret s (type s3, key_id 'x', secret 'y')",
    "prepare p as select 1",
    "explain analyze select 1",
    "checkpoint",
    "select 1; drop view events",
    "select 1; copy events to '{outside}'",
    "begin",
    "use other",
    "vacuum",
]
NO_ANSWER = ["", "  ;", "-- nothing", "selekt 1", "select", "(" * 3000, "select " + "1+" * 60_000]


def filled(text: str, lake: Path, folder: Path) -> str:
    (folder / "secret.txt").write_text(SECRET)
    theirs = next((lake / "2" / "events").glob("*/*.parquet"))
    return (
        text.replace("{secret}", str(folder / "secret.txt"))
        .replace("{outside}", str(folder / "outside"))
        .replace("{theirs}", str(theirs))
        .replace("{ours}", str(lake / "1" / "events"))
    )


@pytest.fixture(scope="module")
def locked(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The DuckDB of a question's process, in ours."""
    place = str(tmp_path_factory.mktemp("spill"))
    return connect(Task(str(lake / "1"), "", None, 256 << 20, 1 << 20, 10, 1 << 20, 1, place))


@pytest.mark.parametrize("text", READING + CHANGING + NO_ANSWER)
def test_a_hostile_question_is_refused_in_plain_words(
    locked: duckdb.DuckDBPyConnection, lake: Path, tmp_path: Path, text: str
) -> None:
    with pytest.raises(Refused) as refusal:
        check(locked, filled(text, lake, tmp_path))
    assert len(str(refusal.value)) > 15
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("text", [READING[0], READING[8], CHANGING[0], CHANGING[25], NO_ANSWER[5]])
def test_the_process_refuses_and_touches_nothing(
    analysts: Analysts, lake: Path, tmp_path: Path, text: str
) -> None:
    before = sorted(path for path in lake.rglob("*") if "reading" not in path.parts)
    with (
        analysts.ask(1, filled(text, lake, tmp_path)) as asking,
        pytest.raises(Refused) as refusal,
    ):
        list(asking.batches)
    assert SECRET not in str(refusal.value)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "secret.txt"]
    assert sorted(path for path in lake.rglob("*") if "reading" not in path.parts) == before


FILES = [text for text in READING + CHANGING if "{" in text]


@pytest.mark.parametrize("text", [*FILES, "install httpfs", "load httpfs", *CHANGING[12:16]])
def test_the_second_lock_holds_without_the_first(
    locked: duckdb.DuckDBPyConnection, lake: Path, tmp_path: Path, text: str
) -> None:
    """What the statement check refuses, the process's DuckDB could not do either."""
    assert locked.execute("select count(*) from events").fetchone() == (1000,)
    if "{ours}/x" in text:
        return  # DuckDB lets a folder that may be read be written: the first lock stands alone
    with pytest.raises(duckdb.Error):
        locked.execute(filled(text, lake, tmp_path)).fetchall()
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("select repeat('x', 1000000000) || repeat('y', 1000000000)", "memory|larger"),
        ("select list(a.message_id || b.message_id) from events a, events b, range(9)", "memory"),
        ("select range(a.position * 1000000) from events a", "memory|larger|vector size"),
        ("select a.message_id, b.context, n from events a, events b, range(200) c(n)"
         " order by hash(a.position, b.position, n)", "disk|memory"),
        ("with recursive t(n) as (select 1 union all select n + 1 from t) select max(n) from t",
         "longer than 3"),
        ("with recursive t(n) as (select [1] union all select n || n from t) select len(n) from t",
         "memory|longer"),
        (ENDLESS, "longer than 3"),
    ],
)  # fmt: skip
def test_a_question_that_takes_too_much_is_ended(lake: Path, text: str, why: str) -> None:
    seconds = 3 if why == "longer than 3" else 30  # a busy machine is slow to run out of memory
    limits = replace(LIMITS, seconds=seconds, memory=128 << 20, spill=64 << 20, result=64 << 20)
    began = time.monotonic()
    with Analysts(lake, limits=limits) as analysts:
        with analysts.ask(1, text) as asking, pytest.raises(Refused, match=why):
            list(asking.batches)
        assert time.monotonic() - began < seconds + 10
        with analysts.ask(1, "select 42") as asking:
            assert [batch.to_pydict() for batch in asking.batches] == [{"42": [42]}]
    assert list((lake / "1" / "reading").iterdir()) == []


def test_a_huge_result_is_never_held(lake: Path) -> None:
    with Analysts(lake, limits=replace(LIMITS, rows=300_000)) as analysts:
        with analysts.ask(1, "from range(1000000000000)") as asking:
            assert sum(batch.num_rows for batch in asking.batches) == 300_000
        assert asking.result.truncated


def test_the_process_knows_nothing_of_the_platform(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSUNAGU_DATABASE_URL", "postgresql://secret")
    with Analysts(lake, limits=LIMITS) as analysts, analysts.ask(1, ENDLESS) as asking:
        deadline = time.monotonic() + 10
        while Path(f"/proc/{asking.pid}/oom_score_adj").read_text() != "1000\n":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        environment = Path(f"/proc/{asking.pid}/environ").read_bytes()
    named = {line.partition(b"=")[0].decode() for line in environment.split(b"\0") if line}
    assert named <= set(ENVIRONMENT)
    assert b"secret" not in environment


def test_a_process_ends_when_nobody_is_left_to_answer(lake: Path) -> None:
    with Analysts(lake, limits=LIMITS) as analysts:
        with analysts.ask(1, ENDLESS) as asking:
            pid = asking.pid
            assert Path(f"/proc/{pid}").exists()
        assert not Path(f"/proc/{pid}").exists()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:  # a caller who is killed half-way
            with analysts.ask(1, ENDLESS) as asking:
                os.write(writer, str(asking.pid).encode())
                os.kill(os.getpid(), 9)
        os.close(writer)
        orphan = int(os.read(reader, 20))
        os.close(reader)
        os.waitpid(child, 0)
        deadline = time.monotonic() + 10
        while Path(f"/proc/{orphan}").exists() and _state(orphan) != "Z":
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
