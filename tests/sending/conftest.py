"""The shop and the mailbox of each test about sending."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sending_shop import Post, Shop

from databases import fresh_database, workspace_maker
from tsunagu.channels.email import Mailbox, MailboxServer
from tsunagu.storage import Database


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    """A database of its own: a sender would hand over what other tests have left."""
    with fresh_database() as database:
        yield database


@pytest.fixture(scope="session")
def make_workspace(database: Database) -> Callable[..., int]:
    return workspace_maker(database)


@pytest.fixture
def shop(database: Database, workspace: int) -> Iterator[Shop]:
    opened = Shop(database, workspace)
    yield opened
    # What a test leaves in the outbox is no work for the senders of later ones.
    opened.run("delete from outbox where workspace_id = %s", workspace)
    opened.connection.close()
    opened.app.close()


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    mailbox = Mailbox(tmp_path / "mailbox")
    found = Post(mailbox, 0)
    with MailboxServer(mailbox, "127.0.0.1", 0, faults=lambda a: found.faults.get(a)) as server:
        found.port = server.port
        yield found
    mailbox.close()
