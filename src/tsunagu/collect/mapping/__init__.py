"""Mapping: documents that say how the rows of any table become events, and what runs them."""

from tsunagu.collect.files import JSON, LINE, BadRow, FileForm, FixedColumn
from tsunagu.collect.mapping.compile import EVENT_COLUMNS, Compiled, compiled
from tsunagu.collect.mapping.document import (
    Cell,
    EventMapping,
    Mapping,
    ObjectMapping,
    load_mapping,
    mapping_of,
    read_mapping,
    write_mapping,
)
from tsunagu.collect.mapping.library import library, named_mapping, ready_mapping
from tsunagu.collect.mapping.propose import Proposal, Reason, propose, with_mapping
from tsunagu.collect.mapping.table import Mapped, map_table

__all__ = [
    "EVENT_COLUMNS",
    "JSON",
    "LINE",
    "BadRow",
    "Cell",
    "Compiled",
    "EventMapping",
    "FileForm",
    "FixedColumn",
    "Mapped",
    "Mapping",
    "ObjectMapping",
    "Proposal",
    "Reason",
    "compiled",
    "library",
    "load_mapping",
    "map_table",
    "mapping_of",
    "named_mapping",
    "propose",
    "read_mapping",
    "ready_mapping",
    "with_mapping",
    "write_mapping",
]
