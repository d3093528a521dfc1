"""A first tracking plan from traffic: what events carried so far, as schemas to start from.

It states what was always so (types, what was never missing, a few fixed words, formats) and
nothing that a person could be told by: no examples, and no words of a personal property.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tsunagu.collect.plan.models import NAMED, EventSchema
from tsunagu.collect.plan.personal import MARK, is_personal, kind_of
from tsunagu.core import Body, Json
from tsunagu.core.times import parse_time

ENOUGH_FOR_REQUIRED = 20
ENOUGH_FOR_WORDS = 50
MOST_WORDS = 8
MOST_PROPERTIES = 100
DEEPEST = 4
_WORD = re.compile(r"[A-Za-z\u3040-\u30ff\u4e00-\u9fff][\w .:-]{0,31}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NAME = re.compile(r"[^a-z0-9\u3040-\u30ff\u4e00-\u9fff]+")


@dataclass
class _Seen:
    """What was seen at one place."""

    count: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])
    words: Counter[str] = field(default_factory=Counter[str])
    formats: Counter[str] = field(default_factory=Counter[str])
    inner: dict[str, _Seen] = field(default_factory=dict[str, "_Seen"])
    items: _Seen | None = None

    def add(self, value: Any, room: int = DEEPEST) -> None:
        self.count += 1
        kind = kind_of(value)
        self.kinds[kind] += 1
        if isinstance(value, str):
            if len(self.words) <= MOST_WORDS:
                self.words[value[:64]] += 1
            self.formats[_format_of(value)] += 1
        elif isinstance(value, dict) and room:
            for name, inner in value.items():
                if name in self.inner or len(self.inner) <= MOST_PROPERTIES:
                    self.inner.setdefault(name, _Seen()).add(inner, room - 1)
        elif isinstance(value, list) and room:
            self.items = self.items or _Seen()
            for inner in value[:20]:
                self.items.add(inner, room - 1)


def _format_of(text: str) -> str:
    if _EMAIL.fullmatch(text):
        return "email"
    if _DATE.fullmatch(text[:10]) and _is_time(text):
        return "date" if len(text) == 10 else "date-time" if len(text) > 19 else ""
    if text.startswith(("http://", "https://")) and " " not in text:
        return "uri"
    return "uuid" if len(text) == 36 and _is_uuid(text) else ""


def _is_time(text: str) -> bool:
    try:
        parse_time(text)
    except ValueError:
        return False
    return True


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def infer(events: Iterable[tuple[str, str, Body]]) -> list[tuple[str, EventSchema]]:
    """Schemas of the events that were seen, by name; they observe and refuse nothing.

    Args:
        events: call, name and body of each.

    Returns:
        A name for the document and the document, the most frequent event first.
    """
    seen: dict[tuple[str, str], _Seen] = {}
    for call, name, body in events:
        if call == "alias":
            continue
        key = (call, name if call in NAMED else "")
        contents = body.traits if call in ("identify", "group") else body.properties
        seen.setdefault(key, _Seen()).add(contents)
    ranked = sorted(seen.items(), key=lambda item: (-item[1].count, item[0]))
    taken: set[str] = set()
    return [(_document_name(key, taken), _schema(key, one)) for key, one in ranked]


def _schema(key: tuple[str, str], seen: _Seen) -> EventSchema:
    call, name = key
    title = name or call
    return EventSchema.model_validate(
        {
            "event": name,
            "type": call,
            "title": {"en": title, "ja": title},
            "mode": "observe",
            "schema": _object(seen),
        }
    )


def _document_name(key: tuple[str, str], taken: set[str]) -> str:
    call, name = key
    slug = _NAME.sub("-", name.lower()).strip("-") or call
    if call != "track" and name:
        slug = f"{call}-{slug}"
    found, number = slug[:80], 2
    while found in taken:
        found, number = f"{slug[:80]}-{number}", number + 1
    taken.add(found)
    return found


def _object(seen: _Seen) -> Json:
    if len(seen.inner) > MOST_PROPERTIES:  # its keys are data
        return {"type": "object"}
    objects = seen.kinds["object"]
    made: Json = {"type": "object"}
    if seen.inner:
        made["properties"] = {n: _value(n, s) for n, s in sorted(seen.inner.items())}
    always = sorted(n for n, s in seen.inner.items() if s.count == objects)
    if always and objects >= ENOUGH_FOR_REQUIRED:
        made["required"] = always
    return made


def _value(name: str, seen: _Seen) -> Json:
    kinds = set(seen.kinds)
    if {"integer", "number"} <= kinds:
        kinds.discard("integer")
    if kinds == {"object"}:
        return _object(seen)
    made: Json = {"type": sorted(kinds)[0] if len(kinds) == 1 else sorted(kinds)}
    if seen.items is not None and seen.items.count:
        made["items"] = _value(name, seen.items)
    personal = is_personal(name)
    if kinds - {"null"} == {"string"}:
        (form, count), *_ = seen.formats.most_common(1)
        if form and count == seen.kinds["string"]:
            made["format"] = form
            personal = personal or form == "email"
        elif not personal and _are_words(seen) and kinds == {"string"}:
            made["enum"] = sorted(seen.words)
            del made["type"]
    if personal:
        made[MARK] = True
    return made


def _are_words(seen: _Seen) -> bool:
    """Whether the texts are a few fixed words that come again and again."""
    return (
        seen.kinds["string"] >= ENOUGH_FOR_WORDS
        and len(seen.words) <= MOST_WORDS
        and min(seen.words.values()) >= 3
        and all(_WORD.fullmatch(word) for word in seen.words)
    )
