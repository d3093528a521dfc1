"""Sources: how each one is, what was wrong last, its runs; pause it, run it now, change it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import yaml
from nicegui import ui

from tsunagu.collect import sources as room
from tsunagu.collect.sources import Listed, Premises, Run
from tsunagu.console.acting import act
from tsunagu.console.beside import list_beside, row_link, rows_around
from tsunagu.console.data_room import data_head
from tsunagu.console.dialogs import confirm
from tsunagu.console.markup import Html, div, el, icon, join, link, span
from tsunagu.console.pane import Pane, button, html
from tsunagu.console.phrases import Phrase
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import Listing, plain_table
from tsunagu.console.source_form import SourceForm
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, sources
from tsunagu.core import NotFound
from tsunagu.core.times import wall

RUNS = 20
LOOK_SECONDS = 3.0
_COLOURS = {
    "new": "amber",
    "well": "green",
    "failing": "red",
    "paused": "amber",
    "running": "blue",
}
_GLYPHS = {
    "sql": "storage",
    "files": "folder_open",
    "rest": "api",
    "webhook": "webhook",
    "imap": "mail_outline",
}
_ENDS = {"done": "green", "failed": "red", "killed": "amber", "running": "blue", "stopped": "amber"}
Refresh = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Whole:
    """A source with all that its detail shows."""

    listed: Listed
    runs: list[Run]
    secrets: list[str]
    path: str | None
    moment: int


async def build(visit: Visit) -> None:
    """The list with one source beside it."""
    page = _Page(visit)
    with data_head(visit, "sources", sources.sub):
        button(visit.say(sources.add), page.ask_for_new, "primary", "add")
    names = [one.name for one in await visit.read(page.listed)]
    chosen = visit.parameters.get("name")
    listing: Listing[Listed, str] = Listing(
        load=page.load,
        key=lambda one: one.name,
        draw=page.row,
        around=rows_around,
        hint=sources.hint,
        empty_icon="input",
        empty=sources.none_yet,
        empty_help=sources.none_yet_help,
    )
    page.names += names if chosen is None or chosen in names else [*names, chosen]
    await list_beside(
        visit,
        listing,
        page.names.index(chosen) if chosen is not None else None,
        page.whole,
        page.draw,
        ("input", sources.choose, sources.choose_help),
        visit.to("data", "sources"),
    )


class _Page:
    """The list and the detail; rows are known by their place in `names`."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._premises = Premises(visit.desk.home, visit.desk.closed)
        self.names: list[str] = []

    def listed(self, cursor: Cursor) -> list[Listed]:
        """All sources of the workspace."""
        return room.list_sources(cursor, self._visit.workspace.id)

    def load(self, cursor: Cursor, words: str, after: str | None) -> Sequence[Listed]:
        """The sources whose name or kind holds the words; there is one page of them."""
        wanted = words.lower()
        return [
            one
            for one in self.listed(cursor)
            if after is None
            and any(
                wanted in text.lower()
                for text in (one.name, one.source.title, _kind(self._visit, one))
            )
        ]

    def row(self, one: Listed) -> Html:
        """A source in the list."""
        visit = self._visit
        if one.name not in self.names:
            self.names.append(one.name)
        error = one.standing.last_error
        second = error or _since(visit, one)
        return row_link(
            visit.to("data", "sources", one.name),
            self.names.index(one.name),
            div(
                "top",
                span("badge small", icon(_GLYPHS[one.source.kind])),
                span("strong clip grow", one.source.title or one.name),
                _chip(visit, one),
            ),
            div("muted small clip", f"{visit.count(sources.today, one.events_today)} · {second}"),
            chosen=one.name == visit.parameters.get("name"),
        )

    async def whole(self, number: int) -> Whole:
        """All about one source."""
        name = self.names[number]
        return await self._visit.read(lambda c: self._whole(c, name))

    def _whole(self, cursor: Cursor, name: str) -> Whole:
        workspace = self._visit.workspace.id
        for one in self.listed(cursor):
            if one.name == name:
                return Whole(
                    one,
                    room.list_runs(cursor, workspace, name, RUNS),
                    room.secret_names(cursor, workspace, name, self._premises.vault),
                    room.webhook_path(cursor, workspace, name),
                    wall(),
                )
        raise NotFound(self._visit.say(common.no_such_page_help))

    def draw(self, whole: Whole) -> None:
        """The detail; it looks again by itself while somebody looks at it."""
        visit, name = self._visit, whole.listed.name
        pane = Pane(visit, bones=4)
        with pane.box:
            self._content(whole, pane)

        async def look() -> None:
            if not pane.box.is_deleted:
                await pane.show(
                    lambda: visit.read(lambda c: self._whole(c, name)),
                    lambda found: self._content(found, pane),
                )

        ui.timer(LOOK_SECONDS, look, immediate=False)

    def _content(self, whole: Whole, pane: Pane) -> None:
        visit, one = self._visit, whole.listed
        heading = div("head", el("h2", one.source.title or one.name), _chip(visit, one))
        facts = [
            join(el("dt", visit.say(phrase)), el("dd", value, cls="break"))
            for phrase, value in _facts(visit, whole)
        ]
        html(div("mailhead", heading, _trouble(visit, one), el("dl", facts, cls="facts")))
        with ui.element("div").classes("chips").style("padding:14px 22px 4px"):
            self._buttons(one, pane)
        if one.source.kind != "webhook":
            heading = el("h3", visit.say(sources.runs))
            html(div("", heading, _runs(visit, whole), style="padding:14px 22px"))
        text = el("pre", _yaml(one), cls="json", style="margin:0")
        summary = el("summary", visit.say(sources.document), cls="muted")
        html(el("details", summary, text, style="padding:0 22px 18px"))

    def _buttons(self, one: Listed, pane: Pane) -> None:
        visit, name = self._visit, one.name

        async def again() -> None:
            await pane.show(
                lambda: visit.read(lambda c: self._whole(c, name)),
                lambda found: self._content(found, pane),
            )

        workspace = visit.workspace.id

        async def run() -> None:
            told = visit.operator
            await act(visit, "source.run", name, lambda c: room.run_now(c, workspace, name, told))
            ui.notify(visit.say(sources.asked), position="top")
            await again()

        async def switch() -> None:
            paused = one.standing.paused
            work = room.resume if paused else room.pause
            action = "source.resume" if paused else "source.pause"
            await act(visit, action, name, lambda c: work(c, workspace, name))
            await again()

        if one.source.kind != "webhook":
            button(visit.say(sources.run_now), run, "primary", "play_arrow")
        word = sources.resume if one.standing.paused else sources.pause
        button(visit.say(word), switch, "", "play_arrow" if one.standing.paused else "pause")
        button(visit.say(sources.edit), lambda: self._change(one, again), "", "edit")
        if one.source.kind != "webhook":
            button(visit.say(sources.reset), lambda: self._ask_to_reset(name, again), "quiet")
        button(visit.say(sources.remove), lambda: self._ask_to_remove(name), "quiet")

    def ask_for_new(self) -> None:
        """The form for a new source."""

        async def show(name: str) -> None:
            ui.navigate.to(self._visit.to("data", "sources", name))

        SourceForm(self._visit, self._premises, show).ask()

    def _change(self, one: Listed, again: Refresh) -> None:
        async def saved(_: str) -> None:
            await again()

        SourceForm(self._visit, self._premises, saved).change(one.name, _yaml(one))

    def _ask_to_remove(self, name: str) -> None:
        visit, workspace = self._visit, self._visit.workspace.id

        async def remove() -> None:
            await act(visit, "source.remove", name, lambda c: room.remove(c, workspace, name))
            ui.navigate.to(visit.to("data", "sources"))

        confirm(
            visit,
            visit.say(sources.remove_question, name=name),
            el("p", visit.say(sources.remove_effect)),
            visit.say(sources.remove),
            remove,
        )

    def _ask_to_reset(self, name: str, again: Refresh) -> None:
        visit, workspace = self._visit, self._visit.workspace.id

        async def reset() -> None:
            await act(visit, "source.reset", name, lambda c: room.reset(c, workspace, name))
            await again()

        confirm(
            visit,
            visit.say(sources.reset_question, name=name),
            el("p", visit.say(sources.reset_effect)),
            visit.say(sources.reset),
            reset,
        )


