"""A customer's evidence: which records made these identifiers one person, what was held back."""

from __future__ import annotations

from dataclasses import dataclass

from tsunagu.console.customers_room import customer_asked, customer_tabs, merged_note
from tsunagu.console.evidence_picture import MOST_BOXES, draw_evidence, ends, grounds
from tsunagu.console.frame import page_head
from tsunagu.console.identity_queries import FormerId, former_ids, held_of
from tsunagu.console.markup import Child, Html, div, el, icon, join, link, span
from tsunagu.console.pages.customers import customer_name
from tsunagu.console.pane import Pane, html
from tsunagu.console.reader import Cursor
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, identity, merge, part
from tsunagu.identity import Evidence, Held, evidence_of
from tsunagu.profiles import CustomerView

MOST_EDGES = 200


@dataclass(frozen=True)
class Known:
    """All that the page shows."""

    asked: int
    view: CustomerView
    edges: list[Evidence]
    held: list[Held]
    former: list[FormerId]


async def build(visit: Visit) -> None:
    """The page; an id that was merged leads to the customer it became."""
    pane = Pane(visit, bones=10)
    await pane.show(
        lambda: visit.read(lambda c: _load(visit, c)), lambda known: _draw(visit, known)
    )


def _load(visit: Visit, cursor: Cursor) -> Known:
    workspace = visit.workspace.id
    asked, view = customer_asked(visit, cursor)
    return Known(
        asked,
        view,
        evidence_of(cursor, workspace, view.identifiers, limit=MOST_EDGES),
        held_of(cursor, workspace, view.customer_ids, view.identifiers, limit=50),
        former_ids(cursor, workspace, view.customer_ids[1:]),
    )


def _draw(visit: Visit, known: Known) -> None:
    view = known.view
    first = view.identifiers[0][1] if view.identifiers else ""
    crumb = link(visit.to("customers"), visit.say(common.customers))
    name = customer_name(visit, view.traits, first)
    with page_head(visit, name, visit.say(identity.evidence_sub), crumb):
        acts = [("merge", "merge", merge.merge)]
        if len(view.identifiers) > 1:
            acts.append(("part", "call_split", part.part))
        links = [
            link(
                visit.to("customers", view.customer_id, path),
                icon(sign),
                visit.say(words),
                cls="btn",
            )
            for path, sign, words in acts
        ]
        html(div("chips", links))
    customer_tabs(visit, view.customer_id, "evidence")
    merged_note(visit, known.asked, view.customer_id)
    for asked, words in (("merged", merge.done), ("parted", part.done)):
        if visit.query.get(asked):
            done = div("notice green", icon("task_alt"), visit.say(words), role="status")
            html(done).style("margin-bottom:14px")
    rows = [_graph(visit, known)]
    if known.edges:
        rows.append(_edges(visit, known.edges))
    rows.append(div("cols", _held(visit, known.held), _former(visit, known.former)))
    html(div("stack", rows))


def _card(title: str, *content: Child, cls: str = "card") -> Html:
    return div(cls, div("head", el("h2", title)), *content)


def _graph(visit: Visit, known: Known) -> Html:
    identifiers, edges = known.view.identifiers, known.edges
    held = {(one.kind, one.value) for one in known.held}
    if len(identifiers) < 2:
        answer = visit.say(identity.graph_alone)
    else:
        records = visit.count(identity.graph_records, sum(not edge.cut for edge in edges))
        number = visit.formats.number(len(identifiers))
        answer = visit.say(identity.graph_answer, count=len(identifiers), n=number, edges=records)
    more = len(identifiers) - MOST_BOXES
    return _card(
        visit.say(identity.graph_title),
        el("p", answer, cls="answer"),
        draw_evidence(visit, identifiers, edges, held),
        el("ul", [_plain(one, one in held, visit) for one in identifiers], cls="evidence-plain"),
        el("p", visit.count(identity.graph_more, more), cls="muted small") if more > 0 else None,
        el("p", visit.say(identity.graph_doubt), cls="doubt"),
    )


def _plain(one: tuple[str, str], held: bool, visit: Visit) -> Html:
    mark = span("chip amber", visit.say(identity.first_held)) if held else None
    return el("li", span("muted mono small", one[0]), span("break", one[1]), mark)


def _edges(visit: Visit, edges: list[Evidence]) -> Html:
    zone = visit.formats.zone_name()
    head = el(
        "tr",
        el("th", visit.say(identity.stated_pair)),
        el("th", visit.say(identity.stated_by), cls="wide"),
        el("th", f"{visit.say(identity.stated_at)} ({zone})", cls="num wide"),
    )
    rows = [_edge(visit, edge) for edge in edges]
    table = el("table", el("thead", head), el("tbody", rows), cls="list")
    return _card(visit.say(identity.edges_title), table, cls="card flush")


def _edge(visit: Visit, edge: Evidence) -> Html:
    (kind_a, value_a), (kind_b, value_b) = ends(edge)
    pair = join(
        el("b", value_a, cls="break"),
        span("muted small", f" {kind_a} {visit.say(identity.and_)} "),
        el("b", value_b, cls="break"),
        span("muted small", f" {kind_b}"),
    )
    from_whom = grounds(visit, edge)
    cut = span("chip", visit.say(identity.cut)) if edge.cut else None
    below = div("muted small phone-line", f"{from_whom} · {visit.formats.time_zoned(edge.at)}")
    return el(
        "tr",
        el("td", pair, " ", cut, below),
        el("td", from_whom, cls="wide"),
        el("td", visit.formats.time(edge.at), cls="num wide muted"),
    )


def _held(visit: Visit, held: list[Held]) -> Html:
    rows = [_held_row(visit, one) for one in held]
    empty = el("p", visit.say(identity.none_held), cls="muted")
    return _card(visit.say(identity.held_of_customer), rows or empty)


def _held_row(visit: Visit, one: Held) -> Html:
    name, why, colour = identity.REASONS[one.reason]
    counted = visit.count(identity.times, one.times)
    return div(
        "fact-row",
        div(
            "",
            div("strong break", one.value),
            div("small", visit.say(why)),
            div("muted small", f"{one.kind} · {counted} · {visit.formats.time_zoned(one.last_at)}"),
        ),
        span(f"chip {colour}", visit.say(name)),
    )


def _former(visit: Visit, former: list[FormerId]) -> Html:
    rows = [
        div(
            "fact-row",
            div(
                "",
                div("strong break", visit.say(identity.merged_row, first=one.first_value)),
                div("muted small mono break", str(one.customer_id)),
            ),
            span("muted small", visit.say(identity.merged_at, at=visit.formats.day(one.since))),
        )
        for one in former
    ]
    text = identity.merged_help if former else identity.merged_none
    return _card(
        visit.say(identity.merged_title), rows, el("p", visit.say(text), cls="muted small")
    )
