"""Kinds of identifiers: where each stands in an event, how it is written, what limits it has.

A kind is a document (`IdentifierKind`), published under the kind's own name. `Kinds` is all of a
workspace's kinds, compiled once: it draws the identifiers out of events, strongest first, and
says what the resolver must know of a kind. Where nothing is published, the built-in ones hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tsunagu.core import Body, Event, Invalid
from tsunagu.identity.normalise import Normaliser, make_normaliser

Identifier = tuple[str, str]

IDENTIFIER = "identifier"
"""The kind of the documents."""
USER_ID = "user_id"
ANONYMOUS_ID = "anonymous_id"
EMAIL = "email"
MAX_VALUE = 512
MAX_EXTERNAL = 20
"""As many external ids of one event are looked at."""

# Placeholders of any kind that many people share and that therefore identify nobody.
BLOCKED = frozenset(
    {"", "0", "null", "undefined", "none", "unknown", "anonymous", "test@test.com"}
    | {"なし", "無し", "不明", "未登録", "未設定", "該当なし", "ダミー", "テスト"}
    | {"00000000-0000-0000-0000-000000000000"}
)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PATHS = re.compile(r"(traits|properties|context)((\.[A-Za-z0-9_\-]{1,80}){1,6})")
EXTERNAL = "context.externalIds."
_ROOMS = ("traits", "properties", "context")
_ENVELOPE = ("user_id", "anonymous_id", "previous_id")


class IdentifierKind(BaseModel):
    """One kind of identifier.

    `sources` says where it stands: `user_id`, `anonymous_id`, `previous_id` (of an alias),
    `traits.NAME` (of an identify), `properties.NAME`, `context.NAME.NAME`, or
    `context.externalIds.TYPE`. `strength` ranks it in an event: the strongest identifier decides
    whose the event is; `priority` ranks among equals. Two customers who each own a `unique` one
    stay apart. `per_customer` is how many a customer may hold, `per_identifier` how many owners
    of others may state one before it is held back as shared. `blocked` values and `patterns`
    (`*` and `?`) identify nobody; both are compared in the normalised form, in any case.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: dict[str, str] = {}
    sources: list[str] = Field(default=[], max_length=20)
    normaliser: Literal["as_is", "lower", "email", "phone", "digits", "nfkc"] = "as_is"
    region: str = Field(default="JP", pattern="^[A-Z]{2}$")
    strength: int = Field(default=80, ge=0, le=100)
    priority: int = Field(default=0, ge=0, le=100)
    unique: bool = False
    per_customer: int | None = Field(default=20, ge=1, le=10_000)
    per_identifier: int | None = Field(default=5, ge=1, le=50)
    blocked: list[str] = Field(default=[], max_length=1_000)
    patterns: list[str] = Field(default=[], max_length=100)

    @field_validator("sources")
    @classmethod
    def _stands_somewhere(cls, sources: list[str]) -> list[str]:
        for source in sources:
            typed = source.startswith(EXTERNAL) and len(source) > len(EXTERNAL)
            if source not in _ENVELOPE and not typed and not _PATHS.fullmatch(source):
                raise ValueError(
                    f"{source!r} is no place in an event; say user_id, anonymous_id, previous_id, "
                    "traits.NAME, properties.NAME, context.NAME or context.externalIds.TYPE"
                )
        return sources


_NOBODYS_ADDRESS = ["test@*", "dummy@*", "sample@*", "none@*", "noreply@*", "no-reply@*"]
_NOBODYS_PHONE = ["+81?00000000", "+81?000000000", "+81312345678", "+819012345678"]

DEFAULTS: Mapping[str, IdentifierKind] = {
    USER_ID: IdentifierKind(
        sources=["user_id"], strength=100, unique=True, per_customer=None, per_identifier=None
    ),
    "line_id": IdentifierKind(
        sources=[EXTERNAL + "line_id", EXTERNAL + "line"],
        priority=20,
        per_customer=3,
        per_identifier=3,
    ),
    "card": IdentifierKind(
        sources=[EXTERNAL + "card"], normaliser="nfkc", priority=10, per_identifier=5
    ),
    ANONYMOUS_ID: IdentifierKind(
        sources=["anonymous_id", "previous_id"],
        strength=60,
        per_customer=1_000,
        # A mapping makes such an id for a row that has nothing but an address.
        patterns=["email:" + pattern for pattern in _NOBODYS_ADDRESS],
    ),
    EMAIL: IdentifierKind(
        sources=["traits.email", EXTERNAL + "email"],
        normaliser="email",
        strength=50,
        patterns=_NOBODYS_ADDRESS,
    ),
    "phone": IdentifierKind(
        sources=["traits.phone", EXTERNAL + "phone"],
        normaliser="phone",
        strength=40,
        patterns=_NOBODYS_PHONE,
    ),
    "device": IdentifierKind(
        sources=["context.device.id", EXTERNAL + "device"], strength=30, per_customer=100
    ),
}
"""The built-in kinds, by name. A published document of the same name replaces one."""
OTHER = IdentifierKind()
"""What holds for external ids of a type that no kind names."""


