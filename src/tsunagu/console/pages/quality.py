"""Quality: how good the customer data is that each source brings, and what to mend first."""

from __future__ import annotations

import asyncio

from tsunagu.analysis import Busy, Refused
from tsunagu.console.comparing import column_name, in_sentence, listed
from tsunagu.console.data_room import data_head
from tsunagu.console.markup import Html, div, el, icon, join, link, span
from tsunagu.console.pane import Pane, html, nothing
from tsunagu.console.phrases import Phrase
from tsunagu.console.quality_bars import bars, legend
from tsunagu.console.visit import Visit
from tsunagu.console.words import quality
from tsunagu.identity.quality import Finding, SourceQuality, weighed
from tsunagu.serve.quality import DAYS, Quality, conclude, look, prepare

MOST_FIRST = 5
_TOO_MUCH = ("seconds", "memory", "disk", "result")


async def build(visit: Visit) -> None:
    """What is worth mending, then each source."""
    data_head(visit, "quality", quality.sub)
    asked = visit.query.get("days", "")
    days = int(asked) if asked in map(str, quality.PERIODS) else DAYS
    html(_periods(visit, days))
    pane = Pane(visit, bones=12)
    await pane.show(lambda: _load(visit, days), lambda found: _draw(visit, found))


def _periods(visit: Visit, days: int) -> Html:
    chips = [
        link(
            visit.to("data", "quality", days=length),
            visit.say(phrase),
            cls="chip teal" if length == days else "chip",
            aria_current=length == days or None,
        )
        for length, phrase in quality.PERIODS.items()
    ]
    return div("chips quality-periods", chips)


async def _load(visit: Visit, days: int) -> Quality | Phrase:
    """The figures, or why there are none; the lake is asked without holding a connection."""
    workspace, analysts = visit.workspace.id, visit.desk.analysts
    question = await visit.read(lambda c: prepare(c, workspace, days))
    loop = asyncio.get_running_loop()
    try:
        brought = await loop.run_in_executor(None, look, analysts, workspace, question)
    except Busy:
        return quality.busy
    except Refused as refusal:
        if refusal.why in _TOO_MUCH:
            return quality.too_much
        raise
    return await visit.read(lambda c: conclude(c, workspace, question, brought))


def _draw(visit: Visit, found: Quality | Phrase) -> None:
    if isinstance(found, Phrase):
        html(div("notice amber", icon("info"), div("grow", visit.say(found)), role="alert"), "card")
        return
    if not found.sources:
        text = visit.say(quality.none_yet_help)
        more = link(visit.to("data", "sources"), visit.say(quality.to_sources), cls="btn")
        html(nothing(visit, "fact_check", quality.none_yet, text, el("p", more)), "card")
        return
    cards = [_first(visit, found), *(_source(visit, source) for source in found.sources)]
    html(div("stack", cards))


def _first(visit: Visit, found: Quality) -> Html:
    """The findings of all sources, by how many customers they touch."""
    ranked = sorted(
        ((source, finding) for source in found.sources for finding in source.worst),
        key=lambda one: -weighed(one[1]) * one[0].told,
    )[:MOST_FIRST]
    answer = visit.say(quality.first_none)
    if ranked:
        source, finding = ranked[0]
        column = in_sentence(visit, finding.column)
        answer = visit.say(quality.first_answer, source=source.source, column=column)
    formats = visit.formats
    span_of = visit.say(
        quality.from_to, since=formats.day(found.since), until=formats.time_zoned(found.until)
    )
    return div(
        "card",
        div("head", el("h2", visit.say(quality.first_title))),
        el("p", answer, cls="answer"),
        el("ol", [_to_mend(visit, *one) for one in ranked], cls="quality-first"),
        el("h3", visit.say(quality.how_read)),
        legend(visit),
        el("p", f"{span_of} · {visit.say(quality.late)}", cls="doubt"),
    )


def _to_mend(visit: Visit, source: SourceQuality, finding: Finding) -> Html:
    words = visit.say(
        quality.FINDINGS[finding.problem],
        column=column_name(visit, finding.column),
        share=visit.formats.percent(finding.share, 0),
    )
    touched = round(finding.share * source.told)
    exactly = source.sampled == source.told
    people = visit.count(quality.people_exactly if exactly else quality.people_about, touched)
    return el(
        "li",
        div(
            "quality-finding",
            span("strong", words),
            span("chip", source.source),
            span("muted small", people),
        ),
        div("muted", visit.say(_advice(finding))),
    )


def _advice(finding: Finding) -> Phrase:
    if finding.problem == "unreadable" and finding.kind in quality.UNREADABLE:
        return quality.UNREADABLE[finding.kind]
    return quality.ADVICE[finding.problem]


def _source(visit: Visit, source: SourceQuality) -> Html:
    number = visit.formats.number
    if source.told:
        body = join(bars(visit, source), _not_told(visit, source))
        exactly = source.sampled == source.told
        phrase = quality.all_looked_at if exactly else quality.some_looked_at
        doubt = visit.say(
            phrase, count=source.told, told=number(source.told), n=number(source.sampled)
        )
    else:
        body, doubt = el("p", visit.say(quality.tells_nothing), cls="muted"), None
    return div(
        "card quality-source",
        div("head", el("h2", source.source)),
        _figures(visit, source),
        body,
        el("p", doubt, cls="doubt") if doubt else None,
    )


def _not_told(visit: Visit, source: SourceQuality) -> Html | None:
    missing = [column_name(visit, c.column) for c in source.columns if not c.filled]
    if not missing:
        return None
    words = visit.say(quality.not_told, columns=listed(visit, missing))
    return el("p", words, cls="muted small")


def _figures(visit: Visit, source: SourceQuality) -> Html:
    number, percent, say = visit.formats.number, visit.formats.percent, visit.say
    everybody = source.customers or 1
    letters = visit.to("data", "dead-letters", source=source.source, state="all")
    put_aside = number(source.dead_letters)
    checked = say(quality.off_plan_note, n=number(source.checked))
    off_plan = number(source.violating) if source.checked else "–"
    events = visit.count(quality.events_note, source.events)
    return div(
        "quality-figures",
        _figure(say(quality.customers), number(source.customers), events),
        _figure(
            say(quality.joined),
            percent(source.joined / everybody, 0),
            visit.count(quality.people_exactly, source.joined),
        ),
        _figure(
            say(quality.alone),
            percent(source.alone / everybody, 0),
            visit.count(quality.people_exactly, source.alone),
        ),
        _figure(
            say(quality.refused),
            link(letters, put_aside) if source.dead_letters else put_aside,
            say(quality.refused_note),
        ),
        _figure(
            say(quality.off_plan),
            link(visit.to("data", "plan"), off_plan) if source.violating else off_plan,
            checked if source.checked else say(quality.off_plan_none),
        ),
    )


def _figure(label: str, value: str | Html, note: str) -> Html:
    return div("", div("muted small", label), div("quality-value", value), div("muted small", note))
