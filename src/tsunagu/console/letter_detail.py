"""One dead letter: its reason, its contents to mend, and what can be done with it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from nicegui import ui

from tsunagu import eventlog
from tsunagu.console.acting import act_on_log
from tsunagu.console.dialogs import problem_line
from tsunagu.console.markup import Html, div, el, join, link, span
from tsunagu.console.pane import button, html
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, dead_letters
from tsunagu.core import Json, TsunaguError
from tsunagu.eventlog import DeadLetter
from tsunagu.serve import letters

STATES = {
    "open": (dead_letters.open_, "amber"),
    "replayed": (dead_letters.replayed, "green"),
    "discarded": (dead_letters.discarded, ""),
}


def draw_letter(visit: Visit, letter: DeadLetter) -> None:
    """Draws the letter in the detail's place, with its editor while it is open."""
    phrase, colour = STATES[letter.state]
    name = letter.name or letter.type or letter.message_id or letter.stage
    heading = div("head", el("h2", name), span(f"chip {colour}".strip(), visit.say(phrase)))
    html(div("mailhead", heading, el("dl", _facts(visit, letter), cls="facts")))
    with ui.element("div").style("padding:16px 22px"):
        html(el("h3", visit.say(dead_letters.event)))
        text = json.dumps(eventlog.call_of(letter), ensure_ascii=False, indent=2)
        if letter.state == "open":
            _editor(visit, letter, text)
            return
        html(el("pre", text, cls="json", style="margin:8px 0 0"))
        if letter.state == "discarded":
            _reopen(visit, letter)


def _facts(visit: Visit, letter: DeadLetter) -> list[Html]:
    place: Html | str | None = None
    if letter.position is not None:
        number = visit.formats.number(letter.position)
        place = link(visit.to("data", "live", letter.position), number)
    facts = (
        (common.reason, letter.reason),
        (dead_letters.stage, letter.stage),
        (dead_letters.source, letter.source),
        (common.when, visit.formats.time_zoned(letter.at)),
        (dead_letters.message_id, letter.message_id),
        (dead_letters.position, place),
        (dead_letters.number, visit.formats.number(letter.letter_id)),
        (dead_letters.replayed_as, letter.replayed_as),
        (dead_letters.settled_by, letter.settled_by),
    )
    return [
        join(el("dt", visit.say(name)), el("dd", value, cls="break"))
        for name, value in facts
        if value
    ]


def _editor(visit: Visit, letter: DeadLetter, text: str) -> None:
    html(el("p", visit.say(dead_letters.edit_help), cls="muted small", style="margin:2px 0 8px"))
    editor = ui.textarea(value=text).props("outlined autogrow spellcheck=false")
    editor.classes("field mono json-editor")
    editor.props["aria-label"] = visit.say(dead_letters.event)
    tell = problem_line()

    async def replay() -> None:
        try:
            call = _read(editor.value or "")
        except ValueError as problem:
            tell(visit.say(dead_letters.no_json, problem=problem))
            return
        # What nobody touched goes in as it came.
        mended = None if letter.was_event and editor.value == text else call
        await _do(
            visit,
            letter,
            tell,
            lambda: act_on_log(
                visit,
                lambda database: letters.replay_letter(
                    database, visit.workspace.id, letter.letter_id, visit.operator, mended
                ),
            ),
        )

    async def discard() -> None:
        await _do(
            visit,
            letter,
            tell,
            lambda: act_on_log(
                visit,
                lambda database: letters.discard_letter(
                    database, visit.workspace.id, letter.letter_id, visit.operator
                ),
            ),
        )

    with ui.element("div").classes("actions"):
        button(visit.say(dead_letters.discard), discard, "", "delete_outline")
        button(visit.say(dead_letters.replay), replay, "primary", "replay")


def _reopen(visit: Visit, letter: DeadLetter) -> None:
    tell = problem_line()

    async def reopen() -> None:
        await _do(
            visit,
            letter,
            tell,
            lambda: act_on_log(
                visit,
                lambda database: letters.reopen_letter(
                    database, visit.workspace.id, letter.letter_id, visit.operator
                ),
            ),
        )

    with ui.element("div").classes("actions"):
        button(visit.say(dead_letters.reopen), reopen, "", "undo")


async def _do(
    visit: Visit,
    letter: DeadLetter,
    tell: Callable[[str], None],
    work: Callable[[], Awaitable[object]],
) -> None:
    """Do it; say what is wrong, or show what became of the letter."""
    try:
        await work()
    except TsunaguError as problem:
        tell(str(problem))
        return
    tell("")
    names = ("stage", "name", "source", "state", "period")
    asked = {name: visit.query[name] for name in names if name in visit.query}
    ui.navigate.to(visit.to("data", "dead-letters", letter.letter_id, **asked))


def _read(text: str) -> Json:
    call = json.loads(text)
    if not isinstance(call, dict):
        raise ValueError("{ … }")
    return call
