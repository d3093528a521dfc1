"""Live events: the end of the log as it grows, filtered and paused at will.

Each look reads a bounded stretch from the newest position, and viewers with the same filter
share it; a page that nobody looks at asks nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import psycopg
from nicegui import ui

from tsunagu import eventlog, identity
from tsunagu.console.beside import beside, row_link
from tsunagu.console.data_room import data_head
from tsunagu.console.markup import Html, div, el, icon, join, link, span
from tsunagu.console.pane import button, html, nothing
from tsunagu.console.phrases import Phrase
from tsunagu.console.reader import Cursor
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, live
from tsunagu.console.words.events import event_words
from tsunagu.core import NotFound
from tsunagu.core.times import wall
from tsunagu.eventlog import LiveEvent, LoggedEvent

LOOK_SECONDS = 1.0
SHOWN = 100
FURTHER = 10

_STANDINGS: dict[str, tuple[Phrase, str]] = {
    "waiting": (live.waiting, "blue"),
    "repeat": (live.repeat, ""),
    "dead": (live.dead, "red"),
}


@dataclass
class Look:
    """What a viewer looks at: the filter, how far back, and whether it stands still."""

    event: str = ""
    source: str = ""
    user: str = ""
    look_back: int = eventlog.LOOK_BACK
    paused: bool = False
    chosen: int | None = None

    @property
    def name(self) -> str:
        """Viewers who look at the same share the answer."""
        return f"live {self.look_back} {self.event!r} {self.source!r} {self.user!r}"


@dataclass(frozen=True)
class Whole:
    """An event with whom it is about, and the dead letter that it became.

    A letter of a file has a position at which no event lies.
    """

    event: LoggedEvent | None
    customer: int | None
    letter: int | None


async def build(visit: Visit) -> None:
    """The stream with one event beside it."""
    chosen = visit.parameters.get("position")
    look = Look(
        event=visit.query.get("event", "")[:200],
        source=visit.query.get("source", "")[:200],
        user=visit.query.get("user", "")[:200],
        chosen=int(chosen) if chosen else None,
    )
    stream = _Stream(visit, look)
    with data_head(visit, "live", live.sub):
        stream.switch()
    await beside(
        visit,
        stream.side,
        look.chosen,
        stream.load,
        lambda whole: _draw(visit, whole),
        ("sensors", live.choose, live.choose_help),
        visit.to("data", "live"),
    )
    await stream.refresh()
    ui.timer(LOOK_SECONDS, stream.tick, immediate=False)


class _Stream:
    """The list side and what keeps it fresh."""

    def __init__(self, visit: Visit, look: Look) -> None:
        self._visit = visit
        self._look = look

    def switch(self) -> None:
        """The button that pauses and resumes."""
        visit = self._visit
        self._pause = button(visit.say(live.pause), self._turn, "", "pause")
        self._resume = button(visit.say(live.resume), self._turn, "primary", "play_arrow")
        self._resume.set_visibility(False)

    async def _turn(self) -> None:
        self._look.paused = not self._look.paused
        if not self._look.paused:
            self._look.look_back = eventlog.LOOK_BACK
        self._show_switch()
        await self.refresh()

    def _show_switch(self) -> None:
        self._pause.set_visibility(not self._look.paused)
        self._resume.set_visibility(self._look.paused)

    def side(self) -> ui.element:
        """Builds the filter and the rows; returns the element whose rows are chosen."""
        visit = self._visit
        with ui.element("div").classes("filters"):
            self._field("event", live.event)
            self._field("source", live.source)
            self._field("user", live.user)
        with ui.element("div").classes("rows scroll-list") as box:
            self._rows = html(Html(""))
        with ui.element("div").classes("more"):
            self._note = html(Html(""), "muted small")
            button(visit.say(live.further), self._further, "quiet", "history")
        return box

    def _field(self, name: str, phrase: Phrase) -> None:
        field = ui.input(value=getattr(self._look, name), placeholder=self._visit.say(phrase))
        field.props('outlined dense clearable debounce="300"').classes("field")
        field.props["aria-label"] = self._visit.say(phrase)

        async def change(value: str | None) -> None:
            setattr(self._look, name, (value or "").strip().replace("\x00", "")[:200])
            self._look.look_back = eventlog.LOOK_BACK
            await self.refresh()

        field.on_value_change(lambda event: change(event.value))

    async def _further(self) -> None:
        """Look ten times as far back, and stand still there."""
        self._look.look_back = min(self._look.look_back * FURTHER, eventlog.FURTHEST)
        self._look.paused = True
        self._show_switch()
        await self.refresh()

    async def tick(self) -> None:
        """The next look, unless the viewer paused."""
        if not self._look.paused:
            await self.refresh()

    async def refresh(self) -> None:
        """Look, and draw what is there."""
        visit, look = self._visit, self._look
        try:
            found = await visit.shared(look.name, lambda c: _read(visit, c, look))
        except psycopg.Error:
            self._rows.set_content(
                nothing(visit, "cloud_off", common.cannot_load, visit.say(common.cannot_load_help))
            )
            return
        self._rows.set_content(self._drawn(*found))
        note = visit.say(live.looked, n=visit.formats.number(look.look_back))
        self._note.set_content(join(f"{visit.say(live.paused)} " if look.paused else "", note))

    def _drawn(self, events: list[LiveEvent], customers: dict[tuple[str, str], int]) -> Html:
        visit, look = self._visit, self._look
        if events:
            return join([_row(visit, event, customers, look.chosen) for event in events])
        if look.event or look.source or look.user:
            reach = visit.formats.number(look.look_back)
            text = visit.say(live.nothing_fits_help, n=reach)
            return nothing(visit, "filter_alt_off", live.nothing_fits, text)
        return nothing(visit, "sensors", live.nothing, visit.say(live.nothing_help))

    async def load(self, position: int) -> Whole:
        """One event, chosen from the rows."""
        self._look.chosen = position
        return await self._visit.read(lambda c: _whole(self._visit, c, position))


def _read(
    visit: Visit, cursor: Cursor, look: Look
) -> tuple[list[LiveEvent], dict[tuple[str, str], int]]:
    events = eventlog.live_events(
        cursor,
        visit.workspace.id,
        event=look.event,
        source=look.source,
        user=look.user,
        look_back=look.look_back,
        limit=SHOWN,
    )
    stated = {pair for event in events for pair in _identifiers(event)}
    return events, identity.customers_of(cursor, visit.workspace.id, stated)


def _identifiers(event: LiveEvent | LoggedEvent) -> list[tuple[str, str]]:
    pairs = ((identity.USER_ID, event.user_id), (identity.ANONYMOUS_ID, event.anonymous_id))
    return [(kind, value) for kind, value in pairs if value]


def _row(
    visit: Visit, event: LiveEvent, customers: dict[tuple[str, str], int], chosen: int | None
) -> Html:
    words, glyph, colour = event_words(event.type, event.name)
    mark = _STANDINGS.get(event.standing)
    chips = [span(f"chip {mark[1]}".strip(), visit.say(mark[0]))] if mark else []
    if event.flagged:
        chips.append(span("chip amber", icon("rule"), visit.say(live.flagged)))
    known = any(pair in customers for pair in _identifiers(event))
    who = event.user_id or event.anonymous_id or ""
    age = visit.say(live.ago, span=visit.formats.span(max(0, wall() - event.received_at)))
    return row_link(
        visit.to("data", "live", event.position),
        event.position,
        div(
            "top",
            span(f"badge small {colour}".strip(), icon(glyph)),
            span("strong clip grow", event.name or visit.say(words)),
            *chips,
            span("muted small nowrap", age),
        ),
        div(
            "muted small clip",
            icon("person" if known else "person_outline"),
            f" {who} · {event.source} · {visit.formats.clock(event.received_at)}",
        ),
        chosen=chosen == event.position,
    )


def _whole(visit: Visit, cursor: Cursor, position: int) -> Whole:
    workspace = visit.workspace.id
    letter = eventlog.letter_at(cursor, workspace, position)
    try:
        event = eventlog.logged_event(cursor, workspace, position)
    except NotFound:
        if letter is None:
            raise
        return Whole(None, None, letter)
    owners = identity.customers_of(cursor, workspace, _identifiers(event))
    return Whole(event, next(iter(owners.values()), None), letter)


def _draw(visit: Visit, whole: Whole) -> None:
    event, formats = whole.event, visit.formats
    if event is None:
        html(div("mailhead", _notices(visit, whole)))
        return
    words, _, _ = event_words(event.type, event.name)
    who: Html | str = event.user_id or event.anonymous_id or ""
    if whole.customer is not None:
        who = link(visit.to("customers", whole.customer), who)
    facts = (
        (live.customer, who),
        (live.source, event.source),
        (live.received, formats.time_zoned(event.received_at)),
        (live.happened, formats.time_zoned(event.at)),
        (live.message_id, event.message_id),
        (live.place, formats.number(event.position)),
    )
    rows = [join(el("dt", visit.say(name)), el("dd", value, cls="break")) for name, value in facts]
    marks: list[Html] = []
    if event.left_out in _STANDINGS:
        phrase, colour = _STANDINGS[event.left_out]
        marks.append(span(f"chip {colour}".strip(), visit.say(phrase)))
    heading = div("head", el("h2", event.name or visit.say(words)), span("chip", event.type), marks)
    html(div("mailhead", heading, el("dl", rows, cls="facts"), _notices(visit, whole)))
    body = _pretty(event.body)
    title = el("h3", visit.say(live.contents), style="margin-bottom:8px")
    html(div("", title, el("pre", body, cls="json", style="margin:0"), style="padding:16px 22px"))


def _pretty(body: str) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except ValueError:
        return body


def _notices(visit: Visit, whole: Whole) -> Html | None:
    if whole.letter is not None:
        address = visit.to("data", "dead-letters", whole.letter)
        return div(
            "notice red",
            icon("report_gmailerrorred"),
            link(address, visit.say(live.open_letter)),
            style="margin-top:14px",
        )
    if whole.event is None or not whole.event.violations:
        return None
    listed = [el("li", words, cls="break") for words in whole.event.violations]
    told = div("grow", el("b", visit.say(live.violations)), el("ul", listed, cls="caveats"))
    return div("notice amber", icon("rule"), told, style="margin-top:14px")
