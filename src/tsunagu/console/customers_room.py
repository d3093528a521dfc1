"""The customers' room: what its pages share, and what the pages of one customer share."""

from __future__ import annotations

from nicegui import ui

from tsunagu import profiles
from tsunagu.console.frame import page_head, section_tabs
from tsunagu.console.markup import div, icon
from tsunagu.console.pane import html
from tsunagu.console.phrases import Phrase
from tsunagu.console.reader import Cursor
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, customers, decided, identity, reviews
from tsunagu.core import NotFound
from tsunagu.profiles import CustomerView

# Path below `customers`, and what the tab says. A page adds its line here and in `PAGES`.
TABS: tuple[tuple[str, Phrase], ...] = (
    ("", identity.everyone),
    ("reviews", reviews.reviews),
    ("held-back", identity.held_back),
    ("matching", identity.matching),
)


def customers_head(visit: Visit, here: str, sub: Phrase) -> ui.element:
    """The room's title, a page's own sentence and the tabs.

    Args:
        here: the path of the page below `customers`.

    Returns:
        The element whose content stands top right, for the page's main action.
    """
    head = page_head(visit, visit.say(customers.title), visit.say(sub))
    section_tabs(
        [
            (visit.say(name), visit.to("customers", *filter(None, [path])), path == here)
            for path, name in TABS
        ]
    )
    return head


def customer_asked(visit: Visit, cursor: Cursor) -> tuple[int, CustomerView]:
    """The id in the page's address, and the customer that it leads to after all merges.

    Raises:
        NotFound: there never was such a customer.
    """
    workspace = visit.workspace.id
    asked = int(visit.parameters["customer_id"])
    customer = profiles.surviving_customer(cursor, workspace, asked)
    view = None if customer is None else profiles.customer_view(cursor, workspace, customer)
    if view is None:
        raise NotFound(visit.say(common.no_such_page_help))
    return asked, view


def customer_tabs(visit: Visit, customer: int, here: str) -> None:
    """The pages of one customer."""
    entries = (
        ("", identity.profile),
        ("evidence", identity.evidence),
        ("decisions", decided.decisions),
    )
    section_tabs(
        [
            (visit.say(name), visit.to("customers", customer, *filter(None, [path])), path == here)
            for path, name in entries
        ]
    )


def merged_note(visit: Visit, asked: int, customer: int) -> None:
    """Says that the id in the address was merged into this customer."""
    if asked != customer:
        words = visit.say(identity.was_merged, id=asked)
        html(div("notice", icon("merge"), div("grow", words))).style("margin-bottom:14px")