def _kind(visit: Visit, one: Listed) -> str:
    return visit.say(sources.KINDS[one.source.kind])


def _chip(visit: Visit, one: Listed) -> Html:
    return span(f"chip {_COLOURS[one.state]}", visit.say(sources.STATES[one.state]))


def _since(visit: Visit, one: Listed) -> str:
    well = one.standing.last_ok_at
    if well is None:
        return visit.say(sources.when_sent if one.source.kind == "webhook" else sources.never)
    return visit.say(sources.ago, span=visit.formats.span(max(0, wall() - well)))


def _trouble(visit: Visit, one: Listed) -> Html | None:
    error, due = one.standing.last_error, one.standing.next_run_at
    if error is None:
        return None
    retry = ""
    if due is not None and not one.standing.paused:
        retry = visit.say(sources.will_retry, at=visit.formats.time_zoned(due))
    words = div(
        "grow",
        el("b", visit.say(sources.last_error)),
        div("break", error),
        div("", visit.say(sources.what_to_do), " ", retry),
    )
    return div("notice red", icon("error_outline"), words, role="alert", style="margin:12px 0")


def _facts(visit: Visit, whole: Whole) -> list[tuple[Phrase, Html | str]]:
    one, formats = whole.listed, visit.formats
    standing, source = one.standing, one.source
    found: list[tuple[Phrase, Html | str]] = [(sources.kind, _kind(visit, one))]
    if whole.path is not None:
        address = f"{visit.desk.collect_url}{whole.path}"
        found.append((sources.address, span("secret mono", address, style="display:block")))
        found.append((sources.calls, _calls(visit, one)))
    told = source.mapping if isinstance(source.mapping, str) else visit.say(sources.own_mapping)
    found.append((sources.mapping, told))
    if source.kind != "webhook":
        found.append((sources.schedule, _schedule(visit, one)))
        if standing.next_run_at is not None and not standing.paused:
            found.append((sources.next_run, formats.time_zoned(standing.next_run_at)))
        if standing.last_ok_at is not None:
            found.append((sources.last_ok, formats.time_zoned(standing.last_ok_at)))
        if standing.newest_at is not None:
            span_ = formats.span(max(0, whole.moment - standing.newest_at))
            at = formats.time_zoned(standing.newest_at)
            found.append((sources.lag, visit.say(sources.lag_value, at=at, span=span_)))
    found.append((sources.secrets, ", ".join(whole.secrets) or visit.say(sources.no_secrets)))
    return found


