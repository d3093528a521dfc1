"""Slow, many and greedy clients: each is told, nobody else notices, memory stays bounded."""

from __future__ import annotations

import json
import socket
import time
from base64 import b64encode
from contextlib import ExitStack

import httpx
import pytest
from collecting import Sent

from tsunagu.collect import body as body_module

TRACK = json.dumps({"userId": "u1", "event": "Order Completed"}).encode()


def post(collector: str, sent: Sent) -> httpx.Response:
    return httpx.post(f"{collector}/v1/track", content=TRACK, auth=(sent.key, ""))


def open_call(collector: str, sent: Sent, begun: bytes, length: int) -> socket.socket:
    """A connection whose request has begun and says that it is longer."""
    host, port = collector.removeprefix("http://").split(":")
    token = b64encode(f"{sent.key}:".encode()).decode()
    head = (
        f"POST /v1/track HTTP/1.1\r\nhost: {host}\r\nauthorization: Basic {token}\r\n"
        f"content-length: {length}\r\n\r\n"
    )
    connection = socket.create_connection((host, int(port)), 10)
    connection.sendall(head.encode() + begun)
    return connection


def test_slow_bodies_cannot_take_all_memory(
    collector: str, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "MAX_ARRIVING_BYTES", 1000)
    begun, rest = TRACK.ljust(700), b" " * 300
    with open_call(collector, sent, begun, 1000) as first:
        time.sleep(0.3)  # until it has come in
        with open_call(collector, sent, begun, 1000) as second:
            answer = second.recv(1000)
            assert b" 429 " in answer.partition(b"\r\n")[0]
            assert b"retry-after" in answer.lower()
        assert post(collector, sent).status_code == 200
        first.sendall(rest)
        assert b" 200 " in first.recv(1000)
    with open_call(collector, sent, begun, 1000) as third:
        third.sendall(rest)
        assert b" 200 " in third.recv(1000)
    assert len(sent.rows()) == 3


def test_a_client_that_stops_sending_is_told_and_let_go(
    collector: str, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_module, "READ_SECONDS", 0.2)
    with (
        open_call(collector, sent, b"", 100) as silent,
        open_call(collector, sent, b"{", 100) as stopped,
    ):
        for connection in (silent, stopped):
            assert b" 408 " in connection.recv(1000)
    assert post(collector, sent).status_code == 200
    assert len(sent.rows()) == 1


def test_connections_that_browsers_keep_open_hold_nobody_up(collector: str, sent: Sent) -> None:
    host, port = collector.removeprefix("http://").split(":")
    with ExitStack() as opened:
        for _ in range(1500):
            opened.enter_context(socket.create_connection((host, int(port)), 10))
        assert post(collector, sent).status_code == 200
    assert len(sent.rows()) == 1


def test_a_body_without_its_length_is_read_to_its_end(collector: str, sent: Sent) -> None:
    pieces = (TRACK[at : at + 7] for at in range(0, len(TRACK), 7))
    answer = httpx.post(f"{collector}/v1/track", content=pieces, auth=(sent.key, ""))
    assert answer.status_code == 200
    endless = (b" " * 10_000 for _ in range(100))
    too_long = httpx.post(f"{collector}/v1/track", content=endless, auth=(sent.key, ""))
    assert too_long.status_code == 413
    assert len(sent.rows()) == 1
