"""Files become events in the lake and customers' profiles: each once, whatever is in the way."""

from __future__ import annotations

import gzip
import json
import resource
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loading import Loads, call, lines

from tsunagu.collect import bulk
from tsunagu.core import Invalid, NotFound, Retryable, TsunaguError
from tsunagu.core.times import parse_time, wall
from tsunagu.storage import Database, in_workspace


@pytest.fixture
def loads(database: Database, workspace: int, tmp_path: Path) -> Loads:
    return Loads(database, workspace, tmp_path / "lake")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "history.ndjson"
    path.write_text(lines(call(n) for n in range(200)))
    return path


def ids(count: int, first: int = 0) -> list[str]:
    return sorted(f"m{n}" for n in range(first, first + count))


def test_a_file_of_calls_arrives_whole(loads: Loads, file: Path) -> None:
    before = wall()
    report = loads.run(file)
    counts = report.load.counts
    assert report.load.state == "done"
    assert (counts.rows, counts.loaded, counts.repeats, counts.bad) == (200, 200, 0, 0)
    assert counts.bytes == report.load.bytes == file.stat().st_size
    assert loads.message_ids() == ids(200)
    [row] = loads.asked(
        """
        select type, name, user_id, anonymous_id, source, properties, traits, month,
            epoch_us(happened_at), known_at = happened_at, epoch_us(received_at)
        from events where message_id = 'm4'
        """
    )
    at = parse_time("2024-02-05T10:00:04Z")
    told = '{"total":4,"note":"髙橋"}'
    assert row[:10] == (
        *("track", "Order Completed", "u4", None, "files", told, None, "2024-02", at, True),
    )
    assert before <= row[10] <= wall()
    assert loads.selected("select count(*), sum(events) from profiles") == [(10, 200)]
    # the log's next event comes after all of them, and none of them has another's position
    loads.post("live")
    [(rows, positions, last)] = loads.asked(
        "select count(*), count(distinct position), max(position) from events"
    )
    [(live,)] = loads.selected("select max(position) from inbox where message_id = 'live'")
    assert rows == positions == 200
    assert live > last


def test_the_same_files_again_are_the_same_load(loads: Loads, file: Path) -> None:
    first = loads.run(file)
    assert loads.run(file).load == first.load
    # read once more, or under another name, every row is a repeat
    again = loads.run(file, again=True)
    copy = file.with_name("copy.ndjson.gz")
    copy.write_bytes(gzip.compress(file.read_bytes()))
    for report in (again, loads.run(copy)):
        assert report.load.load_id != first.load.load_id
        assert (report.load.counts.loaded, report.load.counts.repeats) == (0, 200)
    assert loads.message_ids() == ids(200)
    assert loads.selected("select sum(events) from profiles") == [(200,)]


def test_repeats_within_and_between_files_count_once(loads: Loads, tmp_path: Path) -> None:
    one, two = tmp_path / "1.ndjson", tmp_path / "2.ndjson"
    one.write_text(lines([call(1, properties={"first": True}), call(1), call(2), call(1)]))
    two.write_text(lines([call(2), call(3)]))
    counts = loads.run(tmp_path / "*.ndjson", chunk_bytes=300).load.counts
    assert (counts.rows, counts.loaded, counts.repeats) == (6, 3, 3)
    kept = loads.asked("select properties from events where message_id = 'm1'")
    assert kept == [('{"first":true}',)]


def test_what_came_over_http_is_not_loaded_again(loads: Loads, file: Path) -> None:
    loads.post("m1", "m7")
    counts = loads.run(file).load.counts
    assert (counts.loaded, counts.repeats) == (198, 2)
    assert not {"m1", "m7"} & set(loads.message_ids())
    assert loads.selected("select sum(events) from profiles") == [(200,)]


def test_what_was_loaded_is_a_repeat_over_http(loads: Loads, file: Path) -> None:
    loads.run(file)
    loads.post("m1", "new", "m7")
    left = "select i.message_id from left_out as l join inbox as i using (workspace_id, position)"
    assert loads.selected(f"{left} where workspace_id = {loads.workspace} order by 1") == [
        ("m1",),
        ("m7",),
    ]
    assert loads.selected("select sum(events) from profiles") == [(201,)]


