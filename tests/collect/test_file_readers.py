"""Files as they come: every row is read with its line, or is kept as a bad row with a reason."""

from __future__ import annotations

import gzip
from pathlib import Path

import department_files
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tsunagu.collect.files import LINE, BadRow, FileForm, FixedColumn, lines, open_tables
from tsunagu.collect.mapping import map_table, ready_mapping
from tsunagu.core import Invalid, NotFound

CODES = FileForm(
    format="fixed",
    encoding="cp932",
    fixed=(FixedColumn(name="氏名", width=6), FixedColumn(name="数", width=3)),
)


def _read(path: Path | str, form: FileForm | None = None) -> tuple[list[dict], list[BadRow]]:
    rows: list[dict] = []
    bad: list[BadRow] = []
    for chunk in open_tables(path, form):
        assert chunk.rows == chunk.table.num_rows + len(chunk.bad)
        rows += chunk.table.to_pylist()
        bad += chunk.bad
    return rows, bad


def _file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _zstd(data: bytes) -> bytes:
    return pa.Codec("zstd").compress(data, asbytes=True)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, _zstd])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_csv_in_utf8_with_and_without_bom_packed_or_not(tmp_path: Path, bom: bytes, pack) -> None:
    path = _file(tmp_path, "a.csv", pack(bom + "氏名;数\n髙橋;1\n﨑山;2".encode()))
    rows, bad = _read(path)
    assert rows == [{"氏名": "髙橋", "数": "1", LINE: 2}, {"氏名": "﨑山", "数": "2", LINE: 3}]
    assert not bad


