"""What matching compares, in the viewer's language: columns, comparisons and their levels.

A model names them for programs: `name__family__reading`, `equal, a rare value`. A name that is
not known here is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tsunagu.console.visit import Visit
from tsunagu.console.words import comparing
from tsunagu.identity.linking.forms import FAMILY, GIVEN, READING

_ONLY = re.compile(r"(?P<column>.+) (?P<how>equal|similar) only")
_BETWEEN = " and "
_PARTS = (FAMILY, GIVEN)
# Columns that hold a whole name, or the part of it that is compared.
_WHOLE = ("name", "name_kana")


def column_name(visit: Visit, column: str) -> str:
    """What a column of records, or a part that was read out of one, is called."""
    if column.endswith(READING):
        plain = column_name(visit, column.removesuffix(READING))
        return visit.say(comparing.reading_of, column=plain)
    for suffix in _PARTS:
        if column.endswith(suffix):
            return _part(visit, column.removesuffix(suffix), suffix.strip("_"))
    known = comparing.COLUMNS.get(column)
    return column if known is None else visit.say(known)


def _part(visit: Visit, column: str, part: str) -> str:
    said = visit.say(comparing.COLUMNS[part])
    if column in (*_WHOLE, part):
        return said
    return visit.say(comparing.part_of, column=column_name(visit, column), part=said)


def in_sentence(visit: Visit, column: str) -> str:
    """A column's name as it stands within a sentence."""
    name = column_name(visit, column)
    return name if visit.language == "ja" or name == column else name[:1].lower() + name[1:]


def listed(visit: Visit, names: Iterable[str]) -> str:
    """Names one after another."""
    return ("、" if visit.language == "ja" else ", ").join(names)


def comparison_name(visit: Visit, comparison: str) -> str:
    """What a comparison of one column, or of two that may be swapped, is called."""
    one, between, other = comparison.partition(_BETWEEN)
    if not between:
        return column_name(visit, one)
    return visit.say(
        comparing.both_of, one=column_name(visit, one), other=in_sentence(visit, other)
    )


def level_name(visit: Visit, label: str) -> str:
    """What an outcome of a comparison is called."""
    if known := comparing.LEVELS.get(label):
        return visit.say(known)
    if told := _ONLY.fullmatch(label):
        phrase = comparing.equal_only if told["how"] == "equal" else comparing.similar_only
        return visit.say(phrase, column=column_name(visit, told["column"]))
    return label
