"""The identifiers in millions of events, numbered: what linking in bulk works on.

Texts are compared by the resolver's rules (`resolve.py`): what identifies nobody has no number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from tsunagu.identity.kinds import ANONYMOUS_ID, BLOCKED, EMAIL, MAX_VALUE, USER_ID, Identifier
from tsunagu.storage import Arrow

Ints = np.ndarray[Any, np.dtype[np.int64]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]
pc: Any = pyarrow.compute  # its functions are made at run time; no checker knows them

KINDS = (ANONYMOUS_ID, EMAIL, USER_ID)
"""In the order of their names, by which edges are written."""
USER = KINDS.index(USER_ID)
NONE = -1
# What `str.strip` takes away of ASCII.
_BLANKS = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f "


@dataclass(frozen=True)
class Told:
    """What events say of identity, in log order. Arrow are null where nothing is said.

    `position` and `known_at` (microseconds) are the events'; `previous` is an alias's previous
    id, `email` the e-mail trait of an identify event as it was written.
    """

    position: Ints
    known_at: Ints
    alias: Bools
    user: Arrow
    anonymous: Arrow
    previous: Arrow
    email: Arrow


@dataclass(frozen=True)
class Names:
    """The distinct identifiers of a part by number; `kind` indexes `KINDS`."""

    kind: np.ndarray[Any, np.dtype[np.uint8]]
    value: Arrow

    def __len__(self) -> int:
        return len(self.kind)

    def pair(self, number: int) -> Identifier:
        """An identifier as the resolver knows it."""
        return KINDS[self.kind[number]], self.value[number].as_py()


def number_names(told: Told) -> tuple[Names, Ints]:
    """Number the usable identifiers; returns them, and four numbers an event, strongest first.

    A number is -1 where nothing usable is said. Numbers are in the order of kinds and values,
    which is the order of the database's indexes.
    """
    count = len(told.position)
    both = pa.chunked_array([*_chunks(told.anonymous), *_chunks(told.previous)], pa.string())
    anonymous, codes = _coded(both)
    emails, email = _coded(told.email, _addresses)
    users, user = _coded(told.user)
    sizes = [len(anonymous), len(emails), len(users)]
    stated = np.stack(
        [
            _moved(user, sizes[0] + sizes[1]),
            codes[:count],
            codes[count:],
            _moved(email, sizes[0]),
        ],
        axis=1,
    )
    kind = np.repeat(np.arange(3, dtype=np.uint8), sizes)
    return Names(kind, pa.concat_arrays([anonymous, emails, users])), stated


def _chunks(texts: Arrow) -> list[Arrow]:
    return texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]


def _coded(
    texts: Arrow, written: Callable[[Arrow], Arrow] = lambda texts: texts
) -> tuple[Arrow, Ints]:
    """The distinct usable texts in order, and each row's number among them; -1 is none.

    `written` brings the texts into the form in which they are compared.
    """
    whole = pa.chunked_array(_chunks(texts), pa.string()).combine_chunks()
    coded = whole.dictionary_encode()
    compared = _usable(written(coded.dictionary))
    again = compared.dictionary_encode()  # two texts may be one when they are compared
    order = pc.sort_indices(again.dictionary).to_numpy()
    rank = np.empty(len(order) + 1, np.int64)
    rank[order] = np.arange(len(order))
    rank[NONE] = NONE
    place = np.append(_filled(again.indices), NONE)
    return again.dictionary.take(pa.array(order)), rank[place[_filled(coded.indices)]]


def _filled(indices: Arrow) -> Ints:
    return pc.fill_null(indices, NONE).to_numpy(zero_copy_only=False).astype(np.int64)


def _moved(codes: Ints, offset: int) -> Ints:
    return np.where(codes == NONE, NONE, codes + offset)


def _usable(texts: Arrow) -> Arrow:
    """Null what identifies nobody, by the resolver's rules."""
    fits = pc.less_equal(pc.utf8_length(texts), MAX_VALUE)
    shared = pc.is_in(pc.utf8_lower(texts), value_set=pa.array(sorted(BLOCKED)))
    return pc.if_else(pc.and_(fits, pc.invert(shared)), texts, pa.scalar(None, pa.string()))


def _addresses(texts: Arrow) -> Arrow:
    """E-mail addresses as the resolver compares them; null where there is no `@`."""
    addressed = pc.if_else(pc.match_substring(texts, "@"), texts, pa.scalar(None, pa.string()))
    if pc.all(pc.string_is_ascii(addressed)).as_py() is not False:
        return pc.ascii_lower(pc.utf8_trim(addressed, characters=_BLANKS))
    # What lower case is outside ASCII is said by Python alone.
    return pa.array(
        [None if text is None else text.strip().lower() for text in addressed.to_pylist()],
        pa.string(),
    )


def strongest(stated: Ints) -> Ints:
    """The number of each event's strongest identifier; -1 where it has none."""
    found = stated[:, 3].copy()
    for column in (2, 1, 0):
        found = np.where(stated[:, column] != NONE, stated[:, column], found)
    return found
