"""The local mailbox's SMTP server: takes every mail and keeps it, so that nothing leaves.

For tests it can be told to misbehave as real servers do; only its constructor can, no
setting reaches it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.smtp import SMTP, Envelope

from tsunagu.channels.email.mailbox import Arrival, Mailbox
from tsunagu.core.times import wall

Fault = Literal["rcpt 4xx", "rcpt 5xx", "data 4xx", "data 5xx", "drop after data", "drop at data"]
Faults = Callable[[str], Fault | None]

_ANSWERS: dict[Fault, str] = {
    "rcpt 4xx": "451 4.3.0 Try again later",
    "rcpt 5xx": "550 5.1.1 No such customer",
    "data 4xx": "452 4.2.2 The mailbox is full for now",
    "data 5xx": "554 5.7.1 Refused for its content",
}
_MAX_SIZE = 32 * 1024 * 1024
_END = b"\r\n.\r\n"


def no_faults(recipient: str) -> Fault | None:
    """A server that behaves."""
    return None


class _Protocol(SMTP):
    """aiosmtpd's protocol, reading a mail's content in one piece instead of line by line."""

    line_length_limit = _MAX_SIZE

    def __init__(self, handler: _Handler, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(handler, hostname="mailbox.localhost", ident="Tsunagu mailbox", loop=loop)
        self._keeper = handler

    async def smtp_DATA(self, arg: str | None) -> None:
        """Receive one mail and keep it before it is answered for."""
        if await self.check_helo_needed():
            return
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        answer = self._keeper.keep(self.envelope.rcpt_tos, await self._content())
        if answer is None:
            self._writer.transport.abort()
            return
        self._set_post_data_state()
        await self.push(answer)

    async def _content(self) -> bytes:
        received = bytearray(b"\r\n")
        while not received.endswith(_END):
            received += await self._reader.readuntil(b".\r\n")
        # RFC 5321, 4.5.2: a leading dot was doubled on the way
        return bytes(received[:-3].replace(b"\r\n.", b"\r\n")[2:])


class _Handler:
    def __init__(self, mailbox: Mailbox, faults: Faults) -> None:
        self._mailbox = mailbox
        self._faults = faults

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, unless told otherwise."""
        fault = self._faults(address)
        if fault in ("rcpt 4xx", "rcpt 5xx"):
            return _ANSWERS[fault]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def keep(self, recipients: list[str], content: bytes) -> str | None:
        """Keep a mail and say so; None hangs up without a word."""
        fault = self._faults(recipients[0])
        if fault in ("data 4xx", "data 5xx"):
            return _ANSWERS[fault]
        if fault == "drop at data":
            return None
        row = self._mailbox.add(Arrival(wall(), tuple(recipients), content))
        return None if fault == "drop after data" else f"250 2.0.0 Kept as {row}"


class MailboxServer:
    """The mailbox behind an SMTP port of its own, served by a thread.

    Args:
        mailbox: where mails are kept.
        host: the address to listen on.
        port: the port, 0 for any free one.
        faults: for tests, what goes wrong for a recipient.

    Raises:
        OSError: the port is taken or may not be listened on.
    """

    def __init__(
        self, mailbox: Mailbox, host: str, port: int, *, faults: Faults = no_faults
    ) -> None:
        self._handler = _Handler(mailbox, faults)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mailbox", daemon=True)
        self._thread.start()
        listening = self._loop.create_server(self._protocol, host, port)
        try:
            self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        except OSError:
            self._end_thread()
            raise
        self.port: int = self._server.sockets[0].getsockname()[1]

    def _protocol(self) -> _Protocol:
        return _Protocol(self._handler, self._loop)

    def __enter__(self) -> MailboxServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Hang up and stop listening."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()
        self._end_thread()

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _hang_up(self) -> None:
        self._server.close()
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def run_mailbox(folder: Path, host: str, port: int, stop: threading.Event) -> None:
    """The role `mailbox`: serve until told to stop."""
    mailbox = Mailbox(folder)
    try:
        with MailboxServer(mailbox, host, port):
            stop.wait()
    finally:
        mailbox.close()
