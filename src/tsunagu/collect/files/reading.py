"""From files to chunks: every format, in bounded memory, from any row on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tsunagu.collect.files.batches import Batch, together
from tsunagu.collect.files.chunk import Chunk
from tsunagu.collect.files.delimited import delimited
from tsunagu.collect.files.fixed import fixed, unbroken_blocks
from tsunagu.collect.files.form import Encoding, FileForm
from tsunagu.collect.files.lines import decoded, raw_blocks
from tsunagu.collect.files.ndjson import ndjson
from tsunagu.collect.files.opening import Stream, matching, settled
from tsunagu.collect.files.parquet import parquet, rows_in


def open_tables(
    pattern: str | Path, form: FileForm | None = None, *, skip: Mapping[str, int] | None = None
) -> Iterator[Chunk]:
    """The rows of one or many files, in the order of the files' names.

    Args:
        pattern: a path or glob; gzip and zstd are known by the file's first bytes.
        form: how the files are written (`mapping.file`); found out for each file if absent.
        skip: for a file (`Chunk.file`) how many of its rows to leave out: those that were read
            before (`first_row + rows` of the last chunk).

    Raises:
        NotFound: no file matches.
        Invalid: a file is damaged or of a kind that is not read; chunks before it were given.
    """
    for path in matching(pattern):
        done = (skip or {}).get(str(path), 0)
        yield from _chunks(path, settled(path, form or FileForm()), done)


def _chunks(path: Path, form: FileForm, skip: int) -> Iterator[Chunk]:
    stream = Stream(path)
    first = 0
    try:
        # Arrow reads Parquet past the stream, so there the rows tell how far it is.
        rows = rows_in(path) if form.format == "parquet" else 0
        batches = _batches(path, stream, form)
        for batch in together(batches, form.together) if form.together else batches:
            left = skip - first
            first += batch.records
            if left >= batch.records:
                continue
            rest = batch.after(left)
            yield Chunk(
                str(path),
                first - rest.records,
                rest.records,
                rest.table,
                [row for _, row in rest.bad],
                stream.size * first // rows if rows else stream.position,
                stream.size,
            )
    finally:
        stream.close()


def _batches(path: Path, stream: Stream, form: FileForm) -> Iterator[Batch]:
    if form.format == "parquet":
        return parquet(path)
    if form.format == "fixed":
        blocks = unbroken_blocks(stream, form) if form.unbroken else raw_blocks(stream)
        return fixed(blocks, form)
    encoding: Encoding = "cp932" if form.encoding == "cp932" else "utf-8"
    texts = (decoded(block, encoding) for block in raw_blocks(stream))
    return ndjson(texts) if form.format == "ndjson" else delimited(texts, form, str(path))
