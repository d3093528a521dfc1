"""A mapping over the schema of a table, compiled to one DuckDB query.

The query gives for each row its line, `fault` (NULL where all is well) and, for each event of
the mapping, whether the row has it (`keep0`) and the columns of the event (`name0`, ...). It is
plain SQL over one relation, so a loader may also run it over what it reads itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from tsunagu.collect.files import JSON, LINE
from tsunagu.collect.mapping.cells import Cells, Reading
from tsunagu.collect.mapping.columns import Columns
from tsunagu.collect.mapping.conditions import condition
from tsunagu.collect.mapping.document import Cell, EventMapping, Mapping, ObjectMapping
from tsunagu.collect.mapping.steps import Sql, literal
from tsunagu.collect.models import MAX_ID_CHARACTERS, MAX_MESSAGE_BYTES, MAX_NAME_CHARACTERS
from tsunagu.core.events import TYPES

EVENT_COLUMNS = pa.schema(
    [
        ("message_id", pa.string()),
        ("type", pa.string()),
        ("name", pa.string()),
        ("user_id", pa.string()),
        ("anonymous_id", pa.string()),
        ("previous_id", pa.string()),
        ("group_id", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("properties", pa.string()),
        ("traits", pa.string()),
        ("context", pa.string()),
    ]
)
_YEARS = "timestamptz '1900-01-01 00:00:00+00' and timestamptz '2199-12-31 23:59:59+00'"
_NOBODY = "no identifier: every column that says whose row this is is empty; name a `stand_in`"
_NUL = r"(^|[^\\])(\\\\)*\\u0000"


@dataclass(frozen=True)
class Compiled:
    """The query, and how many events each row may become."""

    sql: str
    events: int


def compiled(mapping: Mapping, schema: pa.Schema, relation: str) -> Compiled:
    """The query of a mapping over a relation with this schema, which has the column `LINE`.

    Raises:
        Invalid: the mapping names a column that the table does not have; the message names
            field and column.
    """
    return _Compiler(mapping, schema, relation).build()


@dataclass(frozen=True)
class _Who:
    user: Sql
    anonymous: Sql
    identifiers: dict[str, Reading]
    faults: list[Sql]


class _Compiler:
    def __init__(self, mapping: Mapping, schema: pa.Schema, relation: str) -> None:
        self.mapping = mapping
        self.columns = Columns(schema, relation)
        self.steps = self.columns.steps
        self.cells = Cells(self.columns, self.steps, mapping.zone)

    def build(self) -> Compiled:
        who = self._who()
        outputs = [f"{LINE} as line"]
        faults: dict[Sql, list[Sql]] = {}
        for index, event in enumerate(self.mapping.events):
            keep = self._keep(index, event)
            columns, wrong = self._event(index, event, who)
            for fault in (*self._unreadable(), *who.faults, *wrong):
                faults.setdefault(fault, []).append(keep)
            outputs.append(f"{keep} as keep{index}")
            outputs += [f"{sql} as {name}{index}" for name, sql in columns.items()]
        outputs.append(f"{self._fault(faults)} as fault")
        sql = self.steps.query(", ".join(outputs), self.columns.source)
        return Compiled(sql, len(self.mapping.events))

    def _fault(self, faults: dict[Sql, list[Sql]]) -> str:
        """What is wrong with a row in any of the events that it has."""
        told: list[str] = []
        for fault, keeps in faults.items():
            if Sql("true") in keeps:
                told.append(str(fault))
            else:
                told.append(f"case when {' or '.join(map(str, keeps))} then {fault} end")
        return f"nullif(concat_ws('; ', {', '.join(told)}), '')"

    def _unreadable(self) -> list[Sql]:
        if not self.columns.is_json:
            return []
        test = "coalesce(json_type(__f__[1]) <> 'OBJECT', true)"
        return [self.steps.keep(f"case when {test} then 'the line is not a JSON object' end")]

    def _keep(self, index: int, event: EventMapping) -> Sql:
        told = [("where", self.mapping.where), (f"events.{index}.where", event.where)]
        parts = [
            condition(text, field, self.columns, self.steps)
            for field, text in told
            if text is not None
        ]
        if not parts:
            return Sql("true")
        return self.steps.keep(" and ".join(map(str, parts)), *parts)

    def _who(self) -> _Who:
        mapping = self.mapping
        faults: list[Sql] = []
        user = self._text("user_id", mapping.user_id, faults)
        anonymous = self._text("anonymous_id", mapping.anonymous_id, faults)
        named = {
            kind: self.cells.read(f"identifiers.{kind}", cell)
            for kind, cell in mapping.identifiers.items()
        }
        faults += [reading.fault for reading in named.values() if reading.fault]
        others = [
            self.steps.keep(f"{literal(kind)} || ':' || lower({reading.text})", reading.text)
            for kind, reading in named.items()
        ]
        if mapping.stand_in is not None:
            others.append(self._text("stand_in", mapping.stand_in, faults))
        if others:
            listed = ", ".join(map(str, others))
            anonymous = self.steps.keep(
                f"coalesce({anonymous}, case when {user} is null then coalesce({listed}) end)",
                anonymous, user, *others,
            )  # fmt: skip
        nobody = f"case when {user} is null and {anonymous} is null then {literal(_NOBODY)} end"
        faults.append(self.steps.keep(nobody, user, anonymous))
        return _Who(user, anonymous, named, faults)

    def _event(
        self, index: int, event: EventMapping, who: _Who
    ) -> tuple[dict[str, Sql], list[Sql]]:
        faults: list[Sql] = []
        place = f"events.{index}"
        kind = self._text(f"{place}.type", event.type, faults)
        name = self._name(f"{place}.name", event, faults)
        at = self._at(place, event, faults)
        group = self._text(f"{place}.group_id", event.group_id, faults)
        previous = self._text(f"{place}.previous_id", event.previous_id, faults)
        columns = {
            "message_id": self._message_id(index, faults),
            "type": kind,
            "name": self.steps.keep(f"coalesce({name}, '')", name),
            "user_id": who.user,
            "anonymous_id": who.anonymous,
            "previous_id": previous,
            "group_id": group,
            "at": at,
            "properties": self._properties(place, event, faults),
            "traits": self._traits(place, event, who, faults),
            "context": self._context(place, event, who, faults),
        }
        faults += self._spec(columns, name)
        faults += self._limits(columns)
        return columns, faults

    def _text(self, field: str, cell: Cell | None, faults: list[Sql]) -> Sql:
        if cell is None:
            return Sql("null::varchar")
        reading = self.cells.text(field, cell)
        faults += [reading.fault] if reading.fault else []
        return reading.text

    def _name(self, field: str, event: EventMapping, faults: list[Sql]) -> Sql:
        return self._text(field, event.name, faults)

    def _at(self, place: str, event: EventMapping, faults: list[Sql]) -> Sql:
        cell, field = (event.at, f"{place}.at") if event.at else (self.mapping.at, "at")
        if cell is None:
            return Sql("null::timestamptz")
        reading = self.cells.moment(field, cell)
        faults += [reading.fault] if reading.fault else []
        if not cell.optional:
            empty = literal(f"{field}: {' '.join(cell.sources)} is empty")
            test = f"case when {reading.text} is null then {empty} end"
            if reading.fault is not None:
                test = (
                    f"case when {reading.fault} is null and {reading.text} is null then {empty} end"
                )
            parts = [part for part in (reading.fault, reading.text) if part]
            faults.append(self.steps.keep(test, *parts))
        return reading.text

    def _message_id(self, index: int, faults: list[Sql]) -> Sql:
        told = self.mapping.message_id
        if isinstance(told, Cell):
            stated = self._text("message_id", told, faults)
            own = self._hashed(index, self._row())
            return self.steps.keep(f"coalesce({stated}, {own})", stated, own)
        named = [self.columns.text(name) for name in told] if told else self._row()
        return self._hashed(index, named)

    def _row(self) -> list[Sql]:
        """The whole row: a line of NDJSON as it is, else all columns."""
        if self.columns.is_json:
            return [Sql(JSON)]
        return [self.columns.text(name) for name in sorted(self.columns.names)]

    def _hashed(self, index: int, parts: list[Sql]) -> Sql:
        """A message id of contents: the mapping's name, which of its events, and the parts."""
        event = self.mapping.events[index]
        tag = f"{event.type.value or ''}:{event.name.value if event.name else ''}"
        before = [f"{e.type.value or ''}:{e.name.value if e.name else ''}" for e in
                  self.mapping.events[:index]]  # fmt: skip
        head = literal(f"{self.mapping.name}\x1f{tag}\x1f{before.count(tag)}")
        listed = ", ".join(f"coalesce({part}, '')" for part in parts)
        return self.steps.keep(f"md5(concat_ws(chr(31), {head}, {listed}))", *parts)

    def _properties(self, place: str, event: EventMapping, faults: list[Sql]) -> Sql:
        others: dict[str, Cell] = {}
        if event.keep_others:
            used = set(_sources(self.mapping))
            others = {name: Cell(column=name) for name in self.columns.names if name not in used}
        return self._object(f"{place}.properties", event.properties, faults, others)

    def _traits(self, place: str, event: EventMapping, who: _Who, faults: list[Sql]) -> Sql:
        more: dict[str, Cell] = {}
        if event.type.value == "identify":
            # the identifiers that are traits too, as people look for them there
            told = self.mapping.identifiers
            more = {kind: told[kind] for kind in ("email", "phone") if kind in told}
        return self._object(f"{place}.traits", event.traits, faults, more)

    def _context(self, place: str, event: EventMapping, who: _Who, faults: list[Sql]) -> Sql:
        base = self._object(f"{place}.context", event.context, faults, {})
        ids = [
            self.steps.keep(
                f"""'{{"id":' || to_json({reading.text})::varchar || {literal(_external(kind))}""",
                reading.text,
            )
            for kind, reading in who.identifiers.items()
        ]
        objects = [
            self._beside(f"{place}.objects.{n}", told, faults)
            for n, told in enumerate(event.objects)
        ]
        parts = [
            self._listed(key, items)
            for key, items in (("externalIds", ids), ("objects", objects))
            if items
        ]
        if not parts:
            return base
        listed = ", ".join(map(str, parts))
        own = self.steps.keep(f"nullif(concat_ws(',', {listed}), '')", *parts)
        added = f"'{{' || {own} || '}}'"
        return self.steps.keep(
            f"case when {own} is null then {base} when {base} is null then {added}"
            f" else json_merge_patch({base}, {added})::varchar end",
            own,
            base,
        )

    def _listed(self, key: str, items: list[Sql]) -> Sql:
        listed = ", ".join(map(str, items))
        inner = self.steps.keep(f"nullif(concat_ws(',', {listed}), '')", *items)
        opening = literal(f'"{key}":[')
        return self.steps.keep(f"{opening} || {inner} || ']'", inner)

    def _beside(self, field: str, told: ObjectMapping, faults: list[Sql]) -> Sql:
        """One object as JSON, NULL in a row that has no id for it."""
        reading = self.cells.text(f"{field}.id", told.id)
        faults += [reading.fault] if reading.fault else []
        traits = self._object(f"{field}.traits", told.traits, faults, {})
        role = f',"role":{_json(told.role)}' if told.role else ""
        head = literal(f'{{"type":{_json(told.type)}{role},"id":')
        return self.steps.keep(
            f"{head} || to_json({reading.text})::varchar"
            f" || coalesce(',\"traits\":' || {traits}, '') || '}}'",
            reading.text,
            traits,
        )

    def _object(
        self, field: str, told: dict[str, Cell] | Cell, faults: list[Sql], more: dict[str, Cell]
    ) -> Sql:
        """A JSON object, NULL where it would be empty."""
        if isinstance(told, Cell):
            reading = self.cells.read(field, told)
            faults += [reading.fault] if reading.fault else []
            wrong = literal(f"{field}: {' '.join(told.sources)} is not a JSON object")
            test = f"case when json_type({reading.fragment}) <> 'OBJECT' then {wrong} end"
            faults.append(self.steps.keep(test, reading.fragment))
            return self.steps.keep(f"nullif({reading.fragment}, '{{}}')", reading.fragment)
        items: list[Sql] = []
        for key, cell in {**more, **told}.items():
            reading = self.cells.read(f"{field}.{key}", cell)
            faults += [reading.fault] if reading.fault else []
            item = f"{literal(f'{_json(key)}:')} || {reading.fragment}"
            items.append(self.steps.keep(item, reading.fragment))
        if not items:
            return Sql("null::varchar")
        listed = ", ".join(map(str, items))
        inner = self.steps.keep(f"nullif(concat_ws(',', {listed}), '')", *items)
        return self.steps.keep(f"'{{' || {inner} || '}}'", inner)

    def _spec(self, columns: dict[str, Sql], name: Sql) -> Iterable[Sql]:
        """What the Segment spec asks of each type."""
        kind, user = columns["type"], columns["user_id"]
        known = ", ".join(map(literal, TYPES))
        told = f"the type is none of {', '.join(TYPES)}"
        tests = {
            f"coalesce({kind} not in ({known}), true)": told,
            f"{kind} = 'track' and {name} is null": "a track has no name of what happened",
            f"{kind} = 'group' and {columns['group_id']} is null": "a group has no group_id",
            f"{kind} = 'alias' and ({user} is null or {columns['previous_id']} is null)":
                "an alias needs user_id and previous_id",
        }  # fmt: skip
        used = [kind, name, user, columns["group_id"], columns["previous_id"]]
        for test, reason in tests.items():
            yield self.steps.keep(f"case when {test} then {literal(reason)} end", *used)

    def _limits(self, columns: dict[str, Sql]) -> Iterable[Sql]:
        """What the log and PostgreSQL would refuse."""
        at = columns["at"]
        yield self.steps.keep(
            f"case when {at} not between {_YEARS}"
            " then 'at: the time lies outside the years 1900 to 2199' end",
            at,
        )
        lengths = {"name": MAX_NAME_CHARACTERS} | dict.fromkeys(
            ("message_id", "user_id", "anonymous_id", "previous_id", "group_id"),
            MAX_ID_CHARACTERS,
        )
        for field, most in lengths.items():
            sql = columns[field]
            yield self.steps.keep(
                f"case when length({sql}) > {most} then"
                f" '{field}: longer than {most} characters'"
                f" when contains({sql}, chr(0)) then '{field}: holds the character U+0000' end",
                sql,
            )
        bodies = [columns[field] for field in ("properties", "traits", "context")]
        size = " + ".join(f"coalesce(strlen({sql}), 0)" for sql in bodies)
        nul = " or ".join(
            rf"(contains({sql}, '\u0000') and regexp_matches({sql}, {literal(_NUL)}))"
            for sql in bodies
        )
        yield self.steps.keep(
            f"case when {size} > {MAX_MESSAGE_BYTES} then"
            f" 'the event has more than {MAX_MESSAGE_BYTES} bytes; map fewer columns'"
            f" when {nul} then 'a text holds the character U+0000' end",
            *bodies,
        )


def _sources(mapping: Mapping) -> Iterable[str]:
    """Every column that the mapping names anywhere but in conditions."""
    shared = (mapping.at, mapping.user_id, mapping.anonymous_id, mapping.stand_in)
    cells = [cell for cell in shared if cell is not None]
    cells += mapping.identifiers.values()
    for event in mapping.events:
        cells += [c for c in (event.type, event.name, event.at, event.group_id) if c is not None]
        cells += [event.previous_id] if event.previous_id else []
        for told in (event.traits, event.properties, event.context):
            cells += [told] if isinstance(told, Cell) else told.values()
        for beside in event.objects:
            cells += [beside.id, *beside.traits.values()]
    return (name for cell in cells for name in cell.sources)


def _external(kind: str) -> str:
    return f',"type":{_json(kind)},"collection":"users","encoding":"none"}}'


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()
