"""Holding events against the plan: a pure function, the same for HTTP, sources and bulk load.

A valid event costs one look-up and one run of its compiled schema (measured: about one
microsecond); only a violation is looked at more closely.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import jsonschema_rs as js

from tsunagu.collect.plan.book import Announced, PlanBook
from tsunagu.collect.plan.models import WEIGHT, Action, Violation
from tsunagu.collect.plan.personal import is_personal, shown
from tsunagu.collect.plan.schemas import says_itself
from tsunagu.core import Body, Json
from tsunagu.core.times import MINUTE, day_number

MOST_VIOLATIONS = 20
MOST_TOLD = 5
MOST_KEYS = 500
OTHER = "…"
ANY_ITEM = "[*]"
UNKNOWN_EVENT = "unknown event"
UNKNOWN_PROPERTY = "unknown property"
# A quarter of an hour lies within one day in every zone.
_SAME_DAY = 15 * MINUTE
_LONGEST_PLACE = 200
_LONGEST_TOLD = 300


class Looked(Protocol):
    """What is asked of an event beside its body."""

    @property
    def position(self) -> int: ...
    @property
    def known_at(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...


Key = tuple[int, str, str, str, int]
"""Day (ordinal, in the book's zone), source, call, event, version."""
Where = tuple[Key, str, str, Action]
"""The same with the place, the rule and what the violation does."""


@dataclass
class Tally:
    """How often a violation was met, and the last time: position, business time, what was got."""

    expected: str
    count: int = 0
    position: int = 0
    at: int = 0
    got: str = ""


@dataclass
class Checked:
    """What a check found. `blocked` and `flagged` are by position.

    `traffic` counts the events that were held against the plan, and those of them that
    violate it; `violations` counts each way in which they do.
    """

    blocked: dict[int, str] = field(default_factory=dict[int, str])
    flagged: dict[int, list[Violation]] = field(default_factory=dict[int, list[Violation]])
    traffic: dict[Key, list[int]] = field(default_factory=dict[Key, list[int]])
    violations: dict[Where, Tally] = field(default_factory=dict[Where, Tally])


def check(book: PlanBook, events: Sequence[Looked], bodies: Iterable[Body]) -> Checked:
    """Hold events against the plan.

    Args:
        events: in log order; `bodies` are theirs.
    """
    checked = Checked()
    traffic = checked.traffic
    quarter, day = -1, 0
    for event, body in zip(events, bodies, strict=True):
        announced = book.announced(event.type, event.name, body.context)
        if announced is None and (event.type != "track" or book.plan.unknown_events == "allow"):
            continue
        found = look(book, announced, body)
        version = announced.schema.version if announced else 0
        if event.known_at // _SAME_DAY != quarter:
            quarter, day = event.known_at // _SAME_DAY, day_number(event.known_at, book.zone)
        key = (day, event.source, event.type, event.name, version)
        seen = traffic.get(key)
        if seen is None:
            if len(traffic) >= MOST_KEYS:
                key = (day, OTHER, event.type, OTHER, 0)
            seen = traffic.setdefault(key, [0, 0])
        seen[0] += 1
        if found:
            seen[1] += 1
            _note(checked, key, event, found)
    return checked


def look(book: PlanBook, announced: Announced | None, body: Body) -> list[Violation]:
    """In which ways a body differs from what was announced; nothing when it does not."""
    if announced is None:
        policy = book.plan.unknown_events
        if policy == "allow":
            return []
        expected = "an event of the tracking plan"
        return [Violation("", UNKNOWN_EVENT, expected, "an unknown one", policy, 0)]
    contents = body.traits if announced.holds_traits else body.properties
    if announced.validator.is_valid(contents):
        return []
    found: list[Violation] = []
    for error in announced.validator.iter_errors(contents):
        found += _violations(announced, error)
        if len(found) >= MOST_VIOLATIONS:
            break
    return found[:MOST_VIOLATIONS]


def worst(found: Sequence[Violation]) -> Action:
    """What the gravest of some violations does."""
    return max((one.action for one in found), key=WEIGHT.__getitem__)


def reason_of(found: Sequence[Violation]) -> str:
    """Why an event was blocked: the violations that block first, a few of them in words."""
    ranked = sorted(found, key=lambda one: -WEIGHT[one.action])
    words = "; ".join(one.words() for one in ranked[:MOST_TOLD])
    more = len(ranked) - MOST_TOLD
    return f"{words}; and {more} more" if more > 0 else words


def _note(checked: Checked, key: Key, event: Looked, found: Sequence[Violation]) -> None:
    action = worst(found)
    if action == "block":
        checked.blocked[event.position] = reason_of(found)
    elif action == "flag":
        checked.flagged[event.position] = list(found)
    met: set[Where] = set()
    for one in found:
        where = (key, _without_indices(one.place), one.rule, one.action)
        if where in met:
            continue
        met.add(where)
        tally = checked.violations.get(where)
        if tally is None:
            if len(checked.violations) >= MOST_KEYS:
                where = ((key[0], OTHER, key[2], OTHER, 0), OTHER, OTHER, one.action)
            tally = checked.violations.setdefault(where, Tally(one.expected))
        tally.count += 1
        tally.position, tally.at, tally.got = event.position, event.known_at, one.got


def _violations(announced: Announced, error: js.ValidationError) -> list[Violation]:
    schema = announced.schema.contents
    path: list[str | int] = list(error.instance_path)
    version, action = announced.schema.version, announced.action
    kind = error.kind.name
    root = "traits" if announced.holds_traits else "properties"
    if isinstance(error.kind, js.ValidationErrorKind.AdditionalProperties):
        own = says_itself(schema, list(error.schema_path))
        done = action if own or announced.unknown == "allow" else announced.unknown
        return [
            Violation(
                written([root, *path, name]),
                UNKNOWN_PROPERTY,
                "no such property",
                "one",
                done,
                version,
            )
            for name in error.kind.unexpected[:MOST_VIOLATIONS]
        ]
    if isinstance(error.kind, js.ValidationErrorKind.Required):
        place = written([root, *path, error.kind.property])
        return [Violation(place, kind, "a value", "none", action, version)]
    personal = announced.holds_traits or _personal_at(schema, path)
    got = shown(error.instance, personal=personal)
    return [Violation(written([root, *path]), kind, _expected(error), got, action, version)]


def _expected(error: js.ValidationError) -> str:
    kind: Any = error.kind
    match kind.name:
        case "type":
            return " or ".join(kind.types)
        case "enum":
            return _short("one of " + ", ".join(str(option) for option in kind.options))
        case "const":
            return _short(str(kind.expected_value))
        case "format":
            return f"format {kind.format}"
        case "pattern":
            return _short(f"text like /{kind.pattern}/")
        case name:
            value = kind.value
            return f"{name} {value}" if isinstance(value, int | float | str) else name


def _personal_at(schema: Json, path: Sequence[str | int]) -> bool:
    """Whether any property on the way to a place is personal, by its schema or its name."""
    here: Any = schema
    for part in path:
        if not isinstance(here, dict):
            here = {}
        if isinstance(part, int):
            here = here.get("items")
            continue
        properties = here.get("properties")
        here = properties.get(part) if isinstance(properties, dict) else None
        if is_personal(part, here if isinstance(here, dict) else None):
            return True
    return False


def written(path: Sequence[str | int]) -> str:
    """A path as text: `properties.products[0].price`; unusual names stand in quotes."""
    parts: list[str] = []
    for part in path:
        if isinstance(part, int):
            parts.append(f"[{part}]")
        elif part == ANY_ITEM:
            parts.append(part)
        elif part.isidentifier():
            parts.append(f".{part}" if parts else part)
        else:
            parts.append("['" + part.replace("'", "\\'") + "']")
    text = "".join(parts)
    return text if len(text) <= _LONGEST_PLACE else text[: _LONGEST_PLACE - 1] + "…"


def _without_indices(place: str) -> str:
    """The place with every list position as `[*]`, so that a list counts as one place."""
    if "[" not in place:
        return place
    out: list[str] = []
    for piece in place.split("["):
        head, bracket, rest = piece.partition("]")
        out.append(f"*]{rest}" if bracket and head.isdecimal() else piece)
    return "[".join(out)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TOLD else text[: _LONGEST_TOLD - 1] + "…"
