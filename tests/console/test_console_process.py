"""The console as a process of its own: small, and of use while the database is away."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

# One process has one console, so this one runs in a process of its own.
SCRIPT = """
import json
from pathlib import Path
import psutil
from starlette.testclient import TestClient
from tsunagu.analysis import Analysts
from tsunagu.console import Places, create_app
from tsunagu.console.session import SESSION_COOKIE, Sessions
from tsunagu.storage import Database

secret = "a session secret for tests, long enough"
app = create_app(
    Database("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1"),
    session_secret=secret,
    places=Places(Path("."), None, ""),
    analysts=Analysts(Path("lake")),
)
with TestClient(app, cookies={SESSION_COOKIE: Sessions(secret).seal("hana")}) as client:
    sign_in = client.get("/sign-in")
    page = client.get("/w/1/customers", headers={"accept-language": "ja"})
megabytes = psutil.Process().memory_info().rss / 1e6
print(json.dumps([sign_in.status_code, page.status_code, page.text, megabytes]))
"""


@pytest.fixture(scope="module")
def away() -> list[Any]:
    """What the console answers while its database is away, and the memory it takes."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_a_page_says_what_to_do_while_the_database_is_away(away: list[Any]) -> None:
    sign_in, status, text, _ = away
    assert sign_in == 200
    assert status == 503
    assert "データベースに届かないか" in text
    assert "tsunagu doctor" in text


def test_the_console_stays_below_250_megabytes(away: list[Any]) -> None:
    assert away[3] < 250
