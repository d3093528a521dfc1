"""What was decided about a customer: merged, parted, kept apart; each can be taken back."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from tsunagu.console.acting import act_on_log
from tsunagu.console.customers_room import customer_asked, customer_tabs, merged_note
from tsunagu.console.deciding import decide
from tsunagu.console.dialogs import confirm
from tsunagu.console.following import Follower
from tsunagu.console.frame import page_head
from tsunagu.console.markup import Html, div, el, icon, link, span
from tsunagu.console.pages.customers import customer_name
from tsunagu.console.pane import Pane, button, html, nothing
from tsunagu.console.reader import Cursor
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, decided
from tsunagu.core.events import IDENTITY_PARTED
from tsunagu.identity import Decision
from tsunagu.profiles import CustomerView
from tsunagu.serve.identity_queries import Made, decisions_about
from tsunagu.serve.identity_undo import Reason, undo, undo_of

MOST = 100


@dataclass(frozen=True)
class Known:
    """All that the page shows: each decision with what would take it back, or why nothing does."""

    asked: int
    view: CustomerView
    made: list[tuple[Made, Decision | Reason]]


async def build(visit: Visit) -> None:
    """The page; an id that was merged leads to the customer it became."""
    pane = Pane(visit, bones=6)
    await pane.show(
        lambda: visit.read(lambda c: _load(visit, c)), lambda known: _draw(visit, known)
    )


def _load(visit: Visit, cursor: Cursor) -> Known:
    workspace = visit.workspace.id
    asked, view = customer_asked(visit, cursor)
    made = decisions_about(cursor, workspace, view.identifiers, limit=MOST)
    back = undo_of(cursor, workspace, made, visit.operator)
    return Known(asked, view, list(zip(made, back, strict=True)))


def _draw(visit: Visit, known: Known) -> None:
    view = known.view
    first = view.identifiers[0][1] if view.identifiers else ""
    crumb = link(visit.to("customers"), visit.say(common.customers))
    page_head(visit, customer_name(visit, view.traits, first), visit.say(decided.sub), crumb)
    customer_tabs(visit, view.customer_id, "decisions")
    merged_note(visit, known.asked, view.customer_id)
    if visit.query.get("undone"):
        done = div("notice green", icon("task_alt"), visit.say(decided.undone), role="status")
        html(done).style("margin-bottom:14px")
    follower = Follower(visit, decided.waiting)
    with ui.element("div").classes("card"):
        if not known.made:
            html(nothing(visit, "how_to_reg", decided.none, visit.say(decided.none_help)))
        for made, back in known.made:
            with ui.element("div").classes("fact-row"):
                html(_told(visit, made))
                if isinstance(back, Decision):
                    _offer(visit, view.customer_id, made, back, follower)
                else:
                    html(span("muted small", visit.say(decided.REASONS[back])))


def _told(visit: Visit, made: Made) -> Html:
    name, sign = decided.NAMES[made.name]
    (_, left), *others = made.told["left"]
    _, right = made.told["right"]
    if others:
        n = visit.formats.number(len(others))
        left = visit.say(decided.more, count=len(others), left=left, n=n)
    return div(
        "",
        div("strong", span("chip", icon(sign), visit.say(name))),
        div("break", visit.say(decided.between, left=left, right=right)),
        div("muted small", f"{made.by} · {visit.formats.time_zoned(made.at)}"),
    )


def _offer(visit: Visit, customer: int, made: Made, back: Decision, follower: Follower) -> None:
    workspace, message_id = visit.workspace.id, made.message_id

    async def agreed() -> None:
        entered = await act_on_log(
            visit,
            lambda database: decide(
                database, workspace, lambda c: undo(c, workspace, message_id, visit.operator)
            ),
        )
        if entered is not None:
            offer.set_visibility(False)
            follower.follow(lambda c: _done(visit, c, customer, made))

    follows = decided.parts if back.name == IDENTITY_PARTED else decided.merges

    def ask() -> None:
        effect = el("p", visit.say(follows))
        confirm(visit, visit.say(decided.ask), effect, visit.say(decided.undo), agreed)

    offer = button(visit.say(decided.undo), ask, icon_name="undo")


def _done(visit: Visit, cursor: Cursor, customer: int, made: Made) -> str | None:
    (held,) = undo_of(cursor, visit.workspace.id, [made], visit.operator)
    return visit.to("customers", customer, "decisions", undone=1) if held == "gone" else None
