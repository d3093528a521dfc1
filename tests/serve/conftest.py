"""A shop whose API really answers, with customers that a real pipeline made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from serving import NOON, Shop, served

from tsunagu.access import create_key
from tsunagu.analysis import Analysts
from tsunagu.collect.sources import Premises
from tsunagu.core.times import HOUR
from tsunagu.serve.app import api_app
from tsunagu.storage import Database


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all lakes that the API answers from."""
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def api(database: Database, lake: Path, home: Path) -> Iterator[httpx.Client]:
    with served(api_app(database, Analysts(lake), Premises(home))) as client:
        yield client


@pytest.fixture
def shop(database: Database, make_workspace: Callable[..., int]) -> Shop:
    workspace = make_workspace(clock="driven", clock_now=NOON - HOUR)
    with database.connect("app") as connection:
        key = create_key(connection, workspace, "api", "desk", "desk")
    return Shop(database, workspace, key)
