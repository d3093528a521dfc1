"""The data room: the head and the tabs that its pages share."""

from __future__ import annotations

from nicegui import ui

from tsunagu.console.frame import page_head, section_tabs
from tsunagu.console.phrases import Phrase
from tsunagu.console.visit import Visit
from tsunagu.console.words import data

# Path below `data`, and what the tab says. A page adds its line here and its entry to `PAGES`.
TABS: tuple[tuple[str, Phrase], ...] = (
    ("sources", data.sources),
    ("quality", data.quality),
    ("live", data.live),
    ("plan", data.plan),
    ("dead-letters", data.dead_letters),
    ("sql", data.sql),
)


def data_head(visit: Visit, here: str, sub: Phrase) -> ui.element:
    """The room's title, a page's own sentence and the tabs.

    Args:
        here: the path of the page below `data`.

    Returns:
        The element whose content stands top right, for the page's main action.
    """
    head = page_head(visit, visit.say(data.title), visit.say(sub))
    section_tabs([(visit.say(name), visit.to("data", path), path == here) for path, name in TABS])
    return head
