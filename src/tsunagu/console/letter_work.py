"""Many dead letters at once: asked for by filter, worked off behind, with progress here."""

from __future__ import annotations

import psycopg
from nicegui import ui

from tsunagu import eventlog
from tsunagu.console.acting import act_on_log
from tsunagu.console.dialogs import confirm
from tsunagu.console.markup import Html, div, el, icon, span
from tsunagu.console.pane import button, html
from tsunagu.console.phrases import Phrase
from tsunagu.console.reader import Cursor
from tsunagu.console.visit import Visit
from tsunagu.console.words import dead_letters
from tsunagu.core.times import MINUTE, wall
from tsunagu.eventlog import MOST_COUNTED, LetterFilter, LetterJob
from tsunagu.serve import letters

SHOWN_AFTER = 10 * MINUTE


class LetterWork:
    """The two buttons of the page, and a line for each job that runs or ended lately."""

    def __init__(self, visit: Visit, wanted: LetterFilter) -> None:
        self.visit = visit
        self.wanted = wanted
        self.count = 0
        self._running: list[int] = []

    def actions(self) -> None:
        """The place of the buttons, which appear when there is something to do."""
        self._box = ui.element("div").classes("chips")

    async def show(self) -> None:
        """Counts what the filter finds and draws buttons and jobs."""
        self._lines = html(Html(""), "letter-jobs")
        with self._box:
            self._stop = button(self.visit.say(dead_letters.stop), self._end, "", "stop")
        await self._refresh()
        if self.count and self.wanted.state == "open":
            visit, number = self.visit, self._number()
            with self._box:
                button(visit.say(dead_letters.discard_all, n=number), self._discard)
                button(
                    visit.say(dead_letters.replay_all, n=number), self._replay, "primary", "replay"
                )

    def _number(self) -> str:
        number = self.visit.formats.number(self.count)
        if self.count < MOST_COUNTED:
            return number
        return self.visit.say(dead_letters.more_than, n=number)

    def _load(self, cursor: Cursor) -> tuple[int, list[LetterJob]]:
        workspace = self.visit.workspace.id
        count = eventlog.count_letters(cursor, workspace, self.wanted)
        return count, eventlog.letter_jobs(cursor, workspace)

    async def _refresh(self) -> None:
        try:
            self.count, jobs = await self.visit.read(self._load)
        except psycopg.Error:
            return  # the list says that the database is away
        shown = [job for job in jobs if job.ended_at is None or wall() - job.ended_at < SHOWN_AFTER]
        self._running = [job.job_id for job in shown if job.state == "running"]
        self._stop.set_visibility(bool(self._running))
        self._lines.set_content(div("", [_line(self.visit, job) for job in shown]))

    async def tick(self) -> None:
        """Follow the jobs while one runs."""
        if self._running:
            await self._refresh()

    async def _end(self) -> None:
        visit, running = self.visit, list(self._running)
        for job in running:
            await act_on_log(
                visit,
                lambda database, job=job: letters.stop_letters(
                    database, visit.workspace.id, job, visit.operator
                ),
            )
        await self._refresh()

    def _replay(self) -> None:
        self._ask("replay", dead_letters.replay_all, dead_letters.replay_all_help)

    def _discard(self) -> None:
        self._ask("discard", dead_letters.discard_all, dead_letters.discard_all_help)

    def _ask(self, action: str, title: Phrase, effect: Phrase) -> None:
        visit = self.visit
        label = visit.say(title, n=self._number())

        async def agreed() -> None:
            await act_on_log(
                visit,
                lambda database: letters.ask_for_letters(
                    database, visit.workspace.id, action, self.wanted, visit.operator
                ),
            )
            await self._refresh()

        confirm(visit, label, el("p", visit.say(effect)), label, agreed)


def _line(visit: Visit, job: LetterJob) -> Html:
    number = visit.formats.number
    running = job.state == "running"
    verb = dead_letters.replaying if job.action == "replay" else dead_letters.discarding
    state = {"done": dead_letters.finished, "stopped": dead_letters.stopped}.get(job.state, verb)
    moved = job.done + job.skipped
    share = moved / job.total * 100 if job.total else 100.0
    return div(
        "notice green" if job.state == "done" else "notice",
        icon("sync" if running else "task_alt"),
        div(
            "grow",
            el("b", visit.say(state)),
            " ",
            visit.say(dead_letters.progress, total=number(job.total), done=number(moved)),
            " · " + visit.say(dead_letters.skipped, n=number(job.skipped)) if job.skipped else None,
            div("bar", span("", style=f"width:{share:.1f}%")) if running else None,
        ),
        role="status",
        style="margin-bottom:10px",
    )
