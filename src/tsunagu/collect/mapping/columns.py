"""The columns of a table as SQL expressions, whatever the table was read from.

A line of NDJSON stays one text (`JSON`): its fields are drawn by path, `customer.email` or a
plain name, and a field that a line does not have is empty. Everything else has Arrow columns.
"""

from __future__ import annotations

from difflib import get_close_matches

import pyarrow as pa

from tsunagu.collect.files import JSON, LINE
from tsunagu.collect.files.arrow import DataType, Schema
from tsunagu.collect.mapping.steps import Sql, Steps, literal, quoted
from tsunagu.core import Invalid

# Of rows that are gathered: which run a row belongs to, its place in the table, the items as
# JSON, what is wrong with any of them, all their contents, and how many they were.
RUN, ROW = "__run__", "__row__"
ITEMS, WRONG, WHOLE, COUNT = "__items__", "__wrong__", "__whole__", "__count__"

_OURS = frozenset({JSON, LINE, RUN, ROW})
# What stands around a value and means nothing; in SQL it is dear to take off.
BLANKS = " 　\t\r\n"


# Each line is parsed twice, whatever the number of its fields: as texts and as pieces of JSON.
_JSON_SOURCE = """(
    select *, json_extract({json}, ['$', {fragments}]) as __f__,
        json_extract_string({json}, ['$', {texts}]) as __t__
    from {relation}
)"""


class Columns:
    """What a cell may draw on: the schema of one table, over the steps of one query."""

    def __init__(self, schema: Schema, relation: str) -> None:
        self._types = {field.name: field.type for field in schema}
        self._relation = relation
        self._fragments: dict[str, int] = {}
        self._texts: dict[str, int] = {}
        self.steps = Steps()
        self.is_json = JSON in self._types

    @property
    def source(self) -> str:
        """The relation to select from, with all that was drawn so far."""
        if not self.is_json:
            return self._relation
        return _JSON_SOURCE.format(
            json=f"case when json_valid({JSON}) then {JSON} end",
            fragments=", ".join(_literal_path(name) for name in self._fragments),
            texts=", ".join(_literal_path(name) for name in self._texts),
            relation=self._relation,
        )

    @property
    def names(self) -> list[str]:
        """The columns' names; for NDJSON they are not known beforehand."""
        return [name for name in self._types if name not in _OURS]

    def has(self, name: str) -> bool:
        """Whether a cell may name this column."""
        return self.is_json or name in self._types

    def holds_json(self, name: str) -> bool:
        """Whether the column may bring JSON of its own into an event."""
        if self.is_json:
            return True
        kind = self._types.get(name)
        return kind is not None and pa.types.is_nested(kind)

    def is_text(self, name: str) -> bool:
        """Whether the column is text, whose type a mapping has to state."""
        return self.is_json or pa.types.is_string(self._known(name))

    def text(self, name: str) -> Sql:
        """The column as text, NULL where it is blank.

        Raises:
            Invalid: there is no such column.
        """
        if self.is_json:
            told = f"__t__[{self._texts.setdefault(name, len(self._texts) + 2)}]"
            loose = rf"regexp_matches({told}, '^[\s　]|[\s　]$')"
            bare = f"case when {loose} then trim({told}, {literal(BLANKS)}) else {told} end"
            return self.steps.keep(f"nullif({bare}, '')")
        return self.steps.keep(f"nullif({self._as_text(name)}, '')")

    def fragment(self, name: str) -> Sql:
        """The column as a piece of JSON of its own type, NULL where it is blank."""
        if self.is_json:
            place = self._fragments.setdefault(name, len(self._fragments) + 2)
            return self.steps.keep(f"nullif(__f__[{place}]::varchar, 'null')")
        kind = self._known(name)
        if pa.types.is_string(kind) or _is_time(kind):
            text = self.text(name)
            return self.steps.keep(f"to_json({text})::varchar", text)
        if pa.types.is_floating(kind):
            written = self._as_text(name)
            return self.steps.keep(f"case when isfinite({quoted(name)}) then {written} end")
        return self.steps.keep(f"to_json({quoted(name)})::varchar")

    def moment(self, name: str, zone: str) -> Sql | None:
        """The column as `timestamptz` if it is a time already."""
        if self.is_json or not _is_time(self._known(name)):
            return None
        kind = self._types[name]
        column = quoted(name)
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            return self.steps.keep(f"{column}::timestamptz")
        return self.steps.keep(f"timezone({literal(zone)}, {column}::timestamp)")

    def _as_text(self, name: str) -> str:
        kind = self._known(name)
        column = quoted(name)
        if pa.types.is_floating(kind):
            # 17850.0 in a column of floats is the customer 17850
            whole = f"abs({column}) < 1e15 and {column} = trunc({column})"
            return f"case when {whole} then {column}::bigint::varchar else {column}::varchar end"
        if pa.types.is_nested(kind):
            return f"to_json({column})::varchar"
        return column if pa.types.is_string(kind) else f"{column}::varchar"

    def _known(self, name: str) -> DataType:
        if name in self._types:
            return self._types[name]
        near = get_close_matches(name, self.names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        listed = ", ".join(self.names[:30])
        raise Invalid(f"The table has no column {name!r}{hint}. It has: {listed}")


def _is_time(kind: DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _literal_path(name: str) -> str:
    parts = ('."' + part.replace('"', '\\"') + '"' for part in name.split("."))
    return literal("$" + "".join(parts))
