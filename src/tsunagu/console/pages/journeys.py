"""Journeys: the list, and one as a graph with who is where and why others were refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui

from tsunagu.access import Definition, published
from tsunagu.console.frame import page_head
from tsunagu.console.journey_picture import Traffic, draw_journey, node_title
from tsunagu.console.markup import Html, div, el, icon, join, link, span
from tsunagu.console.pages.customer import titles_of
from tsunagu.console.pages.customers import customer_cell
from tsunagu.console.pane import Pane, html
from tsunagu.console.phrases import in_language
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import PAGE_ROWS, Listing, SearchList, plain_table
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, journeys
from tsunagu.console.words.reasons import reason_words
from tsunagu.core import NotFound
from tsunagu.core.times import parse_duration
from tsunagu.decisions import Policy
from tsunagu.journeys import (
    HOLDOUT_NODE,
    Journey,
    JourneyFigures,
    Standing,
    journey_figures,
    node_counts,
    outcome_counts,
    standing_in,
)
from tsunagu.sending import SendCount, send_counts

SAMPLE = 12
NOBODY = JourneyFigures("", 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Entry:
    """One journey in the list."""

    name: str
    title: str
    journey: Journey
    version: int
    figures: JourneyFigures


@dataclass(frozen=True)
class Whole:
    """One journey with all that stands around its graph."""

    entry: Entry
    traffic: Traffic
    sends: list[SendCount]
    standing: list[Standing]
    titles: dict[tuple[str, str], str]
    policy: Policy | None
    node: str


async def build(visit: Visit) -> None:
    """The list of journeys."""
    page_head(visit, visit.say(journeys.title), visit.say(journeys.sub))
    with ui.element("div").classes("card flush"):
        listing: Listing[Entry, str] = Listing(
            load=lambda c, words, after: _entries(visit, c, words, after),
            key=lambda entry: entry.name,
            draw=lambda entry: _row(visit, entry),
            around=lambda rows: plain_table(_heads(visit), rows),
            hint=common.search,
            empty_icon="route",
            empty=journeys.none_yet,
            empty_help=journeys.none_yet_help,
        )
        await SearchList(visit, listing).show()


def _entries(visit: Visit, cursor: Cursor, words: str, after: str | None) -> Sequence[Entry]:
    figures = {f.journey: f for f in journey_figures(cursor, visit.workspace.id)}
    found = published(cursor, visit.workspace.id)
    entries = [_entry(visit, d, figures) for d in found if d.kind == "journey"]
    wanted = words.lower()
    kept = [e for e in entries if wanted in e.name.lower() or wanted in e.title.lower()]
    return [e for e in kept if after is None or e.name > after][:PAGE_ROWS]


def _entry(visit: Visit, definition: Definition, figures: dict[str, JourneyFigures]) -> Entry:
    journey = Journey.model_validate(definition.document)
    title = in_language(journey.title, visit.language, definition.name)
    found = figures.get(definition.name, NOBODY)
    return Entry(definition.name, title, journey, definition.version, found)


def _heads(visit: Visit) -> list[Html]:
    return [
        el("th", visit.say(journeys.journey)),
        el("th", visit.say(journeys.goal), cls="wide"),
        el("th", visit.say(journeys.entered), cls="num"),
        el("th", visit.say(journeys.active), cls="num"),
        el("th", visit.say(journeys.goal_rate), cls="num wide"),
    ]


def _row(visit: Visit, entry: Entry) -> Html:
    number = visit.formats.number
    held = visit.say(journeys.holdout_share, share=visit.formats.percent(entry.journey.holdout, 0))
    name = join(
        link(visit.to("journeys", entry.name), entry.title, cls="name"),
        div("muted small", held),
    )
    return el(
        "tr",
        el("td", name),
        el("td", _goal(visit, entry.journey), cls="wide"),
        el("td", number(entry.figures.entered), cls="num strong"),
        el("td", number(entry.figures.active), cls="num"),
        el("td", " / ".join(_rates(visit, entry.figures)), cls="num wide muted"),
    )


def _goal(visit: Visit, journey: Journey) -> str:
    within = visit.formats.span(parse_duration(journey.goal.within))
    return visit.say(journeys.goal_of, event=journey.goal.event, within=within)


def _rates(visit: Visit, figures: JourneyFigures) -> list[str]:
    percent = visit.formats.percent
    treated = figures.treated_goals / figures.treated if figures.treated else None
    holdout = figures.holdout_goals / figures.holdout if figures.holdout else None
    return [
        visit.say(journeys.treated_rate, rate=percent(treated)),
        visit.say(journeys.holdout_rate, rate=percent(holdout)),
    ]


async def build_one(visit: Visit) -> None:
    """One journey."""
    pane = Pane(visit, bones=10)
    await pane.show(
        lambda: visit.read(lambda c: _load(visit, c)), lambda whole: _draw(visit, whole)
    )


def _load(visit: Visit, cursor: Cursor) -> Whole:
    workspace, name = visit.workspace.id, visit.parameters["name"]
    found = published(cursor, workspace)
    definition = next((d for d in found if d.kind == "journey" and d.name == name), None)
    if definition is None:
        raise NotFound(visit.say(common.no_such_page_help))
    figures = {f.journey: f for f in journey_figures(cursor, workspace)}
    entry = _entry(visit, definition, figures)
    policy = next((Policy.model_validate(d.document) for d in found if d.kind == "policy"), None)
    node = visit.query.get("node", "")
    if node not in entry.journey.nodes and node != HOLDOUT_NODE:
        node = ""
    standing = standing_in(cursor, workspace, name, node, limit=SAMPLE) if node else []
    return Whole(
        entry,
        _traffic(cursor, workspace, entry),
        send_counts(cursor, workspace, name),
        standing,
        titles_of(visit, found),
        policy,
        node,
    )


def _traffic(cursor: Cursor, workspace: int, entry: Entry) -> Traffic:
    here: dict[str, int] = {}
    finished: dict[str, int] = {}
    for count in node_counts(cursor, workspace, entry.name):
        people = here if count.status == "active" else finished
        people[count.node] = people.get(count.node, 0) + count.enrolments
    outcomes = {(o.node, o.outcome): o.times for o in outcome_counts(cursor, workspace, entry.name)}
    return Traffic(here, finished, outcomes, entry.figures.treated, entry.figures.holdout)


def _draw(visit: Visit, whole: Whole) -> None:
    entry = whole.entry
    crumb = link(visit.to("journeys"), visit.say(journeys.title))
    version = span("chip", visit.say(common.version, n=entry.version))
    with page_head(
        visit,
        entry.title,
        f"{visit.say(journeys.goal)}: {_goal(visit, entry.journey)}",
        crumb,
        version,
    ):
        words = join(icon("balance"), visit.say(journeys.see_result))
        html(link(visit.to("insights"), words, cls="btn primary"))
    beside = [_people(visit, whole), _refusals(visit, whole), _policy(visit, whole)]
    with ui.element("div").classes("stack"):
        html(_figures(visit, entry))
        with ui.element("div").classes("cols beside"):
            html(_picture(visit, whole))
            html(div("stack", beside))


def _figures(visit: Visit, entry: Entry) -> Html:
    figures, number = entry.figures, visit.formats.number
    held = visit.say(journeys.holdout_share, share=visit.formats.percent(entry.journey.holdout, 0))
    rates = [div("strong", rate) for rate in _rates(visit, figures)]
    return div(
        "kpis",
        _figure(visit.say(journeys.entered), number(figures.entered), held),
        _figure(visit.say(journeys.active), number(figures.active), ""),
        div(
            "kpi",
            div("label", visit.say(journeys.goal_rate)),
            rates,
            div("note", visit.say(journeys.not_a_verdict)),
        ),
    )


def _figure(label: str, value: str, note: str) -> Html:
    return div("kpi", div("label", label), div("value", value), div("note", note))


def _picture(visit: Visit, whole: Whole) -> Html:
    entry, number = whole.entry, visit.formats.number
    answer = visit.say(journeys.graph_empty)
    if entry.figures.entered:
        answer = visit.say(journeys.graph_finished, entered=number(entry.figures.entered))
    if whole.traffic.here:
        node, most = max(whole.traffic.here.items(), key=lambda pair: pair[1])
        answer = visit.say(
            journeys.graph_answer,
            entered=number(entry.figures.entered),
            active=number(entry.figures.active),
            node=node_title(visit, entry.journey, whole.titles, node),
            n=number(most),
        )
    picture = draw_journey(visit, entry.journey, whole.traffic, whole.titles, whole.node)
    return div(
        "card",
        el("h2", visit.say(journeys.graph_question)),
        el("p", answer, cls="answer"),
        picture,
        el("p", visit.say(journeys.graph_doubt), cls="doubt"),
    )


def _people(visit: Visit, whole: Whole) -> Html:
    if not whole.node:
        return div("notice", icon("touch_app"), visit.say(journeys.choose_node))
    title = visit.say(
        journeys.at_node, node=node_title(visit, whole.entry.journey, whole.titles, whole.node)
    )
    if not whole.standing:
        return div("card", el("h2", title), el("p", visit.say(journeys.nobody_here), cls="muted"))
    rows = [
        div(
            "fact-row",
            customer_cell(visit, s.traits, s.first_value, visit.to("customers", s.customer_id)),
            span(
                "muted small num",
                visit.say(journeys.since, at=visit.formats.short_day(s.node_since)),
            ),
        )
        for s in whole.standing
    ]
    note = visit.say(journeys.latest_of, n=SAMPLE)
    return div("card", el("h2", title), el("p", note, cls="muted small"), rows)


def _refusals(visit: Visit, whole: Whole) -> Html:
    counts = [s for s in whole.sends if not whole.node or s.node == whole.node]
    reasons: dict[str, int] = {}
    for count in counts:
        if count.state == "refused":
            reasons[count.reason] = reasons.get(count.reason, 0) + count.sends
    heading = el("h2", visit.say(journeys.refusals_question))
    if not reasons:
        return div("card", heading, el("p", visit.say(journeys.no_refusals), cls="muted"))
    number = visit.formats.number
    answer = visit.say(
        journeys.refusals_answer,
        all=number(sum(c.sends for c in counts)),
        refused=number(sum(reasons.values())),
    )
    most = max(reasons.values())
    rows = [
        div(
            "barrow",
            span("", visit.say(reason_words(reason))),
            div("bar red", span("", style=f"width:{sends / most * 100:.1f}%")),
            span("num", number(sends)),
        )
        for reason, sends in sorted(reasons.items(), key=lambda pair: -pair[1])
    ]
    return div("card", heading, el("p", answer, cls="answer"), rows)


def _policy(visit: Visit, whole: Whole) -> Html | None:
    policy = whole.policy
    if policy is None:
        return None
    rules: list[str] = []
    if policy.quiet_hours is not None:
        quiet = policy.quiet_hours
        rules.append(
            visit.say(journeys.quiet, start=f"{quiet.start:%H:%M}", end=f"{quiet.end:%H:%M}")
        )
    for cap in policy.caps:
        within = visit.formats.span(parse_duration(cap.within))
        rules.append(visit.say(journeys.cap, channel=cap.channel, limit=cap.limit, within=within))
    items = [div("fact-row", span("small", rule)) for rule in rules]
    return div("card", el("h2", visit.say(journeys.policy), style="margin-bottom:8px"), items)
