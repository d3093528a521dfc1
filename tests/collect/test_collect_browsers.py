"""A shop's web page, on an address of its own, tells what its visitors do, in a real browser."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from browser_clients import RUDDERSTACK, SEGMENT, Client, folder_of
from collecting import Sent
from playwright.sync_api import Browser, Page, sync_playwright

from tsunagu.access import admit_pages
from tsunagu.collect import directory

CHROMIUM = "/usr/bin/chromium"
SEGMENT_PAGE = """
<!doctype html><title>Shop</title><script src="/{script}"></script>
<script>
  window.analytics = AnalyticsNext.AnalyticsBrowser.load(
    {{writeKey: "{key}", cdnURL: "{collector}"}},
    {{integrations: {{"Segment.io": {{deliveryStrategy: {strategy}}}}}}}
  );
  analytics.page("Shop", "Top");
  analytics.identify("u-1", {{name: "山田 太郎"}});
  analytics.track("Product Viewed", {{product_id: "p1"}}, {{context: {{campaign: {{name: "x"}}}}}});
</script>
"""
RUDDERSTACK_PAGE = """
<!doctype html><title>Shop</title><script src="/{script}"></script>
<script>
  const rudder = new rudderanalytics.RudderAnalytics();
  rudder.load("{key}", "{collector}", {{configUrl: "{collector}", useBeacon: {beacon},
    beaconQueueOptions: {{flushQueueInterval: 500}}, sendAdblockPage: false}});
  rudder.page("Shop", "Top");
  rudder.identify("u-1", {{name: "山田 太郎"}});
  rudder.track("Product Viewed", {{product_id: "p1"}});
</script>
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        missing = f"{CHROMIUM} is missing: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(f"BROWSER CLIENTS WERE NOT TESTED. {missing}")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


class _Quiet(SimpleHTTPRequestHandler):
    page = ""

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.page.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def shop(client: Client, page: str, **said: str) -> Iterator[str]:
    """A site that serves the client's script and a page that uses it; its address."""
    handler = type("Shop", (_Quiet,), {"page": page.format(script=client.script, **said)})
    folder = folder_of(client)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def visitor(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(address)
        yield page
    finally:
        context.close()


def wait_for(holds: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "nothing more has arrived"
        time.sleep(0.1)


def check_visit(rows: list[dict[str, Any]], origin: str) -> None:
    """What the page told is in the log, as its visitor did it."""
    by_type = {row["type"]: row for row in rows}
    assert set(by_type) == {"page", "identify", "track"}
    page, identify, track = by_type["page"], by_type["identify"], by_type["track"]
    assert len({row["anonymous_id"] for row in rows} - {None}) == 1
    assert page["name"] == "Top"
    assert page["body"]["properties"]["category"] == "Shop"
    assert page["body"]["properties"]["url"].startswith(origin)
    assert identify["user_id"] == track["user_id"] == "u-1"
    assert identify["body"]["traits"]["name"] == "山田 太郎"
    assert (track["name"], track["source"]) == ("Product Viewed", "web")
    assert track["body"]["properties"]["product_id"] == "p1"
    assert track["body"]["context"]["page"]["path"] == "/"
    assert len({row["message_id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("strategy", ["undefined", '{strategy: "batching", config: {size: 3}}'])
def test_analytics_js_sends_from_a_page(
    browser: Browser, collector: str, sent: Sent, strategy: str
) -> None:
    said = {"key": sent.key, "collector": collector, "strategy": strategy}
    with shop(SEGMENT, SEGMENT_PAGE, **said) as origin, visitor(browser, origin):
        wait_for(lambda: len(sent.rows()) >= 3)
        rows = sent.rows()
    check_visit(rows, origin)
    track = next(row for row in rows if row["type"] == "track")
    assert track["body"]["context"]["campaign"] == {"name": "x"}


def test_what_analytics_js_holds_back_is_sent_when_the_page_closes(
    browser: Browser, collector: str, sent: Sent
) -> None:
    waits = '{strategy: "batching", config: {size: 100, timeout: 600000}}'
    said = {"key": sent.key, "collector": collector, "strategy": waits}
    with shop(SEGMENT, SEGMENT_PAGE, **said) as origin:
        with visitor(browser, origin) as page:
            page.wait_for_function("analytics.instance && analytics.instance.initialized")
            page.wait_for_timeout(500)
            assert sent.rows() == []
            page.goto("about:blank")
            wait_for(lambda: len(sent.rows()) >= 3)
        check_visit(sent.rows(), origin)


@pytest.mark.parametrize("beacon", ["false", "true"])
def test_rudderstack_sends_from_a_page(
    browser: Browser, collector: str, sent: Sent, beacon: str
) -> None:
    said = {"key": sent.key, "collector": collector, "beacon": beacon}
    with shop(RUDDERSTACK, RUDDERSTACK_PAGE, **said) as origin, visitor(browser, origin):
        wait_for(lambda: len(sent.rows()) >= 3)
        check_visit(sent.rows(), origin)


def test_a_page_that_the_key_does_not_admit_sends_nothing(
    browser: Browser, collector: str, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "KNOWN_SECONDS", 0.1)
    said = {"key": sent.key, "collector": collector, "strategy": "undefined"}
    with shop(SEGMENT, SEGMENT_PAGE, **said) as origin:
        with sent.database.connect("app") as connection:
            admit_pages(connection, sent.workspace, "web", ("https://shop.example",))
        time.sleep(0.2)
        send = f"""fetch("{collector}/v1/track", {{method: "POST", body: JSON.stringify(
            {{writeKey: "{sent.key}", userId: "u", event: "x"}})}}).then(a => a.status)
            .catch(() => "refused")"""
        with visitor(browser, origin) as page:
            assert page.evaluate(send) == "refused"
        assert sent.rows() == []
        with sent.database.connect("app") as connection:
            admit_pages(connection, sent.workspace, "web", ("https://shop.example", origin))
        time.sleep(0.2)
        with visitor(browser, origin) as page:
            assert page.evaluate(send) == 200
            wait_for(lambda: len(sent.rows()) >= 4)
