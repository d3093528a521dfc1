"""The JSON that an event carries: properties, traits and context, put together in SQL.

What is empty is left out, as the Segment spec's clients do; an object that would be empty is
NULL. Faults of the cells are collected on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tsunagu.collect.mapping.cells import Cells, Reading
from tsunagu.collect.mapping.document import SPREAD, Cell, ObjectMapping
from tsunagu.collect.mapping.steps import NOTHING, Sql, Steps, literal

Drawings = Mapping[str, Cell]


class Bodies:
    """Builds JSON over the cells of one table; `faults` has what is wrong with rows so far."""

    def __init__(self, cells: Cells, steps: Steps) -> None:
        self._cells = cells
        self._steps = steps
        self.faults: list[Sql] = []

    def took(self, reading: Reading) -> Reading:
        """Note the fault of a reading."""
        if reading.fault is not None:
            self.faults.append(reading.fault)
        return reading

    def object(self, field: str, told: Drawings | Cell) -> Sql:
        """A JSON object of these cells, or the one that a cell holds whole."""
        if isinstance(told, Cell):
            return self._whole(field, told)
        spread = self._whole(f"{field}.{SPREAD}", told[SPREAD]) if SPREAD in told else None
        items = [
            self._item(field, key, cell, spread) for key, cell in told.items() if key != SPREAD
        ]
        if spread is not None:
            inner = f"nullif(substr({spread}, 2, length({spread}) - 2), '')"
            items.append(self._steps.keep(inner, spread))
        return self.braced(items, "{}")

    def braced(self, items: Iterable[Sql], braces: str) -> Sql:
        """The items that are not NULL, with commas between, in braces; NULL without any."""
        parts = list(items)
        if not parts:
            return NOTHING
        if len(parts) == 1:
            inner = parts[0]
        else:
            listed = ", ".join(map(str, parts))
            inner = self._steps.keep(f"nullif(concat_ws(',', {listed}), '')", *parts)
        return self._steps.keep(f"'{braces[0]}' || {inner} || '{braces[1]}'", inner)

    def keyed(self, key: str, value: Sql) -> Sql:
        """One item of an object."""
        return self._steps.keep(f"{literal(f'{json(key)}:')} || {value}", value)

    def beside(self, field: str, told: ObjectMapping) -> Sql:
        """An object beside the person, NULL in a row that has no id for it."""
        reading = self.took(self._cells.text(f"{field}.id", told.id))
        traits = self.object(f"{field}.traits", told.traits)
        role = f',"role":{json(told.role)}' if told.role else ""
        head = literal(f'{{"type":{json(told.type)}{role},"id":')
        ending = "'}'"
        if traits is not NOTHING:
            ending = f"coalesce(',\"traits\":' || {traits}, '') || '}}'"
        written = f"{head} || to_json({reading.text})::varchar || {ending}"
        return self._steps.keep(written, reading.text, traits)

    def external(self, kind: str, reading: Reading) -> Sql:
        """An identifier as the Segment spec's `context.externalIds` has it."""
        ending = literal(f',"type":{json(kind)},"collection":"users","encoding":"none"}}')
        head = literal('{"id":')
        return self._steps.keep(
            f"{head} || to_json({reading.text})::varchar || {ending}", reading.text
        )

    def merged(self, base: Sql, items: Iterable[Sql]) -> Sql:
        """An object with more items, which the mapping states and which win."""
        added = self.braced(items, "{}")
        if added is NOTHING:
            return base
        if base is NOTHING:
            return added
        return self._steps.keep(
            f"case when {added} is null then {base} when {base} is null then {added}"
            f" else json_merge_patch({base}, {added})::varchar end",
            base,
            added,
        )

    def _item(self, field: str, key: str, cell: Cell, spread: Sql | None) -> Sql:
        reading = self.took(self._cells.read(f"{field}.{key}", cell))
        item = self.keyed(key, reading.fragment)
        if spread is None:
            return item
        path = literal(json_path(key))
        stated = f"coalesce(json_exists({spread}, {path}), false)"
        return self._steps.keep(f"case when not {stated} then {item} end", item, spread)

    def _whole(self, field: str, cell: Cell) -> Sql:
        reading = self.took(self._cells.read(field, cell))
        if reading.fragment is NOTHING:
            return NOTHING
        wrong = literal(f"{field}: {' '.join(cell.sources)} is not a JSON object")
        test = f"case when json_type({reading.fragment}) <> 'OBJECT' then {wrong} end"
        self.faults.append(self._steps.keep(test, reading.fragment))
        return self._steps.keep(f"nullif({reading.fragment}, '{{}}')", reading.fragment)


def json(value: object) -> str:
    """A value as JSON."""
    return msgspec.json.encode(value).decode()


def json_path(*keys: str) -> str:
    """The path of a field for DuckDB's JSON functions."""
    return "$" + "".join('."' + key.replace('"', '\\"') + '"' for key in keys)
