"""Tracking plan: the agreed events with their traffic, what differs, and what nobody agreed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from nicegui import ui

from tsunagu.access import Definition, published, stop
from tsunagu.collect import plan as tracking
from tsunagu.collect.plan import (
    PLAN_KIND,
    PLAN_NAME,
    SCHEMA_KIND,
    EventSchema,
    EventTraffic,
    TrackingPlan,
    ViolationCount,
)
from tsunagu.console.acting import act
from tsunagu.console.data_room import data_head
from tsunagu.console.dialogs import confirm
from tsunagu.console.frame import page_head
from tsunagu.console.markup import Html, div, el, icon, join, link, span
from tsunagu.console.pane import Pane, button, html, nothing
from tsunagu.console.phrases import Phrase, in_language
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import plain_table
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, plan
from tsunagu.core import NotFound
from tsunagu.core.times import DAY, moment, wall
from tsunagu.serve.definitions import publish_document
from tsunagu.serve.plan import inferred

DAYS = 7
MODES: dict[str, tuple[Phrase, str]] = {
    "allow": (plan.allow, ""),
    "observe": (plan.observe, ""),
    "flag": (plan.flag, "amber"),
    "block": (plan.block, "red"),
}


@dataclass(frozen=True)
class Entry:
    """One agreed event."""

    name: str
    version: int
    schema: EventSchema


@dataclass(frozen=True)
class Whole:
    """The plan with what arrived lately."""

    rules: TrackingPlan
    entries: list[Entry]
    traffic: list[EventTraffic]
    violations: list[ViolationCount]


def first_day(visit: Visit) -> date:
    """The first of the days that are shown, in the workspace's calendar."""
    now = visit.workspace.clock_now or wall()
    return moment(now - (DAYS - 1) * DAY).astimezone(visit.formats.zone).date()


def rules_of(found: Sequence[Definition]) -> TrackingPlan:
    """What is published for the whole plan."""
    document = next((d.document for d in found if d.kind == PLAN_KIND), {})
    return TrackingPlan.model_validate(document)


def entries_of(found: Sequence[Definition]) -> list[Entry]:
    """The published schemas by event and version."""
    entries = [
        Entry(d.name, d.version, EventSchema.model_validate(d.document))
        for d in found
        if d.kind == SCHEMA_KIND
    ]
    return sorted(entries, key=lambda e: (e.schema.key, -e.schema.version))


async def build(visit: Visit) -> None:
    """The plan as a whole."""
    with data_head(visit, "plan", plan.sub):
        button(visit.say(plan.start), lambda: _start(visit), "", "auto_awesome")
        html(link(visit.to("data", "plan", "new"), visit.say(plan.describe), cls="btn primary"))
    pane = Pane(visit, bones=8)
    await pane.show(
        lambda: visit.read(lambda c: _load(visit, c)), lambda whole: _draw(visit, whole)
    )


def _load(visit: Visit, cursor: Cursor) -> Whole:
    workspace, since = visit.workspace.id, first_day(visit)
    found = published(cursor, workspace)
    return Whole(
        rules_of(found),
        entries_of(found),
        tracking.event_traffic(cursor, workspace, since),
        tracking.violation_counts(cursor, workspace, since, limit=40),
    )


def _draw(visit: Visit, whole: Whole) -> None:
    with ui.element("div").classes("stack"):
        with ui.element("div").classes("card"):
            _rules(visit, whole.rules)
        with ui.element("div").classes("card flush"):
            html(div("head", el("h2", visit.say(plan.events))))
            if whole.entries:
                html(_events(visit, whole))
            else:
                text = visit.say(plan.none_yet_help)
                html(nothing(visit, "rule", plan.none_yet, text))
        unknown = [t for t in whole.traffic if t.version == 0]
        if unknown:
            with ui.element("div").classes("card flush"):
                html(_unknown(visit, unknown))
        if whole.entries:
            with ui.element("div").classes("card flush"):
                html(div("head", el("h2", visit.say(plan.violations))))
                html(violation_table(visit, whole.violations))


def _rules(visit: Visit, rules: TrackingPlan) -> None:
    html(join(el("h2", visit.say(plan.rules)), el("p", visit.say(plan.rules_help), cls="muted")))
    with ui.element("div").classes("form-row").style("margin-top:12px"):
        mode = mode_select(visit, plan.mode, rules.mode, ("observe", "flag", "block"))
        everything = ("allow", "observe", "flag", "block")
        events = mode_select(visit, plan.unknown_events, rules.unknown_events, everything)
        named = mode_select(visit, plan.unknown_properties, rules.unknown_properties, everything)
        owner = ui.input(label=visit.say(plan.owner), value=rules.owner)
        owner.props("outlined dense").classes("field")

        async def save() -> None:
            document = rules.model_dump(mode="json") | {
                "mode": mode.value,
                "unknown_events": events.value,
                "unknown_properties": named.value,
                "owner": (owner.value or "").replace("\x00", "").strip()[:200],
            }
            workspace, by = visit.workspace.id, visit.operator

            async def publish() -> None:
                await act(
                    visit,
                    f"publish {PLAN_KIND}",
                    PLAN_NAME,
                    lambda c: publish_document(c, workspace, PLAN_KIND, PLAN_NAME, document, by),
                )
                ui.notify(visit.say(plan.saved), type="positive", icon=False)

            changes = tracking.plan_changes(rules, TrackingPlan.model_validate(document))
            if any(change.breaks for change in changes):
                effect = el("p", visit.say(plan.block_help))
                confirm(visit, visit.say(plan.block_title), effect, visit.say(plan.save), publish)
            else:
                await publish()

        button(visit.say(plan.save), save)


