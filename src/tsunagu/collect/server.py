"""The collector as a process of its own: one event loop, one group commit, one port.

Several may share a port; the kernel spreads the connections.
"""

from __future__ import annotations

import asyncio
from threading import Event

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from tsunagu.collect.commit import GroupCommit
from tsunagu.collect.directory import Directory
from tsunagu.collect.routes import Collector, collector_app
from tsunagu.core.figures import Figures
from tsunagu.storage import Database

# How long a stop waits for slow clients, and for answers to leave the process.
ANSWER_SECONDS = 5.0
LINGER_SECONDS = 0.1


def run(
    database: Database, *, host: str, port: int, stop: Event, figures: Figures | None = None
) -> None:
    """Serve until `stop` is set; requests that were taken are committed and answered before."""
    uvloop.run(_serve(database, host, port, stop, figures or Figures()))


async def _serve(database: Database, host: str, port: int, stop: Event, figures: Figures) -> None:
    directory = Directory(database)
    commit = GroupCommit(database, figures)
    collector = Collector(directory, commit, figures)
    server = Server(
        collector_app(collector),
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        log_level=LogLevels.error,
    )
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
