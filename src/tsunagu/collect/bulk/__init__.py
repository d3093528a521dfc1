"""Bulk load: files into the lake, deduplicated with everything that came over HTTP or before."""

from tsunagu.collect.bulk.known import Brought, LoadedKeys
from tsunagu.collect.bulk.loader import Loader
from tsunagu.collect.bulk.models import MOST_BAD, Counts, FileEntry, Load
from tsunagu.collect.bulk.queries import (
    list_loads,
    load_by_id,
    note_fed,
    set_state,
    take_turn,
    unfed_ranges,
)
from tsunagu.collect.bulk.service import Wanted, load_to_resume, open_load, wanted

__all__ = [
    "MOST_BAD",
    "Brought",
    "Counts",
    "FileEntry",
    "Load",
    "LoadedKeys",
    "Loader",
    "Wanted",
    "list_loads",
    "load_by_id",
    "load_to_resume",
    "note_fed",
    "open_load",
    "set_state",
    "take_turn",
    "unfed_ranges",
    "wanted",
]
