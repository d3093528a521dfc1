"""The form for a source: the settings of the common kinds, or a whole document.

Before it is saved it can be tried: the other side is asked in a process of its own, and the
first ten rows are shown as the events that they would become.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import yaml
from nicegui import run, ui

from tsunagu.collect import sources as room
from tsunagu.collect.mapping import library
from tsunagu.collect.sources import Look, Premises, Shown
from tsunagu.console.acting import act
from tsunagu.console.dialogs import dialog, problem_line, text_field
from tsunagu.console.markup import Html, div, el, icon, join, span
from tsunagu.console.pane import button, html
from tsunagu.console.visit import Visit
from tsunagu.console.words import common, sources
from tsunagu.core import Invalid, Json, NotFound

CUSTOM = "custom"
DOCUMENT = "document"
_FORMS = ("sql", "files", "imap", "webhook")
_SCHEMES = ("stripe", "shopify", "github", "slack", "line", "standard")
Saved = Callable[[str], Awaitable[None]]


class SourceForm:
    """One open form."""

    def __init__(self, visit: Visit, premises: Premises, saved: Saved) -> None:
        self._visit = visit
        self._premises = premises
        self._saved = saved
        self._fields: dict[str, Any] = {}
        self._name = ""

    def ask(self) -> None:
        """Ask for a new source."""
        visit = self._visit
        with dialog(visit.say(sources.title_new)) as box:
            box.classes("wide")
            self._text("name", text_field(visit.say(sources.name)))
            kinds = {kind: visit.say(sources.KINDS[kind]) for kind in _FORMS}
            kinds[DOCUMENT] = visit.say(sources.as_document)
            self._choice("kind", visit.say(sources.kind), kinds, "sql")
            self._kinds()
            with self._shown_for(*_FORMS):
                self._mapping()
            with self._shown_for("sql", "files", "imap"):
                every = {told: visit.say(words) for told, words in sources.INTERVALS.items()}
                self._choice("every", visit.say(sources.every), every, "15 minutes")
            with self._shown_for(DOCUMENT):
                self._document("")
            self._end(box)

    def change(self, name: str, document: str) -> None:
        """Change a source as a document."""
        self._name = name
        with dialog(self._visit.say(sources.title_change, name=name)) as box:
            self._choice("kind", "", {DOCUMENT: ""}, DOCUMENT).set_visibility(False)
            self._document(document)
            html(el("p", self._visit.say(sources.kept), cls="muted small"))
            self._end(box)

    def _kinds(self) -> None:
        visit = self._visit
        with self._shown_for("sql"):
            hint = "postgresql://reader@db.example/shop"
            self._text("url", text_field(visit.say(sources.url), hint=hint))
            self._text("table", text_field(visit.say(sources.table)))
            help_ = visit.say(sources.cursor_help)
            self._text("cursor", text_field(visit.say(sources.cursor), hint=help_))
        with self._shown_for("files"):
            help_ = visit.say(sources.path_help)
            self._text("path", text_field(visit.say(sources.path), hint=help_))
            self._text("glob", text_field(visit.say(sources.glob), hint="*.csv"))
            self._fields["move"] = ui.checkbox(visit.say(sources.move), value=True)
            self._text("key", text_field(visit.say(sources.key), hint="S3"))
            self._text("secret_key", text_field(visit.say(sources.secret_key), secret=True))
        with self._shown_for("imap"):
            self._text("host", text_field(visit.say(sources.host), hint="imap.example"))
            self._text("user", text_field(visit.say(sources.user)))
            self._text("folder", text_field(visit.say(sources.folder), hint="INBOX"))
        with self._shown_for("sql", "files", "imap"):
            self._text("password", text_field(visit.say(sources.password), secret=True))
        with self._shown_for("webhook"):
            schemes = {scheme: scheme for scheme in _SCHEMES}
            self._choice("scheme", visit.say(sources.scheme), schemes, "standard")
            self._text("secret", text_field(visit.say(sources.webhook_secret), secret=True))

    def _mapping(self) -> None:
        visit = self._visit
        ready = {name: name for name in library()}
        ready[CUSTOM] = visit.say(sources.custom)
        chosen = self._choice("mapping", visit.say(sources.which_mapping), ready, CUSTOM)
        own = self._area("mapping_yaml", visit.say(sources.mapping_yaml), "")
        own.bind_visibility_from(chosen, "value", value=CUSTOM)

    def _document(self, text: str) -> None:
        visit = self._visit
        html(el("p", visit.say(sources.document_help), cls="muted small"))
        self._area("document", visit.say(sources.as_document), text)
        self._area("secrets", visit.say(sources.secrets_yaml), "")

    def _end(self, box: ui.dialog) -> None:
        visit = self._visit
        self._tell = problem_line()
        self._seen = html(Html(""))
        with ui.element("div").classes("actions"):
            button(visit.say(common.cancel), box.close)
            button(visit.say(sources.try_it), self._try, "", "cable")
            button(visit.say(sources.save), lambda: self._save(box), "primary")

    def _shown_for(self, *kinds: str) -> ui.element:
        part = ui.element("div").classes("stack").style("gap:12px;width:100%")
        part.bind_visibility_from(self._fields["kind"], "value", backward=lambda v: v in kinds)
        return part

    def _text(self, name: str, field: ui.input) -> None:
        self._fields[name] = field

    def _choice(self, name: str, label: str, known: dict[str, str], value: str) -> ui.select:
        field = ui.select(known, value=value, label=label).props("outlined dense").classes("field")
        self._fields[name] = field
        return field

    def _area(self, name: str, label: str, value: str) -> ui.textarea:
        area = ui.textarea(label=label, value=value).props("outlined dense autogrow")
        area.classes("field json-editor")
        self._fields[name] = area
        return area

    def _value(self, name: str) -> str:
        field = self._fields.get(name)
        return str(field.value or "").strip() if field is not None else ""

    def _read(self) -> tuple[str, Json, dict[str, str]]:
        """Name, document and secrets as the form says.

        Raises:
            Invalid: the name is missing or a text is no YAML.
        """
        name = self._name or self._value("name")
        if not name:
            raise Invalid(self._visit.say(sources.name_needed))
        if self._value("kind") == DOCUMENT:
            given = self._yaml("secrets") or {}
            return name, self._yaml("document") or {}, {k: str(v) for k, v in given.items()}
        told = self._value("mapping")
        mapping = self._yaml("mapping_yaml") if told == CUSTOM else told
        document: Json = {"from": self._settings(), "mapping": mapping or {}}
        if self._value("every") and self._value("kind") != "webhook":
            document["schedule"] = {"every": self._value("every")}
        return name, document, self._secrets()

    def _settings(self) -> Json:
        kind = self._value("kind")
        if kind == "sql":
            told = {"kind": kind, "url": self._value("url"), "table": self._value("table")}
            cursor = self._value("cursor")
            return told | ({"cursor": cursor} if cursor else {"mode": "full"})
        if kind == "files":
            after = "move" if self._fields["move"].value else "remember"
            told = {"kind": kind, "path": self._value("path"), "after": after}
            return told | {"glob": self._value("glob") or "*"}
        if kind == "imap":
            told = {"kind": kind, "host": self._value("host"), "user": self._value("user")}
            return told | {"folder": self._value("folder") or "INBOX"}
        return {"kind": kind, "signature": {"scheme": self._value("scheme")}}

    def _secrets(self) -> dict[str, str]:
        kind = self._value("kind")
        names = {"webhook": ("secret",), "files": ("password", "key", "secret_key")}
        wanted = names.get(kind, ("password",))
        told = {name.removesuffix("_key"): self._value(name) for name in wanted}
        return {name: value for name, value in told.items() if value}

    def _yaml(self, name: str) -> Any:
        try:
            found = yaml.safe_load(self._value(name))
        except yaml.YAMLError as error:
            problem = str(error).replace("\n", " ")
            raise Invalid(self._visit.say(sources.no_yaml, problem=problem)) from None
        if found is not None and not isinstance(found, dict):
            raise Invalid(self._visit.say(sources.no_yaml, problem=str(found)[:80]))
        return found

    async def _try(self) -> None:
        visit, workspace = self._visit, self._visit.workspace.id
        self._tell("")
        try:
            name, document, secrets = self._read()
            if self._name:
                vault = self._premises.vault
                kept = await visit.read(
                    lambda c: room.secrets_for_trial(c, workspace, name, document, vault)
                )
                secrets = {**kept, **secrets}
            self._seen.set_content(el("p", visit.say(sources.trying), cls="muted"))
            look = await run.io_bound(self._premises.look, document, name, secrets)
        except (Invalid, NotFound) as problem:
            self._seen.set_content(Html(""))
            self._tell(str(problem))
            return
        if look is not None:  # the console is not just ending
            self._seen.set_content(_shown(visit, look))

    async def _save(self, box: ui.dialog) -> None:
        visit, premises = self._visit, self._premises
        try:
            name, document, secrets = self._read()
            done = await act(
                visit,
                "source.put",
                name,
                lambda c: room.put_source(
                    c, visit.workspace, name, document, secrets, premises.vault, visit.operator
                ),
            )
        except (Invalid, NotFound) as problem:
            self._tell(str(problem))
            return
        box.close()
        if done is not None:
            ui.notify(visit.say(sources.saved), position="top")
            await self._saved(name)


def _shown(visit: Visit, look: Look) -> Html:
    answers = div("notice green", icon("check_circle"), visit.say(sources.answers))
    if look.place == "webhook":
        return div("notice", icon("webhook"), visit.say(sources.webhook_ready))
    if not look.columns:
        return join(answers, el("p", visit.say(sources.no_rows), cls="muted"))
    events = div("rows", [_event(event) for event in look.events])
    refused = [div("notice amber", icon("warning"), div("grow", words)) for words in look.refused]
    words = el("p", visit.say(sources.would_become, place=look.place))
    return div("stack", answers, words, events, *refused, style="gap:10px")


def _event(event: Shown) -> Html:
    who = event.user_id or event.anonymous_id or ""
    carried = {**event.body.get("traits", {}), **event.body.get("properties", {})}
    top = div(
        "split",
        span("strong grow", event.name or event.type),
        span("muted small nowrap", (event.at or "")[:19].replace("T", " ")),
    )
    text = msgspec.json.encode(carried).decode()[:300]
    line = "border-bottom:1px solid var(--line);padding:8px 0"
    words = (div("small break", who), div("muted small mono break", text))
    return div("", top, *words, style=line)
