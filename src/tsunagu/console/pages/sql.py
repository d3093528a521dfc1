"""SQL: analysts ask the lake, see the rows as table or chart, and keep their questions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import psycopg
from nicegui import ui

from tsunagu import analysis
from tsunagu.analysis import Asking, Busy, QueryRun, Refused, SavedQuery, Stopped
from tsunagu.console.acting import act
from tsunagu.console.data_room import data_head
from tsunagu.console.dialogs import confirm, dialog, problem_line, text_field
from tsunagu.console.markup import Html, div, el, icon, join, span
from tsunagu.console.pane import button, html
from tsunagu.console.phrases import Phrase
from tsunagu.console.reader import Cursor
from tsunagu.console.sql_answer import Answer, draw_answer, draw_nothing_yet, draw_refusal
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, sql
from tsunagu.core import Invalid
from tsunagu.core.times import wall

ROWS = 5_000
LAST = 12
_MOST_BYTES = 32 << 20
_LONGEST_SUBJECT = 500
_STARTS: tuple[tuple[Phrase, str], ...] = (
    (
        sql.start_days,
        "select date_trunc('day', known_at) as day, count(*) as events\n"
        "from events\ngroup by 1\norder by 1",
    ),
    (
        sql.start_names,
        "select name, count(*) as events\nfrom events\ngroup by 1\norder by 2 desc\nlimit 20",
    ),
    (
        sql.start_customers,
        "select customer_id, count(*) as events, max(known_at) as last_known\n"
        "from customer_events\nwhere customer_id is not null\n"
        "group by 1\norder by 2 desc\nlimit 50",
    ),
)
_TABLES: tuple[tuple[str, Phrase, str], ...] = (
    (
        "events",
        sql.table_events,
        "position, received_at, known_at, happened_at, message_id, type, name, user_id, "
        "anonymous_id, previous_id, group_id, source, properties, traits, context, month",
    ),
    ("customer_events", sql.table_customer_events, "… + customer_id"),
    (
        "customers",
        sql.table_customers,
        "customer_id, valid_from, merged_into, first_seen, last_seen, events, traits, audiences",
    ),
    ("customer_history", sql.table_customer_history, "… + valid_to"),
    ("identity", sql.table_identity, "kind, value, customer_id, first_position"),
)


@dataclass(frozen=True)
class Lists:
    """The questions that can be chosen."""

    saved: list[SavedQuery]
    last: list[QueryRun]


async def build(visit: Visit) -> None:
    """The editor with its answer, and the lists of questions beside it."""
    page = _Page(visit)
    with data_head(visit, "sql", sql.sub):
        page.actions()
    with ui.element("div").classes("cols beside"):
        with ui.element("div").classes("stack"):
            page.editor(visit.query.get("q", "")[:20_000])
            with ui.element("div").classes("stack") as page.answer:
                draw_nothing_yet(visit)
        with ui.element("div").classes("stack") as page.side:
            html(div("card", div("bone")))
    await page.refresh_lists()
    ui.timer(0.5, page.tick)
    ui.context.client.on_disconnect(page.stop)


class _Page:
    """One viewer's page: what is asked now, and where its answer goes."""

    answer: ui.element
    side: ui.element

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._asking: Asking | None = None
        self._began: float | None = None

    def actions(self) -> None:
        """The main action, top right."""
        visit = self._visit
        self._state = html(Html(""), "muted small sql-state")
        self._run = button(visit.say(sql.run), self.run, "primary", "play_arrow")
        self._stop = button(visit.say(sql.stop), self.stop, "", "stop")
        self._stop.set_visibility(False)

    def editor(self, text: str) -> None:
        """The place to write a question."""
        visit = self._visit
        with ui.element("div").classes("card flush sql-editor"):
            self._text = ui.codemirror(
                text or _STARTS[1][1],
                language="PostgreSQL",
                line_wrapping=True,
                indent="  ",
                keymap={"Mod-Enter": lambda _: self.run()},
            )
            self._text.props["aria-label"] = visit.say(sql.question)
            with ui.element("div").classes("sql-foot"):
                html(span("muted small", visit.say(sql.keys)), "grow")
                button(visit.say(sql.save), self._ask_name, "quiet", "bookmark_add")

    async def run(self) -> None:
        """Ask what is written; the page stays usable meanwhile."""
        if self._began is not None:
            return
        visit, text = self._visit, self._text.value or ""
        self._began = time.monotonic()
        self.tick()
        try:
            allowed = await act(visit, "sql.ask", text[:_LONGEST_SUBJECT], lambda _: True)
            if allowed:
                await self._answer(text)
        except psycopg.Error:
            self._draw(lambda: html(_away(visit)))
        finally:
            self._began, self._asking = None, None
            self.tick()

    async def _answer(self, text: str) -> None:
        visit, began = self._visit, time.monotonic()
        outcome: analysis.Outcome = "done"
        rows = 0
        try:
            answer = await asyncio.get_running_loop().run_in_executor(None, self._ask, text)
        except Stopped as refusal:
            outcome, said = "stopped", refusal
            self._draw(lambda: draw_refusal(visit, said))
        except Refused as refusal:
            outcome, problem = "refused", refusal
            self._draw(lambda: draw_refusal(visit, problem))
        except Busy as busy:
            outcome, wait = "refused", Refused(str(busy), "busy")
            self._draw(lambda: draw_refusal(visit, wait))
        else:
            rows = answer.result.rows
            self._draw(lambda: draw_answer(visit, answer))
        run = QueryRun(text, wall(), outcome, rows, time.monotonic() - began)
        await visit.read(lambda c: analysis.note_run(c, visit.workspace.id, visit.operator, run))
        await self.refresh_lists()

    def _ask(self, text: str) -> Answer:
        analysts = self._visit.desk.analysts
        limits = replace(analysts.limits, rows=ROWS, result=_MOST_BYTES)
        with analysts.ask(self._visit.workspace.id, text, limits=limits) as asking:
            self._asking = asking
            if self._began is None:
                asking.stop()
            rows = list(analysis.plain_rows(asking))
            answer = Answer(analysis.columns(asking.schema), rows, asking.result)
        analysts.warm_up()
        return answer

    def stop(self) -> None:
        """End the question that runs, also when its viewer has left."""
        if self._asking is not None:
            self._asking.stop()

    def tick(self) -> None:
        """Show whether a question runs, and for how long."""
        runs = self._began is not None
        self._run.set_visibility(not runs)
        self._stop.set_visibility(runs)
        seconds = int(time.monotonic() - self._began) if self._began is not None else 0
        said = self._visit.say(sql.running, n=seconds) if runs else ""
        self._state.set_content(span("", said, role="status"))

    def _draw(self, draw: Callable[[], object]) -> None:
        if self.answer.is_deleted:
            return
        self.answer.clear()
        with self.answer:
            draw()

    async def refresh_lists(self) -> None:
        """The lists of questions as they are now."""
        visit = self._visit
        try:
            lists = await visit.read(lambda c: _lists(visit, c))
        except psycopg.Error:
            lists = Lists([], [])
        if self.side.is_deleted:
            return
        self.side.clear()
        with self.side:
            self._saved(lists.saved)
            self._last(lists.last)
            html(_tables(visit), "card")

    def _saved(self, saved: Sequence[SavedQuery]) -> None:
        visit = self._visit
        with ui.element("div").classes("card sql-list"):
            html(el("h2", visit.say(sql.saved)))
            if not saved:
                html(el("p", visit.say(sql.saved_none), cls="muted small"))
            for query in saved:
                with ui.element("div").classes("sql-line"):
                    self._choice(query.name, query.sql, query.saved_by)
                    remove = button("", lambda q=query: self._ask_forget(q), "quiet", "close")
                    remove.props["aria-label"] = f"{visit.say(sql.forget)}: {query.name}"
            html(el("h3", visit.say(sql.starts), cls="sql-sub"))
            for phrase, text in _STARTS:
                self._choice(visit.say(phrase), text, "")

    def _last(self, runs: Sequence[QueryRun]) -> None:
        visit = self._visit
        with ui.element("div").classes("card sql-list"):
            html(el("h2", visit.say(sql.last)))
            if not runs:
                html(el("p", visit.say(sql.last_none), cls="muted small"))
            for run in runs:
                self._choice(" ".join(run.sql.split())[:80], run.sql, visit.formats.time(run.at))

    def _choice(self, label: str, text: str, note: str) -> None:
        with ui.element("button").classes("sql-choice").props("type=button") as choice:
            html(join(div("clip", label), div("muted small", note) if note else None))
        choice.on("click", lambda _: self._text.set_value(text))

    def _ask_name(self) -> None:
        visit, text = self._visit, self._text.value or ""
        with dialog(visit.say(sql.save_title)) as box:
            name = text_field(visit.say(common.name))
            tell = problem_line()

            async def keep() -> None:
                called = (name.value or "").strip()
                workspace, by = visit.workspace.id, visit.operator

                def store(cursor: Cursor) -> None:
                    analysis.save_query(cursor, workspace, called, text, by, wall())

                try:
                    await act(visit, "sql.save", called, store)
                except Invalid as problem:
                    tell(str(problem))
                    return
                box.close()
                ui.notify(visit.say(sql.saved_note, name=called), position="top")
                await self.refresh_lists()

            with ui.element("div").classes("actions"):
                button(visit.say(common.cancel), box.close)
                button(visit.say(sql.keep), keep, "primary")

    def _ask_forget(self, query: SavedQuery) -> None:
        visit = self._visit

        async def forget() -> None:
            workspace = visit.workspace.id
            await act(
                visit,
                "sql.forget",
                query.name,
                lambda c: analysis.forget_query(c, workspace, query.name),
            )
            await self.refresh_lists()

        effect = el("p", visit.say(sql.forget_effect))
        title = visit.say(sql.forget_title, name=query.name)
        confirm(visit, title, effect, visit.say(sql.forget), forget)


def _lists(visit: Visit, cursor: Cursor) -> Lists:
    workspace = visit.workspace.id
    return Lists(
        analysis.saved_queries(cursor, workspace),
        analysis.last_runs(cursor, workspace, visit.operator, limit=LAST),
    )


def _away(visit: Visit) -> Html:
    return div(
        "notice red",
        icon("cloud_off"),
        div("grow", visit.say(common.cannot_load_help)),
        role="alert",
    )


def _tables(visit: Visit) -> Html:
    entries = [
        join(
            el("dt", el("code", name)),
            el("dd", visit.say(phrase), el("div", columns, cls="muted small mono break")),
        )
        for name, phrase, columns in _TABLES
    ]
    return join(
        el("h2", visit.say(sql.tables)),
        el("dl", entries, cls="sql-tables"),
        el("p", visit.say(sql.known_at), cls="doubt"),
    )
