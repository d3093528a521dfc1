"""Merging two customers: choose the other, see what changes, decide, and wait until it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from tsunagu.console.acting import act_on_log
from tsunagu.console.deciding import (
    MergePreview,
    Side,
    are_one,
    decide,
    preview_merge,
    side_of,
)
from tsunagu.console.dialogs import confirm
from tsunagu.console.following import Follower
from tsunagu.console.frame import page_head
from tsunagu.console.markup import Child, Html, div, el, icon, join, link, span
from tsunagu.console.pages.customers import customer_cell, customer_name
from tsunagu.console.pane import Pane, button, html
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import PAGE_ROWS, Listing, SearchList, plain_table
from tsunagu.console.traits import SYNTHETIC, value_text
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, customers, merge
from tsunagu.profiles import CustomerRow, search_customers
from tsunagu.serve import identity


async def build(visit: Visit) -> None:
    """The choice of the other customer, or with one chosen what merging would change."""
    asked = int(visit.parameters["customer_id"])
    other = visit.query.get("with", "")
    pane = Pane(visit, bones=10)
    if not other.lstrip("-").isdecimal():
        await pane.show(
            lambda: visit.read(lambda c: side_of(c, visit.workspace.id, asked)),
            lambda side: _choose(visit, side),
        )
        return
    await pane.show(
        lambda: visit.read(lambda c: preview_merge(c, visit.workspace.id, asked, int(other))),
        lambda found: _preview(visit, asked, found),
    )


def _head(visit: Visit, customer: int, sub: str) -> ui.element:
    return customer_head(visit, customer, visit.say(merge.title), sub)


def customer_head(visit: Visit, customer: int, title: str, sub: str) -> ui.element:
    """The head of a page about deciding who a customer is."""
    crumb = join(
        link(visit.to("customers"), visit.say(common.customers)),
        " / ",
        link(visit.to("customers", customer), visit.say(merge.this_one)),
    )
    return page_head(visit, title, sub, crumb)


def name_of(visit: Visit, side: Side) -> str:
    """What to call a customer."""
    first = side.view.identifiers[0][1] if side.view.identifiers else ""
    return customer_name(visit, side.view.traits, first)


def _choose(visit: Visit, side: Side) -> None:
    mine = side.view.customer_id
    _head(visit, mine, visit.say(merge.choose_sub, name=name_of(visit, side)))

    def load(cursor: Cursor, words: str, after: tuple[int, int] | None) -> Sequence[CustomerRow]:
        found = search_customers(cursor, visit.workspace.id, words, limit=PAGE_ROWS, after=after)
        return [row for row in found if row.customer_id != mine]

    listing: Listing[CustomerRow, tuple[int, int]] = Listing(
        load=load,
        key=lambda row: (row.last_seen, row.customer_id),
        draw=lambda row: _candidate(visit, mine, row),
        around=lambda rows: plain_table(_heads(visit), rows),
        hint=customers.search_hint,
        empty_icon="group",
        empty=merge.choose_empty,
        empty_help=merge.choose_empty_help,
    )
    with ui.element("div").classes("card flush"):
        shown = SearchList(visit, listing, visit.query.get("q", ""))
    ui.timer(0, shown.show, once=True)


def _heads(visit: Visit) -> list[Html]:
    return [
        el("th", visit.say(customers.customer)),
        el("th", visit.say(customers.events), cls="num wide"),
        el("th", visit.say(customers.last_seen), cls="num wide"),
        el("th", ""),
    ]


def _candidate(visit: Visit, mine: int, row: CustomerRow) -> Html:
    address = visit.to("customers", mine, "merge", **{"with": row.customer_id})
    return el(
        "tr",
        el("td", customer_cell(visit, row.traits, row.first_value, address)),
        el("td", visit.formats.number(row.events), cls="num wide"),
        el("td", visit.formats.time(row.last_seen), cls="num muted wide"),
        el("td", link(address, visit.say(merge.compare), cls="btn"), cls="num"),
    )


def _preview(visit: Visit, asked: int, found: MergePreview | None) -> None:
    if found is None:
        _head(visit, asked, visit.say(merge.preview_sub))
        html(div("notice", icon("merge"), div("grow", visit.say(merge.same))))
        return
    with _head(visit, asked, visit.say(merge.preview_sub)):
        begin = button(visit.say(merge.act), lambda: _ask(visit, found, begin, follower), "primary")
    follower = Follower(visit, merge.waiting)
    words = div(
        "grow", visit.say(merge.summary, id=found.survivor), " ", visit.say(merge.never_sent)
    )
    html(
        div(
            "stack",
            div("notice", icon("merge"), words),
            _traits(visit, found),
            _consents(visit, found),
            _reach(visit, found),
        )
    )


def _ask(visit: Visit, found: MergePreview, begin: ui.element, follower: Follower) -> None:
    a, b = name_of(visit, found.a), name_of(visit, found.b)
    workspace = visit.workspace.id

    async def agreed() -> None:
        message_id = await act_on_log(
            visit,
            lambda database: decide(
                database,
                workspace,
                lambda c: identity.merge(
                    c, workspace, found.a.named, found.b.named, visit.operator, identity.OPERATOR
                ),
            ),
        )
        if message_id is not None:
            begin.set_visibility(False)
            ids = found.a.view.customer_id, found.b.view.customer_id
            follower.follow(lambda c: _done(visit, are_one(c, workspace, *ids)))

    effect = el("p", visit.say(merge.ask_effect, a=a, b=b))
    confirm(visit, visit.say(merge.ask), effect, visit.say(merge.act), agreed)


def _done(visit: Visit, one: int | None) -> str | None:
    return None if one is None else visit.to("customers", one, "evidence", merged=1)


def _card(title: str, answer: str, content: Child) -> Html:
    head = div("compare-head", el("h2", title), el("p", answer, cls="answer"))
    return div("card flush compare", head, content)


def _table(visit: Visit, found: MergePreview, rows: Sequence[Html]) -> Html:
    head = el(
        "tr",
        el("th", ""),
        el("th", _column(visit, found.a)),
        el("th", _column(visit, found.b)),
        el("th", visit.say(merge.after)),
    )
    return el("table", el("thead", head), el("tbody", rows), cls="list compare-table")


def _column(visit: Visit, side: Side) -> Html:
    first = side.view.identifiers[0][1]
    return join(div("clip", name_of(visit, side)), div("clip small", first, title=first))


def _row(visit: Visit, name: str, cells: Sequence[Child], *, differs: bool = False) -> Html:
    mark = span("chip amber", visit.say(merge.differs)) if differs else None
    return el(
        "tr",
        el("th", span("break", name), mark, scope="row"),
        [el("td", cell, cls="break strong" if i == 2 else "break") for i, cell in enumerate(cells)],
        cls="differs" if differs else "",
    )


def _traits(visit: Visit, found: MergePreview) -> Html:
    a, b = found.a.view.traits, found.b.view.traits
    after = {name: value for name, (value, _, _) in found.after.traits.items()}
    names = sorted((a.keys() | b.keys()) - {SYNTHETIC})
    odd = {name for name in names if name in a and name in b and a[name] != b[name]}
    rows = [
        _row(
            visit,
            name,
            [_value(visit, side, name) for side in (a, b, after)],
            differs=name in odd,
        )
        for name in sorted(names, key=lambda name: (name not in odd, name))
    ]
    number = visit.formats.number
    answer = visit.say(
        merge.traits_answer, count=len(odd), n=number(len(odd)), all=number(len(names))
    )
    return _card(visit.say(merge.traits), answer, _table(visit, found, rows))


def _value(visit: Visit, traits: dict[str, Any], name: str) -> Child:
    if traits.get(name) is None:
        return span("muted", visit.say(merge.no_value))
    return value_text(visit, traits[name])


def _consents(visit: Visit, found: MergePreview) -> Html:
    said = [
        {f"{c.channel}/{c.purpose}": c.granted for c in side.view.consents}
        for side in (found.a, found.b)
    ]
    after = {key: consent.granted for key, consent in found.after.consents.items()}
    keys = sorted(said[0].keys() | said[1].keys())
    if not keys:
        return _card(visit.say(merge.consents), visit.say(merge.consents_none), None)
    rows = [
        _row(
            visit,
            key.replace("/", " · "),
            [_consent(visit, words.get(key)) for words in (*said, after)],
            differs=said[0].get(key) != said[1].get(key),
        )
        for key in keys
    ]
    return _card(
        visit.say(merge.consents), visit.say(merge.consents_answer), _table(visit, found, rows)
    )


def _consent(visit: Visit, granted: bool | None) -> Html:
    if granted is None:
        return span("muted", visit.say(merge.said_nothing))
    return span(
        "chip green" if granted else "chip red",
        icon("check" if granted else "close"),
        visit.say(customers.granted if granted else customers.withdrawn),
    )


def _reach(visit: Visit, found: MergePreview) -> Html:
    sides = (found.a, found.b)
    number = visit.formats.number
    counts = [
        (merge.audiences, [len(side.view.audiences) for side in sides], None),
        (merge.running, [len(side.running) for side in sides], 0),
        (merge.identifiers, [len(side.view.identifiers) for side in sides], 0),
        (merge.events, [side.view.events for side in sides], 0),
    ]
    rows = [
        _row(
            visit,
            visit.say(name),
            [number(a), number(b), "—" if added is None else number(a + b)],
        )
        for name, (a, b), added in counts
    ]
    return _card(visit.say(merge.reach), visit.say(merge.reach_answer), _table(visit, found, rows))
