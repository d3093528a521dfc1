"""Opening files: globs, decompression by the file's own first bytes, and what a file is."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob, has_magic
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from tsunagu.collect.files.encodings import utf8
from tsunagu.collect.files.form import Encoding, FileForm, Format
from tsunagu.core import Invalid, NotFound

_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SAMPLE = 256 << 10
_DELIMITERS = ",\t;|"


class Stream:
    """A file's bytes after decompression, and how far in the file on the disk we are.

    Raises:
        Invalid: on reading, the compressed bytes are damaged or end too early.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size
        self._raw: BinaryIO = path.open("rb")
        head = self._raw.read(4)
        self._raw.seek(0)
        kind = "gzip" if head[:2] == _GZIP else "zstd" if head == _ZSTD else None
        self._plain = kind is None
        self._stream: pa.NativeFile = pa.PythonFile(self._raw, "r")
        if kind is not None:
            self._stream = pa.CompressedInputStream(self._stream, kind)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        try:
            return self._stream.read(size)
        except OSError as error:
            raise self._damaged(error) from error

    def fill(self, room: memoryview) -> int:
        """Read into some memory until it is full or the file ends; returns how many bytes."""
        source: Any = self._raw if self._plain else self._stream
        done = 0
        try:
            while done < len(room) and (count := source.readinto(room[done:])):
                done += count
        except OSError as error:
            raise self._damaged(error) from error
        return done

    def _damaged(self, error: OSError) -> Invalid:
        return Invalid(
            f"{self._path} is damaged or ends too early ({error}); get the file again."
            " What was read before that place stays."
        )

    @property
    def position(self) -> int:
        """Bytes of the file on the disk that were read."""
        return self._raw.tell()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._raw.close()


def matching(pattern: str | Path) -> list[Path]:
    """The files that a path or glob (`**` goes into folders) names, in the order of their names.

    Raises:
        NotFound: there is none.
    """
    told = str(pattern)
    if Path(told).is_dir():
        raise Invalid(f"{told} is a folder; name its files, for example '{told}/*.csv'")
    found = sorted(glob(told, recursive=True)) if has_magic(told) else [told]
    paths = [path for path in map(Path, found) if path.is_file()]
    if not paths:
        raise NotFound(f"No file matches {told!r}; look at the path, and quote a glob in the shell")
    return paths


def settled(path: Path, form: FileForm) -> FileForm:
    """The form with everything decided that it leaves open, by the file's first contents.

    Raises:
        Invalid: the file is of a kind that is not read.
    """
    if form.format == "parquet":
        return form
    with_start = _Start.of(path)
    format_ = form.format if form.format != "auto" else with_start.format(form)
    if format_ == "parquet":
        return form.model_copy(update={"format": format_})
    encoding = form.encoding if form.encoding != "auto" else found_encoding(path)
    delimiter = form.delimiter
    if format_ == "csv" and delimiter is None:
        delimiter = _delimiter(with_start.text(encoding), form)
    return form.model_copy(update={"format": format_, "encoding": encoding, "delimiter": delimiter})


def found_encoding(path: Path) -> Encoding:
    """UTF-8, or CP932 if the first text beyond ASCII is more of that."""
    stream = Stream(path)
    try:
        while piece := stream.read(_SAMPLE):
            if not piece.isascii():
                piece += stream.read(_SAMPLE).partition(b"\n")[0]
                return _likelier(piece)
    finally:
        stream.close()
    return "utf-8"


def _likelier(piece: bytes) -> Encoding:
    if piece.startswith(codecs.BOM_UTF8):
        return "utf-8"
    lines = [line for line in piece.split(b"\n") if not line.isascii()][:2000]
    bad = {
        encoding: sum(not _decodes(line, encoding) for line in lines)
        for encoding in ("utf-8", "cp932")
    }
    return "cp932" if bad["cp932"] < bad["utf-8"] else "utf-8"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        utf8(line, encoding)
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True)
class _Start:
    """The first bytes of a file after decompression."""

    path: Path
    bytes: bytes

    @staticmethod
    def of(path: Path) -> _Start:
        stream = Stream(path)
        try:
            head = stream.read(_SAMPLE)
        finally:
            stream.close()
        if head.startswith(_UTF16):
            raise Invalid(f"{path} is UTF-16; save it as UTF-8 or as CP932 (Shift_JIS)")
        return _Start(path, head)

    def format(self, form: FileForm) -> Format:
        if self.bytes.startswith(_PARQUET):
            return "parquet"
        if form.fixed:
            return "fixed"
        first = self.bytes.removeprefix(codecs.BOM_UTF8).lstrip()
        if first.startswith(b"["):
            raise Invalid(
                f"{self.path} is one JSON array; write one object a line (NDJSON),"
                f" for example with: jq -c '.[]' {self.path}"
            )
        return "ndjson" if first.startswith(b"{") else "csv"

    def text(self, encoding: Encoding) -> str:
        return self.bytes.rpartition(b"\n")[0].decode(encoding, errors="replace") or (
            self.bytes.decode(encoding, errors="replace")
        )


def _delimiter(text: str, form: FileForm) -> str:
    """The delimiter that cuts the first lines into the most columns, equally many in each."""
    lines = text.splitlines()[form.skip_lines :][:50]
    best, most = ",", 1.0
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in _rows(lines, delimiter, form.quote)]
        if not widths:
            continue
        even = sum(width == widths[0] for width in widths) / len(widths)
        if widths[0] > 1 and widths[0] * even > most:
            best, most = delimiter, widths[0] * even
    return best


def _rows(lines: list[str], delimiter: str, quote: str) -> Iterator[list[str]]:
    quoting = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote or None, quoting=quoting)
    try:
        yield from islice(reader, 30)
    except csv.Error:
        return
