"""The forms that make a key or an operator; a key is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from tsunagu import access
from tsunagu.access import KeyKind
from tsunagu.console.acting import act
from tsunagu.console.dialogs import dialog, problem_line, text_field
from tsunagu.console.markup import div, el, icon
from tsunagu.console.pane import button, html
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, settings
from tsunagu.core import Invalid

Refresh = Callable[[], Awaitable[None]]
LONGEST = 80


def ask_for_key(visit: Visit, refresh: Refresh) -> None:
    """The form for a new key."""
    with dialog(visit.say(settings.new_key)) as box:
        name = text_field(visit.say(common.name))
        kinds = {"write": visit.say(settings.key_write), "api": visit.say(settings.key_api)}
        kind = ui.select(kinds, value="write", label=visit.say(settings.key_kind))
        kind.props("outlined dense").classes("field")
        source = text_field(
            visit.say(settings.key_source), hint=visit.say(settings.key_source_help)
        )
        tell = problem_line()

        async def make() -> None:
            called, origin = _words(name.value), _words(source.value)
            if not called or not origin:
                tell(visit.say(settings.name_needed))
                return
            wanted: KeyKind = "api" if kind.value == "api" else "write"
            workspace = visit.workspace.id
            made = await act(
                visit,
                "key.create",
                called,
                lambda c: access.create_key(c, workspace, wanted, called, origin),
            )
            box.close()
            if made is not None:
                _show_once(visit, made)
                await refresh()

        with ui.element("div").classes("actions"):
            button(visit.say(common.cancel), box.close)
            button(visit.say(settings.create), make, "primary")


def _words(value: str | None) -> str:
    return (value or "").strip()[:LONGEST]


def _show_once(visit: Visit, key: str) -> None:
    with dialog(visit.say(settings.keys)) as box:
        box.props("persistent")
        warning = visit.say(settings.key_shown_once)
        html(div("notice amber", icon("vpn_key"), div("grow", warning)))
        html(el("div", key, cls="secret mono", data_key=True))

        def copy() -> None:
            ui.clipboard.write(key)
            ui.notification(visit.say(common.copied), position="top", timeout=2)

        with ui.element("div").classes("actions"):
            button(visit.say(common.copy), copy, "", "content_copy")
            button(visit.say(settings.done), box.close, "primary")


def ask_for_operator(visit: Visit, refresh: Refresh) -> None:
    """The form for a new operator."""
    with dialog(visit.say(settings.new_operator)) as box:
        name = text_field(visit.say(common.operator_name))
        password = text_field(
            visit.say(common.password), hint=visit.say(settings.password_help), secret=True
        )
        tell = problem_line()

        async def make() -> None:
            called = _words(name.value)
            if not called:
                tell(visit.say(settings.name_needed))
                return
            try:
                await act(
                    visit,
                    "operator.create",
                    called,
                    lambda c: access.create_operator(c, called, password.value or ""),
                )
            except Invalid as problem:
                tell(str(problem))
                return
            box.close()
            await refresh()

        with ui.element("div").classes("actions"):
            button(visit.say(common.cancel), box.close)
            button(visit.say(settings.create), make, "primary")
