"""The review queue: two records side by side, the reasons as a waterfall, worked by keyboard."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import psycopg
from nicegui import ui
from nicegui.events import KeyEventArguments

from tsunagu.console.acting import act_on_log
from tsunagu.console.comparing import comparison_name, in_sentence, level_name
from tsunagu.console.customers_room import customers_head
from tsunagu.console.deciding import decide
from tsunagu.console.dialogs import problem_line
from tsunagu.console.formats import NOTHING
from tsunagu.console.markup import Child, Html, div, el, join, link, span
from tsunagu.console.pages.customers import customer_name
from tsunagu.console.pages.matching import signed, weight_bar
from tsunagu.console.pane import Pane, button, html, nothing
from tsunagu.console.reader import Cursor
from tsunagu.console.traits import SYNTHETIC, value_text
from tsunagu.console.visit import Visit
from tsunagu.console.words import identity, merge, reviews
from tsunagu.core import TsunaguError
from tsunagu.identity.linking.comparing import AS_READ, AS_WRITTEN
from tsunagu.identity.linking.scoring import RIVAL
from tsunagu.identity.matching import Why
from tsunagu.serve import matching_reviews
from tsunagu.serve.matching_reviews import Review

MOST_LOADED = 200


async def build(visit: Visit) -> None:
    """The queue, beginning with what was asked first."""
    customers_head(visit, "reviews", reviews.sub)
    pane = Pane(visit, bones=10)
    await pane.show(
        lambda: visit.read(
            lambda c: matching_reviews.open_reviews(c, visit.workspace.id, limit=MOST_LOADED)
        ),
        lambda found: _draw(visit, found),
    )


@dataclass
class Queue:
    """What waits, which question is shown, and what was answered in this sitting."""

    waiting: list[Review]
    at: int = 0
    answered: list[Review] = field(default_factory=list[Review])


def _draw(visit: Visit, found: list[Review]) -> None:
    if not found:
        _empty(visit)
        return
    sitting = Sitting(visit, Queue(found))
    sitting.show()


def _empty(visit: Visit) -> None:
    command = el("pre", reviews.PLAN, cls="secret mono center")
    text = visit.say(reviews.none_help)
    html(nothing(visit, "task_alt", reviews.none, text, command), "card")


class Sitting:
    """One operator working through the queue."""

    def __init__(self, visit: Visit, queue: Queue) -> None:
        self.visit, self.queue, self.one_by_one = visit, queue, asyncio.Lock()
        say = visit.say
        with ui.element("div").classes("card review-bar"):
            self.progress = html(Html(""), "grow muted")
            with ui.element("div").classes("chips"):
                button(f"{say(reviews.same)}  S", lambda: self.answer("same"), "primary")
                button(f"{say(reviews.different)}  D", lambda: self.answer("different"))
                button(f"{say(reviews.later)}  L", lambda: self.answer("later"))
                button(f"{say(reviews.undo)}  Z", self.undo, "quiet", "undo")
                button(f"{say(reviews.previous)}  ←", lambda: self.move(-1), "quiet")
                button(f"{say(reviews.following)}  →", lambda: self.move(1), "quiet")
        self.tell = problem_line()
        self.box = ui.element("div").style("width:100%").props('aria-live="polite"')
        ui.keyboard(on_key=self.key, repeating=False)

    async def key(self, event: KeyEventArguments) -> None:
        """Answers and moves by keys; with a modifier the key is the browser's."""
        held = event.modifiers
        if not event.action.keydown or held.ctrl or held.alt or held.meta:
            return
        pressed = str(event.key.name).lower()
        answers = {"s": "same", "d": "different", "l": "later"}
        if pressed in answers:
            await self.answer(answers[pressed])
        elif pressed == "z":
            await self.undo()
        elif pressed in ("arrowleft", "arrowright"):
            self.move(-1 if pressed == "arrowleft" else 1)

    def move(self, step: int) -> None:
        """Shows the question before or after this one, without an answer."""
        if self.queue.waiting:
            self.queue.at = (self.queue.at + step) % len(self.queue.waiting)
            self.show()

    async def answer(self, answer: str) -> None:
        """Saves an answer and goes on; keys that come meanwhile wait their turn."""
        async with self.one_by_one:
            await self._answer(answer)

    async def _answer(self, answer: str) -> None:
        queue, visit = self.queue, self.visit
        if not queue.waiting:
            return
        shown = queue.waiting[queue.at]

        def save(cursor: Cursor) -> str:
            matching_reviews.answer_review(
                cursor, visit.workspace.id, shown.review_id, answer, visit.operator
            )
            return answer

        if not await self._saved(save):
            return
        queue.waiting.pop(queue.at)
        if answer == "later":
            queue.waiting.append(shown)
        else:
            queue.answered.append(shown)
        queue.at %= max(1, len(queue.waiting))
        self.show()

    async def undo(self) -> None:
        """Takes the last answer of this sitting back and shows its question again."""
        async with self.one_by_one:
            await self._undo()

    async def _undo(self) -> None:
        queue, visit = self.queue, self.visit
        if not queue.answered:
            self.tell(visit.say(reviews.nothing_to_undo))
            return
        last = queue.answered[-1]

        def save(cursor: Cursor) -> str:
            matching_reviews.undo_answer(cursor, visit.workspace.id, last.review_id, visit.operator)
            return "undone"

        if await self._saved(save):
            queue.answered.pop()
            queue.waiting.insert(queue.at, last)
            self.show()
            ui.notify(visit.say(reviews.undone))

    async def _saved(self, save: Any) -> bool:
        visit = self.visit
        try:
            done = await act_on_log(
                visit, lambda database: decide(database, visit.workspace.id, save)
            )
        except (psycopg.Error, TsunaguError) as error:
            self.tell(f"{visit.say(reviews.failed)} {error}")
            return False
        self.tell("")
        return done is not None

    def show(self) -> None:
        """Draws the question that is at hand."""
        queue, visit = self.queue, self.visit
        number = visit.formats.number
        left = number(len(queue.waiting))
        if len(queue.waiting) + len(queue.answered) >= MOST_LOADED:
            left = visit.say(reviews.at_least, n=left)
        words = visit.say(reviews.progress, left=left, done=number(len(queue.answered)))
        self.progress.set_content(span("", words))
        self.box.clear()
        with self.box:
            if not queue.waiting:
                _empty(visit)
                return
            review = queue.waiting[queue.at]
            html(div("stack", _records(visit, review), _waterfall(visit, review)))


