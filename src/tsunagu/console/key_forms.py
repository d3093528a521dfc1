"""The forms that make a key or an operator; a key is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from tsunagu import access
from tsunagu.access import KeyKind, KeyListing, Origins
from tsunagu.console.acting import act
from tsunagu.console.dialogs import dialog, problem_line, text_field
from tsunagu.console.markup import div, el, icon
from tsunagu.console.pane import button, html
from tsunagu.console.phrases import Phrase
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, settings
from tsunagu.core import Invalid

Refresh = Callable[[], Awaitable[None]]
LONGEST = 80
_KINDS: dict[str, tuple[KeyKind, Phrase]] = {
    "write": ("write", settings.key_write),
    "api": ("api", settings.key_api),
    "analyst": ("analyst", settings.key_analyst),
}


def ask_for_key(visit: Visit, refresh: Refresh) -> None:
    """The form for a new key."""
    with dialog(visit.say(settings.new_key)) as box:
        name = text_field(visit.say(common.name))
        kinds = {name: visit.say(phrase) for name, (_, phrase) in _KINDS.items()}
        kind = ui.select(kinds, value="write", label=visit.say(settings.key_kind))
        kind.props("outlined dense").classes("field")
        source = text_field(
            visit.say(settings.key_source), hint=visit.say(settings.key_source_help)
        )
        pages = _PagesField(visit, None)
        kind.on_value_change(lambda event: pages.show(event.value == "write"))
        tell = problem_line()

        async def make() -> None:
            called, origin = _words(name.value), _words(source.value)
            if not called or not origin:
                tell(visit.say(settings.name_needed))
                return
            wanted, _ = _KINDS[kind.value]
            workspace = visit.workspace.id
            try:
                admitted = pages.read() if wanted == "write" else None
            except Invalid as problem:
                tell(str(problem))
                return
            made = await act(
                visit,
                "key.create",
                called,
                lambda c: access.create_key(c, workspace, wanted, called, origin, origins=admitted),
            )
            box.close()
            if made is not None:
                _show_once(visit, made)
                await refresh()

        with ui.element("div").classes("actions"):
            button(visit.say(common.cancel), box.close)
            button(visit.say(settings.create), make, "primary")


class _PagesField:
    """Which web pages may use a key: a text of origins, or a tick for none at all."""

    def __init__(self, visit: Visit, origins: Origins) -> None:
        label = visit.say(settings.key_pages)
        self._field = ui.textarea(label=label, value="\n".join(origins or ()))
        self._field.props("outlined dense autogrow").classes("field")
        self._field.props["hint"] = visit.say(settings.key_pages_help)
        self._none = ui.checkbox(visit.say(settings.key_no_pages), value=origins == ())
        self._field.bind_enabled_from(self._none, "value", backward=lambda ticked: not ticked)

    def show(self, visible: bool) -> None:
        """Show or hide the whole field."""
        self._field.set_visibility(visible)
        self._none.set_visibility(visible)

    def read(self) -> Origins:
        """What was chosen.

        Raises:
            Invalid: a line is no origin; the message says how one is written.
        """
        if self._none.value:
            return ()
        return access.origin_patterns((self._field.value or "").splitlines()) or None


def ask_for_pages(visit: Visit, key: KeyListing, refresh: Refresh) -> None:
    """The form that changes which web pages may use a key."""
    with dialog(visit.say(settings.pages_title, name=key.name)) as box:
        pages = _PagesField(visit, key.origins)
        tell = problem_line()

        async def save() -> None:
            workspace = visit.workspace.id
            try:
                admitted = pages.read()
            except Invalid as problem:
                tell(str(problem))
                return
            await act(
                visit,
                "key.pages",
                key.name,
                lambda c: access.admit_pages(c, workspace, key.name, admitted),
            )
            box.close()
            ui.notify(visit.say(settings.pages_changed), position="top")
            await refresh()

        with ui.element("div").classes("actions"):
            button(visit.say(common.cancel), box.close)
            button(visit.say(settings.save), save, "primary")


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
