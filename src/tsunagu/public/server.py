"""The public pages as a process: their own origin, their own port."""

from __future__ import annotations

import asyncio
from threading import Event

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from tsunagu.channels import LinkSigner
from tsunagu.core import Figures
from tsunagu.public.routes import Site, site_app
from tsunagu.public.service import Door
from tsunagu.storage import Database


def run(
    database: Database,
    *,
    host: str,
    port: int,
    public_url: str,
    secret: bytes,
    sender: str,
    stop: Event,
    figures: Figures | None = None,
) -> None:
    """Serve until `stop` is set.

    Args:
        public_url: where customers reach these pages, as it stands in mails.
        secret: what links in mails are signed with.
        sender: the name customers know us by.
    """
    with Door(database, figures or Figures()) as door:
        site = Site(door, LinkSigner(public_url, secret), sender)
        uvloop.run(_serve(site, host, port, stop))


async def _serve(site: Site, host: str, port: int, stop: Event) -> None:
    server = Server(
        site_app(site),
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.error,
    )
    serving = asyncio.create_task(server.serve())
    stopped = asyncio.create_task(asyncio.to_thread(stop.wait))
    await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    server.stop()
    await asyncio.gather(serving, stopped)
