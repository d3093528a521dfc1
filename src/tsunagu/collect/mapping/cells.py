"""One cell of a mapping as SQL: its value, the same as JSON, and when a row does not have it.

A cell that is empty is left out of its event; a cell that says something which cannot be read
makes the row bad, with a reason that names field, column and contents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from tsunagu.collect.mapping import wording
from tsunagu.collect.mapping.columns import Columns
from tsunagu.collect.mapping.document import Cell
from tsunagu.collect.mapping.steps import Sql, Steps, literal
from tsunagu.core import Invalid

ISO = "'%Y-%m-%dT%H:%M:%S.%fZ'"
_WHAT = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "a yes or no",
    "date": "a date; state its format",
    "time": "a time; state its format",
    "json": "JSON",
}


@dataclass(frozen=True)
class Reading:
    """A cell in SQL: as text (or time), as JSON, and its fault, NULL where all is well."""

    text: Sql
    fragment: Sql
    fault: Sql | None = None


class Cells:
    """Reads the cells of a mapping over one table."""

    def __init__(self, columns: Columns, steps: Steps, zone: str) -> None:
        self._columns = columns
        self._steps = steps
        self._zone = zone

    def read(self, field: str, cell: Cell) -> Reading:
        """A value of an event.

        Raises:
            Invalid: the cell names a column that the table does not have.
        """
        if cell.value is not None:
            return self._constant(cell.value)
        if self._is_plain(field, cell):
            name = cell.sources[0]
            return Reading(self._columns.text(name), self._columns.fragment(name))
        drawn = self._drawn(field, cell)
        if cell.values:
            return self._looked_up(field, cell, drawn)
        if cell.type in ("date", "time"):
            return self._dated(field, cell, drawn)
        return self._typed(field, cell, drawn)

    def moment(self, field: str, cell: Cell) -> Reading:
        """A value that is a time, as `timestamptz` in `text`."""
        if cell.column is not None and not cell.blank and self._columns.has(cell.column):
            ready = self._columns.moment(cell.column, cell.zone or self._zone)
            if ready is not None:
                return Reading(ready, ready)
        drawn = self._drawn(field, cell)
        at = wording.moment(self._steps, drawn, cell.format, cell.zone or self._zone)
        return Reading(at, at, self._fault(field, cell, drawn, at, _WHAT["time"]))

    def text(self, field: str, cell: Cell) -> Reading:
        """A value that is a text: a name or an identifier."""
        reading = self.read(field, cell)
        if cell.type in (None, "text") or cell.value is not None or cell.values:
            return reading
        bare = self._steps.keep(f"json_extract_string({reading.fragment}, '$')", reading.fragment)
        return Reading(bare, reading.fragment, reading.fault)

    def _is_plain(self, field: str, cell: Cell) -> bool:
        """Whether the column goes over as it is, with the type that it has in the table."""
        dressed = (cell.type, cell.prefix, cell.blank, cell.values, cell.columns)
        if any(dressed) or len(cell.sources) != 1:
            return False
        return not cell.optional or self._columns.has(cell.sources[0])

    def _constant(self, value: Any) -> Reading:
        fragment = msgspec.json.encode(value).decode()
        text = value if isinstance(value, str) else fragment
        return Reading(Sql(literal(text)), Sql(literal(fragment)))

    def _drawn(self, field: str, cell: Cell) -> Sql:
        """The text of the cell before it is read as anything else."""
        names = [name for name in cell.sources if not cell.optional or self._columns.has(name)]
        if not names:
            return Sql("null::varchar")
        try:
            texts = [self._columns.text(name) for name in names]
        except Invalid as error:
            raise Invalid(f"{field}: {error}") from None
        if cell.blank:
            listed = ", ".join(map(literal, cell.blank))
            texts = [
                self._steps.keep(f"case when {text} not in ({listed}) then {text} end", text)
                for text in texts
            ]
        if len(texts) == 1:
            joined = texts[0]
        else:
            listed = ", ".join(map(str, texts))
            joined = self._steps.keep(
                f"coalesce({listed})"
                if cell.first_of
                else f"nullif(concat_ws({literal(cell.join)}, {listed}), '')",
                *texts,
            )
        if cell.prefix:
            return self._steps.keep(f"{literal(cell.prefix)} || {joined}", joined)
        return joined

    def _looked_up(self, field: str, cell: Cell, drawn: Sql) -> Reading:
        """Through the cell's dictionary; what it does not know is `otherwise`, or a fault."""
        told = {key: msgspec.json.encode(value).decode() for key, value in cell.values.items()}
        cases = " ".join(
            f"when {literal(key)} then {literal(value)}" for key, value in told.items()
        )
        otherwise = "null"
        if cell.otherwise is not None:
            rest = literal(msgspec.json.encode(cell.otherwise).decode())
            otherwise = f"case when {drawn} is not null then {rest} end"
        fragment = self._steps.keep(f"case {drawn} {cases} else {otherwise} end", drawn)
        text = self._steps.keep(f"json_extract_string({fragment}, '$')", fragment)
        what = "in its dictionary; add it to `values` or state `otherwise`"
        return Reading(text, fragment, self._fault(field, cell, drawn, fragment, what))

    def _dated(self, field: str, cell: Cell, drawn: Sql) -> Reading:
        at = self.moment(field, cell)
        zone = literal(cell.zone or self._zone)
        written = (
            f"strftime({at.text}, {ISO})"
            if cell.type == "time"
            else f"strftime(timezone({zone}, {at.text}), '%Y-%m-%d')"
        )
        text = self._steps.keep(written, at.text)
        fragment = self._steps.keep(f"""'"' || {text} || '"'""", text)
        return Reading(text, fragment, at.fault)

    def _typed(self, field: str, cell: Cell, drawn: Sql) -> Reading:
        match cell.type:
            case "number":
                read = wording.number(self._steps, drawn)
            case "integer":
                read = wording.integer(self._steps, drawn)
            case "boolean":
                read = wording.boolean(self._steps, drawn)
            case "json":
                read = self._steps.keep(f"case when json_valid({drawn}) then {drawn} end", drawn)
            case _:
                return Reading(drawn, self._steps.keep(f"to_json({drawn})::varchar", drawn))
        return Reading(read, read, self._fault(field, cell, drawn, read, _WHAT[cell.type]))

    def _fault(self, field: str, cell: Cell, drawn: Sql, read: Sql, what: str) -> Sql:
        told = literal(f"{field}: {' '.join(cell.sources)} is '")
        ending = literal(f"', which is not {what}")
        return self._steps.keep(
            f"case when {drawn} is not null and {read} is null"
            f" then {told} || left({drawn}, 60) || {ending} end",
            drawn,
            read,
        )
