"""How tests reach the console: where it answers, as whom, and when a page is ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import seeding
from playwright.sync_api import Page

from tsunagu.analysis import Analysts

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SESSION_SECRET = "a session secret for tests, long enough"


@dataclass(frozen=True)
class Site:
    """Where the console answers, and what is in it."""

    url: str
    seeded: seeding.Seeded
    home: Path
    analysts: Analysts

    def to(self, path: str) -> str:
        """A page's address in the seeded workspace."""
        return f"{self.url}/w/{self.seeded.workspace_id}/{path}"


OpenPage = Callable[..., Page]


def settle(page: Page) -> None:
    """Wait until the page has its content and its connection to the server."""
    page.wait_for_function(
        """() => document.querySelector('main .card, main .station')
            && !document.querySelector('.bone') && window.socket?.connected""",
        timeout=15_000,
    )
