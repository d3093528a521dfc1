"""A shop whose API really answers, with customers that a real pipeline made."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from serving import NOON, Shop, served

from tsunagu.access import create_key
from tsunagu.core.times import HOUR
from tsunagu.serve.app import api_app
from tsunagu.storage import Database


@pytest.fixture(scope="session")
def api(database: Database) -> Iterator[httpx.Client]:
    with served(api_app(database)) as client:
        yield client


@pytest.fixture
def shop(database: Database, make_workspace: Callable[..., int]) -> Shop:
    workspace = make_workspace(clock="driven", clock_now=NOON - HOUR)
    with database.connect("app") as connection:
        key = create_key(connection, workspace, "api", "desk", "desk")
    return Shop(database, workspace, key)
