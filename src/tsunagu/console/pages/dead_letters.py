"""Dead letters: events that could not be processed, with the reason and what they carried."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tsunagu import eventlog
from tsunagu.console.beside import list_beside, row_link, rows_around
from tsunagu.console.data_room import data_head
from tsunagu.console.markup import Html, div, el, icon, join, span
from tsunagu.console.pane import html
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import PAGE_ROWS, Listing
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, dead_letters
from tsunagu.eventlog import DeadLetter


async def build(visit: Visit) -> None:
    """The list with one event beside it."""
    data_head(visit, "dead-letters", dead_letters.sub)
    workspace, chosen = visit.workspace.id, visit.parameters.get("position")

    def load(cursor: Cursor, words: str, before: int | None) -> Sequence[DeadLetter]:
        return eventlog.dead_letters(
            cursor, workspace, eventlog.LetterFilter(words), limit=PAGE_ROWS, before=before
        )

    listing: Listing[DeadLetter, int] = Listing(
        load=load,
        key=lambda letter: letter.letter_id,
        draw=lambda letter: _row(visit, letter, chosen),
        around=rows_around,
        hint=dead_letters.hint,
        empty_icon="task_alt",
        empty=dead_letters.none_yet,
        empty_help=dead_letters.none_yet_help,
    )
    await list_beside(
        visit,
        listing,
        int(chosen) if chosen else None,
        lambda position: visit.read(lambda c: _letter(visit, c, position)),
        lambda letter: _draw(visit, letter),
        ("report_gmailerrorred", dead_letters.choose, dead_letters.choose_help),
        visit.to("data", "dead-letters"),
    )


def _row(visit: Visit, letter: DeadLetter, chosen: str | None) -> Html:
    return row_link(
        visit.to("data", "dead-letters", letter.letter_id),
        letter.letter_id,
        div(
            "top",
            span("strong clip grow", letter.name or letter.type),
            span("muted small nowrap", visit.formats.time(letter.at)),
        ),
        div("muted small clip", letter.reason),
        chosen=chosen == str(letter.letter_id),
    )


def _letter(visit: Visit, cursor: Cursor, position: int) -> DeadLetter:
    return eventlog.dead_letter(cursor, visit.workspace.id, position)


def _draw(visit: Visit, letter: DeadLetter) -> None:
    facts = (
        (common.reason, letter.reason),
        (dead_letters.stage, letter.stage),
        (common.when, visit.formats.time_zoned(letter.at)),
        (dead_letters.message_id, letter.message_id),
        (dead_letters.position, visit.formats.number(letter.position)),
    )
    rows = [join(el("dt", visit.say(name)), el("dd", value)) for name, value in facts]
    event = json.dumps(letter.event, ensure_ascii=False, indent=2)
    html(
        div(
            "mailhead",
            el("h2", letter.name or letter.type, style="margin-bottom:10px"),
            el("dl", rows, cls="facts"),
            div(
                "notice", icon("build"), visit.say(dead_letters.next_step), style="margin-top:14px"
            ),
        )
    )
    heading = el("h3", visit.say(dead_letters.event), style="margin-bottom:8px")
    html(
        div("", heading, el("pre", event, cls="json", style="margin:0"), style="padding:16px 22px")
    )
