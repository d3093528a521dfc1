"""A process with one of the product's applications: tells all its routes, then serves them.

NiceGUI keeps one global application, so each application gets a process of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from tsunagu.analysis import Analysts
from tsunagu.channels import LinkSigner
from tsunagu.collect import Collector, Directory, collector_app
from tsunagu.collect.commit import GroupCommit
from tsunagu.collect.sources import Premises, Vault
from tsunagu.collect.sources.webhooks import Webhooks
from tsunagu.console import Places, mount
from tsunagu.core import Figures
from tsunagu.public.routes import Site, site_app
from tsunagu.public.service import Door
from tsunagu.runtime.web import serve_app
from tsunagu.serve.app import api_app
from tsunagu.storage import Database


def collector(database: Database) -> Starlette:
    directory, figures = Directory(database), Figures()
    collector = Collector(directory, GroupCommit(database, figures), figures)
    return collector_app(collector, webhooks=Webhooks(collector, Vault(Path("home"))))


def public(database: Database) -> Starlette:
    door = Door(database, Figures())
    door.__enter__()
    return site_app(Site(door, LinkSigner("http://public.example", b"s" * 32), "Shop"))


def console_and_api(database: Database) -> FastAPI:
    analysts = Analysts(Path("home"))
    app = api_app(database, analysts, Premises(Path("home")))
    places = Places(Path("home"))
    mount(app, database, session_secret="s" * 32, places=places, analysts=analysts)
    return app


APPS = {"collector": collector, "public": public, "console": console_and_api}


def walk(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(method, path pattern) of every route, those of mounted applications included."""
    for context in iter_route_contexts(routes):
        route = context.original_route
        if isinstance(route, Mount):
            yield from walk(route.routes, prefix + route.path)
            if not route.routes:
                yield "GET", f"{prefix}{route.path}/x"
        elif context.path is not None:
            for method in sorted(context.methods or {"GET"}):
                yield method, prefix + context.path


if __name__ == "__main__":
    app = APPS[sys.argv[1]](Database(os.environ["URL"]))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    print(json.dumps(sorted(set(walk(app.routes)))), flush=True)
    serve_app(app, "127.0.0.1", int(os.environ["PORT"]), stop)
