"""One customer: who it is and on what evidence, what happened, what was said and why not."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from tsunagu import profiles
from tsunagu.access import Definition, published
from tsunagu.console.customers_room import customer_asked, customer_tabs, merged_note
from tsunagu.console.frame import page_head, synthetic_hint, synthetic_mark
from tsunagu.console.happenings import draw_timeline
from tsunagu.console.markup import Child, Html, div, el, icon, join, link, span
from tsunagu.console.pages.customers import customer_name
from tsunagu.console.pane import Pane, button, html
from tsunagu.console.phrases import Phrase, in_language
from tsunagu.console.reader import Cursor
from tsunagu.console.together import Together, draw_together, together_of
from tsunagu.console.traits import SYNTHETIC, draw_traits
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, customers
from tsunagu.console.words.reasons import ARMS, ENDS, STATES, reason_words
from tsunagu.identity import Evidence, evidence_of
from tsunagu.journeys import EnrolmentView, enrolments_of
from tsunagu.profiles import ConsentWord, CustomerView, Provenance, TimelineEntry
from tsunagu.sending import RefusalView, SendView, refusals_of, sends_of

TIMELINE_ROWS = 30


@dataclass(frozen=True)
class Whole:
    """All that the page shows."""

    asked: int
    view: CustomerView
    told: list[Provenance]
    evidence: list[Evidence]
    happened: list[TimelineEntry]
    enrolments: list[EnrolmentView]
    sends: list[SendView]
    refusals: list[RefusalView]
    titles: dict[tuple[str, str], str]
    together: Together


async def build(visit: Visit) -> None:
    """The customer's page; an id that was merged leads to the customer it became."""
    pane = Pane(visit, bones=10)
    await pane.show(
        lambda: visit.read(lambda c: _load(visit, c)), lambda whole: _draw(visit, whole)
    )


def _load(visit: Visit, cursor: Cursor) -> Whole:
    workspace = visit.workspace.id
    asked, view = customer_asked(visit, cursor)
    ids = view.customer_ids
    return Whole(
        asked,
        view,
        profiles.provenance_of(cursor, workspace, view.customer_id),
        evidence_of(cursor, workspace, view.identifiers, limit=20),
        profiles.timeline(cursor, workspace, ids, limit=TIMELINE_ROWS),
        enrolments_of(cursor, workspace, ids, limit=10),
        sends_of(cursor, workspace, ids, limit=20),
        refusals_of(cursor, workspace, ids, limit=20),
        titles_of(visit, published(cursor, workspace)),
        together_of(cursor, workspace, view.customer_id),
    )


def titles_of(visit: Visit, definitions: list[Definition]) -> dict[tuple[str, str], str]:
    """The titles of definitions in the viewer's language, by kind and name."""
    return {
        (d.kind, d.name): in_language(d.document.get("title", {}), visit.language, d.name)
        for d in definitions
    }


def _draw(visit: Visit, whole: Whole) -> None:
    view = whole.view
    first = view.identifiers[0][1] if view.identifiers else ""
    name = customer_name(visit, view.traits, first)
    crumb = link(visit.to("customers"), visit.say(common.customers))
    known = visit.say(customers.since, at=visit.formats.day(view.first_seen))
    counted = visit.count(customers.events_in_all, view.events)
    marks = synthetic_mark(visit) if view.traits.get(SYNTHETIC) else None
    page_head(visit, name, f"{first} · {known} · {counted}", crumb, marks)
    customer_tabs(visit, view.customer_id, "")
    merged_note(visit, whole.asked, view.customer_id)
    with ui.element("div").classes("cols side"):
        left = [
            draw_traits(visit, view.traits, whole.told),
            _consents(visit, view),
            _audiences(visit, whole),
            _scores(visit, view),
            _identifiers(visit, whole),
            *draw_together(visit, whole.together, view.customer_id),
        ]
        html(div("stack", left))
        with ui.element("div").classes("stack"):
            html(_journeys(visit, whole))
            html(_sends(visit, whole))
            _timeline(visit, whole)


