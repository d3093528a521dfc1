"""What tests share: one real PostgreSQL a session, and a workspace of its own for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from databases import fresh_database, workspace_maker
from tsunagu.storage import Database

# A busy machine is no failure: no property may depend on how long an example takes.
settings.register_profile("tsunagu", deadline=None)
settings.load_profile("tsunagu")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account can enter; pytest's own are closed to PostgreSQL's."""
    with tempfile.TemporaryDirectory(prefix="tsunagu-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    """A migrated database in a server of this session."""
    with fresh_database() as database:
        yield database


@pytest.fixture(scope="session")
def make_workspace(database: Database) -> Callable[..., int]:
    """Makes a fresh workspace; takes the options of `create_workspace`."""

    return workspace_maker(database)


@pytest.fixture
def workspace(make_workspace: Callable[..., int]) -> int:
    """A fresh workspace on the wall clock."""
    return make_workspace()
