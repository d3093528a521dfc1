"""The pages are killed around their commit; the customer who tries again is counted once."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import httpx
import pytest
from visiting import SECRET, Customer, free_port

PROGRAM = """
import os, threading
from tsunagu.public import run
from tsunagu.storage import Database
run(
    Database(os.environ["URL"]), host="127.0.0.1", port=int(os.environ["PORT"]),
    public_url="http://mail.test", secret=os.environ["SECRET"].encode(), sender="Shop",
    stop=threading.Event(),
)
"""


@pytest.mark.parametrize(
    ("place", "recorded"), [("public.before_commit", 0), ("public.after_commit", 1)]
)
def test_an_answer_is_recorded_once_whenever_the_process_dies(
    customer: Customer, place: str, recorded: int
) -> None:
    path = customer.links("u")[0]
    with pytest.raises(httpx.TransportError):
        _post(customer, path, TSUNAGU_FAILPOINT=place)
    assert len(customer.events()) == recorded
    assert _post(customer, path).status_code == 200
    assert len({event["key"] for event in customer.events()}) == 1
    customer.digest()
    assert customer.granted() is False


def _post(customer: Customer, path: str, **environment: str) -> httpx.Response:
    """Unsubscribe at a process of its own."""
    port = free_port()
    given = {"URL": customer.database.url, "PORT": str(port), "SECRET": SECRET.decode()}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **given, **environment}
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            _wait_for(client)
            return client.post(path, content="List-Unsubscribe=One-Click")
    finally:
        process.kill()
        process.wait(20)


def _wait_for(client: httpx.Client) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError("the pages do not answer")
