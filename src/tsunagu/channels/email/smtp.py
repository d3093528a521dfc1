"""The line to an SMTP server, kept open from mail to mail.

The commands are given one by one instead of in one call, because where the line breaks
decides the result: before the content nothing was handed over, after it nobody can know.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPRecipientRefused, SMTPResponseException

from tsunagu.channels.models import Outgoing, Result

_BROKEN = (OSError, TimeoutError, aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError)
_SERVICE_CLOSING = 421


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails go. `tls` is from the first byte, `starttls` an upgrade that is insisted on."""

    host: str
    port: int
    security: str = "none"
    username: str | None = None
    password: str | None = None
    timeout: float = 30.0


class EmailChannel:
    """One SMTP connection; see `Channel` for the protocol."""

    def __init__(self, server: SmtpServer, from_address: str) -> None:
        self._server = server
        self._from = from_address
        self._client: SMTP | None = None

    @property
    def is_open(self) -> bool:
        """Whether the connection stands, as far as this side knows."""
        return self._client is not None and self._client.is_connected

    async def connect(self) -> Result | None:
        """Open the line ahead of use; None when it stands."""
        opened = await self._open()
        return opened if isinstance(opened, Result) else None

    async def close(self) -> None:
        """Say goodbye when the line is open, and drop it."""
        client, self._client = self._client, None
        if client is None or not client.is_connected:
            return
        try:
            await client.quit()
        except (SMTPException, OSError):
            client.close()

    async def deliver(self, outgoing: Outgoing) -> Result:
        """Hand one mail over."""
        announced = await self._announce(outgoing.address)
        if isinstance(announced, Result):
            return announced
        try:
            answer = await announced.data(outgoing.content)
        except SMTPResponseException as error:
            if 400 <= error.code < 600:
                return await self._refused(announced, error)
            self._drop()
            return Result("unknown", detail=f"The answer cannot be read: {error}"[:500])
        except _BROKEN as error:
            self._drop()
            return Result("unknown", detail=f"The line broke during the hand-over: {error}")
        return Result("sent", answer.message[:200], f"{answer.code} {answer.message}"[:500])

    async def _announce(self, address: str) -> SMTP | Result:
        """MAIL and RCPT; nothing is handed over yet, so a stale line may be opened anew."""
        reused = self._client is not None
        client = await self._open()
        if isinstance(client, Result):
            return client
        try:
            await client.mail(self._from)
            await client.rcpt(address)
        except SMTPResponseException as error:
            return await self._refused(
                client, error, bounced=isinstance(error, SMTPRecipientRefused)
            )
        except _BROKEN as error:
            self._drop()
            if reused:
                return await self._announce(address)
            return Result("later", detail=f"The line broke before the hand-over: {error}")
        return client

    async def _open(self) -> SMTP | Result:
        if self._client is not None and self._client.is_connected:
            return self._client
        self._client = None
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            username=server.username,
            password=server.password,
            timeout=server.timeout,
            local_hostname="localhost",
        )
        try:
            await client.connect()
        except (SMTPException, OSError) as error:
            client.close()
            where = f"{server.host}:{server.port}"
            return Result("later", detail=f"{where} cannot be reached: {error}")
        self._client = client
        return client

    async def _refused(
        self, client: SMTP, error: SMTPResponseException, *, bounced: bool = False
    ) -> Result:
        detail = f"{error.code} {error.message}"[:500]
        if error.code == _SERVICE_CLOSING:
            self._drop()
        else:
            try:
                await client.rset()
            except (SMTPException, OSError):
                self._drop()
        if error.code < 500:
            return Result("later", detail=detail)
        return Result("never", detail=detail, bounced=bounced)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
