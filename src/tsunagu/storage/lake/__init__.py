"""The lake: each workspace's events and identity as Delta tables under a folder of its own."""

from tsunagu.storage.lake.files import events_from_csv, identity_from_csv, merged
from tsunagu.storage.lake.reader import LakeReader
from tsunagu.storage.lake.table import EVENTS, IDENTITY, DataFile, LakeTable

__all__ = [
    "EVENTS",
    "IDENTITY",
    "DataFile",
    "LakeReader",
    "LakeTable",
    "events_from_csv",
    "identity_from_csv",
    "merged",
]
