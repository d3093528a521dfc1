"""Settings: the emergency stop, keys, operators, workspaces, and what is installed where."""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version

from nicegui import ui

from tsunagu import access
from tsunagu.access import KeyListing, Operator, Workspace
from tsunagu.console.acting import act
from tsunagu.console.dialogs import confirm
from tsunagu.console.frame import page_head
from tsunagu.console.key_forms import ask_for_key, ask_for_operator, ask_for_pages
from tsunagu.console.markup import Html, div, el, icon, link, span
from tsunagu.console.pane import Pane, button, html, nothing
from tsunagu.console.queries import AuditEntry, audit_entries, server_version
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import plain_table
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, settings
from tsunagu.sending import waiting_sends

AUDIT_ROWS = 12


@dataclass(frozen=True)
class Whole:
    """All that the page shows."""

    workspace: Workspace
    waiting: tuple[int, int]
    keys: list[KeyListing]
    operators: list[Operator]
    audit: list[AuditEntry]
    server: str
    size: int


async def build(visit: Visit) -> None:
    """The page; each change loads it anew."""
    page_head(visit, visit.say(settings.title), visit.say(settings.sub))
    pane = Pane(visit, bones=10)

    async def refresh() -> None:
        await pane.show(lambda: _load(visit), lambda whole: _draw(visit, whole, refresh))

    await refresh()


async def _load(visit: Visit) -> Whole:
    workspace = visit.workspace.id
    server, size = await visit.desk.reader.outside(server_version)

    def within(cursor: Cursor) -> Whole:
        return Whole(
            access.workspace_by_id(cursor, workspace),
            waiting_sends(cursor, workspace),
            access.list_keys(cursor, workspace),
            access.list_operators(cursor),
            audit_entries(cursor, workspace, limit=AUDIT_ROWS),
            server,
            size,
        )

    return await visit.read(within)


Refresh = Callable[[], Awaitable[None]]


def _draw(visit: Visit, whole: Whole, refresh: Refresh) -> None:
    with ui.element("div").classes("stack"):
        _stop(visit, whole, refresh)
        _keys(visit, whole, refresh)
        with ui.element("div").classes("cols"):
            _operators(visit, whole, refresh)
            html(_installation(visit, whole))
        html(_workspaces(visit))
        html(_audit(visit, whole))


def _stop(visit: Visit, whole: Whole, refresh: Refresh) -> None:
    stopped = whole.workspace.sends_paused
    state = visit.say(settings.stop_state_off if stopped else settings.stop_state_on)
    mark = span(
        "chip red" if stopped else "chip green", icon("front_hand" if stopped else "send"), state
    )
    waiting = span("muted", visit.count(settings.waiting_now, whole.waiting[0]))
    with ui.element("div").classes("card split").props('id="emergency-stop"'):
        html(
            div(
                "",
                div(
                    "head",
                    el("h2", visit.say(settings.stop_title)),
                    mark,
                    waiting,
                    style="margin-bottom:4px",
                ),
                el("p", visit.say(settings.stop_help), cls="muted"),
            ),
            "grow",
        )
        if stopped:
            button(
                visit.say(settings.resume_button),
                lambda: _set_stopped(visit, False, refresh),
                "primary",
                "play_arrow",
            )
        else:
            button(
                visit.say(settings.stop_button),
                lambda: _ask_to_stop(visit, refresh),
                "danger",
                "front_hand",
            )


async def _ask_to_stop(visit: Visit, refresh: Refresh) -> None:
    messages, people = await visit.read(lambda c: waiting_sends(c, visit.workspace.id))
    number = visit.formats.number
    effect = (
        visit.say(settings.stop_effect, n=number(messages), people=number(people))
        if messages
        else visit.say(settings.stop_effect_none)
    )
    words = div("", el("p", effect), el("p", visit.say(settings.stop_undo_note), cls="muted"))
    title = visit.say(settings.stop_question, name=visit.workspace.name)
    confirm(
        visit,
        title,
        words,
        visit.say(settings.stop_button),
        lambda: _set_stopped(visit, True, refresh),
    )


async def _set_stopped(visit: Visit, stopped: bool, refresh: Refresh) -> None:
    action = "sends.stop" if stopped else "sends.resume"

    workspace = visit.workspace
    await act(visit, action, workspace.name, lambda c: access.pause_sends(c, workspace.id, stopped))
    ui.notify(visit.say(settings.stopped_now if stopped else settings.resumed_now), position="top")
    await refresh()


def _keys(visit: Visit, whole: Whole, refresh: Refresh) -> None:
    with ui.element("div").classes("card flush"):
        with ui.element("div").classes("head"):
            words = el("p", visit.say(settings.keys_help), cls="muted small")
            html(div("", el("h2", visit.say(settings.keys)), words), "grow")
            button(visit.say(settings.new_key), lambda: ask_for_key(visit, refresh), "", "add")
        if not whole.keys:
            html(nothing(visit, "vpn_key", settings.no_keys, visit.say(settings.no_keys_help)))
            return
        with ui.element("div").classes("key-rows"):
            for key in whole.keys:
                _key(visit, key, refresh)


