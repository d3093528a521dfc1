"""The mapping document: how the rows of a file or table become events.

One document describes the file (`file`), the person (`user_id`, `identifiers`), the time (`at`)
and one or more events a row. A value is drawn by a `Cell`: in YAML the name of a column, or a
mapping with `column` and how to read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from tsunagu.collect.files import FileForm
from tsunagu.core import Invalid
from tsunagu.core.events import TYPES

Kind = Literal["text", "integer", "number", "boolean", "date", "time", "json"]
Scalar = str | int | float | bool


def _known_zone(told: str) -> str:
    try:
        ZoneInfo(told)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{told!r} is no time zone; write for example Asia/Tokyo") from None
    return told


Zone = Annotated[str, AfterValidator(_known_zone)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cell(_Document):
    """How one value is drawn from a row.

    Exactly one of `column`, `columns` (joined), `first_of` (the first that is not empty) and
    `value` (a constant) says from where. `values` is a dictionary from what the file says to
    what the event says, `otherwise` what stands for everything else; `blank` names the texts
    that mean nothing.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    first_of: tuple[str, ...] = ()
    value: Scalar | None = None
    join: str = " "
    type: Kind | None = None
    format: str | None = None
    zone: Zone | None = None
    values: dict[str, Scalar] = {}
    otherwise: Scalar | None = None
    blank: tuple[str, ...] = ()
    prefix: str = ""
    optional: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> Cell:
        stated = [self.column is not None, bool(self.columns), bool(self.first_of)]
        if sum([*stated, self.value is not None]) != 1:
            raise ValueError("say exactly one of column, columns, first_of and value")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that this value is drawn from."""
        return (self.column,) if self.column is not None else self.columns or self.first_of


def _column(told: Any) -> Any:
    return {"column": told} if isinstance(told, str) else told


def _constant(told: Any) -> Any:
    return {"value": told} if isinstance(told, str) else told


Drawn = Annotated[Cell, BeforeValidator(_column)]
Named = Annotated[Cell, BeforeValidator(_constant)]
Drawings = dict[str, Drawn]


# Among properties, traits or context: the cell whose JSON object is laid out there whole. What
# it says itself wins over the other cells.
SPREAD = "..."


class ObjectMapping(_Document):
    """An object beside the person (a policy, an order, a case) and the person's role in it."""

    type: str
    id: Drawn
    role: str | None = None
    traits: Drawings = {}


class Gather(_Document):
    """Rows that are one event together, such as the lines of a receipt.

    Rows that follow each other and say the same in the columns `by` are one. Each becomes an
    item, and the items a list in the property `into`; `totals` are properties too: the sum over
    the rows of a column, or of the product of several. All else is drawn from the first row.
    """

    by: tuple[str, ...] = Field(min_length=1)
    into: str = "products"
    items: Drawings = Field(min_length=1)
    totals: dict[str, tuple[str, ...]] = {}


class EventMapping(_Document):
    """One event of each row for which `where` holds.

    With `keep_others` the columns that nothing else draws on are properties under their own
    names.
    """

    type: Named = Cell(value="track")
    name: Named | None = None
    where: str | None = None
    at: Drawn | None = None
    group_id: Drawn | None = None
    previous_id: Drawn | None = None
    traits: Drawings | Cell = {}
    properties: Drawings | Cell = {}
    context: Drawings | Cell = {}
    objects: tuple[ObjectMapping, ...] = ()
    keep_others: bool = False

    def cells(self) -> Iterator[Cell]:
        """Every cell of the event."""
        single = (self.type, self.name, self.at, self.group_id, self.previous_id)
        yield from (cell for cell in single if cell is not None)
        for told in (self.traits, self.properties, self.context):
            yield from (told,) if isinstance(told, Cell) else told.values()
        for beside in self.objects:
            yield beside.id
            yield from beside.traits.values()

    @model_validator(mode="after")
    def _known_type(self) -> EventMapping:
        if self.type.value is not None and self.type.value not in TYPES:
            raise ValueError(f"type is {self.type.value!r}; it is one of {', '.join(TYPES)}")
        if self.type.value == "track" and self.name is None:
            raise ValueError("a track needs `name`, what happened")
        return self


