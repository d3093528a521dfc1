"""What a new version of a schema changes, and whom it breaks.

A change breaks *senders* when events that were right until now violate it, and *readers* when
audiences, journeys and messages may no longer find what they look at. Changes are named one by
one; a proof over the whole schema stands behind, so that none is overlooked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import jsonschema_rs as js

from tsunagu.collect.plan.check import ANY_ITEM, written
from tsunagu.collect.plan.models import WEIGHT, EventSchema, TrackingPlan
from tsunagu.collect.plan.schemas import closed
from tsunagu.core import Json

Breaks = Literal["senders", "readers", ""]
Kind = Literal[
    "added",
    "removed",
    "required",
    "optional",
    "type narrowed",
    "type widened",
    "values narrowed",
    "values widened",
    "limit tightened",
    "limit loosened",
    "stricter",
    "looser",
    "other",
]
# For each limit, whether a larger figure takes less.
_LIMITS = {
    "minimum": True,
    "exclusiveMinimum": True,
    "minLength": True,
    "minItems": True,
    "minProperties": True,
    "maximum": False,
    "exclusiveMaximum": False,
    "maxLength": False,
    "maxItems": False,
    "maxProperties": False,
}
_EXACT = ("format", "pattern", "const", "multipleOf", "additionalProperties", "uniqueItems")


@dataclass(frozen=True)
class Change:
    """One change: where, what it was, what it is, whom it breaks."""

    kind: Kind
    place: str
    before: str = ""
    after: str = ""
    breaks: Breaks = ""

    def words(self) -> str:
        """The change as one line."""
        told = f"{self.place or 'event'}: {self.kind}"
        if self.before or self.after:
            told += f" ({self.before or 'none'} → {self.after or 'none'})"
        return f"{told}, breaks {self.breaks}" if self.breaks else told


def changes_of(old: EventSchema | None, new: EventSchema) -> list[Change]:
    """What differs between two versions; everything is an addition when there was none."""
    if old is None:
        return [Change("added", "", after=f"{new.type} {new.called()}")]
    root = "traits" if new.type in ("identify", "group") else "properties"
    found = _compare(old.contents, new.contents, [root])
    for field in ("mode", "unknown_properties"):
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            found.append(_stricter(field, before, after))
    if not any(change.breaks == "senders" for change in found) and not _covers(new, old):
        found.append(Change("other", root, breaks="senders"))
    return found


def plan_changes(old: TrackingPlan | None, new: TrackingPlan) -> list[Change]:
    """What differs between two versions of the workspace's own settings."""
    before = old or TrackingPlan()
    return [
        _stricter(field, getattr(before, field), getattr(new, field))
        for field in ("mode", "unknown_events", "unknown_properties")
        if getattr(before, field) != getattr(new, field)
    ]


def _stricter(field: str, before: str | None, after: str | None) -> Change:
    up = WEIGHT.get(after or "", 0) > WEIGHT.get(before or "", 0)
    breaks: Breaks = "senders" if after == "block" else ""
    kind: Kind = "stricter" if up else "looser"
    return Change(kind, field, before or "as the plan", after or "as the plan", breaks)


def _covers(new: EventSchema, old: EventSchema) -> bool:
    """Whether the new schema surely takes all that the old one announced."""
    if new.contents == old.contents:
        return True
    try:
        before = js.canonicalize(closed(old.contents), offline=True)
        after = js.canonicalize(new.contents, offline=True)
        return after.covers(before) == js.canonical.Containment.YES
    except (js.canonical.CanonicalizationError, js.ValidationError, js.ReferencingError):
        return False


