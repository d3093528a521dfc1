"""Files: what lies in them as tables of Arrow, each row with its line, each bad row kept."""

from tsunagu.collect.files.chunk import JSON, LINE, BadRow, Chunk
from tsunagu.collect.files.form import FileForm, FixedColumn
from tsunagu.collect.files.opening import matching, settled
from tsunagu.collect.files.reading import open_tables

__all__ = [
    "JSON",
    "LINE",
    "BadRow",
    "Chunk",
    "FileForm",
    "FixedColumn",
    "matching",
    "open_tables",
    "settled",
]
