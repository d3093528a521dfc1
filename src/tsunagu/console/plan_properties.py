"""The properties of a schema as a form: one row each; what a row cannot show stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from tsunagu.collect.plan.personal import MARK
from tsunagu.console.pane import button
from tsunagu.console.visit import Visit
from tsunagu.console.words import plan
from tsunagu.core import Json

TYPES = ("", "string", "number", "integer", "boolean", "array", "object")
FORMATS = ("", "email", "date", "date-time", "uri", "uuid")
_SEVERAL = " / "


@dataclass
class _Row:
    """The fields of one property, and the rest of its schema."""

    schema: Json
    name: ui.input
    kind: ui.select
    values: ui.input
    form: ui.select
    required: ui.checkbox
    personal: ui.checkbox

    def read(self) -> Json:
        """The property's schema as the fields say now."""
        made: Json = dict(self.schema)
        kind = str(self.kind.value or "")
        _put(made, "type", kind.split(_SEVERAL) if _SEVERAL in kind else kind)
        _put(made, "format", str(self.form.value or ""))
        _put(made, "enum", _values(self.values.value or "", kind, self.schema.get("enum")))
        _put(made, MARK, True if self.personal.value else None)
        return made


def _put(schema: Json, word: str, value: Any) -> None:
    if value in ("", None, []):
        schema.pop(word, None)
    else:
        schema[word] = value


def _values(text: str, kind: str, before: Any) -> list[Any]:
    """The values of a list as they were typed; those of before keep their types."""
    known = {str(value): value for value in before or []}
    found: list[Any] = []
    for part in (piece.strip() for piece in text.replace("、", ",").split(",")):
        if part in known:
            found.append(known[part])
        elif part:
            found.append(_number(part) if kind in ("number", "integer") else part)
    return found


def _number(text: str) -> int | float | str:
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return text


class PropertiesForm:
    """The rows on a page."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._rows: list[_Row] = []
        self._schema: Json = {}
        with ui.element("div").classes("property-rows") as self._box:
            pass
        button(visit.say(plan.add_property), lambda: self._add("", {}, False), "quiet", "add")

    def show(self, schema: Json) -> None:
        """Draw the properties of a schema."""
        self._schema = schema
        self._rows.clear()
        self._box.clear()
        needed = schema.get("required", [])
        for name, inner in schema.get("properties", {}).items():
            self._add(name, inner if isinstance(inner, dict) else {}, name in needed)

    def read(self) -> Json:
        """The schema with the properties as the rows say now."""
        made: Json = {"type": "object"} | self._schema
        named = [(str(row.name.value or "").strip(), row) for row in self._rows]
        made["properties"] = {name: row.read() for name, row in named if name}
        _put(made, "required", [name for name, row in named if name and row.required.value])
        return made

    def _add(self, name: str, schema: Json, required: bool) -> None:
        say = self._visit.say
        kinds = schema.get("type", "")
        kind = _SEVERAL.join(kinds) if isinstance(kinds, list) else str(kinds)
        form = str(schema.get("format", ""))
        with self._box, ui.element("div").classes("property-row") as box:
            field = _text(say(plan.property_), name)
            chosen = _choice(say(plan.type_), TYPES, kind)
            listed = _text(say(plan.values), ", ".join(map(str, schema.get("enum", []))))
            listed.props["hint"] = say(plan.values_hint)
            shaped = _choice(say(plan.format_), FORMATS, form)
            must = ui.checkbox(say(plan.required), value=required)
            own = ui.checkbox(say(plan.personal), value=schema.get(MARK) is True)
            row = _Row(schema, field, chosen, listed, shaped, must, own)
            self._rows.append(row)
            button(say(plan.remove), self._remover(row, box), "quiet", "close")

    def _remover(self, row: _Row, box: ui.element) -> Callable[[], None]:
        def remove() -> None:
            self._rows.remove(row)
            box.delete()

        return remove


def _text(label: str, value: str) -> ui.input:
    return ui.input(label=label, value=value).props("outlined dense").classes("field")


def _choice(label: str, names: tuple[str, ...], value: str) -> ui.select:
    known = names if value in names else (*names, value)
    options = {name: name or "–" for name in known}
    select = ui.select(options, value=value, label=label)
    return select.props("outlined dense").classes("field")