def _card(title: str, *content: Child) -> Html:
    return div("card", div("head", el("h2", title)), *content)


def _quiet(text: str) -> Html:
    return el("p", text, cls="muted")


def _consents(visit: Visit, view: CustomerView) -> Html:
    rows = [
        div(
            "fact-row",
            div(
                "",
                div(
                    "strong",
                    f"{c.channel} · {c.purpose} ",
                    synthetic_hint(visit) if _made_up(c) else None,
                ),
                div("muted small", visit.formats.time_zoned(c.at)),
            ),
            span(
                "chip green" if c.granted else "chip red",
                icon("check" if c.granted else "close"),
                visit.say(customers.granted if c.granted else customers.withdrawn),
            ),
        )
        for c in view.consents
    ]
    rows += [
        div("notice red", icon("block"), visit.say(customers.suppressed, reason=s.reason))
        for s in view.suppressions
    ]
    return _card(visit.say(customers.consents), rows or _quiet(visit.say(customers.no_consents)))


def _made_up(consent: ConsentWord) -> bool:
    said = consent.evidence.get("properties", {}).get("evidence", {})
    return bool(isinstance(said, dict) and said.get(SYNTHETIC))


def _audiences(visit: Visit, whole: Whole) -> Html:
    rows = [
        div(
            "fact-row",
            link(
                visit.to("audiences", m.audience),
                whole.titles.get(("audience", m.audience), m.audience),
                cls="strong",
            ),
            span(
                "muted small", visit.say(customers.member_since, at=visit.formats.day(m.entered_at))
            ),
        )
        for m in whole.view.audiences
    ]
    return _card(visit.say(customers.audiences), rows or _quiet(visit.say(customers.no_audiences)))


def _scores(visit: Visit, view: CustomerView) -> Html:
    rows = [
        div(
            "",
            div(
                "fact-row",
                span("strong", s.score),
                span(
                    "",
                    el("b", visit.formats.percent(s.value)),
                    " ",
                    span(
                        "muted small",
                        visit.say(customers.score_as_of, at=visit.formats.day(s.as_of)),
                    ),
                ),
            ),
            div("bar", span("", style=f"width:{min(1.0, max(0.0, s.value)) * 100:.0f}%")),
        )
        for s in view.scores
    ]
    return _card(visit.say(customers.scores), rows or _quiet(visit.say(customers.no_scores)))


def _identifiers(visit: Visit, whole: Whole) -> Html:
    facts = [
        join(el("dt", kind, cls="mono"), el("dd", value)) for kind, value in whole.view.identifiers
    ]
    edges = [
        div(
            "evidence",
            icon("link"),
            div(
                "",
                div("break", f"{edge.value_a} = {edge.value_b}"),
                div(
                    "muted small",
                    visit.say(customers.edge, source=edge.source, at=visit.formats.day(edge.at)),
                ),
            ),
        )
        for edge in whole.evidence
    ]
    merged = len(whole.view.customer_ids) - 1
    note = (
        div("notice", icon("merge"), visit.count(customers.merged_ids, merged)) if merged else None
    )
    return _card(
        visit.say(customers.identifiers),
        el("dl", facts, cls="facts"),
        note,
        el("h3", visit.say(customers.linked), style="margin:14px 0 6px"),
        edges or _quiet(visit.say(customers.no_evidence)),
    )


def _journeys(visit: Visit, whole: Whole) -> Html:
    rows = [_enrolment(visit, whole, enrolment) for enrolment in whole.enrolments]
    return _card(visit.say(customers.journeys), rows or _quiet(visit.say(customers.no_journeys)))


