"""Prepared records: each column in a form that compares well, and the parts that make keys.

One SQL expression a derived column, so that a table of a million records and a single one are
prepared alike. What is derived from `surname` is called `surname__sound`, `surname__start`, …
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from tsunagu.identity.linking.columns import quoted
from tsunagu.identity.linking.forms import FAMILY, GIVEN, READING
from tsunagu.identity.linking.model import Column, Nature

ID = "unique_id"
_VOWELS = "[aeiouhwy]"
_FROM, _TO = "bfpvcgjkqsxzdtlmnr", "111122222222334556"


def plain(column: str, nature: Nature) -> str:
    """The expression of a column's comparable form; null where it says nothing."""
    text = f"trim(strip_accents(lower(nfc_normalize({column}::varchar))))"
    if nature == "date":
        split = f"regexp_split_to_array({text}, '[-/.]')"
        pieces = f"list_transform({split}, p -> if(length(p) = 1, '0' || p, p))"
        text = f"regexp_replace(array_to_string({pieces}, ''), '[^0-9]', '', 'g')"
    elif nature in ("number", "code"):
        text = f"regexp_replace({text}, '[\\s().+-]', '', 'g')"
    elif nature != "email":
        text = f"regexp_replace(regexp_replace({text}, '[''’.]', '', 'g'), '[\\s,;/-]+', ' ', 'g')"
    return f"nullif(trim({text}), '')"


def parts(name: str, nature: Nature) -> dict[str, str]:
    """The derived columns of a prepared column: what keys are made of, by name."""
    v = quoted(name)
    made: dict[str, str] = {}
    match nature:
        case "name":
            made = {"sound": _sound(v), "start": f"left({v}, 3)", "end": f"right({v}, 3)"}
        case "text":
            made = {
                "first": f"split_part({v}, ' ', 1)",
                "last": f"list_extract(string_split({v}, ' '), -1)",
                "bare": f"nullif(replace({v}, ' ', ''), '')",
                "sound": _sound(f"replace({v}, ' ', '')"),
                "digits": f"nullif(regexp_replace({v}, '[^0-9]+', '', 'g'), '')",
            }
        case "date":
            made = {
                "month": f"left({v}, 6)",
                "day": f"right({v}, 4)",
                "ends": f"left({v}, 4) || right({v}, 2)",
                "sorted": _sorted(v),
            }
        case "number":
            made = {"start": f"left({v}, 4)", "end": f"right({v}, 4)", "sorted": _sorted(v)}
        case "code":
            made = {"sorted": _sorted(v)}
        case "email":
            made = {"mailbox": f"nullif(split_part({v}, '@', 1), '')"}
        case _:
            made = {}
    return {f"{name}__{part}": expression for part, expression in made.items()}


def whole_parts(names: Iterable[str]) -> dict[str, str]:
    """The derived columns of names that are read in two parts: the letters of both, in order.

    They stay where one record has the name in one piece, or in the other order.

    Args:
        names: the prepared columns that there are.
    """
    known = set(names)
    made: dict[str, str] = {}
    for name in sorted(known):
        stem = name.removesuffix(FAMILY + READING)
        given = f"{stem}{GIVEN}{READING}"
        if stem != name and given in known:
            v = f"({quoted(name)} || coalesce({quoted(given)}, ''))"
            made[f"{stem}__whole"] = _sorted(f"nullif(replace({v}, ' ', ''), '')")
    return made


def derived(columns: Sequence[tuple[str, Nature]]) -> dict[str, str]:
    """All derived columns of prepared ones: what keys are made of, by name."""
    made = {k: v for name, nature in columns for k, v in parts(name, nature).items()}
    return made | whole_parts(name for name, _ in columns)


def _sound(v: str) -> str:
    """How a Latin word sounds: its first letter and the classes of its consonants."""
    skeleton = f"regexp_replace(substr({v}, 2), '{_VOWELS}', '', 'g')"
    return (
        f"case when regexp_full_match({v}, '[a-z].*') then "
        f"left(left({v}, 1) || translate({skeleton}, '{_FROM}', '{_TO}'), 5) end"
    )


def _sorted(v: str) -> str:
    """The characters in order: what stays when two are swapped."""
    return f"array_to_string(list_sort(string_split({v}, '')), '')"


def prepare(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    target: str,
    columns: Sequence[tuple[str, Nature]],
) -> None:
    """Make the table `target` of prepared records.

    Args:
        table: has `unique_id` and the columns.
        target: gets `unique_id`, each column in its plain form, and its parts.
    """
    values = ", ".join(f"{plain(quoted(n), nature)} as {quoted(n)}" for n, nature in columns)
    made = "".join(
        f", {expression} as {quoted(part)}" for part, expression in derived(columns).items()
    )
    connection.execute(
        f"""
        create or replace table {quoted(target)} as
        select *{made} from (select {ID}, {values} from {quoted(table)})
        """  # noqa: S608 - quoted names and constants
    )


def add_rarity(
    connection: duckdb.DuckDBPyConnection, target: str, columns: Sequence[Column]
) -> None:
    """Add to prepared records how rare each value is: the place of its class."""
    rated = "".join(f", {_class(c)} as {quoted(rarity(c.name))}" for c in columns if c.classes)
    connection.execute(
        f"create or replace table {quoted(target)} as select *{rated} from {quoted(target)}"  # noqa: S608 - quoted names and literals
    )


def rarity(name: str) -> str:
    """The column that tells how rare a value of `name` is."""
    return f"{name}__rarity"


def _class(column: Column) -> str:
    """The expression of the class of a column's value; the rare ones come after all classes."""
    whens = " ".join(
        f"when {quoted(column.name)} in {_list(values)} then {place}"
        for place, values in enumerate(column.classes)
    )
    return f"case {whens} else {len(column.classes)} end::tinyint"


def _list(values: Sequence[str]) -> str:
    inner = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"({inner})" if values else "('')"
