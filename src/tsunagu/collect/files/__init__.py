"""Files: what lies in them as tables of Arrow, each row with its line, each bad row kept."""

from tsunagu.collect.files.chunk import JSON, LINE, BadRow, Chunk
from tsunagu.collect.files.form import FileForm, FixedColumn
from tsunagu.collect.files.opening import Stream, matching, settled
from tsunagu.collect.files.reading import open_tables
from tsunagu.collect.files.runs import runs

__all__ = [
    "JSON",
    "LINE",
    "BadRow",
    "Chunk",
    "FileForm",
    "FixedColumn",
    "Stream",
    "matching",
    "open_tables",
    "runs",
    "settled",
]
