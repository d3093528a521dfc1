"""Mails as their recipients and the scanners of their providers meet them: by their links."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from html.parser import HTMLParser
from urllib.parse import urlsplit

import httpx

from tsunagu.channels.email import StoredMail
from tsunagu.core import Invalid, Retryable

PATIENCE = 60.0
_ONE_CLICK = "List-Unsubscribe=One-Click"


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail offers to open."""

    recipient: str
    message_id: str
    clicks: list[str]
    pages: list[str]
    one_click: str
    """Where RFC 8058 lets the mail program post, or an empty text."""


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href") if tag == "a" else None
        if target:
            self.found.append(target)


def read_letter(mail: StoredMail, public_url: str) -> Letter:
    """The links of a mail that lead to our public pages: tracked ones, and the pages."""
    parsed = BytesParser(policy=default).parsebytes(mail.content)
    assert isinstance(parsed, EmailMessage)
    links = _Links()
    body = parsed.get_body(("html",))
    if body is not None:
        links.feed(body.get_content())
    ours = [link for link in links.found if link.startswith(public_url.rstrip("/") + "/")]
    clicks = [link for link in ours if urlsplit(link).path.startswith("/l/")]
    stated = str(parsed.get("List-Unsubscribe", "")).strip()
    posted = str(parsed.get("List-Unsubscribe-Post", "")).strip() == _ONE_CLICK
    return Letter(
        mail.summary.recipient,
        mail.summary.message_id,
        clicks,
        [link for link in ours if link not in clicks],
        stated.strip("<>") if posted else "",
    )


class Reader:
    """Opens the links of mails, trying again while the public pages restart."""

    def __init__(self) -> None:
        self._client = httpx.Client(timeout=30, trust_env=False, follow_redirects=False)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def click(self, letter: Letter) -> None:
        """Follow the mail's first tracked link, as far as the redirect."""
        self._open("GET", letter.clicks[0], {302, 303, 307})

    def unsubscribe(self, letter: Letter) -> None:
        """Press the mail program's own button: one POST, no page (RFC 8058)."""
        form = {"content-type": "application/x-www-form-urlencoded"}
        self._open("POST", letter.one_click, {200, 202, 204}, _ONE_CLICK.encode(), form)

    def scan(self, letter: Letter) -> int:
        """Do what a mail scanner does: HEAD every link, GET every page; how many requests."""
        pages = {*letter.pages, letter.one_click} - {""}
        for link in [*letter.clicks, *pages]:
            self._open("HEAD", link, {200, 204, 302, 303, 307, 405})
        for link in pages:
            self._open("GET", link, {200})
        return len(letter.clicks) + 2 * len(pages)

    def _open(
        self,
        method: str,
        url: str,
        expected: set[int],
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._client.request(method, url, content=content, headers=headers)
            except httpx.TransportError as error:
                said = str(error) or type(error).__name__
            else:
                if answer.status_code in expected:
                    return
                said = str(answer.status_code)
                if answer.status_code < 500 and answer.status_code != 429:
                    raise Invalid(f"{method} of a link in a mail was answered by {said}.")
            if time.monotonic() > until:
                raise Retryable(f"The public pages do not answer ({said}); is that role running?")
            time.sleep(0.1)
