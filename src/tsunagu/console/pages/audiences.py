"""Audiences: the list with sizes, and one with its rule, its size over time and its members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from nicegui import ui

from tsunagu.access import Definition, published
from tsunagu.console.charts import area, chart
from tsunagu.console.days import without_gaps
from tsunagu.console.frame import page_head
from tsunagu.console.markup import Html, div, el, join, link, span
from tsunagu.console.pages.customers import customer_cell
from tsunagu.console.pane import Pane, html, nothing
from tsunagu.console.phrases import in_language
from tsunagu.console.reader import Cursor
from tsunagu.console.rule_text import draw_rule
from tsunagu.console.search_list import PAGE_ROWS, Listing, SearchList, plain_table
from tsunagu.console.visit import Visit
from tsunagu.console.words import audiences, common
from tsunagu.core import NotFound
from tsunagu.profiles import (
    CustomerRow,
    DayChange,
    audience_changes,
    audience_sizes,
    members_of,
    profile_figures,
)


@dataclass(frozen=True)
class Entry:
    """One audience in the list."""

    name: str
    title: str
    rule: str
    version: int
    size: int
    journeys: list[tuple[str, str]]


@dataclass(frozen=True)
class Whole:
    """One audience with its surroundings."""

    entry: Entry
    everyone: int
    changes: list[DayChange]


async def build(visit: Visit) -> None:
    """The list of audiences."""
    page_head(visit, visit.say(audiences.title), visit.say(audiences.sub))
    with ui.element("div").classes("card flush"):
        listing: Listing[Entry, str] = Listing(
            load=lambda c, words, after: _entries(visit, c, words, after),
            key=lambda entry: entry.name,
            draw=lambda entry: _row(visit, entry),
            around=lambda rows: plain_table(_heads(visit), rows),
            hint=common.search,
            empty_icon="donut_small",
            empty=audiences.none_yet,
            empty_help=audiences.none_yet_help,
        )
        await SearchList(visit, listing).show()


def _entries(visit: Visit, cursor: Cursor, words: str, after: str | None) -> Sequence[Entry]:
    found = published(cursor, visit.workspace.id)
    sizes = audience_sizes(cursor, visit.workspace.id)
    entries = [_entry(visit, d, found, sizes) for d in found if d.kind == "audience"]
    wanted = words.lower()
    kept = [e for e in entries if wanted in e.name.lower() or wanted in e.title.lower()]
    return [e for e in kept if after is None or e.name > after][:PAGE_ROWS]


def _entry(
    visit: Visit, definition: Definition, found: list[Definition], sizes: dict[str, int]
) -> Entry:
    document = definition.document
    journeys = [
        (d.name, in_language(d.document.get("title", {}), visit.language, d.name))
        for d in found
        if d.kind == "journey" and d.document.get("entry", {}).get("audience") == definition.name
    ]
    return Entry(
        definition.name,
        in_language(document.get("title", {}), visit.language, definition.name),
        str(document.get("rule", "")),
        definition.version,
        sizes.get(definition.name, 0),
        journeys,
    )


def _heads(visit: Visit) -> list[Html]:
    return [
        el("th", visit.say(audiences.audience)),
        el("th", visit.say(audiences.rule), cls="wide"),
        el("th", visit.say(audiences.used_by), cls="wide"),
        el("th", visit.say(audiences.members), cls="num"),
    ]


def _row(visit: Visit, entry: Entry) -> Html:
    title = join(
        link(visit.to("audiences", entry.name), entry.title, cls="name"),
        div("muted small", entry.name),
    )
    return el(
        "tr",
        el("td", title),
        el("td", entry.rule, cls="wide mono muted clip", style="max-width:380px"),
        el("td", _used_by(visit, entry), cls="wide"),
        el("td", visit.formats.number(entry.size), cls="num strong"),
    )


def _used_by(visit: Visit, entry: Entry) -> Html:
    chips = [
        link(visit.to("journeys", name), title, cls="chip teal") for name, title in entry.journeys
    ]
    return div("chips", chips)


async def build_one(visit: Visit) -> None:
    """One audience."""
    pane = Pane(visit, bones=8)
    await pane.show(
        lambda: visit.read(lambda c: _load(visit, c)), lambda whole: _draw(visit, whole)
    )
    with ui.element("div").classes("card flush").style("margin-top:18px"):
        html(div("head", el("h2", visit.say(audiences.who))))
        await SearchList(visit, _members(visit), searchable=False).show()


def _load(visit: Visit, cursor: Cursor) -> Whole:
    workspace, name = visit.workspace.id, visit.parameters["name"]
    found = published(cursor, workspace)
    definition = next((d for d in found if d.kind == "audience" and d.name == name), None)
    if definition is None:
        raise NotFound(visit.say(common.no_such_page_help))
    return Whole(
        _entry(visit, definition, found, audience_sizes(cursor, workspace)),
        profile_figures(cursor, workspace).profiles,
        audience_changes(cursor, workspace, name, visit.formats.zone.key),
    )


def _draw(visit: Visit, whole: Whole) -> None:
    entry, formats = whole.entry, visit.formats
    crumb = link(visit.to("audiences"), visit.say(audiences.title))
    version = span("chip", visit.say(common.version, n=entry.version))
    page_head(visit, entry.title, entry.name, crumb, version)
    share = formats.percent(entry.size / whole.everyone) if whole.everyone else formats.percent(0)
    size = div(
        "kpi",
        div("label", visit.say(audiences.members)),
        div("value", visit.count(common.people, entry.size)),
        div("note", visit.say(audiences.share, share=share)),
    )
    used = div(
        "kpi",
        div("label", visit.say(audiences.used_by)),
        div("", _used_by(visit, entry), style="margin-top:6px"),
    )
    rule = div(
        "card",
        el("h2", visit.say(audiences.rule)),
        el("p", visit.say(audiences.rule_help), cls="muted", style="margin:2px 0 10px"),
        draw_rule(entry.rule),
    )
    with ui.element("div").classes("stack"):
        html(div("kpis", size, used))
        with ui.element("div").classes("cols"):
            html(rule)
            _size_chart(visit, whole)


def _size_chart(visit: Visit, whole: Whole) -> None:
    with ui.element("div").classes("card"):
        html(el("h2", visit.say(audiences.size_question)))
        changes = whole.changes
        if not changes:
            text = visit.say(audiences.no_history_help)
            html(nothing(visit, "show_chart", audiences.no_history, text))
            return
        formats = visit.formats
        answer = visit.say(
            audiences.size_answer,
            now=formats.number(whole.entry.size),
            first=formats.day(changes[0].day),
            entered=formats.number(sum(c.entered for c in changes)),
            exited=formats.number(sum(c.exited for c in changes)),
        )
        html(el("p", answer, cls="answer"))
        days, sizes = daily_sizes(changes)
        names = [formats.short_day(day) for day in days]
        chart(area(names, sizes, visit.say(audiences.series)), answer)
        html(el("p", visit.say(audiences.size_doubt, zone=formats.zone.key), cls="doubt"))


def daily_sizes(changes: Sequence[DayChange]) -> tuple[list[int], list[float]]:
    """Days without gaps and the size at the end of each."""
    by_day = {change.day: change.entered - change.exited for change in changes}
    days = without_gaps(by_day)
    return days, [float(total) for total in accumulate(by_day.get(day, 0) for day in days)]


def _members(visit: Visit) -> Listing[tuple[int, CustomerRow], tuple[int, int]]:
    name = visit.parameters["name"]

    def row(member: tuple[int, CustomerRow]) -> Html:
        joined, found = member
        address = visit.to("customers", found.customer_id)
        return el(
            "tr",
            el("td", customer_cell(visit, found.traits, found.first_value, address)),
            el("td", visit.formats.time_zoned(joined), cls="num muted"),
        )

    heads = [el("th", visit.say(common.name)), el("th", visit.say(audiences.joined), cls="num")]
    return Listing(
        load=lambda c, _, after: members_of(
            c, visit.workspace.id, name, limit=PAGE_ROWS, after=after
        ),
        key=lambda member: (member[0], member[1].customer_id),
        draw=row,
        around=lambda rows: plain_table(heads, rows),
        hint=common.search,
        empty_icon="group_off",
        empty=audiences.nobody,
        empty_help=audiences.nobody_help,
    )
