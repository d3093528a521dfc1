"""A console over a seeded workspace, and a browser to look at it with."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import seeding
import uvicorn
from browsing import CHROMIUM, FLAGS, SESSION_SECRET, OpenPage, Site, settle
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tsunagu.analysis import Analysts
from tsunagu.channels.email import Mailbox
from tsunagu.channels.email.mailbox import Arrival
from tsunagu.console import Places, create_app
from tsunagu.core.times import wall
from tsunagu.storage import Database, in_workspace


@pytest.fixture(scope="session")
def site(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The console of the seeded workspace, served on a free port of this machine."""
    seeded = seeding.seed(database, people=120)
    home = tmp_path_factory.mktemp("home")
    _fill_mailbox(database, seeded, home / "mailbox")
    places = Places(
        home,
        home / "mailbox",
        "http://127.0.0.1:8082",
        signing_secret=seeding.SIGNING_SECRET.encode(),
    )
    analysts = Analysts(home / "lake")
    app = create_app(database, session_secret=SESSION_SECRET, places=places, analysts=analysts)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    _await_answer(url)
    yield Site(url, seeded, home, analysts)
    server.should_exit = True
    thread.join(timeout=20)


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            httpx.get(f"{url}/sign-in")
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the console did not start"
            time.sleep(0.05)


def _fill_mailbox(database: Database, seeded: seeding.Seeded, folder: Path) -> None:
    with (
        database.connect("app") as connection,
        in_workspace(connection, seeded.workspace_id) as cursor,
    ):
        kept = cursor.execute("select address, content from archive limit 5").fetchall()
    box = Mailbox(folder)
    for address, content in kept:
        box.add(Arrival(wall(), (address,), content))
    box.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    if not Path(CHROMIUM).exists():
        missing = f"{CHROMIUM} is missing: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(f"THE CONSOLE WAS NOT TESTED IN A BROWSER. {missing}")
    expect.set_options(timeout=20_000)  # a loaded machine is slow, not wrong
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def signed_in(browser: Browser, site: Site) -> Iterator[OpenPage]:
    """Opens a page as a signed-in operator, in a language and at a width."""
    contexts = []

    def open_page(path: str = "", language: str = "en", width: int = 1440) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            locale="ja-JP" if language == "ja" else "en-US",
            timezone_id="Asia/Tokyo" if language == "ja" else "America/New_York",
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{site.url}/sign-in")
        page.fill("input[name=name]", seeding.OPERATOR)
        page.fill("input[name=password]", seeding.PASSWORD)
        page.click("button[type=submit]")
        page.goto(site.to(path))
        settle(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
