"""Whatever bytes a file holds: every line is in a row, a bad row, or blank; nothing else fails."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsunagu.collect.files import LINE, Chunk, FileForm, FixedColumn, lines, open_tables
from tsunagu.core import Invalid

_PIECES = st.sampled_from(
    [b"a", b",", b'"', b"\n", b"\r\n", b"\xef\xbb\xbf", b"\x00", b"\x1a", b"\x1f", b"\\",
     b'{"a":1}', "山".encode(), "山".encode("cp932"), b"\x81", b"\xff", b"\xf0\x40",
     b"1", b" ", b"\r", b'""', b'","']
)  # fmt: skip
_BYTES = st.lists(_PIECES, max_size=60).map(b"".join)
_FIXED = (FixedColumn(name="a", width=3), FixedColumn(name="b", width=2))
_FORMS = [
    FileForm(format=kind, encoding=encoding, delimiter=",", fixed=_FIXED if kind == "fixed" else ())
    for kind in ("csv", "fixed", "ndjson")
    for encoding in ("utf-8", "cp932")
]


@pytest.fixture(autouse=True)
def _small_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines.raw_blocks, "__kwdefaults__", {"size": 24})


def _chunks(data: bytes, form: FileForm, skip: int = 0) -> list[Chunk]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.write_bytes(data)
        return list(open_tables(path, form, skip={str(path): skip}))


def _rows(chunks: list[Chunk]) -> list[tuple[int, object]]:
    good = [(row[LINE], str(row)) for chunk in chunks for row in chunk.table.to_pylist()]
    bad = [(row.row, row.reason) for chunk in chunks for row in chunk.bad]
    return sorted([*good, *bad], key=lambda told: told[0])


@settings(max_examples=120, deadline=None)
@given(_BYTES, st.sampled_from(_FORMS))
def test_every_record_is_accounted_for(data: bytes, form: FileForm) -> None:
    head = b"h1,h2\n" if form.format == "csv" else b""
    try:
        chunks = _chunks(head + data, form)
    except Invalid:
        assert form.format == "csv"  # it has no header that ends
        return
    at = 0
    for chunk in chunks:
        assert chunk.first_row == at
        assert chunk.rows == chunk.table.num_rows + len(chunk.bad) > 0
        at += chunk.rows
    numbers = [line for line, _ in _rows(chunks)]
    assert numbers == sorted(set(numbers))
    if form.format != "csv":
        body = (head + data).removeprefix(b"\xef\xbb\xbf").removesuffix(b"\x1a")
        told = [line.removesuffix(b"\r") for line in body.split(b"\n")]
        assert len(numbers) == sum(1 for line in told if line)


@settings(max_examples=60, deadline=None)
@given(_BYTES, st.sampled_from(_FORMS), st.integers(0, 20))
def test_reading_on_gives_the_same_rest(data: bytes, form: FileForm, skip: int) -> None:
    head = b""
    try:
        whole = _chunks(head + data, form)
    except Invalid:
        return
    rest = _chunks(head + data, form, skip)
    assert _rows(rest) == _rows(whole)[skip:]