def _compare(old: Json, new: Json, path: list[str | int]) -> list[Change]:
    found = _types(old, new, path) + _values(old, new, path) + _limits(old, new, path)
    before, after = _properties(old), _properties(new)
    required_before, required_after = _required(old), _required(new)
    for name in sorted(before.keys() | after.keys()):
        place = [*path, name]
        if name not in after:
            found.append(Change("removed", written(place), _kind(before[name]), breaks="readers"))
        elif name not in before:
            must = name in required_after
            told = f"{_kind(after[name])}{', required' if must else ''}"
            breaks: Breaks = "senders" if must else ""
            found.append(Change("added", written(place), after=told, breaks=breaks))
        else:
            found += _compare(before[name], after[name], place)
    for name in sorted(
        (required_after - required_before) & (before.keys() | (required_after - after.keys()))
    ):
        found.append(Change("required", written([*path, name]), breaks="senders"))
    for name in sorted((required_before - required_after) & after.keys()):
        found.append(Change("optional", written([*path, name]), breaks="readers"))
    inner_before, inner_after = old.get("items"), new.get("items")
    if isinstance(inner_before, dict) and isinstance(inner_after, dict):
        found += _compare(inner_before, inner_after, [*path, ANY_ITEM])
    return found


def _types(old: Json, new: Json, path: list[str | int]) -> list[Change]:
    before, after = _kinds(old), _kinds(new)
    if before == after:
        return []
    told = (written(path), _told(before), _told(after))
    if not _within(before, after):
        return [Change("type narrowed", *told, breaks="senders")]
    return [Change("type widened", *told, breaks="readers")]


def _kinds(schema: Json) -> frozenset[str] | None:
    """The types that a schema names; None when it takes any."""
    named = schema.get("type")
    if named is None:
        return None
    return frozenset([named] if isinstance(named, str) else named)


def _within(before: frozenset[str] | None, after: frozenset[str] | None) -> bool:
    """Whether every type of `before` is taken by `after`; an integer is a number."""
    if after is None:
        return True
    if before is None:
        return False
    return all(kind in after or (kind == "integer" and "number" in after) for kind in before)


def _told(kinds: frozenset[str] | None) -> str:
    return "any" if kinds is None else " or ".join(sorted(kinds))


def _values(old: Json, new: Json, path: list[str | int]) -> list[Change]:
    before, after = old.get("enum"), new.get("enum")
    if before == after:
        return []
    lost = _missing(before, after)
    gained = _missing(after, before)
    place = written(path)
    if after is not None and (before is None or lost):
        return [Change("values narrowed", place, _list(lost), _list(after), "senders")]
    return [Change("values widened", place, "", _list(gained) if after else "any", "readers")]


def _missing(some: Any, there: Any) -> list[Any]:
    if not isinstance(some, list):
        return []
    kept: list[Any] = there if isinstance(there, list) else []
    return [value for value in some if value not in kept]


def _list(values: Any) -> str:
    told = ", ".join(str(value) for value in values or ())
    return told if len(told) <= 120 else told[:119] + "…"


def _limits(old: Json, new: Json, path: list[str | int]) -> list[Change]:
    found: list[Change] = []
    for word, larger_takes_less in _LIMITS.items():
        before, after = old.get(word), new.get(word)
        if before == after:
            continue
        told = (f"{written(path)} {word}", _figure(before), _figure(after))
        tighter = after is not None and (before is None or (after > before) == larger_takes_less)
        if tighter:
            found.append(Change("limit tightened", *told, breaks="senders"))
        else:
            found.append(Change("limit loosened", *told))
    for word in _EXACT:
        before, after = old.get(word), new.get(word)
        if before != after:
            told = (f"{written(path)} {word}", _figure(before), _figure(after))
            loosened = after is None or (word == "additionalProperties" and after is True)
            kind: Kind = "limit loosened" if loosened else "limit tightened"
            found.append(Change(kind, *told, breaks="" if loosened else "senders"))
    return found


def _figure(value: Any) -> str:
    return "" if value is None else str(value)


def _properties(schema: Json) -> dict[str, Json]:
    named = schema.get("properties")
    if not isinstance(named, dict):
        return {}
    return {name: inner if isinstance(inner, dict) else {} for name, inner in named.items()}


def _required(schema: Json) -> set[str]:
    named = schema.get("required")
    return {name for name in named if isinstance(name, str)} if isinstance(named, list) else set()


def _kind(schema: Json) -> str:
    return _list(schema["enum"]) if "enum" in schema else _told(_kinds(schema))
