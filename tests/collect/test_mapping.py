"""Mapping documents: what they may say, what they make of rows, and how they refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from tsunagu.collect.files import JSON, open_tables
from tsunagu.collect.mapping import (
    EVENT_COLUMNS,
    Mapped,
    library,
    load_mapping,
    map_table,
    mapping_of,
    read_mapping,
    ready_mapping,
    write_mapping,
)
from tsunagu.collect.service import read_events
from tsunagu.core import Invalid

SHOP = """
name: shop
zone: Asia/Tokyo
at: {columns: [日付, 時刻]}
user_id: {column: 顧客, blank: ["0"]}
identifiers: {email: メール}
where: 数量 <> 0
events:
  - type: identify
    where: length(氏名) > 0
    traits: {name: 氏名}
  - name: {column: 区分, values: {A: 購入, B: 返品}}
    properties: {金額: {column: 金額, type: number}, 店: 店}
    objects:
      - {type: order, id: 伝票, role: buyer, traits: {数量: {column: 数量, type: integer}}}
"""
ROWS = {
    "日付": ["令和6年3月1日", "2024/3/2", "x", "2024/3/4", "2024/3/5"],
    "時刻": ["9:05", None, "1:00", "", "1:00"],
    "顧客": ["12", "0", "3", "4", "0"],
    "メール": [None, "A@B.jp", None, None, None],
    "氏名": ["山田", "", None, "", ""],
    "区分": ["A", "B", "C", "A", "A"],
    "数量": ["１", "△2", "3", "0", "5"],
    "金額": ["1,234", "¥5", "abc", "1", "1"],
    "店": ['a"b', "", "c", "d", "e"],
    "伝票": ["D1", None, "D3", "D4", "D5"],
}


def _json(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


def _small(**told: Any) -> Any:
    return mapping_of({"user_id": "u", "events": [{"name": "Seen"}], **told})


@pytest.fixture
def shop() -> Mapped:
    return map_table(read_mapping(SHOP), pa.table(ROWS), first_row=2)


def test_rows_become_events_in_order(shop: Mapped) -> None:
    assert shop.events.schema == EVENT_COLUMNS
    assert shop.lines.to_pylist() == [2, 2, 3]
    first, second, third = shop.events.to_pylist()
    assert (first["type"], first["name"], first["user_id"]) == ("identify", "", "12")
    assert _json(first["traits"]) == {"name": "山田"}
    assert (second["type"], second["name"]) == ("track", "購入")
    assert second["at"].isoformat() == "2024-03-01T00:05:00+00:00"
    assert _json(second["properties"]) == {"金額": 1234, "店": 'a"b'}
    order = {"type": "order", "role": "buyer", "id": "D1", "traits": {"数量": 1}}
    assert _json(second["context"]) == {"objects": [order]}
    assert _json(third["properties"]) == {"金額": 5}
    assert third["user_id"] is None
    assert third["anonymous_id"] == "email:a@b.jp"
    assert _json(third["context"])["externalIds"] == [
        {"id": "A@B.jp", "type": "email", "collection": "users", "encoding": "none"}
    ]


def test_a_bad_row_says_every_fault_and_what_to_do(shop: Mapped) -> None:
    third, fifth = shop.bad
    assert (third.row, fifth.row) == (4, 6)
    assert third.reason.startswith(
        "at: 日付 時刻 is 'x 1:00', which is not a time; state its format"
    )
    assert "events.1.name: 区分 is 'C', which is not in its dictionary; add it to" in third.reason
    assert "events.1.properties.金額: 金額 is 'abc', which is not a number" in third.reason
    assert "name a `stand_in`" in fifth.reason
    assert _json(third.text)["店"] == "c"
    assert shop.passed_over == 1


def test_message_ids_depend_on_contents_alone() -> None:
    table = pa.table({"u": ["a", "b", "b"], "n": ["1", "2", "2"], "x": ["p", "q", "r"]})
    turned = table.take([2, 1, 0]).select(["x", "u", "n"])
    whole = map_table(_small(), table).events["message_id"].to_pylist()
    assert len(set(whole)) == 3
    assert map_table(_small(), turned).events["message_id"].to_pylist() == whole[::-1]
    named = map_table(_small(message_id=["u", "n"]), table).events["message_id"].to_pylist()
    assert named[1] == named[2] != named[0]
    stated = map_table(_small(message_id="n"), table).events["message_id"].to_pylist()
    assert stated == ["1", "2", "2"]
    other = map_table(_small(name="other"), table).events["message_id"].to_pylist()
    assert not set(other) & set(whole)


def test_typed_columns_keep_their_types() -> None:
    table = pa.table(
        {
            "u": pa.array([17850.0, None]),
            "count": pa.array([6, None], pa.int32()),
            "price": pa.array([2.55, float("nan")]),
            "day": pa.array([1_700_000_000_000_000_000, None], pa.timestamp("ns")),
            "kind": pa.array(["a", None]).dictionary_encode(),
            "tags": pa.array([["x", "y"], None]),
            "note": pa.array([" 1　", None], pa.large_string()),
        }
    )
    told = {"stand_in": {"value": "nobody"}, "at": {"column": "day", "optional": True}}
    mapping = _small(**told, events=[{"name": "Seen", "keep_others": True}])
    first, second = map_table(mapping, table).events.to_pylist()
    assert first["user_id"] == "17850"
    assert first["at"].isoformat() == "2023-11-14T22:13:20+00:00"
    told = {"count": 6, "price": 2.55, "kind": "a", "tags": ["x", "y"], "note": "1"}
    assert _json(first["properties"]) == told
    assert (second["anonymous_id"], second["properties"]) == ("nobody", None)


def test_lines_of_a_receipt_become_one_event() -> None:
    table = pa.table(
        {
            "no": ["1", "1", "2", "1", "3", "3"],
            "u": ["a", None, "b", "a", "c", "c"],
            "item": ["x", "y", "z", "w", "v", "v"],
            "count": ["1", "2", "1", "1", "x", "1"],
            "price": ["1.10", "2.20", "5", "7", "1", "1"],
        }
    )
    gather = {
        "by": ["no"],
        "items": {"sku": "item", "count": {"column": "count", "type": "integer"}},
        "totals": {"revenue": ["count", "price"]},
    }
    told = _small(gather=gather, events=[{"name": "Bought", "properties": {"no": "no"}}])
    mapped = map_table(told, table)
    events = [_json(event["properties"]) for event in mapped.events.to_pylist()]
    assert [(event["no"], event["revenue"]) for event in events] == [("1", 5.5), ("2", 5), ("1", 7)]
    assert events[0]["products"] == [{"sku": "x", "count": 1}, {"sku": "y", "count": 2}]
    assert mapped.events["user_id"].to_pylist() == ["a", "b", "a"]
    assert len(set(mapped.events["message_id"].to_pylist())) == 3
    assert mapped.lines.to_pylist() == [1, 3, 4]
    (bad,) = mapped.bad
    assert (bad.row, len(_json(bad.text))) == (5, 2)
    assert "gather.items.count: count is 'x', which is not a whole number" in bad.reason
    assert mapped.passed_over == 0


def test_conditions_compare_numbers_and_texts() -> None:
    table = pa.table({"u": list("abcdef"), "n": ["9", "10", "△1", "x", None, "１１"]})
    for where, kept in {
        "n > 9": "bf",
        "n >= 9 and not u = 'f'": "ab",
        "n is null or u in ('a', 'b')": "abe",
        "u like 'a%' or upper(u) = 'D'": "ad",
        "n + 1 = 0": "c",
        "n between 9 and 10": "ab",
    }.items():
        mapped = map_table(_small(where=where), table)
        assert "".join(mapped.events["user_id"].to_pylist()) == kept, where
        assert mapped.passed_over == 6 - len(kept)


@pytest.mark.parametrize(
    "where",
    ["u in (select 1)", "read_text('/etc/passwd') = ''", "getenv('HOME') = ''", "u =", "1; drop t",
     "exists (from duckdb_settings())"],
)  # fmt: skip
def test_a_condition_reads_nothing_but_its_row(where: str) -> None:
    with pytest.raises(Invalid, match="where"):
        map_table(_small(where=where), pa.table({"u": ["a"]}))


@pytest.mark.parametrize(
    "change",
    [{"at": {"column": "u", "format": "%Q"}}, {"where": "substring(u, u) = 'a'"},
     {"where": "u + (u like 'a') > 1"}],
)  # fmt: skip
def test_what_cannot_be_run_is_said_of_the_mapping(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="cannot be run"):
        map_table(_small(**change), pa.table({"u": ["a"]}))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"user_id": None}, "name whose events these are"),
        ({"events": []}, "events: "),
        ({"evnts": []}, "evnts: this field is not known"),
        ({"at": {"column": "a", "value": "b"}}, "at: say exactly one of column"),
        ({"events": [{"type": "track"}]}, "a track needs `name`"),
        ({"events": [{"type": "buy"}]}, "type is 'buy'; it is one of identify"),
        ({"file": {"format": "fixed"}}, "file: a fixed-width file needs `fixed`"),
        ({"file": {"delimiter": "、"}}, "one ASCII character"),
        ({"zone": "Asia/Tokio"}, "zone: 'Asia/Tokio' is no time zone"),
        ({"where": 3}, "where: "),
    ],
)  # fmt: skip
def test_a_wrong_document_is_refused_with_its_field(change: dict[str, Any], told: str) -> None:
    document = {"user_id": "u", "events": [{"name": "Seen"}], **change}
    with pytest.raises(Invalid, match=told):
        mapping_of(document, called="mine.yaml")


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    mapping = _small(at="受注日付")
    with pytest.raises(
        Invalid, match="at: The table has no column '受注日付'; did you mean '受注日"
    ):
        map_table(mapping, pa.table({"u": ["a"], "受注日": ["2024-03-01"]}))


def test_documents_survive_being_written() -> None:
    for mapping in (read_mapping(SHOP), *library().values()):
        assert read_mapping(write_mapping(mapping)) == mapping


def test_what_a_call_may_not_hold_a_row_may_not_either() -> None:
    table = pa.table(
        {
            "u": ["x" * 600, "a", "b", "c", "d"],
            "at": ["2024-01-01", "1850-01-01", "2024-01-01", "2024-01-01", ""],
            "p": ["", "", "y" * 40_000, "\x00", ""],
        }
    )
    told = _small(at="at", events=[{"name": "Seen", "properties": {"p": "p"}}])
    reasons = [row.reason for row in map_table(told, table).bad]
    for reason, part in zip(
        reasons,
        ["user_id: longer than 512", "outside the years", "32768 bytes", "U+0000", "at is empty"],
        strict=True,
    ):
        assert part in reason


def test_segment_lines_map_as_calls_are_read() -> None:
    at = "2024-03-01T10:00:00.000Z"
    calls = [
        {"type": "track", "event": "Bought", "userId": "u1", "properties": {"a": [1, {"b": None}]}},
        {"type": "page", "name": "Home", "anonymousId": "q", "properties": {"url": "/"}},
        {"type": "page", "name": "Home", "anonymousId": "q", "properties": {"name": "Own"}},
        {"type": "identify", "userId": 5, "traits": {"email": "あ@b.jp", "n": 1.5}},
        {"type": "group", "userId": "u1", "groupId": "g", "traits": {"x": True}},
        {"type": "alias", "userId": "u1", "previousId": "q"},
    ]
    calls = [{**call, "messageId": f"m{n}", "timestamp": at} for n, call in enumerate(calls)]
    lines = [msgspec.json.encode(call).decode() for call in calls]
    wrong = ['{"type": "bogus"}', "no json", '{"type": "track", "userId": "u"}', "[1]"]
    mapped = map_table(ready_mapping("segment"), pa.table({JSON: lines + wrong}))
    assert [row.row for row in mapped.bad] == [7, 8, 9, 10]
    body = msgspec.json.encode({"batch": calls})
    for ours, theirs in zip(
        mapped.events.to_pylist(), read_events("batch", body, "s", 0, corrected=False), strict=True
    ):
        told = msgspec.json.decode(theirs.body)
        assert ours["message_id"] == theirs.message_id
        assert (ours["type"], ours["name"]) == (theirs.type, theirs.name)
        assert (ours["user_id"], ours["anonymous_id"]) == (theirs.user_id, theirs.anonymous_id)
        assert int(ours["at"].timestamp() * 1_000_000) == theirs.at
        assert (ours["previous_id"], ours["group_id"]) == (
            told.get("previousId"),
            told.get("groupId"),
        )
        for part in ("properties", "traits", "context"):
            assert (_json(ours[part]) or {}) == told.get(part, {})


def test_the_example_of_the_document_is_the_one_that_runs() -> None:
    root = Path(__file__).parents[2]
    text = (root / "docs/mapping.md").read_text(encoding="utf-8")
    whole = re.findall(r"```yaml\n(name:.*?)```", text, re.DOTALL)
    assert whole == [(root / "examples/receipts.yaml").read_text(encoding="utf-8")]
    mapping = load_mapping(root / "examples/receipts.yaml")
    chunks = open_tables(root / "examples/receipts.csv", mapping.file)
    parts = [map_table(mapping, chunk.table) for chunk in chunks]
    assert not any(part.bad for part in parts)
    events = [
        (event["at"].isoformat(), _json(event["properties"]))
        for part in parts
        for event in part.events.to_pylist()
    ]
    assert [told["revenue"] for _, told in events] == [420, 150, 1200, -120]
    assert [told["payment"] for _, told in events] == ["cash", "card", "card", "cash"]
    assert events[1][0] == "2024-03-01T16:40:00+00:00"


def test_json_that_no_later_stage_could_read_is_bad() -> None:
    deep = "[" * 70 + "]" * 70
    cases = {
        '{"u": "a", "p": {"x": 1e3, "card": "4980123412341234123"}}': None,
        '{"u": "a", "p": {"x": "\\ud83d\\ude00"}}': None,
        '{"u": "a", "p": {"x": 99999999999999999999999}}': "more than 64 bits",
        '{"u": "a", "p": {"x": "\\ud800"}}': "is not a JSON object",
        f'{{"u": "a", "p": {{"x": {deep}}}}}': "nested deeper",
        '{"u": "a", "p": {"x": ' + "[" + ",".join(["[1]"] * 80) + "]}}": None,
    }
    told = _small(events=[{"name": "Seen", "properties": {"column": "p", "type": "json"}}])
    mapped = map_table(told, pa.table({JSON: list(cases)}))
    wrong = {place: reason for place, reason in enumerate(cases.values(), 1) if reason}
    assert [row.row for row in mapped.bad] == list(wrong)
    for row in mapped.bad:
        assert wrong[row.row] in row.reason
    assert mapped.events.num_rows == len(cases) - len(wrong)
