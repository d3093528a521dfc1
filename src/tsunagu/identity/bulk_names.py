"""The identifiers in millions of events, numbered: what linking in bulk works on.

Texts are drawn and compared by the rules of their kinds (`kinds.py`), as the resolver does it
event by event: what identifies nobody has no number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute

from tsunagu.identity.kinds import (
    ANONYMOUS_ID,
    BUILT_IN,
    EMAIL,
    MAX_VALUE,
    USER_ID,
    Identifier,
    Kind,
    Kinds,
)
from tsunagu.storage import Arrow

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
pc: Any = pyarrow.compute  # its functions are made at run time; no checker knows them

KINDS = (ANONYMOUS_ID, EMAIL, USER_ID)
NONE = -1
# What `str.strip` takes away of ASCII.
_BLANKS = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f "


@dataclass(frozen=True)
class Told:
    """What events say of identity, in log order. Arrow are null where nothing is said.

    `position` and `known_at` (microseconds) are the events'; `previous` is an alias's previous
    id. `paths` holds a column for each of `Kinds.paths`, what stands there where it is a text;
    `external` the JSON of `context.externalIds`.
    """

    position: Ints
    known_at: Ints
    alias: Bools
    user: Arrow
    anonymous: Arrow
    previous: Arrow
    paths: Sequence[Arrow]
    external: Arrow


@dataclass(frozen=True)
class Names:
    """The distinct identifiers of a part by number; `kind` indexes `kinds`.

    Numbers are in the order of kinds and values, which is that of the database's indexes.
    `blocked` has what identifies nobody: how often it is stated, and in which row first.
    """

    kind: np.ndarray[Any, np.dtype[np.uint16]]
    value: Arrow
    kinds: tuple[str, ...] = KINDS
    blocked: dict[Identifier, tuple[int, int]] = field(
        default_factory=dict[Identifier, tuple[int, int]]
    )

    def __len__(self) -> int:
        return len(self.kind)

    def pair(self, number: int) -> Identifier:
        """An identifier as the resolver knows it."""
        return self.kinds[self.kind[number]], self.value[number].as_py()


@dataclass
class _Column:
    """Texts of one kind, one for each row in `rows` (None: for all rows, in order)."""

    kind: Kind
    texts: Arrow
    rows: Ints | None = None
    numbers: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        self.numbers = np.full(len(self.texts), NONE, np.int64)


def number_names(told: Told, kinds: Kinds = BUILT_IN) -> tuple[Names, Ints]:
    """Number the usable identifiers; returns them, and the numbers of each event.

    A row of the numbers is strongest first, with -1 in all places where nothing usable is said.
    """
    columns = _columns(told, kinds)
    by_kind: dict[str, list[_Column]] = {}
    for column in columns:
        by_kind.setdefault(column.kind.name, []).append(column)
    names = tuple(sorted(by_kind))
    values: list[Arrow] = []
    blocked: dict[Identifier, tuple[int, int]] = {}
    offset = 0
    for name in names:
        some = by_kind[name]
        found, codes, held = _coded(some)
        start = 0
        for column in some:
            part = codes[start : start + len(column.texts)]
            column.numbers = np.where(part == NONE, NONE, part + offset)
            start += len(column.texts)
        blocked |= {(name, value): times for value, times in held.items()}
        values.append(found)
        offset += len(found)
    sizes = [len(found) for found in values]
    kind = np.repeat(np.arange(len(names), dtype=np.uint16), sizes)
    whole = pa.concat_arrays(values) if values else pa.array([], pa.string())
    return Names(kind, whole, names, blocked), _stated(columns, len(told.position))


def _columns(told: Told, kinds: Kinds) -> list[_Column]:
    """What is said, by kinds; in the order in which an event's own texts come."""
    columns = [_Column(kind, told.user) for kind in kinds.users]
    columns += [_Column(kind, told.anonymous) for kind in kinds.devices]
    columns += [_Column(kind, told.previous) for kind in kinds.previous]
    columns += [
        _Column(kind, texts)
        for (kind, _, _), texts in zip(kinds.paths, told.paths, strict=True)
        if texts.null_count < len(texts)
    ]
    return columns + _external(told.external, kinds)


