"""Whole columns: what is derived of each, by its kind.

`derive` adds columns named `<column>__<part>`, texts (null where nothing is known):

| kind | parts |
|---|---|
| name | key, family, given, kana, romaji |
| kana | key (katakana, without spaces), romaji |
| company | key (core and branch), core, form, branch |
| address | key, prefecture, city, town, block, building, room, postcode |
| postcode | key |
| phone | key (E.164) |
| birth_date | iso |
| email | key, local (without dots, signs and what follows a +), domain |

Each value is read once however often it stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute

from tsunagu.identity.japanese.addresses import normalise_address, normalise_postcode
from tsunagu.identity.japanese.birth_dates import parse_birth_date
from tsunagu.identity.japanese.characters import is_kana, katakana, narrow
from tsunagu.identity.japanese.companies import normalise_company
from tsunagu.identity.japanese.names import normalise_name
from tsunagu.identity.japanese.phones import normalise_phone
from tsunagu.identity.japanese.readings import romaji_key, romaji_of

PARTS: Mapping[str, tuple[str, ...]] = {
    "name": ("key", "family", "given", "kana", "romaji"),
    "kana": ("key", "romaji"),
    "company": ("key", "core", "form", "branch"),
    "address": (
        "key", "prefecture", "city", "town", "block", "building", "room", "postcode",
    ),
    "postcode": ("key",),
    "phone": ("key",),
    "birth_date": ("iso",),
    "email": ("key", "local", "domain"),
}  # fmt: skip

pc: Any = pyarrow.compute  # without complete types
Table = Any  # a pa.Table, whose types are unknown to pyright
Values = tuple[str, ...]


def derive(table: Table, kinds: Mapping[str, str]) -> Table:
    """The table with what is derived of its columns.

    Args:
        kinds: of each column to read, one of `PARTS`; a postcode column helps the addresses.

    Raises:
        KeyError: a kind or a column is unknown.
    """
    code = next((c for c, kind in kinds.items() if kind == "postcode"), None)
    for column, kind in kinds.items():
        parts = PARTS[kind]
        if kind == "address":
            found = _addresses(table, column, code)
        else:
            found = _each(_texts(table.column(column)), _READERS[kind])
        for part, values in zip(parts, found, strict=True):
            table = table.append_column(f"{column}__{part}", values)
    return table


def _texts(column: Any) -> Any:
    return pc.cast(column, pa.string(), safe=False)


def _each(column: Any, read: Callable[[str], Values]) -> list[Any]:
    """One array a part, of a column of texts whose different values are read once each."""
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = (
            coded.chunk(0) if coded.num_chunks else pa.array([], pa.string()).dictionary_encode()
        )
    return _spread([read(text) for text in coded.dictionary.to_pylist()], coded.indices, read)


def _spread(rows: list[Values], indices: Any, read: Callable[[str], Values]) -> list[Any]:
    parts: Iterable[tuple[str, ...]] = zip(*rows, strict=True) if rows else [()] * len(read(""))
    return [pa.array([v or None for v in p], pa.string()).take(indices) for p in parts]


def _addresses(table: Table, column: str, code: str | None) -> list[Any]:
    texts = _texts(table.column(column))
    if code is None:
        return _each(texts, lambda text: _address(text))
    codes = pc.fill_null(_texts(table.column(code)), "")
    joined = pc.binary_join_element_wise(codes, texts, "\x00")

    def read(text: str) -> Values:
        postcode, _, address = text.partition("\x00")
        return _address(address, postcode)

    return _each(joined, read)


def _address(text: str, postcode: str = "") -> Values:
    a = normalise_address(text, postcode)
    return (a.key, a.prefecture, a.city, a.town, a.block, a.building, a.room, a.postcode)


def _name(text: str) -> Values:
    name = normalise_name(text)
    return (name.key, name.family, name.given, name.kana, name.romaji)


def _kana(text: str) -> Values:
    plain = katakana(narrow(text, 80))
    key = "".join(c for c in plain if is_kana(c))
    words = [w for w in ("".join(filter(is_kana, p)) for p in plain.split()) if w]
    if not key:
        return ("", romaji_key(plain))
    return (key, " ".join(map(romaji_of, words)))


def _company(text: str) -> Values:
    company = normalise_company(text)
    key = " ".join(p for p in (company.core, company.branch) if p)
    return (key, company.core, company.form, company.branch)


def _email(text: str) -> Values:
    plain = narrow(text, 254).lower()
    local, at, domain = plain.rpartition("@")
    if not at or not local or not domain:
        return ("", "", "")
    slim = "".join(c for c in local.partition("+")[0] if c.isalnum())
    return (plain, slim, domain)


def _birth_date(text: str) -> Values:
    day = parse_birth_date(text)
    return (day.isoformat() if day else "",)


_READERS: Mapping[str, Callable[[str], Values]] = {
    "name": _name,
    "kana": _kana,
    "company": _company,
    "postcode": lambda text: (normalise_postcode(text),),
    "phone": lambda text: (normalise_phone(text),),
    "birth_date": _birth_date,
    "email": _email,
}