def check_kind_name(name: str) -> None:
    """Whether a document may be published as a kind of this name.

    Raises:
        Invalid: it is no name of a kind.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} is no name of a kind of identifiers: take lower case letters, digits and "
            "underscores, at most 40, a letter first."
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """What the resolver must know of a kind, and how its values are compared."""

    name: str
    rank: tuple[int, int, str]
    unique: bool
    per_customer: int | None
    per_identifier: int | None
    form: str
    normalise: Normaliser
    blocked: frozenset[str]
    wildcards: str
    """The patterns as one regular expression that holds for the whole text; empty for none."""
    patterns: re.Pattern[str] | None

    def usable(self, raw: str) -> tuple[str | None, bool]:
        """The value as it is compared, None if it is none; and whether it is blocked."""
        value = self.normalise(raw)
        if not value or len(value) > MAX_VALUE:
            return None, False
        plain = value.lower()
        if plain in self.blocked or (self.patterns and self.patterns.fullmatch(plain)):
            return value, True
        return value, False


@dataclass
class Blocked:
    """How often a blocked identifier was stated, and by which event first."""

    event: Event
    times: int = 1


@dataclass
class Stated:
    """The usable identifiers of each event, strongest first; and what was blocked."""

    identifiers: list[list[Identifier]] = field(default_factory=list[list[Identifier]])
    blocked: dict[Identifier, Blocked] = field(default_factory=dict[Identifier, Blocked])


Source = tuple[Kind, str, tuple[str, ...]]


class Kinds:
    """All kinds of a workspace, ready for use."""

    def __init__(self, published: Mapping[str, IdentifierKind] | None = None) -> None:
        """The built-in kinds, where `published` has no document of the same name."""
        self.documents: dict[str, IdentifierKind] = {**DEFAULTS, **(published or {})}
        self._kinds = {name: _compiled(name, kind) for name, kind in self.documents.items()}
        self.paths: list[Source] = []
        self.typed: dict[str, Kind] = {}
        self.users: list[Kind] = []
        self.devices: list[Kind] = []
        self.previous: list[Kind] = []
        for name, document in self.documents.items():
            for source in document.sources:
                self._place(self._kinds[name], source)
        named = {room: {p[0] for _, r, p in self.paths if r == room} for room in _ROOMS}
        self._in_context = frozenset(named["context"] | {"externalIds"})
        self._in_properties, self._in_traits = named["properties"], named["traits"]
        self._plain = (
            _is_plain(self.users)
            and _is_plain(self.devices)
            and (self.users[0].rank < self.devices[0].rank)
        )
        self.key = repr(sorted((n, k.model_dump_json()) for n, k in (published or {}).items()))

    def _place(self, kind: Kind, source: str) -> None:
        places = {
            "user_id": self.users, "anonymous_id": self.devices, "previous_id": self.previous
        }  # fmt: skip
        if source in places:
            places[source].append(kind)
        elif source.startswith(EXTERNAL):
            self.typed[source.removeprefix(EXTERNAL).lower()] = kind
        else:
            room, *path = source.split(".")
            self.paths.append((kind, room, tuple(path)))

    def kind(self, name: str) -> Kind:
        """The kind of this name; of a name that no document has, what holds for all others."""
        found = self._kinds.get(name)
        if found is None:
            found = self._kinds[name] = _compiled(name, OTHER)
        return found

    def of_type(self, text: str) -> Kind | None:
        """The kind of external ids of a type; None where the type is no name."""
        found = self.typed.get(text.lower())
        if found is None:
            name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
            if not _NAME.fullmatch(name):
                return None
            found = self.kind(name) if name in self._kinds else _of_other(name)
        return found

    def identifiers(self, events: Sequence[Event], bodies: Sequence[Body]) -> Stated:
        """The usable identifiers of each event, strongest first."""
        stated = Stated()
        add = stated.identifiers.append
        for event, body in zip(events, bodies, strict=True):
            if self._plain and self._says_no_more(event, body):
                add(self._of_envelope(event, stated.blocked))
            else:
                add(self.identifiers_of(event, body, stated.blocked))
        return stated

    def _says_no_more(self, event: Event, body: Body) -> bool:
        """Whether an event has nothing to identify by but its envelope: as nearly all events."""
        if event.type == "alias" or not self._in_context.isdisjoint(body.context):
            return False
        if event.type == "identify" and not self._in_traits.isdisjoint(body.traits):
            return False
        return not self._in_properties or self._in_properties.isdisjoint(body.properties)

    def _of_envelope(self, event: Event, blocked: dict[Identifier, Blocked]) -> list[Identifier]:
        """The quick way for such an event, whose ids are compared as they are."""
        found: list[Identifier] = []
        for kind, value in ((self.users[0], event.user_id), (self.devices[0], event.anonymous_id)):
            if value and len(value) <= MAX_VALUE:
                plain = value.lower()
                if plain in kind.blocked or (kind.patterns and kind.patterns.fullmatch(plain)):
                    _note(blocked, (kind.name, value), event)
                else:
                    found.append((kind.name, value))
        return found

    def identifiers_of(
        self, event: Event, body: Body, blocked: dict[Identifier, Blocked] | None = None
    ) -> list[Identifier]:
        """The usable identifiers of one event, strongest first; notes what is blocked."""
        raw: list[tuple[Kind, str]] = []
        if event.user_id is not None:
            raw += [(kind, event.user_id) for kind in self.users]
        if event.anonymous_id is not None:
            raw += [(kind, event.anonymous_id) for kind in self.devices]
        if event.type == "alias" and body.previous_id is not None:
            raw += [(kind, body.previous_id) for kind in self.previous]
        if body.context or body.properties or (body.traits and event.type == "identify"):
            raw += self.others(event.type, body)
        found: list[tuple[Kind, Identifier]] = []
        for kind, text in raw:
            value, held = kind.usable(text)
            if value is None:
                continue
            if held:
                _note(blocked, (kind.name, value), event)
            elif (kind, (kind.name, value)) not in found:
                found.append((kind, (kind.name, value)))
        if len(found) > 1:
            found.sort(key=_by_rank)
        return [identifier for _, identifier in found]

    def others(self, event_type: str, body: Body) -> list[tuple[Kind, str]]:
        """What an event states beside its envelope, as it was written."""
        found: list[tuple[Kind, str]] = []
        for kind, room, path in self.paths:
            if room == "traits" and event_type != "identify":
                continue
            text = _at(getattr(body, room), path)
            if text is not None:
                found.append((kind, text))
        external: Any = body.context.get("externalIds") if body.context else None
        if isinstance(external, list):
            found += self.external(external)
        return found

    def external(self, listed: Iterable[Any]) -> list[tuple[Kind, str]]:
        """The identifiers of a list of external ids, `{"type", "id"}` each."""
        found: list[tuple[Kind, str]] = []
        for item in list(listed)[:MAX_EXTERNAL]:
            if not isinstance(item, dict):
                continue
            said, kind = item.get("id"), item.get("type")
            if isinstance(said, str) and isinstance(kind, str) and (known := self.of_type(kind)):
                found.append((known, said))
        return found


def _is_plain(kinds: Sequence[Kind]) -> bool:
    return len(kinds) == 1 and kinds[0].form == "as_is"


def _by_rank(found: tuple[Kind, Identifier]) -> tuple[int, int, str]:
    return found[0].rank


def _note(blocked: dict[Identifier, Blocked] | None, identifier: Identifier, event: Event) -> None:
    if blocked is None:
        return
    if identifier in blocked:
        blocked[identifier].times += 1
    else:
        blocked[identifier] = Blocked(event)


def _at(value: Any, path: tuple[str, ...]) -> str | None:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value if isinstance(value, str) else None


def _compiled(name: str, document: IdentifierKind) -> Kind:
    wildcards = "|".join(map(_expression, document.patterns))
    return Kind(
        name=name,
        rank=(-document.strength, -document.priority, name),
        unique=document.unique,
        per_customer=document.per_customer,
        per_identifier=document.per_identifier,
        form=document.normaliser,
        normalise=make_normaliser(document.normaliser, document.region),
        blocked=BLOCKED | {text.lower() for text in document.blocked},
        wildcards=wildcards,
        patterns=re.compile(wildcards, re.DOTALL) if wildcards else None,
    )


def _expression(pattern: str) -> str:
    """A pattern with `*` and `?`, which Python's and RE2's expressions understand alike."""
    return re.escape(pattern.lower()).replace(r"\*", ".*").replace(r"\?", ".")


@lru_cache(10_000)
def _of_other(name: str) -> Kind:
    return _compiled(name, OTHER)


BUILT_IN = Kinds()
"""What holds where a workspace has published no kind."""
