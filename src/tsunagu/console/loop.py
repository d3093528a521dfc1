"""The loop as a picture: eight stations from collect to measure, with their live figures."""

from __future__ import annotations

from dataclasses import dataclass

from tsunagu.access import published
from tsunagu.console.markup import Child, Html, div, el, icon, link, span
from tsunagu.console.phrases import Phrase, in_language
from tsunagu.console.queries import Report, reports
from tsunagu.console.reader import Cursor
from tsunagu.console.visit import Visit
from tsunagu.console.words import overview
from tsunagu.core.events import AUDIENCE_ENTERED, LINK_CLICKED, UNSUBSCRIBED
from tsunagu.core.times import wall
from tsunagu.eventlog import CursorView, log_cursors
from tsunagu.identity import IdentityFigures, identity_figures
from tsunagu.journeys import JourneyFigures, journey_figures
from tsunagu.profiles import (
    ANSWERS,
    ProfileFigures,
    audience_sizes,
    profile_figures,
    told_counts,
)
from tsunagu.sending import SendFigures, refusal_reasons, send_figures


@dataclass(frozen=True)
class Figures:
    """What the picture shows of one workspace."""

    identities: IdentityFigures
    profiles: ProfileFigures
    audiences: dict[str, int]
    journeys: list[JourneyFigures]
    sends: SendFigures
    refusals: list[tuple[str, int]]
    told: dict[str, int]
    results: list[Report]
    titles: dict[str, dict[str, str]]
    readers: list[CursorView]


def gather(cursor: Cursor, workspace_id: int) -> Figures:
    """All figures in one transaction, so that they fit each other."""
    return Figures(
        identity_figures(cursor, workspace_id),
        profile_figures(cursor, workspace_id),
        audience_sizes(cursor, workspace_id),
        journey_figures(cursor, workspace_id),
        send_figures(cursor, workspace_id),
        refusal_reasons(cursor, workspace_id),
        told_counts(cursor, workspace_id),
        reports(cursor, workspace_id),
        {
            d.name: d.document.get("title", {})
            for d in published(cursor, workspace_id)
            if d.kind == "audience"
        },
        log_cursors(cursor, workspace_id),
    )


def draw_loop(visit: Visit, figures: Figures, rate: float) -> Html:
    """The stations in two rows; the second runs back, so that the last leads to the first."""
    stations = (
        (1, _collect(visit, figures, rate), "right"),
        (2, _identify(visit, figures), "right"),
        (3, _understand(visit, figures), "right"),
        (4, _decide(visit, figures), "down"),
        (8, _measure(visit, figures), "up"),
        (7, _answers(visit, figures), "left"),
        (6, _archive(visit, figures), "left"),
        (5, _speak(visit, figures), "left"),
    )
    drawn = [
        div("stop", content, _arrow(way), style=f"--at:{step}") for step, content, way in stations
    ]
    words = span("returns", visit.say(overview.returns))
    return div("loop live" if rate > 0 else "loop", drawn, words)


_ARROWS = {
    "right": ("0 0 40 12", "M2 6H32", "M31 1.5L39 6L31 10.5Z"),
    "left": ("0 0 40 12", "M38 6H8", "M9 1.5L1 6L9 10.5Z"),
    "down": ("0 0 12 56", "M6 2V48", "M1.5 47L6 55L10.5 47Z"),
    "up": ("0 0 12 56", "M6 54V8", "M1.5 9L6 1L10.5 9Z"),
}


def _arrow(way: str) -> Html:
    box, shaft, point = _ARROWS[way]
    picture = el(
        "svg",
        el("path", d=shaft, cls="flow"),
        el("path", d=point, cls="head-arrow"),
        viewBox=box,
        width="100%",
        height="100%",
        preserveAspectRatio="none",
    )
    return span(f"arrow {way}", picture, aria_hidden="true")


def _station(
    visit: Visit, step: int, name: Phrase, glyph: str, to: str, big: Child, *lines: Child
) -> Html:
    title = div("title", icon(glyph), visit.say(name), span("step", str(step)))
    return link(to, title, big, *lines, cls="station")


def _big(visit: Visit, value: str, unit: Phrase) -> Html:
    return div("big", value, span("unit", visit.say(unit)))


def _line(*content: Child) -> Html:
    return div("line", *content)