def mode_select(visit: Visit, label: Phrase, value: str, names: Sequence[str]) -> ui.select:
    """A choice of what a violation does; the empty name is "as the plan"."""
    words = {"": visit.say(plan.as_plan)} | {n: visit.say(p) for n, (p, _) in MODES.items()}
    select = ui.select({n: words[n] for n in names}, value=value, label=visit.say(label))
    return select.props("outlined dense").classes("field")


def mode_chip(visit: Visit, mode: str) -> Html:
    """A mode as a mark."""
    phrase, colour = MODES[mode]
    return span(f"chip {colour}".strip(), visit.say(phrase))


def _events(visit: Visit, whole: Whole) -> Html:
    traffic = {(t.type, t.event, t.version): t for t in whole.traffic}
    heads = [
        el("th", visit.say(plan.event)),
        el("th", visit.say(plan.mode), cls="wide"),
        el("th", visit.say(plan.owner), cls="wide"),
        el("th", visit.say(plan.seen), cls="num"),
        el("th", visit.say(plan.violating), cls="num"),
    ]
    rows: list[Html] = []
    for entry in whole.entries:
        schema = entry.schema
        seen = traffic.get((*schema.key, schema.version))
        rows.append(_event_row(visit, entry, whole.rules, seen))
    return plain_table(heads, rows)


def _event_row(visit: Visit, entry: Entry, rules: TrackingPlan, seen: EventTraffic | None) -> Html:
    schema, formats = entry.schema, visit.formats
    title = in_language(schema.title, visit.language, schema.called())
    name = join(
        link(visit.to("data", "plan", entry.name), title, cls="name"),
        div("muted small", f"{schema.type} · {schema.called()} · v{schema.version}"),
    )
    count, wrong = (seen.seen, seen.violating) if seen else (0, 0)
    share = f" ({formats.percent(wrong / count)})" if wrong else ""
    return el(
        "tr",
        el("td", name),
        el("td", mode_chip(visit, schema.mode or rules.mode), cls="wide"),
        el("td", schema.owner or rules.owner, cls="wide muted"),
        el("td", formats.number(count), cls="num"),
        el("td", f"{formats.number(wrong)}{share}", cls="num strong" if wrong else "num muted"),
    )


def _unknown(visit: Visit, unknown: Sequence[EventTraffic]) -> Html:
    heads = [
        el("th", visit.say(plan.event)),
        el("th", visit.say(plan.sources), cls="wide"),
        el("th", visit.say(plan.seen), cls="num"),
        el("th", ""),
    ]
    rows = [
        el(
            "tr",
            el("td", span("strong break", one.event)),
            el("td", ", ".join(one.sources[:5]), cls="wide muted"),
            el("td", visit.formats.number(one.seen), cls="num"),
            el("td", _describe(visit, one), cls="num"),
        )
        for one in unknown[:50]
    ]
    heading = join(
        el("h2", visit.say(plan.not_agreed)), el("p", visit.say(plan.not_agreed_help), cls="muted")
    )
    return join(div("head", div("", heading)), plain_table(heads, rows))


def _describe(visit: Visit, one: EventTraffic) -> Html:
    address = visit.to("data", "plan", "new", type=one.type, event=one.event)
    return link(address, visit.say(plan.draft))


def violation_table(visit: Visit, found: Sequence[ViolationCount]) -> Html:
    """Violations with the last one's place in the log."""
    if not found:
        text = visit.say(plan.no_violations_help)
        return nothing(visit, "verified", plan.no_violations, text)
    heads = [
        el("th", visit.say(plan.day)),
        el("th", visit.say(plan.sources), cls="wide"),
        el("th", visit.say(plan.place)),
        el("th", visit.say(plan.expected), cls="wide"),
        el("th", visit.say(plan.got), cls="wide"),
        el("th", visit.say(plan.count), cls="num"),
        el("th", visit.say(plan.latest), cls="num"),
    ]
    return plain_table(heads, [_violation(visit, one) for one in found])


def _violation(visit: Visit, one: ViolationCount) -> Html:
    place = one.place or visit.say(plan.the_event)
    address = visit.to("data", "live", one.position)
    return el(
        "tr",
        el("td", f"{one.day.month}/{one.day.day}", cls="nowrap muted"),
        el("td", one.source, cls="wide muted"),
        el(
            "td",
            div("strong", one.event or one.type),
            div("mono small break", place),
            mode_chip(visit, one.action),
        ),
        el("td", one.expected, cls="wide break", style="max-width:220px"),
        el("td", one.got, cls="wide break muted", style="max-width:200px"),
        el("td", visit.formats.number(one.count), cls="num strong"),
        el("td", link(address, visit.formats.clock(one.at)), cls="num"),
    )