def test_memory_of_loaded_ids_ends_after_thirty_days(loads: Loads, file: Path) -> None:
    loads.run(file)
    loads.selected(
        "update loaded_keys set received_at = received_at - interval '31 days' returning 1"
    )
    loads.post("m1")
    assert loads.selected("select sum(events) from profiles") == [(201,)]
    other = file.with_name("later.ndjson")
    other.write_text(lines([call(2)]))
    assert loads.run(other).load.counts.loaded == 1


def test_bad_rows_are_told_with_their_place_and_good_ones_load(
    loads: Loads, tmp_path: Path
) -> None:
    file = tmp_path / "mixed.ndjson"
    bad = [
        "{broken",
        call(1, userId=None),
        call(2, type="jump"),
        call(3, timestamp="yesterday"),
        call(4, event=""),
        call(5, event=17),
        call(6, userId=True),
        call(7, properties=[1]),
        call(8, properties={"text": "a\u0000b"}),
        call(9, userId="u" * 513),
        call(10, properties={"text": "x" * 33_000}),
        call(11, timestamp="1899-01-01T00:00:00Z"),
        call(12, type="alias", previousId=None),
        call(13, type="group"),
        call(14, properties={"deep": json.loads("[" * 80 + "]" * 80)}),
        '{"type":"track","event":"e","userId":"u","messageId":"nan","properties":{"a":NaN}}',
        '{"type":"track","event":"e","userId":"u","messageId":"half","properties":{"a":"\\ud800"}}',
        "[]",
        '"text"',
    ]
    good = [call(n) for n in range(100, 100 + len(bad))]
    mixed = [one for pair in zip(good, bad, strict=True) for one in pair]
    file.write_text(lines(["", *mixed, "   "]))
    counts = loads.run(file, chunk_bytes=20_000).load.counts
    assert (counts.loaded, counts.bad) == (len(good), len(bad))
    assert loads.message_ids() == ids(len(good), 100)
    told = loads.selected(
        "select reason, event from dead_letters where stage = 'load' order by letter_id"
    )
    places = [reason.partition(":")[0] for reason, _ in told]
    assert places == [f"{file} line {3 + 2 * n}" for n in range(len(bad))]
    assert "object keys must be strings" in told[0][0]
    assert "`userId` and `anonymousId` are missing" in told[1][0]
    assert told[1][1]["messageId"] == "m1"  # as a call, to be mended
    assert told[0][1] == {"file": str(file), "line": 3, "text": "{broken"}


def test_calls_of_every_kind_become_what_http_makes_of_them(loads: Loads, tmp_path: Path) -> None:
    file = tmp_path / "kinds.ndjson"
    at = "2024-03-01T09:00:00+09:00"
    calls = [
        {"type": "identify", "userId": "u1", "traits": {"email": "a@x.jp"}, "timestamp": at},
        {"type": "identify", "userId": "u1", "context": {"traits": {"plan": "pro"}, "ip": "::1"},
         "timestamp": at},
        {"type": "page", "anonymousId": "a1", "name": "Home", "properties": {"url": "/"},
         "timestamp": at},
        {"type": "group", "userId": 17, "groupId": "g1", "traits": {"size": 3}, "sentAt": at},
        {"type": "alias", "userId": "u1", "previousId": "a1", "originalTimestamp": at},
        {"type": "track", "userId": "17", "event": "2024 Sale", "timestamp": at},
    ]  # fmt: skip
    file.write_text(lines(calls))
    assert loads.run(file).load.counts.loaded == len(calls)
    rows = loads.asked(
        """
        select type, name, user_id, anonymous_id, previous_id, group_id, properties, traits,
            context
        from events order by position
        """
    )
    assert rows == [
        ("identify", "", "u1", None, None, None, None, '{"email":"a@x.jp"}', None),
        ("identify", "", "u1", None, None, None, None, '{"plan":"pro"}', '{"ip":"::1"}'),
        ("page", "Home", None, "a1", None, None, '{"name":"Home","url":"/"}', None, None),
        ("group", "", "17", None, None, "g1", None, '{"size":3}', None),
        ("alias", "", "u1", None, "a1", None, None, None, None),
        ("track", "2024 Sale", "17", None, None, None, None, None, None),
    ]
    times = loads.asked("select distinct epoch_us(happened_at) from events")
    assert times == [(parse_time(at),)]
    assert loads.run(file, again=True).load.counts.repeats == len(calls)