def _external(texts: Arrow, kinds: Kinds) -> list[_Column]:
    """External ids: one column a kind, with a row for each that is stated."""
    if texts.null_count == len(texts):
        return []
    coded = pa.chunked_array(_chunks(texts), pa.string()).combine_chunks().dictionary_encode()
    listed = [_drawn(text, kinds) for text in coded.dictionary.to_pylist()]
    indices = _filled(coded.indices)
    said: dict[str, tuple[Kind, list[int], list[str]]] = {}
    rows = np.flatnonzero(indices != NONE)
    for row, index in zip(rows.tolist(), indices[rows].tolist(), strict=True):
        for kind, text in listed[index]:
            _, of_kind, texts_of = said.setdefault(kind.name, (kind, [], []))
            of_kind.append(row)
            texts_of.append(text)
    return [
        _Column(kind, pa.array(texts_of, pa.string()), np.asarray(of_kind, np.int64))
        for kind, of_kind, texts_of in said.values()
    ]


def _drawn(text: str, kinds: Kinds) -> list[tuple[Kind, str]]:
    try:
        listed: Any = msgspec.json.decode(text)
    except msgspec.DecodeError:  # counts as empty, as everywhere in bulk
        return []
    return kinds.external(listed) if isinstance(listed, list) else []


def _stated(columns: Sequence[_Column], count: int) -> Ints:
    """The numbers of each event, strongest first."""
    order = sorted(range(len(columns)), key=lambda n: columns[n].kind.rank)
    ranked = [columns[n] for n in order]
    wide: list[Ints] = []
    of_kind: dict[str, list[Ints]] = {}
    for column in ranked:
        if column.rows is None:
            _add(wide, of_kind, column, column.numbers)
            continue
        # One column of its own for the first of a row, one for the second, and so on.
        place = _places(column.rows)
        for nth in range(int(place.max()) + 1):
            numbers = np.full(count, NONE, np.int64)
            numbers[column.rows[place == nth]] = column.numbers[place == nth]
            _add(wide, of_kind, column, numbers)
    if len(wide) <= 8:
        return np.stack(wide, axis=1)
    return _narrow(wide, count)


def _add(wide: list[Ints], of_kind: dict[str, list[Ints]], column: _Column, numbers: Ints) -> None:
    """One more column, without what an event has said before."""
    before = of_kind.setdefault(column.kind.name, [])
    for other in before:
        numbers = np.where(numbers == other, NONE, numbers)
    before.append(numbers)
    wide.append(numbers)


def _places(rows: Ints) -> Ints:
    """For rows in rising order: the how manieth of its row each is."""
    _, first = np.unique(rows, return_index=True)
    started = np.zeros(len(rows), np.int64)
    started[first] = first
    return np.arange(len(rows)) - np.maximum.accumulate(started)


def _narrow(wide: Sequence[Ints], count: int) -> Ints:
    """The same numbers with the empty places of each row at its end, and no more of them."""
    filled = np.zeros(count, np.int64)
    for numbers in wide:
        filled += numbers != NONE
    narrow = np.full((count, max(1, int(filled.max(initial=0)))), NONE, np.int64)
    filled[:] = 0
    for numbers in wide:
        rows = np.flatnonzero(numbers != NONE)
        narrow[rows, filled[rows]] = numbers[rows]
        filled[rows] += 1
    return narrow


def _chunks(texts: Arrow) -> list[Arrow]:
    return texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]


def _coded(columns: Sequence[_Column]) -> tuple[Arrow, Ints, dict[str, tuple[int, int]]]:
    """Of one kind: the distinct usable texts in order, each text's number among them (-1 is
    none), and how often each blocked one is stated and in which row first."""
    kind = columns[0].kind
    chunks = [chunk for column in columns for chunk in _chunks(column.texts)]
    coded = pa.chunked_array(chunks, pa.string()).combine_chunks().dictionary_encode()
    written = _written(coded.dictionary, kind)
    blocked = _blocked(written, kind)
    compared = pc.if_else(blocked, pa.scalar(None, pa.string()), written)
    again = compared.dictionary_encode()  # two texts may be one when they are compared
    order = pc.sort_indices(again.dictionary).to_numpy()
    rank = np.empty(len(order) + 1, np.int64)
    rank[order] = np.arange(len(order))
    rank[NONE] = NONE
    place = np.append(_filled(again.indices), NONE)
    indices = _filled(coded.indices)
    guilty = np.append(blocked.to_numpy(zero_copy_only=False), False)
    held = _held(written, indices, guilty[indices], columns) if guilty.any() else {}
    return again.dictionary.take(pa.array(order)), rank[place[indices]], held


