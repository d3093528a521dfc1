"""A mapping over the schema of a table, compiled to one DuckDB query.

The query gives for each row its line, `fault` (NULL where all is well) and, for each event of
the mapping, whether the row has it (`keep0`) and the columns of the event (`name0`, ...). It is
plain SQL over one relation, whose texts have no blanks around them.
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass

import pyarrow as pa

from tsunagu.collect.files import JSON, LINE
from tsunagu.collect.files.arrow import Schema
from tsunagu.collect.mapping.bodies import Bodies
from tsunagu.collect.mapping.cells import Cells, Reading
from tsunagu.collect.mapping.columns import COUNT, ITEMS, ROW, WHOLE, WRONG, Columns
from tsunagu.collect.mapping.conditions import condition
from tsunagu.collect.mapping.document import Cell, EventMapping, Mapping
from tsunagu.collect.mapping.gathering import Gathered, gathered
from tsunagu.collect.mapping.limits import faults_of
from tsunagu.collect.mapping.oddities import suspected
from tsunagu.collect.mapping.steps import NOTHING, Sql, literal
from tsunagu.collect.models import MAX_BATCH_BYTES, MAX_MESSAGE_BYTES
from tsunagu.core import Invalid

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
_TRUE = Sql("true")
_NO_TIME = Sql("null::timestamptz")


@dataclass(frozen=True)
class Compiled:
    """The query, and how many events each row may become.

    Where rows are gathered, `__row__` is the place of the first and `__count__` their number.
    """

    sql: str
    events: int


def compiled(mapping: Mapping, schema: Schema, relation: str) -> Compiled:
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


class _Compiler:
    def __init__(self, mapping: Mapping, schema: Schema, relation: str) -> None:
        self.mapping = mapping
        self.gathered: Gathered | None = None
        if mapping.gather is not None:
            self.gathered = gathered(mapping, schema, relation)
            relation, schema = self.gathered.relation, self.gathered.schema
        self.columns = Columns(schema, relation)
        self.steps = self.columns.steps
        self.cells = Cells(self.columns, self.steps, mapping.zone)

    def build(self) -> Compiled:
        shared = Bodies(self.cells, self.steps)
        who = self._who(shared)
        shared.faults += self._unreadable()
        outputs = [f"{LINE} as line"]
        faults: dict[Sql, list[Sql]] = {}
        for index, event in enumerate(self.mapping.events):
            keep = self._keep(index, event)
            bodies = Bodies(self.cells, self.steps)
            columns = self._event(index, event, who, bodies)
            hashed = not isinstance(self.mapping.message_id, Cell)
            limits = faults_of(self.steps, columns, most_bytes=self._most_bytes(), hashed=hashed)
            for fault in (*shared.faults, *bodies.faults, *limits):
                faults.setdefault(fault, []).append(keep)
            outputs.append(f"{keep} as keep{index}")
            outputs.append(f"{self._odd(event, columns)} as odd{index}")
            outputs += [f"{sql} as {name}{index}" for name, sql in columns.items()]
        outputs.append(f"{_told(faults)} as fault")
        outputs += [ROW, COUNT] if self.gathered else []
        sql = self.steps.query(", ".join(outputs), self.columns.source)
        return Compiled(sql, len(self.mapping.events))

    def _odd(self, event: EventMapping, columns: Dict[str, Sql]) -> str:
        """Whether the event should be looked at because of JSON that it took over whole."""
        names = (name for cell in event.cells() for name in cell.sources)
        stated = any(cell.type == "json" for cell in event.cells())
        if not stated and not any(self.columns.holds_json(name) for name in names):
            return "false"
        bodies = [columns[part] for part in ("properties", "traits", "context")]
        return suspected([sql.text for sql in bodies if not sql.is_constant])

    def _most_bytes(self) -> int:
        """A call's own limit; rows gathered are many calls' worth, as a batch is."""
        return MAX_BATCH_BYTES if self.gathered else MAX_MESSAGE_BYTES

    def _unreadable(self) -> list[Sql]:
        """What is wrong with a row before any of its cells is looked at."""
        if self.gathered:
            return [Sql(WRONG)]
        if not self.columns.is_json:
            return []
        test = "coalesce(json_type(__f__[1]) <> 'OBJECT', true)"
        return [self.steps.keep(f"case when {test} then 'the line is not a JSON object' end")]

    def _keep(self, index: int, event: EventMapping) -> Sql:
        told = {f"events.{index}.where": event.where}
        if self.gathered is None:
            told["where"] = self.mapping.where
        parts = [
            condition(text, field, self.columns, self.steps)
            for field, text in told.items()
            if text is not None
        ]
        return self.steps.keep(" and ".join(map(str, parts)), *parts) if parts else _TRUE

    def _who(self, shared: Bodies) -> _Who:
        """Whose row this is; an identifier of another kind stands in for an anonymous id."""
        mapping = self.mapping
        user = self._text("user_id", mapping.user_id, shared)
        anonymous = self._text("anonymous_id", mapping.anonymous_id, shared)
        named = {
            kind: shared.took(self.cells.text(f"identifiers.{kind}", cell))
            for kind, cell in mapping.identifiers.items()
        }
        others = [
            self.steps.keep(f"{literal(f'{kind}:')} || lower({reading.text})", reading.text)
            for kind, reading in named.items()
        ]
        if mapping.stand_in is not None:
            others.append(self._text("stand_in", mapping.stand_in, shared))
        if others:
            listed = ", ".join(map(str, others))
            anonymous = self.steps.keep(
                f"coalesce({anonymous}, case when {user} is null then coalesce({listed}) end)",
                anonymous, user, *others,
            )  # fmt: skip
        return _Who(user, anonymous, named)

    def _event(self, index: int, event: EventMapping, who: _Who, bodies: Bodies) -> dict[str, Sql]:
        place = f"events.{index}"
        name = self._text(f"{place}.name", event.name, bodies)
        if not name.is_constant:
            name = self.steps.keep(f"coalesce({name}, '')", name)
        return {
            "message_id": self._message_id(index, bodies),
            "type": self._text(f"{place}.type", event.type, bodies),
            "name": Sql("''") if name is NOTHING else name,
            "user_id": who.user,
            "anonymous_id": who.anonymous,
            "previous_id": self._text(f"{place}.previous_id", event.previous_id, bodies),
            "group_id": self._text(f"{place}.group_id", event.group_id, bodies),
            "at": self._at(place, event, bodies),
            "properties": self._properties(place, event, bodies),
            "traits": self._traits(place, event, bodies),
            "context": self._context(place, event, who, bodies),
        }

    def _text(self, field: str, cell: Cell | None, bodies: Bodies) -> Sql:
        return NOTHING if cell is None else bodies.took(self.cells.text(field, cell)).text

    def _at(self, place: str, event: EventMapping, bodies: Bodies) -> Sql:
        cell, field = (event.at, f"{place}.at") if event.at else (self.mapping.at, "at")
        if cell is None:
            return _NO_TIME
        reading = bodies.took(self.cells.moment(field, cell))
        if not cell.optional:
            parts = [part for part in (reading.fault, reading.text) if part is not None]
            missing = " and ".join(f"{part} is null" for part in parts)
            empty = literal(f"{field}: {' '.join(cell.sources)} is empty")
            bodies.faults.append(self.steps.keep(f"case when {missing} then {empty} end", *parts))
        return reading.text

    def _message_id(self, index: int, bodies: Bodies) -> Sql:
        told = self.mapping.message_id
        if isinstance(told, Cell):
            stated = self._text("message_id", told, bodies)
            own = self._hashed(index, self._row())
            return self.steps.keep(f"coalesce({stated}, {own})", stated, own)
        return self._hashed(index, [self.columns.text(name) for name in told or ()] or self._row())

    def _row(self) -> list[Sql]:
        """All that a row says: its line of NDJSON, the rows gathered in it, or its columns."""
        if self.gathered:
            return [Sql(WHOLE)]
        if self.columns.is_json:
            return [Sql(JSON)]
        return [self.columns.text(name) for name in sorted(self.columns.names)]

    def _hashed(self, index: int, parts: list[Sql]) -> Sql:
        """A message id of contents: the mapping's name, which of its events, and the parts."""
        tags = [
            f"{event.type.value or ''}:{(event.name.value if event.name else None) or ''}"
            for event in self.mapping.events[: index + 1]
        ]
        nth = tags[:-1].count(tags[-1])
        head = literal("\x1f".join((self.mapping.name, tags[-1], str(nth))))
        listed = ", ".join(f"coalesce({part}, '')" for part in parts)
        return self.steps.keep(f"md5(concat_ws(chr(31), {head}, {listed}))", *parts)

    def _properties(self, place: str, event: EventMapping, bodies: Bodies) -> Sql:
        told = event.properties
        if event.keep_others:
            others = self._others()
            told = others if isinstance(told, Cell) else others | told
        base = bodies.object(f"{place}.properties", told)
        if self.gathered is None or event.type.value not in (None, "track"):
            return base
        gather = self.mapping.gather
        assert gather is not None
        items = [bodies.keyed(gather.into, Sql(ITEMS))]
        for name, alias in self.gathered.totals.items():
            reading = self.cells.read(name, Cell(column=alias))
            items.append(bodies.keyed(name, reading.fragment))
        inner = f"nullif(substr({base}, 2, length({base}) - 2), '')"
        first = [] if base is NOTHING else [self.steps.keep(inner, base)]
        return bodies.braced([*first, *items], "{}")

    def _others(self) -> dict[str, Cell]:
        """The columns that nothing draws on, under their own names."""
        used = {name for cell in self.mapping.cells() for name in cell.sources}
        if not self.columns.is_json:
            own = set(self.gathered.totals.values()) if self.gathered else set[str]()
            return {
                name: Cell(column=name) for name in self.columns.names if name not in used | own
            }
        raise Invalid("keep_others needs a table with columns; name the fields of NDJSON instead")

    def _traits(self, place: str, event: EventMapping, bodies: Bodies) -> Sql:
        told = event.traits
        if event.type.value == "identify" and not isinstance(told, Cell):
            # the identifiers that are traits too, as people look for them there
            known = self.mapping.identifiers
            told = {kind: known[kind] for kind in ("email", "phone") if kind in known} | told
        return bodies.object(f"{place}.traits", told)

    def _context(self, place: str, event: EventMapping, who: _Who, bodies: Bodies) -> Sql:
        base = bodies.object(f"{place}.context", event.context)
        ids = [bodies.external(kind, reading) for kind, reading in who.identifiers.items()]
        objects = [
            bodies.beside(f"{place}.objects.{at}", told) for at, told in enumerate(event.objects)
        ]
        lists = {"externalIds": ids, "objects": objects}
        items = [
            bodies.keyed(key, bodies.braced(listed, "[]"))
            for key, listed in lists.items()
            if listed
        ]
        return bodies.merged(base, items)


def _told(faults: Dict[Sql, list[Sql]]) -> str:
    """What is wrong with a row in any of the events that it has."""
    told: list[str] = []
    for fault, keeps in faults.items():
        holds = " or ".join(dict.fromkeys(map(str, keeps)))
        told.append(str(fault) if _TRUE in keeps else f"case when {holds} then {fault} end")
    listed = ", ".join(told)
    return f"case when coalesce({listed}) is not null then concat_ws('; ', {listed}) end"
