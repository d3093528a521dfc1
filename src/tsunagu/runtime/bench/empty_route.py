"""A route that does nothing, on the collectors' server: what a single event is measured by.

An ordinary route of the framework that the collectors' other routes stand on; it reads the
body and answers as a collector does.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tsunagu.collect import http_server
from tsunagu.core import Retryable
from tsunagu.runtime.bench.installation import free_ports

PATH = "/v1/track"
HOST = "127.0.0.1"
_READY_WITHIN = 20.0


@contextmanager
def empty_route(processes: int) -> Generator[str]:
    """The address of such a route in so many processes on one port."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tsunagu.runtime.bench.empty_route", str(port)]
    started = [subprocess.Popen(command) for _ in range(processes)]
    try:
        _await_ready(port)
        time.sleep(0.5)  # until all of them listen
        yield f"http://{HOST}:{port}"
    finally:
        for process in started:
            process.kill()
            process.wait()


def _await_ready(port: int) -> None:
    until = time.monotonic() + _READY_WITHIN
    while True:
        try:
            socket.create_connection((HOST, port), timeout=0.5).close()
        except OSError:
            if time.monotonic() > until:
                raise Retryable("The empty route did not start") from None
            time.sleep(0.05)
        else:
            return


async def _nothing(request: Request) -> Response:
    await request.body()
    return Response(b'{"success":true}', media_type="application/json")


if __name__ == "__main__":
    app = Starlette(routes=[Route(PATH, _nothing, methods=["POST"])])
    uvloop.run(http_server(app, HOST, int(sys.argv[1])).serve())
