"""Held back: identifiers that joined nobody, and why."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from tsunagu.console.customers_room import customers_head
from tsunagu.console.markup import Html, div, el, link, span
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import PAGE_ROWS, Listing, SearchList, plain_table
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, identity
from tsunagu.identity import Held, HeldPlace, list_held


async def build(visit: Visit) -> None:
    """The list, the latest first."""
    customers_head(visit, "held-back", identity.held_sub)
    with ui.element("div").classes("card flush"):
        await SearchList(visit, _listing(visit), visit.query.get("q", "")).show()


def _listing(visit: Visit) -> Listing[Held, HeldPlace]:
    def load(cursor: Cursor, words: str, after: HeldPlace | None) -> Sequence[Held]:
        value = words.replace("\x00", "") or None
        return list_held(cursor, visit.workspace.id, value=value, after=after, limit=PAGE_ROWS)

    return Listing(
        load=load,
        key=lambda one: one.place,
        draw=lambda one: _row(visit, one),
        around=lambda rows: plain_table(_heads(visit), rows),
        hint=identity.held_hint,
        empty_icon="verified_user",
        empty=identity.held_none,
        empty_help=identity.held_none_help,
    )


def _heads(visit: Visit) -> list[Html]:
    zone = visit.formats.zone_name()
    return [
        el("th", visit.say(identity.held_identifier)),
        el("th", visit.say(identity.held_reason)),
        el("th", visit.say(identity.held_times), cls="num"),
        el("th", f"{visit.say(identity.held_last)} ({zone})", cls="num wide"),
        el("th", visit.say(identity.held_of), cls="wide"),
    ]


def _row(visit: Visit, one: Held) -> Html:
    name, why, colour = identity.REASONS[one.reason]
    others = visit.count(identity.held_others, len(one.stated_by)) if one.stated_by else None
    owner = (
        link(visit.to("customers", one.customer_id, "evidence"), visit.say(common.open_customer))
        if one.customer_id is not None
        else "—"
    )
    return el(
        "tr",
        el("td", _identifier(visit, one), div("muted small mono", one.kind)),
        el(
            "td",
            span(f"chip {colour}", visit.say(name)),
            div("muted small wide", visit.say(why)),
            div("muted small wide", others) if others else None,
        ),
        el("td", visit.formats.number(one.times), cls="num"),
        el("td", visit.formats.time(one.last_at), cls="num muted wide"),
        el("td", owner, cls="wide nowrap"),
    )


def _identifier(visit: Visit, one: Held) -> Html:
    if one.customer_id is None:
        return div("strong break", one.value)
    return link(visit.to("customers", one.customer_id, "evidence"), one.value, cls="name break")
