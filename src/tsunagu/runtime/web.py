"""Serves an ASGI application until the role is told to stop, then ends it in good order."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_SECONDS_TO_END = 3


def serve_app(app: ASGIApp, host: str, port: int, stop: threading.Event) -> None:
    """Blocks; open connections (the console's sockets) get a few seconds to end."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_SECONDS_TO_END,
    )
    server = uvicorn.Server(config)

    def await_stop() -> None:
        stop.wait()
        server.should_exit = True

    threading.Thread(target=await_stop, daemon=True).start()
    server.run()
    stop.set()
