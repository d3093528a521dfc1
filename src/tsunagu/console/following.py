"""Following a decision: a line on the page until the pipeline has carried it out, then its page."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from nicegui import ui

from tsunagu.console.markup import Html, div, el, icon
from tsunagu.console.pane import html
from tsunagu.console.phrases import Phrase
from tsunagu.console.reader import Cursor
from tsunagu.console.visit import Visit
from tsunagu.console.words import merge

LOOK_SECONDS = 0.5
PATIENT_LOOKS = 20


class Follower:
    """Looks every half second; stays on the page, for what a dialog makes goes with the dialog."""

    def __init__(self, visit: Visit, waiting: Phrase) -> None:
        self._visit = visit
        self._waiting = waiting
        self._looks = 0
        self._where: Callable[[Cursor], str | None] = lambda _: None
        self._line = html(Html("")).style("margin-bottom:14px")
        self._line.set_visibility(False)
        self._timer = ui.timer(LOOK_SECONDS, self._look, active=False)

    def follow(self, where: Callable[[Cursor], str | None]) -> None:
        """Waits until `where` answers an address, then goes there."""
        self._where = where
        self._tell("", "sync", self._waiting, merge.waiting_help)
        self._timer.activate()

    def _tell(self, colour: str, sign: str, title: Phrase, text: Phrase) -> None:
        say = self._visit.say
        words = div("grow", el("b", say(title)), " ", say(text))
        self._line.set_content(div(f"notice {colour}".strip(), icon(sign), words, role="status"))
        self._line.set_visibility(True)

    async def _look(self) -> None:
        self._looks += 1
        try:
            address = await self._visit.read(self._where)
        except psycopg.Error:
            address = None
        if address is not None:
            self._timer.deactivate()
            ui.navigate.to(address)
        elif self._looks == PATIENT_LOOKS:
            self._tell("amber", "hourglass_empty", merge.slow, merge.slow_help)
