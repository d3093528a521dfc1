"""A mail as operators see it: in a frame that can run nothing and reach nothing, its text, its
headers.

The HTML of a mail is a stranger's. It stands in a frame with an empty sandbox (no scripts, no
forms, no navigation, an origin of its own) under a policy that loads nothing from anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from nicegui import ui

from tsunagu.console.markup import div, el, icon, join
from tsunagu.console.pane import html
from tsunagu.console.visit import Visit
from tsunagu.console.words import content

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:"


@dataclass(frozen=True)
class Mail:
    """The parts of a MIME message that people look at."""

    subject: str
    sender: str
    recipient: str
    html: str
    text: str
    headers: list[tuple[str, str]]


def read_mail(raw: bytes) -> Mail:
    """The parts of a mail; a broken one shows as far as it can be read."""
    message = message_from_bytes(raw, policy=default)
    return Mail(
        str(message.get("Subject", "")),
        str(message.get("From", "")),
        str(message.get("To", "")),
        _part(message, "html"),
        _part(message, "plain"),
        [(name, str(value)) for name, value in message.items()],
    )


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    if body is None:
        return ""
    try:
        found = body.get_content()
    except (LookupError, UnicodeError):
        payload = body.get_payload(decode=True)
        found = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return found if isinstance(found, str) else ""


def mail_frame(mail_html: str, title: str) -> ui.element:
    """A frame that shows a mail's HTML and can do nothing else."""
    frame = ui.element("iframe").classes("mailframe")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    frame.props["srcdoc"] = f"<!doctype html>{policy}{mail_html}"
    frame.props["sandbox"] = ""
    frame.props["referrerpolicy"] = "no-referrer"
    frame.props["title"] = title
    return frame


def mail_views(visit: Visit, mail: Mail) -> None:
    """Three views of one mail, one at a time."""
    titles = (content.as_it_looked, content.text_part, content.headers)
    with ui.element("div").classes("tabs mail-tabs").props('role="tablist"'):
        tabs = [
            ui.element("button").classes("tab").props('type="button" role="tab"') for _ in titles
        ]
    for tab, phrase in zip(tabs, titles, strict=True):
        with tab:
            ui.label(visit.say(phrase))
    views = [ui.element("div") for _ in titles]
    with views[0]:
        if mail.html:
            mail_frame(mail.html, visit.say(content.as_it_looked))
            note = join(icon("shield"), " ", visit.say(content.sandboxed))
            html(div("doubt", note, style="padding:0 22px 16px"))
        else:
            html(div("empty", visit.say(content.no_html)))
    with views[1]:
        html(div("mailtext", mail.text or visit.say(content.no_text)))
    with views[2]:
        facts = [
            join(el("dt", name, cls="mono"), el("dd", value, cls="mono"))
            for name, value in mail.headers
        ]
        html(el("dl", facts, cls="facts", style="padding:18px 22px"))

    def choose(number: int) -> None:
        for index, (tab, view) in enumerate(zip(tabs, views, strict=True)):
            view.set_visibility(index == number)
            tab.classes(add="on") if index == number else tab.classes(remove="on")

    for index, tab in enumerate(tabs):
        tab.on("click", lambda _, chosen=index: choose(chosen))
    choose(0)