def _records(visit: Visit, review: Review) -> Html:
    a, b = review.traits_a, review.traits_b
    names = sorted((a.keys() | b.keys()) - {SYNTHETIC})
    odd = {name for name in names if a.get(name) != b.get(name)}
    rows = [
        _row(visit, name, a.get(name), b.get(name), differs=name in odd)
        for name in sorted(names, key=lambda name: (name not in odd, name))
    ]
    head = el(
        "tr",
        el("th", ""),
        el("th", _who(visit, review.customer_a, a, review.a[1])),
        el("th", _who(visit, review.customer_b, b, review.b[1])),
    )
    answer = visit.say(
        reviews.answer_line,
        count=len(odd),
        n=visit.formats.number(len(odd)),
        share=visit.formats.percent(review.probability),
        weight=signed(visit, review.weight),
    )
    table = el("table", el("thead", head), el("tbody", rows), cls="list compare-table two")
    title = el("h2", visit.say(reviews.question))
    merged = el("p", visit.say(reviews.merged), cls="doubt") if review.merged else None
    head_line = div("compare-head", title, el("p", answer, cls="answer"), merged)
    return div("card flush", head_line, table)


def _who(visit: Visit, customer: int, traits: dict[str, Any], first: str) -> Html:
    name = link(visit.to("customers", customer), customer_name(visit, traits, first))
    return join(div("clip", name), div("clip small", first, title=first))


def _row(visit: Visit, name: str, a: Any, b: Any, *, differs: bool) -> Html:
    mark = span("chip amber", visit.say(merge.differs)) if differs else None
    cells = [el("td", _cell(visit, value), cls="break") for value in (a, b)]
    head = el("th", span("break", name), mark, scope="row")
    return el("tr", head, cells, cls="differs" if differs else "")


def _cell(visit: Visit, value: Any) -> Child:
    if value is None:
        return span("muted", visit.say(merge.no_value))
    return value_text(visit, value)


def _waterfall(visit: Visit, review: Review) -> Html:
    # A name has two comparisons, and the one that leaves it to the other is no reason.
    reasons = [why for why in review.reasons if why.label not in (AS_READ, AS_WRITTEN)]
    prior = review.weight - sum(why.weight for why in reasons)
    starts = list(accumulate((why.weight for why in reasons), initial=prior))
    most = max(1.0, *(abs(at) for at in starts))
    rows = [_bar(visit, visit.say(reviews.start), "", prior, most, 0.0)]
    rows += [
        _bar(visit, *_reason(visit, why), why.weight, most, at)
        for why, at in zip(reasons, starts, strict=False)
    ]
    rows.append(_bar(visit, visit.say(reviews.total), "", review.weight, most, 0.0))
    answer = visit.say(
        reviews.why_answer, prior=signed(visit, prior), total=signed(visit, review.weight)
    )
    return div(
        "card",
        div("head", el("h2", visit.say(reviews.why))),
        el("p", answer, cls="answer"),
        rows,
        el("p", visit.say(reviews.why_doubt), cls="doubt"),
    )


def _reason(visit: Visit, why: Why) -> tuple[str, str]:
    """What a bar is about, and how the two came out."""
    if why.label == RIVAL:
        column = in_sentence(visit, why.comparison)
        return visit.say(identity.rival, column=column), visit.say(reviews.rival_why, column=column)
    label, a, b = level_name(visit, why.label), why.value_a, why.value_b
    both = f"{a} = {b}" if a == b else f"{a or NOTHING} / {b or NOTHING}"
    return comparison_name(visit, why.comparison), f"{label} · {both}" if a or b else label


def _bar(visit: Visit, name: str, below: str, weight: float, most: float, start: float) -> Html:
    return div(
        "weight-row",
        div("", div("", name), div("muted small break", below) if below else None),
        div("weight-track", weight_bar(weight, most, start)),
        div("num strong", signed(visit, weight)),
    )
