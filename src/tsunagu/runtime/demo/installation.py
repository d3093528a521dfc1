"""What the demonstration needs of a running installation, and the workspaces it makes there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tsunagu.access import create_key, create_workspace, workspace_by_name
from tsunagu.core import NotFound
from tsunagu.storage import Database


@dataclass(frozen=True)
class Installation:
    """Addresses and folders of an installation whose roles all run."""

    database: Database
    collector_url: str
    public_url: str
    mailbox_folder: Path
    lake_folder: Path


def find_or_make(
    installation: Installation, name: str, *, zone: str, currency: str, start: int
) -> int:
    """The workspace called `name`, made with a clock that a driver moves if it is not there."""
    with installation.database.connect("app") as connection:
        try:
            return workspace_by_name(connection, name).id
        except NotFound:
            return create_workspace(
                connection,
                name,
                zone=zone,
                currency=currency,
                clock="driven",
                clock_now=start,
                synthetic=True,
            )


def new_write_key(installation: Installation, workspace_id: int, source: str) -> str:
    """A write key for a driver that posts over HTTP."""
    with installation.database.connect("app") as connection:
        return create_key(connection, workspace_id, "write", "demo driver", source)