def test_an_event_of_the_future_is_known_when_it_is_received(loads: Loads, tmp_path: Path) -> None:
    file = tmp_path / "odd.ndjson"
    file.write_text(lines([call(1, timestamp="2150-01-01T00:00:00Z"), call(2, timestamp=None)]))
    loads.run(file)
    found = loads.asked(
        """
        select message_id, known_at = received_at, happened_at = received_at
        from events order by 1
        """
    )
    assert found == [("m1", True, False), ("m2", True, True)]


def test_parquet_in_the_names_of_a_warehouse(loads: Loads, tmp_path: Path) -> None:
    file = tmp_path / "events.parquet"
    at = parse_time("2024-05-01T00:00:00Z")
    table = pa.table(
        {
            "message_id": [f"m{n}" for n in range(1000)],
            "type": ["track"] * 998 + ["jump", "track"],
            "name": ["Order Completed"] * 1000,
            "user_id": [n % 10 for n in range(1000)],
            "happened_at": pa.array([at + n for n in range(1000)], pa.timestamp("us", tz="UTC")),
            "properties": ['{"n": 1}'] * 999 + ['{"n": '],
            "context": [{"ip": "::1"}] * 1000,
        }
    )
    pq.write_table(table, file, row_group_size=300)
    counts = loads.run(file, chunk_bytes=20_000).load.counts
    assert (counts.rows, counts.loaded, counts.bad) == (1000, 998, 2)
    found = loads.asked(
        """
        select name, user_id, properties, context, epoch_us(happened_at)
        from events where message_id = 'm997'
        """
    )
    assert found == [("Order Completed", "7", '{"n":1}', '{"ip":"::1"}', at + 997)]
    reasons = loads.selected("select reason from dead_letters order by letter_id")
    assert [reason.partition(":")[0] for (reason,) in reasons] == [
        f"{file} line 999",
        f"{file} line 1000",
    ]


MAPPING = """
file: {format: csv, encoding: cp932}
message_id: [伝票]
at: {column: 日付, format: "%Y/%m/%d", zone: Asia/Tokyo}
user_id: 会員
events:
  - name: Store Purchase
    properties: {amount: {column: 金額, type: integer}}
"""


def test_any_table_with_a_mapping(loads: Loads, tmp_path: Path) -> None:
    file = tmp_path / "pos.csv"
    rows = [f"{n},2024/02/{1 + n % 20:02},c{n % 5},１{n:03}" for n in range(300)]
    rows[17] = "17,2024/02/30,c1,5"
    file.write_bytes("\n".join(["伝票,日付,会員,金額", *rows, ""]).encode("cp932"))
    counts = loads.run(file, mapping=MAPPING, chunk_bytes=5_000).load.counts
    assert (counts.rows, counts.loaded, counts.bad) == (300, 299, 1)
    found = loads.asked(
        """
        select properties, happened_at::varchar from events
        where user_id = 'c3' order by position limit 1
        """
    )
    assert found == [('{"amount":1003}', "2024-02-03 15:00:00+00")]
    [(reason,)] = loads.selected("select reason from dead_letters")
    assert reason.startswith(f"{file} line 19: at: 日付 is '2024/02/30'")


