"""Customers: find anyone by what they were ever known as."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from tsunagu.access import published
from tsunagu.console.customers_room import customers_head
from tsunagu.console.markup import Html, div, el, link, span
from tsunagu.console.phrases import in_language
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import PAGE_ROWS, Listing, SearchList, plain_table
from tsunagu.console.visit import Visit
from tsunagu.console.words import customers
from tsunagu.core.times import wall
from tsunagu.profiles import CustomerRow, search_customers


async def build(visit: Visit) -> None:
    """The list, searched from its address or its field."""
    customers_head(visit, "", customers.sub)
    titles: dict[str, str] = {}
    with ui.element("div").classes("card flush"):
        await SearchList(visit, _listing(visit, titles), visit.query.get("q", "")).show()


def _listing(visit: Visit, titles: dict[str, str]) -> Listing[CustomerRow, tuple[int, int]]:
    def load(cursor: Cursor, words: str, after: tuple[int, int] | None) -> Sequence[CustomerRow]:
        if not titles:
            titles.update(audience_titles(visit, cursor))
        return search_customers(cursor, visit.workspace.id, words, limit=PAGE_ROWS, after=after)

    return Listing(
        load=load,
        key=lambda row: (row.last_seen, row.customer_id),
        draw=lambda row: _row(visit, row, titles),
        around=lambda rows: plain_table(_heads(visit), rows),
        hint=customers.search_hint,
        empty_icon="group",
        empty=customers.nobody,
        empty_help=customers.nobody_help,
    )


def _heads(visit: Visit) -> list[Html]:
    zone = visit.formats.zone_name(wall())
    return [
        el("th", visit.say(customers.customer)),
        el("th", visit.say(customers.known_as), cls="wide"),
        el("th", visit.say(customers.in_audiences), cls="wide"),
        el("th", visit.say(customers.events), cls="num"),
        el("th", f"{visit.say(customers.last_seen)} ({zone})", cls="num"),
    ]


def _row(visit: Visit, row: CustomerRow, titles: dict[str, str]) -> Html:
    address = visit.to("customers", row.customer_id)
    audiences = [span("chip", titles.get(name, name)) for name in row.audiences[:2]]
    if len(row.audiences) > 2:
        audiences.append(span("chip", f"+{len(row.audiences) - 2}"))
    return el(
        "tr",
        el("td", customer_cell(visit, row.traits, row.first_value, address)),
        el("td", row.first_value, cls="wide muted clip", style="max-width:200px"),
        el("td", div("chips", audiences), cls="wide"),
        el("td", visit.formats.number(row.events), cls="num"),
        el("td", visit.formats.time(row.last_seen), cls="num muted"),
    )


def audience_titles(visit: Visit, cursor: Cursor) -> dict[str, str]:
    """The audiences' titles in the viewer's language, by name."""
    return {
        d.name: in_language(d.document.get("title", {}), visit.language, d.name)
        for d in published(cursor, visit.workspace.id)
        if d.kind == "audience"
    }


def customer_name(visit: Visit, traits: dict[str, object], first_value: str) -> str:
    """What to call a customer: a name, an e-mail, else the first identifier."""
    name = traits.get("name")
    if isinstance(name, str) and name:
        return name
    parts = [traits.get("lastName"), traits.get("firstName")]
    if visit.language == "en":
        parts.reverse()
    joined = " ".join(part for part in parts if isinstance(part, str) and part)
    return joined or first_value or visit.say(customers.no_name)


def customer_cell(visit: Visit, traits: dict[str, object], first_value: str, address: str) -> Html:
    """Initial, name and e-mail, leading to the customer's page."""
    name = customer_name(visit, traits, first_value)
    email = traits.get("email")
    below = email if isinstance(email, str) and email else first_value
    words = div(
        "",
        link(address, name, cls="name"),
        div("muted small clip", below, style="max-width:230px"),
    )
    return div("who-cell", span("avatar wide", name[:1].upper()), words)
