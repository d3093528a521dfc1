"""The role `sender`: a session that listens and works, made anew when the database comes back."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection

from tsunagu.channels import LinkSigner
from tsunagu.channels.email import EmailChannel, MailBuilder, SmtpServer
from tsunagu.content import Renderer
from tsunagu.core import Figures
from tsunagu.sending.archive import Seals
from tsunagu.sending.lines import Lines
from tsunagu.sending.outbox import Outbox
from tsunagu.sending.sender import Sender
from tsunagu.sending.writing import Writer
from tsunagu.storage import Database, Row

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
_LOST = (psycopg.OperationalError, psycopg.InterfaceError)

_log = logging.getLogger("tsunagu.sender")


@dataclass(frozen=True)
class MailSettings:
    """Where mails are handed over, whom they come from, and on how many lines at most."""

    server: SmtpServer
    from_name: str
    from_address: str
    lines: int = 8


def run_sender(
    database: Database,
    mail: MailSettings,
    public_url: str,
    signing_secret: bytes,
    stop: threading.Event,
    figures: Figures,
) -> None:
    """Send what the outbox holds, of all workspaces, until `stop` is set.

    What is being handed over then is finished and recorded.

    Args:
        public_url: where customers reach the public pages; links in mails begin with it.
        signing_secret: signs the links and seals the archive.

    Raises:
        Invalid: `mail` names no address that can be written from.
    """
    builder = MailBuilder(mail.from_name, mail.from_address)
    with Renderer(LinkSigner(public_url, signing_secret)) as renderer:
        writer = Writer(renderer, builder)
        writer.warm_up()
        asyncio.run(_Service(database, mail, writer, Seals(signing_secret), figures).run(stop))


class _Service:
    def __init__(
        self,
        database: Database,
        mail: MailSettings,
        writer: Writer,
        seals: Seals,
        figures: Figures,
    ) -> None:
        self._database = database
        self._mail = mail
        self._writer = writer
        self._seals = seals
        self._figures = figures
        self._stopping = asyncio.Event()

    async def run(self, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()

        def watch() -> None:
            stop.wait()
            with suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(self._stopping.set)

        threading.Thread(target=watch, name="stop", daemon=True).start()
        wait = _FIRST_WAIT
        while not self._stopping.is_set():
            try:
                await self._session()
                wait = _FIRST_WAIT
            except _LOST as error:
                _log.warning("The database does not answer; again in %.1f s (%s)", wait, error)
                await self._pause(wait)
                wait = min(_LONGEST_WAIT, wait * 2)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _session(self) -> None:
        """Listen first, then look: so nothing falls between."""
        ears = await self._database.connect_async("pipeline")
        async with ears:
            await ears.execute("listen tsunagu_outbox")
            outbox = await asyncio.to_thread(Outbox, self._database, self._seals)
            try:
                await self._work(ears, outbox)
            finally:
                outbox.close()

    async def _work(self, ears: AsyncConnection[Row], outbox: Outbox) -> None:
        sender = Sender(outbox, self._writer, self._lines(), self._figures)
        work = asyncio.create_task(sender.run())
        others: set[asyncio.Task[Any]] = {
            asyncio.create_task(_listen(ears, sender)),
            asyncio.create_task(self._stopping.wait()),
        }
        try:
            await asyncio.wait({work, *others}, return_when=asyncio.FIRST_COMPLETED)
            sender.stop()
            await work
        finally:
            for task in others:
                task.cancel()
            ended = await asyncio.gather(*others, return_exceptions=True)
        for what in ended:
            if isinstance(what, Exception):
                raise what

    def _lines(self) -> Lines:
        mail = self._mail
        return Lines(lambda: EmailChannel(mail.server, mail.from_address), mail.lines)


async def _listen(ears: AsyncConnection[Row], sender: Sender) -> None:
    async for notification in ears.notifies():
        sender.notice(int(notification.payload))