def _enrolment(visit: Visit, whole: Whole, enrolment: EnrolmentView) -> Html:
    title = whole.titles.get(("journey", enrolment.journey), enrolment.journey)
    arm = ARMS.get(enrolment.arm, Phrase(enrolment.arm, enrolment.arm))
    if enrolment.status == "active":
        until = (
            f" · {visit.say(customers.until, at=visit.formats.time_zoned(enrolment.wake_at))}"
            if enrolment.wake_at
            else ""
        )
        where = visit.say(customers.stands_at, node=enrolment.node) + until
    else:
        end = ENDS.get(enrolment.end_reason)
        where = visit.say(end) if end else enrolment.end_reason
    goal = span("chip green", icon("flag"), visit.say(ENDS["goal"])) if enrolment.goal_at else None
    return div(
        "fact-row",
        div(
            "",
            link(visit.to("journeys", enrolment.journey), title, cls="strong"),
            div(
                "muted small",
                visit.say(customers.entered, at=visit.formats.time_zoned(enrolment.entered_at)),
            ),
            div("small", where),
        ),
        div(
            "chips",
            goal,
            span("chip blue" if enrolment.arm == "holdout" else "chip teal", visit.say(arm)),
        ),
    )


def _sends(visit: Visit, whole: Whole) -> Html:
    decided = [(s.decided_at, _send(visit, whole, s)) for s in whole.sends]
    decided += [(r.at, _refusal(visit, whole, r)) for r in whole.refusals]
    rows = [row for _, row in sorted(decided, key=lambda pair: -pair[0])]
    return _card(visit.say(customers.sends), rows or _quiet(visit.say(customers.no_sends)))


def _send(visit: Visit, whole: Whole, send: SendView) -> Html:
    words, colour = STATES[send.state]
    reason = f"{visit.say(reason_words(send.reason))} · " if send.reason else ""
    copy = (
        link(
            visit.to("content", "archive", send.send_id),
            icon("inventory_2"),
            visit.say(customers.see_mail),
            cls="small with-icon",
        )
        if send.archived
        else None
    )
    return div(
        "fact-row",
        div(
            "",
            div("strong", whole.titles.get(("message", send.message), send.message)),
            div(
                "muted small",
                f"{reason}{send.channel} · ",
                visit.formats.time_zoned(send.result_at or send.decided_at),
            ),
        ),
        div("chips", copy, span(f"chip {colour}", visit.say(words))),
    )


def _refusal(visit: Visit, whole: Whole, refusal: RefusalView) -> Html:
    reason = visit.say(reason_words(refusal.reason))
    detail = f" ({refusal.detail})" if refusal.detail else ""
    return div(
        "fact-row",
        div(
            "",
            div("strong", whole.titles.get(("message", refusal.message), refusal.message)),
            div("small", f"{reason}{detail}"),
            div("muted small", visit.formats.time_zoned(refusal.at)),
        ),
        span("chip red", icon("block"), visit.say(STATES["refused"][0])),
    )


def _timeline(visit: Visit, whole: Whole) -> None:
    zone = visit.say(common.times_in, zone=visit.formats.zone_name())
    shown = list(whole.happened)
    with ui.element("div").classes("card"):
        html(
            div(
                "head",
                el("h2", visit.say(customers.timeline)),
                span("grow"),
                span("muted small", zone),
            )
        )
        box = html(draw_timeline(visit, shown, whole.titles))
        if len(shown) < TIMELINE_ROWS:
            return

        async def more() -> None:
            ids, last = whole.view.customer_ids, shown[-1].position
            found = await visit.read(
                lambda c: profiles.timeline(
                    c, visit.workspace.id, ids, limit=TIMELINE_ROWS, before=last
                )
            )
            shown.extend(found)
            box.set_content(draw_timeline(visit, shown, whole.titles))
            further.set_visibility(len(found) == TIMELINE_ROWS)

        with ui.element("div").classes("more"):
            further = button(visit.say(common.show_more), more, "quiet", "expand_more")
