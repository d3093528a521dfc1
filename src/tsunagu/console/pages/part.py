"""Parting a customer: choose the identifiers that leave, see what follows, decide and wait."""

from __future__ import annotations

from nicegui import ui

from tsunagu.console.acting import act_on_log
from tsunagu.console.deciding import Side, decide, owner_of, side_of
from tsunagu.console.dialogs import confirm, problem_line
from tsunagu.console.following import Follower
from tsunagu.console.markup import Html, div, el, icon, link
from tsunagu.console.pages.merge import customer_head, name_of
from tsunagu.console.pane import Pane, button, html, nothing
from tsunagu.console.reader import Cursor
from tsunagu.console.visit import Visit
from tsunagu.console.words import part
from tsunagu.identity import Identifier
from tsunagu.serve import identity


async def build(visit: Visit) -> None:
    """The choice, and what follows from it."""
    asked = int(visit.parameters["customer_id"])
    pane = Pane(visit, bones=8)
    await pane.show(
        lambda: visit.read(lambda c: side_of(c, visit.workspace.id, asked)),
        lambda side: _draw(visit, side),
    )


def _draw(visit: Visit, side: Side) -> None:
    customer, identifiers = side.view.customer_id, side.view.identifiers
    chosen: set[Identifier] = set()
    sub = visit.say(part.sub, name=name_of(visit, side))
    head = customer_head(visit, customer, visit.say(part.title), sub)
    if len(identifiers) < 2:
        back = link(visit.to("customers", customer, "evidence"), visit.say(part.back), cls="btn")
        html(nothing(visit, "link_off", part.alone, visit.say(part.alone_help), back), "card")
        return
    with head:
        begin = button(visit.say(part.act), lambda: ask(), "primary")
    follower = Follower(visit, part.waiting)
    tell = problem_line()
    with ui.element("div").classes("cols"):
        with ui.element("div").classes("card"):
            html(el("h2", visit.say(part.choose)))
            for one in identifiers:
                _box(one, chosen)
        html(_follows(visit))

    async def agreed() -> None:
        leaving = sorted(chosen)
        workspace = visit.workspace.id
        told = await act_on_log(
            visit,
            lambda database: decide(
                database,
                workspace,
                lambda c: identity.part(c, workspace, leaving, visit.operator, identity.OPERATOR),
            ),
        )
        if told is None:
            return
        begin.set_visibility(False)
        stays = next(one for one in identifiers if one not in chosen)

        def parted_from(cursor: Cursor) -> str | None:
            owners = [owner_of(cursor, workspace, one) for one in (leaving[0], stays)]
            if owners[0] is None or owners[0] == owners[1]:
                return None
            return visit.to("customers", owners[0], "evidence", parted=1)

        follower.follow(parted_from)

    def ask() -> None:
        rest = len(identifiers) - len(chosen)
        if not chosen or not rest:
            tell(visit.say(part.choose_some))
            return
        tell("")
        number = visit.formats.number
        effect = visit.say(
            part.ask_effect, count=len(chosen), n=number(len(chosen)), rest=number(rest)
        )
        confirm(visit, visit.say(part.ask), el("p", effect), visit.say(part.act), agreed)


def _box(one: Identifier, chosen: set[Identifier]) -> None:
    box = ui.checkbox(f"{one[1]}  ({one[0]})").classes("identifier-choice")
    box.on_value_change(lambda event: chosen.add(one) if event.value else chosen.discard(one))


def _follows(visit: Visit) -> Html:
    lines = (
        ("badge", part.traits),
        ("verified_user", part.consents),
        ("donut_small", part.reach),
        ("call_split", part.apart),
        ("mark_email_read", part.none_sent),
    )
    rows = [div("evidence", icon(sign), div("", visit.say(words))) for sign, words in lines]
    return div("card", div("head", el("h2", visit.say(part.follows))), rows)
