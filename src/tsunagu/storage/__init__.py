"""Where state lies: PostgreSQL, embedded or by URL, its roles and its migrations."""

from tsunagu.storage.columns import Arrow, fetch_numbers, make_stage, stage_columns, stage_lines
from tsunagu.storage.database import (
    LOOK_UPS,
    Database,
    Role,
    Row,
    in_workspace,
    in_workspace_async,
    notify,
)
from tsunagu.storage.embedded import EmbeddedServer
from tsunagu.storage.migrate import migrate
from tsunagu.storage.staging import int_array, stage, text_array
from tsunagu.storage.transfer import (
    Filling,
    Part,
    Partition,
    Shape,
    Snapshot,
    partitions_are_free,
)

__all__ = [
    "LOOK_UPS",
    "Arrow",
    "Database",
    "EmbeddedServer",
    "Filling",
    "Part",
    "Partition",
    "Role",
    "Row",
    "Shape",
    "Snapshot",
    "fetch_numbers",
    "in_workspace",
    "in_workspace_async",
    "int_array",
    "make_stage",
    "migrate",
    "notify",
    "partitions_are_free",
    "stage",
    "stage_columns",
    "stage_lines",
    "text_array",
]