def test_the_tracking_plan_holds_for_files_too(loads: Loads, tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"total": {"type": "integer", "maximum": 90}, "note": {"type": "string"}},
    }
    loads.publish("event-schema", "order", event="Order Completed", schema=schema, mode="block")
    file = tmp_path / "history.ndjson"
    file.write_text(lines(call(n) for n in range(100)))
    counts = loads.run(file, chunk_bytes=5_000).load.counts
    assert (counts.loaded, counts.blocked, counts.bad) == (91, 9, 0)
    assert loads.message_ids() == ids(91)
    dead = loads.selected("select message_id, reason from dead_letters where stage = 'plan'")
    assert sorted(message for message, _ in dead) == ids(9, 91)
    assert "90" in dead[0][1]
    assert loads.selected("select sum(seen), sum(violating) from plan_traffic") == [(100, 9)]
    assert loads.selected("select sum(events) from profiles") == [(91,)]
    # what was blocked was seen: it is no new event a second time
    assert loads.run(file, again=True).load.counts.repeats == 100


def test_a_load_that_finds_nothing_but_bad_rows_stops(loads: Loads, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.ndjson"
    wrong.write_text(lines({"name": "x", "n": n} for n in range(200)))
    with pytest.raises(Invalid, match=r"All rows so far are bad.*--map"):
        loads.run(wrong)
    many = tmp_path / "many.ndjson"
    many.write_text(lines(call(n, userId=None if n % 2 else "u") for n in range(2000)))
    with pytest.raises(Invalid, match=r"rows are bad.*--most-bad"):
        loads.run(many, most_bad=50, chunk_bytes=20_000)
    [(state, reason, loaded, bad)] = loads.selected(
        "select state, reason, loaded, bad from loads order by load_id desc limit 1"
    )
    assert state == "stopped"
    assert "rows are bad" in reason
    assert loaded == bad <= 50
    # told to take more, it goes on where it stopped
    counts = loads.run(many, most_bad=2000, chunk_bytes=20_000).load.counts
    assert (counts.rows, counts.loaded, counts.bad) == (2000, 1000, 1000)
    assert loads.selected("select count(*) from dead_letters") == [(1200,)]


def test_files_that_cannot_be_loaded_say_what_to_do(loads: Loads, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No file matches"):
        loads.run(tmp_path / "*.csv")
    csv = tmp_path / "table.csv"
    csv.write_text("a,b\n1,2\n")
    with pytest.raises(Invalid, match=r"It has: a, b\. .*tsunagu map"):
        loads.run(csv)
    parquet = tmp_path / "table.parquet"
    pq.write_table(pa.table({"a": [1]}), parquet)
    with pytest.raises(Invalid, match="tsunagu map"):
        loads.run(parquet)
    torn = tmp_path / "torn.ndjson.gz"
    torn.write_bytes(gzip.compress(lines(call(n) for n in range(5000)).encode())[:-2000])
    with pytest.raises(Invalid, match="damaged"):
        loads.run(torn)


def test_a_pipeline_that_cannot_see_the_keys_stops_and_says_so(loads: Loads, file: Path) -> None:
    loads.run(file)
    keys = loads.lake / str(loads.workspace) / "loaded_keys"
    away = keys.rename(keys.with_name("away"))
    with pytest.raises(TsunaguError, match="restore it from a backup"):
        loads.post("m1")
    away.rename(keys)
    assert loads.take() == 1


def test_a_full_disk_stops_a_load_that_then_goes_on(loads: Loads, file: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))  # no file may grow beyond that
    try:
        with pytest.raises(Retryable, match=r"cannot go on.*--resume"):
            loads.run(file)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    [(state, reason)] = loads.selected("select state, reason from loads")
    assert state == "stopped"
    assert "Make room" in reason
    assert loads.run(file).load.counts.loaded == 200
    assert loads.message_ids() == ids(200)


def test_two_loads_of_a_workspace_wait_for_each_other(loads: Loads, file: Path) -> None:
    with loads.database.connect("pipeline") as other:
        assert bulk.take_turn(other, loads.workspace)
        with pytest.raises(Retryable, match="Another load"):
            loads.run(file)
    assert loads.run(file).load.state == "done"


def test_a_file_that_changed_is_not_gone_on_with(loads: Loads, file: Path) -> None:
    load = loads.open(file)
    file.write_text(lines([call(1)]))
    with (
        loads.database.connect("pipeline") as connection,
        in_workspace(connection, loads.workspace) as cursor,
        pytest.raises(Invalid, match="has changed"),
    ):
        bulk.load_to_resume(cursor, loads.workspace, load.load_id)
