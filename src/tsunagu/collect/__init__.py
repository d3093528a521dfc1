"""Collect: the HTTP API that Segment's and RudderStack's clients speak, into the durable log."""

from tsunagu.collect.calls import CALLS, PATHS, Collector
from tsunagu.collect.directory import Directory
from tsunagu.collect.letters import forget_letters, mended, replay, run_letters, work_once
from tsunagu.collect.routes import collector_app
from tsunagu.collect.server import http_server, run
from tsunagu.collect.service import read_line

__all__ = [
    "CALLS",
    "PATHS",
    "Collector",
    "Directory",
    "collector_app",
    "forget_letters",
    "http_server",
    "mended",
    "read_line",
    "replay",
    "run",
    "run_letters",
    "work_once",
]
