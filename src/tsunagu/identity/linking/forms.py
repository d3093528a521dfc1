"""Forms: columns of Japanese values, read before they are compared.

Whether a column is Japanese, and of what kind, is told by its values. Names are parted into family
and given name, each as written and by its reading, so that 髙橋, 高橋 and ﾀｶﾊｼ meet; addresses,
companies, phones, postcodes and dates of birth become one form each. What was decided is kept in
the model, so that records are read alike in bulk and live.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from tsunagu.identity.japanese import derive
from tsunagu.identity.japanese.characters import is_kana, is_kanji, narrow
from tsunagu.identity.linking.columns import quoted

READ = "linking_read"
FAMILY, GIVEN = "__family", "__given"
READING = "__reading"

_SAMPLE = 2_000
_LONGEST = 200
# A column with so few different values is a choice, such as 男 and 女, and names nobody.
_FEW = 60
_PLACE = re.compile(r"[都道府県市区町村郡].*[0-9一二三四五六七八九十]|[丁番][目地]")
_COMPANY = re.compile(r"株式|\(株\)|㈱|有限会社|合同会社|合資会社|合名会社|財団|社団|カ\)|\(カ")
_POSTCODE = re.compile(r"〒? ?[0-9]{3}-?[0-9]{4}")
_PHONE = re.compile(r"(\+81|0)[0-9() .-]{8,14}")
_DATE = re.compile(
    r"((明治|大正|昭和|平成|令和|[MTSHR])[ .]?([0-9]{1,2}|元)|(1[89]|20)[0-9]{2})[年./-]?"
    r" ?[0-9]{1,2}[月./-]? ?[0-9]{1,2}日?",
    re.IGNORECASE,
)
# The kinds in the order in which they are tried, with what share of the values must be so.
_TESTS: tuple[tuple[str, float, Callable[[str], bool]], ...] = (
    ("email", 0.8, lambda v: "@" in v),
    ("birth_date", 0.6, lambda v: bool(_DATE.fullmatch(v))),
    ("company", 0.3, lambda v: bool(_COMPANY.search(v))),
    ("address", 0.3, lambda v: bool(_PLACE.search(v)) and any(map(is_kanji, v))),
    ("kana", 0.7, lambda v: all(is_kana(c) or c in " ・-" for c in v)),
    ("", 0.5, lambda v: v[-1] in "都道府県市区町村郡"),  # a place alone is no name, and no address
    ("name", 0.3, lambda v: any(map(is_kanji, v)) and len(v) <= 20),
    ("postcode", 0.6, lambda v: bool(_POSTCODE.fullmatch(v))),
    ("phone", 0.6, lambda v: bool(_PHONE.fullmatch(v))),
)
_JAPANESE = frozenset({"name", "kana", "company", "address"})
# Of each kind the part that is compared; names are parted in two.
_PART = {
    "company": "key",
    "address": "key",
    "postcode": "key",
    "phone": "key",
    "birth_date": "iso",
    "email": "key",
}

Table = Any  # a pa.Table, whose types are unknown to pyright
Texts = list[str | None]


def forms_of(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> dict[str, str]:
    """The kind of each column that is to be read as Japanese; none where no column is.

    Args:
        columns: columns of text of the table.
    """
    found: dict[str, str] = {}
    for name in columns:
        rows = connection.execute(
            f"select distinct left({quoted(name)}::varchar, {_LONGEST}) as v from {quoted(table)} "  # noqa: S608
            f"where trim({quoted(name)}::varchar) <> '' order by hash(v) limit {_SAMPLE}"
        ).fetchall()
        kind = _kind([narrow(value, _LONGEST) for (value,) in rows])
        if kind and (kind not in ("name", "kana") or len(rows) > _FEW):
            found[name] = kind
    return found if _JAPANESE & set(found.values()) else {}


def read_into(connection: duckdb.DuckDBPyConnection, table: str, forms: Mapping[str, str]) -> str:
    """The table with its columns read: itself, if there is nothing to read.

    What is read lies in the table `READ` then, with the other columns as they were.
    """
    if not forms:
        return table
    told: Table = connection.execute(f"select * from {quoted(table)}").to_arrow_table()  # noqa: S608
    connection.register("linking_told", read(told, forms))
    connection.execute(f"create or replace table {READ} as from linking_told")
    connection.unregister("linking_told")
    return READ


def read(table: Table, forms: Mapping[str, str]) -> Table:
    """A table of texts with its columns read; those that it has not are missing in the result.

    Args:
        forms: as `forms_of` tells.
    """
    kinds = {name: kind for name, kind in forms.items() if name in table.column_names}
    derived = derive(table, kinds)
    told = _told(derived, kinds)
    made: dict[str, Any] = {}
    for name in table.column_names:
        kind = kinds.get(name)
        if kind is None:
            made[name] = table.column(name)
        elif name in told:
            if kind == "name":
                made |= _written(derived, name)
            made |= _readings(name, told[name])
        elif kind != "kana":
            made[name] = derived.column(f"{name}__{_PART[kind]}")
    return pa.table(made)


def _told(derived: Table, kinds: Mapping[str, str]) -> dict[str, Texts]:
    """How each column of names is read: as a column of kana tells, or as the dictionary guesses.

    Names without a column in kanji are in kana.
    """
    names = [name for name, kind in kinds.items() if kind == "name"]
    kana = [name for name, kind in kinds.items() if kind == "kana"]
    guessed = {name: _romaji(derived, name) for name in names}
    if not names:
        return {name: _romaji(derived, name) for name in kana}
    if len(kana) == len(names):
        said = {name: _romaji(derived, other) for name, other in zip(names, kana, strict=True)}
        return {n: list(map(_reading, said[n], guessed[n])) for n in names}
    if len(names) == 2 and kana:
        one, other = names
        rows = zip(_romaji(derived, kana[0]), guessed[one], guessed[other], strict=True)
        shared = [_shared_out(*row) for row in rows]
        return {one: [a for a, _ in shared], other: [b for _, b in shared]}
    return guessed


def _romaji(derived: Table, name: str) -> Texts:
    return derived.column(f"{name}__romaji").to_pylist()


def _shared_out(said: str | None, one: str | None, other: str | None) -> tuple[str | None, ...]:
    """Whose each of the two words of a reading is, by what is guessed of either name."""
    words = (said or "").split()
    if len(words) == 2:
        if one == words[0] or other == words[1]:
            return tuple(words)
        if one == words[1] or other == words[0]:
            return words[1], words[0]
    return one, other


def _kind(values: Sequence[str]) -> str:
    if not values:
        return ""
    for kind, share, test in _TESTS:
        if sum(map(test, values)) > share * len(values):
            return kind
    return ""


def _written(derived: Table, name: str) -> dict[str, Any]:
    """Family and given name as written, where that is in kanji."""
    return {
        f"{name}{side}": pa.array(
            _in_kanji(derived.column(f"{name}{side}").to_pylist()), pa.string()
        )
        for side in (FAMILY, GIVEN)
    }


def _in_kanji(values: Iterable[str | None]) -> Texts:
    return [v if v and any(map(is_kanji, v)) else None for v in values]


def _reading(said: str | None, guessed: str | None) -> str | None:
    """The reading that is told, parted as the guessed one is if it is in one piece."""
    if not said or " " in said or not guessed or " " not in guessed:
        return said or guessed
    family = guessed.partition(" ")[0]
    if said.startswith(family) and len(said) > len(family):
        return f"{family} {said[len(family) :]}"
    return said


def _readings(name: str, told: Texts) -> dict[str, Any]:
    parted = [(value or "").partition(" ") for value in told]
    return {
        f"{name}{FAMILY}{READING}": pa.array([p[0] or None for p in parted], pa.string()),
        f"{name}{GIVEN}{READING}": pa.array(
            [p[2].replace(" ", "") or None for p in parted], pa.string()
        ),
    }
