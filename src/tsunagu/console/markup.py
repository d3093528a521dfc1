"""Markup: HTML and SVG as values, escaped where they are made.

Everything a page shows from data passes here, so a customer's name can never become markup;
the browser's sanitizer (DOMPurify, in `ui.html`) stands behind it as a second wall.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias


class Html(str):
    """Text that is already markup."""

    __slots__ = ()


Child: TypeAlias = "str | Html | Iterable[Child] | None"
_VOID = {"br", "img", "input", "hr", "line", "circle", "path", "rect"}


def el(name: str, /, *children: Child, cls: str = "", **attributes: object) -> Html:
    """One element. `data_id` becomes `data-id`; None and False leave an attribute out."""
    parts = [f"<{name}"]
    if cls:
        parts.append(f' class="{escape(cls)}"')
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        written = "" if value is True else escape(str(value))
        parts.append(f' {key.rstrip("_").replace("_", "-")}="{written}"')
    if name in _VOID and not children:
        return Html("".join(parts) + "/>")
    parts.append(">")
    parts.append(join(*children))
    parts.append(f"</{name}>")
    return Html("".join(parts))


def join(*children: Child) -> Html:
    """Children one after another; plain text is escaped."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Html):
            parts.append(child)
        elif isinstance(child, str):
            parts.append(escape(child))
        else:
            parts.append(join(*child))
    return Html("".join(parts))


def div(cls: str, /, *children: Child, **attributes: object) -> Html:
    """A `div` with a class."""
    return el("div", *children, cls=cls, **attributes)


def span(cls: str, /, *children: Child, **attributes: object) -> Html:
    """A `span` with a class."""
    return el("span", *children, cls=cls, **attributes)


def link(href: str, /, *children: Child, cls: str = "", **attributes: object) -> Html:
    """A link within the console."""
    return el("a", *children, cls=cls, href=href, **attributes)


def icon(name: str, cls: str = "") -> Html:
    """A glyph of the icon font, hidden from screen readers: text beside it carries the word."""
    return el("i", name, cls=f"icon {cls}".strip(), aria_hidden="true")
