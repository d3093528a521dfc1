"""Collect: the HTTP API that Segment's and RudderStack's clients speak, into the durable log."""

from tsunagu.collect.directory import Directory
from tsunagu.collect.routes import CALLS, Collector, collector_app
from tsunagu.collect.server import run

__all__ = ["CALLS", "Collector", "Directory", "collector_app", "run"]
