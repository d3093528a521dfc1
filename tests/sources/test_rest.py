"""An HTTP API with pages, that is busy and breaks now and then, as APIs are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sourcing import Shop

TOKEN = "t0ken-of-the-api"
MAPPING = {
    "name": "deals",
    "message_id": ["id", "updated_at"],
    "at": "updated_at",
    "user_id": "owner.id",
    "events": [{"name": "Deal Changed", "properties": {"id": "id", "stage": "stage"}}],
}


@dataclass
class Api:
    """Deals, a page of 100 at a time, oldest first, changed since a moment."""

    deals: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    def change(self, *ids: int, minute: int = 0, **more: Any) -> None:
        at = f"2026-05-04T{12 + minute // 60:02}:{minute % 60:02}:00Z"
        self.deals += [
            {"id": i, "updated_at": at, "owner": {"id": f"u{i}"}, "stage": "won", **more}
            for i in ids
        ]

    def page(self, query: dict[str, list[str]]) -> dict[str, Any]:
        since, start = query.get("since", [""])[0], int(query.get("after", ["0"])[0])
        found = [deal for deal in self.deals if deal["updated_at"] >= since]
        rest = len(found) > start + 100
        following = f"http://127.0.0.1:{self.port}/v1/deals?after={start + 100}&since={since}"
        return {"items": found[start : start + 100], "next": following if rest else None}

    def settings(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "rest",
            "client": {
                "base_url": f"http://127.0.0.1:{self.port}/v1/",
                "auth": {"type": "bearer", "token": "{secrets.token}"},
                "paginator": {"type": "json_link", "next_url_path": "next"},
            },
            "resource": {
                "name": "deals",
                "endpoint": {
                    "path": "deals",
                    "data_selector": "items",
                    "params": {"since": "{incremental.start_value}"},
                    "incremental": {"cursor_path": "updated_at", "initial_value": "2026-01-01"},
                },
            },
            **more,
        }


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            api.asked.append(self.path)
            status, headers = api.answers.pop(0) if api.answers else (200, {})
            if self.headers.get("authorization") != f"Bearer {TOKEN}":
                status = 401
            body = json.dumps(api.page(parse_qs(url.query)) if status == 200 else {}).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.port = server.server_port
    Thread(target=server.serve_forever, daemon=True).start()
    yield api
    server.shutdown()
    server.server_close()


def test_pages_are_followed_and_only_changes_come_again(shop: Shop, api: Api) -> None:
    api.change(*range(250))
    shop.add("deals", api.settings(), MAPPING, secrets={"token": TOKEN})
    assert shop.run("deals").counts.events == 250
    assert len(api.asked) == 3
    assert shop.run("deals").counts.events == 0
    api.change(1000)  # the same moment as the last
    api.change(3, minute=5)
    assert shop.run("deals").counts.events == 2
    assert "since=2026-05-04" in api.asked[-1]


def test_a_busy_and_a_broken_answer_are_tried_again(shop: Shop, api: Api) -> None:
    api.change(*range(150))
    api.answers = [(429, {"retry-after": "1"}), (200, {}), (503, {})]
    shop.add("deals", api.settings(), MAPPING, secrets={"token": TOKEN})
    assert shop.run("deals").outcome == "done"
    assert len(shop.ids("deals")) == 150


def test_a_wrong_token_is_named_and_never_shown(shop: Shop, api: Api) -> None:
    shop.add("deals", api.settings(), MAPPING, secrets={"token": "wrong-t0ken"})
    ended = shop.run("deals")
    assert ended.outcome == "failed"
    assert "401" in (ended.error or "")
    assert "wrong-t0ken" not in (ended.error or "")


@pytest.mark.parametrize("ordered", [False, True])
def test_a_run_that_was_killed_counts_nothing_twice(
    shop: Shop, api: Api, ordered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute in range(3):
        api.change(*range(minute * 100, minute * 100 + 100), minute=minute)
    shop.add("deals", api.settings(ordered=ordered), MAPPING, secrets={"token": TOKEN})
    shop.killed("deals", "sources.after_commit:2", monkeypatch)
    assert shop.run("deals").outcome == "done"
    ids = [event["message_id"] for event in shop.events("deals")]
    # what came before the kill comes again with its ids, which the pipeline knows
    assert len(set(ids)) == 300
    assert len(ids) == (300 if ordered else 500)


def test_a_field_may_change_its_type_and_others_come(shop: Shop, api: Api) -> None:
    api.change(1)
    shop.add("deals", api.settings(), MAPPING, secrets={"token": TOKEN})
    shop.run("deals")
    api.change(2, minute=1, stage={"name": "lost", "why": ["price"]})
    api.change(3, minute=2, stage=7, score=0.5)
    ended = shop.run("deals")
    assert (ended.outcome, ended.counts.events + ended.counts.refused) == ("done", 2)


def test_a_field_that_is_gone_stops_the_source(shop: Shop, api: Api) -> None:
    api.deals = [{"id": 1, "updated_at": "2026-05-04T12:00:00Z", "stage": "won"}]
    shop.add("deals", api.settings(), MAPPING, secrets={"token": TOKEN})
    ended = shop.run("deals")
    assert ended.outcome == "failed"
    assert "owner.id" in (ended.error or "")


def test_without_a_cursor_known_objects_are_left_out(shop: Shop, api: Api) -> None:
    api.change(1, 2)
    told = api.settings()
    told["resource"] = {"name": "deals", "endpoint": {"path": "deals", "data_selector": "items"}}
    shop.add("deals", told, MAPPING, secrets={"token": TOKEN})
    assert shop.run("deals").counts.events == 2
    api.change(3)
    ended = shop.run("deals")
    assert (ended.counts.events, ended.counts.known) == (1, 2)


def test_a_description_that_will_not_do_is_explained(shop: Shop, api: Api) -> None:
    told = api.settings()
    told["client"]["paginator"] = {"type": "telepathy"}
    shop.add("deals", told, MAPPING, secrets={"token": TOKEN})
    assert "telepathy" in (shop.run("deals").error or "")
