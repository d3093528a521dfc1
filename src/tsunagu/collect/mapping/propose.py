"""A mapping proposed from a file's own contents, with the reasons.

The columns' names (English and Japanese) and what stands in them say who, when and what; every
guess is a line of the proposal that a person can change. The sample is mapped once, so that the
proposal is known to work or says what would not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from glob import escape
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from tsunagu.collect.files import JSON, LINE, FileForm, matching, open_tables, settled
from tsunagu.collect.files.arrow import Table
from tsunagu.collect.mapping.document import Mapping, mapping_of
from tsunagu.collect.mapping.library import library, named_mapping, ready_mapping
from tsunagu.collect.mapping.profiling import Profile, profiles
from tsunagu.collect.mapping.roles import Roles, roles_of, typed
from tsunagu.collect.mapping.table import Mapped, connection, map_table
from tsunagu.core import Invalid

_SAMPLE = 20_000
_FIELDS = 300


@dataclass(frozen=True)
class Reason:
    """Why a field of the mapping is as it is."""

    field: str
    text: str


@dataclass(frozen=True)
class Proposal:
    """A mapping for a file, its reasons, and what it makes of the sample."""

    mapping: Mapping
    reasons: list[Reason]
    sample: Table
    mapped: Mapped


@dataclass
class _Draft:
    document: dict[str, Any] = field(default_factory=dict[str, Any])
    reasons: list[Reason] = field(default_factory=list[Reason])

    def say(self, place: str, value: Any, reason: str) -> None:
        self.document[place] = value
        self.reasons.append(Reason(place, reason))


def propose(path: str | Path, form: FileForm | None = None) -> Proposal:
    """A mapping for a file (the first that matches a glob).

    Args:
        form: what is known of how the file is written; a fixed-width file needs it.

    Raises:
        NotFound: no file matches.
        Invalid: the file cannot be read, or is empty.
    """
    file = matching(path)[0]
    told = settled(file, form or FileForm())
    sample = _sample(file, told)
    headless = _without_header(told, sample)
    if headless is not None:
        told, sample = headless, _sample(file, headless)
    names = [name for name in sample.column_names if name != LINE]
    if names == [JSON]:
        names = _fields(sample)
    ready = _ready(names, told)
    if ready is not None:
        return _tried(ready, sample)
    draft = _Draft()
    _file(draft, told, file)
    _drawn(draft, profiles(connection(), sample, names), sample, file)
    return _tried(draft, sample)


def with_mapping(path: str | Path, told: str) -> Proposal:
    """What a mapping (a document's path or the name of a ready one) makes of a file's beginning.

    Raises:
        NotFound: no file matches, or no mapping is called so.
        Invalid: the file cannot be read, or the mapping does not fit it.
    """
    mapping = named_mapping(told)
    sample = _sample(matching(path)[0], mapping.file)
    return Proposal(mapping, [], sample, map_table(mapping, sample))


def _sample(file: Path, form: FileForm) -> Table:
    tables: list[Table] = []
    rows, reason = 0, ""
    for chunk in open_tables(escape(str(file)), form):
        tables.append(chunk.table)
        rows += chunk.table.num_rows
        if chunk.bad and not reason:
            reason = f"; line {chunk.bad[0].row}: {chunk.bad[0].reason}"
        if rows >= _SAMPLE:
            break
    if not rows:
        raise Invalid(f"{file} has no row that can be read{reason}")
    return pa.concat_tables(tables).slice(0, _SAMPLE)


def _without_header(form: FileForm, sample: Table) -> FileForm | None:
    """The form for a CSV file whose first row is data: names that are numbers or dates."""
    if form.format != "csv" or not form.header or form.columns:
        return None
    names = [name for name in sample.column_names if name != LINE]
    if not any(name[:1].isdigit() and not name.strip("0123456789-/:., ") for name in names):
        return None
    columns = tuple(f"column_{at}" for at in range(1, len(names) + 1))
    return form.model_copy(update={"header": False, "columns": columns})


def _fields(sample: Table) -> list[str]:
    """The fields of NDJSON, those of inner objects by path, the most frequent first."""
    counts: Counter[str] = Counter()
    for line in sample[JSON].slice(0, 1000).to_pylist():
        try:
            told = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue
        counts.update(_paths(told) if isinstance(told, dict) else ())
    return [name for name, _ in counts.most_common(_FIELDS)]


def _paths(told: dict[str, Any], before: str = "") -> Iterable[str]:
    for key, value in told.items():
        if isinstance(value, dict) and not before:
            yield from _paths(value, f"{key}.")
        else:
            yield before + key


def _ready(names: list[str], form: FileForm) -> _Draft | None:
    """The ready mapping that asks for the most of these columns and for no other."""
    tops = {name.partition(".")[0] for name in names}
    if {"type", "timestamp"} <= tops and tops & {"userId", "anonymousId"}:
        draft = _Draft(_document(ready_mapping("segment")))
        draft.reasons.append(Reason("ready mapping", "segment: the fields are the Segment spec's"))
        return draft
    fitting = {
        name: needed
        for name, mapping in library().items()
        if (needed := mapping.needed()) and needed <= set(names) and len(needed) > 1
    }
    if not fitting:
        return None
    best = max(fitting, key=lambda name: len(fitting[name]))
    draft = _Draft(_document(ready_mapping(best)))
    listed = ", ".join(sorted(fitting[best]))
    draft.reasons.append(Reason("ready mapping", f"{best}: the file has its columns {listed}"))
    if form.encoding != "auto" and form.format != "parquet":
        draft.document["file"] = _stated(form)
    return draft


def _document(mapping: Mapping) -> dict[str, Any]:
    return mapping.model_dump(mode="json", exclude_defaults=True)


def _stated(form: FileForm) -> dict[str, Any]:
    told = form.model_dump(mode="json", exclude_defaults=True)
    if form.format == "parquet":
        return {"format": "parquet"}
    if form.format == "ndjson":
        told.pop("delimiter", None)
    return told


def _file(draft: _Draft, form: FileForm, file: Path) -> None:
    told = _stated(form)
    parts = [f"{form.format} by its first bytes"]
    if form.format in ("csv", "fixed", "ndjson"):
        parts.append(f"{form.encoding} decodes it")
    if form.format == "csv":
        parts.append(f"{form.delimiter!r} cuts all lines alike")
    if not form.header:
        parts.append("the first row is data: give the columns their names")
    draft.document["name"] = file.name.partition(".")[0]
    draft.say("file", told, "; ".join(parts))


def _drawn(draft: _Draft, found: list[Profile], sample: Table, file: Path) -> None:
    """Who, when, what: everything but the file."""
    roles = roles_of(found, sample)
    japanese = any(profile.counts["japanese"] or _is_japanese(profile.name) for profile in found)
    told = "Japanese in names or values" if japanese else "nothing tells another zone; check it"
    draft.say("zone", "Asia/Tokyo" if japanese else "UTC", told)
    for place, drawing in roles.shared.items():
        draft.say(place, drawing.document, drawing.reason)
    people = roles.is_people_list
    rest = [profile for profile in found if profile.name not in roles.used]
    drawn = {profile.name: typed(profile) for profile in rest if profile.filled}
    if people:
        draft.say(
            "events", [{"type": "identify", "traits": drawn}],
            f"each row is one person ({roles.user} is in no other row): its columns are traits",
        )  # fmt: skip
        return
    event: dict[str, Any] = {}
    event["name"], reason = _event_name(roles, file)
    if roles.gather is not None:
        told, within = roles.gather
        told["items"] = {name: typed(profile) for name, profile in within.items()}
        same = ", ".join(told["by"])
        draft.say(
            "gather", told, f"rows with the same {same} follow each other: one event together"
        )
        drawn = {name: cell for name, cell in drawn.items() if name not in within}
        drawn = {name: name for name in told["by"]} | drawn
    event["properties"] = drawn
    draft.say("events", [event], reason)


def _is_japanese(text: str) -> bool:
    return any("぀" <= character <= "鿿" for character in text)


def _event_name(roles: Roles, file: Path) -> tuple[Any, str]:
    if roles.event is not None:
        few = f"{roles.event.distinct} kinds in {roles.event.filled} rows"
        return {"column": roles.event.name}, f"{roles.event.name} says what happened: {few}"
    words = file.name.partition(".")[0].replace("_", " ").replace("-", " ").split()
    called = " ".join(word[:1].upper() + word[1:] for word in words) or "Row"
    return called, "no column says what happened: named after the file; give it your word for it"


def _tried(draft: _Draft, sample: Table) -> Proposal:
    try:
        mapping = mapping_of(draft.document, called="the proposal")
    except Invalid as error:
        columns = ", ".join(name for name in sample.column_names if name not in (LINE, JSON))
        raise Invalid(
            f"No mapping can be proposed: {error}. Write one by hand (docs/mapping.md);"
            f" the columns are: {columns}"
        ) from error
    mapped = map_table(mapping, sample)
    reasons = list(draft.reasons)
    if mapped.bad:
        common, count = Counter(row.reason for row in mapped.bad).most_common(1)[0]
        of = f"{len(mapped.bad)} of {sample.num_rows} rows of the sample would be bad"
        reasons.append(Reason("to mend", f"{of}, {count} of them: {common}"))
    ids = mapped.events["message_id"]
    twice = len(ids) - len(set(islice(ids.to_pylist(), _SAMPLE * 4)))
    if twice:
        told = f"{twice} events of the sample are repeats of others and would be counted once"
        reasons.append(Reason("message_id", f"{told}; name columns that tell rows apart"))
    return Proposal(mapping, reasons, sample, mapped)
