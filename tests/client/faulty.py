"""A workspace to send to, and a proxy before the platform that misbehaves as it is told."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import httpx

from tsunagu.storage import Database

Fault = int | Literal["lost", "cut", "slow"]


@dataclass
class Proxy:
    """Where it listens, the faults it has yet to make, and what it has seen.

    A number is a status answered instead of passing on; `lost` passes on and drops the answer,
    `cut` drops the request, `slow` passes on and answers after a second.
    """

    url: str = ""
    faults: deque[Fault] = field(default_factory=deque[Fault])
    requests: int = 0
    packed: int = 0


@dataclass(frozen=True)
class Space:
    """A workspace, its keys, and what is in its log."""

    database: Database
    workspace: int
    write_key: str
    api_key: str

    def rows(self) -> list[tuple[str, str]]:
        """Message ids and names of the events that count, in log order."""
        with self.database.connect("pipeline") as connection:
            return connection.execute(
                "select message_id, name from inbox where workspace_id = %s order by position",
                (self.workspace,),
            ).fetchall()


@contextmanager
def faulty(target: str) -> Generator[Proxy]:
    """A proxy before `target`."""
    proxy = Proxy()
    client = httpx.Client(base_url=target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            proxy.requests += 1
            proxy.packed += self.headers.get("content-encoding") == "gzip"
            fault = proxy.faults.popleft() if proxy.faults else None
            if fault == "cut":
                self.connection.close()
                return
            if isinstance(fault, int):
                self._say(fault, b'{"message": "not now"}')
                return
            wanted = ("content-type", "content-encoding", "authorization")
            headers = {name: self.headers[name] for name in wanted if self.headers[name]}
            answer = client.post(self.path, content=body, headers=headers)
            if fault == "lost":
                self.connection.close()
                return
            if fault == "slow":
                threading.Event().wait(1)
            self._say(answer.status_code, answer.content)

        def _say(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            if status == 429:
                self.send_header("retry-after", "1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        client.close()
