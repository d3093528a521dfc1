"""Numbers, truths and times as back offices write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from japanera import EraDate

from tsunagu.collect.mapping import Mapped, map_table, mapping_of

JAPAN = timedelta(hours=9)


def _mapped(values: list[str | None], cell: dict[str, Any]) -> Mapped:
    mapping = mapping_of(
        {
            "zone": "Asia/Tokyo",
            "user_id": "who",
            "message_id": ["n"],
            "events": [{"name": "Seen", "properties": {"value": {"column": "x", **cell}}}],
        }
    )
    numbers = [str(n) for n in range(len(values))]
    return map_table(
        mapping, pa.table({"who": numbers, "n": numbers, "x": pa.array(values, pa.string())})
    )


def _values(values: list[str | None], **cell: Any) -> list[Any]:
    """What each text is read as; the word `bad` where its row is bad."""
    mapped = _mapped(values, cell)
    found: list[Any] = ["bad"] * len(values)
    for line, text in zip(
        mapped.lines.to_pylist(), mapped.events["properties"].to_pylist(), strict=True
    ):
        found[line - 1] = msgspec.json.decode(text)["value"] if text else None
    return found


def _times(values: list[str | None], **cell: Any) -> list[Any]:
    return [
        datetime.fromisoformat(told) if told not in (None, "bad") else told
        for told in _values(values, type="time", **cell)
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-12", -12), ("0", 0), ("007", 7), ("1.50", 1.5), ("１，２３４", 1234),
        ("△1,234", -1234), ("▲５", -5), ("(1,234)", -1234), ("1,234-", -1234), ("−5", -5),
        ("¥1,234", 1234), ("１２３円", 123), ("+3", 3), ("．５", 0.5), ("1e3", 1000.0),
        ("999999999999999999", 999999999999999999), ("", None), (None, None), ("　", None),
        ("abc", "bad"), ("1..2", "bad"), ("()", "bad"), ("1e999", "bad"), ("十", "bad"),
    ],
)  # fmt: skip
def test_numbers(text: str | None, value: Any) -> None:
    assert _values([text], type="number") == [value]


def test_whole_numbers_and_truths() -> None:
    assert _values(["12", "12.0", "１２", "1.5", "x"], type="integer") == [12, 12, 12, "bad", "bad"]
    told = ["1", "はい", "あり", "TRUE", "○", "0", "いいえ", "×", "未", "多分", None]
    read = [True] * 5 + [False] * 4 + ["bad", None]
    assert _values(told, type="boolean") == read


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("2024-03-01", (2024, 3, 1)), ("2024/3/1", (2024, 3, 1)), ("2024.03.01", (2024, 3, 1)),
        ("20240301", (2024, 3, 1)), ("202403011005", (2024, 3, 1, 10, 5)),
        ("20240301100530", (2024, 3, 1, 10, 5, 30)), ("2024/3/1 9:05", (2024, 3, 1, 9, 5)),
        ("2024-03-01T10:00:00.25", (2024, 3, 1, 10, 0, 0, 250_000)),
        ("令和6年3月1日", (2024, 3, 1)), ("令和 6年 3月 1日", (2024, 3, 1)),
        ("R6.3.1", (2024, 3, 1)), ("r6/3/1", (2024, 3, 1)), ("R060301", (2024, 3, 1)),
        ("5060301", (2024, 3, 1)), ("㋿6年3月1日", (2024, 3, 1)),
        ("令和六年十二月三十一日", (2024, 12, 31)), ("平成二十年十月十日", (2008, 10, 10)),
        ("Ｒ６．３．１", (2024, 3, 1)),
        ("令和元年5月1日", (2019, 5, 1)), ("昭和64年", (1989, 1, 1)), ("S64.1.7", (1989, 1, 7)),
        ("平成32年4月1日", (2020, 4, 1)), ("明治45年7月30日", (1912, 7, 30)),
        ("大正12年9月1日", (1923, 9, 1)),
        ("２０２４年３月１日（金）１０時５分", (2024, 3, 1, 10, 5)),
        ("令和6年3月1日 午後3時", (2024, 3, 1, 15)), ("2024/3/1 25:30", (2024, 3, 2, 1, 30)),
        ("2024-3-1 24:00:00", (2024, 3, 2)),
    ],
)  # fmt: skip
def test_times_as_japan_writes_them(text: str, local: tuple[int, ...]) -> None:
    assert _times([text]) == [datetime(*local, tzinfo=UTC) - JAPAN]


def test_times_that_name_their_zone() -> None:
    noon = datetime(2024, 3, 1, 12, tzinfo=UTC)
    told = ["2024-03-01T12:00:00Z", "2024-03-01 21:00:00+0900", "2024-03-01T12:00Z"]
    told += ["2024-03-01 21:00:00 +0900", "2024-03-01T12:00:00.000+00:00", "2024-03-01 21:00+09"]
    assert _times(told) == [noon] * 6
    assert _times(["1709294400"], format="epoch") == [noon]
    assert _times(["1709294400000"], format="epoch_ms") == [noon]
    assert _times(["01/03/2024 12:00"], format="%d/%m/%Y %H:%M", zone="UTC") == [noon]
    assert _times(["01/03/2024 21:00 +0900"], format="%d/%m/%Y %H:%M %z") == [noon]


@pytest.mark.parametrize(
    "text",
    ["2024-13-01", "2024-02-30", "R6.13.1", "令和0年1月1日", "6/3/1", "2024", "abc",
     "2024/3/1 10:99", "2024/3/1 49:00", "1/2/2024"],
)  # fmt: skip
def test_what_is_no_time_is_a_bad_row(text: str) -> None:
    assert _times([text]) == ["bad"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dates(date(1873, 1, 1), date(2099, 12, 31)), min_size=1, max_size=60))
def test_every_day_of_the_eras_reads_back(days: list[date]) -> None:
    for written in ("%-K%-n年%-m月%-d日", "%-K%-y年%m月%d日", "%-K%-Y.%m.%d"):
        told = [EraDate.from_date(day).strftime(written) for day in days]
        assert _values(told, type="date", format="wareki") == [day.isoformat() for day in days]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=60))
def test_every_amount_reads_back(amounts: list[int]) -> None:
    wide = str.maketrans("0123456789,", "０１２３４５６７８９，")
    written = [
        f"△{abs(amount):,}".translate(wide) if amount < 0 else f"{amount:,}" for amount in amounts
    ]
    assert _values(written, type="number") == amounts