async def build_one(visit: Visit) -> None:
    """One agreed event."""
    pane = Pane(visit, bones=8)
    await pane.show(
        lambda: visit.read(lambda c: _load_one(visit, c)), lambda found: _draw_one(visit, *found)
    )


def _load_one(visit: Visit, cursor: Cursor) -> tuple[Entry, TrackingPlan, list[ViolationCount]]:
    workspace, wanted = visit.workspace.id, visit.parameters["name"]
    found = published(cursor, workspace)
    entry = next((e for e in entries_of(found) if e.name == wanted), None)
    if entry is None:
        raise NotFound(visit.say(common.no_such_page_help))
    call, event = entry.schema.key
    counts = tracking.violation_counts(
        cursor, workspace, first_day(visit), call=call, event=event, limit=100
    )
    return entry, rules_of(found), [one for one in counts if one.version == entry.schema.version]


def _draw_one(
    visit: Visit, entry: Entry, rules: TrackingPlan, found: Sequence[ViolationCount]
) -> None:
    schema = entry.schema
    crumb = link(visit.to("data", "plan"), visit.say(plan.events))
    marks = join(
        span("chip", visit.say(common.version, n=schema.version)),
        mode_chip(visit, schema.mode or rules.mode),
    )
    title = in_language(schema.title, visit.language, schema.called())
    told = in_language(schema.description, visit.language, "")
    about = " · ".join(
        part for part in (f"{schema.type} {schema.event}", told, schema.owner) if part
    )
    with page_head(visit, title, about, crumb, marks):
        button(visit.say(plan.remove_event), lambda: _remove(visit, entry), "quiet", "delete")
        address = visit.to("data", "plan", entry.name, "edit")
        html(link(address, icon("edit"), visit.say(plan.edit), cls="btn primary"))
    with ui.element("div").classes("stack"):
        with ui.element("div").classes("card flush"):
            html(div("head", el("h2", visit.say(plan.properties))))
            html(_properties(visit, schema))
        with ui.element("div").classes("card flush"):
            html(div("head", el("h2", visit.say(plan.violations))))
            html(violation_table(visit, found))


def _remove(visit: Visit, entry: Entry) -> None:
    """Ask, then take the event out of the plan."""
    workspace = visit.workspace.id

    async def agreed() -> None:
        kind, name = SCHEMA_KIND, entry.name
        await act(visit, f"stop {kind}", name, lambda c: stop(c, workspace, kind, name))
        ui.navigate.to(visit.to("data", "plan"))

    label = visit.say(plan.remove_event)
    confirm(visit, label, el("p", visit.say(plan.remove_help)), label, agreed)


def _properties(visit: Visit, schema: EventSchema) -> Html:
    heads = [
        el("th", visit.say(plan.property_)),
        el("th", visit.say(plan.type_)),
        el("th", visit.say(plan.values), cls="wide"),
        el("th", visit.say(plan.required)),
    ]
    contents = schema.contents
    needed = contents.get("required", [])
    rows: list[Html] = []
    for name, inner in contents.get("properties", {}).items():
        known = inner if isinstance(inner, dict) else {}
        kinds = known.get("type", "")
        told = " / ".join(kinds) if isinstance(kinds, list) else str(kinds)
        values = ", ".join(map(str, known.get("enum", []))) or str(known.get("format", ""))
        mark = span("chip", visit.say(plan.personal)) if known.get("x-personal") is True else None
        must = icon("check") if name in needed else ""
        rows.append(
            el(
                "tr",
                el("td", span("mono strong break", name), " ", mark),
                el("td", told, cls="muted"),
                el("td", values, cls="wide break"),
                el("td", must),
            )
        )
    return plain_table(heads, rows)


async def _start(visit: Visit) -> None:
    """Agree on every event that arrived and that nobody described, counting only."""
    workspace, by = visit.workspace.id, visit.operator

    def new_ones(cursor: Cursor) -> list[tuple[str, EventSchema]]:
        known = {entry.schema.key for entry in entries_of(published(cursor, workspace))}
        return [found for found in inferred(cursor, workspace) if found[1].key not in known]

    found = await visit.read(new_ones)
    if not found:
        ui.notify(visit.say(plan.start_nothing))
        return

    def publish_all(cursor: Cursor) -> None:
        for name, schema in found:
            document = tracking.as_document(schema)
            publish_document(cursor, workspace, SCHEMA_KIND, name, document, by)

    async def agreed() -> None:
        await act(visit, f"publish {SCHEMA_KIND}", f"{len(found)}", publish_all)
        ui.navigate.to(visit.to("data", "plan"))

    effect = el("p", visit.say(plan.start_help, n=visit.formats.number(len(found))))
    names = el("ul", [el("li", schema.called()) for _, schema in found[:30]], cls="caveats")
    confirm(visit, visit.say(plan.start), join(effect, names), visit.say(plan.start), agreed)