def _calls(visit: Visit, one: Listed) -> str:
    called, number = one.calls, visit.formats.number
    if called is None:
        return visit.say(sources.no_calls)
    return visit.say(
        sources.calls_value,
        calls=number(called.calls),
        events=number(called.events),
        refused=number(called.refused),
        forged=number(called.forged),
    )


def _schedule(visit: Visit, one: Listed) -> str:
    schedule = one.source.schedule
    if schedule is None:
        return visit.say(sources.on_demand)
    if schedule.every is not None:
        known = sources.INTERVALS.get(schedule.every)
        return visit.say(known) if known else schedule.every
    return f"{schedule.cron} ({schedule.zone})"


def _runs(visit: Visit, whole: Whole) -> Html:
    if not whole.runs:
        return el("p", visit.say(sources.no_runs), cls="muted")
    phrases = (sources.began, sources.outcome, sources.rows, sources.events, sources.known)
    wide = {sources.rows, sources.known, sources.took}
    figures = {*wide, sources.events, sources.refused}
    heads = [
        el("th", visit.say(phrase), cls=_column(phrase in wide, phrase in figures))
        for phrase in (*phrases, sources.refused, sources.took)
    ]
    rows = [_run(visit, run, whole.moment) for run in whole.runs]
    letters = visit.to("data", "dead-letters", source=whole.listed.name)
    refused = any(run.refused for run in whole.runs)
    more = link(letters, visit.say(sources.see_letters)) if refused else None
    return join(plain_table(heads, rows), more)


def _column(wide: bool, figure: bool) -> str:
    return " ".join(word for word, on in (("wide", wide), ("num", figure)) if on)


def _run(visit: Visit, run: Run, now: int) -> Html:
    number = visit.formats.number
    took = visit.formats.span(max(0, (run.ended_at or now) - run.started_at))
    words = visit.say(sources.OUTCOMES[run.outcome])
    return el(
        "tr",
        el("td", div("nowrap", visit.formats.time(run.started_at)), div("muted small", run.cause)),
        el("td", span(f"chip {_ENDS[run.outcome]}", words), title=run.error),
        el("td", number(run.rows), cls="wide num"),
        el("td", number(run.events), cls="num"),
        el("td", number(run.known), cls="wide num"),
        el("td", number(run.refused), cls="num"),
        el("td", took, cls="wide num"),
    )


def _yaml(one: Listed) -> str:
    document = one.source.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    document["from"] = {"kind": one.source.kind, **document["from"]}
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