def _key(visit: Visit, key: KeyListing, refresh: Refresh) -> None:
    kinds = {"write": settings.key_write, "api": settings.key_api, "analyst": settings.key_analyst}
    kind = visit.say(kinds[key.kind])
    made = f"{visit.say(settings.created)} {visit.formats.time_zoned(key.created_at)}"
    with ui.element("div").classes("split row"):
        pages = f" · {_pages_of(visit, key)}" if key.kind == "write" else ""
        told = div("muted small", f"{key.source} · {made}{pages}")
        html(div("", div("strong", key.name), told), "grow")
        html(span("chip teal" if key.kind == "write" else "chip blue", kind))
        if key.revoked_at is not None:
            html(span("chip", f"{visit.say(settings.revoked)} {visit.formats.day(key.revoked_at)}"))
            return
        if key.kind == "write":
            label = visit.say(settings.change_pages)
            button(label, lambda: ask_for_pages(visit, key, refresh), "quiet")
        button(visit.say(settings.revoke), lambda: _ask_to_revoke(visit, key, refresh), "quiet")


def _pages_of(visit: Visit, key: KeyListing) -> str:
    if key.origins is None:
        return visit.say(settings.pages_all)
    return ", ".join(key.origins) or visit.say(settings.pages_none)


def _ask_to_revoke(visit: Visit, key: KeyListing, refresh: Refresh) -> None:
    async def revoke() -> None:
        workspace = visit.workspace.id
        await act(
            visit, "key.revoke", key.name, lambda c: access.revoke_key(c, workspace, key.name)
        )
        await refresh()

    title = visit.say(settings.revoke_question, name=key.name)
    effect = el("p", visit.say(settings.revoke_effect))
    confirm(visit, title, effect, visit.say(settings.revoke), revoke)


def _operators(visit: Visit, whole: Whole, refresh: Refresh) -> None:
    with ui.element("div").classes("card"):
        with ui.element("div").classes("head"):
            words = el("p", visit.say(settings.operators_help), cls="muted small")
            html(div("", el("h2", visit.say(settings.operators)), words), "grow")
            add = visit.say(settings.new_operator)
            button(add, lambda: ask_for_operator(visit, refresh), "", "person_add")
        for operator in whole.operators:
            _operator(visit, operator, refresh)


def _operator(visit: Visit, operator: Operator, refresh: Refresh) -> None:
    name, mine = operator.name, operator.name == visit.operator
    since = visit.say(settings.since, at=visit.formats.day(operator.created_at))
    with ui.element("div").classes("fact-row"):
        html(div("who-cell", span("avatar", name[:1].upper()), span("strong", name)))
        with ui.element("div").classes("chips"):
            html(span("muted small", visit.say(settings.you) if mine else since))
            if not mine:
                label = visit.say(settings.remove)
                button(label, lambda: _ask_to_remove(visit, name, refresh), "quiet")


def _ask_to_remove(visit: Visit, name: str, refresh: Refresh) -> None:
    async def remove() -> None:
        await act(visit, "operator.remove", name, lambda c: access.revoke_operator(c, name))
        await refresh()

    title = visit.say(settings.remove_question, name=name)
    effect = el("p", visit.say(settings.remove_effect))
    confirm(visit, title, effect, visit.say(settings.remove), remove)


def _workspaces(visit: Visit) -> Html:
    phrases = (common.workspace, settings.zone, settings.currency, settings.clock)
    heads = [
        el("th", visit.say(p), cls="wide" if i in (1, 2) else "") for i, p in enumerate(phrases)
    ]
    rows = [
        el(
            "tr",
            el(
                "td",
                link(f"/w/{w.id}/", w.name, cls="name"),
                " ",
                span("chip teal", visit.say(settings.here)) if w.id == visit.workspace.id else None,
                " ",
                span("chip amber", icon("science"), visit.say(common.synthetic))
                if w.synthetic
                else None,
            ),
            el("td", w.zone, cls="wide muted"),
            el("td", w.currency, cls="wide muted"),
            el("td", _clock(visit, w), cls="muted"),
        )
        for w in visit.workspaces
    ]
    words = el("p", visit.say(settings.workspaces_help), cls="muted small")
    head = div("head", div("", el("h2", visit.say(settings.workspaces)), words))
    return div("card flush", head, plain_table(heads, rows))


def _clock(visit: Visit, workspace: Workspace) -> str:
    if workspace.clock == "wall":
        return visit.say(settings.clock_wall)
    return visit.say(settings.clock_driven, at=visit.formats.time_zoned(workspace.clock_now))


def _installation(visit: Visit, whole: Whole) -> Html:
    facts = [
        (visit.say(settings.data_folder), str(visit.desk.home)),
        (visit.say(settings.collect_address), visit.desk.collect_url),
        (visit.say(settings.database_size), visit.formats.size(whole.size)),
        ("Tsunagu", version("tsunagu")),
        ("PostgreSQL", whole.server),
        ("Python", platform.python_version()),
    ]
    rows = [el("dt", name) + el("dd", value, cls="break") for name, value in facts if value]
    heading = el("h2", visit.say(settings.installation), style="margin-bottom:12px")
    return div("card", heading, el("dl", [Html(row) for row in rows], cls="facts"))


def _audit(visit: Visit, whole: Whole) -> Html:
    rows = [
        div(
            "fact-row",
            div(
                "",
                el("b", entry.actor),
                " ",
                _action(visit, entry.action),
                " ",
                span("muted", entry.subject),
            ),
            span("muted small nowrap", visit.formats.time_zoned(entry.at)),
        )
        for entry in whole.audit
    ]
    empty = el("p", visit.say(settings.no_audit), cls="muted")
    return div(
        "card", el("h2", visit.say(settings.audit), style="margin-bottom:8px"), rows or empty
    )


def _action(visit: Visit, action: str) -> str:
    known = settings.ACTIONS.get(action)
    return visit.say(known) if known else action
