"""Editing one event of the plan: form or JSON Schema, tried on recent events before it holds."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from nicegui import ui

from tsunagu.access import published
from tsunagu.collect.plan import SCHEMA_KIND, Change, Checked, EventSchema, as_document
from tsunagu.console.acting import act
from tsunagu.console.dialogs import confirm, problem_line
from tsunagu.console.frame import page_head
from tsunagu.console.markup import Html, div, el, icon, join, link, span
from tsunagu.console.pages.plan import entries_of, mode_select, rules_of
from tsunagu.console.pane import button, html
from tsunagu.console.plan_properties import PropertiesForm
from tsunagu.console.reader import Cursor
from tsunagu.console.search_list import plain_table
from tsunagu.console.visit import Visit
from tsunagu.console.words import plan
from tsunagu.core import Invalid, Json, NotFound
from tsunagu.serve.definitions import check, publish_document
from tsunagu.serve.plan import DocumentChanges, document_changes, inferred, preview

CALLS = ("track", "page", "screen", "identify", "group")
_EMPTY: Json = {"event": "", "schema": {"type": "object", "properties": {}}}


async def build_new(visit: Visit) -> None:
    """A new event, started from what arrived if the address names one."""
    call, event = visit.query.get("type", "track"), visit.query.get("event", "")

    def start(cursor: Cursor) -> tuple[str, Json]:
        found = inferred(cursor, visit.workspace.id, call=call, name=event) if event else []
        return (found[0][0], as_document(found[0][1])) if found else ("", _EMPTY)

    name, document = await visit.read(start)
    title = event or visit.say(plan.new_event)
    _Editor(visit, name, document, new=True).build(title)


async def build_edit(visit: Visit) -> None:
    """An agreed event."""
    wanted = visit.parameters["name"]

    def load(cursor: Cursor) -> EventSchema | None:
        entries = entries_of(published(cursor, visit.workspace.id))
        return next((e.schema for e in entries if e.name == wanted), None)

    schema = await visit.read(load)
    if schema is None:
        ui.navigate.to(visit.to("data", "plan"))
        return
    _Editor(visit, wanted, as_document(schema), new=False).build(schema.called())


class _Editor:
    """The form, what it says of recent events, and the way to publish it."""

    def __init__(self, visit: Visit, name: str, document: Json, *, new: bool) -> None:
        self._visit = visit
        self._name = name
        self._document = document
        self._new = new
        self._raw = False

    def build(self, title: str) -> None:
        """Draws everything."""
        visit = self._visit
        crumb = link(visit.to("data", "plan"), visit.say(plan.events))
        with page_head(visit, title, "", crumb):
            button(visit.say(plan.preview), self._try, "", "science")
            button(visit.say(plan.publish), self._publish, "primary", "publish")
        with ui.element("div").classes("stack"):
            with ui.element("div").classes("card"):
                self._tell = problem_line()
                self._fields()
            self._outcome = html(Html(""))
            with ui.element("div").classes("card"):
                self._contents()

    def _fields(self) -> None:
        visit, told = self._visit, self._document
        titles = told.get("title", {})
        with ui.element("div").classes("form-row"):
            self._event = _field(visit.say(plan.event), told.get("event", ""))
            self._call = ui.select(
                list(CALLS), value=told.get("type", "track"), label=visit.say(plan.call)
            )
            self._call.props("outlined dense").classes("field")
            self._version = ui.number(
                label=visit.say(plan.version), value=told.get("version", 1), min=1, precision=0
            )
            self._version.props("outlined dense").classes("field")
            self._version.props["hint"] = visit.say(plan.version_hint)
            self._document_name = _field(visit.say(plan.document_name), self._name)
            self._document_name.set_enabled(self._new)
        with ui.element("div").classes("form-row"):
            self._ja = _field(visit.say(plan.title_ja), titles.get("ja", ""))
            self._en = _field(visit.say(plan.title_en), titles.get("en", ""))
            self._owner = _field(visit.say(plan.owner), told.get("owner", ""))
        with ui.element("div").classes("form-row"):
            modes = ("", "observe", "flag", "block")
            self._mode = mode_select(visit, plan.mode, told.get("mode", ""), modes)
            self._unknown = mode_select(
                visit,
                plan.unknown_properties,
                told.get("unknown_properties", ""),
                ("", "allow", "observe", "flag", "block"),
            )

    def _contents(self) -> None:
        visit = self._visit
        with ui.element("div").classes("tabs"):
            self._tabs = [
                ui.button(visit.say(label), on_click=partial(self._switch, raw))
                .props("flat no-caps unelevated")
                .classes("tab")
                for label, raw in ((plan.as_form, False), (plan.as_json, True))
            ]
        with ui.element("div") as self._form_side:
            self._form = PropertiesForm(visit)
        with ui.element("div") as self._raw_side:
            self._text = ui.textarea().props("outlined autogrow spellcheck=false")
            self._text.classes("field json-editor")
            self._text.props["aria-label"] = visit.say(plan.as_json)
        self._show(self._document.get("schema", {}))

    def _show(self, schema: Json) -> None:
        if self._raw:
            self._text.set_value(json.dumps(schema, ensure_ascii=False, indent=2))
        else:
            self._form.show(schema)
        self._form_side.set_visibility(not self._raw)
        self._raw_side.set_visibility(self._raw)
        for tab, raw in zip(self._tabs, (False, True), strict=True):
            tab.classes(**{"add" if raw == self._raw else "remove": "on"})

    def _switch(self, raw: bool) -> None:
        if raw == self._raw:
            return
        try:
            schema = self._schema()
        except Invalid as problem:
            self._tell(str(problem))
            return
        self._tell("")
        self._raw = raw
        self._show(schema)

    def _schema(self) -> Json:
        if not self._raw:
            return self._form.read()
        try:
            found = json.loads(self._text.value or "")
        except ValueError as problem:
            raise Invalid(self._visit.say(plan.no_json, problem=problem)) from None
        if not isinstance(found, dict):
            raise Invalid(self._visit.say(plan.no_json, problem="{ … }"))
        return found

    def _read(self) -> tuple[str, Json, EventSchema]:
        """The document as the fields say now.

        Raises:
            Invalid: what is wrong, in words.
        """
        name, event = _plain(self._document_name.value), _plain(self._event.value)
        if not name or (not event and self._call.value in ("track", "page", "screen")):
            raise Invalid(self._visit.say(plan.no_name))
        titles = {"ja": _plain(self._ja.value), "en": _plain(self._en.value)}
        made: dict[str, Any] = {
            **self._document,
            "event": event,
            "type": self._call.value,
            "version": int(self._version.value or 1),
            "title": {code: text for code, text in titles.items() if text},
            "owner": _plain(self._owner.value),
            "mode": self._mode.value or None,
            "unknown_properties": self._unknown.value or None,
            "schema": self._schema(),
        }
        checked = check(SCHEMA_KIND, made)
        assert isinstance(checked, EventSchema)
        return name, as_document(checked), checked

    async def _try(self) -> None:
        visit = self._visit
        try:
            _, _, schema = self._read()
        except Invalid as problem:
            self._tell(str(problem))
            return
        self._tell("")
        workspace = visit.workspace

        def look(cursor: Cursor) -> tuple[int, Checked]:
            rules = rules_of(published(cursor, workspace.id))
            return preview(cursor, workspace.id, workspace.zone, schema, rules)

        seen, checked = await visit.read(look)
        self._outcome.set_content(_outcome(visit, schema, seen, checked))

    async def _publish(self) -> None:
        visit = self._visit
        workspace = visit.workspace.id
        try:
            name, document, _ = self._read()
            changes = await visit.read(
                lambda c: document_changes(c, workspace, [(SCHEMA_KIND, name, document)])
            )
        except (Invalid, NotFound) as problem:
            self._tell(str(problem))
            return
        if not changes:
            self._tell(visit.say(plan.nothing_changes))
            return
        self._tell("")

        async def publish() -> None:
            try:
                await act(
                    visit,
                    f"publish {SCHEMA_KIND}",
                    name,
                    lambda c: publish_document(
                        c, workspace, SCHEMA_KIND, name, document, visit.operator
                    ),
                )
            except Invalid as problem:
                self._tell(str(problem))
                return
            ui.navigate.to(visit.to("data", "plan", name))

        if changes[0].breaking:
            label = visit.say(plan.publish_anyway)
            title = visit.say(plan.breaks_title)
            confirm(visit, title, _changes(visit, changes[0]), label, publish)
        else:
            await publish()


def _field(label: str, value: str) -> ui.input:
    return ui.input(label=label, value=value).props("outlined dense").classes("field")


def _plain(text: str | None) -> str:
    return (text or "").replace("\x00", "").strip()


def _outcome(visit: Visit, schema: EventSchema, seen: int, checked: Checked) -> Html:
    number = visit.formats.number
    if not seen:
        words = visit.say(plan.preview_none, event=schema.called())
        return div("notice", icon("info"), div("grow", words), role="status")
    violating = sum(wrong for _, wrong in checked.traffic.values())
    if not violating:
        words = visit.say(plan.preview_fine, seen=number(seen))
        return div("notice green", icon("verified"), div("grow", words), role="status")
    answer = visit.say(plan.preview_answer, seen=number(seen), violating=number(violating))
    found = sorted(checked.violations.items(), key=lambda item: -item[1].count)
    heads = [
        el("th", visit.say(plan.place)),
        el("th", visit.say(plan.sources), cls="wide"),
        el("th", visit.say(plan.expected), cls="wide"),
        el("th", visit.say(plan.got), cls="wide"),
        el("th", visit.say(plan.count), cls="num"),
    ]
    rows = [
        el(
            "tr",
            el("td", span("mono break", place)),
            el("td", key[1], cls="wide muted"),
            el("td", tally.expected, cls="wide"),
            el("td", tally.got, cls="wide muted"),
            el("td", number(tally.count), cls="num strong"),
        )
        for (key, place, _, _), tally in found[:20]
    ]
    head = div("head", el("h2", answer))
    return div("card flush", head, plain_table(heads, rows), role="status")


def _changes(visit: Visit, one: DocumentChanges) -> Html:
    listed = [_change(visit, change) for change in one.changes]
    parts: list[Html] = [el("ul", listed, cls="caveats")]
    if one.readers:
        names = ", ".join(f"{kind}/{name}" for kind, name in one.readers)
        parts.append(el("p", f"{visit.say(plan.looked_at)}: {names}", cls="muted"))
    return join(parts)


def _change(visit: Visit, change: Change) -> Html:
    told: list[str] = [span("mono break", change.place), " "]
    told.append(visit.say(plan.CHANGES[change.kind]))
    if change.before or change.after:
        told.append(f" ({change.before or '–'} → {change.after or '–'})")
    phrase = {"senders": plan.breaks_senders, "readers": plan.breaks_readers}.get(change.breaks)
    mark = span("chip red", visit.say(phrase)) if phrase else None
    return el("li", told, " ", mark)