def test_two_packed_parts_in_one_file_are_read_whole(tmp_path: Path) -> None:
    path = _file(tmp_path, "a.csv", gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"))
    assert [row["a"] for row in _read(path)[0]] == ["1", "3"]


def test_bad_bytes_cost_their_own_record_alone(tmp_path: Path) -> None:
    good = "髙橋,1\r\n".encode("cp932")
    data = "氏名,数\r\n".encode("cp932") + good + b"\x81\x20x,2\r\n" + good
    data += '"一行目\n'.encode("cp932") + b'\xa0",3\r\n' + good + b"\x1a"
    rows, bad = _read(_file(tmp_path, "old.csv", data))
    assert [row[LINE] for row in rows] == [2, 4, 7]
    assert [row.row for row in bad] == [3, 5]
    assert "byte 1 of the line (81 20) is not CP932" in bad[0].reason
    assert "byte 1 of the line (A0 22) is not CP932" in bad[1].reason


def test_characters_of_a_companys_own_pass(tmp_path: Path) -> None:
    rows, bad = _read(
        _file(tmp_path, "gaiji.csv", "名\n".encode("cp932") + b"\xf0\x40\x87\x40\n"),
    )
    assert rows[0]["名"] == "\ue000①"
    assert not bad


def test_ragged_rows_are_bad_and_name_their_line(tmp_path: Path) -> None:
    rows, bad = _read(_file(tmp_path, "a.csv", b'a,b\n1,2\n3\n\n"x\ny",4\n5,6,7\n8,9\n'))
    assert [(row["a"], row[LINE]) for row in rows] == [("1", 2), ("x\ny", 5), ("8", 8)]
    assert [(row.row, row.text) for row in bad] == [(3, "3"), (7, "5,6,7")]
    assert "3 values where there are 2 columns" in bad[1].reason


def test_a_quote_that_nobody_closes_costs_one_line(tmp_path: Path) -> None:
    rows, bad = _read(_file(tmp_path, "a.csv", b'a,b\n1,2\n3,"4\n5,6\n7,8 "inch"\n'))
    assert [row["a"] for row in rows] == ["1", "5", "7"]
    assert rows[-1]["b"] == '8 "inch"'
    assert [(row.row, row.text) for row in bad] == [(3, '3,"4')]
    assert "does not close" in bad[0].reason


def test_a_quoted_value_may_stretch_over_the_reads_of_a_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(lines, "BLOCK", 16)
    monkeypatch.setattr(lines.raw_blocks, "__kwdefaults__", {"size": 16})
    long = "長い\n値" * 20
    rows, bad = _read(_file(tmp_path, "a.csv", f'a,b\n1,"{long}"\n2,x\n'.encode()))
    assert rows == [{"a": "1", "b": long, LINE: 2}, {"a": "2", "b": "x", LINE: 23}]
    assert not bad


def test_delimiter_quote_lines_before_the_header_and_names(tmp_path: Path) -> None:
    form = FileForm(delimiter="|", quote="'", skip_lines=1)
    rows, _ = _read(_file(tmp_path, "a.txt", b"report of 2024\nid||id\n1|'a|b'|2\n"), form)
    assert rows == [{"id": "1", "column_2": "a|b", "id_2": "2", LINE: 3}]
    form = FileForm(format="csv", header=False, columns=("a", "b"))
    assert _read(_file(tmp_path, "b.csv", b"1,2\n"), form)[0] == [{"a": "1", "b": "2", LINE: 1}]


def test_fixed_width_is_cut_by_bytes_in_cp932(tmp_path: Path) -> None:
    told = "山田  001\r\n佐々木2\r\nあい佐々木\r\na佐々木12\r\n".encode("cp932")
    rows, bad = _read(_file(tmp_path, "a.txt", told), CODES)
    assert [(row["氏名"], row["数"]) for row in rows] == [("山田  ", "001"), ("佐々木", "2  ")]
    assert "10 bytes where the columns have 9" in bad[0].reason
    assert "a column ends within a double-byte character" in bad[1].reason
    assert [row.text for row in bad] == ["あい佐々木", "a佐々木12"]


def test_fixed_width_is_cut_by_characters_in_utf8_and_without_line_ends(tmp_path: Path) -> None:
    by_characters = CODES.model_copy(update={"encoding": "utf-8"})
    path = _file(tmp_path, "a.txt", "山田　　　　001\n".encode())
    assert _read(path, by_characters)[0] == [{"氏名": "山田　　　　", "数": "001", LINE: 1}]
    unbroken = CODES.model_copy(update={"unbroken": True})
    rows, bad = _read(_file(tmp_path, "b.txt", "山田  001佐々木002".encode("cp932")), unbroken)
    assert [row["数"] for row in rows] == ["001", "002"]
    assert not bad


def test_ndjson_keeps_its_lines_and_a_line_too_long_is_bad(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(lines.raw_blocks, "__kwdefaults__", {"size": 64})
    monkeypatch.setattr(lines, "_LONGEST", 128)
    data = b'{"a":1}\n\n{"a":"' + b"x" * 1000 + b'"}\n{"a":2}\n\xff\n{"a":3}'
    rows, bad = _read(_file(tmp_path, "a.ndjson", data))
    assert [row[LINE] for row in rows] == [1, 4, 6]
    assert [row.row for row in bad] == [3, 5]
    assert "longer than" in bad[0].reason
    assert "not UTF-8" in bad[1].reason


def test_reading_goes_on_from_any_row(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(lines.raw_blocks, "__kwdefaults__", {"size": 64})
    told = "".join(f'{n},"v\n{n}"\n' if n % 3 else f"{n}\n" for n in range(60))
    csv = _file(tmp_path, "a.csv", b"a,b\n" + told.encode())
    table = pa.table({"a": list(range(200_000))})
    pq.write_table(table, tmp_path / "a.parquet")
    for path in (csv, tmp_path / "a.parquet"):
        chunks = list(open_tables(path))
        whole = [row for chunk in chunks for row in chunk.table.to_pylist()]
        bad = [row for chunk in chunks for row in chunk.bad]
        total = chunks[-1].first_row + chunks[-1].rows
        for skip in (0, 1, 29, chunks[0].rows, chunks[0].rows + 1, total - 1, total):
            rest = list(open_tables(path, skip={str(path): skip}))
            assert not rest or rest[0].first_row == skip
            left = sum(chunk.rows for chunk in rest)
            assert left == total - skip
            rows = [row for chunk in rest for row in chunk.table.to_pylist()]
            assert rows == whole[len(whole) - len(rows) :]
            again = [row for chunk in rest for row in chunk.bad]
            assert again == bad[len(bad) - len(again) :]


def test_rows_that_belong_together_are_in_one_chunk(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(lines.raw_blocks, "__kwdefaults__", {"size": 32})
    told = "".join(f"o{n // 7},{n}\n" for n in range(70))
    form = FileForm(together=("order",))
    chunks = list(open_tables(_file(tmp_path, "a.csv", b"order,n\n" + told.encode()), form))
    orders = [set(chunk.table["order"].to_pylist()) for chunk in chunks]
    assert len(chunks) > 3
    assert sum(map(len, orders)) == 10
    assert sum(chunk.rows for chunk in chunks) == 70


def test_globs_take_files_in_order_and_what_is_missing_is_said(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv"):
        _file(tmp_path, name, f"file\n{name}\n".encode())
    rows, _ = _read(f"{tmp_path}/*.csv")
    assert [row["file"] for row in rows] == ["a.csv", "b.csv"]
    with pytest.raises(NotFound, match="No file matches"):
        _read(tmp_path / "c.csv")
    with pytest.raises(Invalid, match="is a folder"):
        _read(tmp_path)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (gzip.compress(b"a,b\n" + bytes(range(32, 120)) * 900)[:200], "ends too early"),
        (b'[{"a": 1}]', "one JSON array"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"a,b\r1,2\r", "header cannot be read"),
        (b"PAR1 and then nothing", "cannot be read as Parquet"),
    ],
)
def test_a_file_of_another_kind_says_what_to_do(tmp_path: Path, data: bytes, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        _read(_file(tmp_path, "x.csv", data))


def test_memory_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n")
        for _ in range(40):
            file.write(b"0123456789,abcdefghij\n" * 25_000)
    before = pa.total_allocated_bytes()
    most = rows = 0
    for chunk in open_tables(path):
        rows += chunk.rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 1_000_000
    assert most < 64 << 20
    assert chunk.read_bytes == chunk.total_bytes == path.stat().st_size


def test_a_parquet_file_tells_how_far_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": range(200_000)}), path)
    shares = [chunk.read_bytes / chunk.total_bytes for chunk in open_tables(path)]
    assert len(shares) > 2
    assert shares == sorted(set(shares))
    assert shares[-1] == 1


def test_where_a_file_is_cut_changes_no_event(tmp_path: Path, monkeypatch) -> None:
    mapping = ready_mapping("pos-receipts-ja")
    path = _file(tmp_path, "receipts.csv", department_files.pos_receipts_ja())

    def events() -> list[dict]:
        chunks = open_tables(path, mapping.file)
        return [
            row for chunk in chunks for row in map_table(mapping, chunk.table).events.to_pylist()
        ]

    whole = events()
    assert len(whole) == 4
    for size in (7, 64, 200, 333):
        monkeypatch.setattr(lines.raw_blocks, "__kwdefaults__", {"size": size})
        assert events() == whole
