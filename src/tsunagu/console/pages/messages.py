"""Messages: the documents, and one of them as customers would see it in each language."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from tsunagu.access import published
from tsunagu.channels import LinkSigner
from tsunagu.console.frame import LANGUAGE_NAMES, page_head
from tsunagu.console.mail_view import mail_frame
from tsunagu.console.markup import Html, div, el, icon, join, link, span
from tsunagu.console.pages.archive import content_tabs
from tsunagu.console.pane import Pane, html
from tsunagu.console.phrases import LANGUAGES, in_language, language_of
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import PAGE_ROWS, Listing, SearchList, plain_table
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, content
from tsunagu.content import Message, Rendered, Renderer, RenderFailure, RenderJob
from tsunagu.core import NotFound
from tsunagu.core.times import parse_duration
from tsunagu.sending import message_states

SAMPLE: dict[str, dict[str, Any]] = {
    "ja": {"name": "見本 花子", "first_name": "花子", "last_name": "見本", "language": "ja"},
    "en": {"name": "Sam Sample", "first_name": "Sam", "last_name": "Sample", "language": "en"},
}
Preview = Rendered | RenderFailure | None


@dataclass(frozen=True)
class Entry:
    """One message in the list."""

    name: str
    title: str
    message: Message
    version: int
    states: dict[str, int]


async def build(visit: Visit) -> None:
    """The list of messages."""
    page_head(visit, visit.say(content.title), visit.say(content.messages_sub))
    content_tabs(visit, "messages")
    with ui.element("div").classes("card flush"):
        listing: Listing[Entry, str] = Listing(
            load=lambda c, words, after: _entries(visit, c, words, after),
            key=lambda entry: entry.name,
            draw=lambda entry: _row(visit, entry),
            around=lambda rows: plain_table(_heads(visit), rows),
            hint=common.search,
            empty_icon="mail_outline",
            empty=content.no_messages,
            empty_help=content.no_messages_help,
        )
        await SearchList(visit, listing).show()


def _entries(visit: Visit, cursor: Cursor, words: str, after: str | None) -> Sequence[Entry]:
    states = message_states(cursor, visit.workspace.id)
    found = [d for d in published(cursor, visit.workspace.id) if d.kind == "message"]
    entries = [
        Entry(
            d.name,
            in_language(d.document.get("title", {}), visit.language, d.name),
            Message.model_validate(d.document),
            d.version,
            states.get(d.name, {}),
        )
        for d in found
    ]
    wanted = words.lower()
    kept = [e for e in entries if wanted in e.name.lower() or wanted in e.title.lower()]
    return [e for e in kept if after is None or e.name > after][:PAGE_ROWS]


def _heads(visit: Visit) -> list[Html]:
    return [
        el("th", visit.say(content.message)),
        el("th", visit.say(content.channel), cls="wide"),
        el("th", visit.say(content.purpose), cls="wide"),
        el("th", visit.say(content.languages)),
        el("th", visit.say(content.sent), cls="num"),
    ]


def _row(visit: Visit, entry: Entry) -> Html:
    name = join(
        link(visit.to("content", "messages", entry.name), entry.title, cls="name"),
        div(
            "muted small clip",
            entry.message.wording(visit.language).subject,
            style="max-width:340px",
        ),
    )
    return el(
        "tr",
        el("td", name),
        el("td", entry.message.channel, cls="wide"),
        el("td", entry.message.purpose, cls="wide"),
        el("td", div("chips", [span("chip", _language(code)) for code in entry.message.languages])),
        el("td", visit.formats.number(entry.states.get("sent", 0)), cls="num strong"),
    )


def _language(code: str) -> str:
    known = language_of(code)
    return LANGUAGE_NAMES[known] if known else code


async def build_one(visit: Visit) -> None:
    """One message with its previews side by side."""
    pane = Pane(visit, bones=8)
    await pane.show(lambda: _load(visit), lambda found: _draw(visit, *found))


async def _load(visit: Visit) -> tuple[Entry, dict[str, Preview]]:
    entries = await visit.read(lambda c: _entries(visit, c, "", None))
    wanted = visit.parameters["name"]
    entry = next((e for e in entries if e.name == wanted), None)
    if entry is None:
        raise NotFound(visit.say(common.no_such_page_help))
    return entry, await asyncio.to_thread(_previews, entry)


def _previews(entry: Entry) -> dict[str, Preview]:
    """The message in each language of the console, for a sample customer; nothing is sent."""
    jobs = {
        code: RenderJob(
            0,
            0,
            entry.name,
            entry.version,
            code,
            entry.message.languages[code],
            _sample(entry.message, code),
        )
        for code in LANGUAGES
        if code in entry.message.languages
    }
    with Renderer(LinkSigner("https://preview.invalid", b"preview")) as renderer:
        made = dict(zip(jobs, renderer.render(list(jobs.values())), strict=True))
    return {code: made.get(code) for code in LANGUAGES}


def _sample(message: Message, language: str) -> dict[str, Any]:
    """The document's own sample customer for this language, else one of ours."""
    fitting = [s for s in message.samples if s.get("language") == language] or message.samples
    return fitting[0] if fitting else SAMPLE[language]


def _called(sample: dict[str, Any]) -> str:
    """The sample customer's name."""
    parts = [str(sample.get("last_name", "")), str(sample.get("first_name", ""))]
    if sample.get("language") != "ja":
        parts.reverse()
    return str(sample.get("name") or " ".join(part for part in parts if part) or "–")


def _draw(visit: Visit, entry: Entry, previews: dict[str, Preview]) -> None:
    crumb = link(visit.to("content", "messages"), visit.say(content.messages))
    version = span("chip", visit.say(common.version, n=entry.version))
    within = visit.formats.span(parse_duration(entry.message.expires_after))
    expires = visit.say(content.expires, within=within)
    about = f"{entry.message.channel} · {entry.message.purpose} · {expires}"
    page_head(visit, entry.title, about, crumb, version)
    with ui.element("div").classes("cols"):
        for code, preview in previews.items():
            with ui.element("div").classes("card flush"):
                _side(visit, entry, code, preview)
    html(div("doubt", icon("info"), " ", visit.say(content.sample_note)))


def _side(visit: Visit, entry: Entry, code: str, preview: Preview) -> None:
    name = _language(code)
    if preview is None:
        other = _language(entry.message.language_for(code))
        words = visit.say(content.no_language, other=other)
        html(div("mailhead", el("h2", name), el("p", words, cls="muted")))
        return
    if isinstance(preview, RenderFailure):
        problem = div("notice red", icon("error_outline"), div("grow break", preview.detail))
        html(div("mailhead", el("h2", name), el("p", visit.say(content.cannot_render)), problem))
        return
    shown = visit.say(content.preview_for, name=_called(_sample(entry.message, code)))
    html(
        div(
            "mailhead",
            div(
                "head", span("chip teal", name), span("muted small", shown), style="margin:0 0 8px"
            ),
            el("h2", preview.subject, lang=code),
        )
    )
    mail_frame(preview.html, f"{visit.say(content.preview)}: {name}")
