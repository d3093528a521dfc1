"""No route answers a stranger, unless it stands here with the reason why it may."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tsunagu.storage import Database

# What a stranger may call, by application. Everything else must ask who it is.
OPEN: dict[str, dict[str, str]] = {
    "collector": {
        "/v1/health": "says only whether the database answers",
        "/v1/webhooks/{door}": "the signature of the call is the key",
        "/v1/live": "says only that the process answers",
        "/v1/openapi.json": "describes the calls, holds no data",
    },
    "public": {
        "/l/{token}": "the signed token in the mail is the key",
        "/u/{token}": "the signed token in the mail is the key",
        "/v/{token}": "the signed token in the mail is the key",
        "/assets/pages.css": "the pages' style",
        "/robots.txt": "asks robots to stay away",
        "/health": "says only whether the database answers",
    },
    "console": {
        "/v1/health": "says only whether the database answers",
        "/v1/openapi.json": "describes the API, holds no data",
        "/sign-in": "the way in",
        "/language/{code}": "the sign-in page's language",
        "/console-assets/{path:path}": "the console's style and fonts",
        "/_nicegui/": "NiceGUI's own scripts; the socket behind them asks for a session",
    },
}
CLIENT = httpx.Client(timeout=30)
SAMPLES = {"int": "1", "path": "x", "str": "x"}


def concrete(pattern: str) -> str:
    """A path that the pattern matches."""
    return re.sub(r"{\w+(?::(\w+))?}", lambda m: SAMPLES[m[1] or "str"], pattern)


def is_open(application: str, pattern: str) -> bool:
    return any(
        pattern.startswith(known) if known.endswith("_nicegui/") else pattern == known
        for known in OPEN[application]
    )


@pytest.fixture(scope="module", params=OPEN)
def running(
    request: pytest.FixtureRequest, database: Database
) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Each application in a process of its own: its name, address and routes."""
    application, port = request.param, _free_port()
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("every_route.py"), application],
        env={**os.environ, "URL": database.url, "PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        routes = [(method, path) for method, path in json.loads(process.stdout.readline())]
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        yield application, url, routes
    finally:
        process.terminate()
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url: str) -> None:
    for _ in range(400):
        try:
            httpx.get(url)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError(url)


def test_a_stranger_gets_no_answer(running: tuple[str, str, list[tuple[str, str]]]) -> None:
    application, url, routes = running
    assert len(routes) >= 8
    answering: list[str] = []
    for method, pattern in routes:
        if is_open(application, pattern):
            continue
        answer = CLIENT.request(method, url + concrete(pattern), headers={"origin": url})
        way_in = answer.headers.get("location", "").startswith("/sign-in?")
        if answer.status_code != 401 and not (answer.status_code == 303 and way_in):
            answering.append(f"{method} {pattern}: {answer.status_code}")
    assert answering == []


def test_what_is_open_is_there(running: tuple[str, str, list[tuple[str, str]]]) -> None:
    application, _, routes = running
    for known in OPEN[application]:
        assert any(pattern.startswith(known) for _, pattern in routes), known


@pytest.mark.parametrize("running", ["public"], indirect=True)
def test_a_token_page_answers_only_to_a_signed_token(
    running: tuple[str, str, list[tuple[str, str]]],
) -> None:
    _, url, _ = running
    for path in ("/l/", "/u/", "/v/"):
        for token in ("x", "1.2.3", "../..", "A" * 200):
            assert CLIENT.get(url + path + token).status_code == 404
            assert CLIENT.head(url + path + token).status_code == 404
    assert CLIENT.post(f"{url}/u/forged").status_code == 404
