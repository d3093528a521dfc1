"""The collector as a process of its own: one event loop, one group commit, one port.

Several may share a port; the kernel spreads the connections.
"""

from __future__ import annotations

import asyncio
import resource
from threading import Event

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.types import ASGIApp

from tsunagu.collect.calls import Collector
from tsunagu.collect.commit import GroupCommit
from tsunagu.collect.directory import Directory
from tsunagu.collect.routes import Doorman, collector_app
from tsunagu.collect.sources.vault import Vault
from tsunagu.collect.sources.webhooks import Webhooks
from tsunagu.core.figures import Figures
from tsunagu.storage import Database

# Connections that may be open at once: browsers keep theirs for half a minute.
MAX_CONNECTIONS = 16_384
# Files that a process opens beside its connections.
OTHER_FILES = 128
# How long a stop waits for slow clients, and for answers to leave the process.
ANSWER_SECONDS = 5.0
LINGER_SECONDS = 0.1


def run(
    database: Database,
    *,
    host: str,
    port: int,
    stop: Event,
    figures: Figures | None = None,
    address: str = "",
    vault: Vault | None = None,
) -> None:
    """Serve until `stop` is set; requests that were taken are committed and answered before.

    Args:
        address: where clients reach the collectors, as browsers are told; by default the
            address that they have used.
        vault: opens the secrets of webhooks; without it none are taken.
    """
    collecting = _serve(database, host, port, stop, figures or Figures(), address, vault)
    uvloop.run(collecting)


def _connections() -> int:
    """As many as the account may have; its usual limit of files is far below what is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + OTHER_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(OTHER_FILES, min(MAX_CONNECTIONS, soft - OTHER_FILES))


def http_server(app: ASGIApp, host: str, port: int) -> Server:
    """The server of a collector's process; several may share a port."""
    return Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=4096,
        backpressure=_connections(),
        log_level=LogLevels.error,
    )


async def _serve(
    database: Database,
    host: str,
    port: int,
    stop: Event,
    figures: Figures,
    address: str,
    vault: Vault | None,
) -> None:
    directory = Directory(database)
    commit = GroupCommit(database, figures)
    collector = Collector(directory, commit, figures)
    webhooks = None if vault is None else Webhooks(collector, vault)
    app = Doorman(collector_app(collector, address, webhooks), collector)
    server = http_server(app, host, port)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(commit.run())
            serving = tasks.create_task(server.serve())
            stopped = asyncio.create_task(asyncio.to_thread(stop.wait))
            await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
            await collector.close(ANSWER_SECONDS)
            await asyncio.sleep(LINGER_SECONDS)
            server.stop()
    finally:
        stop.set()
        directory.close()
