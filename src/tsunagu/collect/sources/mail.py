"""A mail folder over IMAP: the mails themselves, or the tables attached to them.

Mails are read and left as they are, unread flags included. The cursor is the folder's
UIDVALIDITY and the last UID; when a server renumbers its folder, all mails are read again and
known ones are told by their ids.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses, parseaddr
from fnmatch import fnmatch
from pathlib import PurePosixPath

import msgspec
import pyarrow as pa

from tsunagu.collect.files import open_tables
from tsunagu.collect.files.arrow import Table
from tsunagu.collect.sources.models import Imap
from tsunagu.collect.sources.reading import Page, Reading, chunk_pages
from tsunagu.core import Invalid, Retryable

SECONDS = 30
LARGEST_MAIL = 40 << 20
LONGEST_TEXT = 20_000


class _Place(msgspec.Struct):
    validity: int = 0
    uid: int = 0


def pages(reading: Reading, settings: Imap) -> Iterator[Page]:
    """The mails after the last one, each a page or several."""
    place = msgspec.json.decode(reading.state, type=_Place)
    with _folder(settings, reading.secrets["password"]) as (server, validity):
        last = place.uid if place.validity == validity else 0
        for uid in _newer(server, last, settings):
            trouble = None
            try:
                raw = _fetch(server, uid)
                if raw is not None:
                    mail = BytesParser(policy=policy.default).parsebytes(raw)
                    yield from _rows(reading, settings, mail, uid)
            except Invalid as error:  # this mail cannot be read; the others can
                trouble = str(error)
            state = msgspec.json.encode(_Place(validity, uid)).decode()
            yield Page(pa.table({}), f"mail {uid}", state=state, trouble=trouble)


def _rows(reading: Reading, settings: Imap, mail: EmailMessage, uid: int) -> Iterator[Page]:
    if settings.take == "mail":
        yield Page(mail_table(mail), f"mail {uid}", remember=True)
        return
    for number, part in enumerate(mail.iter_attachments()):
        name = PurePosixPath(part.get_filename() or "").name
        content = part.get_payload(decode=True)
        if (
            not name
            or not fnmatch(name.lower(), settings.glob.lower())
            or not isinstance(content, bytes)
        ):
            continue
        local = reading.scratch / f"{number}-{name}"
        local.write_bytes(content)
        try:
            for chunk in open_tables(local, reading.mapping.file):
                yield from chunk_pages(chunk, reading, f"mail {uid}, {name}", remember=True)
        finally:
            local.unlink()


def mail_table(mail: EmailMessage) -> Table:
    """A mail as one row; the columns are named as in the documentation."""
    body = mail.get_body(("plain", "html"))
    text = body.get_content() if body is not None else ""
    name, address = parseaddr(str(mail.get("from", "")))
    date = mail.get("date")
    row = {
        "message_id": str(mail.get("message-id", "")).strip("<> "),
        "from_address": address.lower(),
        "from_name": name,
        "to": ", ".join(a for _, a in getaddresses([str(v) for v in mail.get_all("to", [])])),
        "subject": str(mail.get("subject", "")),
        "sent_at": date.datetime.isoformat() if date is not None and date.datetime else None,
        "in_reply_to": str(mail.get("in-reply-to", "")).strip("<> ") or None,
        "text": str(text)[:LONGEST_TEXT],
        "attachments": sum(1 for _ in mail.iter_attachments()),
    }
    return pa.table({column: [value] for column, value in row.items()})


@contextmanager
def _folder(settings: Imap, password: str) -> Generator[tuple[imaplib.IMAP4, int]]:
    """The folder, opened for reading only, and its UIDVALIDITY."""
    server = _connect(settings)
    try:
        try:
            server.login(settings.user, password)
        except imaplib.IMAP4.error:
            raise Invalid(
                f"{settings.host} refuses the user {settings.user!r} with this password."
            ) from None
        status, answer = server.select(_quoted(settings.folder), readonly=True)
        if status != "OK":
            raise Invalid(f"There is no mail folder {settings.folder!r}: {_words(answer)}")
        _, validity = server.response("UIDVALIDITY")
        yield server, int((validity or [b"0"])[0] or 0)
    except imaplib.IMAP4.abort as error:
        raise Retryable(f"{settings.host} ended the connection: {error}") from None
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            server.logout()


def _connect(settings: Imap) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    if settings.security == "tls":
        return imaplib.IMAP4_SSL(settings.host, settings.port, ssl_context=context, timeout=SECONDS)
    server = imaplib.IMAP4(settings.host, settings.port, timeout=SECONDS)
    if settings.security == "starttls":
        server.starttls(context)
    return server


def _newer(server: imaplib.IMAP4, last: int, settings: Imap) -> list[int]:
    wanted = [f"UID {last + 1}:*"]
    if settings.sender:
        wanted.append(f"FROM {_quoted(settings.sender)}")
    status, answer = server.uid("search", *wanted)
    if status != "OK":
        raise Retryable(f"The mail server does not search: {_words(answer)}")
    found = {int(uid) for uid in (answer[0] or b"").split()}
    # `n:*` always answers the newest mail, even when its UID is below n
    return sorted(uid for uid in found if uid > last)


def _fetch(server: imaplib.IMAP4, uid: int) -> bytes | None:
    """A mail whole; None when it is gone meanwhile.

    Raises:
        Invalid: it is larger than may be read.
    """
    _, sizes = server.uid("fetch", str(uid), "(RFC822.SIZE)")
    found = re.search(rb"RFC822\.SIZE (\d+)", sizes[0] or b"")
    if found is None:
        return None
    if int(found[1]) > LARGEST_MAIL:
        raise Invalid(f"Mail {uid} has {found[1].decode()} bytes; at most {LARGEST_MAIL} are read.")
    _, answer = server.uid("fetch", str(uid), "(BODY.PEEK[])")
    return next((part[1] for part in answer if isinstance(part, tuple)), None)


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _words(answer: list[bytes | None]) -> str:
    return b" ".join(part for part in answer if part).decode("utf-8", "replace")