def _collect(visit: Visit, figures: Figures, rate: float) -> Html:
    number = visit.formats.number
    received = max((r.last_received_at for r in figures.readers), default=0)
    if rate > 0:
        state = _line(span("dot green"), visit.say(overview.per_second, n=number(rate)))
    elif received:
        since = visit.formats.span(max(0, wall() - received))
        state = _line(span("dot"), visit.say(overview.last_event, span=since))
    else:
        state = _line(span("dot"), visit.say(overview.quiet_now))
    big = _big(visit, number(figures.profiles.events), overview.unit_events)
    return _station(visit, 1, overview.collect, "sensors", visit.to("data"), big, state)


def _identify(visit: Visit, figures: Figures) -> Html:
    found = figures.identities
    return _station(
        visit,
        2,
        overview.identify,
        "link",
        visit.to("customers"),
        _big(visit, visit.formats.number(found.customers), overview.unit_customers),
        _line(visit.count(overview.identifiers_known, found.identifiers)),
        _line(visit.count(overview.merges_done, found.merges)),
    )


def _understand(visit: Visit, figures: Figures) -> Html:
    sizes = figures.audiences
    joined = figures.told.get(AUDIENCE_ENTERED, 0)
    lines = [
        _line(visit.count(overview.audiences_live, len(figures.titles))),
        _line(visit.count(overview.joined_so_far, joined)),
    ]
    if sizes:
        name, size = max(sizes.items(), key=lambda pair: pair[1])
        title = in_language(figures.titles.get(name, {}), visit.language, name)
        words = visit.say(overview.largest_audience, name=title, n=visit.formats.number(size))
        lines.append(_line(span("clip", words)))
    big = _big(visit, visit.formats.number(sum(sizes.values())), overview.unit_members)
    return _station(
        visit, 3, overview.understand, "psychology_alt", visit.to("audiences"), big, *lines
    )


def _decide(visit: Visit, figures: Figures) -> Html:
    entered = sum(j.entered for j in figures.journeys)
    active = sum(j.active for j in figures.journeys)
    held = sum(j.holdout for j in figures.journeys)
    return _station(
        visit,
        4,
        overview.decide,
        "alt_route",
        visit.to("journeys"),
        _big(visit, visit.formats.number(entered), overview.unit_enrolled),
        _line(visit.count(overview.running_now, active)),
        _line(visit.count(overview.held_out, held)),
    )


def _speak(visit: Visit, figures: Figures) -> Html:
    sends, number = figures.sends, visit.formats.number
    lines = [
        _line(visit.count(overview.waiting, sends.waiting)),
        _line(visit.count(overview.refused, sends.refused)),
    ]
    failed, unknown = sends.states.get("failed", 0), sends.states.get("unknown", 0)
    if failed or unknown:
        words = visit.say(overview.failed, n=number(failed), u=number(unknown))
        lines.append(_line(span("dot red"), words))
    big = _big(visit, number(sends.states.get("sent", 0)), overview.unit_sent)
    return _station(visit, 5, overview.speak, "send", visit.to("content", "archive"), big, *lines)


def _archive(visit: Visit, figures: Figures) -> Html:
    return _station(
        visit,
        6,
        overview.archive,
        "inventory_2",
        visit.to("content", "archive"),
        _big(visit, visit.formats.number(figures.sends.archived), overview.unit_archived),
        _line(visit.say(overview.every_word)),
    )


def _answers(visit: Visit, figures: Figures) -> Html:
    counts = figures.told
    goals = sum(j.treated_goals + j.holdout_goals for j in figures.journeys)
    total = sum(counts.get(name, 0) for name in ANSWERS) + goals
    return _station(
        visit,
        7,
        overview.answers,
        "ads_click",
        visit.to("journeys"),
        _big(visit, visit.formats.number(total), overview.unit_answers),
        _line(visit.count(overview.clicks, counts.get(LINK_CLICKED, 0))),
        _line(visit.count(overview.unsubscribes, counts.get(UNSUBSCRIBED, 0))),
        _line(visit.count(overview.goals, goals)),
    )


def _measure(visit: Visit, figures: Figures) -> Html:
    found = [r for r in figures.results if r.name.startswith("experiment:")]
    if not found:
        big = div("big", span("unit", visit.say(overview.no_result)))
        help_line = _line(visit.say(overview.no_result_help))
        return _station(visit, 8, overview.measure, "balance", visit.to("insights"), big, help_line)
    gap = max(found, key=lambda report: report.at).document["difference"]
    points = visit.formats.points
    return _station(
        visit,
        8,
        overview.measure,
        "balance",
        visit.to("insights"),
        div("big", points(gap["value"])),
        _line(visit.say(overview.against_holdout)),
        _line(visit.say(overview.interval, low=points(gap["low"]), high=points(gap["high"]))),
    )
