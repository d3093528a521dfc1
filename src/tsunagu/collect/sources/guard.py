"""What a source may not touch: the installation's own folder and its own database.

A source runs with the rights of the platform's account, and whoever adds one may see a single
workspace; through these doors they would see all of them.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL

from tsunagu.core import Invalid


def refuse_own_folder(folder: Path, forbidden: tuple[str, ...]) -> None:
    """Refuse a path in the installation's folders, and one that holds them.

    Raises:
        Invalid: it is one of them.
    """
    for own in map(Path, forbidden):
        if folder.is_relative_to(own) or own.is_relative_to(folder):
            raise Invalid(
                f"{folder} is, or holds, the data folder of this installation. "
                "Use another folder for what comes in."
            )


def refuse_own_database(url: URL, forbidden: tuple[str, ...]) -> None:
    """Refuse a database file in our folders, and a server reached by our own socket.

    Raises:
        Invalid: it is one of them.
    """
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        refuse_own_folder(Path(str(url.database).removeprefix("file:")).resolve(), forbidden)
    hosts = [url.query.get("host"), url.query.get("unix_socket"), url.host]
    for host in hosts:
        if isinstance(host, str) and host.startswith("/"):
            refuse_own_folder(Path(host).resolve(), forbidden)
