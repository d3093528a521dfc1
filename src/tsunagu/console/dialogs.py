"""Dialogs: a question before something happens, and a form for what is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

from nicegui import ui

from tsunagu.console.markup import Html, div, el, icon
from tsunagu.console.pane import button, html
from tsunagu.console.visit import Visit
from tsunagu.console.words import common


@contextmanager
def dialog(title: str) -> Generator[ui.dialog]:
    """An open dialog with a title; what is built inside stands below it."""
    # It stands in the page itself: the part that opened it may be drawn anew meanwhile.
    with ui.context.client.content, ui.dialog() as box, ui.element("div").classes("card dialog"):
        html(el("h2", title))
        yield box
    box.on("hide", box.delete)
    box.open()


def confirm(
    visit: Visit, title: str, effect: Html, label: str, act: Callable[[], Awaitable[None]]
) -> None:
    """Asks before something that matters: what it does stands above the button that does it."""
    with dialog(title) as box:
        html(effect)

        async def agreed() -> None:
            box.close()
            await act()

        with ui.element("div").classes("actions"):
            button(visit.say(common.cancel), box.close)
            button(label, agreed, "danger")


def text_field(label: str, *, hint: str = "", secret: bool = False) -> ui.input:
    """A labelled field of a form."""
    field = ui.input(label=label, password=secret).props("outlined dense").classes("field")
    if hint:
        field.props["hint"] = hint
    return field


def problem_line() -> Callable[[str], None]:
    """A place for what is wrong with a form; an empty text hides it."""
    line = html(Html(""))
    line.set_visibility(False)

    def tell(problem: str) -> None:
        words = div("notice red", icon("error_outline"), div("grow", problem), role="alert")
        line.set_content(words)
        line.set_visibility(bool(problem))

    return tell
