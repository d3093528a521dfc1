"""What is written in any format and encoding comes back as the same events."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from tsunagu.collect.files import FileForm, FixedColumn, open_tables
from tsunagu.collect.mapping import map_table, mapping_of

NAMES = ("顧客", "日時", "金額", "備考")
WIDTHS = (12, 19, 12, 60)
FIXED = tuple(FixedColumn(name=n, width=w) for n, w in zip(NAMES, WIDTHS, strict=True))
MAPPING = {
    "name": "trip",
    "zone": "Asia/Tokyo",
    "user_id": "顧客",
    "at": "日時",
    "message_id": list(NAMES),
    "events": [
        {
            "name": "購入",
            "properties": {"金額": {"column": "金額", "type": "integer"}, "備考": "備考"},
        }
    ],
}

# Characters that CP932 has and that come back from it as they were.
_KANJI = "山田髙﨑斎①㈱～－あアｱＡ表ソ能予構申"
_TEXT = st.text(st.sampled_from(_KANJI + "abc XYZ09.-_|/\\'"), min_size=1, max_size=20)
_LOUD = st.text(st.sampled_from(_KANJI + 'a0,;"\t\n\r '), min_size=1, max_size=20)
_DAYS = st.datetimes(datetime(1960, 1, 1), datetime(2080, 1, 1)).map(
    lambda at: at.replace(microsecond=0)
)


def _rows(texts: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, datetime, int, str]]]:
    # blanks around a value mean nothing, and a carriage return alone is a line end to nobody
    shown = texts.map(lambda text: text.replace("\r", "").strip(" \t\n　")).filter(bool)
    who = st.text(st.sampled_from("0123456789ABC"), min_size=1, max_size=12)
    return st.lists(
        st.tuples(who, _DAYS, st.integers(-9_999_999, 9_999_999), shown), min_size=1, max_size=40
    )


def _expected(rows: list[tuple[str, datetime, int, str]]) -> list[tuple[Any, ...]]:
    return [
        (who, (at - timedelta(hours=9)).replace(tzinfo=UTC), {"金額": amount, "備考": note})
        for who, at, amount, note in rows
    ]


def _events(data: bytes, form: FileForm) -> list[tuple[Any, ...]]:
    mapping = mapping_of({**MAPPING, "file": form.model_dump(mode="json", exclude_defaults=True)})
    events: list[tuple[Any, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows"
        path.write_bytes(data)
        for chunk in open_tables(path, mapping.file):
            mapped = map_table(mapping, chunk.table)
            assert not chunk.bad
            assert not mapped.bad
            events += [
                (one["user_id"], one["at"], msgspec.json.decode(one["properties"]))
                for one in mapped.events.to_pylist()
            ]
    return events


def _csv(rows: list[tuple[str, datetime, int, str]], delimiter: str) -> str:
    told = io.StringIO()
    writer = csv.writer(told, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(NAMES)
    for who, at, amount, note in rows:
        writer.writerow((who, f"{at:%Y/%m/%d %H:%M:%S}", f"{amount:,}", note))
    return told.getvalue()


@settings(max_examples=30, deadline=None)
@given(_rows(_LOUD), st.sampled_from(["utf-8", "utf-8-sig", "cp932"]), st.sampled_from(",;\t"))
def test_csv(rows: list[tuple[str, datetime, int, str]], encoding: str, delimiter: str) -> None:
    data = gzip.compress(_csv(rows, delimiter).encode(encoding), mtime=0)
    stated = "cp932" if encoding == "cp932" else "utf-8"
    form = FileForm(format="csv", encoding=stated, delimiter=delimiter)
    assert _events(data, form) == _expected(rows)


@settings(max_examples=30, deadline=None)
@given(_rows(_TEXT), st.sampled_from(["utf-8", "cp932"]), st.booleans())
def test_fixed_width(
    rows: list[tuple[str, datetime, int, str]], encoding: str, unbroken: bool
) -> None:
    unbroken = unbroken and encoding == "cp932"
    lines: list[bytes] = []
    for who, at, amount, note in rows:
        sign = "△" if amount < 0 else ""
        cells = (who, f"{at:%Y-%m-%d %H:%M:%S}", f"{sign}{abs(amount)}", note)
        if encoding == "cp932":
            padded = [c.encode("cp932").ljust(w) for c, w in zip(cells, WIDTHS, strict=True)]
            lines.append(b"".join(padded))
        else:
            lines.append("".join(c.ljust(w) for c, w in zip(cells, WIDTHS, strict=True)).encode())
    form = FileForm(format="fixed", encoding=encoding, fixed=FIXED, unbroken=unbroken)
    assert _events((b"" if unbroken else b"\r\n").join(lines), form) == _expected(rows)


@settings(max_examples=30, deadline=None)
@given(_rows(st.text(st.characters(exclude_characters="\x00\r", codec="utf-8"), max_size=30)))
def test_ndjson_and_parquet(rows: list[tuple[str, datetime, int, str]]) -> None:
    told = [
        dict(zip(NAMES, (who, at.isoformat(), amount, note), strict=True))
        for who, at, amount, note in rows
    ]
    lines = b"\n".join(map(msgspec.json.encode, told))
    assert _events(lines, FileForm(format="ndjson")) == _expected(rows)
    table = pa.table(dict(zip(NAMES, zip(*rows, strict=True), strict=True)))
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    assert _events(buffer.getvalue(), FileForm(format="parquet")) == _expected(rows)
