"""The customers' room: the head and the tabs that its pages share."""

from __future__ import annotations

from nicegui import ui

from tsunagu.console.frame import page_head, section_tabs
from tsunagu.console.phrases import Phrase
from tsunagu.console.visit import Visit
from tsunagu.console.words import customers, identity, reviews

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
