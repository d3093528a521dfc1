"""A list one can search: a field, rows that load, pages by key, and what to do when empty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from nicegui import ui

from tsunagu.console.markup import Html, div, el
from tsunagu.console.pane import Pane, button, html, nothing
from tsunagu.console.phrases import Phrase
from tsunagu.console.reader import Cursor
from tsunagu.console.visit import Visit
from tsunagu.console.words import common

R = TypeVar("R")
K = TypeVar("K")
PAGE_ROWS = 40


@dataclass(frozen=True)
class Listing(Generic[R, K]):
    """What a searchable list needs.

    `load` takes the search words and the key after which a page begins; `key` names a row;
    `draw` makes the rows' markup, `around` the list they stand in.
    """

    load: Callable[[Cursor, str, K | None], Sequence[R]]
    key: Callable[[R], K]
    draw: Callable[[R], Html]
    around: Callable[[list[Html]], Html]
    hint: Phrase
    empty_icon: str
    empty: Phrase
    empty_help: Phrase


class SearchList(Generic[R, K]):
    """The list on a page."""

    def __init__(
        self, visit: Visit, listing: Listing[R, K], words: str = "", *, searchable: bool = True
    ) -> None:
        self._visit = visit
        self._listing = listing
        self._words = words
        if searchable:
            self._field()
        self._pane = Pane(visit, bones=8)

    def _field(self) -> None:
        visit = self._visit
        with ui.element("div").classes("searchbar"):
            field = ui.input(value=self._words, placeholder=visit.say(self._listing.hint))
            field.props('outlined dense clearable debounce="250"').classes("field")
            field.props["aria-label"] = visit.say(common.search)
            with field.add_slot("prepend"):
                ui.icon("search")
            field.on_value_change(lambda event: self._search(event.value or ""))

    @property
    def box(self) -> ui.element:
        """The element in which the rows stand."""
        return self._pane.box

    async def show(self) -> None:
        """Loads the first page."""
        words = self._words
        await self._pane.show(
            lambda: self._visit.read(lambda c: self._listing.load(c, words, None)), self._first
        )

    async def _search(self, words: str) -> None:
        self._words = words.strip()[:200]
        await self.show()

    def _first(self, rows: Sequence[R]) -> None:
        listing, visit = self._listing, self._visit
        if not rows:
            title = common.nothing_matches if self._words else listing.empty
            text = common.nothing_matches_help if self._words else listing.empty_help
            html(nothing(visit, listing.empty_icon, title, visit.say(text)))
            return
        drawn = [listing.draw(row) for row in rows]
        table = html(listing.around(drawn), "rows-pane")
        if len(rows) < PAGE_ROWS:
            return
        last = [rows[-1]]
        with ui.element("div").classes("more"):

            async def more() -> None:
                found = await visit.read(
                    lambda c: listing.load(c, self._words, listing.key(last[0]))
                )
                drawn.extend(listing.draw(row) for row in found)
                table.set_content(listing.around(drawn))
                if len(found) < PAGE_ROWS:
                    further.set_visibility(False)
                else:
                    last[0] = found[-1]

            further = button(visit.say(common.show_more), more, "quiet", "expand_more")


def plain_table(heads: Sequence[Html | None], rows: list[Html]) -> Html:
    """A table with a head; rows are `tr` elements."""
    head = el("thead", el("tr", list(heads)))
    return div("", el("table", head, el("tbody", rows), cls="list"))
