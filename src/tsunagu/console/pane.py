"""Pane: a part of a page that loads: a skeleton while it waits, then content or what to do.

A quick answer is drawn with the page itself; a slow one never keeps the page waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from nicegui import background_tasks, ui

from tsunagu.console.markup import Html, div, el, icon, join
from tsunagu.console.phrases import Phrase
from tsunagu.console.visit import Visit
from tsunagu.console.words import common
from tsunagu.core import NotFound, TsunaguError

T = TypeVar("T")
PATIENCE = 0.4


def html(content: Html, cls: str = "") -> ui.html:
    """Markup as an element; the browser sanitizes it once more."""
    return ui.html(content).classes(cls)


class Pane:
    """A place for content that is loaded, and loaded again when the viewer asks."""

    def __init__(self, visit: Visit, bones: int = 6, cls: str = "") -> None:
        self._visit = visit
        self._bones = bones
        self._turn = 0
        self.box: ui.element = ui.element("div").classes(f"pane {cls}".strip()).style("width:100%")

    async def show(self, load: Callable[[], Awaitable[T]], draw: Callable[[T], None]) -> None:
        """Draws what `load` answers. Only the latest call is drawn."""
        self._turn += 1
        turn = self._turn
        task = asyncio.ensure_future(load())
        done, _ = await asyncio.wait([task], timeout=PATIENCE)
        if not done and turn == self._turn:
            self._fill(lambda: html(skeleton(self._bones), "card"))
        finish = self._finish(turn, task, load, draw)
        if done:
            await finish
        else:
            background_tasks.create(finish, name="console pane")

    async def _finish(
        self,
        turn: int,
        task: asyncio.Future[T],
        load: Callable[[], Awaitable[T]],
        draw: Callable[[T], None],
    ) -> None:
        try:
            answer = await task
        except NotFound as error:
            reason = str(error)
            if turn == self._turn:
                self._fill(
                    lambda: html(nothing(self._visit, "search_off", common.not_found, reason))
                )
            return
        except (psycopg.Error, TsunaguError) as error:
            reason = str(error)
            if turn == self._turn:
                self._fill(lambda: self._trouble(reason, load, draw))
            return
        if turn == self._turn and not self.box.is_deleted:
            self._fill(lambda: draw(answer))

    def _fill(self, draw: Callable[[], Any]) -> None:
        if self.box.is_deleted:
            return
        self.box.clear()
        with self.box:
            draw()

    def _trouble(
        self, reason: str, load: Callable[[], Awaitable[T]], draw: Callable[[T], None]
    ) -> None:
        visit = self._visit
        with ui.element("div").classes("card"):
            text = join(
                el("h3", visit.say(common.cannot_load)), el("p", visit.say(common.cannot_load_help))
            )
            html(div("empty", icon("cloud_off"), text, el("p", reason, cls="small mono")))
            with ui.element("div").classes("actions").style("justify-content:center"):
                button(visit.say(common.try_again), lambda: self.show(load, draw))


def button(
    label: str, on_click: Callable[[], Any], cls: str = "", icon_name: str = ""
) -> ui.element:
    """A button in the console's own looks."""
    with ui.element("button").classes(f"btn {cls}".strip()).props("type=button") as element:
        if icon_name:
            ui.html(icon(icon_name), tag="span")
        ui.label(label)
    element.on("click", lambda _: on_click())
    return element


def skeleton(bones: int) -> Html:
    """Grey bars where content will be."""
    widths = (92, 78, 85, 64, 88, 70)
    bars = [div("bone", style=f"width:{widths[i % len(widths)]}%") for i in range(bones)]
    return div("", bars, aria_busy="true")


def nothing(visit: Visit, icon_name: str, title: Phrase, text: str, *more: Html) -> Html:
    """An empty state: what is missing and the next step."""
    return div("empty", icon(icon_name), el("h3", visit.say(title)), el("p", text), *more)
