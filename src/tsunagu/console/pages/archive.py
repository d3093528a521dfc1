"""The archive and the local mailbox: mails as they were kept, and as they arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

from nicegui import ui

from tsunagu.channels.email import Mailbox, MailSummary, StoredMail
from tsunagu.console.beside import list_beside, row_link, rows_around
from tsunagu.console.frame import page_head, section_tabs
from tsunagu.console.mail_view import Mail, mail_views, read_mail
from tsunagu.console.markup import Child, Html, div, el, icon, join, link, span
from tsunagu.console.pane import html, nothing
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import PAGE_ROWS, Listing
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, content
from tsunagu.console.words.reasons import STATES, reason_words
from tsunagu.core import NotFound
from tsunagu.sending import (
    Archived,
    ArchivedMessage,
    ArchiveRow,
    Seals,
    archived_message,
    search_archive,
)


def content_tabs(visit: Visit, here: str) -> None:
    """The three pages of content."""
    entries = (
        ("messages", content.messages),
        ("archive", content.archive),
        ("mailbox", content.mailbox),
    )
    section_tabs(
        [(visit.say(name), visit.to("content", path), path == here) for path, name in entries]
    )


@dataclass(frozen=True)
class Kept:
    """An archived message, read and compared with its seal."""

    message: ArchivedMessage
    mail: Mail
    unchanged: bool
    sealed: bool


async def build(visit: Visit) -> None:
    """The archive with one message beside it."""
    page_head(visit, visit.say(content.title), visit.say(content.archive_sub))
    content_tabs(visit, "archive")
    chosen = visit.parameters.get("send_id")

    def load(cursor: Cursor, words: str, after: tuple[int, int] | None) -> Sequence[ArchiveRow]:
        return search_archive(cursor, visit.workspace.id, words, limit=PAGE_ROWS, after=after)

    listing: Listing[ArchiveRow, tuple[int, int]] = Listing(
        load=load,
        key=lambda row: (row.archived_at, row.send_id),
        draw=lambda row: _row(visit, row, chosen),
        around=rows_around,
        hint=content.archive_hint,
        empty_icon="inventory_2",
        empty=content.no_archive,
        empty_help=content.no_archive_help,
    )
    await list_beside(
        visit,
        listing,
        int(chosen) if chosen else None,
        lambda send_id: visit.read(lambda c: _kept(visit, c, send_id)),
        lambda kept: _draw(visit, kept),
        ("mark_email_read", content.choose, content.choose_help),
        visit.to("content", "archive"),
    )


def _row(visit: Visit, row: ArchiveRow, chosen: str | None) -> Html:
    words, colour = STATES[row.state]
    return row_link(
        visit.to("content", "archive", row.send_id),
        row.send_id,
        div("top", span("strong clip grow", row.subject), span(f"chip {colour}", visit.say(words))),
        div(
            "top",
            span("muted small clip grow", row.address),
            span("muted small nowrap", visit.formats.time(row.archived_at)),
        ),
        chosen=chosen == str(row.send_id),
    )


def _kept(visit: Visit, cursor: Cursor, send_id: int) -> Kept:
    found = archived_message(cursor, visit.workspace.id, send_id)
    if found is None:
        raise NotFound(visit.say(common.no_such_page_help))
    row = found.row
    whole = Archived(
        row.send_id,
        row.customer_id,
        row.channel,
        row.message,
        row.message_version,
        row.address,
        row.subject,
        found.content,
        row.archived_at,
    )
    secret = visit.desk.signing_secret
    sealed = bool(secret) and Seals(secret).holds(visit.workspace.id, whole, found.seal)
    unchanged = compare_digest(sha256(found.content).digest(), found.sha256)
    return Kept(found, read_mail(found.content), unchanged and (sealed or not secret), sealed)


def _draw(visit: Visit, kept: Kept) -> None:
    row, message, formats = kept.message.row, kept.message, visit.formats
    words, colour = STATES[row.state]
    reason = f" · {visit.say(reason_words(message.reason))}" if message.reason else ""
    facts: list[tuple[str, Child]] = [
        (visit.say(content.from_), kept.mail.sender),
        (
            visit.say(content.to),
            join(
                row.address,
                " · ",
                link(visit.to("customers", row.customer_id), visit.say(common.open_customer)),
            ),
        ),
        (visit.say(content.decided_at), formats.time_zoned(message.decided_at)),
        (visit.say(content.kept_at), formats.time_zoned(row.archived_at)),
        (visit.say(content.left_at), formats.time_zoned(message.result_at)),
        (
            visit.say(content.message),
            join(
                link(visit.to("content", "messages", row.message), row.message),
                f" · {visit.say(common.version, n=row.message_version)}",
            ),
        ),
    ]
    if message.journey:
        facts.append(
            (
                visit.say(common.journeys),
                link(visit.to("journeys", message.journey), message.journey),
            )
        )
    chips = div("chips", span(f"chip {colour}", visit.say(words) + reason), _proof(visit, kept))
    html(
        div("mailhead", el("h2", row.subject), chips, _facts(facts), style="display:grid;gap:10px")
    )
    mail_views(visit, kept.mail)


def _facts(facts: list[tuple[str, Child]]) -> Html:
    return el("dl", [join(el("dt", name), el("dd", value)) for name, value in facts], cls="facts")


def _proof(visit: Visit, kept: Kept) -> Html:
    if not kept.unchanged:
        return div("notice red", icon("gpp_bad"), visit.say(content.broken))
    words = content.sealed if kept.sealed else content.hash_only
    return span(
        "verified",
        icon("verified_user"),
        visit.say(words),
        title=f"SHA-256 {kept.message.sha256.hex()}",
    )


async def build_mailbox(visit: Visit) -> None:
    """The local mailbox with one mail beside it."""
    page_head(visit, visit.say(content.title), visit.say(content.mailbox_sub))
    content_tabs(visit, "mailbox")
    folder = visit.desk.mailbox
    if folder is None:
        text = visit.say(content.no_mailbox_help)
        with ui.element("div").classes("card"):
            html(nothing(visit, "mail_outline", content.no_mailbox, text))
        return
    box = await asyncio.to_thread(Mailbox, folder)
    ui.context.client.on_delete(box.close)
    chosen = visit.parameters.get("mail_id")
    listing: Listing[MailSummary, int] = Listing(
        load=lambda _, words, before: box.list(search=words, before=before, limit=PAGE_ROWS),
        key=lambda row: row.mail_id,
        draw=lambda row: _mail_row(visit, row, chosen),
        around=rows_around,
        hint=content.mailbox_hint,
        empty_icon="mark_email_unread",
        empty=content.empty_mailbox,
        empty_help=content.empty_mailbox_help,
    )

    async def load(mail_id: int) -> StoredMail:
        found = await asyncio.to_thread(box.get, mail_id)
        if found is None:
            raise NotFound(visit.say(common.no_such_page_help))
        return found

    await list_beside(
        visit,
        listing,
        int(chosen) if chosen else None,
        load,
        lambda mail: _draw_mail(visit, mail),
        ("mark_email_unread", content.choose, content.choose_help),
        visit.to("content", "mailbox"),
    )


def _mail_row(visit: Visit, row: MailSummary, chosen: str | None) -> Html:
    return row_link(
        visit.to("content", "mailbox", row.mail_id),
        row.mail_id,
        div("top", span("strong clip grow", row.subject)),
        div(
            "top",
            span("muted small clip grow", row.recipient),
            span("muted small nowrap", visit.formats.time(row.arrived_at)),
        ),
        chosen=chosen == str(row.mail_id),
    )


def _draw_mail(visit: Visit, stored: StoredMail) -> None:
    mail, summary = read_mail(stored.content), stored.summary
    customer = link(visit.to("customers", q=summary.recipient), visit.say(content.find_customer))
    facts: list[tuple[str, Child]] = [
        (visit.say(content.from_), mail.sender),
        (visit.say(content.to), join(summary.recipient, " · ", customer)),
        (
            visit.say(content.arrived),
            f"{visit.formats.time_zoned(summary.arrived_at)} · {visit.formats.size(summary.size)}",
        ),
    ]
    html(div("mailhead", el("h2", mail.subject), _facts(facts), style="display:grid;gap:10px"))
    mail_views(visit, mail)
