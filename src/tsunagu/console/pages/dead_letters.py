"""Dead letters: why events were put aside, what they carried, and the way back into the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nicegui import ui

from tsunagu import eventlog
from tsunagu.console.beside import list_beside, row_link, rows_around
from tsunagu.console.data_room import data_head
from tsunagu.console.letter_detail import draw_letter
from tsunagu.console.letter_work import LetterWork
from tsunagu.console.markup import Html, div, icon, link, span
from tsunagu.console.pane import Pane, html
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import PAGE_ROWS, Listing
from tsunagu.console.visit import Visit
from tsunagu.console.words import dead_letters
from tsunagu.core.times import DAY, wall
from tsunagu.eventlog import DeadLetter, LetterFilter, LetterGroup

PERIODS = (("day", dead_letters.last_day, DAY), ("week", dead_letters.last_week, 7 * DAY))
STATES = (
    ("open", dead_letters.open_),
    ("replayed", dead_letters.replayed),
    ("discarded", dead_letters.discarded),
    ("all", dead_letters.every),
)
_FIELDS = ("stage", "name", "source")


async def build(visit: Visit) -> None:
    """The filter, the list, and one letter beside it."""
    wanted = filter_of(visit)
    with data_head(visit, "dead-letters", dead_letters.sub):
        work = LetterWork(visit, wanted)
        work.actions()
    await work.show()
    pane = Pane(visit, bones=2)
    await pane.show(
        lambda: visit.shared(
            "letter groups", lambda c: eventlog.letter_groups(c, visit.workspace.id, limit=12)
        ),
        lambda groups: _filters(visit, wanted, groups),
    )
    chosen = visit.parameters.get("letter_id")

    def load(cursor: Cursor, words: str, before: int | None) -> Sequence[DeadLetter]:
        named = replace(wanted, words=words.replace("\x00", ""))
        return eventlog.dead_letters(
            cursor, visit.workspace.id, named, limit=PAGE_ROWS, before=before
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
        lambda number: visit.read(lambda c: eventlog.dead_letter(c, visit.workspace.id, number)),
        lambda letter: draw_letter(visit, letter),
        ("report_gmailerrorred", dead_letters.choose, dead_letters.choose_help),
        _to(visit, {}),
    )
    ui.timer(2.0, work.tick, immediate=False)


def filter_of(visit: Visit) -> LetterFilter:
    """The filter that the address names."""
    stage, name, source = (visit.query.get(n, "").replace("\x00", "")[:1000] for n in _FIELDS)
    state = visit.query.get("state", "open")
    spans = {name: length for name, _, length in PERIODS}
    length = spans.get(visit.query.get("period", ""))
    now = visit.workspace.clock_now or wall()
    return LetterFilter(
        state="" if state == "all" else state if state in dict(STATES) else "open",
        since=None if length is None else now - length,
        stage=stage,
        name=name,
        source=source,
    )


def _to(visit: Visit, changed: dict[str, str | None]) -> str:
    """This page with another filter."""
    names = (*_FIELDS, "state", "period")
    asked: dict[str, str | None] = {name: visit.query.get(name) for name in names}
    return visit.to("data", "dead-letters", **(asked | changed))


def _filters(visit: Visit, wanted: LetterFilter, groups: Sequence[LetterGroup]) -> None:
    states = [
        _choice(visit.say(phrase), _to(visit, {"state": name}), (wanted.state or "all") == name)
        for name, phrase in STATES
    ]
    period = visit.query.get("period", "")
    periods = [
        _choice(visit.say(phrase), _to(visit, {"period": name}), period == name)
        for name, phrase, _ in (*PERIODS, ("", dead_letters.any_time, 0))
    ]
    asked = any((wanted.stage, wanted.name, wanted.source))
    about = [_group(visit, group, wanted) for group in groups]
    if asked:
        away = _to(visit, dict.fromkeys(_FIELDS))
        about.append(link(away, icon("close"), visit.say(dead_letters.all_of_them), cls="chip"))
    filters = div(
        "letter-filters",
        div("chips", states, span("apart"), periods),
        div("chips", span("muted small", visit.say(dead_letters.about)), about) if about else None,
    )
    html(filters)


def _choice(label: str, address: str, on: bool) -> Html:
    return link(address, label, cls="chip teal" if on else "chip", aria_current=on or None)


def _group(visit: Visit, group: LetterGroup, wanted: LetterFilter) -> Html:
    on = (wanted.stage, wanted.name, wanted.source) == (group.stage, group.name, group.source)
    parts = [part for part in (group.name or group.type, group.source, group.stage) if part]
    label = f"{' · '.join(parts)}  {visit.formats.number(group.count)}"
    asked = {"stage": group.stage, "name": group.name, "source": group.source, "state": "open"}
    return link(
        _to(visit, dict(asked)),
        span("clip", label),
        cls="chip teal" if on else "chip",
        title=group.reason,
    )


def _row(visit: Visit, letter: DeadLetter, chosen: str | None) -> Html:
    mark = None
    if letter.state != "open":
        phrase, colour = {
            "replayed": (dead_letters.replayed, "green"),
            "discarded": (dead_letters.discarded, ""),
        }[letter.state]
        mark = span(f"chip {colour}".strip(), visit.say(phrase))
    name = letter.name or letter.type or letter.message_id or letter.stage
    return row_link(
        visit.to("data", "dead-letters", letter.letter_id),
        letter.letter_id,
        div(
            "top",
            span("strong clip grow", name),
            mark,
            span("muted small nowrap", visit.formats.time(letter.at)),
        ),
        div("muted small clip", letter.reason),
        chosen=chosen == str(letter.letter_id),
    )
