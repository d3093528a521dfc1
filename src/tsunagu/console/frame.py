"""Frame: what surrounds every page: the rail of rooms, the workspace, the language, the operator.

The rooms stand in the order of the loop. On a phone the rail becomes a bar at the bottom.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import psycopg
from nicegui import ui

from tsunagu import access
from tsunagu.access import Workspace
from tsunagu.console.markup import Html, div, el, icon, join, link, span
from tsunagu.console.pane import html
from tsunagu.console.phrases import LANGUAGES, Language, Phrase
from tsunagu.console.visit import Visit
from tsunagu.console.words import common

CLOCK_SECONDS = 2.0
LANGUAGE_NAMES: dict[Language, str] = {"ja": "日本語", "en": "English"}


@dataclass(frozen=True)
class Room:
    """An entry of the rail."""

    path: str
    name: Phrase
    icon: str


ROOMS = (
    Room("", common.overview, "all_inclusive"),
    Room("customers", common.customers, "group"),
    Room("audiences", common.audiences, "donut_small"),
    Room("journeys", common.journeys, "route"),
    Room("content", common.content, "mail_outline"),
    Room("insights", common.insights, "insights"),
)
SIDE_ROOMS = (
    Room("data", common.data, "storage"),
    Room("settings", common.settings, "settings"),
)
PHONE_ROOMS = ("", "customers", "journeys", "content")


@contextmanager
def frame(visit: Visit, here: str) -> Generator[None]:
    """The shell of a page; what is built inside stands in the main column."""
    with ui.element("div").classes("shell"):
        html(_rail(visit, here)).style("display:contents")
        with ui.element("main").classes("main"):
            _topbar(visit)
            yield
        html(_bottom_bar(visit, here)).style("display:contents")


def page_head(
    visit: Visit, title: str, sub: str = "", crumb: Html | None = None, marks: Html | None = None
) -> ui.element:
    """The page's title; what is built inside the returned element stands top right."""
    with ui.element("div").classes("pagehead") as head:
        trail = div("crumb", crumb) if crumb else None
        text = el("p", sub, cls="sub") if sub else None
        heading = div("head", el("h1", title), marks, style="margin:0")
        html(join(trail, heading, text), "words")
    ui.page_title(f"{title} · Tsunagu")
    return head


def section_tabs(entries: list[tuple[str, str, bool]]) -> None:
    """Links to the pages of one room: label, address, whether it is this one."""
    tabs = [
        link(address, label, cls="on" if on else "", aria_current="page" if on else None)
        for label, address, on in entries
    ]
    html(el("nav", tabs, cls="tabs"))


def _entry(visit: Visit, room: Room, here: str, cls: str) -> Html:
    on = room.path == here
    return link(
        visit.to(room.path) if room.path else visit.to(),
        icon(room.icon),
        span("", visit.say(room.name)),
        cls=f"{cls} here" if on else cls,
        aria_current="page" if on else None,
        title=visit.say(room.name),
    )


def _rail(visit: Visit, here: str) -> Html:
    mark = el("img", src="/console-assets/mark.svg", alt="", width=28, height=28)
    return el(
        "nav",
        link(visit.to(), mark, span("", "Tsunagu"), cls="brand"),
        [_entry(visit, room, here, "room") for room in ROOMS],
        div("gap"),
        [_entry(visit, room, here, "room") for room in SIDE_ROOMS],
        cls="rail",
        aria_label=visit.say(common.rooms),
    )


def _bottom_bar(visit: Visit, here: str) -> Html:
    first = [room for room in ROOMS if room.path in PHONE_ROOMS]
    rest = [room for room in (*ROOMS, *SIDE_ROOMS) if room.path not in PHONE_ROOMS]
    in_rest = any(room.path == here for room in rest)
    return el(
        "nav",
        [_entry(visit, room, here, "") for room in first],
        el(
            "details",
            el("summary", icon("menu"), visit.say(common.more), cls="here" if in_rest else ""),
            div("sheet", [_entry(visit, room, here, "") for room in rest]),
        ),
        cls="bottombar",
        aria_label=visit.say(common.rooms),
    )


def _topbar(visit: Visit) -> None:
    with ui.element("div").classes("topbar"):
        html(_workspace_switcher(visit), "switcher").on(
            "change",
            js_handler="(e) => { window.location.href = e.target.value; }",
        )
        if visit.workspace.clock_now is not None:
            _driven_clock(visit, visit.workspace.clock_now)
        if visit.workspace.synthetic:
            html(synthetic_mark(visit))
        ui.element("div").classes("grow")
        html(languages(visit.language, visit.here))
        html(_operator(visit))
    if visit.workspace.sends_paused:
        html(_stopped(visit)).style("margin-bottom:14px")


def _workspace_switcher(visit: Visit) -> Html:
    def option(workspace: Workspace) -> Html:
        chosen = workspace.id == visit.workspace.id
        return el("option", workspace.name, value=f"/w/{workspace.id}/", selected=chosen)

    return el(
        "select", [option(w) for w in visit.workspaces], aria_label=visit.say(common.workspace)
    )


def _driven_clock(visit: Visit, now: int) -> None:
    """The business time of a driven workspace, kept up while a driver moves it."""
    chip = html(_clock_chip(visit, now))

    async def look() -> None:
        try:
            found = await visit.shared(
                "clock", lambda c: access.workspace_by_id(c, visit.workspace.id)
            )
        except psycopg.Error:
            return  # the page's own part says that the database is away
        chip.set_content(_clock_chip(visit, found.clock_now or now))

    ui.timer(CLOCK_SECONDS, look, immediate=False)


def _clock_chip(visit: Visit, now: int) -> Html:
    label = f"{visit.say(common.business_time)} {visit.formats.time_zoned(now)}"
    return span("chip blue", icon("schedule"), label, title=visit.say(common.driven_clock))


def synthetic_mark(visit: Visit) -> Html:
    """The label of made-up data."""
    return span(
        "chip amber",
        icon("science"),
        visit.say(common.synthetic),
        title=visit.say(common.synthetic_help),
    )


def synthetic_hint(visit: Visit) -> Html:
    """The same label where there is only room for a sign."""
    return span(
        "hint",
        icon("science"),
        title=visit.say(common.synthetic_help),
        role="img",
        aria_label=visit.say(common.synthetic),
    )


def languages(current: Language, here: str) -> Html:
    """The language switch; it leads back to the same page."""
    return div(
        "langs",
        [
            link(
                f"/language/{code}?next={quote(here)}",
                LANGUAGE_NAMES[code],
                cls="on" if code == current else "",
                lang=code,
            )
            for code in LANGUAGES
        ],
    )


def _operator(visit: Visit) -> Html:
    initial = span("avatar", visit.operator[:1].upper())
    leave = el(
        "form",
        el("button", icon("logout"), visit.say(common.sign_out), cls="btn quiet", type="submit"),
        method="post",
        action="/sign-out",
    )
    return el(
        "details",
        el("summary", initial, span("label", visit.operator)),
        div(
            "sheet",
            div("plainrow muted", visit.say(common.signed_in_as, name=visit.operator)),
            leave,
        ),
        cls="who",
    )


def _stopped(visit: Visit) -> Html:
    words = join(
        el("b", visit.say(common.sends_stopped)), " ", visit.say(common.sends_stopped_help)
    )
    settings = link(visit.to("settings"), visit.say(common.go_to_settings))
    return div("notice red", icon("front_hand"), div("grow", words), settings, role="status")
