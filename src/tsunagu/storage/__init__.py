"""Where state lies: PostgreSQL, embedded or by URL, its roles and its migrations."""

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

__all__ = [
    "LOOK_UPS",
    "Database",
    "EmbeddedServer",
    "Role",
    "Row",
    "in_workspace",
    "in_workspace_async",
    "int_array",
    "migrate",
    "notify",
    "stage",
    "text_array",
]