def _held(
    written: Arrow, indices: Ints, guilty: Bools, columns: Sequence[_Column]
) -> dict[str, tuple[int, int]]:
    """How often each blocked text is stated, and in which row first."""
    rows = [np.arange(len(c.texts)) if c.rows is None else c.rows for c in columns]
    places = np.flatnonzero(guilty)
    places = places[np.argsort(np.concatenate(rows)[places], kind="stable")]
    numbers, first, times = np.unique(indices[places], return_index=True, return_counts=True)
    first_rows = np.concatenate(rows)[places[first]]
    found: dict[str, tuple[int, int]] = {}
    for number, row, count in zip(
        numbers.tolist(), first_rows.tolist(), times.tolist(), strict=True
    ):
        value = written[number].as_py()
        before, earliest = found.get(value, (0, row))
        found[value] = (before + count, min(earliest, row))
    return found


def _filled(indices: Arrow) -> Ints:
    return pc.fill_null(indices, NONE).to_numpy(zero_copy_only=False).astype(np.int64)


def _written(texts: Arrow, kind: Kind) -> Arrow:
    """The texts as their kind compares them; null what is none of it."""
    if kind.form == "as_is":
        written = texts
    elif kind.form in ("email", "lower"):
        written = _lowered(texts, addresses=kind.form == "email")
    else:
        written = _each(texts, kind.normalise)
    length = pc.utf8_length(written)
    fits = pc.and_(pc.greater(length, 0), pc.less_equal(length, MAX_VALUE))
    return pc.if_else(fits, written, pa.scalar(None, pa.string()))


def _each(texts: Arrow, written: Callable[[str], str | None]) -> Arrow:
    return pa.array(
        [None if text is None else written(text) for text in texts.to_pylist()], pa.string()
    )


def _blocked(texts: Arrow, kind: Kind) -> Arrow:
    """Which of these identify nobody; null where there is no text."""
    plain = _each(texts, str.lower) if _foreign(texts) else pc.ascii_lower(texts)
    listed = pc.is_in(plain, value_set=pa.array(sorted(kind.blocked)))
    if kind.wildcards:
        listed = pc.or_(listed, pc.match_substring_regex(plain, f"^(?s:{kind.wildcards})$"))
    return pc.if_else(pc.is_valid(texts), listed, pa.scalar(False))


def _foreign(texts: Arrow) -> bool:
    """Whether there is more than ASCII: what lower case is then, is said by Python alone."""
    return pc.all(pc.string_is_ascii(texts)).as_py() is False


def _lowered(texts: Arrow, *, addresses: bool) -> Arrow:
    """Trimmed and in lower case; of addresses null where there is no `@`."""
    if addresses:
        found = pc.match_substring(texts, "@")
        texts = pc.if_else(found, texts, pa.scalar(None, pa.string()))
    if not _foreign(texts):
        return pc.ascii_lower(pc.utf8_trim(texts, characters=_BLANKS))
    return _each(texts, lambda text: text.strip().lower())


def heard(stated: Ints, position: Ints, shared: dict[int, int]) -> Ints:
    """The numbers of each event without those that were held back when it came.

    Args:
        shared: from which position on a number is held back. Where nothing else is stated in
            an event, its strongest stays.
    """
    if not shared:
        return stated
    since = np.full(int(stated.max(initial=0)) + 2, np.iinfo(np.int64).max, np.int64)
    since[np.fromiter(shared, np.int64)] = np.fromiter(shared.values(), np.int64)
    return without(stated, since[stated] < position[:, None])


def without(stated: Ints, held: Bools) -> Ints:
    """The numbers of each event without some; where all are, its strongest alone stays."""
    left = np.where(held, NONE, stated)
    rows = np.flatnonzero((left == NONE).all(axis=1))
    best = strongest(stated[rows])
    left[rows, 0] = best
    return left


def strongest(stated: Ints) -> Ints:
    """The number of each event's strongest identifier; -1 where it has none."""
    found = stated[:, -1].copy()
    for column in range(stated.shape[1] - 2, -1, -1):
        found = np.where(stated[:, column] != NONE, stated[:, column], found)
    return found