class Mapping(_Document):
    """A whole mapping.

    `message_id` is the name of a column that holds ids as they are, or a list of columns whose
    contents make the id; without it the whole row does, so that the same row in another file
    is the same event. `stand_in` names the person of a row without any identifier.
    """

    name: str = "table"
    about: str = ""
    file: FileForm = FileForm()
    zone: Zone = "UTC"
    where: str | None = None
    message_id: Drawn | tuple[str, ...] | None = None
    at: Drawn | None = None
    user_id: Drawn | None = None
    anonymous_id: Drawn | None = None
    identifiers: Drawings = {}
    stand_in: Drawn | None = None
    gather: Gather | None = None
    events: tuple[EventMapping, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _someone(self) -> Mapping:
        who = (self.user_id, self.anonymous_id, self.stand_in)
        if not self.identifiers and all(cell is None for cell in who):
            raise ValueError("name whose events these are: user_id, anonymous_id or identifiers")
        if self.gather is not None and self.file.together != self.gather.by:
            together = self.file.model_copy(update={"together": self.gather.by})
            object.__setattr__(self, "file", together)
        return self

    def cells(self) -> Iterator[Cell]:
        """Every cell, but for conditions, which are no cells."""
        shared = (self.at, self.user_id, self.anonymous_id, self.stand_in)
        yield from (cell for cell in shared if cell is not None)
        yield from self.identifiers.values()
        if isinstance(self.message_id, Cell):
            yield self.message_id
        if self.gather is not None:
            yield from self.gather.items.values()
        for event in self.events:
            yield from event.cells()

    def needed(self) -> set[str]:
        """The columns without which the mapping does not work."""
        needed = {name for cell in self.cells() if not cell.optional for name in cell.sources}
        if self.gather is not None:
            needed |= {*self.gather.by, *chain(*self.gather.totals.values())}
        return needed | set(self.message_id if isinstance(self.message_id, tuple) else ())


def read_mapping(text: str, *, called: str = "mapping") -> Mapping:
    """A mapping from YAML or JSON.

    Raises:
        Invalid: the text is no mapping; the message names the field and what it should be.
    """
    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Invalid(f"{called} is neither YAML nor JSON: {error}") from error
    return mapping_of(told, called=called)


def mapping_of(told: Any, *, called: str = "mapping") -> Mapping:
    """A mapping from a decoded document.

    Raises:
        Invalid: it is no mapping; the message names each faulty field.
    """
    try:
        return Mapping.model_validate(told)
    except ValidationError as error:
        faults = "; ".join(_fault(found) for found in error.errors()[:5])
        raise Invalid(f"{called}: {faults}") from error


def load_mapping(file: Path) -> Mapping:
    """The mapping in a YAML or JSON file.

    Raises:
        Invalid: the file holds none.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} cannot be read as a mapping in UTF-8: {error}") from error
    return read_mapping(text, called=str(file))


def write_mapping(mapping: Mapping) -> str:
    """The document as YAML, what is as usual left out and a plain column by its name alone."""
    told = mapping.model_dump(mode="json", exclude_defaults=True)
    events = [_event(event) for event in told.pop("events")]
    document = {**_plain(told), "events": events}
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=100)


def _event(told: dict[str, Any]) -> dict[str, Any]:
    """An event, whose bare name and type are constants where all else bare is a column."""
    rest = {key: value for key, value in told.items() if key not in ("type", "name")}
    named = {key: told[key] for key in ("type", "name") if key in told}
    return {
        key: cell["value"] if set(cell) == {"value"} else cell for key, cell in named.items()
    } | _plain(rest)


def _plain(told: Any) -> Any:
    if isinstance(told, dict):
        if set(told) == {"column"}:
            return told["column"]
        return {key: _plain(value) for key, value in told.items()}
    return [_plain(one) for one in told] if isinstance(told, list) else told


def _fault(found: Any) -> str:
    place = ".".join(str(part) for part in found["loc"]) or "the document"
    reason = found["msg"].removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        reason = "this field is not known; see docs/mapping.md for those that are"
    return f"{place}: {reason}"
