"""Overview: the loop as a picture with live figures, and whether everything runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import psycopg
from nicegui import ui

from tsunagu.console import charts
from tsunagu.console.days import without_gaps
from tsunagu.console.frame import page_head
from tsunagu.console.loop import Figures, draw_loop, gather
from tsunagu.console.markup import Html, div, el, icon, join, span
from tsunagu.console.pane import Pane, html, nothing
from tsunagu.console.phrases import Phrase
from tsunagu.console.queries import ProcessView, processes
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, overview
from tsunagu.console.words.reasons import reason_words
from tsunagu.core.times import DAY, SECOND, wall
from tsunagu.sending import sends_by_day

REFRESH_SECONDS = 2.0
SILENT_SECONDS = 10.0
SAID_DAYS = 60
ROLES: tuple[tuple[str, Phrase, str], ...] = (
    ("collector", overview.role_collector, "tsunagu.collect.events"),
    ("pipeline", overview.role_pipeline, "tsunagu.pipeline.events"),
    ("sender", overview.role_sender, "tsunagu.sending.sent"),
    ("lake", overview.role_lake, "tsunagu.lake.events"),
    ("public", overview.role_public, ""),
    ("console", overview.role_console, ""),
    ("mailbox", overview.role_mailbox, ""),
)


@dataclass
class Pulse:
    """Events a second, from two looks at the same counter."""

    counts: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])

    def beat(self, events: int) -> float:
        """Notes a count; the rate over the last ten seconds."""
        now = time.monotonic()
        self.counts = [seen for seen in self.counts if seen[0] > now - 10][-10:]
        self.counts.append((now, events))
        (since, before), seconds = self.counts[0], now - self.counts[0][0]
        del since
        return max(0.0, (events - before) / seconds) if seconds > 0.5 else 0.0


async def build(visit: Visit) -> None:
    """Draws the page and keeps its figures fresh."""
    page_head(visit, visit.say(overview.title), visit.say(overview.sub))
    pulse = Pulse()
    with ui.element("div").classes("stack"):
        loop = html(Html(""))
        with ui.element("div").classes("cols"):
            with ui.element("div").classes("stack"):
                said = Pane(visit, bones=4)
                reasons = html(Html(""))
            health = html(Html(""))

    async def refresh() -> None:
        try:
            figures = await visit.shared("loop", lambda c: gather(c, visit.workspace.id))
            running = await visit.desk.reader.outside(processes)
        except psycopg.Error:
            loop.set_content(_cannot_load(visit))
            return
        loop.set_content(draw_loop(visit, figures, pulse.beat(figures.profiles.events)))
        reasons.set_content(
            _refusals(visit, figures) if figures.profiles.events else _first_event(visit)
        )
        health.set_content(_health(visit, running))

    await refresh()
    await said.show(lambda: _sends_by_day(visit), lambda days: _said(visit, days))
    ui.timer(REFRESH_SECONDS, refresh, immediate=False)


def _cannot_load(visit: Visit) -> Html:
    words = visit.say(common.cannot_load_help)
    return div("card", nothing(visit, "cloud_off", common.cannot_load, words))


async def _sends_by_day(visit: Visit) -> list[tuple[int, int, int]]:
    now = visit.workspace.clock_now or wall()
    zone, since = visit.formats.zone.key, now - SAID_DAYS * DAY
    return await visit.shared(
        f"sends by day {zone}", lambda c: sends_by_day(c, visit.workspace.id, zone, since)
    )


def _said(visit: Visit, days: list[tuple[int, int, int]]) -> None:
    number = visit.formats.number
    with ui.element("div").classes("card"):
        html(el("h2", visit.say(overview.said_question)))
        if not days:
            text = visit.say(overview.nothing_said_help)
            html(nothing(visit, "send", overview.nothing_said, text))
            return
        answer = visit.say(
            overview.said_answer,
            days=SAID_DAYS,
            sent=number(sum(sent for _, sent, _ in days)),
            refused=number(sum(refused for _, _, refused in days)),
        )
        html(el("p", answer, cls="answer"))
        counts = {day: (sent, refused) for day, sent, refused in days}
        axis = without_gaps(counts)
        sent, refused = zip(*(counts.get(day, (0, 0)) for day in axis), strict=True)
        names = [visit.formats.short_day(day) for day in axis]
        series = [
            (visit.say(overview.sent), charts.ACCENT, list(sent)),
            (visit.say(overview.not_sent), charts.RED, list(refused)),
        ]
        charts.chart(charts.stacked_days(names, series), answer, "chart")
        zone = visit.formats.zone_name()
        html(el("p", visit.say(overview.said_doubt, zone=zone), cls="doubt"))


def _first_event(visit: Visit) -> Html:
    command = (
        f"curl -u WRITE_KEY: {visit.desk.collect_url or 'http://127.0.0.1:8082'}/v1/track \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        '  -d \'{"userId": "customer-1", "event": "Order Completed"}\''
    )
    return div(
        "card",
        el("h2", visit.say(overview.first_event)),
        el("p", visit.say(overview.first_event_help), cls="muted", style="margin:4px 0 12px"),
        el("pre", command, cls="json", style="margin:0"),
    )


def _refusals(visit: Visit, figures: Figures) -> Html:
    heading = el("h2", visit.say(overview.why_refused))
    total = sum(count for _, count in figures.refusals)
    if not total:
        words = visit.say(overview.nothing_refused_help)
        return div("card", heading, nothing(visit, "verified", overview.nothing_refused, words))
    number, percent = visit.formats.number, visit.formats.percent
    top, top_count = figures.refusals[0]
    answer = visit.say(
        overview.why_refused_answer,
        share=percent(top_count / total, 0),
        reason=visit.say(reason_words(top)),
    )
    rows = [
        div(
            "barrow",
            span("clip", visit.say(reason_words(reason))),
            div("bar red", span("", style=f"width:{count / top_count * 100:.1f}%")),
            span("num", number(count)),
        )
        for reason, count in figures.refusals[:6]
    ]
    doubt = visit.say(overview.why_refused_doubt, n=number(total))
    return div("card", heading, el("p", answer, cls="answer"), rows, el("p", doubt, cls="doubt"))


def _health(visit: Visit, running: list[ProcessView]) -> Html:
    heading = el("h2", visit.say(overview.health))
    if not running:
        words = visit.say(overview.no_processes_help)
        return div("card", heading, nothing(visit, "power_off", overview.no_processes, words))
    rows = [
        _process(visit, name, [p for p in running if p.role == role], counter)
        for role, name, counter in ROLES
        if role != "mailbox" or any(p.role == role for p in running)
    ]
    well = all(
        any(p.role == role and p.silent_seconds < SILENT_SECONDS for p in running)
        for role, _, _ in ROLES
        if role != "mailbox"
    )
    mark = (
        span("chip green", icon("check_circle"), visit.say(overview.healthy))
        if well
        else span("chip red", icon("error_outline"), visit.say(overview.one_down))
    )
    table = el("table", el("tbody", rows), cls="list")
    return div("card flush", div("head", heading, span("grow"), mark), _lag(visit, running), table)


def _process(visit: Visit, name: Phrase, found: list[ProcessView], counter: str) -> Html:
    if not found:
        state = join(span("dot red"), " ", visit.say(overview.missing))
        return el("tr", el("td", visit.say(name), cls="strong"), el("td", state), el("td"))
    oldest = max(found, key=lambda process: process.silent_seconds)
    if oldest.silent_seconds < SILENT_SECONDS:
        up = visit.formats.span(max(SECOND, wall() - min(p.started_at for p in found)))
        state = join(span("dot green"), " ", visit.say(overview.running_since, span=up))
    else:
        silence = visit.formats.span(int(oldest.silent_seconds * SECOND))
        state = join(span("dot red"), " ", visit.say(overview.silent, span=silence))
    counted = [c for c in (p.figure(counter) for p in found) if c is not None]
    handled = visit.formats.number(sum(counted)) if counted else ""
    title = visit.say(name) + (f" × {len(found)}" if len(found) > 1 else "")
    return el(
        "tr",
        el("td", title, cls="strong"),
        el("td", state, cls="nowrap"),
        el("td", handled, cls="num muted wide", title=visit.say(overview.handled)),
    )


def _lag(visit: Visit, running: list[ProcessView]) -> Html | None:
    lags = [p.figure("tsunagu.pipeline.lag") for p in running if p.role == "pipeline"]
    known = [lag for lag in lags if lag is not None]
    if not known:
        return None
    figure = visit.formats.span(int(max(known) * SECOND))
    words = join(visit.say(overview.lag), " ", el("b", figure, style="color:var(--ink)"))
    note = span("muted small", " · ", visit.say(overview.lag_help))
    return div("muted", words, note, style="padding:0 20px 6px")
