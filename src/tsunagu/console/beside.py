"""A list with its detail beside it: choosing a row opens it in place, at its own address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from nicegui import ui
from nicegui.events import GenericEventArguments

from tsunagu.console.markup import Child, Html, div, icon, join, link
from tsunagu.console.pane import Pane, html, nothing
from tsunagu.console.phrases import Phrase
from tsunagu.console.search_list import Listing, SearchList
from tsunagu.console.visit import Visit
from tsunagu.console.words import common

R = TypeVar("R")
K = TypeVar("K")
T = TypeVar("T")

# A plain click opens the row here; with a modifier key the browser opens its address.
_PICK = """(event) => {
  const row = event.target.closest('[data-row]');
  if (!row || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  document.querySelectorAll('.row-link.on').forEach((other) => other.classList.remove('on'));
  row.classList.add('on');
  document.querySelector('.cols.list').classList.add('has-detail');
  history.replaceState(null, '', row.href);
  emit(row.dataset.row);
}"""


def row_link(address: str, row: int, *content: Child, chosen: bool = False) -> Html:
    """A row that opens beside the list."""
    cls = "row-link on" if chosen else "row-link"
    return link(address, *content, cls=cls, data_row=row)


def rows_around(rows: list[Html]) -> Html:
    """The rows as a list that scrolls by itself."""
    return div("rows scroll-list", rows)


async def list_beside(
    visit: Visit,
    listing: Listing[R, K],
    chosen: int | None,
    load: Callable[[int], Awaitable[T]],
    draw: Callable[[T], None],
    empty: tuple[str, Phrase, Phrase],
    home: str,
) -> None:
    """Builds a searched list and its detail; the arguments are those of `beside`."""
    made: list[SearchList[R, K]] = []

    def side() -> ui.element:
        made.append(SearchList(visit, listing))
        return made[0].box

    await beside(visit, side, chosen, load, draw, empty, home)
    await made[0].show()


async def beside(
    visit: Visit,
    side: Callable[[], ui.element],
    chosen: int | None,
    load: Callable[[int], Awaitable[T]],
    draw: Callable[[T], None],
    empty: tuple[str, Phrase, Phrase],
    home: str,
) -> None:
    """Builds both sides.

    Args:
        side: builds the list and returns the element in which its rows stand.
        chosen: the row that the address names.
        load: what the detail of a row shows; may raise `NotFound`.
        draw: draws the detail.
        empty: icon, title and text while nothing is chosen.
        home: the address of the list alone.
    """
    cls = "cols list has-detail" if chosen is not None else "cols list"
    with ui.element("div").classes(cls):
        with ui.element("div").classes("card flush list-side"):
            rows = side()
        with ui.element("div").classes("detail-side"):
            back = join(icon("arrow_back"), visit.say(common.back))
            html(link(home, back, cls="btn quiet phone-only"))
            with ui.element("div").classes("card flush"):
                detail = Pane(visit, bones=8)
    with detail.box:
        html(nothing(visit, empty[0], empty[1], visit.say(empty[2])))

    async def pick(event: GenericEventArguments) -> None:
        row = int(str(event.args))
        await detail.show(lambda: load(row), draw)

    rows.on("click", pick, js_handler=_PICK)
    if chosen is not None:
        await detail.show(lambda: load(chosen), draw)
