"""The lake: each workspace's events, customers and identity as Delta tables in its own folder."""

from tsunagu.storage.lake.files import (
    customers_from_csv,
    events_from_csv,
    identity_from_csv,
    lake_connection,
    literal,
    write_files,
)
from tsunagu.storage.lake.reader import LakeReader
from tsunagu.storage.lake.table import (
    CUSTOMERS,
    EVENTS,
    IDENTITY,
    TABLES,
    DataFile,
    LakeTable,
    Layout,
    Part,
)
from tsunagu.storage.lake.upkeep import (
    LONGEST_READ_HOURS,
    Expired,
    Expiry,
    count_expired,
    drop_late_repeats,
    expire,
    join_small,
    sweep,
)
from tsunagu.storage.lake.views import MACROS, VIEWS, make_views

__all__ = [
    "CUSTOMERS",
    "EVENTS",
    "IDENTITY",
    "LONGEST_READ_HOURS",
    "MACROS",
    "TABLES",
    "VIEWS",
    "DataFile",
    "Expired",
    "Expiry",
    "LakeReader",
    "LakeTable",
    "Layout",
    "Part",
    "count_expired",
    "customers_from_csv",
    "drop_late_repeats",
    "events_from_csv",
    "expire",
    "identity_from_csv",
    "join_small",
    "lake_connection",
    "literal",
    "make_views",
    "sweep",
    "write_files",
]
